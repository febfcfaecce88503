package plan

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// DefaultStoppedRetention is how long instances that a reclaim stopped are kept
// when a group says nothing else.
const DefaultStoppedRetention = 24 * time.Hour

// restart chooses stopped instances to start again before anything is launched:
// the heaviest first, so that of those chosen none could be left out (S3).
// Whoever could not be started a short while ago is left alone, as are those for
// whom limits or the budget leave no room. Need stays what is needed beside what
// runs: what could not be started is launched.
func (p *Plan) restart(desired Desired, observed Observed) {
	if !desired.Replace {
		return
	}
	instances, milliunits := MaxInstances-observed.ExpectedInstances(), MaxMilliunits-observed.Expected().Total()
	money, missing := desired.Budget.room(observed), p.Need
	for _, instance := range restartable(desired, observed) {
		weight := instance.Class.Weight
		if missing.Of(instance.Method) <= 0 || instances < 1 || weight > milliunits || instance.Price > money {
			continue
		}
		instances, milliunits, money = instances-1, milliunits-weight, money-instance.Price
		missing.add(instance.Method, -weight)
		p.Restarts = append(p.Restarts, instance.ID)
	}
}

// restartable are the instances that a reclaim stopped and that can be tried,
// heaviest first, then the latest: it knows most of what there is to know.
func restartable(desired Desired, observed Observed) []Instance {
	var found []Instance
	for _, instance := range observed.Instances {
		stopped := instance.Reclaimed && !instance.Noticed && instance.Status == fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPED
		if stopped && !instance.Resting && !isLapsed(desired, observed, instance) {
			found = append(found, instance)
		}
	}
	slices.SortFunc(found, func(a, b Instance) int {
		return cmp.Or(cmp.Compare(b.Class.Weight, a.Class.Weight), b.Created.Compare(a.Created), cmp.Compare(a.ID, b.ID))
	})
	return found
}

// lapsed are the instances that a reclaim stopped and that nobody has started
// again for as long as such are kept. They are no capacity.
func lapsed(desired Desired, observed Observed) []Removal {
	var removals []Removal
	for _, instance := range observed.Instances {
		if isLapsed(desired, observed, instance) {
			removals = append(removals, Removal{ID: instance.ID, Release: true, Reason: fmt.Sprintf("stopped for %v", desired.StoppedRetention)})
		}
	}
	return removals
}

func isLapsed(desired Desired, observed Observed, instance Instance) bool {
	return instance.Reclaimed && !instance.Noticed && !observed.Now.Before(instance.Since.Add(desired.StoppedRetention))
}

// NextLapse tells when the next instance that a reclaim stopped has been kept for
// long enough; zero when none is kept.
func NextLapse(desired Desired, observed Observed) time.Time {
	var next time.Time
	for _, instance := range observed.Instances {
		if at := instance.Since.Add(desired.StoppedRetention); instance.Reclaimed && !instance.Noticed && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}
