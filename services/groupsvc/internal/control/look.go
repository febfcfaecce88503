package control

import (
	"context"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	"github.com/seed-198b1370/muster/pkg/tracing"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/placement"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/tell"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

// A look is one look at one group, from reading it to recording what came of
// it.
type look struct {
	c      *Controller
	key    store.Key
	stored *storagev1.StoredGroup // as it will be written
	last   *storagev1.StoredGroup // as it was read, or written since
	first  *store.Change          // what the first write of a new group does besides; nil later
	closed []*groupv1.Activity    // what has ended and is written with the group
	now    time.Time

	instances []*fleetv1.Instance      // those that the fleet shows
	listed    bool                     // whether the fleet has said so in this look
	health    health                   // which of them are unhealthy
	replacing []string                 // those whose replacement is under way
	prices    map[placement.Pool]int64 // of stopped instances, when that matters
	excluded  map[placement.Pool]bool  // pools that refused in this look
	shared    []*storagev1.Refusal     // what refused other groups of the account
	notes     store.RefusalNotes       // what they are to be told
	settled   map[string]bool          // request ids of launches whose outcome was not known before this look
	short     plan.Shortfall
	hopeless  plan.Shortfall    // why nothing could be launched even with stock; no reason when something could
	missing   bool              // the target needs more than could be launched
	spotGone  bool              // spot could not be had in this look
	removing  bool              // there is more to remove than could be removed
	withheld  bool              // there is something to launch that is suspended
	await     bool              // there is more to remove once it is shown
	under     *groupv1.Activity // the rebalancing's, while it is at work
	keeping   sync.Mutex        // guards kept while calls are under way
	kept      []string          // what the cloud must not release
	trace     string            // that it belongs to; empty when that is not recorded
	trouble   error             // a neighbour that failed; nil when none did
}

func (c *Controller) newLook(key store.Key, group *storagev1.StoredGroup) *look {
	return &look{
		c: c, key: key, stored: group, last: proto.CloneOf(group), now: c.Clock.Now(),
		excluded: map[placement.Pool]bool{}, settled: map[string]bool{},
	}
}

func isEnding(group *storagev1.StoredGroup) bool {
	switch group.GetGroup().GetLifecycle() {
	case groupv1.Lifecycle_LIFECYCLE_DELETE_RUNNING, groupv1.Lifecycle_LIFECYCLE_DELETED:
		return true
	default:
		return false
	}
}

// run makes the look. An error means that nothing was recorded at its end.
func (l *look) run(ctx context.Context) error {
	ctx = rpc.WithAccount(ctx, l.key.Account) // whatever is called is called for the owner (S8)
	group := l.stored.GetGroup()
	l.trace = tracing.ParentOf(ctx)
	l.c.Tell.Drop(l.stored)
	if group.GetLifecycle() == groupv1.Lifecycle_LIFECYCLE_DELETED {
		return l.forget(ctx)
	}
	l.forgetFuture()
	l.forgetRefusals()
	l.expire()
	if err := l.scale(ctx); err != nil {
		return err
	}
	l.settle(ctx)
	if err := l.carryOut(ctx); err != nil {
		return err
	}
	if err := l.observe(ctx); err != nil {
		l.fail(err)
		return l.finish(ctx)
	}
	if l.phase() == plan.Waiting && !isEnding(l.stored) {
		return l.finish(ctx)
	}
	if isEnding(l.stored) {
		if err := l.end(ctx); err != nil {
			return err
		}
		return l.finish(ctx)
	}
	if err := l.deliver(ctx); err != nil {
		return err
	}
	if err := l.holdMinimum(ctx); err != nil {
		return err
	}
	return l.finish(ctx)
}

// forgetFuture brings times that have not come yet back to now. They are from
// before the cloud began anew with an earlier clock; to wait for them would be
// to wait for as long as it ran before.
func (l *look) forgetFuture() {
	for _, launch := range l.stored.GetLaunches() {
		launch.CreateTime = l.notAfterNow(launch.GetCreateTime())
		launch.AnswerTime = l.notAfterNow(launch.GetAnswerTime())
	}
	l.forgetFutureByHand()
	l.stored.Refusals = slices.DeleteFunc(l.stored.Refusals, func(refusal *storagev1.Refusal) bool {
		return refusal.GetRefuseTime().AsTime().After(l.now)
	})
}

func (l *look) notAfterNow(at *timestamppb.Timestamp) *timestamppb.Timestamp {
	if at != nil && at.AsTime().After(l.now) {
		return timestamppb.New(l.now)
	}
	return at
}

// failing tells whether a neighbour failed in this look.
func (l *look) failing() bool { return l.trouble != nil }

// fail notes that a neighbour failed, so that the look is to be made again.
func (l *look) fail(err error) {
	if l.trouble == nil {
		l.trouble = err
	}
}

// forget removes a deleted group when its time has come.
func (l *look) forget(ctx context.Context) error {
	until := l.stored.GetGroup().GetDeleteTime().AsTime().Add(Retention)
	if l.now.Before(until) {
		done := store.Done{Holder: l.c.holder(l.key), Next: until}
		if len(l.stored.GetEvents()) == len(l.last.GetEvents()) {
			return l.c.Store.Release(ctx, l.key, done)
		}
		return l.write(ctx, store.Change{Done: &done}) // so that they are not told again
	}
	if err := l.c.Store.Remove(ctx, l.key, l.stored.GetVersion()); err != nil {
		return err
	}
	l.c.Tell.Forget(l.key.GroupID)
	return nil
}

// desired is what the group's spec wants.
func (l *look) desired() plan.Desired {
	desired := plan.DesiredOf(l.stored.GetGroup(), l.stored.GetAttemptedGeneration() < l.stored.GetGroup().GetGeneration())
	if l.stored.GetRebalance() != nil {
		desired.Extra = plan.Extra(l.observed(), l.moves())
	}
	return desired
}

// save writes the group as it is now, between two steps of a look.
func (l *look) save(ctx context.Context) error { return l.write(ctx, store.Change{}) }

// write makes a change of the group as it is now.
func (l *look) write(ctx context.Context, change store.Change) error {
	if l.first != nil {
		change.Token, change.Now, change.Wake, change.Lease = l.first.Token, l.first.Now, l.first.Wake, l.first.Lease
	}
	change.Account, change.Group = l.key.Account, l.stored
	change.Activities = append(l.closed, change.Activities...)
	if l.c.Tell != nil {
		tell.Note(l.key.Account, l.last, l.stored, change.Activities, l.now)
	}
	if err := l.saved(ctx, change); err != nil {
		return err
	}
	l.first, l.closed, l.last = nil, nil, proto.CloneOf(l.stored)
	l.c.Tell.Hand(l.stored)
	return nil
}
