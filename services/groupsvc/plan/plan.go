package plan

import (
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// A Removal is an instance that is to go.
type Removal struct {
	// ID is the instance's id.
	ID string
	// Release is whether it is released; else it leaves the group and runs on.
	Release bool
	// Reason says why this one, for people.
	Reason string
}

// A Plan is what brings a group from what is there to what is wanted.
type Plan struct {
	// Need is the capacity to add.
	Need Amounts
	// Return is the spot capacity to try to have in place of pay-as-you-go capacity
	// that stands in for it. The target is met without.
	Return int64
	// Withheld is what would be needed if launching were not suspended.
	Withheld Amounts
	// Restarts are stopped instances to start again, in order, before any of the
	// need is launched.
	Restarts []string
	// Removals are the instances to give up, in order. None of them is needed
	// to hold the target.
	Removals []Removal
	// AwaitShown is true when more would be removed if the fleet already showed
	// every instance that was launched.
	AwaitShown bool
	// Replacing are the unhealthy instances whose replacement is under way.
	Replacing []string
}

// methods in the order in which they are served: pay-as-you-go takes
// precedence over spot, as it does in the cloud.
var methods = [...]fleetv1.BillingMethod{
	fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO,
	fleetv1.BillingMethod_BILLING_METHOD_SPOT,
}

// Make plans for a group that is to live.
func Make(desired Desired, observed Observed) Plan {
	desired = substituted(desired, observed)
	plan := Plan{Removals: lapsed(desired, observed)}
	if desired.Replace || desired.Attempt {
		plan.deliver(desired, observed)
	}
	plan.shed(desired, observed)
	plan.withhold(desired.Suspended)
	return plan
}

// deliver plans toward the target.
func (p *Plan) deliver(desired Desired, observed Observed) {
	expected := expectedOf(desired, observed)
	for _, method := range methods {
		p.Need.add(method, max(0, desired.Target.Of(method)-expected.Of(method)))
	}
	if desired.Replace && !desired.Suspended.Replace {
		p.Removals = append(p.Removals, stopped(observed, p.Need)...)
	}
	for _, method := range methods {
		p.replaceUnhealthy(desired, observed, method)
	}
	p.restart(desired, observed)
	p.Removals = append(p.Removals, excess(desired, observed)...)
	p.AwaitShown = awaitShown(desired, observed)
	p.bringBack(desired, observed)
}

// expectedOf is the capacity beside which more is launched.
func expectedOf(desired Desired, observed Observed) Amounts {
	expected := observed.Expected().Plus(keepingPlace(desired, observed))
	if desired.KeepNoticed {
		return expected.Plus(observed.Noticed())
	}
	return expected
}

// End plans for a group that ends, for a cause in words: all of it goes.
func End(observed Observed, release bool, cause string) Plan {
	var plan Plan
	for _, instance := range observed.Instances {
		plan.Removals = append(plan.Removals, Removal{ID: instance.ID, Release: release, Reason: cause})
	}
	plan.AwaitShown = len(observed.Pending) > 0
	return plan
}

// stopped are the stopped instances, but for those that a reclaim stopped, whose
// replacement is there. They are no capacity, so to release them takes nothing
// away.
func stopped(observed Observed, need Amounts) []Removal {
	var removals []Removal
	for _, instance := range observed.Instances {
		if need.Of(instance.Method) > 0 || !instance.isBroken() {
			continue
		}
		reason := "unhealthy: stopped"
		if instance.Unhealthy != nil {
			reason = instance.Unhealthy.String()
		}
		removals = append(removals, Removal{ID: instance.ID, Release: true, Reason: reason})
	}
	return removals
}
