// Package control owns the delivery of groups: one look at one group that
// compares, asks for a placement, launches, removes and records, and the loop
// that makes looks when they are due. It must not know how groups are created
// or shown, and it decides nothing that package plan or the allocator decides.
//
// A look may end between any two of its steps, by a crash too. What makes the
// next one right: launch slots are stored before they are used, the request id
// of a launch follows from its slots, a launch without a recorded outcome is
// made again under its id, and all that the fleet shows under the group's tag
// is counted or removed.
package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/seed-198b1370/muster/pkg/clock"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/catalog"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/ids"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/meter"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/tell"
)

// Tags that mark instances as launched for a group.
const (
	// TagGroup holds the group's id.
	TagGroup = "muster:group"
	// TagLaunch holds the request id of the launch.
	TagLaunch = "muster:launch"
	// TagTrace holds the trace that the launch belongs to, where that is recorded.
	TagTrace = "muster:traceparent"
)

// Retention is how long, by the clock, a deleted group is still shown.
const Retention = 7 * 24 * time.Hour

// ErrUnreachable means that a service that a look needs can not be reached, so
// that the look is to be made again.
var ErrUnreachable = errors.New("a service behind this one can not be reached")

// Config says how groups are delivered. Every field must be set.
type Config struct {
	// LookInterval is the longest time between two looks at a group.
	LookInterval time.Duration
	// LaunchGrace is how long an instance that was launched may be missing from
	// the fleet's lists.
	LaunchGrace time.Duration
	// LeaseDuration is how long a worker has a group for itself.
	LeaseDuration time.Duration
	// Workers is how many groups are looked at in parallel.
	Workers int
	// ParallelCalls is how many calls one look makes at a time; at 1 it makes
	// none beside another.
	ParallelCalls int
	// StopGrace is how long, in real time, looks may take to end when the
	// service is stopped.
	StopGrace time.Duration
	// Shared tells that other processes make groups due, too.
	Shared bool
}

// Deps are what delivery works with.
type Deps struct {
	// Store remembers groups.
	Store store.Store
	// Fleet is the cloud.
	Fleet fleetv1.FleetServiceClient
	// Allocator chooses pools.
	Allocator allocatorv1.AllocatorServiceClient
	// Health knows who is unhealthy. Nil: nobody is.
	Health healthv1.HealthServiceClient
	// Tell publishes what becomes of groups.
	Tell *tell.Teller
	// Catalog knows list prices.
	Catalog *catalog.Catalog
	// IDs names activities and turns.
	IDs *ids.Source
	// Clock tells the time.
	Clock clock.Clock
	// Tracer makes a span of each look.
	Tracer trace.Tracer
	// Meter counts what looks do; nil counts nothing.
	Meter *meter.Meter
	// Log takes what nobody is told.
	Log *slog.Logger
}

// Controller delivers groups. It is safe for use by several goroutines.
type Controller struct {
	Config
	Deps
	// wake has a value when there may be something to do.
	wake chan struct{}
	// cut is closed when looks have had their grace to end.
	cut chan struct{}
	// pools is what refused launches.
	pools pools
	// healthBreaker keeps looks from waiting for a health service that hangs.
	healthBreaker breaker

	mu sync.Mutex
	// Guarded by mu.
	working  map[store.Key]store.Lease // groups being looked at, and under which lease
	renewed  map[store.Key]bool        // those whose lease was renewed meanwhile
	failures map[store.Key]int         // looks in a row that a neighbour failed
	progress chan struct{}             // closed and replaced at the end of each look
	owed     map[store.Key]store.Done  // groups that the store could not be told are given back

	// wakes knows the events that looks are made for.
	wakes wakes
	// replacements knows which noticed instances have been made up for.
	replacements replacements
}

