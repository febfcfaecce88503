package plan_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

func anySuspended(t *rapid.T) plan.Suspended {
	return plan.Suspended{
		Launch: rapid.Bool().Draw(t, "no launching"), Terminate: rapid.Bool().Draw(t, "no terminating"),
		Replace: rapid.Bool().Draw(t, "no replacing"), Rebalance: rapid.Bool().Draw(t, "no rebalancing"),
	}
}

// What is suspended is not done, and what is not suspended is done no more than
// it would be anyway.
func TestSuspended_isNotDone_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		desired, observed := anyDesired(t), anyObserved(t, someWeights)
		free := plan.Make(desired, observed)
		desired.Suspended = anySuspended(t)
		made := plan.Make(desired, observed)
		switch {
		case desired.Suspended.Launch && (made.Need != plan.Amounts{} || len(made.Restarts) > 0):
			t.Errorf("launches %+v and restarts %v", made.Need, made.Restarts)
		case desired.Suspended.Terminate && (len(made.Removals) > 0 || made.AwaitShown):
			t.Errorf("gives up %v", made.Removals)
		}
		for _, instance := range observed.Instances {
			goes := slices.ContainsFunc(made.Removals, func(r plan.Removal) bool { return r.ID == instance.ID })
			if goes && desired.Suspended.Replace && !instance.Healthy() {
				t.Errorf("%+v is replaced", instance)
			}
		}
		for _, method := range methods {
			if made.Need.Of(method) > free.Need.Of(method) {
				t.Errorf("%v: needs %d, and %d when nothing is suspended", method, made.Need.Of(method), free.Need.Of(method))
			}
		}
	})
}

// A group that launches nothing because that is suspended says so.
func TestSuspended_isTold_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		desired, observed := anyDesired(t), anyObserved(t, someWeights)
		desired.Replace, desired.Suspended = true, anySuspended(t)
		made, standing := plan.Make(desired, observed), plan.Stand(desired, observed, plan.Shortfall{}, false)
		if made.Withheld.Total() > 0 && (standing.Met || standing.Reason != plan.ReasonSuspended) {
			t.Errorf("%+v is withheld, and the group says %+v", made.Withheld, standing)
		}
	})
}

// Protected instances go only when they are unhealthy or stopped.
func TestProtected_stay_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		desired, observed := anyDesired(t), anyObserved(t, someWeights)
		for _, removal := range plan.Make(desired, observed).Removals {
			at := slices.IndexFunc(observed.Instances, func(i plan.Instance) bool { return i.ID == removal.ID })
			if instance := observed.Instances[at]; instance.Protected && instance.Healthy() {
				t.Errorf("%+v goes: %s", instance, removal.Reason)
			}
		}
	})
}

// While replacing is suspended a stopped instance keeps its place; what is
// noticed is made up for all the same.
func TestSuspended_replacingLeavesThePlaceOfTheStopped(t *testing.T) {
	desired := plan.Desired{Target: plan.Amounts{Spot: 3000}, Replace: true, Suspended: plan.Suspended{Replace: true}}
	observed := plan.Observed{Instances: []plan.Instance{
		{ID: "stopped", Method: spot, Status: fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPED, Class: plan.Class{Weight: 1000}},
		{ID: "noticed", Method: spot, Status: fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING, Noticed: true, Class: plan.Class{Weight: 1000}},
		{ID: "runs", Method: spot, Status: fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING, Class: plan.Class{Weight: 1000}},
	}}
	if made := plan.Make(desired, observed); made.Need.Spot != 1000 || len(made.Removals) > 0 {
		t.Errorf("got %+v, want one instance launched for the noticed one", made)
	}
	desired.Suspended = plan.Suspended{}
	if made := plan.Make(desired, observed); made.Need.Spot != 2000 {
		t.Errorf("got %+v, want two launched once nothing is suspended", made)
	}
}
