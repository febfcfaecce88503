package verdict

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/events"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/healthcheck/storage/v1"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/records"
	"github.com/seed-198b1370/muster/services/healthcheck/judge"
)

const (
	// writesAtOnce is how many entries are written at a time.
	writesAtOnce = 64
	// What is between two attempts to store.
	minDelay = 50 * time.Millisecond
	maxDelay = 10 * time.Second
	// showTimeout bounds the wait until what is stored is shown.
	showTimeout = time.Second
)

// A write is one thing to store, and then, if it has an event, to publish.
type write struct {
	stored   *storagev1.StoredVerdict
	isStored bool                    // it is stored already
	event    *healthv1.InstanceEvent // nil for none
	forget   string                  // an instance to forget instead
}

// newWrite is the write of an instance's verdict.
func (k *Keeper) newWrite(one *tracked, tell bool) write {
	verdict, p := one.state.Verdict, one.place
	status := healthv1.HealthStatus_HEALTH_STATUS_HEALTHY
	if verdict.Unhealthy {
		status = healthv1.HealthStatus_HEALTH_STATUS_UNHEALTHY
	}
	stored := &storagev1.StoredVerdict{
		Verdict: &healthv1.HealthVerdict{
			InstanceId: one.id, AccountId: p.group.AccountID, GroupId: p.group.GroupID, ZoneId: p.zone.id,
			Status: status, Reason: verdict.Reason, Message: verdict.Message, Number: verdict.Number, SetByUser: verdict.ByUser,
			SinceTime: timestamppb.New(one.since),
		},
		InstanceType: p.instanceType, BillingMethod: p.billingMethod, TransitionNumber: one.facts.Number(),
		UserRevision: one.userRevision, PublishedNumber: verdict.Number - 1, Damped: one.state.Damped,
	}
	for _, at := range one.state.Changes {
		stored.ChangeTimes = append(stored.ChangeTimes, timestamppb.New(k.Cloud.Now().Add(-time.Duration(k.steady.Now()-at))))
	}
	if tell {
		return write{stored: stored, event: eventOf(stored)}
	}
	if before := k.Store.Verdict(one.id); before.GetVerdict().GetNumber() == verdict.Number {
		stored.PublishedNumber = before.GetPublishedNumber()
	}
	return write{stored: stored}
}

// eventOf is the event of a verdict.
func eventOf(stored *storagev1.StoredVerdict) *healthv1.InstanceEvent {
	verdict := stored.GetVerdict()
	kind := healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_RECOVERED
	if verdict.GetStatus() == healthv1.HealthStatus_HEALTH_STATUS_UNHEALTHY {
		kind = healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_UNHEALTHY
	}
	return &healthv1.InstanceEvent{
		EventId: events.VerdictID(verdict.GetInstanceId(), verdict.GetNumber()), Kind: kind,
		AccountId: verdict.GetAccountId(), GroupId: verdict.GetGroupId(), InstanceId: verdict.GetInstanceId(), ZoneId: verdict.GetZoneId(),
		InstanceType: stored.GetInstanceType(), BillingMethod: stored.GetBillingMethod(), TransitionNumber: stored.GetTransitionNumber(),
		Time: verdict.GetSinceTime(), Reason: verdict.GetReason(), Message: verdict.GetMessage(), VerdictNumber: verdict.GetNumber(),
	}
}

// stateOf is the state of an instance as it was stored.
func (k *Keeper) stateOf(stored *storagev1.StoredVerdict) judge.State {
	verdict := stored.GetVerdict()
	state := judge.State{Verdict: judge.Verdict{
		Unhealthy: verdict.GetStatus() == healthv1.HealthStatus_HEALTH_STATUS_UNHEALTHY, Reason: verdict.GetReason(),
		Message: verdict.GetMessage(), Number: verdict.GetNumber(), ByUser: verdict.GetSetByUser(),
	}, Damped: stored.GetDamped()}
	for _, at := range stored.GetChangeTimes() {
		state.Changes = append(state.Changes, k.steady.Of(at.AsTime()))
	}
	return state
}

// tellSuspected publishes to the API in which zones the network is suspected.
func (k *Keeper) tellSuspected() {
	var all []*healthv1.SuspectedZone
	for id, z := range k.table.zones {
		for percent, suspected := range z.suspected {
			all = append(all, &healthv1.SuspectedZone{
				ZoneId: id, Reason: judge.ReasonCheckerNetworkSuspected, SinceTime: timestamppb.New(suspected.since),
				Message: fmt.Sprintf("more than %d %% of the probed instances began to fail together", percent),
			})
			break
		}
	}
	slices.SortFunc(all, func(a, b *healthv1.SuspectedZone) int {
		if a.GetZoneId() < b.GetZoneId() {
			return -1
		}
		return 1
	})
	k.mu.Lock()
	defer k.mu.Unlock()
	k.suspected = all
}

