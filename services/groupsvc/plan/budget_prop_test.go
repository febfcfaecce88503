package plan_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

func anyBudget(t *rapid.T) plan.Budget {
	return plan.Budget{
		Max: rapid.Int64Range(1, 10_000_000).Draw(t, "budget"), Shed: rapid.Bool().Draw(t, "shed"),
		First: rapid.SampledFrom([]fleetv1.BillingMethod{fleetv1.BillingMethod_BILLING_METHOD_UNSPECIFIED, payAsYouGo, spot}).Draw(t, "first"),
	}
}

// reclaimedToo makes some of the stopped instances such that a reclaim stopped.
func reclaimedToo(t *rapid.T, observed plan.Observed) plan.Observed {
	observed.Now = origin.Add(time.Hour)
	observed.Instances = slices.Clone(observed.Instances)
	for i := range observed.Instances {
		instance := &observed.Instances[i]
		if instance.Status != fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPED || rapid.Bool().Draw(t, "by hand") {
			continue
		}
		instance.Reclaimed, instance.Method, instance.Unhealthy = true, spot, nil
		instance.Resting = rapid.IntRange(0, 3).Draw(t, "resting") == 0
		instance.Since = origin.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "minutes")) * time.Minute)
	}
	return observed
}

// What is shed takes the group to its budget and no further: were the last of it
// kept, the budget would be passed. Nobody who is well goes while somebody who is
// not could. Who does not shed keeps all (S4).
func TestShed_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		desired, observed := anyDesired(t), reclaimedToo(t, anyObserved(t, someWeights))
		desired.StoppedRetention = 30 * time.Minute
		before := plan.Make(desired, observed).Removals
		desired.Budget = anyBudget(t)
		var shed []plan.Removal
		for _, removal := range plan.Make(desired, observed).Removals {
			if removal.Reason == "budget: above what the group may cost" {
				shed = append(shed, removal)
			} else {
				before = slices.DeleteFunc(before, func(r plan.Removal) bool { return r.ID == removal.ID })
			}
		}
		if !desired.Budget.Shed && len(shed) > 0 {
			t.Errorf("sheds %v", shed)
		}
		if len(shed) == 0 {
			return
		}
		left := without(observed, plan.Make(desired, observed).Removals)
		last := observed.Instances[slices.IndexFunc(observed.Instances, func(i plan.Instance) bool { return i.ID == shed[len(shed)-1].ID })]
		if left.Cost()+last.Price <= desired.Budget.Max {
			t.Errorf("left costs %d, and %d with %s, of %d", left.Cost(), left.Cost()+last.Price, last.ID, desired.Budget.Max)
		}
		for _, instance := range left.Instances {
			if last.Healthy() && instance.Counts() && !instance.Healthy() && !instance.Protected {
				t.Errorf("%s goes, and %s, which is unhealthy, stays", last.ID, instance.ID)
			}
			if left.Cost() > desired.Budget.Max && instance.Counts() && !instance.Protected {
				t.Errorf("left costs %d of %d, and %s stays", left.Cost(), desired.Budget.Max, instance.ID)
			}
		}
	})
}

// What was shed does not come back at the prices that made it go: only what fits
// in the budget is launched, so that nothing is shed for a launch.
func TestShed_comesToRest_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		desired, observed := anyDesired(t), wellOnly(anyObserved(t, someWeights))
		observed.Pending, desired.Replace, desired.StoppedRetention = nil, true, time.Hour
		desired.Budget = anyBudget(t)
		desired.Budget.Shed = true
		price := rapid.Int64Range(1, 1_000_000).Draw(t, "price")
		for range 4 {
			made := plan.Make(desired, observed)
			for _, method := range methods {
				need := plan.Plan{}
				fits := int64(desired.Budget.Affordable(observed, int(made.Need.Of(method)/1000), price)) * 1000
				need.Need = plan.AmountOf(method, fits)
				was := len(observed.Instances)
				observed = apply(observed, need, 1000, desired.Since.Add(time.Second))
				for i := was; i < len(observed.Instances); i++ {
					observed.Instances[i].Price = price
				}
			}
			observed = without(observed, made.Removals)
		}
		if made := plan.Make(desired, observed); slices.ContainsFunc(made.Removals, func(r plan.Removal) bool { return r.Reason == "budget: above what the group may cost" }) {
			t.Errorf("sheds still: %v of %d", made.Removals, observed.Cost())
		}
	})
}

// S3: of the instances that are started again none could be left out, and none
// takes the group beyond its limits or its budget. None is given up as well.
func TestRestart_startsNoMoreThanNeeded_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		desired := anyDesired(t)
		observed := anyObserved(t, someWeights)
		for i := range rapid.IntRange(0, 10).Draw(t, "stopped") {
			observed.Instances = append(observed.Instances, plan.Instance{
				ID: fmt.Sprintf("s-%02d", i), Zone: "a", Method: spot, Status: fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPED,
				Price: rapid.Int64Range(1, 1_000_000).Draw(t, "price"), Created: origin,
				Class: plan.Class{Weight: rapid.SampledFrom(someWeights).Draw(t, "weight")},
			})
		}
		observed = reclaimedToo(t, observed)
		desired.StoppedRetention = 30 * time.Minute
		if rapid.Bool().Draw(t, "with a budget") {
			desired.Budget = anyBudget(t)
		}
		made := plan.Make(desired, observed)
		started, least, cost := int64(0), int64(1)<<60, observed.Cost()
		for _, id := range made.Restarts {
			instance := observed.Instances[slices.IndexFunc(observed.Instances, func(i plan.Instance) bool { return i.ID == id })]
			started, least, cost = started+instance.Class.Weight, min(least, instance.Class.Weight), cost+instance.Price
			if !instance.Reclaimed || instance.Resting || instance.Noticed || slices.ContainsFunc(made.Removals, func(r plan.Removal) bool { return r.ID == id }) {
				t.Errorf("starts %+v", instance)
			}
		}
		if len(made.Restarts) > 0 && (!desired.Replace || started-least >= made.Need.Spot) {
			t.Errorf("starts %d for a need of %d, the least of which is %d", started, made.Need.Spot, least)
		}
		if len(made.Restarts) > 0 && desired.Budget.Max > 0 && cost > desired.Budget.Max {
			t.Errorf("starts what costs %d, budget %d", cost, desired.Budget.Max)
		}
		for _, instance := range observed.Instances {
			lapsed := instance.Reclaimed && !instance.Noticed && !observed.Now.Before(instance.Since.Add(30*time.Minute))
			goes := slices.ContainsFunc(made.Removals, func(r plan.Removal) bool { return r.ID == instance.ID })
			if instance.Reclaimed && lapsed != goes {
				t.Errorf("%+v goes %v", instance, goes)
			}
		}
	})
}
