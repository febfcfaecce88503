// Package memstore owns a store in memory, for simulation and for processes
// that may forget. It must not know anything that the store's contract does not
// say.
package memstore

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// Memstore is a [store.Store] in memory.
type Memstore struct {
	mu sync.Mutex
	// All guarded by mu.
	groups     map[store.Key]*group
	ids        []store.Key // of groups, sorted
	due        []dueGroup  // sorted by time
	tokens     map[store.TokenKey]*storagev1.StoredToken
	expiries   []expiry                          // of tokens, sorted by time
	activities map[store.Key][]*groupv1.Activity // sorted by id
	templates  templates
	refusals   map[string][]*storagev1.Refusal // by account
}

type group struct {
	stored *storagev1.StoredGroup
	turn   store.Turn
}

type dueGroup struct {
	at  time.Time
	key store.Key
}

type expiry struct {
	at  time.Time
	key store.TokenKey
}

// New makes an empty store.
func New() *Memstore {
	return &Memstore{
		groups: map[store.Key]*group{}, tokens: map[store.TokenKey]*storagev1.StoredToken{},
		activities: map[store.Key][]*groupv1.Activity{}, templates: newTemplates(), refusals: map[string][]*storagev1.Refusal{},
	}
}

// Close implements [store.Store].
func (m *Memstore) Close() error { return nil }

// Get implements [store.Store].
func (m *Memstore) Get(_ context.Context, key store.Key) (store.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found, ok := m.groups[key]
	if !ok {
		return store.Record{}, store.ErrNotFound
	}
	return found.record(), nil
}

func (g *group) record() store.Record {
	return store.Record{Group: proto.CloneOf(g.stored), Due: g.turn.DueTime()}
}

// List implements [store.Store].
func (m *Memstore) List(_ context.Context, account, after string, limit int, deleted bool) ([]store.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var records []store.Record
	start, found := slices.BinarySearchFunc(m.ids, store.Key{Account: account, GroupID: after}, compareKeys)
	if found {
		start++
	}
	for _, key := range m.ids[start:] {
		if key.Account != account || len(records) == limit {
			break
		}
		entry := m.groups[key]
		if deleted || entry.stored.GetGroup().GetLifecycle() != groupv1.Lifecycle_LIFECYCLE_DELETED {
			records = append(records, entry.record())
		}
	}
	return records, nil
}

// Save implements [store.Store].
func (m *Memstore) Save(_ context.Context, change store.Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.isUsed(change.Token, change.Now) {
		return store.ErrTokenUsed
	}
	key := store.Key{Account: change.Account, GroupID: change.Group.GetGroup().GetGroupId()}
	entry, exists := m.groups[key]
	if !exists {
		entry = &group{}
	}
	if entry.stored.GetVersion() != change.Group.GetVersion() {
		return store.ErrConflict
	}
	if !exists {
		m.groups[key] = entry
		m.ids = insert(m.ids, key, compareKeys)
	}
	change.Group.Version++
	entry.stored = proto.CloneOf(change.Group)
	m.reschedule(key, entry, func(turn *store.Turn) { turn.Apply(change) })
	m.keepActivities(key, change.Activities)
	m.keepToken(change.Token)
	return nil
}

// isUsed tells whether the token of a change is remembered already. It forgets
// tokens on the way.
func (m *Memstore) isUsed(token *store.Token, now time.Time) bool {
	if token == nil {
		return false
	}
	m.forgetTokens(now)
	_, used := m.tokens[token.Key]
	return used
}

func (m *Memstore) keepToken(token *store.Token) {
	if token == nil {
		return
	}
	m.tokens[token.Key] = proto.CloneOf(token.Value)
	m.expiries = insert(m.expiries, expiry{token.Value.GetExpireTime().AsTime(), token.Key}, compareExpiries)
}

