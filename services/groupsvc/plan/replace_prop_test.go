package plan_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

// room is how far the unhealthy instances of a method may take a group above its
// target: the share of it, or the heaviest of them.
func room(desired plan.Desired, observed plan.Observed, method fleetv1.BillingMethod) int64 {
	most := desired.Target.Of(method) * int64(desired.ReplacePercent) / 100
	for _, instance := range observed.Instances {
		if instance.Counts() && !instance.Healthy() && instance.Method == method {
			most = max(most, instance.Class.Weight)
		}
	}
	return most
}

// S3: what is launched takes no method further above its target than the share,
// or one instance; and never more is launched than what is missing when nobody
// unhealthy is relied on.
func TestReplace_keepsToItsShare_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		desired, observed := anyDesired(t), anyObserved(t, someWeights)
		made := plan.Make(desired, observed)
		for _, method := range methods {
			need, target := made.Need.Of(method), desired.Target.Of(method)
			if need == 0 {
				continue
			}
			most := target
			if desired.Replace {
				most += room(desired, observed, method)
			}
			if all := expectedOf(desired, observed, method) + need; all > most {
				t.Errorf("%v comes to %d, target %d, at most %d", method, all, target, most)
			}
			if !desired.Replace && need > max(0, target-observed.Expected().Of(method)) {
				t.Errorf("%v: an instant group launches %d for what is unhealthy", method, need)
			}
		}
	})
}

// Nobody unhealthy goes before what runs makes up for it, and with verdicts of
// before nobody goes for being unhealthy at all.
func TestReplace_launchesFirst_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		desired, observed := anyDesired(t), anyObserved(t, someWeights)
		observed.Stale = rapid.IntRange(0, 3).Draw(t, "stale") == 0
		made := plan.Make(desired, observed)
		for _, method := range methods {
			left, gone := int64(0), int64(0)
			for _, instance := range observed.Instances {
				switch {
				case !instance.Counts() || instance.Method != method:
				case instance.Healthy() && instance.Status != fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING:
				case !instance.Healthy() && slices.ContainsFunc(made.Removals, func(r plan.Removal) bool { return r.ID == instance.ID }):
					gone++
				default:
					left += instance.Class.Weight
				}
			}
			if gone > 0 && (left < desired.Target.Of(method) || observed.Stale) {
				t.Errorf("%d unhealthy go of %v and leave %d, target %d", gone, method, left, desired.Target.Of(method))
			}
		}
	})
}

// run makes what is pending run.
func run(observed plan.Observed) plan.Observed {
	for i, instance := range observed.Instances {
		if instance.Status == fleetv1.InstanceStatus_INSTANCE_STATUS_PENDING {
			observed.Instances[i].Status = fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING
		}
	}
	return observed
}

// L1: plans that come true one after the other replace everyone unhealthy, never
// with less healthy capacity than before or than the target, and then rest.
func TestReplace_endsWithNobodyUnhealthy_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		desired, observed := anyDesired(t), run(anyObserved(t, someWeights))
		observed.Pending, desired.Replace, desired.KeepNoticed = nil, true, false
		weight := rapid.SampledFrom(someWeights).Draw(t, "launch weight")
		for range 200 {
			made := plan.Make(desired, observed)
			before := observed.Healthy()
			// What is launched runs at the next look; it is not there for this
			// one's removals, which the plan did not count on.
			observed = apply(observed, made, weight, desired.Since.Add(1))
			for _, method := range methods {
				if after := observed.Healthy().Of(method); after < min(before.Of(method), desired.Target.Of(method)) {
					t.Errorf("%v falls from %d to %d, target %d", method, before.Of(method), after, desired.Target.Of(method))
				}
			}
			if made.Need == (plan.Amounts{}) && len(made.Removals) == 0 {
				break
			}
		}
		if made := plan.Make(desired, observed); observed.Unhealthy() > 0 || made.Need != (plan.Amounts{}) || len(made.Removals) > 0 {
			t.Errorf("%d are unhealthy still, and the plan is %+v", observed.Unhealthy(), made)
		}
	})
}
