package bench_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// instantPools are ten pools with stock for the whole run.
func instantPools() []*groupv1.Candidate {
	var pools []*groupv1.Candidate
	for i := range 10 {
		pools = append(pools, &groupv1.Candidate{ZoneId: "cn-shenzhen-d", InstanceType: fmt.Sprintf("ecs.b%d.large", i)})
	}
	return pools
}

// An instant group of 1,000 instances over 10 pools takes at most 1.5 times the
// wall time of the ten bare RunInstances(100) calls it needs, made at the same
// time.
func BenchmarkBarInstantGroup(b *testing.B) {
	running, err := stack.Start(b.Context(), stack.Config{
		CalmMarket: true, Catalog: sixtyPools(b), DataDir: filepath.Join(b.TempDir(), "data"),
	})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := running.Stop(); err != nil {
			b.Error(err)
		}
	}()
	groups, fleet := groupv1.NewGroupServiceClient(running.Conn()), fleetv1.NewFleetServiceClient(running.Conn())
	round, bareRound := 0, 0
	ratio := compare(b,
		func() float64 {
			reset(b, fleet)
			round++
			return seconds(func() { createInstant(b, groups, fmt.Sprintf("round-%d", round)) })
		},
		func() float64 {
			reset(b, fleet)
			bareRound++
			return seconds(func() { runBare(b, fleet, bareRound) })
		})
	bar("instant_1000_vs_10_bare_run_instances_time", fmt.Sprintf("%.2f", ratio), "<=1.5", ratio <= 1.5)
}

// quiet is how long what a slice set off is given to come to its end before
// the next begins: a thousand events are published and heard after each.
const quiet = 300 * time.Millisecond

// reset releases all instances, so that each round meets the same stock, and
// waits for quiet.
func reset(b *testing.B, fleet fleetv1.FleetServiceClient) {
	b.Helper()
	for {
		page, err := fleet.ListInstances(context.Background(), &fleetv1.ListInstancesRequest{PageSize: 100})
		if err != nil {
			b.Fatal(err)
		}
		if len(page.GetInstances()) == 0 {
			time.Sleep(quiet)
			return
		}
		var ids []string
		for _, instance := range page.GetInstances() {
			ids = append(ids, instance.GetInstanceId())
		}
		if _, err := fleet.DeleteInstances(context.Background(), &fleetv1.DeleteInstancesRequest{InstanceIds: ids}); err != nil {
			b.Fatal(err)
		}
	}
}

func createInstant(b *testing.B, groups groupv1.GroupServiceClient, token string) {
	b.Helper()
	created, err := groups.CreateGroup(b.Context(), &groupv1.CreateGroupRequest{RequestId: token, Spec: &groupv1.GroupSpec{
		Type:           groupv1.GroupType_GROUP_TYPE_INSTANT,
		TargetCapacity: &groupv1.TargetCapacity{Total: 1000, Spot: 1000},
		Spot:           &groupv1.SpotOptions{PoolsToUse: 10},
		Candidates:     instantPools(),
	}})
	if err != nil {
		b.Fatal(err)
	}
	if got := created.GetGroup().GetCapacity().GetFulfilled(); got != 1000 {
		b.Fatalf("the group got %v units, want 1000", got)
	}
}

func runBare(b *testing.B, fleet fleetv1.FleetServiceClient, round int) {
	b.Helper()
	var calls sync.WaitGroup
	for i, pool := range instantPools() {
		calls.Go(func() {
			launched, err := fleet.RunInstances(b.Context(), &fleetv1.RunInstancesRequest{
				RequestId: fmt.Sprintf("bare-%d-%d", round, i), ZoneId: pool.GetZoneId(), InstanceType: pool.GetInstanceType(),
				BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT, Amount: 100, MinAmount: 1,
				Tags: map[string]string{"muster:bare": fmt.Sprint(round)},
			})
			if err != nil || len(launched.GetInstanceIds()) != 100 {
				b.Errorf("bare launch gave %d instances, %v", len(launched.GetInstanceIds()), err)
			}
		})
	}
	calls.Wait()
}