// New makes a controller.
func New(config Config, deps Deps) *Controller {
	return &Controller{
		Config: config, Deps: deps, wake: make(chan struct{}, 1), cut: make(chan struct{}),
		working: map[store.Key]store.Lease{}, renewed: map[store.Key]bool{}, failures: map[store.Key]int{}, progress: make(chan struct{}), owed: map[store.Key]store.Done{},
		pools: pools{accounts: map[string]knownPools{}},
	}
}

// Nudge makes the loop see what has become due since it last looked.
func (c *Controller) Nudge() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Tick looks at every group that is due, one after the other, and tells when
// the next one is; zero when none is. Simulation drives a controller by it.
func (c *Controller) Tick(ctx context.Context) (time.Time, error) {
	for {
		keys, err := c.claim(ctx, 1)
		if err != nil {
			return time.Time{}, err
		}
		if len(keys) == 0 {
			return c.Store.NextDue(ctx)
		}
		c.step(ctx, keys[0])
	}
}

// claim takes due groups. One that this process is at work on already stays
// with that work, which thereby has a new lease.
func (c *Controller) claim(ctx context.Context, limit int) ([]store.Key, error) {
	if err := c.payBack(ctx); err != nil {
		return nil, err
	}
	now := c.Clock.Now()
	holder, err := c.IDs.Holder(now)
	if err != nil {
		return nil, err
	}
	lease := store.Lease{Holder: holder, Until: now.Add(c.LeaseDuration)}
	claimed, err := c.Store.Claim(ctx, now, lease, limit)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	keys := claimed[:0]
	for _, key := range claimed {
		if _, busy := c.working[key]; busy {
			c.renewed[key] = true
		} else {
			keys = append(keys, key)
		}
		c.working[key] = lease
	}
	return keys, nil
}

// step looks at a group that was claimed and gives it back.
func (c *Controller) step(ctx context.Context, key store.Key) {
	err := c.lookAt(ctx, key)
	if err != nil {
		c.giveBack(ctx, key, err)
	}
	c.finished(ctx, key)
}

func (c *Controller) lookAt(ctx context.Context, key store.Key) error {
	record, err := c.Store.Get(ctx, key)
	if err != nil {
		return err
	}
	ctx, span := c.begin(ctx, key, record.Group)
	defer span.End()
	c.Log.DebugContext(ctx, "group looked at", "account_id", key.Account, "group_id", key.GroupID)
	return c.newLook(key, record.Group).run(ctx)
}

// giveBack ends the lease of a look that recorded nothing.
func (c *Controller) giveBack(ctx context.Context, key store.Key, cause error) {
	next := c.Clock.Now()
	switch {
	case errors.Is(cause, store.ErrNotFound):
		return
	case errors.Is(cause, store.ErrConflict):
		// Somebody changed the group meanwhile: look at what it is now.
	default:
		next = next.Add(c.failed(key))
		c.Log.WarnContext(ctx, "look failed", "group_id", key.GroupID, "error", cause, "next_look_time", next)
	}
	c.release(ctx, key, store.Done{Holder: c.holder(key), Next: next})
}

// release gives a group back; when the store can not be told now, before this
// process takes any other. Else a store that was away for a moment would keep the
// group from everybody until the lease ends (L3).
func (c *Controller) release(ctx context.Context, key store.Key, done store.Done) {
	err := c.Store.Release(ctx, key, done)
	if err == nil || errors.Is(err, store.ErrNotFound) {
		return
	}
	c.Log.WarnContext(ctx, "lease not given back yet", "group_id", key.GroupID, "error", err)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.owed[key] = done
}

// payBack gives back the groups that the store could not be told of. Of one that
// somebody else has by now, or that this process took again, nothing changes.
func (c *Controller) payBack(ctx context.Context) error {
	c.mu.Lock()
	owed := maps.Clone(c.owed)
	c.mu.Unlock()
	for key, done := range owed {
		if err := c.Store.Release(ctx, key, done); err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("give back group %s: %w", key.GroupID, err)
		}
		c.mu.Lock()
		if c.owed[key] == done {
			delete(c.owed, key)
		}
		c.mu.Unlock()
	}
	return nil
}

