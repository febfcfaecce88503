package plan

import (
	"cmp"
	"slices"
	"strings"
	"time"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// A Verdict is why an instance can not be relied on.
type Verdict struct {
	// Reason is one word for programs.
	Reason string
	// Message is what was seen, for people.
	Message string
	// Since is when it was found.
	Since time.Time
}

// String is the verdict in words.
func (v Verdict) String() string {
	return "unhealthy: " + strings.TrimSpace(v.Reason+" "+v.Message)
}

// replaceUnhealthy deals with the unhealthy instances of a billing method. They
// are held, and go only as far as what runs well and those that stay make the
// target without them. What is launched for them takes the group above its
// target by no more than the share, or by one instance. With verdicts of before
// nothing is done.
func (p *Plan) replaceUnhealthy(desired Desired, observed Observed, method fleetv1.BillingMethod) {
	if observed.Stale || desired.Suspended.Replace {
		return
	}
	target, short := desired.Target.Of(method), p.Need.Of(method) > 0
	waiting, left := p.giveUp(desired, observed, method)
	if !desired.Replace || !desired.Suspended.replaces() {
		return
	}
	replaced := turn(waiting, target*int64(desired.ReplacePercent)/100)
	for _, instance := range replaced {
		p.Replacing = append(p.Replacing, instance.ID)
	}
	room := fitting(desired, observed, replaced)
	if len(room) == 0 && len(replaced) > 0 {
		// Limits leave no room to launch first. What is unhealthy does no work,
		// so to let it go first takes no healthy capacity away. Not before
		// those that went before have their replacement.
		if left >= target && !short {
			p.remove(replaced, true)
		}
		return
	}
	wanted := target + weightOf(room)
	p.Need.set(method, max(p.Need.Of(method), wanted-expectedOf(desired, observed).Of(method)))
}

// giveUp removes unhealthy instances that are made up for, and tells which stay
// and what they and those that run well make.
func (p *Plan) giveUp(desired Desired, observed Observed, method fleetv1.BillingMethod) (waiting []Instance, left int64) {
	waiting = unhealthyOf(observed, method)
	left = weightOf(waiting)
	target := desired.Target.Of(method)
	if method == fleetv1.BillingMethod_BILLING_METHOD_SPOT {
		target += desired.arriving // what is to stand in for them does not run yet
	}
	for _, instance := range observed.Instances {
		if instance.Healthy() && instance.Method == method && instance.Status == fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING {
			left += instance.Class.Weight
		}
	}
	var gone []Instance
	waiting = slices.DeleteFunc(waiting, func(instance Instance) bool {
		spare := left-instance.Class.Weight >= target
		if spare {
			left -= instance.Class.Weight
			gone = append(gone, instance)
		}
		return spare
	})
	p.remove(gone, desired.Replace || desired.ReleaseExcess)
	return waiting, left
}

func (p *Plan) remove(unhealthy []Instance, release bool) {
	for _, instance := range unhealthy {
		p.Removals = append(p.Removals, Removal{ID: instance.ID, Release: release, Reason: instance.Unhealthy.String()})
	}
}

// unhealthyOf are the unhealthy instances of a method that would count if they
// were well, longest ill first.
func unhealthyOf(observed Observed, method fleetv1.BillingMethod) []Instance {
	var found []Instance
	for _, instance := range observed.Instances {
		if instance.Counts() && !instance.Healthy() && instance.Method == method {
			found = append(found, instance)
		}
	}
	slices.SortFunc(found, func(a, b Instance) int {
		return cmp.Or(a.Unhealthy.Since.Compare(b.Unhealthy.Since), cmp.Compare(a.ID, b.ID))
	})
	return found
}

// turn are those of waiting instances whose replacement can be under way at the
// same time: as many as a share of the target holds, and one at least.
func turn(waiting []Instance, share int64) []Instance {
	var chosen []Instance
	for _, instance := range waiting {
		if len(chosen) == 0 || instance.Class.Weight <= share {
			chosen = append(chosen, instance)
			share -= instance.Class.Weight
		}
	}
	return chosen
}

// fitting are those for each of which limits and budget of a group leave room for
// one more instance like it.
func fitting(desired Desired, observed Observed, replaced []Instance) []Instance {
	money := desired.Budget.room(observed)
	instances, milliunits := MaxInstances-observed.ExpectedInstances(), MaxMilliunits-observed.Expected().Total()
	for i, instance := range replaced {
		milliunits -= instance.Class.Weight
		money -= instance.Price
		if i >= instances || milliunits < 0 || money < 0 {
			return replaced[:i]
		}
	}
	return replaced
}

func weightOf(instances []Instance) int64 {
	sum := int64(0)
	for _, instance := range instances {
		sum += instance.Class.Weight
	}
	return sum
}
