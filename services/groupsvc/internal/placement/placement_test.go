package placement_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/placement"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

const (
	payAsYouGo = fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO
	spot       = fleetv1.BillingMethod_BILLING_METHOD_SPOT
)

// mixed is a spec of a candidate that names its type, one whose types weigh the
// same, and one whose types have weights of their own.
func mixed() *groupv1.GroupSpec {
	return &groupv1.GroupSpec{
		Candidates: []*groupv1.Candidate{
			{ZoneId: "a", InstanceType: "named", WeightedCapacity: proto.Float64(2), MaxPriceMicrosPerHour: 50},
			{ZoneId: "b", Attributes: &allocatorv1.InstanceAttributes{Vcpus: []int32{4}}, WeightedCapacity: proto.Float64(3)},
			{
				ZoneId: "a", Attributes: &allocatorv1.InstanceAttributes{CapacityUnit: allocatorv1.CapacityUnit_CAPACITY_UNIT_VCPU},
				Priority: proto.Int32(1), MaxPriceMicrosPerHour: 90,
			},
		},
		PayAsYouGo: &groupv1.PayAsYouGoOptions{
			AllocationStrategy: allocatorv1.PayAsYouGoAllocationStrategy_PAY_AS_YOU_GO_ALLOCATION_STRATEGY_ZONE_AND_TYPE,
			ZonePolicy:         allocatorv1.ZonePolicy_ZONE_POLICY_SEQUENCED, TypePolicy: allocatorv1.TypePolicy_TYPE_POLICY_COST_CENTERED,
		},
		Spot: &groupv1.SpotOptions{
			AllocationStrategy: allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_ZONE_AND_TYPE, MaxPriceMicrosPerHour: 70,
			ZonePolicy: allocatorv1.ZonePolicy_ZONE_POLICY_BALANCED, TypePolicy: allocatorv1.TypePolicy_TYPE_POLICY_SEQUENCED,
		},
	}
}

