// Package memory owns a store of the group service that outlives the service: it
// is held by whoever starts services on it one after the other, or several at
// once, as replicas that share it. Each service can be given it through a hook,
// which sees every call of the store that the service makes: so a simulation
// stops a service between any two of them. It must not know why a call is let
// through or not.
package memory

import (
	"context"
	"time"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store/memstore"
)

// A Call is one call of a store, as a hook sees it.
type Call struct {
	// Method is its name, such as `Save`.
	Method string
	// Account and GroupID are the group that it is about; empty when it is about
	// none or many.
	Account, GroupID string
	// Writes tells that it changes something.
	Writes bool
	// LeaseUntil is when the lease ends that it takes; nil when it takes none. A
	// hook may change what the store is told; the service keeps to what it asked
	// for.
	LeaseUntil *time.Time
	// GivesBack tells that it ends a lease.
	GivesBack bool
}

// A Hook is called in place of a call, and makes it by calling do, once or not
// at all, now or later. What it returns is what the service gets: an error that
// do has not returned is that of a store that can not be reached.
type Hook func(call Call, do func() error) error

// A Store keeps what a group service stores in memory.
type Store struct {
	inner store.Store
	hook  Hook
}

var _ store.Store = (*Store)(nil)

// New makes an empty store.
func New() *Store {
	return &Store{inner: memstore.New(), hook: func(_ Call, do func() error) error { return do() }}
}

// Through is the same store, each call of which goes through a hook.
func (s *Store) Through(hook Hook) *Store { return &Store{inner: s.inner, hook: hook} }

// ask makes a call that gives something.
func ask[T any](s *Store, call Call, do func() (T, error)) (given T, err error) {
	err = s.hook(call, func() (err error) {
		given, err = do()
		return err
	})
	if err != nil {
		return *new(T), err
	}
	return given, nil
}

// Get implements the store.
func (s *Store) Get(ctx context.Context, key store.Key) (store.Record, error) {
	return ask(s, Call{Method: "Get", Account: key.Account, GroupID: key.GroupID}, func() (store.Record, error) { return s.inner.Get(ctx, key) })
}

// List implements the store.
func (s *Store) List(ctx context.Context, account, after string, limit int, deleted bool) ([]store.Record, error) {
	return ask(s, Call{Method: "List"}, func() ([]store.Record, error) { return s.inner.List(ctx, account, after, limit, deleted) })
}

// Accounts implements the store.
func (s *Store) Accounts(ctx context.Context) ([]string, error) {
	return ask(s, Call{Method: "Accounts"}, func() ([]string, error) { return s.inner.Accounts(ctx) })
}

// Save implements the store.
func (s *Store) Save(ctx context.Context, change store.Change) error {
	call := Call{Method: "Save", Account: change.Account, GroupID: change.Group.GetGroup().GetGroupId(), Writes: true, GivesBack: change.Done != nil}
	if change.Lease != nil {
		lease := *change.Lease
		change.Lease, call.LeaseUntil = &lease, &lease.Until
	}
	return s.hook(call, func() error { return s.inner.Save(ctx, change) })
}

// Remove implements the store.
func (s *Store) Remove(ctx context.Context, key store.Key, version int64) error {
	return s.hook(Call{Method: "Remove", Account: key.Account, GroupID: key.GroupID, Writes: true}, func() error { return s.inner.Remove(ctx, key, version) })
}

// Token implements the store.
func (s *Store) Token(ctx context.Context, key store.TokenKey, now time.Time) (*storagev1.StoredToken, error) {
	return ask(s, Call{Method: "Token"}, func() (*storagev1.StoredToken, error) { return s.inner.Token(ctx, key, now) })
}

// Activities implements the store.
func (s *Store) Activities(ctx context.Context, key store.Key, before string, limit int) ([]*groupv1.Activity, error) {
	return ask(s, Call{Method: "Activities", Account: key.Account, GroupID: key.GroupID}, func() ([]*groupv1.Activity, error) { return s.inner.Activities(ctx, key, before, limit) })
}

// Activity implements the store.
func (s *Store) Activity(ctx context.Context, key store.Key, activityID string) (*groupv1.Activity, error) {
	return ask(s, Call{Method: "Activity", Account: key.Account, GroupID: key.GroupID}, func() (*groupv1.Activity, error) { return s.inner.Activity(ctx, key, activityID) })
}

// Claim implements the store.
func (s *Store) Claim(ctx context.Context, now time.Time, lease store.Lease, limit int) ([]store.Key, error) {
	call := Call{Method: "Claim", Writes: true, LeaseUntil: &lease.Until}
	return ask(s, call, func() ([]store.Key, error) { return s.inner.Claim(ctx, now, lease, limit) })
}

// Release implements the store.
func (s *Store) Release(ctx context.Context, key store.Key, done store.Done) error {
	call := Call{Method: "Release", Account: key.Account, GroupID: key.GroupID, Writes: true, GivesBack: true}
	return s.hook(call, func() error { return s.inner.Release(ctx, key, done) })
}

// Wake implements the store.
func (s *Store) Wake(ctx context.Context, key store.Key, at time.Time) error {
	return s.hook(Call{Method: "Wake", Account: key.Account, GroupID: key.GroupID, Writes: true}, func() error { return s.inner.Wake(ctx, key, at) })
}

// NextDue implements the store.
func (s *Store) NextDue(ctx context.Context) (time.Time, error) {
	return ask(s, Call{Method: "NextDue"}, func() (time.Time, error) { return s.inner.NextDue(ctx) })
}

// Template implements the store.
func (s *Store) Template(ctx context.Context, key store.TemplateKey) (*storagev1.StoredTemplate, error) {
	return ask(s, Call{Method: "Template"}, func() (*storagev1.StoredTemplate, error) { return s.inner.Template(ctx, key) })
}

// ListTemplates implements the store.
func (s *Store) ListTemplates(ctx context.Context, account, after string, limit int) ([]*storagev1.StoredTemplate, error) {
	return ask(s, Call{Method: "ListTemplates"}, func() ([]*storagev1.StoredTemplate, error) { return s.inner.ListTemplates(ctx, account, after, limit) })
}

// SaveTemplate implements the store.
func (s *Store) SaveTemplate(ctx context.Context, change store.TemplateChange) error {
	return s.hook(Call{Method: "SaveTemplate", Writes: true}, func() error { return s.inner.SaveTemplate(ctx, change) })
}

// RemoveTemplate implements the store.
func (s *Store) RemoveTemplate(ctx context.Context, key store.TemplateKey, version int64) error {
	return s.hook(Call{Method: "RemoveTemplate", Writes: true}, func() error { return s.inner.RemoveTemplate(ctx, key, version) })
}

// Refusals implements the store.
func (s *Store) Refusals(ctx context.Context, account string) ([]*storagev1.Refusal, error) {
	return ask(s, Call{Method: "Refusals"}, func() ([]*storagev1.Refusal, error) { return s.inner.Refusals(ctx, account) })
}

// NoteRefusals implements the store.
func (s *Store) NoteRefusals(ctx context.Context, account string, notes store.RefusalNotes) error {
	return s.hook(Call{Method: "NoteRefusals", Writes: true}, func() error { return s.inner.NoteRefusals(ctx, account, notes) })
}

// Close implements the store. There is nothing to free: others may go on with it.
func (s *Store) Close() error { return nil }
