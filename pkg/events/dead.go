package events

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The stream of messages that consumers set aside. It is made when the first
// one is.
const (
	// DeadStreamName is the JetStream stream that holds them.
	DeadStreamName = "MUSTER_DEAD_EVENTS"
	// deadPrefix of subjects; the consumer's name follows.
	deadPrefix = "muster.v1.dead."
)

// Bounds of what is kept of messages that were set aside. What passes one goes
// oldest first.
const (
	deadMaxAge   = 7 * 24 * time.Hour
	deadMaxBytes = 64 << 20
	deadMaxCount = 10_000
	// maxReasonBytes bounds why a message was set aside.
	maxReasonBytes = 512
)

// Headers of a message that was set aside. Its body is that of the message.
const (
	headerReason   = "muster-reason"
	headerStream   = "muster-stream"
	headerOf       = "muster-subject"
	headerSequence = "muster-sequence"
)

// A Dead is a message that a consumer set aside because it is no event.
type Dead struct {
	// Consumer that set it aside.
	Consumer string
	// Stream it was in, at this place, under this subject.
	Stream   string
	Sequence uint64
	Subject  string
	// Reason tells what is wrong with it.
	Reason string
	// Time when it was set aside.
	Time time.Time
	// Body is what it holds.
	Body []byte
}

func deadConfig() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: DeadStreamName, Subjects: []string{deadPrefix + ">"}, Description: "Messages that are no events.",
		Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardOld, Storage: jetstream.FileStorage,
		MaxAge: deadMaxAge, MaxBytes: deadMaxBytes, MaxMsgs: deadMaxCount,
	}
}

// setAside keeps a message for people to look at.
func setAside(ctx context.Context, js jetstream.JetStream, consumer string, msg jetstream.Msg, reason error) error {
	ctx, cancel := context.WithTimeout(ctx, ackWait/2) // before it is given again
	defer cancel()
	meta, err := msg.Metadata()
	if err != nil {
		return fmt.Errorf("set message aside: %w", err)
	}
	sequence := strconv.FormatUint(meta.Sequence.Stream, 10)
	dead := &nats.Msg{Subject: deadPrefix + consumer, Data: msg.Data(), Header: nats.Header{
		jetstream.MsgIDHeader: {meta.Stream + "/" + sequence + "/" + consumer},
		headerReason:          {oneLine(reason.Error())},
		headerStream:          {meta.Stream},
		headerOf:              {msg.Subject()},
		headerSequence:        {sequence},
	}}
	_, err = js.PublishMsg(ctx, dead)
	if errors.Is(err, jetstream.ErrNoStreamResponse) {
		if _, err = js.CreateOrUpdateStream(ctx, deadConfig()); err == nil {
			_, err = js.PublishMsg(ctx, dead)
		}
	}
	if err != nil {
		return fmt.Errorf("set message aside: %w", err)
	}
	return nil
}

// oneLine makes a text fit for a header.
func oneLine(text string) string {
	line := strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, text)
	return line[:min(len(line), maxReasonBytes)]
}

// ListDead tells of the messages that consumers have set aside, newest first, at
// most limit of those that keep, if there is one, says true of.
func ListDead(ctx context.Context, js jetstream.JetStream, limit int, keep func(Dead) bool) ([]Dead, error) {
	stream, err := js.Stream(ctx, DeadStreamName)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", DeadStreamName, err)
	}
	var all []Dead
	state := stream.CachedInfo().State
	for sequence := state.LastSeq; sequence >= max(state.FirstSeq, 1) && len(all) < limit; sequence-- {
		msg, err := stream.GetMsg(ctx, sequence)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("look at %s: %w", DeadStreamName, err)
		}
		if dead := toDead(msg); keep == nil || keep(dead) {
			all = append(all, dead)
		}
	}
	return all, nil
}

func toDead(msg *jetstream.RawStreamMsg) Dead {
	sequence, err := strconv.ParseUint(msg.Header.Get(headerSequence), 10, 64)
	if err != nil {
		sequence = 0 // somebody else's message
	}
	return Dead{
		Consumer: strings.TrimPrefix(msg.Subject, deadPrefix), Stream: msg.Header.Get(headerStream), Sequence: sequence,
		Subject: msg.Header.Get(headerOf), Reason: msg.Header.Get(headerReason), Time: msg.Time, Body: msg.Data,
	}
}

// AccountOf tells the account in the subject of an event; empty for none.
func AccountOf(subject string) string {
	for _, prefix := range []string{subjectPrefix, groupSubjectPrefix} {
		if rest, ours := strings.CutPrefix(subject, prefix); ours {
			account, _, _ := strings.Cut(rest, ".")
			return AccountOfToken(account)
		}
	}
	return ""
}
