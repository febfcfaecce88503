package events

import (
	"fmt"
	"slices"
	"strings"

	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

// Names of the streams.
const (
	// StreamName is the JetStream stream that holds instance events.
	StreamName = "MUSTER_EVENTS"
	// AllSubjects matches the subject of every instance event.
	AllSubjects = subjectPrefix + ">"
	// GroupStreamName is the JetStream stream that holds group events.
	GroupStreamName = "MUSTER_GROUP_EVENTS"
)

const (
	subjectPrefix      = "muster.v1.events."
	groupSubjectPrefix = "muster.v1.groupevents."
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

// instanceSubject tells the subject of an event without its prefix. It refuses
// ids that could not be told apart in one.
func instanceSubject(kinds kinds, event *healthv1.InstanceEvent) (string, error) {
	group := event.GetGroupId()
	if group == "" {
		group = noGroup
	} else if !IsToken(group) {
		return "", fmt.Errorf("group id %.70q can not be part of a subject", group)
	}
	if !IsAccount(event.GetAccountId()) {
		return "", fmt.Errorf("account id %.70q can not be part of a subject", event.GetAccountId())
	}
	if !IsToken(event.GetInstanceId()) {
		return "", fmt.Errorf("instance id %.70q can not be part of a subject", event.GetInstanceId())
	}
	kind, err := kinds.name(event.GetKind().Number())
	if err != nil {
		return "", err
	}
	return AccountToken(event.GetAccountId()) + "." + group + "." + event.GetInstanceId() + "." + kind, nil
}

// IsAccount tells whether an id can be that of an account: 1 to 64 letters,
// digits, `.`, `_` and `-`.
func IsAccount(id string) bool {
	return id == noGroup || IsToken(strings.ReplaceAll(id, ".", "-"))
}

// AccountToken is an account in a subject, where a point separates: `=` stands for
// it, which no id has.
func AccountToken(id string) string { return strings.ReplaceAll(id, ".", "=") }

// AccountOfToken is the account of what [AccountToken] has made.
func AccountOfToken(token string) string { return strings.ReplaceAll(token, "=", ".") }

// A Filter picks instance events. All that is set must match.
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
	if f.AccountID != "" && !IsAccount(f.AccountID) {
		return nil, fmt.Errorf("no event has the account %.70q", f.AccountID)
	}
	for _, id := range []string{f.GroupID, f.InstanceID} {
		if id != "" && !IsToken(id) {
			return nil, fmt.Errorf("no event has the id %.70q", id)
		}
	}
	kinds := []string{"*"}
	if len(f.Kinds) > 0 {
		kinds = nil
	}
	for _, kind := range f.Kinds {
		name, err := instanceKinds().name(kind.Number())
		if err != nil {
			return nil, err
		}
		kinds = append(kinds, name)
	}
	slices.Sort(kinds)
	kinds = slices.Compact(kinds) // the server refuses subjects that overlap
	subjects := make([]string, len(kinds))
	for i, kind := range kinds {
		subjects[i] = subjectPrefix + orAny(AccountToken(f.AccountID)) + "." + orAny(f.GroupID) + "." + orAny(f.InstanceID) + "." + kind
	}
	return subjects, nil
}

func orAny(id string) string {
	if id == "" {
		return "*"
	}
	return id
}
