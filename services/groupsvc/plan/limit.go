package plan

import (
	"fmt"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// ReasonLimit is the reason of a shortfall that no stock could end.
const ReasonLimit = "LimitReached"

// IsFull tells whether the limits of a group leave no room for one more instance
// of any of its candidates.
func IsFull(spec *groupv1.GroupSpec, observed Observed) bool {
	room := MaxMilliunits - observed.Expected().Total()
	for _, candidate := range spec.GetCandidates() {
		if leastWeight(candidate) <= room {
			return observed.ExpectedInstances() >= MaxInstances
		}
	}
	return true
}

// LimitReached is the shortfall of a group that holds all that its limits allow.
func LimitReached(observed Observed) Shortfall {
	return Shortfall{Reason: ReasonLimit, Message: fmt.Sprintf(
		"a group holds at most %d instances and %s units, and this one holds %d instances of %s units",
		MaxInstances, units(MaxMilliunits), observed.ExpectedInstances(), units(observed.Expected().Total()),
	)}
}
