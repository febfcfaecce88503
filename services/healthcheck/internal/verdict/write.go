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
	// maxWaiting bounds what waits to be stored, and to be published: beyond it
	// nothing is judged.
	maxWaiting = 4096
	// What is between two attempts to store.
	minDelay = 50 * time.Millisecond
	maxDelay = 10 * time.Second
	// showTimeout bounds the wait until what is stored is shown.
	showTimeout = time.Second
)

// A write is one thing to store, and then, if it has an event, to publish.
type write struct {
	stored   *storagev1.StoredVerdict
	isStored bool                     // it is stored already
	event    *healthv1.InstanceEvent  // nil for none
	forget   string                   // an instance to forget instead
	illness  *storagev1.StoredIllness // what is to be stored instead, of the instance ill
	ill      string
	revision uint64 // of what was stored; 0 when it was not
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

// write stores and publishes until the context ends. Verdicts are stored, and so
// can be listed, also while the event stream is away.
func (k *Keeper) write(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	w := &writer{
		Keeper: k, revisions: map[string]uint64{}, telling: map[string]bool{},
		toTell: make(chan []write), told: make(chan map[string]uint64),
	}
	group.Go(func() error { return w.storeOn(ctx) })
	group.Go(func() error { return w.tellOn(ctx) })
	return group.Wait()
}

// A writer stores, and then publishes. What is found of an instance waits until
// the event of what was found before is published, for only the latest verdict is
// stored: a crash would forget that event.
type writer struct {
	*Keeper
	toTell chan []write           // stored
	told   chan map[string]uint64 // published, by instance: the revision then, 0 for unknown

	// What follows belongs to storeOn.
	revisions map[string]uint64 // of entries that we have written
	telling   map[string]bool   // instances with an event that is not published
	waiting   []write           // in order
}

// storeOn stores until the context ends. Those of one instance keep their order.
func (w *writer) storeOn(ctx context.Context) error {
	var stored []write
	for {
		in, out := w.writes, w.toTell
		if len(w.waiting) >= maxWaiting || len(w.telling) >= maxWaiting {
			in = nil
		}
		if len(stored) == 0 {
			out = nil
		}
		select {
		case batch := <-in:
			w.waiting = append(w.waiting, batch...)
		case out <- stored:
			stored = nil
		case done := <-w.told:
			for id, revision := range done {
				delete(w.telling, id)
				w.revisions[id] = max(w.revisions[id], revision)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
		for now := w.next(); len(now) > 0; now = w.next() {
			toTell, err := w.storeAll(ctx, now)
			if err != nil {
				return err
			}
			stored = append(stored, toTell...)
		}
	}
}

// next takes of what waits that which can be stored, each instance once.
func (w *writer) next() (now []write) {
	if len(w.waiting) == 0 {
		return nil
	}
	seen, later := map[string]bool{}, []write(nil)
	for _, one := range w.waiting {
		if id := one.instance(); seen[id] || w.telling[id] {
			later = append(later, one)
			seen[id] = true
		} else {
			seen[id] = true
			now = append(now, one)
		}
	}
	w.waiting = later
	return now
}

// storeAll stores a batch, and returns what is to be told of it.
func (w *writer) storeAll(ctx context.Context, batch []write) (toTell []write, err error) {
	err = each(ctx, len(batch), func(ctx context.Context, i int) error {
		one := &batch[i]
		if one.forget != "" {
			return w.untilDone(ctx, func() error { return w.Store.Forget(ctx, one.forget) })
		}
		if one.illness != nil {
			return w.untilDone(ctx, func() error { return w.Store.PutIllness(ctx, one.ill, one.illness) })
		}
		over := w.revisionOf(one.instance(), w.revisions)
		if one.isStored {
			one.revision = over
			if w.Store.Verdict(one.instance()).GetPublishedNumber() >= one.event.GetVerdictNumber() {
				one.event = nil // told meanwhile
			}
			return nil
		}
		var err error
		one.revision, err = w.store(ctx, one.stored, over)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, one := range batch {
		switch id := one.instance(); {
		case one.forget != "":
			delete(w.revisions, id)
		case one.revision != 0:
			w.revisions[id] = one.revision
			if one.event != nil {
				toTell = append(toTell, one)
				w.telling[id] = true
			}
		}
	}
	return toTell, nil
}

// tellOn publishes events of what is stored until the context ends, once this
// replica shows what they tell, so that who is told of a verdict can read it, and
// then stores that it did. A crash in between publishes an event again, under its
// id.
func (w *writer) tellOn(ctx context.Context) error {
	for {
		var batch []write
		select {
		case batch = <-w.toTell:
		case <-ctx.Done():
			return ctx.Err()
		}
		w.awaitShown(ctx, batch)
		events := make([]*healthv1.InstanceEvent, len(batch))
		for i, one := range batch {
			events[i] = one.event
		}
		if err := w.Publish(ctx, events); err != nil {
			return err
		}
		after := make([]uint64, len(batch))
		err := each(ctx, len(batch), func(ctx context.Context, i int) error {
			published := proto.CloneOf(batch[i].stored)
			published.PublishedNumber = published.GetVerdict().GetNumber()
			var err error
			after[i], err = w.store(ctx, published, batch[i].revision)
			return err
		})
		if err != nil {
			return err
		}
		done := map[string]uint64{}
		for i, one := range batch {
			done[one.instance()] = after[i]
		}
		select {
		case w.told <- done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (w *write) instance() string {
	switch {
	case w.forget != "":
		return w.forget
	case w.illness != nil:
		return w.ill
	}
	return w.stored.GetVerdict().GetInstanceId()
}

// awaitShown waits a while until the store shows what was written of a batch. That
// it is stored does not depend on it.
func (w *writer) awaitShown(ctx context.Context, batch []write) {
	ctx, cancel := context.WithTimeout(ctx, showTimeout)
	defer cancel()
	for _, one := range batch {
		w.Store.AwaitShown(ctx, one.instance(), one.revision)
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
