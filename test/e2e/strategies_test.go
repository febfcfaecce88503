package e2e_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"buf.build/go/protoyaml"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/test/system"
)

// deepAndThin is a market of pools that are deep and dear, one that is cheap and
// thin, and one in between.
const deepAndThin = `zone_id,instance_type,family,architecture,vcpus,memory_mib,gpus,pay_as_you_go_micros_per_hour,spot_base_permille,capacity_instances
cn-shenzhen-d,ecs.deep1.large,ecs.deep1,x86,2,4096,0,400000,500,4000
cn-shenzhen-e,ecs.deep1.large,ecs.deep1,x86,2,4096,0,400000,400,4000
cn-shenzhen-d,ecs.thin1.large,ecs.thin1,x86,2,4096,0,400000,200,20
cn-shenzhen-e,ecs.deep2.large,ecs.deep2,x86,2,4096,0,500000,700,4000
`

// byPool counts instances by type and zone.
func byPool(instances []*fleetv1.Instance) map[string]int {
	held := map[string]int{}
	for _, instance := range instances {
		held[instance.GetInstanceType()+" "+strings.TrimPrefix(instance.GetZoneId(), "cn-shenzhen-")]++
	}
	return held
}

// Each spot strategy takes the pools that it is for.
func TestStrategies_takeWhatTheyAreFor(t *testing.T) {
	inEach(t, system.Options{Catalog: deepAndThin, Speed: 1200}, func(t *testing.T, s *system.System) {
		for name, test := range map[string]struct {
			options *groupv1.SpotOptions
			want    map[string]int
		}{
			"lowest-price fills the thin pool": {
				&groupv1.SpotOptions{AllocationStrategy: allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_LOWEST_PRICE}, nil,
			},
			"lowest-cost does, too": {
				&groupv1.SpotOptions{AllocationStrategy: allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_LOWEST_COST}, nil,
			},
			"capacity-optimized takes the cheapest of the deep": {
				&groupv1.SpotOptions{AllocationStrategy: allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_CAPACITY_OPTIMIZED},
				map[string]int{"ecs.deep1.large e": 40},
			},
			"capacity-optimized-prioritized takes the first of the deep": {
				&groupv1.SpotOptions{AllocationStrategy: allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_CAPACITY_OPTIMIZED_PRIORITIZED},
				map[string]int{"ecs.deep2.large e": 40},
			},
			"price-capacity-optimized takes the cheapest that is good enough": {
				&groupv1.SpotOptions{AllocationStrategy: allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_PRICE_CAPACITY_OPTIMIZED},
				map[string]int{"ecs.deep1.large e": 40},
			},
			"zone-and-type balances instances over zones": {
				&groupv1.SpotOptions{AllocationStrategy: allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_ZONE_AND_TYPE},
				map[string]int{"ecs.deep1.large d": 20, "ecs.deep1.large e": 20},
			},
			"zone-and-type stays in the first zone": {
				&groupv1.SpotOptions{
					AllocationStrategy: allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_ZONE_AND_TYPE,
					ZonePolicy:         allocatorv1.ZonePolicy_ZONE_POLICY_SEQUENCED,
				},
				map[string]int{"ecs.deep1.large d": 40},
			},
		} {
			t.Run(name, func(t *testing.T) {
				spec := &groupv1.GroupSpec{
					TargetCapacity: &groupv1.TargetCapacity{Total: 40}, Spot: test.options, TerminateInstances: true,
					Candidates: []*groupv1.Candidate{
						{ZoneId: "cn-shenzhen-d", InstanceType: "ecs.deep1.large", Priority: proto.Int32(1)},
						{ZoneId: "cn-shenzhen-e", InstanceType: "ecs.deep1.large", Priority: proto.Int32(1)},
						{ZoneId: "cn-shenzhen-d", InstanceType: "ecs.thin1.large", Priority: proto.Int32(0)},
						{ZoneId: "cn-shenzhen-e", InstanceType: "ecs.deep2.large", Priority: proto.Int32(0)},
					},
				}
				group := create(t, s, &groupv1.CreateGroupRequest{Spec: spec})
				s.AwaitFulfilled(t, group.GetGroupId())
				got := byPool(s.Instances(t, group.GetGroupId()))
				if test.want == nil {
					if got["ecs.thin1.large d"] == 0 {
						t.Errorf("instances by pool: %v, want some of the cheapest", got)
					}
				} else if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("instances by pool (-want +got):\n%s", diff)
				}
				end(t, s, group.GetGroupId())
			})
		}
	})
}

