package plan

import (
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// Pay-as-you-go capacity that stands in for spot is not marked: it is what is
// held beyond the pay-as-you-go target, as far as spot is missing. So whoever
// looks next knows it, after a crash too, and a target that is changed finds its
// substitutes right.

// StandIn tells how much of the pay-as-you-go capacity held makes up for spot.
// Spot never makes up for pay-as-you-go.
func (d Desired) StandIn(held Amounts) int64 {
	if !d.Substitute {
		return 0
	}
	return max(0, min(held.PayAsYouGo-d.Target.PayAsYouGo, d.Target.Spot-held.Spot))
}

// settledFor is what is wanted once what stands in for spot counts toward its
// target.
func (d Desired) settledFor(standIn int64) Desired {
	d.Target.PayAsYouGo += standIn
	d.Target.Spot -= standIn
	return d
}

// InsteadOfSpot tells what is needed when spot can not be had.
func InsteadOfSpot(desired Desired, need Amounts) Amounts {
	if !desired.Substitute {
		return need
	}
	return Amounts{PayAsYouGo: need.Total()}
}

// substituted is what is wanted, given what stands in for spot. Who is unhealthy
// is missing: what stands in for it is not launched again. What moves hold beyond
// the target is no spot that is back: what it moves goes, and substitutes stay.
func substituted(desired Desired, observed Observed) Desired {
	expected := expectedOf(desired, observed)
	expected.Spot -= unhealthy(observed).Spot
	expected.Spot -= desired.Extra.Spot
	expected.PayAsYouGo -= desired.Extra.PayAsYouGo
	standIn := desired.StandIn(expected)
	running := runningOf(observed)
	settled := desired.settledFor(standIn)
	settled.arriving = max(0, standIn-max(0, running.PayAsYouGo-desired.Target.PayAsYouGo))
	settled.standIn = standIn
	return settled
}

// bringBack plans for spot that may be back: it is launched beside what stands
// in for it, which goes when it runs. Nothing is launched that has no room, and
// nothing unless its substitutes can go.
func (p *Plan) bringBack(desired Desired, observed Observed) {
	suspended := desired.Suspended
	if !desired.SpotReturns || !desired.Replace || suspended.Rebalance || suspended.Launch || suspended.Terminate {
		return
	}
	if p.Need.Total() > 0 || desired.Extra.Total() > 0 || len(p.Restarts) > 0 || observed.ExpectedInstances() >= MaxInstances {
		return
	}
	p.Return = max(0, min(desired.standIn, MaxMilliunits-observed.Expected().Total()))
}

// givesWay bounds how much pay-as-you-go capacity goes because spot is back: what
// runs must make the target without it (S4).
func givesWay(desired Desired, observed Observed, method fleetv1.BillingMethod, removable int64) int64 {
	if !desired.SpotReturns || method != fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO {
		return removable
	}
	return min(removable, max(0, runningOf(observed).Total()-desired.Target.Total()))
}

// runningOf is the healthy capacity that runs.
func runningOf(observed Observed) Amounts {
	var sum Amounts
	for _, instance := range observed.Instances {
		if instance.Healthy() && instance.Status == fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING {
			sum.add(instance.Method, instance.Class.Weight)
		}
	}
	return sum
}

// unhealthy is the capacity that would count if it were healthy.
func unhealthy(observed Observed) Amounts {
	counted, healthy := observed.Counted(), observed.Healthy()
	return Amounts{PayAsYouGo: counted.PayAsYouGo - healthy.PayAsYouGo, Spot: counted.Spot - healthy.Spot}
}

// gives tells whether instances are pay-as-you-go ones that give way to spot.
// Those go as far as weights allow: they cost more than what has come for them.
func (d Desired) gives(members []Instance) bool {
	return d.SpotReturns && d.Replace && len(members) > 0 && members[0].Method == fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO
}

// excessRemoval is the removal of an instance above the target. What gives way to
// spot is released: it was launched only until then.
func (d Desired) excessRemoval(instance Instance, reason string) Removal {
	if d.gives([]Instance{instance}) && !d.Attempt {
		return Removal{ID: instance.ID, Release: true, Reason: "spot is back in its place"}
	}
	return Removal{ID: instance.ID, Release: d.ReleaseExcess, Reason: reason}
}
