package bench_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
)

// A fleet of 100,000 running instances, in groups of 1,000 by tag, takes at
// most 400 bytes of live heap an instance, everything that grew with them
// included: indexes, tags, timers, the answers remembered by request id and the
// transitions kept for watchers.
func BenchmarkBarHeapOfAnInstance(b *testing.B) {
	const instances = 100_000
	csv := "zone_id,instance_type,family,architecture,vcpus,memory_mib,gpus,pay_as_you_go_micros_per_hour,spot_base_permille,capacity_instances\n"
	for i := range 10 {
		csv += fmt.Sprintf("cn-shenzhen-d,ecs.h%d.large,ecs.h%d,x86,2,4096,0,300000,300,100000\n", i, i)
	}
	sold, err := catalog.Parse(strings.NewReader(csv))
	if err != nil {
		b.Fatal(err)
	}
	running, err := stack.Start(b.Context(), stack.Config{
		Roles: []stack.Role{stack.Fleetsim}, CalmMarket: true, Catalog: sold, Speed: 100,
	})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := running.Stop(); err != nil {
			b.Error(err)
		}
	}()
	fleet := fleetv1.NewFleetServiceClient(running.Conn())
	launchHundred(b, fleet, 0) // whatever is made once is not charged to an instance
	before := liveHeap()
	for i := 1; i <= instances/100; i++ {
		launchHundred(b, fleet, i)
	}
	awaitAllRunning(b, fleet)
	each := float64(liveHeap()-before) / instances
	bar("heap_bytes_per_instance_at_100k", fmt.Sprintf("%.0f", each), "<=400", each <= 400)
}

func launchHundred(b *testing.B, fleet fleetv1.FleetServiceClient, i int) {
	b.Helper()
	_, err := fleet.RunInstances(b.Context(), &fleetv1.RunInstancesRequest{
		RequestId: fmt.Sprintf("heap-%d", i), ZoneId: "cn-shenzhen-d", InstanceType: fmt.Sprintf("ecs.h%d.large", i%10),
		BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT, Amount: 100,
		Tags: map[string]string{"muster:group": fmt.Sprintf("apg-%d", i/10), "muster:launch": fmt.Sprintf("apg-%d.%d", i/10, i)},
	})
	if err != nil {
		b.Fatal(err)
	}
}

// awaitAllRunning follows the fleet until the last instance runs.
func awaitAllRunning(b *testing.B, fleet fleetv1.FleetServiceClient) {
	b.Helper()
	watch, err := fleet.WatchInstances(b.Context(), &fleetv1.WatchInstancesRequest{})
	if err != nil {
		b.Fatal(err)
	}
	created, ran := 0, 0
	for created < 100_100 || ran < created {
		next, err := watch.Recv()
		if err != nil {
			b.Fatal(err)
		}
		for _, transition := range next.GetTransitions() {
			switch transition.GetKind() {
			case fleetv1.TransitionKind_TRANSITION_KIND_CREATED:
				created++
			case fleetv1.TransitionKind_TRANSITION_KIND_RUNNING:
				ran++
			default:
			}
		}
	}
}

func liveHeap() int64 {
	runtime.GC()
	runtime.GC() // the second frees what the first found by finalizers
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
