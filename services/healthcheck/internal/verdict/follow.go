package verdict

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/healthcheck/storage/v1"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/records"
	"github.com/seed-198b1370/muster/services/healthcheck/judge"
)

// ListBegins implements [follow.Watcher]. It waits until all that is stored is
// known: what is known of instances comes before the instances.
func (k *Keeper) ListBegins(ctx context.Context) {
	select {
	case <-k.Store.Ready():
	case <-ctx.Done():
		return
	}
	k.do(ctx, func(context.Context) {
		k.table.listing++
		k.asked = k.steady.Now()
		if len(k.table.records) == 0 { // nothing is known that could be out of date
			k.heard = max(k.heard, k.asked)
		}
	})
}

// Listed implements [follow.Watcher]: it takes instances over as they are.
func (k *Keeper) Listed(ctx context.Context, instances []*fleetv1.Instance) {
	k.do(ctx, func(context.Context) {
		for _, instance := range instances {
			at := k.steady.Now()
			switch instance.GetStatus() {
			case fleetv1.InstanceStatus_INSTANCE_STATUS_PENDING, fleetv1.InstanceStatus_INSTANCE_STATUS_STARTING:
				if since := instance.GetStatusTime(); since != nil { // how long it takes does not begin anew
					at = k.steady.Of(since.AsTime())
				}
			default:
			}
			k.take(instance, judge.Sighting{Why: judge.Presumed(instance), At: at})
		}
	})
}

// ListEnds implements [follow.Watcher]: it forgets all others.
func (k *Keeper) ListEnds(ctx context.Context) {
	k.do(ctx, func(context.Context) {
		k.sweep()
		k.heard = max(k.heard, k.asked)
	})
}

// Happened implements [follow.Watcher].
func (k *Keeper) Happened(ctx context.Context, transitions []*fleetv1.InstanceTransition, asOf *timestamppb.Timestamp) {
	k.do(ctx, func(context.Context) {
		k.hear(asOf, transitions)
		for _, t := range transitions {
			k.take(t.GetInstance(), judge.Sighting{Kind: t.GetKind(), Why: t.GetReason(), At: k.steady.Of(t.GetTime().AsTime())})
		}
	})
}

// CutOff implements [follow.Watcher].
func (k *Keeper) CutOff(ctx context.Context) {
	k.do(ctx, func(context.Context) { k.silence = cutOff })
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

// hear notes up to when the fleet has told of everything. One that never says so
// has told of what was before the latest that it told of; and of everything once
// it is silent, if it is listened to.
func (k *Keeper) hear(asOf *timestamppb.Timestamp, transitions []*fleetv1.InstanceTransition) {
	if asOf != nil {
		k.silence = cutOff // it speaks for itself
		k.heard = max(k.heard, k.steady.Of(asOf.AsTime()))
		return
	}
	k.silence = 0
	for _, t := range transitions {
		k.heard = max(k.heard, k.steady.Of(t.GetTime().AsTime()))
	}
}

// listen takes a long silence of a fleet that does not say up to when it has told
// of everything for having nothing to tell. It is called at each look, not at each
// moment, so that what waits for a keeper that is held up is not silence.
func (k *Keeper) listen() {
	if k.silence == cutOff {
		return
	}
	if k.silence < longSilence {
		k.silence++
		return
	}
	k.heard = max(k.heard, k.steady.Now())
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
	wasIll := r.facts.Ill()
	r.facts.Take(seen)
	if r.facts.Ill() && !wasIll && !r.facts.Noticed() {
		k.fellIll(id, r)
	}
	k.judge(id, r)
}

// fellIll stores since when an instance is ill, or recalls it: a restart shall not
// count anew.
func (k *Keeper) fellIll(id string, r *record) {
	if stored := k.Store.Illness(id); stored.GetTransitionNumber() == r.facts.Number() {
		r.facts.Recall(k.steady.Of(stored.GetSinceTime().AsTime()), stored.GetWasOk())
		return
	}
	if !k.Owns(id) {
		return // its owner does
	}
	since := k.Cloud.Now().Add(-time.Duration(k.steady.Now() - r.facts.Changed))
	k.pending = append(k.pending, write{ill: id, illness: &storagev1.StoredIllness{
		TransitionNumber: r.facts.Number(), SinceTime: timestamppb.New(since), WasOk: r.facts.WasOK(),
	}})
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
	if k.Owns(id) && (judged || k.Store.Verdict(id).StoredVerdict != nil || k.Store.User(id).StoredUserHealth != nil ||
		k.Store.Illness(id) != nil) {
		k.pending = append(k.pending, write{forget: id})
	}
}