// write stores and publishes until the context ends. Those of one instance keep
// their order.
func (k *Keeper) write(ctx context.Context) error {
	revisions := map[string]uint64{} // of entries that we have written
	for {
		select {
		case batch := <-k.writes:
			for len(batch) > 0 {
				now, later := apart(batch)
				if err := k.writeAll(ctx, now, revisions); err != nil {
					return err
				}
				batch = later
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// apart splits a batch so that the first part has each instance once.
func apart(batch []write) (now, later []write) {
	seen := map[string]bool{}
	for _, w := range batch {
		if id := w.instance(); seen[id] {
			later = append(later, w)
		} else {
			seen[id] = true
			now = append(now, w)
		}
	}
	return now, later
}

func (w *write) instance() string {
	if w.forget != "" {
		return w.forget
	}
	return w.stored.GetVerdict().GetInstanceId()
}

// writeAll stores a batch, publishes its events once this replica shows what they
// tell, so that who is told of a verdict can read it, and then stores that it did. A
// crash in between publishes an event again, under its id.
func (k *Keeper) writeAll(ctx context.Context, batch []write, revisions map[string]uint64) error {
	stored := make([]uint64, len(batch)) // the revision of each; 0 when it was not written
	err := each(ctx, len(batch), func(ctx context.Context, i int) error {
		w := &batch[i]
		if w.forget != "" {
			return k.untilDone(ctx, func() error { return k.Store.Forget(ctx, w.forget) })
		}
		over := k.revisionOf(w.instance(), revisions)
		if w.isStored {
			stored[i] = over
			return nil
		}
		var err error
		stored[i], err = k.store(ctx, w.stored, over)
		return err
	})
	if err != nil {
		return err
	}
	var told []*healthv1.InstanceEvent
	for i, w := range batch {
		if w.forget != "" {
			delete(revisions, w.forget)
			continue
		}
		if stored[i] != 0 {
			revisions[w.instance()] = stored[i]
			if w.event != nil {
				told = append(told, w.event)
			}
		}
	}
	if len(told) == 0 {
		return nil
	}
	k.awaitShown(ctx, batch, stored)
	if err := k.Publish(ctx, told); err != nil {
		return err
	}
	after := make([]uint64, len(batch))
	err = each(ctx, len(batch), func(ctx context.Context, i int) error {
		w := &batch[i]
		if w.event == nil || stored[i] == 0 {
			return nil
		}
		published := proto.CloneOf(w.stored)
		published.PublishedNumber = published.GetVerdict().GetNumber()
		var err error
		after[i], err = k.store(ctx, published, stored[i])
		return err
	})
	for i := range batch {
		if after[i] != 0 {
			revisions[batch[i].instance()] = after[i]
		}
	}
	return err
}

// awaitShown waits a while until the store shows what was written of a batch. That
// it is stored does not depend on it.
func (k *Keeper) awaitShown(ctx context.Context, batch []write, revisions []uint64) {
	ctx, cancel := context.WithTimeout(ctx, showTimeout)
	defer cancel()
	for i, w := range batch {
		if w.event != nil && revisions[i] != 0 {
			k.Store.AwaitShown(ctx, w.instance(), revisions[i])
		}
	}
}

// revisionOf is the revision of an instance's entry as far as it is known here.
func (k *Keeper) revisionOf(id string, revisions map[string]uint64) uint64 {
	return max(revisions[id], k.Store.Verdict(id).Revision)
}

// store stores a verdict over a revision; it returns revision 0 when another
// replica judges the instance now.
func (k *Keeper) store(ctx context.Context, stored *storagev1.StoredVerdict, over uint64) (revision uint64, err error) {
	id := stored.GetVerdict().GetInstanceId()
	err = k.untilDone(ctx, func() error {
		if !k.Owns(id) {
			revision = 0
			k.conflict(id)
			return nil
		}
		var err error
		revision, err = k.Store.PutVerdict(ctx, stored, over)
		if !errors.Is(err, records.ErrConflict) {
			return err
		}
		// Ours, and the reply was lost, or another's who judged it before.
		latest, err := k.Store.Latest(ctx, id)
		if err != nil {
			return err
		}
		over = latest.Revision
		switch {
		case latest.StoredVerdict != nil && proto.Equal(latest.StoredVerdict, stored):
			revision = latest.Revision
			return nil
		case latest.GetVerdict().GetNumber() >= stored.GetVerdict().GetNumber() && !isSame(latest.StoredVerdict, stored):
			revision = 0
			k.conflict(id)
			return nil
		default:
			return records.ErrConflict // once more, over what is there
		}
	})
	return revision, err
}

// conflict notes that what is thought of an instance here is not what is stored.
func (k *Keeper) conflict(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.conflicts = append(k.conflicts, id)
}

// isSame tells whether two are of the same verdict.
func isSame(a, b *storagev1.StoredVerdict) bool {
	return a.GetVerdict().GetNumber() == b.GetVerdict().GetNumber() && a.GetVerdict().GetStatus() == b.GetVerdict().GetStatus() &&
		proto.Equal(a.GetVerdict().GetSinceTime(), b.GetVerdict().GetSinceTime())
}

// reload judges an instance anew from what is stored: another replica was there
// before.
func (k *Keeper) reload(id string) {
	if r := k.table.records[id]; r != nil {
		k.disown(r)
		k.judge(id, r)
	}
}

// untilDone tries until it works or the context ends, with growing delay.
func (k *Keeper) untilDone(ctx context.Context, try func() error) error {
	for delay := minDelay; ; delay = min(2*delay, maxDelay) {
		err := try()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, records.ErrConflict):
		case delay == minDelay:
			k.Log.WarnContext(ctx, "verdicts can not be stored now", "error", err)
		}
		if err := clock.SleepUntil(ctx, k.Wall, k.Wall.Now().Add(delay)); err != nil {
			return err
		}
	}
}

// each calls a function for each number below n, several at a time.
func each(ctx context.Context, n int, do func(context.Context, int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writesAtOnce)
	for i := range n {
		group.Go(func() error { return do(ctx, i) })
	}
	return group.Wait()
}
