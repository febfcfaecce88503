package bench_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
)

const (
	placeCallers = 64
	placeSlice   = 700 * time.Millisecond
)

// sixtyPools is a catalog of 30 types in one zone, each sold in two ways.
func sixtyPools(b testing.TB) *catalog.Catalog {
	b.Helper()
	var csv strings.Builder
	csv.WriteString("zone_id,instance_type,family,architecture,vcpus,memory_mib,gpus,pay_as_you_go_micros_per_hour,spot_base_permille,capacity_instances\n")
	for i := range 30 {
		fmt.Fprintf(&csv, "cn-shenzhen-d,ecs.b%d.large,ecs.b%d,x86,2,4096,0,%d,400,1000\n", i, i, 300_000+7_000*i)
	}
	parsed, err := catalog.Parse(strings.NewReader(csv.String()))
	if err != nil {
		b.Fatal(err)
	}
	return parsed
}

// placeRequest asks for a placement with 20 candidates.
func placeRequest() *allocatorv1.PlaceRequest {
	request := &allocatorv1.PlaceRequest{
		Demands: []*allocatorv1.Demand{
			{BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT, WantedMilliunits: 100_000, PoolsToUse: 5},
			{BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO, WantedMilliunits: 20_000},
		},
	}
	for i := range 20 {
		request.Candidates = append(request.Candidates, &allocatorv1.Candidate{
			ZoneId: "cn-shenzhen-d", InstanceType: fmt.Sprintf("ecs.b%d.large", i), WeightMilliunits: 1000 + int64(i%4)*1000,
		})
	}
	return request
}

// noop answers every placement request with an answer made before.
type noop struct {
	allocatorv1.UnimplementedAllocatorServiceServer
	answer *allocatorv1.PlaceResponse
}

func (n *noop) Place(context.Context, *allocatorv1.PlaceRequest) (*allocatorv1.PlaceResponse, error) {
	return n.answer, nil
}

// The placement RPC (20 candidates, 60 pools in view, explanations and
// validation included) reaches at least 0.8 of the throughput of a no-op RPC with
// messages of the same size on the same connection settings, at 64 concurrent
// calls, and 99 of 100 calls take at most 1.5 times as long as they do there.
func BenchmarkBarPlacement(b *testing.B) {
	running, err := stack.Start(b.Context(), stack.Config{
		Roles: []stack.Role{stack.Fleetsim, stack.Allocator}, Listen: "127.0.0.1:0", CalmMarket: true, Catalog: sixtyPools(b),
	})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := running.Stop(); err != nil {
			b.Error(err)
		}
	}()
	request := placeRequest()
	allocator := dial(b, running.Addr())
	answer, err := allocator.Place(b.Context(), request)
	if err != nil {
		b.Fatal(err)
	}
	baseline := dial(b, serveNoop(b, answer))
	var throughputs, tails []float64
	for round := range rounds {
		var placing, nothing load
		if round%2 == 0 {
			placing, nothing = measure(b, allocator, request), measure(b, baseline, request)
		} else { // so that neither always follows the other
			nothing, placing = measure(b, baseline, request), measure(b, allocator, request)
		}
		b.Logf("placing %v, nothing %v", placing, nothing)
		throughputs = append(throughputs, placing.callsPerSecond/nothing.callsPerSecond)
		tails = append(tails, placing.p99.Seconds()/nothing.p99.Seconds())
	}
	b.Logf("request %d bytes, answer %d bytes", proto.Size(request), proto.Size(answer))
	throughput, tail := median(throughputs), median(tails)
	bar("place_vs_noop_rpc_throughput", fmt.Sprintf("%.2f", throughput), ">=0.80", throughput >= 0.8)
	bar("place_vs_noop_rpc_p99", fmt.Sprintf("%.2f", tail), "<=1.50", tail <= 1.5)
}

func serveNoop(b *testing.B, answer *allocatorv1.PlaceResponse) string {
	b.Helper()
	// Not even validation is charged to the baseline; what a server can do to
	// be fast is given to it.
	server := grpc.NewServer(grpc.NumStreamWorkers(placeCallers))
	allocatorv1.RegisterAllocatorServiceServer(server, &noop{answer: answer})
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
	return listener.Addr().String()
}

func dial(b *testing.B, addr string, options ...grpc.DialOption) allocatorv1.AllocatorServiceClient {
	b.Helper()
	conn, err := rpc.Dial(addr, options...)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	return allocatorv1.NewAllocatorServiceClient(conn)
}

// A load is what many callers saw of a server.
type load struct {
	callsPerSecond float64
	// p99 is the time within which 99 of 100 calls were answered.
	p99 time.Duration
}

// measure has placements called for one slice.
func measure(b *testing.B, client allocatorv1.AllocatorServiceClient, request *allocatorv1.PlaceRequest) load {
	ctx, cancel := context.WithTimeout(b.Context(), placeSlice)
	defer cancel()
	var callers sync.WaitGroup
	times := make([][]time.Duration, placeCallers)
	took := seconds(func() {
		for i := range times {
			callers.Go(func() {
				for ctx.Err() == nil {
					begin := time.Now()
					if _, err := client.Place(ctx, request, grpc.WaitForReady(true)); err == nil {
						times[i] = append(times[i], time.Since(begin))
					} else if code := status.Code(err); code != codes.DeadlineExceeded && code != codes.Canceled {
						b.Errorf("placement failed: %v", err)
						return
					}
				}
			})
		}
		callers.Wait()
	})
	all := slices.Sorted(slices.Values(slices.Concat(times...)))
	if len(all) == 0 {
		b.Fatal("no call was answered")
	}
	return load{callsPerSecond: float64(len(all)) / took, p99: all[len(all)*99/100]}
}