// end deletes a group and waits until its instances are gone.
func end(t *testing.T, s *system.System, groupID string) {
	t.Helper()
	if _, err := s.Groups.DeleteGroup(t.Context(), &groupv1.DeleteGroupRequest{GroupId: groupID}); err != nil {
		t.Fatal(err)
	}
	s.AwaitGroup(t, groupID, "the end of the group", func(g *groupv1.Group) bool {
		return g.GetLifecycle() == groupv1.Lifecycle_LIFECYCLE_DELETED
	})
}

// The groups of examples/groups do what their first lines say, and launch what a
// preview said that they would.
func TestExamples_groups(t *testing.T) {
	files, err := filepath.Glob("../../examples/groups/*.yaml")
	if err != nil || len(files) < 6 {
		t.Fatalf("examples %v, %v", files, err)
	}
	shapes := map[string]map[string]int{
		"lowest-cost": {"ecs.c6.2xlarge d": 2, "ecs.c7.large d": 2},
		"zone-and-type": {
			"ecs.g7.large d": 10, "ecs.g7.large e": 10, "ecs.g7.large f": 10,
		},
	}
	inEach(t, system.Options{Speed: 1200}, func(t *testing.T, s *system.System) {
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".yaml")
			t.Run(name, func(t *testing.T) {
				request := &groupv1.CreateGroupRequest{}
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if err := protoyaml.Unmarshal(data, request); err != nil {
					t.Fatal(err)
				}
				preview, err := s.Groups.PreviewGroup(t.Context(), &groupv1.PreviewGroupRequest{Spec: request.GetSpec()})
				if err != nil {
					t.Fatal(err)
				}
				if preview.GetSummary() == "" {
					t.Error("the preview has no summary")
				}
				group := create(t, s, request)
				group = s.AwaitFulfilled(t, group.GetGroupId())
				if diff := cmp.Diff(preview.GetSpec(), group.GetSpec(), protocmp.Transform()); diff != "" {
					t.Errorf("spec (-previewed +created):\n%s", diff)
				}
				got := byPool(s.Instances(t, group.GetGroupId()))
				if diff := cmp.Diff(previewed(preview), got); diff != "" {
					t.Errorf("instances by pool (-previewed +launched):\n%s", diff)
				}
				if want := shapes[name]; want != nil {
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("instances by pool (-want +got):\n%s", diff)
					}
				}
				end(t, s, group.GetGroupId())
			})
		}
	})
}

// previewed counts the instances of a preview by type and zone.
func previewed(preview *groupv1.PreviewGroupResponse) map[string]int {
	would := map[string]int{}
	for _, placement := range preview.GetPlacements() {
		for _, pool := range placement.GetPools() {
			if pool.GetInstances() > 0 {
				would[pool.GetInstanceType()+" "+strings.TrimPrefix(pool.GetZoneId(), "cn-shenzhen-")] += int(pool.GetInstances())
			}
		}
	}
	return would
}

// A group by attributes holds nothing but types that have them (S5), each
// counting its vCPUs, and keeps to its target through a reclaim.
func TestAttributes(t *testing.T) {
	inEach(t, system.Options{Speed: 1200}, func(t *testing.T, s *system.System) {
		attributes := &allocatorv1.InstanceAttributes{
			Vcpus: []int32{4, 8}, MinMemoryMib: proto.Int64(16_384), MaxMemoryMib: proto.Int64(32_768), ExcludedInstanceTypes: []string{"*6.*"},
			BurstablePerformance: allocatorv1.BurstablePerformance_BURSTABLE_PERFORMANCE_EXCLUDE,
			CapacityUnit:         allocatorv1.CapacityUnit_CAPACITY_UNIT_VCPU,
		}
		spec := &groupv1.GroupSpec{
			TargetCapacity: &groupv1.TargetCapacity{Total: 100, PayAsYouGo: 20}, TerminateInstances: true,
			Spot:                            &groupv1.SpotOptions{PoolsToUse: 8},
			ExcessCapacityTerminationPolicy: groupv1.ExcessCapacityTerminationPolicy_EXCESS_CAPACITY_TERMINATION_POLICY_TERMINATION,
			Candidates: []*groupv1.Candidate{
				{ZoneId: "cn-shenzhen-e", Attributes: attributes}, {ZoneId: "cn-shenzhen-f", Attributes: attributes},
			},
		}
		group := create(t, s, &groupv1.CreateGroupRequest{Spec: spec})
		group = s.AwaitFulfilled(t, group.GetGroupId())
		assertAttributes(t, s, group, attributes)
		reclaimed := reclaimBiggestPool(t, s, group.GetGroupId())
		system.Eventually(t, "the release of the reclaimed instances", func() (bool, any) {
			left := slices.ContainsFunc(s.Instances(t, group.GetGroupId()), func(i *fleetv1.Instance) bool { return reclaimed[i.GetInstanceId()] })
			return !left, left
		})
		group = s.AwaitFulfilled(t, group.GetGroupId())
		assertAttributes(t, s, group, attributes)
	})
}

