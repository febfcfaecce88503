package events

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Headers of a message in binary mode: the attributes of a CloudEvent, after
// its binding for NATS.
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
	// headerTraceParent carries the trace that an event belongs to, after the
	// extension of CloudEvents for distributed tracing.
	headerTraceParent = "ce-traceparent"
)

const (
	specVersion  = "1.0"
	sourcePrefix = "/muster/accounts/"
	protobufType = "application/protobuf"
	jsonType     = "application/json"
	// interruptionName is the cloud's name of an interruption notice.
	interruptionName = "ecs:Instance:PreemptibleInstanceInterruption"
)

// CloudEventJSON is the content type of a whole CloudEvent as JSON.
const CloudEventJSON = "application/cloudevents+json"

// Bounds of what is read.
const (
	// MaxEventBytes bounds an event as protobuf.
	MaxEventBytes = 8 << 10
	// MaxJSONBytes bounds an event as JSON.
	MaxJSONBytes = 2 * MaxEventBytes
	// MaxHeaderBytes bounds the names and values of a message's headers.
	MaxHeaderBytes = 4 << 10
)

// An Encoding is how events are written. Readers understand all of them.
type Encoding string

// The encodings.
const (
	// Protobuf is a CloudEvent in binary mode: attributes as headers, the
	// protobuf message as body. It is the default.
	Protobuf Encoding = "protobuf"
	// JSON is a CloudEvent in structured mode: all of it as a JSON body.
	JSON Encoding = "json"
)

// Check refuses what is no encoding; empty stands for the default.
func (e Encoding) Check() error {
	switch e {
	case "", Protobuf, JSON:
		return nil
	default:
		return fmt.Errorf("events are encoded as %q or %q, not as %q", Protobuf, JSON, string(e))
	}
}

// EventID is the id of the event of one transition of an instance.
func EventID(instanceID string, transitionNumber int64) string {
	return instanceID + "/" + strconv.FormatInt(transitionNumber, 10)
}

// VerdictID is the id of the event of one verdict on an instance.
func VerdictID(instanceID string, verdictNumber int64) string {
	return instanceID + "/v" + strconv.FormatInt(verdictNumber, 10)
}

// cloudEvent is the attributes of an event, and in JSON the whole of it.
type cloudEvent struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Subject         string          `json:"subject"`
	Time            string          `json:"time"`
	DataContentType string          `json:"datacontenttype,omitempty"`
	CloudEventName  string          `json:"cloudeventname,omitempty"`
	TraceParent     string          `json:"traceparent,omitempty"`
	Data            json.RawMessage `json:"data,omitempty"`
}

// envelope is all of a message but its body.
type envelope struct {
	subject string // of NATS
	of      string // the instance or group
	cloudEvent
}

// Encode makes the message of an event. It refuses an event that breaks its
// contract: ids that can be in no subject, an event id that does not follow
// from the rest, times that are none, texts that are too long.
func (s Schema[E]) Encode(event E, encoding Encoding) (*nats.Msg, error) {
	_, msg, err := s.encode(event, encoding, "")
	return msg, err
}

// encode is Encode that also tells whose event it is, for a trace.
func (s Schema[E]) encode(event E, encoding Encoding, traceParent string) (of string, msg *nats.Msg, err error) {
	sealed, err := s.envelope(event)
	if err != nil {
		return "", nil, err
	}
	sealed.TraceParent = traceParent
	msg = &nats.Msg{Subject: sealed.subject}
	limit := MaxEventBytes
	if encoding == JSON {
		limit = MaxJSONBytes
		msg.Header = nats.Header{jetstream.MsgIDHeader: {sealed.ID}, headerContentType: {CloudEventJSON}}
		msg.Data, err = sealed.json(event)
	} else {
		msg.Header = sealed.header()
		msg.Data, err = proto.MarshalOptions{Deterministic: true}.Marshal(event)
	}
	if err != nil {
		return "", nil, fmt.Errorf("encode event %q: %w", event.GetEventId(), err)
	}
	if len(msg.Data) > limit {
		return "", nil, fmt.Errorf("event %q takes %d bytes, more than %d", event.GetEventId(), len(msg.Data), limit)
	}
	return sealed.of, msg, nil
}

