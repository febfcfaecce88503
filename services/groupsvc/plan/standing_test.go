package plan_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

func TestStand_golden(t *testing.T) {
	maintain := plan.Desired{Target: plan.Amounts{PayAsYouGo: 1000, Spot: 1500}, Replace: true}
	one := []plan.Instance{member("a", "z", 1)}
	noStock := plan.Shortfall{Reason: "NoInstanceStock", Message: "no stock"}
	for name, test := range map[string]struct {
		observed plan.Observed
		short    plan.Shortfall
		removing bool
		want     plan.Standing
	}{
		"what the cloud has answered counts": {
			observed: plan.Observed{Instances: one, Pending: []plan.Pending{
				{Method: spot, Weight: 500, Count: 1, Answered: true}, {Method: payAsYouGo, Weight: 1000, Count: 1, Answered: true},
			}},
			want: plan.Standing{Fulfillment: groupv1.Fulfillment_FULFILLMENT_FULFILLED, Met: true, Reason: "Fulfilled", Message: "2.5 of 2.5 units"},
		},
		"what it has not answered does not": {
			observed: plan.Observed{Instances: one, Pending: []plan.Pending{{Method: payAsYouGo, Weight: 1000, Count: 1}}},
			short:    plan.Shortfall{Reason: "Unreachable", Message: "away", Retrying: true},
			want:     plan.Standing{Fulfillment: groupv1.Fulfillment_FULFILLMENT_PENDING_FULFILLMENT, Reason: "Unreachable", Message: "1 of 2.5 units: away"},
		},
		"one method never makes up for the other": {
			observed: plan.Observed{Instances: []plan.Instance{member("a", "z", 1), member("b", "z", 1), member("c", "z", 1)}},
			short:    noStock,
			want:     plan.Standing{Fulfillment: groupv1.Fulfillment_FULFILLMENT_ERROR, Reason: "NoInstanceStock", Message: "1.5 of 2.5 units: no stock"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := plan.Stand(maintain, test.observed, test.short, test.removing); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestIsFull(t *testing.T) {
	spec := func(weights ...float64) *groupv1.GroupSpec {
		made := &groupv1.GroupSpec{}
		for _, weight := range weights {
			made.Candidates = append(made.Candidates, &groupv1.Candidate{WeightedCapacity: proto.Float64(weight)})
		}
		return made
	}
	holding := func(count int, weight int64) plan.Observed {
		return plan.Observed{Pending: []plan.Pending{{Method: spot, Weight: weight, Count: count}}}
	}
	for name, test := range map[string]struct {
		spec     *groupv1.GroupSpec
		observed plan.Observed
		want     bool
	}{
		"empty":                           {spec(10_000), plan.Observed{}, false},
		"one short of the instances":      {spec(1), holding(999, 1000), false},
		"all instances":                   {spec(1), holding(1000, 1000), true},
		"no room for the heavy":           {spec(5000), holding(1, 5_000_001), true},
		"room for the light beside it":    {spec(5000, 4999), holding(1, 5_000_001), false},
		"exactly room for the last":       {spec(5000), holding(1, 5_000_000), false},
		"all units in too few instances":  {spec(0.001), holding(2, 5_000_000), true},
		"the noticed give their place up": {spec(1), plan.Observed{Instances: []plan.Instance{member("a", "z", 1, noticed)}, Pending: holding(999, 1000).Pending}, false},
	} {
		if got := plan.IsFull(test.spec, test.observed); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
