package plan

import (
	"google.golang.org/protobuf/proto"

	"github.com/seed-198b1370/muster/pkg/money"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// Decrement is a target without what instances contributed that have left: the
// total goes down by that, rounded down to whole units, and the parts of it only
// as far as they must, that of whom most left first.
func Decrement(target *groupv1.TargetCapacity, left Amounts) *groupv1.TargetCapacity {
	next := proto.CloneOf(target)
	next.Total = int32(max(0, int64(target.GetTotal())-left.Total()/money.MilliunitsPerUnit))
	first, second := &next.Spot, &next.PayAsYouGo
	if left.PayAsYouGo > left.Spot {
		first, second = second, first
	}
	for _, part := range []*int32{first, second} {
		*part = max(0, *part-max(0, next.PayAsYouGo+next.Spot-next.Total))
	}
	next.Minimum = min(next.GetMinimum(), next.GetTotal())
	return next
}

// HasRoom tells whether the limits of a group leave room for instances of these
// classes beside what is expected of it.
func HasRoom(observed Observed, classes []Class) bool {
	milliunits := observed.Expected().Total()
	for _, class := range classes {
		milliunits += class.Weight
	}
	return observed.ExpectedInstances()+len(classes) <= MaxInstances && milliunits <= MaxMilliunits
}

// AmountOf is an amount of one billing method.
func AmountOf(method fleetv1.BillingMethod, milliunits int64) Amounts {
	var amounts Amounts
	amounts.add(method, milliunits)
	return amounts
}
