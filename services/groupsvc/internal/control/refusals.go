package control

import (
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/placement"
)

// Bounds of how long a pool that refused is left alone.
const (
	minRefusal = 30 * time.Second
	maxRefusal = 30 * time.Minute
)

// maxExclusions is how many pools a placement can be asked to leave out. Only
// candidates with attributes can have more that refused; then the latest are.
const maxExclusions = 1000

// refused leaves a pool alone: for the rest of this look, and then for twice as
// long as the last time.
func (l *look) refused(pool placement.Pool, code string) {
	if l.excluded[pool] {
		return // of several calls in one look, the first counts
	}
	l.excluded[pool] = true
	delay := minRefusal
	if last := l.refusalOf(pool); last != nil {
		delay = min(maxRefusal, 2*delayOf(last))
	}
	l.dropRefusal(pool)
	l.stored.Refusals = append(l.stored.Refusals, &storagev1.Refusal{
		ZoneId: pool.Zone, InstanceType: pool.Type, BillingMethod: pool.Method, ErrorCode: code,
		RefuseTime: timestamppb.New(l.now), RetryTime: timestamppb.New(l.now.Add(delay)),
	})
}

// accepted forgets that a pool refused, unless it did so in this look.
func (l *look) accepted(pool placement.Pool) {
	if !l.excluded[pool] {
		l.dropRefusal(pool)
	}
}

func (l *look) dropRefusal(pool placement.Pool) {
	l.stored.Refusals = slices.DeleteFunc(l.stored.Refusals, func(r *storagev1.Refusal) bool { return poolOf(r) == pool })
}

func (l *look) refusalOf(pool placement.Pool) *storagev1.Refusal {
	for _, refusal := range l.stored.GetRefusals() {
		if poolOf(refusal) == pool {
			return refusal
		}
	}
	return nil
}

// lastRefusal is the error code of the latest refusal; empty without one.
func (l *look) lastRefusal() string {
	refusals := l.stored.GetRefusals()
	if len(refusals) == 0 {
		return ""
	}
	return refusals[len(refusals)-1].GetErrorCode()
}

// forgetRefusals drops those that lapsed so long ago that the next one would
// be the first of a new series.
func (l *look) forgetRefusals() {
	l.stored.Refusals = slices.DeleteFunc(l.stored.Refusals, func(r *storagev1.Refusal) bool {
		return !l.now.Before(r.GetRetryTime().AsTime().Add(2 * delayOf(r)))
	})
}

// exclusions are the pools to leave out of a placement. Those of this look stay
// out; the others come back when stock is seen to return.
func (l *look) exclusions() []*allocatorv1.Exclusion {
	var exclusions []*allocatorv1.Exclusion
	for _, refusal := range l.stored.GetRefusals() {
		exclusion := &allocatorv1.Exclusion{
			ZoneId: refusal.GetZoneId(), InstanceType: refusal.GetInstanceType(), BillingMethod: refusal.GetBillingMethod(),
		}
		if !l.excluded[poolOf(refusal)] {
			if !l.now.Before(refusal.GetRetryTime().AsTime()) {
				continue
			}
			exclusion.RefuseTime = refusal.GetRefuseTime()
		}
		exclusions = append(exclusions, exclusion)
	}
	return exclusions[max(0, len(exclusions)-maxExclusions):]
}

func poolOf(r *storagev1.Refusal) placement.Pool {
	return placement.Pool{Zone: r.GetZoneId(), Type: r.GetInstanceType(), Method: r.GetBillingMethod()}
}

func delayOf(r *storagev1.Refusal) time.Duration {
	return r.GetRetryTime().AsTime().Sub(r.GetRefuseTime().AsTime())
}
