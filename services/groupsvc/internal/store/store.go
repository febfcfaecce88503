// Package store owns what the group service remembers: groups with their launch
// slots, activities, client tokens, and when each group is due. It defines the
// interface, in the domain's terms, and what every implementation must keep;
// storetest holds them to it. It must not know what a group is for, nor what
// time it is: times are arguments.
//
// A lease says who works on a group, for efficiency only: two workers on one
// group are harmless, since a write names the version it was made from and is
// refused when there is a later one.
package store

import (
	"context"
	"errors"
	"time"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
)

// Errors that callers act upon. Any other error means that the store could not
// tell or do; a write may or may not have been made then.
var (
	// ErrNotFound means that there is no such record.
	ErrNotFound = errors.New("not found")
	// ErrConflict means that the group was written since it was read.
	ErrConflict = errors.New("written by another since it was read")
	// ErrTokenUsed means that the client token is remembered already.
	ErrTokenUsed = errors.New("client token is used")
	// ErrNameTaken means that another launch template of the account has the
	// name.
	ErrNameTaken = errors.New("name is taken")
	// ErrLimit means that the account has as many launch templates as it may.
	ErrLimit = errors.New("there are as many as there may be")
)

// KeptActivities is how many activities of a group are kept.
const KeptActivities = 200

// A Key names a group. Its parts have no NUL byte.
type Key struct {
	// Account is the owner.
	Account string
	// GroupID is the group's id.
	GroupID string
}

// A TokenKey names a client token. Its parts have no NUL byte.
type TokenKey struct {
	// Account is the caller's.
	Account string
	// Method is the call that the token came with.
	Method string
	// Token is the client token.
	Token string
}

// A Token is a client token to remember.
type Token struct {
	// Key names it.
	Key TokenKey
	// Value is what to remember.
	Value *storagev1.StoredToken
}

// A Record is a group as it is stored.
type Record struct {
	// Group is the group. The caller may change it.
	Group *storagev1.StoredGroup
	// Due is when it is to be looked at; zero when it is not.
	Due time.Time
}

// A Change is one write. All of it is made, or nothing.
type Change struct {
	// Account is the owner.
	Account string
	// Group is written if the stored version is still its version, 0 meaning
	// that there is none yet. A successful write raises the version, here too.
	Group *storagev1.StoredGroup
	// Activities are added, or replaced where there is one of the same id. The
	// latest [KeptActivities] are kept.
	Activities []*groupv1.Activity
	// Token is remembered besides, unless nil; if it is already, nothing is
	// written.
	Token *Token
	// Now is the time, for forgetting tokens. Needed with Token only.
	Now time.Time
	// Wake makes the group due at a time, unless it is due earlier; zero does
	// not.
	Wake time.Time
	// Lease takes the group, after it was woken; nil does not.
	Lease *Lease
	// Done gives it back; nil does not.
	Done *Done
}

// A Lease says who works on a group until when.
type Lease struct {
	// Holder names the worker and its turn; no two turns have the same.
	Holder string
	// Until is when the lease ends by itself.
	Until time.Time
}

// A Done gives a group back after work on it.
type Done struct {
	// Holder is whose lease ends. When it is no longer the holder, the schedule
	// is left to who is.
	Holder string
	// Next is when the group is due again; zero when it is not.
	Next time.Time
}

// Store remembers groups. All methods are safe for concurrent use, and what
// they hand out or take in is not shared with the caller afterwards.
type Store interface {
	Groups
	Schedule
	Templates
	Pools
	// Close frees what opening took. Nothing may be called after it.
	Close() error
}

