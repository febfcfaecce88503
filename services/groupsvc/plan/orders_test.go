package plan_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

const zoneAndType = allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_ZONE_AND_TYPE

// shrink is who goes, in order, when a maintain group with these spot options is
// to keep so many units, and why the last of them goes.
func shrink(options *groupv1.SpotOptions, keep int32, instances ...plan.Instance) (gone []string, reason string) {
	desired := plan.DesiredOf(&groupv1.Group{Spec: &groupv1.GroupSpec{
		Type:           groupv1.GroupType_GROUP_TYPE_MAINTAIN,
		TargetCapacity: &groupv1.TargetCapacity{Total: keep}, Spot: options,
	}}, false)
	for _, removal := range plan.Make(desired, plan.Observed{Instances: instances}).Removals {
		gone, reason = append(gone, removal.ID), removal.Reason
	}
	return gone, reason
}

func placed(candidate, zoneRank int32) func(*plan.Instance) {
	return func(i *plan.Instance) { i.Class.Candidate, i.Class.ZoneRank = candidate, zoneRank }
}

// Each strategy gives up first what it would have taken last.
func TestDesiredOf_ordersOfRemoval(t *testing.T) {
	fleet := []plan.Instance{
		member("y-c-3", "y", 3, placed(0, 0), ranked(1)), member("y-b-9", "y", 9, placed(1, 0), ranked(0)),
		member("y-a-2", "y", 2, placed(2, 0), ranked(5)), member("y-a-1", "y", 1, placed(2, 0), ranked(5), younger),
		member("x-a-8", "x", 8, placed(3, 1), ranked(2)),
	}
	for name, test := range map[string]struct {
		options *groupv1.SpotOptions
		want    []string
		reason  string
	}{
		"capacity-optimized: the dearest": {
			&groupv1.SpotOptions{AllocationStrategy: allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_CAPACITY_OPTIMIZED},
			[]string{"y-b-9", "x-a-8", "y-c-3"}, "excess: dearest unit price",
		},
		"price-capacity-optimized: the dearest": {
			&groupv1.SpotOptions{AllocationStrategy: allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_PRICE_CAPACITY_OPTIMIZED},
			[]string{"y-b-9", "x-a-8", "y-c-3"}, "excess: dearest unit price",
		},
		"lowest-cost: the dearest": {
			&groupv1.SpotOptions{AllocationStrategy: allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_LOWEST_COST},
			[]string{"y-b-9", "x-a-8", "y-c-3"}, "excess: dearest unit price",
		},
		"capacity-optimized-prioritized: the lowest priority": {
			&groupv1.SpotOptions{AllocationStrategy: allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_CAPACITY_OPTIMIZED_PRIORITIZED},
			[]string{"y-a-2", "y-a-1", "x-a-8"}, "excess: lowest priority",
		},
		"balanced and sequenced: the fullest zone, the last type": {
			&groupv1.SpotOptions{AllocationStrategy: zoneAndType},
			[]string{"y-a-2", "y-a-1", "y-b-9"}, "excess: fullest zone",
		},
		"balanced and cost-centered: the fullest zone, the dearest type": {
			&groupv1.SpotOptions{AllocationStrategy: zoneAndType, TypePolicy: allocatorv1.TypePolicy_TYPE_POLICY_COST_CENTERED},
			[]string{"y-b-9", "y-c-3", "y-a-2"}, "excess: fullest zone",
		},
		"sequenced and sequenced: the last zone, the last type": {
			&groupv1.SpotOptions{AllocationStrategy: zoneAndType, ZonePolicy: allocatorv1.ZonePolicy_ZONE_POLICY_SEQUENCED},
			[]string{"x-a-8", "y-a-2", "y-a-1"}, "excess: last zone in order",
		},
		"sequenced and cost-centered: the last zone, the dearest type": {
			&groupv1.SpotOptions{
				AllocationStrategy: zoneAndType, ZonePolicy: allocatorv1.ZonePolicy_ZONE_POLICY_SEQUENCED,
				TypePolicy: allocatorv1.TypePolicy_TYPE_POLICY_COST_CENTERED,
			},
			[]string{"x-a-8", "y-b-9", "y-c-3"}, "excess: last zone in order",
		},
	} {
		t.Run(name, func(t *testing.T) {
			gone, reason := shrink(test.options, 2, fleet...)
			if diff := cmp.Diff(test.want, gone); diff != "" || reason != test.reason {
				t.Errorf("reason %q, want %q; instances (-want +got):\n%s", reason, test.reason, diff)
			}
		})
	}
}

// Of zones that are as full, the one named last gives, as it was the last to
// get; and pay-as-you-go instances fill a zone, too.
func TestDesiredOf_balancedCountsInstances(t *testing.T) {
	heavy := func(i *plan.Instance) { i.Class.Weight = 4000 }
	gone, _ := shrink(&groupv1.SpotOptions{AllocationStrategy: zoneAndType}, 4,
		member("first", "x", 1, placed(0, 0), heavy), member("last", "y", 1, placed(1, 1), heavy))
	if diff := cmp.Diff([]string{"last"}, gone); diff != "" {
		t.Errorf("of equal zones (-want +got):\n%s", diff)
	}
	desired := plan.Desired{
		Target: plan.Amounts{PayAsYouGo: 2000, Spot: 1000}, Replace: true, Since: origin.Add(time.Minute),
		SpotOrder: plan.Order{Zones: plan.MostInstancesZone, Pools: plan.LastPool},
	}
	made := plan.Make(desired, plan.Observed{Instances: []plan.Instance{
		member("p1", "x", 1, onDemand), member("p2", "x", 1, onDemand), member("x", "x", 1, placed(0, 0)), member("y", "y", 1, placed(1, 1)),
	}})
	if len(made.Removals) != 1 || made.Removals[0].ID != "x" {
		t.Errorf("removals %v, want the spot instance of the zone that holds three", made.Removals)
	}
}

// Zones that give by number of instances end as even as they can be: a zone is
// fuller than another by more than one only if it gave all that it had to give.
func TestMake_balancesZones_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zones := []string{"a", "b", "c"}
		var observed plan.Observed
		for rank, zone := range zones {
			for range rapid.IntRange(0, 12).Draw(t, zone) {
				observed.Instances = append(observed.Instances, member(
					string(rune('A'+len(observed.Instances))), zone, rapid.Int64Range(1, 9).Draw(t, "price"), placed(int32(rank), int32(rank))))
			}
		}
		keep := rapid.IntRange(0, len(observed.Instances)).Draw(t, "keep")
		gone, _ := shrink(&groupv1.SpotOptions{AllocationStrategy: zoneAndType}, int32(keep), observed.Instances...)
		if len(gone) != len(observed.Instances)-keep {
			t.Fatalf("%d of %d go, want %d to stay", len(gone), len(observed.Instances), keep)
		}
		left, gave := map[string]int{}, map[string]bool{}
		for _, instance := range observed.Instances {
			if slices.Contains(gone, instance.ID) {
				gave[instance.Zone] = true
			} else {
				left[instance.Zone]++
			}
		}
		for _, zone := range zones {
			for _, other := range zones {
				if gave[zone] && left[other] > left[zone]+1 {
					t.Errorf("zone %s gave down to %d while %s holds %d", zone, left[zone], other, left[other])
				}
			}
		}
	})
}
