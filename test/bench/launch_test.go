package bench_test

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
)

// noopFleet answers launches and watches with what was made before.
type noopFleet struct {
	fleetv1.UnimplementedFleetServiceServer
	launched *fleetv1.RunInstancesResponse
	watched  []*fleetv1.WatchInstancesResponse
}

func (f *noopFleet) RunInstances(context.Context, *fleetv1.RunInstancesRequest) (*fleetv1.RunInstancesResponse, error) {
	return f.launched, nil
}

func (f *noopFleet) WatchInstances(_ *fleetv1.WatchInstancesRequest, stream grpc.ServerStreamingServer[fleetv1.WatchInstancesResponse]) error {
	for _, response := range f.watched {
		if err := stream.Send(response); err != nil {
			return err
		}
	}
	return nil
}

// serveNoopFleet serves it, as fast as a server can be.
func serveNoopFleet(b *testing.B, f *noopFleet) fleetv1.FleetServiceClient {
	b.Helper()
	server := grpc.NewServer(grpc.NumStreamWorkers(fleetCallers))
	fleetv1.RegisterFleetServiceServer(server, f)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	b.Cleanup(func() {
		server.Stop()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	return dialFleet(b, listener.Addr().String())
}

func dialFleet(b *testing.B, addr string) fleetv1.FleetServiceClient {
	b.Helper()
	conn, err := rpc.Dial(addr)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	return fleetv1.NewFleetServiceClient(conn)
}

// roomy is a catalog of ten offers without an end to their stock.
func roomy(b *testing.B) *catalog.Catalog {
	b.Helper()
	var csv strings.Builder
	csv.WriteString("zone_id,instance_type,family,architecture,vcpus,memory_mib,gpus,pay_as_you_go_micros_per_hour,spot_base_permille,capacity_instances\n")
	for i := range 10 {
		fmt.Fprintf(&csv, "cn-large-a,ecs.r%d.large,ecs.r%d,x86,2,4096,0,300000,300,1000000\n", i, i)
	}
	sold, err := catalog.Parse(strings.NewReader(csv.String()))
	if err != nil {
		b.Fatal(err)
	}
	return sold
}

// launchesASlice is how many launches of 100 instances one slice makes.
const launchesASlice = 1_000

// RunInstances(100), kept on disk before it is answered, reaches at 64
// concurrent calls at least half of the throughput of a call that answers 100
// ids and does nothing.
func BenchmarkBarRunInstances(b *testing.B) {
	sold := roomy(b)
	running := startRegion(b, sold, filepath.Join(b.TempDir(), "data"))
	defer stop(b, running)
	// Time stands still, so that booting is not charged to launching.
	if _, err := fleetv1.NewSimulationServiceClient(running.Conn()).PauseClock(b.Context(), &fleetv1.PauseClockRequest{}); err != nil {
		b.Fatal(err)
	}
	fleet := dialFleet(b, running.Addr())
	answer, err := fleet.RunInstances(b.Context(), hundred(sold, 0))
	if err != nil {
		b.Fatal(err)
	}
	baseline := serveNoopFleet(b, &noopFleet{launched: answer})
	calls := 1
	slice := func(client fleetv1.FleetServiceClient) func() float64 {
		return func() float64 {
			from := calls
			calls += launchesASlice
			var launched [launchesASlice][]string
			runtime.GC() // what the slice before left behind is not charged to this one
			took := seconds(func() { launchAll(b, client, sold, from, &launched) })
			if client != baseline {
				releaseAll(b, client, &launched) // so that each slice meets the same fleet
			}
			return launchesASlice / took
		}
	}
	ratio := compare(b, slice(fleet), slice(baseline))
	bar("run_instances_100_durable_vs_noop_rpc_throughput", fmt.Sprintf("%.2f", ratio), ">=0.5", ratio >= 0.5)
}

func launchAll(b *testing.B, client fleetv1.FleetServiceClient, sold *catalog.Catalog, from int, launched *[launchesASlice][]string) {
	b.Helper()
	var callers sync.WaitGroup
	for caller := range fleetCallers {
		callers.Go(func() {
			for n := caller; n < launchesASlice; n += fleetCallers {
				answer, err := client.RunInstances(b.Context(), hundred(sold, from+n))
				if err != nil {
					b.Error(err)
					return
				}
				launched[n] = answer.GetInstanceIds()
			}
		})
	}
	callers.Wait()
}

func releaseAll(b *testing.B, client fleetv1.FleetServiceClient, launched *[launchesASlice][]string) {
	b.Helper()
	for _, ids := range launched {
		if _, err := client.DeleteInstances(b.Context(), &fleetv1.DeleteInstancesRequest{InstanceIds: ids}); err != nil {
			b.Fatal(err)
		}
	}
}

// reclaimed is how many instances are reclaimed at once.
const reclaimed = 100_000

// Notices of 100,000 instances that are reclaimed at once reach a subscriber,
// from the order on, at no less than half the rate of a bare stream of the same
// messages.
func BenchmarkBarReclaimStream(b *testing.B) {
	sold := roomy(b)
	running := startRegion(b, sold, "")
	defer stop(b, running)
	region := &reclaims{
		sold: sold, fleet: dialFleet(b, running.Addr()), simulation: fleetv1.NewSimulationServiceClient(running.Conn()),
	}
	// Time stands still, so that nothing but notices is told.
	if _, err := region.simulation.PauseClock(b.Context(), &fleetv1.PauseClockRequest{}); err != nil {
		b.Fatal(err)
	}
	_, seen := region.reclaimAll(b)
	baseline := serveNoopFleet(b, &noopFleet{watched: seen})
	ratio := compare(b,
		func() float64 {
			took, _ := region.reclaimAll(b)
			return reclaimed / took
		},
		func() float64 { return reclaimed / seconds(func() { readTransitions(b, baseline, "") }) })
	bar("reclaim_100k_stream_vs_bare_stream_rate", fmt.Sprintf("%.2f", ratio), ">=0.5", ratio >= 0.5)
}

// reclaims launches instances and has them reclaimed.
type reclaims struct {
	sold       *catalog.Catalog
	fleet      fleetv1.FleetServiceClient
	simulation fleetv1.SimulationServiceClient
	launches   int
}

// reclaimAll launches 100,000 instances, measures how long it takes from the
// order to reclaim them to the last notice, and lets them go.
func (r *reclaims) reclaimAll(b *testing.B) (took float64, seen []*fleetv1.WatchInstancesResponse) {
	b.Helper()
	for range reclaimed / 100 {
		r.launches++
		request := hundred(r.sold, r.launches)
		request.BillingMethod = fleetv1.BillingMethod_BILLING_METHOD_SPOT
		request.SpotProtection = fleetv1.SpotProtection_SPOT_PROTECTION_NONE
		if _, err := r.fleet.RunInstances(b.Context(), request); err != nil {
			b.Fatal(err)
		}
	}
	r.advance(b, time.Minute)
	cursor := listCursor(b, r.fleet)
	runtime.GC() // what launching left behind is not charged to the reclaim
	took = seconds(func() {
		_, err := r.simulation.ReclaimInstances(b.Context(), &fleetv1.ReclaimInstancesRequest{
			Target: &fleetv1.ReclaimInstancesRequest_Pools{Pools: &fleetv1.PoolSelector{}},
		})
		if err != nil {
			b.Fatal(err)
		}
		seen = readTransitions(b, r.fleet, cursor)
	})
	r.advance(b, 6*time.Minute)
	return took, seen
}

func (r *reclaims) advance(b *testing.B, by time.Duration) {
	b.Helper()
	now, err := r.simulation.GetClock(b.Context(), &fleetv1.GetClockRequest{})
	if err != nil {
		b.Fatal(err)
	}
	_, err = r.simulation.AdvanceClock(b.Context(), &fleetv1.AdvanceClockRequest{
		Target: &fleetv1.AdvanceClockRequest_To{To: timestamppb.New(now.GetTime().AsTime().Add(by))},
	})
	if err != nil {
		b.Fatal(err)
	}
}

func listCursor(b *testing.B, fleet fleetv1.FleetServiceClient) string {
	b.Helper()
	page, err := fleet.ListInstances(b.Context(), &fleetv1.ListInstancesRequest{PageSize: 1})
	if err != nil {
		b.Fatal(err)
	}
	return page.GetCursor()
}

// readTransitions reads a stream until it has told as many transitions as
// instances are reclaimed.
func readTransitions(b *testing.B, fleet fleetv1.FleetServiceClient, cursor string) (seen []*fleetv1.WatchInstancesResponse) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	stream, err := fleet.WatchInstances(ctx, &fleetv1.WatchInstancesRequest{Cursor: cursor})
	if err != nil {
		b.Fatal(err)
	}
	for told := 0; told < reclaimed; {
		next, err := stream.Recv()
		if err != nil {
			b.Fatal(err)
		}
		if len(next.GetTransitions()) == 0 {
			continue
		}
		told += len(next.GetTransitions())
		seen = append(seen, next)
	}
	return seen
}