// reschedule changes a group's turn and moves it in the order of due times.
func (m *Memstore) reschedule(key store.Key, entry *group, change func(*store.Turn)) {
	if at := entry.turn.Claimable(); !at.IsZero() {
		m.due = remove(m.due, dueGroup{at, key}, compareDue)
	}
	change(&entry.turn)
	if at := entry.turn.Claimable(); !at.IsZero() {
		m.due = insert(m.due, dueGroup{at, key}, compareDue)
	}
}

func (m *Memstore) keepActivities(key store.Key, added []*groupv1.Activity) {
	if len(added) == 0 {
		return
	}
	kept := m.activities[key]
	for _, activity := range added {
		at, found := findActivity(kept, activity.GetActivityId())
		if !found {
			kept = slices.Insert(kept, at, nil)
		}
		kept[at] = proto.CloneOf(activity)
	}
	m.activities[key] = slices.Clone(kept[max(0, len(kept)-store.KeptActivities):])
}

func (m *Memstore) forgetTokens(now time.Time) {
	count := 0
	for count < len(m.expiries) && !m.expiries[count].at.After(now) {
		delete(m.tokens, m.expiries[count].key)
		count++
	}
	m.expiries = slices.Delete(m.expiries, 0, count)
}

// Remove implements [store.Store].
func (m *Memstore) Remove(_ context.Context, key store.Key, version int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	entry, ok := m.groups[key]
	if !ok {
		return nil
	}
	if entry.stored.GetVersion() != version {
		return store.ErrConflict
	}
	m.reschedule(key, entry, func(turn *store.Turn) { *turn = store.Turn{} })
	delete(m.groups, key)
	delete(m.activities, key)
	m.ids = remove(m.ids, key, compareKeys)
	return nil
}

// Token implements [store.Store].
func (m *Memstore) Token(_ context.Context, key store.TokenKey, now time.Time) (*storagev1.StoredToken, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	token, ok := m.tokens[key]
	if !ok || !token.GetExpireTime().AsTime().After(now) {
		return nil, store.ErrNotFound
	}
	return proto.CloneOf(token), nil
}

// Activities implements [store.Store].
func (m *Memstore) Activities(_ context.Context, key store.Key, before string, limit int) ([]*groupv1.Activity, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	kept := m.activities[key]
	end := len(kept)
	if before != "" {
		end, _ = findActivity(kept, before)
	}
	var found []*groupv1.Activity
	for i := end - 1; i >= 0 && len(found) < limit; i-- {
		found = append(found, proto.CloneOf(kept[i]))
	}
	return found, nil
}

// Activity implements [store.Store].
func (m *Memstore) Activity(_ context.Context, key store.Key, activityID string) (*groupv1.Activity, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, found := findActivity(m.activities[key], activityID)
	if !found {
		return nil, store.ErrNotFound
	}
	return proto.CloneOf(m.activities[key][at]), nil
}

func findActivity(kept []*groupv1.Activity, id string) (int, bool) {
	return slices.BinarySearchFunc(kept, id, func(a *groupv1.Activity, id string) int {
		return cmp.Compare(a.GetActivityId(), id)
	})
}

// compareKeys orders keys as bytes with a NUL between their parts, so that all
// stores list in the same order.
func compareKeys(a, b store.Key) int {
	return cmp.Or(bytes.Compare([]byte(a.Account+"\x00"), []byte(b.Account+"\x00")), strings.Compare(a.GroupID, b.GroupID))
}

func compareDue(a, b dueGroup) int { return cmp.Or(a.at.Compare(b.at), compareKeys(a.key, b.key)) }

func compareExpiries(a, b expiry) int {
	return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.key.Account, b.key.Account),
		cmp.Compare(a.key.Method, b.key.Method), cmp.Compare(a.key.Token, b.key.Token))
}

func insert[T any](sorted []T, item T, compare func(a, b T) int) []T {
	at, _ := slices.BinarySearchFunc(sorted, item, compare)
	return slices.Insert(sorted, at, item)
}

func remove[T any](sorted []T, item T, compare func(a, b T) int) []T {
	at, found := slices.BinarySearchFunc(sorted, item, compare)
	if !found {
		return sorted
	}
	return slices.Delete(sorted, at, at+1)
}
