package events

import (
	"fmt"
	"slices"
	"strings"

	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

// Names of the stream.
const (
	// StreamName is the JetStream stream that holds instance events.
	StreamName = "MUSTER_EVENTS"
	// AllSubjects matches the subject of every event.
	AllSubjects = subjectPrefix + ">"
)

const (
	subjectPrefix = "muster.v1.events."
	// noGroup stands for the group of an instance that has none.
	noGroup = "_"
	// maxTokenBytes bounds the ids that are part of a subject.
	maxTokenBytes = 64
)

// IsToken tells whether an id can be part of a subject: 1 to 64 letters, digits,
// `_` and `-`, and not `_` alone, which stands for no group.
func IsToken(id string) bool {
	if id == "" || id == noGroup || len(id) > maxTokenBytes {
		return false
	}
	for i := range len(id) {
		c := id[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// Subject tells the subject of an event. It refuses ids that could not be told
// apart in one.
func Subject(event *healthv1.InstanceEvent) (string, error) {
	group := event.GetGroupId()
	if group == "" {
		group = noGroup
	} else if !IsToken(group) {
		return "", fmt.Errorf("group id %.70q can not be part of a subject", group)
	}
	if !IsToken(event.GetAccountId()) {
		return "", fmt.Errorf("account id %.70q can not be part of a subject", event.GetAccountId())
	}
	if !IsToken(event.GetInstanceId()) {
		return "", fmt.Errorf("instance id %.70q can not be part of a subject", event.GetInstanceId())
	}
	kind, err := kindName(event.GetKind())
	if err != nil {
		return "", err
	}
	return subject(event.GetAccountId(), group, event.GetInstanceId(), kind), nil
}

// A Filter picks events. All that is set must match.
type Filter struct {
	// AccountID of the instances. Empty: all.
	AccountID string
	// GroupID of the instances. Empty: all, also those without a group.
	GroupID string
	// InstanceID of the one instance. Empty: all.
	InstanceID string
	// Kinds of events. Empty: all.
	Kinds []healthv1.InstanceEventKind
}

// Subjects tells the subjects that match the filter's events and no others. It
// refuses ids and kinds that no event can have.
func (f Filter) Subjects() ([]string, error) {
	for _, id := range []string{f.AccountID, f.GroupID, f.InstanceID} {
		if id != "" && !IsToken(id) {
			return nil, fmt.Errorf("no event has the id %.70q", id)
		}
	}
	kinds := []string{"*"}
	if len(f.Kinds) > 0 {
		kinds = nil
	}
	for _, kind := range f.Kinds {
		name, err := kindName(kind)
		if err != nil {
			return nil, err
		}
		kinds = append(kinds, name)
	}
	slices.Sort(kinds)
	kinds = slices.Compact(kinds) // the server refuses subjects that overlap
	subjects := make([]string, len(kinds))
	for i, kind := range kinds {
		subjects[i] = subject(orAny(f.AccountID), orAny(f.GroupID), orAny(f.InstanceID), kind)
	}
	return subjects, nil
}

func subject(account, group, instance, kind string) string {
	return subjectPrefix + account + "." + group + "." + instance + "." + kind
}

func orAny(id string) string {
	if id == "" {
		return "*"
	}
	return id
}

// kindName is how a kind is written in subjects and types.
func kindName(kind healthv1.InstanceEventKind) (string, error) {
	_, known := healthv1.InstanceEventKind_name[int32(kind)]
	if !known || kind == healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_UNSPECIFIED {
		return "", fmt.Errorf("event kind %d is not known", kind)
	}
	return strings.ToLower(strings.TrimPrefix(kind.String(), "INSTANCE_EVENT_KIND_")), nil
}
