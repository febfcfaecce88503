package control

import (
	"cmp"
	"context"
	"hash/fnv"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/placement"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
	"github.com/seed-198b1370/muster/services/groupsvc/refusal"
)

// Bounds of how long a stopped instance that could not be started is left alone.
const (
	minRefusal = 30 * time.Second
	maxRefusal = 30 * time.Minute
)

// maxExclusions is how many pools a placement can be asked to leave out. Only
// candidates with attributes can have more that refused; then the latest are.
const maxExclusions = 1000

// Refusals that depend on what the group asks for are stored with the group; the
// others in the store's Pools, where all groups of the account see them. One that
// is wider than a pool is kept there as that of a pool without zone and type, and
// for the whole account without a billing method.

// place is what a refusal is remembered of.
func place(pool placement.Pool, scope refusal.Scope) placement.Pool {
	switch scope {
	case refusal.Method:
		return placement.Pool{Method: pool.Method}
	case refusal.Account:
		return placement.Pool{}
	default:
		return pool
	}
}

// refused leaves a pool alone for the rest of this look, and what the refusal
// concerns for a while.
func (l *look) refused(pool placement.Pool, code string, asked time.Duration) {
	if l.excluded[pool] {
		return // of several calls in one look, the first counts
	}
	l.excluded[pool] = true
	scope := refusal.ScopeOf(code)
	at := place(pool, scope)
	l.excluded[at] = true
	known := find(l.known(scope), at)
	refused := &storagev1.Refusal{
		ZoneId: at.Zone, InstanceType: at.Type, BillingMethod: at.Method, ErrorCode: code, RefuseTime: timestamppb.New(l.now),
		RetryTime: timestamppb.New(refusal.Retry(code, l.now, seriesOf(known), asked)),
	}
	if scope == refusal.Group {
		l.dropRefusal(at)
		l.stored.Refusals = append(l.stored.Refusals, refused)
		return
	}
	l.notes.Refused = append(l.notes.Refused, refused)
}

// accepted forgets that a pool refused, unless it did so in this look.
func (l *look) accepted(pool placement.Pool) {
	if l.excluded[pool] {
		return
	}
	l.dropRefusal(pool)
	for _, scope := range []refusal.Scope{refusal.Pool, refusal.Method, refusal.Account} {
		if at := place(pool, scope); find(l.shared, at) != nil {
			l.notes.Accepted = append(l.notes.Accepted, &storagev1.Refusal{
				ZoneId: at.Zone, InstanceType: at.Type, BillingMethod: at.Method, RefuseTime: timestamppb.New(l.now),
			})
		}
	}
}

// known are the remembered refusals among which those of a scope are.
func (l *look) known(scope refusal.Scope) []*storagev1.Refusal {
	if scope == refusal.Group {
		return l.stored.GetRefusals()
	}
	return l.shared
}

func (l *look) dropRefusal(pool placement.Pool) {
	l.stored.Refusals = slices.DeleteFunc(l.stored.Refusals, func(r *storagev1.Refusal) bool { return poolOf(r) == pool })
}

// readRefusals reads what all groups of the account know.
func (l *look) readRefusals(ctx context.Context) {
	l.shared = l.c.pools.read(ctx, l.c, l.key.Account, l.now)
}

// tellRefusals tells all groups of the account what calls have shown.
func (l *look) tellRefusals(ctx context.Context) {
	// Of several calls in one look, those that were refused tell how it stands now.
	l.notes.Accepted = slices.DeleteFunc(l.notes.Accepted, func(r *storagev1.Refusal) bool { return l.excluded[poolOf(r)] })
	if len(l.notes.Refused) > 0 || len(l.notes.Accepted) > 0 {
		l.shared = l.c.pools.note(ctx, l.c, l.key.Account, l.notes, l.now)
	}
	l.notes = store.RefusalNotes{}
}

// forgetRefusals drops those that lapsed so long ago that the next one would
// be the first of a new series.
func (l *look) forgetRefusals() {
	l.stored.Refusals = slices.DeleteFunc(l.stored.Refusals, func(r *storagev1.Refusal) bool { return seriesOf(r).Lapsed(l.now) })
}

// heeded are the refusals that bear upon the group now: those of its own, and
// those of all whose pools may be of its candidates. A group that makes one
// attempt only makes it in earnest, whatever others were told.
func (l *look) heeded() []*storagev1.Refusal {
	heeded, persists := slices.Clone(l.stored.GetRefusals()), l.desired().Replace
	for _, refused := range l.shared {
		if !persists && !l.excluded[poolOf(refused)] {
			continue
		}
		if mayTake(l.stored.GetGroup().GetSpec(), refused) {
			heeded = append(heeded, refused)
		}
	}
	slices.SortStableFunc(heeded, func(a, b *storagev1.Refusal) int {
		return a.GetRefuseTime().AsTime().Compare(b.GetRefuseTime().AsTime())
	})
	return heeded
}

