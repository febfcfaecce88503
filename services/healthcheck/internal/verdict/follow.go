package verdict

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/clock"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/follow"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/records"
	"github.com/seed-198b1370/muster/services/healthcheck/judge"
)

const (
	minDelay = 100 * time.Millisecond
	maxDelay = 10 * time.Second
	// listPage is how many instances are asked for at once, the most there is.
	listPage = 250
)

// follow lists the instances, then follows their transitions, until the context
// ends; what fails is waited out. It lists them again when the fleet can not go
// on from where it was followed.
func (k *Keeper) follow(ctx context.Context) error {
	delay, cursor := minDelay, ""
	for {
		before := cursor
		var err error
		if cursor == "" {
			cursor, err = k.list(ctx)
		}
		if err == nil {
			err = k.watch(ctx, &cursor)
		}
		if cursor != before {
			delay = minDelay
		}
		if follow.Lost(err) {
			cursor = ""
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		k.Log.WarnContext(ctx, "instances can not be followed now; verdicts wait", "again_in", delay, "error", err)
		if err := clock.SleepUntil(ctx, k.Wall, k.Wall.Now().Add(delay)); err != nil {
			return err
		}
		delay = min(2*delay, maxDelay)
	}
}

// list takes over all instances as they are now, forgets others, and returns the
// cursor from which to watch.
func (k *Keeper) list(ctx context.Context) (cursor string, err error) {
	var asked judge.Instant
	k.do(ctx, func(context.Context) {
		k.table.listing++
		asked = k.steady.Now()
		if len(k.table.records) == 0 { // nothing is known that could be out of date
			k.heard = max(k.heard, asked)
		}
	})
	for token := ""; ; {
		page, err := k.Fleet.ListInstances(ctx, &fleetv1.ListInstancesRequest{AllAccounts: true, PageSize: listPage, PageToken: token})
		if err != nil {
			return "", fmt.Errorf("list instances: %w", err)
		}
		if cursor == "" {
			cursor = page.GetCursor()
		}
		k.do(ctx, func(context.Context) {
			for _, instance := range page.GetInstances() {
				k.take(instance, judge.Sighting{Why: judge.Presumed(instance), At: k.steady.Now()})
			}
		})
		if token = page.GetNextPageToken(); token == "" {
			k.do(ctx, func(context.Context) {
				k.sweep()
				k.heard = max(k.heard, asked)
			})
			return cursor, ctx.Err()
		}
	}
}

// sweep forgets what the latest list did not show.
func (k *Keeper) sweep() {
	for id, r := range k.table.records {
		if r.listing != k.table.listing {
			k.forget(id, r)
		}
	}
	for _, id := range k.Store.Instances() { // released while nobody looked
		if k.table.records[id] == nil && k.Owns(id) {
			k.pending = append(k.pending, write{forget: id})
		}
	}
}

// errSilent is a stream that ended without an error.
var errSilent = errors.New("the stream of the fleet ended")

// watch follows one stream until it breaks, and moves the cursor with it.
func (k *Keeper) watch(ctx context.Context, cursor *string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := k.Fleet.WatchInstances(ctx, &fleetv1.WatchInstancesRequest{AllAccounts: true, Cursor: *cursor})
	if err != nil {
		return fmt.Errorf("watch instances: %w", err)
	}
	for {
		resp, err := stream.Recv()
		if err != nil {
			return fmt.Errorf("watch instances: %w", errors.Join(errSilent, err))
		}
		k.do(ctx, func(context.Context) {
			k.hear(resp.GetAsOfTime())
			for _, t := range resp.GetTransitions() {
				k.take(t.GetInstance(), judge.Sighting{Kind: t.GetKind(), Why: t.GetReason(), At: k.steady.Of(t.GetTime().AsTime())})
			}
		})
		*cursor = resp.GetCursor()
	}
}

// hear notes up to when the fleet has told of everything. One that never says so
// is taken at its word at any time.
func (k *Keeper) hear(asOf *timestamppb.Timestamp) {
	if asOf == nil {
		k.heard = math.MaxInt64
		return
	}
	k.heard = max(k.heard, k.steady.Of(asOf.AsTime()))
}

// take takes a sighting of an instance over, and judges it.
func (k *Keeper) take(instance *fleetv1.Instance, seen judge.Sighting) {
	id := instance.GetInstanceId()
	if id == "" || instance.GetAccountId() == "" {
		return // the publisher of transitions says so
	}
	r := k.table.records[id]
	if instance.GetStatus() == fleetv1.InstanceStatus_INSTANCE_STATUS_RELEASED {
		if r != nil {
			k.forget(id, r)
		}
		return
	}
	seen.Number, seen.Status, seen.Health = instance.GetTransitionNumber(), instance.GetStatus(), instance.GetHealth()
	seen.Noticed = instance.GetInterruptionNoticeTime() != nil
	seen.Created = k.steady.Of(instance.GetCreateTime().AsTime())
	if r == nil {
		r = &record{}
		k.table.records[id] = r
	} else {
		seen.Created = r.facts.Created // what a jump does not change
	}
	r.listing = k.table.listing
	if r.place == nil || seen.Number >= r.facts.Number() {
		k.move(id, r, instance)
	}
	r.facts.Take(seen)
	k.judge(id, r)
}

// move puts an instance where its account, tags and pool say that it belongs.
func (k *Keeper) move(id string, r *record, instance *fleetv1.Instance) {
	p := k.table.placeOf(placeKey{
		group:  records.Group{AccountID: instance.GetAccountId(), GroupID: judge.GroupOf(instance)},
		zoneID: instance.GetZoneId(), instanceType: instance.GetInstanceType(), billing: instance.GetBillingMethod(),
	}, k.policyOf)
	if r.place != p && r.tracked != nil {
		k.stopAsking(r.tracked)
	}
	r.place = p
	k.table.setAddress(id, r, instance.GetPrivateIpAddress())
}

// forget removes an instance that is gone.
func (k *Keeper) forget(id string, r *record) {
	judged := r.tracked != nil && r.tracked.state.Verdict.Number > 0
	k.disown(r)
	delete(k.table.records, id)
	delete(k.table.addresses, id)
	if k.Owns(id) && (judged || k.Store.Verdict(id).StoredVerdict != nil || k.Store.User(id).StoredUserHealth != nil) {
		k.pending = append(k.pending, write{forget: id})
	}
}
