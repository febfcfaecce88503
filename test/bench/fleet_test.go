package bench_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
)

// fleetCallers is how many calls are under way at once.
const fleetCallers = 64

// startRegion starts a simulated cloud that sells a catalog, in a folder or, if
// that is empty, in memory.
func startRegion(b *testing.B, sold *catalog.Catalog, folder string) *stack.Stack {
	b.Helper()
	running, err := stack.Start(b.Context(), stack.Config{
		Roles: []stack.Role{stack.Fleetsim}, Listen: "127.0.0.1:0", CalmMarket: true, Catalog: sold, Speed: 100, DataDir: folder,
	})
	if err != nil {
		b.Fatal(err)
	}
	return running
}

func stop(b *testing.B, running *stack.Stack) {
	b.Helper()
	if err := running.Stop(); err != nil {
		b.Error(err)
	}
}

// hundred is the request of launch n of 100 instances over the offers of a
// catalog: every fifth pay-as-you-go, the others spot without protection, in
// groups of 1,000.
func hundred(sold *catalog.Catalog, n int) *fleetv1.RunInstancesRequest {
	offer := sold.Offers()[n%len(sold.Offers())]
	request := &fleetv1.RunInstancesRequest{
		RequestId: fmt.Sprint("launch-", n), ZoneId: offer.ZoneID, InstanceType: offer.InstanceType, Amount: 100,
		BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO,
		Tags:          map[string]string{"muster:group": fmt.Sprint("apg-", n/10), "muster:launch": fmt.Sprint("l-", n)},
	}
	if n%5 > 0 {
		request.BillingMethod = fleetv1.BillingMethod_BILLING_METHOD_SPOT
		request.SpotProtection = fleetv1.SpotProtection_SPOT_PROTECTION_NONE
	}
	return request
}

// fill launches so many instances, 100 a call.
func fill(b *testing.B, running *stack.Stack, sold *catalog.Catalog, instances int) {
	b.Helper()
	fleet := fleetv1.NewFleetServiceClient(running.Conn())
	var group errgroup.Group
	group.SetLimit(fleetCallers)
	for n := range instances / 100 {
		group.Go(func() error {
			_, err := fleet.RunInstances(b.Context(), hundred(sold, n))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
	awaitRunning(b, fleet, int64(instances))
}

// awaitRunning waits until so many instances run.
func awaitRunning(b *testing.B, fleet fleetv1.FleetServiceClient, wanted int64) {
	b.Helper()
	for {
		counted, err := fleet.CountInstances(b.Context(), &fleetv1.CountInstancesRequest{})
		if err != nil {
			b.Fatal(err)
		}
		var running int64
		for _, count := range counted.GetCounts() {
			if count.GetStatus() == fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING {
				running += count.GetInstances()
			}
		}
		if running == wanted {
			return
		}
	}
}

// A million running instances over 5,000 pools take at most 400 MiB of live
// heap, everything included. On disk, the cloud starts from their snapshot
// within 10 s.
func BenchmarkBarRegion(b *testing.B) {
	const instances = 1_000_000
	sold, folder := region(b), filepath.Join(b.TempDir(), "data")
	before := liveHeap()
	running := startRegion(b, sold, folder)
	fill(b, running, sold, instances)
	mib := float64(liveHeap()-before) / (1 << 20)
	bar("region_heap_mib_at_1m_instances_5000_pools", fmt.Sprintf("%.0f", mib), "<=400", mib <= 400)
	stop(b, running) // leaves a snapshot behind
	took := seconds(func() { running = startRegion(b, sold, folder) })
	defer stop(b, running)
	awaitRunning(b, fleetv1.NewFleetServiceClient(running.Conn()), instances)
	bar("region_start_from_snapshot_seconds_at_1m_instances", fmt.Sprintf("%.1f", took), "<=10", took <= 10)
}

// flatCalls is how many calls of an operation one slice makes.
const flatCalls = 2_000

// Each operation costs with a million instances at most 1.5 times what it costs
// with ten thousand.
func BenchmarkBarFlatOperations(b *testing.B) {
	sold := region(b)
	small, large := startRegion(b, sold, ""), startRegion(b, sold, "")
	defer stop(b, small)
	defer stop(b, large)
	fill(b, small, sold, 10_000)
	fill(b, large, sold, 1_000_000)
	worst := 0.0
	for _, operation := range operations(sold) {
		calls := 0
		measure := func(running *stack.Stack) func() float64 {
			clients := clientsOf(running)
			return func() float64 {
				calls += flatCalls
				return seconds(func() { concurrently(b, calls, func(n int) error { return operation.call(b, clients, n) }) })
			}
		}
		ratio := compare(b, measure(large), measure(small))
		b.Logf("%s: %.2f", operation.name, ratio)
		worst = max(worst, ratio)
	}
	bar("operations_time_1m_vs_10k_instances_worst", fmt.Sprintf("%.2f", worst), "<=1.5", worst <= 1.5)
}

// concurrently makes flatCalls calls, numbered from a number on.
func concurrently(b *testing.B, from int, call func(n int) error) {
	b.Helper()
	var callers sync.WaitGroup
	for caller := range fleetCallers {
		callers.Go(func() {
			for n := caller; n < flatCalls; n += fleetCallers {
				if err := call(from + n); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	callers.Wait()
}
