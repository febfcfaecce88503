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

const (
	payAsYouGo = fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO
	spot       = fleetv1.BillingMethod_BILLING_METHOD_SPOT
)

var origin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

var methods = []fleetv1.BillingMethod{payAsYouGo, spot}

func anyMethod(t *rapid.T) fleetv1.BillingMethod {
	return rapid.SampledFrom(methods).Draw(t, "method")
}

func anyObserved(t *rapid.T, weights []int64) plan.Observed {
	var observed plan.Observed
	for i := range rapid.IntRange(0, 30).Draw(t, "instances") {
		observed.Instances = append(observed.Instances, plan.Instance{
			ID: fmt.Sprintf("i-%02d", i), Zone: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "zone"),
			Method: anyMethod(t),
			Status: rapid.SampledFrom([]fleetv1.InstanceStatus{
				fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING, fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING,
				fleetv1.InstanceStatus_INSTANCE_STATUS_PENDING, fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPED,
			}).Draw(t, "status"),
			Noticed:   rapid.IntRange(0, 5).Draw(t, "noticed") == 0,
			Price:     rapid.Int64Range(1, 1_000_000).Draw(t, "price"),
			Created:   origin.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "age")) * time.Second),
			Class:     plan.Class{Weight: rapid.SampledFrom(weights).Draw(t, "weight"), Priority: rapid.Int32Range(0, 3).Draw(t, "priority")},
			Unhealthy: anyVerdict(t), Protected: rapid.IntRange(0, 5).Draw(t, "protected") == 0,
		})
	}
	for range rapid.IntRange(0, 3).Draw(t, "pending") {
		observed.Pending = append(observed.Pending, plan.Pending{
			Zone: "a", Method: anyMethod(t), Weight: rapid.SampledFrom(weights).Draw(t, "weight"),
			Count: rapid.IntRange(1, 10).Draw(t, "count"), Answered: rapid.Bool().Draw(t, "answered"),
		})
	}
	return observed
}

// anyVerdict is that of an unhealthy instance, one in five.
func anyVerdict(t *rapid.T) *plan.Verdict {
	if rapid.IntRange(0, 4).Draw(t, "unhealthy") != 0 {
		return nil
	}
	return &plan.Verdict{Reason: "ProbeFailed", Since: origin.Add(time.Duration(rapid.IntRange(0, 9).Draw(t, "since")) * time.Second)}
}

func anyDesired(t *rapid.T) plan.Desired {
	anyOrder := func() plan.Order {
		return plan.Order{
			Zones: rapid.SampledFrom([]plan.ZoneOrder{plan.AnyZone, plan.MostCapacityZone, plan.MostInstancesZone, plan.LastZone}).Draw(t, "zones"),
			Pools: rapid.SampledFrom([]plan.PoolOrder{plan.DearestPool, plan.LowestPriorityPool, plan.LastPool, plan.DearestInstance}).Draw(t, "pools"),
		}
	}
	return plan.Desired{
		Target: plan.Amounts{
			PayAsYouGo: rapid.Int64Range(0, 40).Draw(t, "pay-as-you-go") * 1000,
			Spot:       rapid.Int64Range(0, 40).Draw(t, "spot") * 1000,
		},
		ReplacePercent: rapid.Int32Range(1, 100).Draw(t, "share"), KeepNoticed: rapid.Bool().Draw(t, "keep noticed"),
		Replace: rapid.Bool().Draw(t, "maintain"), Attempt: rapid.Bool().Draw(t, "attempt"),
		Since:           origin.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "since")) * time.Second),
		ReleaseExcess:   rapid.Bool().Draw(t, "release"),
		PayAsYouGoOrder: anyOrder(), SpotOrder: anyOrder(),
	}
}

var someWeights = []int64{500, 1000, 1000, 2000, 8000}

// without is what is there once the removals of a plan are made.
func without(observed plan.Observed, removals []plan.Removal) plan.Observed {
	left := plan.Observed{Pending: observed.Pending, Stale: observed.Stale}
	for _, instance := range observed.Instances {
		if !slices.ContainsFunc(removals, func(r plan.Removal) bool { return r.ID == instance.ID }) {
			left.Instances = append(left.Instances, instance)
		}
	}
	return left
}

