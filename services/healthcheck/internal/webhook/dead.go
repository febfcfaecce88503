package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
)

// The stream of dead letters.
const (
	deadStream   = "MUSTER_WEBHOOK_DEAD"
	deadPrefix   = "muster.v1.webhookdead."
	deadMaxAge   = 7 * 24 * time.Hour
	deadMaxBytes = 256 << 20
	// maxErrorBytes bounds what a dead letter tells of its last attempt.
	maxErrorBytes = 256
	// redeliveredAtOnce bounds the dead letters that are held in memory to be sent
	// again.
	redeliveredAtOnce = 250
)

// Headers of a dead letter. Its body is the CloudEvent.
const (
	headerEvent    = "muster-event"
	headerAttempts = "muster-attempts"
	headerError    = "muster-error"
)

// A Letter is an event that could not be delivered.
type Letter struct {
	// EventID and Type of the event.
	EventID, Type string
	// Time when it was given up.
	Time time.Time
	// Attempts that were made.
	Attempts int
	// Error that the last one met.
	Error string
	// Body is the CloudEvent.
	Body []byte

	sequence uint64
}

func (h *Hook) deadSubject() string { return deadPrefix + h.key() }

// typeOf reads the type of a CloudEvent.
func typeOf(body []byte) string {
	var event struct{ Type string }
	if json.Unmarshal(body, &event) != nil {
		return ""
	}
	return event.Type
}

// bury keeps a letter.
func (w *Webhooks) bury(ctx context.Context, hook *Hook, letter Letter) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	msg := &nats.Msg{Subject: hook.deadSubject(), Data: letter.Body, Header: nats.Header{
		jetstream.MsgIDHeader: {hook.durable() + "/" + letter.EventID},
		headerEvent:           {letter.EventID},
		headerAttempts:        {strconv.Itoa(letter.Attempts)},
		headerError:           {oneLine(letter.Error)},
	}}
	_, err := w.js.PublishMsg(ctx, msg)
	if errors.Is(err, jetstream.ErrNoStreamResponse) {
		_, err = w.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
			Name: deadStream, Subjects: []string{deadPrefix + ">"}, Description: "Events that webhooks did not take.",
			Storage: w.storage(), Replicas: max(w.config.Stream.Replicas, 1), MaxAge: deadMaxAge, MaxBytes: deadMaxBytes,
			Discard: jetstream.DiscardOld,
		})
		if err == nil {
			_, err = w.js.PublishMsg(ctx, msg)
		}
	}
	if err != nil {
		return fmt.Errorf("keep dead letter: %w", err)
	}
	return nil
}

// oneLine makes a text fit for a header.
func oneLine(text string) string {
	line := []byte(text[:min(len(text), maxErrorBytes)])
	for i, c := range line {
		if c < ' ' || c > '~' {
			line[i] = '?'
		}
	}
	return string(line)
}

// countDead tells how many letters a webhook has.
func (w *Webhooks) countDead(ctx context.Context, hook *Hook) (int64, error) {
	stream, err := w.js.Stream(ctx, deadStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("count dead letters: %w", err)
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(hook.deadSubject()))
	if err != nil {
		return 0, fmt.Errorf("count dead letters: %w", err)
	}
	return int64(info.State.Subjects[hook.deadSubject()]), nil
}

// forgetDead deletes all letters of a webhook.
func (w *Webhooks) forgetDead(ctx context.Context, hook *Hook) error {
	stream, err := w.js.Stream(ctx, deadStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	if err == nil {
		err = stream.Purge(ctx, jetstream.WithPurgeSubject(hook.deadSubject()))
	}
	if err != nil {
		return fmt.Errorf("delete dead letters: %w", err)
	}
	return nil
}

// find reads a webhook of an account.
func (w *Webhooks) find(ctx context.Context, account, id string) (Hook, error) {
	store, err := w.store(ctx)
	if err != nil {
		return Hook{}, err
	}
	hook, _, err := w.load(ctx, store, keyOf(account, id))
	return hook, err
}

// Dead tells the letters of a webhook, oldest first, at most so many.
func (w *Webhooks) Dead(ctx context.Context, account, id string, limit int) ([]Letter, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	hook, err := w.find(ctx, account, id)
	if err != nil {
		return nil, err
	}
	_, all, err := w.letters(ctx, &hook, 0, limit)
	return all, err
}

// letters tells the letters of a webhook behind one, oldest first, at most so
// many.
func (w *Webhooks) letters(ctx context.Context, hook *Hook, after uint64, limit int) (jetstream.Stream, []Letter, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	stream, err := w.js.Stream(ctx, deadStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read dead letters: %w", err)
	}
	var all []Letter
	for len(all) < limit {
		msg, err := stream.GetMsg(ctx, after+1, jetstream.WithGetMsgSubject(hook.deadSubject()))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			break
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read dead letters: %w", err)
		}
		after = msg.Sequence
		attempts, err := strconv.Atoi(msg.Header.Get(headerAttempts))
		if err != nil {
			attempts = 0 // somebody else's message
		}
		all = append(all, Letter{
			EventID: msg.Header.Get(headerEvent), Type: typeOf(msg.Data), Time: msg.Time, Attempts: attempts,
			Error: msg.Header.Get(headerError), Body: msg.Data, sequence: msg.Sequence,
		})
	}
	return stream, all, nil
}

// errNoSecret is a webhook that nothing can be sent to before it is set again.
var errNoSecret = errors.New("the secret of the webhook was sealed with another key")

// Redeliver sends the letters of a webhook again, each once, and forgets those
// that are taken. It tells how many those are, and how many are left.
func (w *Webhooks) Redeliver(ctx context.Context, account, id string) (delivered, left int64, err error) {
	looking, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	hook, err := w.find(looking, account, id)
	if err == nil && len(hook.Secret) == 0 {
		err = errNoSecret
	}
	if err != nil {
		return 0, 0, err
	}
	for after := uint64(0); ; {
		stream, page, err := w.letters(ctx, &hook, after, redeliveredAtOnce)
		if err != nil {
			return 0, 0, err
		}
		taken, err := w.sendAgain(ctx, &hook, stream, page)
		if err != nil {
			return 0, 0, err
		}
		delivered += taken
		if len(page) < redeliveredAtOnce {
			break
		}
		after = page[len(page)-1].sequence
	}
	counting, cancelCount := context.WithTimeout(ctx, callTimeout)
	defer cancelCount()
	left, err = w.countDead(counting, &hook)
	return delivered, left, err
}

// sendAgain sends letters, forgets those that are taken, and tells how many those
// are.
func (w *Webhooks) sendAgain(ctx context.Context, hook *Hook, stream jetstream.Stream, letters []Letter) (int64, error) {
	var taken atomic.Int64
	var sending errgroup.Group
	sending.SetLimit(maxInFlight)
	for _, letter := range letters {
		sending.Go(func() error {
			if send(ctx, w.client, hook, letter.EventID, letter.Body, w.config.Clock.Now()) != nil {
				return nil //nolint:nilerr // it stays a dead letter
			}
			taken.Add(1)
			if err := stream.DeleteMsg(ctx, letter.sequence); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
				return fmt.Errorf("forget dead letter: %w", err)
			}
			return nil
		})
	}
	if err := sending.Wait(); err != nil {
		return 0, err
	}
	return taken.Load(), ctx.Err()
}
