package events

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

// An Event is a message that travels as an event.
type Event interface {
	proto.Message
	// GetEventId is the id; duplicates have the same.
	GetEventId() string
	// GetAccountId is the account that the event belongs to.
	GetAccountId() string
	// GetGroupId is the group; empty when there is none.
	GetGroupId() string
	// GetTime is when it happened.
	GetTime() *timestamppb.Timestamp
}

// A Schema tells how the events of one message travel. Make it with
// [Instances] or [Groups].
type Schema[E Event] struct {
	stream      string // its name in JetStream
	description string // what the stream holds, for people
	prefix      string // of subjects
	typePrefix  string // of CloudEvents types
	kinds       kinds
	empty       func() E
	describe    func(E) (facts, error) // refuses an event that breaks its contract
}

// facts are what the envelope of an event is made of, beside what every event
// has.
type facts struct {
	of        string // the instance or group; its events keep their order
	kind      string // as in subject and type
	subject   string // without the prefix
	cloudName string // what the cloud itself calls the event; mostly empty
}

// Instances is the schema of what becomes of instances.
func Instances() Schema[*healthv1.InstanceEvent] {
	kinds := instanceKinds()
	return Schema[*healthv1.InstanceEvent]{
		stream: StreamName, description: "What becomes of instances.",
		prefix: subjectPrefix, typePrefix: "muster.instance.", kinds: kinds,
		empty:    func() *healthv1.InstanceEvent { return &healthv1.InstanceEvent{} },
		describe: func(event *healthv1.InstanceEvent) (facts, error) { return describeInstance(kinds, event) },
	}
}

// Groups is the schema of what becomes of groups.
func Groups() Schema[*groupv1.GroupEvent] {
	kinds := groupKinds()
	return Schema[*groupv1.GroupEvent]{
		stream: GroupStreamName, description: "What becomes of groups.",
		prefix: groupSubjectPrefix, typePrefix: "muster.group.", kinds: kinds,
		empty:    func() *groupv1.GroupEvent { return &groupv1.GroupEvent{} },
		describe: func(event *groupv1.GroupEvent) (facts, error) { return describeGroup(kinds, event) },
	}
}

// Stream is the name of the JetStream stream.
func (s Schema[E]) Stream() string { return s.stream }

// Subjects matches the subject of every event of the schema.
func (s Schema[E]) Subjects() string { return s.prefix + ">" }

// Types are the CloudEvents types of the schema's events, in the order of their
// contract.
func (s Schema[E]) Types() []string {
	names := s.kinds.names()
	for i := range names {
		names[i] = s.typePrefix + names[i]
	}
	return names
}

// SubjectOf tells the subjects of an account's events of one CloudEvents type
// and, unless it is empty, one group. False for a type that is none of the
// schema's.
func (s Schema[E]) SubjectOf(accountID, groupID, eventType string) (string, bool) {
	kind, ours := strings.CutPrefix(eventType, s.typePrefix)
	if !ours || !s.kinds.has(kind) {
		return "", false
	}
	of := AccountToken(accountID) + "." + orAny(groupID) + "."
	if s.stream == StreamName {
		of += "*." // the instance
	}
	return s.prefix + of + kind, true
}

// maxWordBytes bounds the texts of an event that are in no subject; maxTextBytes
// those that are for people.
const (
	maxWordBytes = 128
	maxTextBytes = 2 << 10
)

