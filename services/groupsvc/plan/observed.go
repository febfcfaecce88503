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
	// Method is its billing method.
	Method fleetv1.BillingMethod
	// Status is the state of its life cycle.
	Status fleetv1.InstanceStatus
	// Noticed is whether it has its interruption notice.
	Noticed bool
	// Price is what it costs, in micro-units of the currency per hour.
	Price int64
	// Created is when its launch was accepted.
	Created time.Time
	// Class is that of its candidate.
	Class Class
}

// Counts tells whether the instance is capacity: pending, starting or running,
// without a notice.
func (i Instance) Counts() bool { return Counts(i.Status, i.Noticed) }

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
	// Instances are those that the fleet shows, in order of creation.
	Instances []Instance
	// Pending are those that it does not show.
	Pending []Pending
}

// Counted tells the capacity that shown instances make.
func (o Observed) Counted() Amounts {
	var sum Amounts
	for _, instance := range o.Instances {
		if instance.Counts() {
			sum.add(instance.Method, instance.Class.Weight)
		}
	}
	return sum
}

// Held tells the capacity that the cloud is known to have given: what is shown,
// and what it has said that it launched.
func (o Observed) Held() Amounts {
	sum := o.Counted()
	for _, pending := range o.Pending {
		if pending.Answered {
			sum.add(pending.Method, pending.Weight*int64(pending.Count))
		}
	}
	return sum
}

// Expected tells the capacity that there is when all that is pending appears.
func (o Observed) Expected() Amounts {
	sum := o.Counted()
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

// A ZoneHolding is what a group is expected to hold in a zone.
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
		if instance.Counts() {
			add(instance.Zone, instance.Method, instance.Class.Weight, 1)
		}
	}
	for _, pending := range o.Pending {
		add(pending.Zone, pending.Method, pending.Weight, pending.Count)
	}
	return held
}