func TestRequest(t *testing.T) {
	observed := plan.Observed{
		Instances: []plan.Instance{
			{Zone: "b", Method: spot, Status: fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING, Class: plan.Class{Weight: 3000}},
			{Zone: "b", Method: payAsYouGo, Status: fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING, Class: plan.Class{Weight: 3000}},
			{Zone: "c", Method: spot, Status: fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPED, Class: plan.Class{Weight: 1000}},
		},
		Pending: []plan.Pending{{Zone: "a", Method: payAsYouGo, Weight: 2000, Count: 4}},
	}
	want := &allocatorv1.PlaceRequest{
		Candidates: []*allocatorv1.Candidate{
			{ZoneId: "a", InstanceType: "named", WeightMilliunits: 2000, MaxPriceMicrosPerHour: 50},
			{ZoneId: "b", Attributes: &allocatorv1.InstanceAttributes{Vcpus: []int32{4}}, WeightMilliunits: 3000},
			{
				ZoneId: "a", Attributes: &allocatorv1.InstanceAttributes{CapacityUnit: allocatorv1.CapacityUnit_CAPACITY_UNIT_VCPU},
				WeightMilliunits: 1, Priority: proto.Int32(1), MaxPriceMicrosPerHour: 90,
			},
		},
		Demands: []*allocatorv1.Demand{
			{
				BillingMethod: payAsYouGo, WantedMilliunits: 5000,
				PayAsYouGoStrategy: allocatorv1.PayAsYouGoAllocationStrategy_PAY_AS_YOU_GO_ALLOCATION_STRATEGY_ZONE_AND_TYPE,
				ZonePolicy:         allocatorv1.ZonePolicy_ZONE_POLICY_SEQUENCED, TypePolicy: allocatorv1.TypePolicy_TYPE_POLICY_COST_CENTERED,
			},
			{
				BillingMethod: spot, WantedMilliunits: 7000, MaxPriceMicrosPerHour: 70,
				SpotStrategy: allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_ZONE_AND_TYPE,
				ZonePolicy:   allocatorv1.ZonePolicy_ZONE_POLICY_BALANCED, TypePolicy: allocatorv1.TypePolicy_TYPE_POLICY_SEQUENCED,
			},
		},
		Existing: []*allocatorv1.ZoneCapacity{
			{ZoneId: "a", Instances: 4}, {ZoneId: "b", SpotMilliunits: 3000, Instances: 2},
		},
		MaxInstances: proto.Int32(plan.MaxInstances - 6), MaxMilliunits: proto.Int64(plan.MaxMilliunits - 14_000),
	}
	got := placement.Request(mixed(), plan.Amounts{PayAsYouGo: 5000, Spot: 7000}, observed, nil)
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

func taken(candidate int32, zone, instanceType string, weight int64) *allocatorv1.PoolDecision {
	return &allocatorv1.PoolDecision{
		CandidateIndex: candidate, ZoneId: zone, InstanceType: instanceType, WeightMilliunits: weight,
		Instances: 1, PriceMicrosPerHour: 40, Verdict: allocatorv1.Verdict_VERDICT_TAKEN,
	}
}

func answered(method fleetv1.BillingMethod, pools ...*allocatorv1.PoolDecision) *allocatorv1.PlaceResponse {
	return &allocatorv1.PlaceResponse{Placements: []*allocatorv1.DemandPlacement{{BillingMethod: method, Pools: pools}}}
}

func TestTakesOf(t *testing.T) {
	got := placement.TakesOf(mixed(), answered(spot,
		taken(0, "a", "named", 1), taken(1, "b", "four", 9999), taken(2, "a", "eight", 8000)))
	want := []placement.Take{
		{Pool: placement.Pool{Zone: "a", Type: "named", Method: spot}, Instances: 1, Weight: 2000, Price: 40, MaxPrice: 50},
		{
			Pool: placement.Pool{Zone: "b", Type: "four", Method: spot}, Instances: 1, Weight: 3000, Price: 40, MaxPrice: 70,
			Expansion: &plan.Expansion{Zone: "b", Type: "four", Candidate: 1, Weight: 3000},
		},
		{
			Pool: placement.Pool{Zone: "a", Type: "eight", Method: spot}, Instances: 1, Weight: 8000, Price: 40, MaxPrice: 70,
			Expansion: &plan.Expansion{Zone: "a", Type: "eight", Candidate: 2, Weight: 8000},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("takes (-want +got):\n%s", diff)
	}
}

// S5: what an answer names besides the candidates is not launched, however it
// came to be there.
func TestTakesOf_launchesNothingOutsideTheCandidates(t *testing.T) {
	for name, decision := range map[string]*allocatorv1.PoolDecision{
		"another type than the candidate's":       taken(0, "a", "other", 1000),
		"another zone than the candidate's":       taken(0, "b", "named", 1000),
		"another zone than its attributes are of": taken(1, "a", "four", 1000),
		"no type":                          taken(1, "b", "", 1000),
		"a candidate that there is not":    taken(3, "a", "named", 1000),
		"a candidate below the first":      taken(-1, "a", "named", 1000),
		"a type that weighs nothing":       taken(2, "a", "eight", 0),
		"a type that weighs more than all": taken(2, "a", "eight", plan.MaxMilliunits+1),
		"a pool that is not taken": {
			ZoneId: "a", InstanceType: "named", Instances: 1, Verdict: allocatorv1.Verdict_VERDICT_NOT_NEEDED,
		},
	} {
		if takes := placement.TakesOf(mixed(), answered(spot, decision)); len(takes) > 0 {
			t.Errorf("%s: launches %+v", name, takes)
		}
	}
}

// Pools that attributes stand for are too many to tell of each that was passed
// over.
func TestRuledOut(t *testing.T) {
	soldOut := func(decision *allocatorv1.PoolDecision) *allocatorv1.PoolDecision {
		decision.Verdict, decision.Instances = allocatorv1.Verdict_VERDICT_NO_STOCK, 0
		return decision
	}
	got := placement.RuledOut(mixed(), answered(payAsYouGo, soldOut(taken(0, "a", "named", 1)), soldOut(taken(1, "b", "four", 1))))
	want := []*groupv1.LaunchResult{{
		ZoneId: "a", InstanceType: "named", SpotStrategy: groupv1.SpotStrategy_SPOT_STRATEGY_NO_SPOT,
		ErrorCode: placement.CodeNoStock, ErrorMessage: "The instanceTypes are out of usage.",
	}}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}
