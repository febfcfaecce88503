package plan_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

// member is a running spot instance of one unit.
func member(id, zone string, price int64, change ...func(*plan.Instance)) plan.Instance {
	instance := plan.Instance{
		ID: id, Zone: zone, Method: spot, Status: fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING,
		Price: price, Created: origin, Class: plan.Class{Weight: 1000},
	}
	for _, change := range change {
		change(&instance)
	}
	return instance
}

func onDemand(i *plan.Instance) { i.Method = payAsYouGo }
func noticed(i *plan.Instance)  { i.Noticed = true }
func stopped(i *plan.Instance)  { i.Status = fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPED }
func younger(i *plan.Instance)  { i.Created = origin.Add(time.Hour) }
func ranked(priority int32) func(*plan.Instance) {
	return func(i *plan.Instance) { i.Class.Priority = priority }
}

func TestMake_golden(t *testing.T) {
	maintain := func(payAsYouGo, spot int64) plan.Desired {
		return plan.Desired{Target: plan.Amounts{PayAsYouGo: payAsYouGo * 1000, Spot: spot * 1000}, Replace: true, ReleaseExcess: true, Since: origin.Add(time.Minute)}
	}
	for name, test := range map[string]struct {
		desired  plan.Desired
		observed plan.Observed
		want     plan.Plan
	}{
		"an empty group needs its target": {
			desired: maintain(20, 100),
			want:    plan.Plan{Need: plan.Amounts{PayAsYouGo: 20_000, Spot: 100_000}},
		},
		"what was launched counts before it is shown": {
			desired:  maintain(0, 10),
			observed: plan.Observed{Pending: []plan.Pending{{Method: spot, Weight: 2000, Count: 3}}},
			want:     plan.Plan{Need: plan.Amounts{Spot: 4000}},
		},
		"the noticed are replaced and left alone": {
			desired:  maintain(0, 2),
			observed: plan.Observed{Instances: []plan.Instance{member("a", "z", 1), member("b", "z", 1, noticed)}},
			want:     plan.Plan{Need: plan.Amounts{Spot: 1000}},
		},
		"the stopped are replaced first": {
			desired:  maintain(0, 2),
			observed: plan.Observed{Instances: []plan.Instance{member("a", "z", 1), member("b", "z", 1, stopped)}},
			want:     plan.Plan{Need: plan.Amounts{Spot: 1000}},
		},
		"and go then": {
			desired:  maintain(0, 1),
			observed: plan.Observed{Instances: []plan.Instance{member("a", "z", 1), member("b", "z", 1, stopped)}},
			want:     plan.Plan{Removals: []plan.Removal{{ID: "b", Release: true, Reason: "unhealthy: stopped"}}},
		},
		"spot never makes up for pay-as-you-go, and stays while that is missing": {
			desired:  maintain(2, 1),
			observed: plan.Observed{Instances: []plan.Instance{member("a", "z", 1), member("b", "z", 1), member("c", "z", 1)}},
			want:     plan.Plan{Need: plan.Amounts{PayAsYouGo: 2000}},
		},
		"the dearest go first, then the oldest": {
			desired: maintain(0, 1),
			observed: plan.Observed{Instances: []plan.Instance{
				member("cheap", "z", 1), member("young", "z", 5, younger), member("old", "z", 5),
			}},
			want: plan.Plan{Removals: []plan.Removal{
				{ID: "old", Release: true, Reason: "excess: dearest unit price"},
				{ID: "young", Release: true, Reason: "excess: dearest unit price"},
			}},
		},
		"the fullest zone gives when diversified": {
			desired: func() plan.Desired {
				d := maintain(0, 2)
				d.SpotOrder = plan.Order{Zones: plan.MostCapacityZone}
				return d
			}(),
			observed: plan.Observed{Instances: []plan.Instance{
				member("a1", "a", 1), member("a2", "a", 2), member("a3", "a", 3), member("b1", "b", 9),
			}},
			want: plan.Plan{Removals: []plan.Removal{
				{ID: "a3", Release: true, Reason: "excess: fullest zone"},
				{ID: "a2", Release: true, Reason: "excess: fullest zone"},
			}},
		},
		"the lowest priority gives when prioritized": {
			desired: func() plan.Desired {
				d := maintain(1, 0)
				d.PayAsYouGoOrder = plan.Order{Pools: plan.LowestPriorityPool}
				return d
			}(),
			observed: plan.Observed{Instances: []plan.Instance{
				member("first", "a", 9, onDemand, ranked(0)), member("last", "a", 1, onDemand, ranked(7)),
			}},
			want: plan.Plan{Removals: []plan.Removal{{ID: "last", Release: true, Reason: "excess: lowest priority"}}},
		},
		"nobody goes for what is not shown yet": {
			desired:  maintain(0, 2),
			observed: plan.Observed{Instances: []plan.Instance{member("a", "z", 1), member("b", "z", 1)}, Pending: []plan.Pending{{Method: spot, Weight: 1000, Count: 1}}},
			want:     plan.Plan{AwaitShown: true},
		},
		"instant groups replace nothing after their attempt": {
			desired:  plan.Desired{Target: plan.Amounts{Spot: 5000}},
			observed: plan.Observed{Instances: []plan.Instance{member("a", "z", 1)}},
			want:     plan.Plan{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, plan.Make(test.desired, test.observed)); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDesiredOf_givesTheRestToTheDefaultType(t *testing.T) {
	group := &groupv1.Group{Spec: &groupv1.GroupSpec{TargetCapacity: &groupv1.TargetCapacity{Total: 10, PayAsYouGo: 3, Spot: 2}}}
	if got := plan.DesiredOf(group, true).Target; got != (plan.Amounts{PayAsYouGo: 3000, Spot: 7000}) {
		t.Errorf("target %+v", got)
	}
	group.Spec.TargetCapacity.DefaultType = groupv1.DefaultTargetCapacityType_DEFAULT_TARGET_CAPACITY_TYPE_PAY_AS_YOU_GO
	if got := plan.DesiredOf(group, true).Target; got != (plan.Amounts{PayAsYouGo: 8000, Spot: 2000}) {
		t.Errorf("target %+v", got)
	}
}

func TestEnd_takesAll(t *testing.T) {
	observed := plan.Observed{Instances: []plan.Instance{member("a", "z", 1), member("b", "z", 1, noticed), member("c", "z", 1, stopped)}}
	if got := plan.End(observed, false, "over"); len(got.Removals) != 3 || got.Removals[1].Release {
		t.Errorf("plan %+v", got)
	}
}