// S4: no removal takes a method, or the whole, below target, and none takes
// what is below it already any lower.
func TestMake_neverUndershoots_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		desired, observed := anyDesired(t), anyObserved(t, someWeights)
		desired.Suspended = anySuspended(t)
		for range rapid.IntRange(0, 3).Draw(t, "advice") {
			desired.SpotOrder.First = append(desired.SpotOrder.First, plan.Share{
				Zone: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "advised zone"), Count: rapid.IntRange(0, 9).Draw(t, "advised"),
			})
			desired.SpotOrder.FirstReason = "advice"
		}
		made := plan.Make(desired, observed)
		before, after := observed.Healthy(), without(observed, made.Removals).Healthy()
		for _, method := range methods {
			if after.Of(method) < min(before.Of(method), desired.Target.Of(method)) {
				t.Errorf("%v falls from %d to %d, target %d", method, before.Of(method), after.Of(method), desired.Target.Of(method))
			}
		}
		if after.Total() < min(before.Total(), desired.Target.Total()) {
			t.Errorf("capacity falls from %d to %d, target %d", before.Total(), after.Total(), desired.Target.Total())
		}
		seen := map[string]bool{}
		for _, removal := range made.Removals {
			if seen[removal.ID] || removal.Reason == "" {
				t.Errorf("removal %v twice or without a reason", removal)
			}
			seen[removal.ID] = true
		}
	})
}

// wellOnly is what is there when nobody is unhealthy.
func wellOnly(observed plan.Observed) plan.Observed {
	observed.Instances = slices.Clone(observed.Instances)
	for i := range observed.Instances {
		observed.Instances[i].Unhealthy = nil
	}
	return observed
}

// expectedOf is the capacity of a method beside which more is launched.
func expectedOf(desired plan.Desired, observed plan.Observed, method fleetv1.BillingMethod) int64 {
	if desired.KeepNoticed {
		return observed.Expected().Of(method) + observed.Noticed().Of(method)
	}
	return observed.Expected().Of(method)
}

// What is needed is exactly what each method lacks: one never makes up for the
// other.
func TestMake_needsWhatEachMethodLacks_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		desired, observed := anyDesired(t), anyObserved(t, someWeights)
		observed.Stale = rapid.Bool().Draw(t, "stale")
		if !observed.Stale { // then what is unhealthy is left alone
			observed = wellOnly(observed)
		}
		need := plan.Make(desired, observed).Need
		for _, method := range methods {
			want := max(0, desired.Target.Of(method)-expectedOf(desired, observed, method))
			if !desired.Replace && !desired.Attempt {
				want = 0
			}
			if need.Of(method) != want {
				t.Errorf("%v: needs %d, want %d", method, need.Of(method), want)
			}
		}
	})
}

// apply makes a plan come true: the need is met by instances of one weight, the
// last of which may pass it (S3), and removals are made.
func apply(observed plan.Observed, made plan.Plan, weight int64, at time.Time) plan.Observed {
	next := without(observed, made.Removals)
	for _, method := range methods {
		for left := made.Need.Of(method); left > 0; left -= weight {
			next.Instances = append(next.Instances, plan.Instance{
				ID: fmt.Sprintf("n-%d-%04d", method, len(next.Instances)), Zone: "a", Method: method, Created: at,
				Status: fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING, Price: 1, Class: plan.Class{Weight: weight},
			})
		}
	}
	return next
}

// A plan that came true leaves nothing to do, but for what must wait for its
// launches: instances of one method that go when those of the other are there.
func TestMake_comesToRest_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		desired, observed := anyDesired(t), anyObserved(t, someWeights)
		observed.Pending = nil
		observed = wellOnly(observed)
		weight := rapid.SampledFrom(someWeights).Draw(t, "launch weight")
		at := desired.Since.Add(time.Second)
		launches := 0
		for range 3 {
			made := plan.Make(desired, observed)
			if made.Need.Total() > 0 {
				launches++
			}
			observed = apply(observed, made, weight, at)
		}
		if made := plan.Make(desired, observed); made.Need != (plan.Amounts{}) || len(made.Removals) > 0 || made.AwaitShown || launches > 1 {
			t.Errorf("after three plans, %d of them with launches: %+v", launches, made)
		}
	})
}

// S3: the last instance of a launch may pass the target; that alone makes
// nobody go.
func TestMake_roundingIsNotExcess_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		desired := anyDesired(t)
		desired.Replace = true
		var observed plan.Observed
		for range 3 {
			weight := rapid.SampledFrom(someWeights).Draw(t, "weight")
			need := plan.Make(desired, observed).Need
			for _, method := range methods {
				part := need.Of(method) * rapid.Int64Range(0, 3).Draw(t, "part") / 3
				partial := plan.Plan{}
				if method == spot {
					partial.Need.Spot = part
				} else {
					partial.Need.PayAsYouGo = part
				}
				observed = apply(observed, partial, weight, desired.Since.Add(time.Second))
			}
		}
		if removals := plan.Make(desired, observed).Removals; len(removals) > 0 {
			t.Errorf("removals %v of %+v", removals, observed)
		}
	})
}