// assertAttributes holds a group's instances against the catalog and what each
// is said to count.
func assertAttributes(t *testing.T, s *system.System, group *groupv1.Group, attributes *allocatorv1.InstanceAttributes) {
	t.Helper()
	types := map[string]*fleetv1.InstanceType{}
	request := &fleetv1.ListInstanceTypesRequest{PageSize: 250}
	for {
		page, err := s.Fleet.ListInstanceTypes(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		for _, sold := range page.GetInstanceTypes() {
			types[sold.GetInstanceType()] = sold
		}
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			break
		}
	}
	members, err := s.Groups.ListGroupInstances(t.Context(), &groupv1.ListGroupInstancesRequest{GroupId: group.GetGroupId(), PageSize: 250})
	if err != nil {
		t.Fatal(err)
	}
	counted, kinds := 0.0, map[string]bool{}
	for _, member := range members.GetInstances() {
		sold := types[member.GetInstance().GetInstanceType()]
		kinds[sold.GetInstanceType()] = true
		if member.GetCounts() {
			counted += member.GetWeightedCapacity()
		}
		if !slices.Contains(attributes.GetVcpus(), sold.GetVcpus()) || sold.GetMemoryMib() < attributes.GetMinMemoryMib() ||
			sold.GetMemoryMib() > attributes.GetMaxMemoryMib() || sold.GetBurstable() || strings.Contains(sold.GetInstanceType(), "6.") {
			t.Errorf("a member is %v, which has not the attributes", sold)
		}
		if member.GetWeightedCapacity() != float64(sold.GetVcpus()) {
			t.Errorf("%s counts %v, want its %d vCPUs", sold.GetInstanceType(), member.GetWeightedCapacity(), sold.GetVcpus())
		}
	}
	if counted < float64(group.GetSpec().GetTargetCapacity().GetTotal()) || counted != group.GetCapacity().GetFulfilled() {
		t.Errorf("members make %v units, the group says %v", counted, group.GetCapacity().GetFulfilled())
	}
	if len(kinds) < 2 {
		t.Errorf("only types %v", kinds)
	}
}

// A preview on a market that does not exist answers for that market, leaves the
// real one alone, and says what is wrong with one that can not be.
func TestPreview_whatIf(t *testing.T) {
	inEach(t, system.Options{}, func(t *testing.T, s *system.System) {
		spec := maintainSpec(0, 10)
		spec.Spot.PoolsToUse = 1
		preview := func(market *allocatorv1.Market) *groupv1.PreviewGroupResponse {
			t.Helper()
			answer, err := s.Groups.PreviewGroup(t.Context(), &groupv1.PreviewGroupRequest{Spec: spec, WhatIf: market})
			if err != nil {
				t.Fatal(err)
			}
			return answer
		}
		before := previewed(preview(nil))
		pools, err := s.Fleet.ListPools(t.Context(), &fleetv1.ListPoolsRequest{InstanceTypes: []string{"ecs.c6.large", "ecs.g6.large"}})
		if err != nil {
			t.Fatal(err)
		}
		market := &allocatorv1.Market{AsOfTime: timestamppb.New(pools.GetAsOfTime().AsTime().AddDate(0, 0, 7))}
		for _, pool := range pools.GetPools() {
			if before[pool.GetInstanceType()+" "+strings.TrimPrefix(pool.GetZoneId(), "cn-shenzhen-")] > 0 {
				pool.AvailableInstances, pool.StockStatus = proto.Int32(0), fleetv1.StockStatus_STOCK_STATUS_WITHOUT_STOCK
			}
			market.Pools = append(market.Pools, pool)
		}
		imagined := preview(market)
		for pool := range previewed(imagined) {
			if before[pool] > 0 {
				t.Errorf("takes %s, which is sold out there", pool)
			}
		}
		if !imagined.GetViewTime().AsTime().Equal(market.GetAsOfTime().AsTime()) || imagined.GetTotals().GetInstances() != 10 {
			t.Errorf("answered %v for a market of %v", imagined, market.GetAsOfTime().AsTime())
		}
		if diff := cmp.Diff(before, previewed(preview(nil))); diff != "" {
			t.Errorf("the real market (-before +after):\n%s", diff)
		}
		market.Pools = append(market.Pools, market.GetPools()[0])
		market.Pools[1] = &fleetv1.Pool{ZoneId: "cn-shenzhen-d", InstanceType: "ecs.c6.large", BillingMethod: spot, PriceMicrosPerHour: -1}
		_, err = s.Groups.PreviewGroup(t.Context(), &groupv1.PreviewGroupRequest{Spec: spec, WhatIf: market})
		assertNamed(t, err, "what_if.pools[1].price_micros_per_hour")
	})
}