// finished tells all who wait that a look has ended. If its turn was renewed on
// the way, it may have given back the old one: then the new one, which nobody
// works under, is given back, too.
func (c *Controller) finished(ctx context.Context, key store.Key) {
	c.mu.Lock()
	holder, renewed := c.working[key].Holder, c.renewed[key]
	delete(c.working, key)
	delete(c.renewed, key)
	close(c.progress)
	c.progress = make(chan struct{})
	c.mu.Unlock()
	if !renewed {
		return
	}
	c.release(ctx, key, store.Done{Holder: holder, Next: c.Clock.Now()})
	c.Nudge()
}

// Progress returns a channel that is closed when the next look has ended.
func (c *Controller) Progress() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.progress
}

// Bounds of the delay after a look that a neighbour failed.
const (
	minBackoff = time.Second
	maxBackoff = time.Minute
)

// failed counts a failure and tells how long to wait.
func (c *Controller) failed(key store.Key) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures[key]++
	return min(maxBackoff, minBackoff<<min(10, c.failures[key]-1))
}

func (c *Controller) succeeded(key store.Key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.failures, key)
}

// Deliver makes the first look at a new group, storing it on the way with a
// client token unless that is nil. It goes on to its end when the caller goes
// away, for as long as the service does. Errors: ErrTokenUsed; ErrUnreachable,
// before which the group may have been stored, as its version tells.
func (c *Controller) Deliver(ctx context.Context, account string, group *storagev1.StoredGroup, token *store.Token) error {
	ctx, end := c.untilCut(context.WithoutCancel(ctx))
	defer end()
	key := store.Key{Account: account, GroupID: group.GetGroup().GetGroupId()}
	now := c.Clock.Now()
	holder, err := c.IDs.Holder(now)
	if err != nil {
		return err
	}
	lease := store.Lease{Holder: holder, Until: now.Add(c.LeaseDuration)}
	c.mu.Lock()
	c.working[key] = lease
	c.mu.Unlock()
	defer c.finished(ctx, key)
	ctx, span := c.begin(ctx, key, group)
	defer span.End()
	look := c.newLook(key, group)
	look.first = &store.Change{Token: token, Now: now, Wake: now, Lease: &lease}
	err = look.run(ctx)
	if err != nil && group.GetVersion() > 0 {
		c.giveBack(ctx, key, err)
	}
	c.Nudge()
	if err == nil && look.trouble != nil {
		return errors.Join(ErrUnreachable, look.trouble)
	}
	return err
}

// untilCut makes a context that ends with the service, when looks have had their
// grace to end.
func (c *Controller) untilCut(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-c.cut:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// Await waits until an instant group's scheduling task for a generation is
// complete, or the group is being deleted; for a maintain group it does not
// wait. Errors: ErrNotFound; ErrUnreachable when a look
// failed meanwhile; the context's.
func (c *Controller) Await(ctx context.Context, key store.Key, generation int64) (store.Record, error) {
	for {
		c.mu.Lock()
		progress, failures := c.progress, c.failures[key]
		c.mu.Unlock()
		record, err := c.Store.Get(ctx, key)
		if err != nil {
			return store.Record{}, err
		}
		instant := record.Group.GetGroup().GetSpec().GetType() == groupv1.GroupType_GROUP_TYPE_INSTANT
		if !instant || record.Group.GetAttemptedGeneration() >= generation || isEnding(record.Group) {
			return record, nil
		}
		if failures > 0 {
			return store.Record{}, ErrUnreachable
		}
		// Another process may be at it, of whose progress nobody tells.
		timer := c.Clock.NewTimer(c.Clock.Now().Add(time.Second))
		select {
		case <-progress:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return store.Record{}, ctx.Err()
		}
		timer.Stop()
	}
}