// CloudEvent writes an event as a CloudEvent in JSON, as Encode does.
func (s Schema[E]) CloudEvent(event E) ([]byte, error) {
	msg, err := s.Encode(event, JSON)
	if err != nil {
		return nil, err
	}
	return msg.Data, nil
}

// envelope makes the message of an event without its body.
func (s Schema[E]) envelope(event E) (envelope, error) {
	found, err := s.describe(event)
	if err != nil {
		return envelope{}, err
	}
	if event.GetTime() == nil {
		return envelope{}, fmt.Errorf("event %q has no time", event.GetEventId())
	}
	if err := event.GetTime().CheckValid(); err != nil {
		return envelope{}, fmt.Errorf("event %q: %w", event.GetEventId(), err)
	}
	return envelope{subject: s.prefix + found.subject, of: found.of, cloudEvent: cloudEvent{
		SpecVersion: specVersion, ID: event.GetEventId(), Source: sourcePrefix + event.GetAccountId(), Type: s.typePrefix + found.kind,
		Subject: found.of, Time: event.GetTime().AsTime().Format(time.RFC3339Nano), CloudEventName: found.cloudName,
	}}, nil
}

// header is the headers of binary mode.
func (e *envelope) header() nats.Header {
	// One array for all values: this is the path of every event.
	values := [...]string{e.ID, e.Source, specVersion, e.Type, e.Time, e.Subject, protobufType, e.CloudEventName, e.TraceParent}
	header := make(nats.Header, len(values)+1)
	header[jetstream.MsgIDHeader] = values[0:1:1]
	header[headerID] = values[0:1:1]
	header[headerSource] = values[1:2:2]
	header[headerSpecVersion] = values[2:3:3]
	header[headerType] = values[3:4:4]
	header[headerTime] = values[4:5:5]
	header[headerSubject] = values[5:6:6]
	header[headerContentType] = values[6:7:7]
	if e.CloudEventName != "" {
		header[headerCloudEventName] = values[7:8:8]
	}
	if e.TraceParent != "" {
		header[headerTraceParent] = values[8:9:9]
	}
	return header
}

// json is the body of structured mode.
func (e *envelope) json(event proto.Message) ([]byte, error) {
	data, err := protojson.Marshal(event)
	if err != nil {
		return nil, err
	}
	whole := e.cloudEvent
	whole.DataContentType, whole.Data = jsonType, data
	return json.Marshal(whole)
}

// A Received is an event as it was read.
type Received[E Event] struct {
	// Event is the event.
	Event E
	// TraceParent is the trace that it belongs to, as in the header
	// `traceparent` of HTTP; empty for none. Nothing was checked about it.
	TraceParent string
}

// Decode reads the event of a message, in any encoding. It refuses everything
// that [Schema.Encode] does not make: a body that is too long or breaks the
// contract, a subject or an attribute that does not follow from it. Attributes
// and fields that it does not know are no error. The error is [ErrUnknownKind]
// for an event whose type only a later version knows.
func (s Schema[E]) Decode(msg *nats.Msg) (E, error) {
	received, err := s.decode(msg.Subject, msg.Header, msg.Data)
	return received.Event, err
}

// DecodeStored is Decode for a message that JetStream delivered.
func (s Schema[E]) DecodeStored(msg jetstream.Msg) (Received[E], error) {
	return s.decode(msg.Subject(), msg.Headers(), msg.Data())
}

func (s Schema[E]) decode(subject string, header nats.Header, body []byte) (Received[E], error) {
	if err := checkHeader(header); err != nil {
		return Received[E]{}, err
	}
	event := s.empty()
	var got cloudEvent
	var err error
	if header.Get(headerContentType) == CloudEventJSON {
		got, err = s.decodeJSON(body, event)
	} else {
		got, err = s.decodeBinary(header, body, event)
	}
	if err != nil {
		return Received[E]{}, err
	}
	want, err := s.envelope(event)
	if err != nil {
		return Received[E]{}, fmt.Errorf("decode event: %w", err)
	}
	if subject != want.subject {
		return Received[E]{}, fmt.Errorf("event %q has subject %.200q, want %q", event.GetEventId(), subject, want.subject)
	}
	if id := header.Values(jetstream.MsgIDHeader); len(id) != 1 || id[0] != want.ID {
		return Received[E]{}, fmt.Errorf("event %q has message id %.200q", event.GetEventId(), id)
	}
	if err := got.equal(want.cloudEvent); err != nil {
		return Received[E]{}, fmt.Errorf("event %q: %w", event.GetEventId(), err)
	}
	return Received[E]{Event: event, TraceParent: got.TraceParent}, nil
}