// Groups is what a store tells about groups, and how they are written.
type Groups interface {
	// Get reads a group. Errors: ErrNotFound.
	Get(ctx context.Context, key Key) (Record, error)
	// List reads up to limit groups of an account whose ids follow one, in
	// order of id; deleted ones only if asked for.
	List(ctx context.Context, account, after string, limit int, deleted bool) ([]Record, error)
	// Accounts lists the accounts that have groups or launch templates, each
	// once, in no order; some that had may be among them.
	Accounts(ctx context.Context) ([]string, error)
	// Save makes a change. Errors: ErrConflict, ErrTokenUsed.
	Save(ctx context.Context, change Change) error
	// Remove forgets a group at a version, with its activities. A group that is
	// not there is no error. Errors: ErrConflict.
	Remove(ctx context.Context, key Key, version int64) error
	// Token reads what is remembered of a client token. Errors: ErrNotFound.
	Token(ctx context.Context, key TokenKey, now time.Time) (*storagev1.StoredToken, error)
	// Activities reads up to limit activities of a group whose ids precede one,
	// latest first; from the latest on for "".
	Activities(ctx context.Context, key Key, before string, limit int) ([]*groupv1.Activity, error)
	// Activity reads one activity. Errors: ErrNotFound.
	Activity(ctx context.Context, key Key, activityID string) (*groupv1.Activity, error)
}

// Schedule is when groups are due.
type Schedule interface {
	// Claim takes up to limit groups that are due at a time, or whose lease has
	// ended by then, longest due first.
	Claim(ctx context.Context, now time.Time, lease Lease, limit int) ([]Key, error)
	// Release gives a group back. A group that is not there is no error.
	Release(ctx context.Context, key Key, done Done) error
	// Wake makes a group due at a time, unless it is due earlier. A group that
	// is held is due when it is given back. One that is not there is no error.
	Wake(ctx context.Context, key Key, at time.Time) error
	// NextDue tells when the next group can be claimed; zero when none can.
	NextDue(ctx context.Context) (time.Time, error)
}

// Templates is what a store tells about launch templates, and how they are
// written. A template is one record with all its versions.
type Templates interface {
	// Template reads a launch template. Errors: ErrNotFound.
	Template(ctx context.Context, key TemplateKey) (*storagev1.StoredTemplate, error)
	// ListTemplates reads up to limit launch templates of an account whose ids
	// follow one, in order of id.
	ListTemplates(ctx context.Context, account, after string, limit int) ([]*storagev1.StoredTemplate, error)
	// SaveTemplate makes a change. Errors: ErrConflict, ErrTokenUsed,
	// ErrNameTaken, ErrLimit.
	SaveTemplate(ctx context.Context, change TemplateChange) error
	// RemoveTemplate forgets a launch template at a version. One that is not
	// there is no error. Errors: ErrConflict.
	RemoveTemplate(ctx context.Context, key TemplateKey, version int64) error
}

// A TemplateKey names a launch template. Its parts have no NUL byte.
type TemplateKey struct {
	// Account is the owner.
	Account string
	// TemplateID is the template's id.
	TemplateID string
}

// A TemplateChange is one write of a launch template. All of it is made, or
// nothing.
type TemplateChange struct {
	// Account is the owner.
	Account string
	// Template is written if the stored version is still its version, 0 meaning
	// that there is none yet, and if no other of the account has its name. A
	// successful write raises the version, here too.
	Template *storagev1.StoredTemplate
	// Token is remembered besides, unless nil; if it is already, nothing is
	// written.
	Token *Token
	// Now is the time, for forgetting tokens. Needed with Token only.
	Now time.Time
	// Limit is how many launch templates the account may have with a new one; 0
	// for any number.
	Limit int
}

// Pools is what a store remembers of the pools that refused launches, shared by
// all groups of an account. It is for efficiency only: losing a note costs one
// launch that is refused.
type Pools interface {
	// Refusals reads the pools that refused launches of an account, latest last.
	Refusals(ctx context.Context, account string) ([]*storagev1.Refusal, error)
	// NoteRefusals changes what is remembered of pools, in one step: each of
	// refused replaces what is remembered of its pool, unless that is later; each
	// of accepted is forgotten, unless it refused since. Those whose retry time
	// lies before forget are forgotten, and the latest [KeptRefusals] are kept.
	NoteRefusals(ctx context.Context, account string, notes RefusalNotes) error
}
