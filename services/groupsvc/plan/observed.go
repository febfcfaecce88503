package plan

import (
	"time"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// An Instance is a member of the group that the fleet shows.
type Instance struct {
	// ID is the instance's id.
	ID string
	// Zone is the zone it runs in.
	Zone string
	// Type is its instance type.
	Type string
	// Method is its billing method.
	Method fleetv1.BillingMethod
	// Status is the state of its life cycle.
	Status fleetv1.InstanceStatus
	// Noticed is whether it has its interruption notice.
	Noticed bool
	// Since is when it came to its status.
	Since time.Time
	// Price is what it costs, in micro-units of the currency per hour; of one
	// that a reclaim stopped, what it would cost, 0 when that is not known.
	Price int64
	// Created is when its launch was accepted.
	Created time.Time
	// Class is that of its candidate.
	Class Class
	// Protected is whether it is not to be given up as excess, in rebalancing,
	// or for a budget.
	Protected bool
	// Reclaimed is whether a reclaim stopped it in economical mode, so that it
	// can be started again.
	Reclaimed bool
	// Resting is whether it could not be started again a short while ago.
	Resting bool
	// Unhealthy is why it can not be relied on; nil when nothing speaks against
	// it.
	Unhealthy *Verdict
}

// Counts tells whether the instance is capacity: pending, starting or running,
// without a notice.
func (i Instance) Counts() bool { return Counts(i.Status, i.Noticed) }

// Healthy tells whether the instance is capacity and can be relied on.
func (i Instance) Healthy() bool { return i.Counts() && i.Unhealthy == nil }

// Counts tells whether an instance in a status is capacity: pending, starting
// or running, and without an interruption notice.
func Counts(status fleetv1.InstanceStatus, noticed bool) bool {
	switch status {
	case fleetv1.InstanceStatus_INSTANCE_STATUS_PENDING,
		fleetv1.InstanceStatus_INSTANCE_STATUS_STARTING,
		fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING:
		return !noticed
	default:
		return false
	}
}

// A Pending is a number of launch slots whose instances the fleet does not
// show: the call's outcome is not known, or the fleet's list is late.
type Pending struct {
	// Zone is the zone of the pool.
	Zone string
	// Method is the billing method of the pool.
	Method fleetv1.BillingMethod
	// Weight is what one instance contributes, in milliunits.
	Weight int64
	// Count is how many there are.
	Count int
	// Answered is whether the fleet has said that they were launched.
	Answered bool
	// Price is what one is expected to cost, in micro-units of the currency per
	// hour.
	Price int64
}

// Observed is what is there of a group.
type Observed struct {
	// Now is when that was.
	Now time.Time
	// Instances are those that the fleet shows, in order of creation.
	Instances []Instance
	// Pending are those that it does not show.
	Pending []Pending
	// Stale is whether verdicts are those of an earlier look: whoever was
	// unhealthy then is not relied on, and that is all that is done about it.
	Stale bool
}

// Counted tells the capacity that shown instances make, healthy or not.
func (o Observed) Counted() Amounts {
	var sum Amounts
	for _, instance := range o.Instances {
		if instance.Counts() {
			sum.add(instance.Method, instance.Class.Weight)
		}
	}
	return sum
}

// Healthy tells the capacity that shown instances make that can be relied on.
func (o Observed) Healthy() Amounts {
	var sum Amounts
	for _, instance := range o.Instances {
		if instance.Healthy() {
			sum.add(instance.Method, instance.Class.Weight)
		}
	}
	return sum
}

// Noticed tells the capacity that is there until its interruption.
func (o Observed) Noticed() Amounts {
	var sum Amounts
	for _, instance := range o.Instances {
		if instance.Noticed && Counts(instance.Status, false) {
			sum.add(instance.Method, instance.Class.Weight)
		}
	}
	return sum
}

// Unhealthy tells how many instances would be capacity if they were not
// unhealthy.
func (o Observed) Unhealthy() int {
	count := 0
	for _, instance := range o.Instances {
		if instance.Counts() && !instance.Healthy() {
			count++
		}
	}
	return count
}

// Held tells the capacity that the cloud is known to have given and that can be
// relied on: what is shown, and what it has said that it launched.
func (o Observed) Held() Amounts {
	sum := o.Healthy()
	for _, pending := range o.Pending {
		if pending.Answered {
			sum.add(pending.Method, pending.Weight*int64(pending.Count))
		}
	}
	return sum
}

// Expected tells the capacity that there is when all that is pending appears,
// healthy or not.
func (o Observed) Expected() Amounts { return o.Counted().Plus(o.pending()) }

// pending is the capacity that is not shown yet.
func (o Observed) pending() Amounts {
	var sum Amounts
	for _, pending := range o.Pending {
		sum.add(pending.Method, pending.Weight*int64(pending.Count))
	}
	return sum
}

// ExpectedInstances tells how many instances make the expected capacity.
func (o Observed) ExpectedInstances() int {
	count := 0
	for _, instance := range o.Instances {
		if instance.Counts() {
			count++
		}
	}
	for _, pending := range o.Pending {
		count += pending.Count
	}
	return count
}

// A ZoneHolding is what a group is expected to hold in a zone that can be relied
// on: who is unhealthy will be gone.
type ZoneHolding struct {
	// SpotMilliunits is the spot capacity.
	SpotMilliunits int64
	// Instances is how many instances, of either billing method.
	Instances int
}

// ByZone tells what is expected in each zone that has anything.
func (o Observed) ByZone() map[string]ZoneHolding {
	held := map[string]ZoneHolding{}
	add := func(zone string, method fleetv1.BillingMethod, weight int64, count int) {
		holding := held[zone]
		holding.Instances += count
		if method == fleetv1.BillingMethod_BILLING_METHOD_SPOT {
			holding.SpotMilliunits += weight * int64(count)
		}
		held[zone] = holding
	}
	for _, instance := range o.Instances {
		if instance.Healthy() {
			add(instance.Zone, instance.Method, instance.Class.Weight, 1)
		}
	}
	for _, pending := range o.Pending {
		add(pending.Zone, pending.Method, pending.Weight, pending.Count)
	}
	return held
}
