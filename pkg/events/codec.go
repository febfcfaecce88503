package events

import (
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

// Headers of a message: the attributes of a CloudEvent, after its binding for
// NATS.
const (
	headerID          = "ce-id"
	headerSource      = "ce-source"
	headerSpecVersion = "ce-specversion"
	headerType        = "ce-type"
	headerTime        = "ce-time"
	headerSubject     = "ce-subject"
	headerContentType = "content-type"
	// headerCloudEventName carries what the cloud itself calls the event.
	headerCloudEventName = "ce-cloudeventname"
)

const (
	specVersion  = "1.0"
	contentType  = "application/protobuf"
	typePrefix   = "muster.instance."
	sourcePrefix = "/muster/accounts/"
	// interruptionName is the cloud's name of an interruption notice.
	interruptionName = "ecs:Instance:PreemptibleInstanceInterruption"
)

// MaxEventBytes bounds the body of an event.
const MaxEventBytes = 8 << 10

// maxWordBytes bounds the texts of an event that are in no subject.
const maxWordBytes = 128

// EventID is the id of the event of one transition of an instance.
func EventID(instanceID string, transitionNumber int64) string {
	return instanceID + "/" + strconv.FormatInt(transitionNumber, 10)
}

// Encode makes the message of an event. It refuses an event that breaks its
// contract: ids that can be in no subject, an event id that does not follow
// from instance and transition, times that are none, texts that are too long.
func Encode(event *healthv1.InstanceEvent) (*nats.Msg, error) {
	msg, err := envelope(event)
	if err != nil {
		return nil, err
	}
	if msg.Data, err = (proto.MarshalOptions{Deterministic: true}).Marshal(event); err != nil {
		return nil, fmt.Errorf("encode event %q: %w", event.GetEventId(), err)
	}
	if len(msg.Data) > MaxEventBytes {
		return nil, fmt.Errorf("event %q takes %d bytes, more than %d", event.GetEventId(), len(msg.Data), MaxEventBytes)
	}
	return msg, nil
}

// envelope makes the message of an event without its body.
func envelope(event *healthv1.InstanceEvent) (*nats.Msg, error) {
	if err := check(event); err != nil {
		return nil, err
	}
	subject, err := Subject(event)
	if err != nil {
		return nil, err
	}
	kind, err := kindName(event.GetKind())
	if err != nil {
		return nil, err
	}
	header := nats.Header{
		jetstream.MsgIDHeader: {event.GetEventId()},
		headerID:              {event.GetEventId()},
		headerSource:          {sourcePrefix + event.GetAccountId()},
		headerSpecVersion:     {specVersion},
		headerType:            {typePrefix + kind},
		headerTime:            {event.GetTime().AsTime().Format(time.RFC3339Nano)},
		headerSubject:         {event.GetInstanceId()},
		headerContentType:     {contentType},
	}
	if event.GetKind() == healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_INTERRUPTION_NOTICE {
		header[headerCloudEventName] = []string{interruptionName}
	}
	return &nats.Msg{Subject: subject, Header: header}, nil
}

// check holds against the contract what no subject shows.
func check(event *healthv1.InstanceEvent) error {
	switch want := EventID(event.GetInstanceId(), event.GetTransitionNumber()); {
	case event.GetTransitionNumber() <= 0:
		return fmt.Errorf("transition number %d is not positive", event.GetTransitionNumber())
	case event.GetEventId() != want:
		return fmt.Errorf("event id %.100q is not %.100q", event.GetEventId(), want)
	}
	if event.GetTime() == nil {
		return fmt.Errorf("event %q has no time", event.GetEventId())
	}
	for _, at := range []*timestamppb.Timestamp{event.GetTime(), event.GetReleaseTime()} {
		if at == nil {
			continue
		}
		if err := at.CheckValid(); err != nil {
			return fmt.Errorf("event %q: %w", event.GetEventId(), err)
		}
	}
	for _, word := range []string{event.GetZoneId(), event.GetInstanceType(), event.GetReason()} {
		if len(word) > maxWordBytes {
			return fmt.Errorf("event %q has a text of %d bytes, more than %d", event.GetEventId(), len(word), maxWordBytes)
		}
	}
	return nil
}

// Decode reads the event of a message. It refuses everything that [Encode]
// does not make: a body that is too long or breaks the contract, a subject or
// a header that does not follow from it. Headers that it does not know are no
// error.
func Decode(msg *nats.Msg) (*healthv1.InstanceEvent, error) {
	return decode(msg.Subject, msg.Header, msg.Data)
}

// DecodeStored is Decode for a message that JetStream delivered.
func DecodeStored(msg jetstream.Msg) (*healthv1.InstanceEvent, error) {
	return decode(msg.Subject(), msg.Headers(), msg.Data())
}

func decode(subject string, header nats.Header, body []byte) (*healthv1.InstanceEvent, error) {
	if len(body) > MaxEventBytes {
		return nil, fmt.Errorf("event takes %d bytes, more than %d", len(body), MaxEventBytes)
	}
	event := &healthv1.InstanceEvent{}
	if err := proto.Unmarshal(body, event); err != nil {
		return nil, fmt.Errorf("decode event: %w", err)
	}
	want, err := envelope(event)
	if err != nil {
		return nil, fmt.Errorf("decode event: %w", err)
	}
	if subject != want.Subject {
		return nil, fmt.Errorf("event %q has subject %.200q, want %q", event.GetEventId(), subject, want.Subject)
	}
	for name, values := range want.Header {
		if got := header.Values(name); len(got) != 1 || got[0] != values[0] {
			return nil, fmt.Errorf("event %q has header %s %.200q, want %q", event.GetEventId(), name, got, values[0])
		}
	}
	return event, nil
}