// mayTake tells whether what refused may be one of a spec's pools, or is more
// than a pool.
func mayTake(spec *groupv1.GroupSpec, refused *storagev1.Refusal) bool {
	return refused.GetZoneId() == "" || slices.ContainsFunc(spec.GetCandidates(), func(c *groupv1.Candidate) bool {
		return c.GetZoneId() == refused.GetZoneId() && (c.GetAttributes() != nil || c.GetInstanceType() == refused.GetInstanceType())
	})
}

// lastRefusal is the error code of the latest refusal; empty without one.
func (l *look) lastRefusal() string {
	heeded := l.heeded()
	if len(heeded) == 0 {
		return ""
	}
	return heeded[len(heeded)-1].GetErrorCode()
}

// exclusions are the pools to leave out of a placement. Those of this look stay
// out; the others come back when stock is seen to return.
func (l *look) exclusions() []*allocatorv1.Exclusion {
	var exclusions []*allocatorv1.Exclusion
	for pool := range l.excluded {
		if pool.Zone != "" {
			exclusions = append(exclusions, exclusionOf(pool, nil))
		}
	}
	slices.SortFunc(exclusions, func(a, b *allocatorv1.Exclusion) int {
		return cmp.Or(cmp.Compare(a.GetZoneId(), b.GetZoneId()), cmp.Compare(a.GetInstanceType(), b.GetInstanceType()), cmp.Compare(a.GetBillingMethod(), b.GetBillingMethod()))
	})
	named := map[placement.Pool]bool{}
	for _, refused := range slices.Backward(l.heeded()) { // the latest first, for there is a bound
		pool := poolOf(refused)
		if pool.Zone == "" || named[pool] || l.excluded[pool] || !l.now.Before(refused.GetRetryTime().AsTime()) {
			continue
		}
		named[pool] = true
		exclusions = append(exclusions, exclusionOf(pool, refused.GetRefuseTime()))
	}
	return exclusions[:min(maxExclusions, len(exclusions))]
}

func exclusionOf(pool placement.Pool, refused *timestamppb.Timestamp) *allocatorv1.Exclusion {
	return &allocatorv1.Exclusion{ZoneId: pool.Zone, InstanceType: pool.Type, BillingMethod: pool.Method, RefuseTime: refused}
}

// allowed is the part of a need that the account may try to launch now. What it
// may not is what the group is short of.
func (l *look) allowed(need plan.Amounts) plan.Amounts {
	for _, refused := range l.heeded() {
		if refused.GetZoneId() != "" || !l.now.Before(refused.GetRetryTime().AsTime()) {
			continue
		}
		held := plan.Amounts{}
		switch refused.GetBillingMethod() {
		case fleetv1.BillingMethod_BILLING_METHOD_SPOT:
			held.Spot, need.Spot = need.Spot, 0
		case fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO:
			held.PayAsYouGo, need.PayAsYouGo = need.PayAsYouGo, 0
		default:
			held, need = need, plan.Amounts{}
		}
		if held.Total() > 0 {
			l.short = plan.Shortfall{Reason: refused.GetErrorCode(), Message: placement.MessageOf(refused.GetErrorCode())}
		}
	}
	return need
}

// nextRetry is when the first of the refusals that bear upon the group has had
// its time; zero when none is to be waited for.
func (l *look) nextRetry() time.Time {
	var next time.Time
	for _, refused := range l.heeded() {
		if !refused.GetRetryTime().AsTime().After(l.now) {
			continue
		}
		retry := l.retryOf(refused)
		if next.IsZero() || retry.Before(next) {
			next = retry
		}
	}
	return next
}

// spread is a part of an eighth of a delay, by the id of a group.
func spread(groupID string, series refusal.Series) time.Duration {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(groupID)) // never fails
	return series.Retry.Sub(series.Refused) / 8 * time.Duration(sum.Sum32()%1000) / 1000
}

func find(refusals []*storagev1.Refusal, pool placement.Pool) *storagev1.Refusal {
	for _, r := range refusals {
		if poolOf(r) == pool {
			return r
		}
	}
	return nil
}

func poolOf(r *storagev1.Refusal) placement.Pool {
	return placement.Pool{Zone: r.GetZoneId(), Type: r.GetInstanceType(), Method: r.GetBillingMethod()}
}

func seriesOf(r *storagev1.Refusal) refusal.Series {
	if r == nil {
		return refusal.Series{}
	}
	return refusal.Series{Refused: r.GetRefuseTime().AsTime(), Retry: r.GetRetryTime().AsTime()}
}
