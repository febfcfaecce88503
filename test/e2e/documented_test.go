package e2e_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/test/system"
)

const (
	spot       = fleetv1.BillingMethod_BILLING_METHOD_SPOT
	payAsYouGo = fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO
)

// The sample of the cloud's documentation: pay-as-you-go is sold out, spot
// delivers, and the call is a success.
func TestDocumentedSample(t *testing.T) {
	inEach(t, system.Options{}, func(t *testing.T, s *system.System) {
		s.Drain(t, &fleetv1.PoolSelector{InstanceType: "ecs.s6-c1m1.small", BillingMethod: payAsYouGo})
		s.AwaitSoldOut(t, "cn-shenzhen-d", "ecs.s6-c1m1.small", payAsYouGo)
		created, err := s.Groups.CreateGroup(t.Context(), &groupv1.CreateGroupRequest{
			RequestId: "0c593ea1-3bea",
			Spec: &groupv1.GroupSpec{
				Type:           groupv1.GroupType_GROUP_TYPE_INSTANT,
				TargetCapacity: &groupv1.TargetCapacity{Total: 5, PayAsYouGo: 3, Spot: 2},
				PayAsYouGo: &groupv1.PayAsYouGoOptions{
					AllocationStrategy: allocatorv1.PayAsYouGoAllocationStrategy_PAY_AS_YOU_GO_ALLOCATION_STRATEGY_PRIORITIZED,
				},
				Spot: &groupv1.SpotOptions{
					AllocationStrategy: allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_LOWEST_PRICE,
				},
				Candidates: []*groupv1.Candidate{{ZoneId: "cn-shenzhen-d", InstanceType: "ecs.s6-c1m1.small"}},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		type result struct {
			Spot   groupv1.SpotStrategy
			Amount int32
			IDs    int
			Code   string
		}
		var got []result
		for _, r := range created.GetLaunchResults() {
			got = append(got, result{r.GetSpotStrategy(), r.GetAmount(), len(r.GetInstanceIds()), r.GetErrorCode()})
		}
		want := []result{
			{groupv1.SpotStrategy_SPOT_STRATEGY_NO_SPOT, 0, 0, "NoInstanceStock"},
			{groupv1.SpotStrategy_SPOT_STRATEGY_SPOT_AS_PRICE_GO, 2, 2, ""},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("launch results (-want +got):\n%s", diff)
		}
		if live := s.Instances(t, created.GetGroup().GetGroupId()); len(live) != 2 {
			t.Errorf("the fleet has %d instances of the group, want 2", len(live))
		}
	})
}

// The price list of the documented order: per vCPU c6.large is the cheapest,
// then c6.2xlarge, then c6.xlarge.
const c6Catalog = `zone_id,instance_type,family,architecture,vcpus,memory_mib,gpus,pay_as_you_go_micros_per_hour,spot_base_permille,capacity_instances
cn-shenzhen-d,ecs.c6.large,ecs.c6,x86,2,4096,0,60000,500,10
cn-shenzhen-d,ecs.c6.xlarge,ecs.c6,x86,4,8192,0,121000,500,10
cn-shenzhen-d,ecs.c6.2xlarge,ecs.c6,x86,8,16384,0,241000,500,10
`

func TestDocumentedOrderOfUnitPrices(t *testing.T) {
	inEach(t, system.Options{Catalog: c6Catalog}, func(t *testing.T, s *system.System) {
		weight := func(w float64) *float64 { return &w }
		preview, err := s.Groups.PreviewGroup(t.Context(), &groupv1.PreviewGroupRequest{Spec: &groupv1.GroupSpec{
			// More than two pools hold, so that all three are taken.
			TargetCapacity: &groupv1.TargetCapacity{Total: 200, PayAsYouGo: 200},
			Candidates: []*groupv1.Candidate{
				{ZoneId: "cn-shenzhen-d", InstanceType: "ecs.c6.xlarge", WeightedCapacity: weight(4)},
				{ZoneId: "cn-shenzhen-d", InstanceType: "ecs.c6.2xlarge", WeightedCapacity: weight(8)},
				{ZoneId: "cn-shenzhen-d", InstanceType: "ecs.c6.large", WeightedCapacity: weight(2)},
			},
		}})
		if err != nil {
			t.Fatal(err)
		}
		var taken []string
		for _, pool := range preview.GetPlacements()[0].GetPools() {
			if pool.GetVerdict() == allocatorv1.Verdict_VERDICT_TAKEN {
				taken = append(taken, pool.GetInstanceType())
			}
		}
		if diff := cmp.Diff([]string{"ecs.c6.large", "ecs.c6.2xlarge", "ecs.c6.xlarge"}, taken); diff != "" {
			t.Errorf("order of the pools taken (-want +got):\n%s", diff)
		}
	})
}

// Eight pools, the last five of them the cheapest.
const eightPools = `zone_id,instance_type,family,architecture,vcpus,memory_mib,gpus,pay_as_you_go_micros_per_hour,spot_base_permille,capacity_instances
cn-shenzhen-d,ecs.a1.large,ecs.a1,x86,2,4096,0,900000,500,1000
cn-shenzhen-d,ecs.a2.large,ecs.a2,x86,2,4096,0,800000,500,1000
cn-shenzhen-d,ecs.a3.large,ecs.a3,x86,2,4096,0,700000,500,1000
cn-shenzhen-d,ecs.a4.large,ecs.a4,x86,2,4096,0,500000,500,1000
cn-shenzhen-e,ecs.a4.large,ecs.a4,x86,2,4096,0,500000,400,1000
cn-shenzhen-d,ecs.a5.large,ecs.a5,x86,2,4096,0,300000,500,1000
cn-shenzhen-e,ecs.a5.large,ecs.a5,x86,2,4096,0,300000,400,1000
cn-shenzhen-e,ecs.a6.large,ecs.a6,x86,2,4096,0,100000,500,1000
`

func TestDocumentedEvenSpread(t *testing.T) {
	inEach(t, system.Options{Catalog: eightPools}, func(t *testing.T, s *system.System) {
		spec := &groupv1.GroupSpec{
			Type: groupv1.GroupType_GROUP_TYPE_INSTANT, TargetCapacity: &groupv1.TargetCapacity{Total: 100, Spot: 100},
			Spot: &groupv1.SpotOptions{PoolsToUse: 5},
		}
		for _, pool := range [][2]string{{"d", "1"}, {"d", "2"}, {"d", "3"}, {"d", "4"}, {"e", "4"}, {"d", "5"}, {"e", "5"}, {"e", "6"}} {
			spec.Candidates = append(spec.Candidates, &groupv1.Candidate{ZoneId: "cn-shenzhen-" + pool[0], InstanceType: "ecs.a" + pool[1] + ".large"})
		}
		created, err := s.Groups.CreateGroup(t.Context(), &groupv1.CreateGroupRequest{Spec: spec})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for _, instance := range s.Instances(t, created.GetGroup().GetGroupId()) {
			got[instance.GetInstanceType()+" "+instance.GetZoneId()]++
		}
		want := map[string]int{
			"ecs.a4.large cn-shenzhen-d": 20, "ecs.a4.large cn-shenzhen-e": 20, "ecs.a5.large cn-shenzhen-d": 20,
			"ecs.a5.large cn-shenzhen-e": 20, "ecs.a6.large cn-shenzhen-e": 20,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("instances by pool (-want +got):\n%s", diff)
		}
	})
}

// Three zones that hold 3, 2 and 3 instances: the second is filled first.
func TestDocumentedDiversified(t *testing.T) {
	inEach(t, system.Options{}, func(t *testing.T, s *system.System) {
		request := &allocatorv1.PlaceRequest{Demands: []*allocatorv1.Demand{{
			BillingMethod: spot, WantedMilliunits: 1000,
			SpotStrategy: allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_DIVERSIFIED,
		}}}
		for zone, held := range map[string]int64{"cn-shenzhen-d": 3000, "cn-shenzhen-e": 2000, "cn-shenzhen-f": 3000} {
			request.Existing = append(request.Existing, &allocatorv1.ZoneCapacity{ZoneId: zone, SpotMilliunits: held})
		}
		for _, zone := range []string{"cn-shenzhen-d", "cn-shenzhen-e", "cn-shenzhen-f"} {
			request.Candidates = append(request.Candidates, &allocatorv1.Candidate{ZoneId: zone, InstanceType: "ecs.c6.large", WeightMilliunits: 1000})
		}
		placed, err := s.Allocator.Place(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		first := placed.GetPlacements()[0].GetPools()[0]
		if first.GetZoneId() != "cn-shenzhen-e" || first.GetInstances() != 1 {
			t.Errorf("the first pool is %v, want 1 instance in cn-shenzhen-e", first)
		}
	})
}