// describeInstance holds an event of an instance against its contract.
func describeInstance(kinds kinds, event *healthv1.InstanceEvent) (facts, error) {
	subject, err := instanceSubject(kinds, event)
	if err != nil {
		return facts{}, err
	}
	want := EventID(event.GetInstanceId(), event.GetTransitionNumber())
	switch number := event.GetVerdictNumber(); {
	case event.GetTransitionNumber() <= 0:
		return facts{}, fmt.Errorf("transition number %d is not positive", event.GetTransitionNumber())
	case number < 0:
		return facts{}, fmt.Errorf("verdict number %d is negative", number)
	case number > 0:
		want = VerdictID(event.GetInstanceId(), number)
	}
	if event.GetEventId() != want {
		return facts{}, fmt.Errorf("event id %.100q is not %.100q", event.GetEventId(), want)
	}
	if event.GetReleaseTime() != nil {
		if err := event.GetReleaseTime().CheckValid(); err != nil {
			return facts{}, fmt.Errorf("release time: %w", err)
		}
	}
	if err := checkTexts(event.GetMessage(), event.GetZoneId(), event.GetInstanceType(), event.GetReason()); err != nil {
		return facts{}, err
	}
	kind := subject[strings.LastIndexByte(subject, '.')+1:]
	found := facts{of: event.GetInstanceId(), kind: kind, subject: subject}
	if event.GetKind() == healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_INTERRUPTION_NOTICE {
		found.cloudName = interruptionName
	}
	return found, nil
}

// describeGroup holds an event of a group against its contract.
func describeGroup(kinds kinds, event *groupv1.GroupEvent) (facts, error) {
	kind, err := kinds.name(event.GetKind().Number())
	if err != nil {
		return facts{}, err
	}
	if !IsAccount(event.GetAccountId()) {
		return facts{}, fmt.Errorf("account id %.70q can not be part of a subject", event.GetAccountId())
	}
	if !IsToken(event.GetGroupId()) {
		return facts{}, fmt.Errorf("group id %.70q can not be part of a subject", event.GetGroupId())
	}
	if id := event.GetEventId(); id == "" || len(id) > maxWordBytes || strings.ContainsFunc(id, notPrintable) {
		return facts{}, fmt.Errorf("event id %.140q is not 1 to %d printable characters", id, maxWordBytes)
	}
	if err := checkTexts(event.GetMessage(), event.GetActivityId(), event.GetReason()); err != nil {
		return facts{}, err
	}
	return facts{of: event.GetGroupId(), kind: kind, subject: AccountToken(event.GetAccountId()) + "." + event.GetGroupId() + "." + kind}, nil
}

// notPrintable tells whether a header could not carry a character.
func notPrintable(c rune) bool { return c <= ' ' || c > '~' }

func checkTexts(text string, words ...string) error {
	if len(text) > maxTextBytes {
		return fmt.Errorf("a message of %d bytes, more than %d", len(text), maxTextBytes)
	}
	for _, word := range words {
		if len(word) > maxWordBytes {
			return fmt.Errorf("a text of %d bytes, more than %d", len(word), maxWordBytes)
		}
	}
	return nil
}

// ErrUnknownKind is returned for an event of a kind that this version does not
// know: one of a later version, which is no error.
var ErrUnknownKind = errors.New("event kind is not known")

// kinds are the kinds of one enum of the contracts, by number, as they are
// written in subjects and types; empty for numbers that are none.
type kinds []string

func instanceKinds() kinds {
	return newKinds(healthv1.InstanceEventKind(0).Descriptor(), "INSTANCE_EVENT_KIND_")
}

func groupKinds() kinds {
	return newKinds(groupv1.GroupEventKind(0).Descriptor(), "GROUP_EVENT_KIND_")
}

func newKinds(enum protoreflect.EnumDescriptor, prefix string) kinds {
	values := enum.Values()
	last := 0
	for i := range values.Len() {
		last = max(last, int(values.Get(i).Number()))
	}
	all := make(kinds, last+1)
	for i := range values.Len() {
		value := values.Get(i)
		if number := value.Number(); number > 0 {
			all[number] = strings.ToLower(strings.TrimPrefix(string(value.Name()), prefix))
		}
	}
	return all
}

// name is that of a kind.
func (k kinds) name(number protoreflect.EnumNumber) (string, error) {
	if number <= 0 || int(number) >= len(k) || k[number] == "" {
		return "", fmt.Errorf("event kind %d is not known", number)
	}
	return k[number], nil
}

// names are those of all kinds.
func (k kinds) names() []string {
	return slices.DeleteFunc(slices.Clone(k), func(name string) bool { return name == "" })
}

// has tells whether a name is that of a kind.
func (k kinds) has(name string) bool { return name != "" && slices.Contains(k, name) }
