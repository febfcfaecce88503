package store

import (
	"cmp"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
)

// KeptRefusals is how many refusals of an account are kept.
const KeptRefusals = 2_000

// RefusalNotes is what is to be remembered of pools.
type RefusalNotes struct {
	// Refused are pools that refused a launch.
	Refused []*storagev1.Refusal
	// Accepted are pools that delivered all that was asked of them, with the
	// time of that as their refuse time; only pool and time are used.
	Accepted []*storagev1.Refusal
	// Forget is until when refusals must have lapsed to be forgotten.
	Forget time.Time
	// Latest is the latest time at which a pool can have refused. Those that are
	// remembered as later are of before a clock was set back, and are forgotten;
	// zero for no bound.
	Latest time.Time
}

// Apply is what is remembered after notes, in order of the time of refusal. It
// is here once for all implementations, and changes nothing that it is given.
func (n RefusalNotes) Apply(kept []*storagev1.Refusal) []*storagev1.Refusal {
	latest := make(map[pool]*storagev1.Refusal, len(kept)+len(n.Refused))
	for _, refusal := range slices.Concat(kept, n.Refused) {
		if !n.Latest.IsZero() && refuseTime(refusal).After(n.Latest) {
			continue
		}
		known := latest[poolOf(refusal)]
		if known == nil || !refuseTime(refusal).Before(refuseTime(known)) {
			latest[poolOf(refusal)] = refusal
		}
	}
	for _, accepted := range n.Accepted {
		if known := latest[poolOf(accepted)]; known != nil && !refuseTime(known).After(refuseTime(accepted)) {
			delete(latest, poolOf(accepted))
		}
	}
	left := make([]*storagev1.Refusal, 0, len(latest))
	for _, refusal := range latest {
		if !refusal.GetRetryTime().AsTime().Before(n.Forget) {
			left = append(left, proto.CloneOf(refusal))
		}
	}
	slices.SortFunc(left, compareRefusals)
	return left[max(0, len(left)-KeptRefusals):]
}

// A pool is what refused: an instance type in a zone under a billing method.
type pool struct {
	zone, instanceType string
	method             fleetv1.BillingMethod
}

func poolOf(r *storagev1.Refusal) pool {
	return pool{r.GetZoneId(), r.GetInstanceType(), r.GetBillingMethod()}
}

func refuseTime(r *storagev1.Refusal) time.Time { return r.GetRefuseTime().AsTime() }

// compareRefusals orders by time, and where that is the same by pool, so that
// all stores tell the same.
func compareRefusals(a, b *storagev1.Refusal) int {
	return cmp.Or(refuseTime(a).Compare(refuseTime(b)), cmp.Compare(a.GetZoneId(), b.GetZoneId()),
		cmp.Compare(a.GetInstanceType(), b.GetInstanceType()), cmp.Compare(a.GetBillingMethod(), b.GetBillingMethod()))
}
