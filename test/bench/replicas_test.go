package bench_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/groupsvc"
	"github.com/seed-198b1370/muster/services/groupsvc/memory"
)

const (
	replicaWorkers = 2   // of each replica, so that latency and not the processor is the bound
	replicaGroups  = 300 // to be delivered
	replicaRounds  = 5
	storeLatency   = 5 * time.Millisecond // of each call of the store
)

// Two replicas of the group service deliver at least 1.6 times as many groups a
// second as one, and four at least 3.2 times, when each call of the store that
// they share takes 5 ms. What is measured is the time from the start of the
// replicas, with maintain groups of one instance waiting, to the launch of the
// last instance.
func BenchmarkBarReplicas(b *testing.B) {
	sold, err := catalog.Parse(strings.NewReader(reclaimPools()))
	if err != nil {
		b.Fatal(err)
	}
	running, err := stack.Start(b.Context(), stack.Config{
		Roles: []stack.Role{stack.Fleetsim, stack.Allocator}, CalmMarket: true, Catalog: sold,
	})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := running.Stop(); err != nil {
			b.Error(err)
		}
	}()
	rates, shares := map[int][]float64{}, map[int][]float64{}
	for range replicaRounds {
		var one float64
		for _, replicas := range []int{1, 2, 4} {
			reset(b, fleetv1.NewFleetServiceClient(running.Conn()))
			rate := deliverWith(b, running, replicas)
			if replicas == 1 {
				one = rate
			}
			rates[replicas], shares[replicas] = append(rates[replicas], rate), append(shares[replicas], rate/one/float64(replicas))
		}
	}
	for _, replicas := range []int{1, 2, 4} {
		fmt.Fprintf(os.Stdout, "replicas: %d deliver %.0f groups a second\n", replicas, median(rates[replicas]))
	}
	for _, replicas := range []int{2, 4} {
		share := median(shares[replicas])
		bar(fmt.Sprintf("replicas_%d_throughput_of_linear", replicas), fmt.Sprintf("%.2f", share), ">=0.8", share >= 0.8)
	}
}

// deliverWith tells how many groups a second a number of replicas deliver.
func deliverWith(b *testing.B, running *stack.Stack, replicas int) float64 {
	b.Helper()
	shared := memory.New()
	createWaiting(b, newReplica(b, running, shared))
	slow := shared.Through(func(_ memory.Call, do func() error) error {
		time.Sleep(storeLatency)
		return do()
	})
	services := make([]*groupsvc.Service, replicas)
	for i := range services {
		services[i] = newReplica(b, running, slow)
	}
	ctx, cancel := context.WithCancel(b.Context())
	var working sync.WaitGroup
	begin := time.Now()
	for _, service := range services {
		working.Go(func() {
			if err := service.Run(ctx); err != nil {
				b.Error(err)
			}
		})
	}
	awaitLaunched(b, fleetv1.NewFleetServiceClient(running.Conn()), replicaGroups)
	took := time.Since(begin)
	cancel()
	working.Wait()
	return replicaGroups / took.Seconds()
}

func newReplica(b *testing.B, running *stack.Stack, shared *memory.Store) *groupsvc.Service {
	b.Helper()
	service, err := groupsvc.New(b.Context(), groupsvc.Config{Memory: shared, Workers: replicaWorkers}, groupsvc.Deps{
		Fleet: fleetv1.NewFleetServiceClient(running.Conn()), Allocator: allocatorv1.NewAllocatorServiceClient(running.Conn()),
		Clock: running.Clock(),
	})
	if err != nil {
		b.Fatal(err)
	}
	return service
}

// createWaiting creates groups that nobody delivers yet.
func createWaiting(b *testing.B, service *groupsvc.Service) {
	b.Helper()
	validator, err := rpc.NewValidator()
	if err != nil {
		b.Fatal(err)
	}
	server, local := rpc.NewServer(validator, slog.New(slog.DiscardHandler)), rpc.NewLocal()
	service.Register(server)
	conn, err := local.Dial()
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(ctx, time.Second, local) })
	defer func() {
		closeConn(b, conn)
		cancel()
		serving.Wait()
	}()
	groups := groupv1.NewGroupServiceClient(conn)
	for n := range replicaGroups {
		_, err := groups.CreateGroup(b.Context(), &groupv1.CreateGroupRequest{Spec: &groupv1.GroupSpec{
			TargetCapacity: &groupv1.TargetCapacity{Total: 1},
			Candidates:     []*groupv1.Candidate{{ZoneId: "cn-shenzhen-d", InstanceType: fmt.Sprintf("ecs.b%d.large", n%10)}},
		}})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func closeConn(b *testing.B, conn *grpc.ClientConn) {
	b.Helper()
	if err := conn.Close(); err != nil {
		b.Error(err)
	}
}

// awaitLaunched waits until the fleet has a number of instances.
func awaitLaunched(b *testing.B, fleet fleetv1.FleetServiceClient, wanted int64) {
	b.Helper()
	for {
		counted, err := fleet.CountInstances(b.Context(), &fleetv1.CountInstancesRequest{})
		if err != nil {
			b.Fatal(err)
		}
		var launched int64
		for _, count := range counted.GetCounts() {
			launched += count.GetInstances()
		}
		if launched >= wanted {
			return
		}
		time.Sleep(storeLatency)
	}
}