func checkHeader(header nats.Header) error {
	size := 0
	for name, values := range header {
		for _, value := range values {
			size += len(name) + len(value)
		}
	}
	if size > MaxHeaderBytes {
		return fmt.Errorf("headers take %d bytes, more than %d", size, MaxHeaderBytes)
	}
	return nil
}

// decodeBinary reads a message in binary mode.
func (s Schema[E]) decodeBinary(header nats.Header, body []byte, event E) (cloudEvent, error) {
	got := cloudEvent{}
	for _, attribute := range []struct {
		name string
		to   *string
	}{
		{headerSpecVersion, &got.SpecVersion},
		{headerID, &got.ID},
		{headerSource, &got.Source},
		{headerType, &got.Type},
		{headerSubject, &got.Subject},
		{headerTime, &got.Time},
		{headerCloudEventName, &got.CloudEventName},
		{headerTraceParent, &got.TraceParent},
	} {
		values := header.Values(attribute.name)
		if len(values) > 1 {
			return got, fmt.Errorf("header %s comes %d times", attribute.name, len(values))
		}
		if len(values) == 1 {
			*attribute.to = values[0]
		}
	}
	if kind := header.Values(headerContentType); len(kind) != 1 || kind[0] != protobufType {
		return got, fmt.Errorf("content type %.100q is neither %s nor %s", kind, protobufType, CloudEventJSON)
	}
	if err := s.checkType(got.Type); err != nil {
		return got, err
	}
	if len(body) > MaxEventBytes {
		return got, fmt.Errorf("event takes %d bytes, more than %d", len(body), MaxEventBytes)
	}
	if err := proto.Unmarshal(body, event); err != nil {
		return got, fmt.Errorf("decode event: %w", err)
	}
	return got, nil
}

// decodeJSON reads a message in structured mode.
func (s Schema[E]) decodeJSON(body []byte, event E) (cloudEvent, error) {
	got := cloudEvent{}
	if len(body) > MaxJSONBytes {
		return got, fmt.Errorf("event takes %d bytes, more than %d", len(body), MaxJSONBytes)
	}
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&got); err != nil {
		return got, fmt.Errorf("decode event: %w", err)
	}
	if err := s.checkType(got.Type); err != nil {
		return got, err
	}
	if got.DataContentType != jsonType {
		return got, fmt.Errorf("data content type %.100q is not %s", got.DataContentType, jsonType)
	}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(got.Data, event); err != nil {
		return got, fmt.Errorf("decode event: %w", err)
	}
	return got, nil
}

// checkType tells a type of a later version from one that is none.
func (s Schema[E]) checkType(eventType string) error {
	kind, ours := strings.CutPrefix(eventType, s.typePrefix)
	switch {
	case !ours || !IsToken(kind):
		return fmt.Errorf("type %.100q does not begin with %s", eventType, s.typePrefix)
	case !s.kinds.has(kind):
		return fmt.Errorf("%w: %.100q", ErrUnknownKind, eventType)
	default:
		return nil
	}
}

// equal compares the attributes that follow from an event.
func (e cloudEvent) equal(want cloudEvent) error {
	for _, attribute := range []struct{ name, got, want string }{
		{"specversion", e.SpecVersion, want.SpecVersion},
		{"id", e.ID, want.ID},
		{"source", e.Source, want.Source},
		{"type", e.Type, want.Type},
		{"subject", e.Subject, want.Subject},
		{"time", e.Time, want.Time},
		{"cloudeventname", e.CloudEventName, want.CloudEventName},
	} {
		if attribute.got != attribute.want {
			return fmt.Errorf("attribute %s is %.200q, want %q", attribute.name, attribute.got, attribute.want)
		}
	}
	return nil
}
