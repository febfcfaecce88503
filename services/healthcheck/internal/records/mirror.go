package records

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"

	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/healthcheck/storage/v1"
)

// A Group names a group of an account.
type Group struct{ AccountID, GroupID string }

// A Verdict is a stored verdict and the revision of its entry.
type Verdict struct {
	*storagev1.StoredVerdict
	Revision uint64
}

// A User is what a user said of an instance, and the revision of its entry.
type User struct {
	*storagev1.StoredUserHealth
	Revision uint64
}

// A mirror is the bucket as it was last seen. Its messages are shared and never
// changed.
type mirror struct {
	mu        sync.RWMutex
	verdicts  map[string]Verdict // by instance
	unhealthy map[Group]map[string]struct{}
	users     map[string]User                     // by instance
	illnesses map[string]*storagev1.StoredIllness // by instance
	policies  map[Group]*healthv1.HealthPolicy
	changed   chan struct{} // closed and replaced at each change
}

func newMirror() *mirror {
	m := &mirror{changed: make(chan struct{})}
	m.clear()
	return m
}

// clear forgets everything.
func (m *mirror) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.verdicts, m.users = map[string]Verdict{}, map[string]User{}
	m.unhealthy, m.policies = map[Group]map[string]struct{}{}, map[Group]*healthv1.HealthPolicy{}
	m.illnesses = map[string]*storagev1.StoredIllness{}
}

// A Change says what has become different in the bucket.
type Change struct {
	// InstanceID of what a user said, or of a verdict that is gone; empty for
	// none.
	InstanceID string
	// IsVerdictGone tells that it is of a verdict that was there and is gone.
	IsVerdictGone bool
	// Group whose policy it is; the zero value for none.
	Group Group
}

// apply takes an entry over; no value means that it is gone. It tells what those
// who judge should know.
func (m *mirror) apply(key string, value []byte, revision uint64) (Change, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	defer func() {
		close(m.changed)
		m.changed = make(chan struct{})
	}()
	kind, rest, _ := strings.Cut(key, ".")
	switch kind {
	case kindVerdict:
		if _, known := m.verdicts[rest]; known && value == nil {
			return Change{InstanceID: rest, IsVerdictGone: true}, m.applyVerdict(rest, value, revision)
		}
		return Change{}, m.applyVerdict(rest, value, revision)
	case kindUser:
		delete(m.users, rest)
		change := Change{InstanceID: rest}
		if value == nil {
			return change, nil
		}
		user := &storagev1.StoredUserHealth{}
		if err := proto.Unmarshal(value, user); err != nil {
			return change, err
		}
		m.users[rest] = User{user, revision}
		return change, nil
	case kindIllness:
		delete(m.illnesses, rest)
		if value == nil {
			return Change{}, nil
		}
		illness := &storagev1.StoredIllness{}
		if err := proto.Unmarshal(value, illness); err != nil {
			return Change{}, err
		}
		m.illnesses[rest] = illness
		return Change{}, nil
	case kindPolicy:
		named := groupOfKey(rest)
		delete(m.policies, named)
		if value == nil {
			return Change{Group: named}, nil
		}
		policy := &healthv1.HealthPolicy{}
		if err := proto.Unmarshal(value, policy); err != nil {
			return Change{Group: named}, err
		}
		m.policies[named] = policy
		return Change{Group: named}, nil
	default:
		return Change{}, nil // of a later version
	}
}

func (m *mirror) applyVerdict(id string, value []byte, revision uint64) error {
	if before, known := m.verdicts[id]; known {
		group := groupOf(before)
		delete(m.unhealthy[group], id)
		if len(m.unhealthy[group]) == 0 {
			delete(m.unhealthy, group)
		}
		delete(m.verdicts, id)
	}
	if value == nil {
		return nil
	}
	stored := &storagev1.StoredVerdict{}
	if err := proto.Unmarshal(value, stored); err != nil {
		return err
	}
	now := Verdict{stored, revision}
	m.verdicts[id] = now
	if stored.GetVerdict().GetStatus() == healthv1.HealthStatus_HEALTH_STATUS_UNHEALTHY {
		group := groupOf(now)
		if m.unhealthy[group] == nil {
			m.unhealthy[group] = map[string]struct{}{}
		}
		m.unhealthy[group][id] = struct{}{}
	}
	return nil
}

func groupOf(v Verdict) Group {
	return Group{v.GetVerdict().GetAccountId(), v.GetVerdict().GetGroupId()}
}

// Verdict is the stored verdict on an instance; its message is nil for none.
func (m *mirror) Verdict(instanceID string) Verdict {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.verdicts[instanceID]
}

// Unhealthy is the verdicts on the unhealthy instances of a group, by instance.
func (m *mirror) Unhealthy(group Group) []*healthv1.HealthVerdict {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var all []*healthv1.HealthVerdict
	for _, id := range slices.Sorted(maps.Keys(m.unhealthy[group])) {
		all = append(all, m.verdicts[id].GetVerdict())
	}
	return all
}

// User is what a user said of an instance; its message is nil for nothing.
func (m *mirror) User(instanceID string) User {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.users[instanceID]
}

// Illness is what is stored of how long an instance has been ill; nil for nothing.
func (m *mirror) Illness(instanceID string) *storagev1.StoredIllness {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.illnesses[instanceID]
}

// Policy is the policy of a group; nil for the default.
func (m *mirror) Policy(group Group) *healthv1.HealthPolicy {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.policies[group]
}

// Changed is closed when the mirror next changes.
func (m *mirror) Changed() <-chan struct{} {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.changed
}

// keys are those of all entries.
func (m *mirror) keys() []string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var keys []string
	for id := range m.verdicts {
		keys = append(keys, kindVerdict+"."+id)
	}
	for id := range m.users {
		keys = append(keys, kindUser+"."+id)
	}
	for id := range m.illnesses {
		keys = append(keys, kindIllness+"."+id)
	}
	for group := range m.policies {
		keys = append(keys, policyKey(group))
	}
	return keys
}

// setByUsers is the entry of a key if a user has set it; nil for what was judged,
// and for none.
func (m *mirror) setByUsers(key string) proto.Message {
	m.mu.RLock()
	defer m.mu.RUnlock()
	kind, rest, _ := strings.Cut(key, ".")
	switch kind {
	case kindUser:
		if user, known := m.users[rest]; known {
			return user.StoredUserHealth
		}
	case kindPolicy:
		if policy, known := m.policies[groupOfKey(rest)]; known {
			return policy
		}
	}
	return nil
}

// Instances are those that anything is stored of.
func (m *mirror) Instances() []string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	ids := map[string]struct{}{}
	for id := range m.verdicts {
		ids[id] = struct{}{}
	}
	for id := range m.users {
		ids[id] = struct{}{}
	}
	for id := range m.illnesses {
		ids[id] = struct{}{}
	}
	return slices.Collect(maps.Keys(ids))
}
