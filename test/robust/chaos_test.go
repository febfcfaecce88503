package robust_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/test/system"
)

const (
	chaosGroups = 8
	chaosKills  = 6
)

// S2, S6, S7, L1: groups live through reclaims, empty pools, changes of target
// and kills, all at once and at random. When that ends, each is at its target,
// every instance belongs to one of them, and what was told of the instances is
// what the fleet's journal holds.
func TestChaos(t *testing.T) {
	random := rand.New(rand.NewPCG(*seed, 1))
	t.Logf("seed %d", *seed)
	dataDir := filepath.Join(t.TempDir(), "data")
	up, running := system.StartAllInOne(t, binary, dataDir, 600)
	targets := map[string]int32{}
	for i := range chaosGroups {
		group := createAgain(t, running, fmt.Sprintf("chaos-%d", i))
		targets[group.GetGroupId()] = target
	}
	for range chaosKills {
		for groupID := range targets {
			targets[groupID] = 20 + random.Int32N(80)
			retarget(t, running, groupID, targets[groupID])
		}
		trouble(t, running, random)
		up.Kill()
		up, running = system.StartAllInOne(t, binary, dataDir, 600)
		trouble(t, running, random)
	}
	if _, err := running.Simulation.RestorePools(t.Context(), &fleetv1.RestorePoolsRequest{Pools: &fleetv1.PoolSelector{}}); err != nil {
		t.Fatal(err)
	}
	sum := 0
	for groupID, total := range targets {
		running.AwaitGroup(t, groupID, fmt.Sprintf("group %s at its %d units, with no instance under notice", groupID, total), func(g *groupv1.Group) bool {
			return g.GetObservedGeneration() == g.GetGeneration() && g.GetFulfillment() == groupv1.Fulfillment_FULFILLMENT_FULFILLED &&
				g.GetCapacity().GetFulfilled() == float64(total) && g.GetCapacity().GetInstances() == total
		})
		sum += int(total)
	}
	// Reclaims that were put off to the end of a protection may come at any
	// time, so that the fleet may for a moment hold what is being replaced.
	system.Eventually(t, fmt.Sprintf("a fleet of the %d instances that the groups want", sum), func() (bool, any) {
		live := running.Instances(t, "")
		for _, instance := range live {
			if _, known := targets[instance.GetTags()[system.GroupTag]]; !known {
				t.Fatalf("instance %s belongs to no group: %v", instance.GetInstanceId(), instance.GetTags())
			}
		}
		return len(live) == sum, len(live)
	})
	for groupID := range targets {
		running.AssertEvents(t, groupID)
	}
}

// retarget changes a group's targets.
func retarget(t *testing.T, running *system.System, groupID string, total int32) {
	t.Helper()
	_, err := running.Groups.UpdateGroup(t.Context(), &groupv1.UpdateGroupRequest{
		GroupId: groupID, Spec: &groupv1.GroupSpec{TargetCapacity: &groupv1.TargetCapacity{Total: total, PayAsYouGo: total / 5, Spot: total / 2}},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"target_capacity.total", "target_capacity.spot", "target_capacity.pay_as_you_go"}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// trouble reclaims instances of some type and empties a pool of it.
func trouble(t *testing.T, running *system.System, random *rand.Rand) {
	t.Helper()
	instanceType := []string{"ecs.c6.large", "ecs.g6.large", "ecs.c7.large", "ecs.g7.large"}[random.IntN(4)]
	zone := []string{"cn-shenzhen-d", "cn-shenzhen-e", "cn-shenzhen-f"}[random.IntN(3)]
	if _, err := running.Simulation.ReclaimInstances(context.Background(), &fleetv1.ReclaimInstancesRequest{
		Target:       &fleetv1.ReclaimInstancesRequest_Pools{Pools: &fleetv1.PoolSelector{InstanceType: instanceType}},
		MaxInstances: 1 + random.Int32N(200),
	}); err != nil {
		t.Fatal(err)
	}
	running.Drain(t, &fleetv1.PoolSelector{InstanceType: instanceType, ZoneId: zone})
}
