package groupsvc

import (
	"context"
	"fmt"
	"testing"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// BenchmarkInstant delivers an instant group of 1,000 instances over 10 pools,
// store on disk, beside the ten launches that it needs, made bare.
func BenchmarkInstant(b *testing.B) {
	fixture := newBench(b, b.TempDir())
	asked := &groupv1.GroupSpec{
		Type:           groupv1.GroupType_GROUP_TYPE_INSTANT,
		TargetCapacity: &groupv1.TargetCapacity{Total: 1000},
		Spot:           &groupv1.SpotOptions{PoolsToUse: 10},
	}
	for i := range 10 {
		zone := fmt.Sprint("bench-", i)
		fixture.cloud.Sell(zone, "bench", 100_000, 0, 100)
		asked.Candidates = append(asked.Candidates, &groupv1.Candidate{ZoneId: zone, InstanceType: "bench"})
	}
	empty := func() {
		for _, instance := range fixture.cloud.Instances("", "") {
			fixture.cloud.Change(instance.GetInstanceId(), nil)
		}
	}
	b.Run("group", func(b *testing.B) {
		for b.Loop() {
			resp, err := fixture.client.CreateGroup(b.Context(), &groupv1.CreateGroupRequest{Spec: asked})
			if err != nil || resp.GetGroup().GetCapacity().GetFulfilled() != 1000 {
				b.Fatal(resp.GetGroup().GetCapacity(), err)
			}
			b.StopTimer()
			empty()
			b.StartTimer()
		}
	})
	b.Run("bare", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			for n := range 10 {
				if err := launchBare(b.Context(), fixture.deps.Fleet, fmt.Sprint("bench-", n), fmt.Sprint(i, ".", n)); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			empty()
			b.StartTimer()
		}
	})
}

func launchBare(ctx context.Context, fleet fleetv1.FleetServiceClient, zone, requestID string) error {
	_, err := fleet.RunInstances(ctx, &fleetv1.RunInstancesRequest{
		RequestId: requestID, ZoneId: zone, InstanceType: "bench", BillingMethod: spot, Amount: 100, MinAmount: 1,
		Tags: map[string]string{TagGroup: "g", TagLaunch: requestID},
	})
	return err
}
