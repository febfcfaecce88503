package fleetsim_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim"
	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
)

// roomy is a catalog of ten offers of a million instances each.
func roomy(t testing.TB) *catalog.Catalog {
	t.Helper()
	var csv strings.Builder
	csv.WriteString("zone_id,instance_type,family,architecture,vcpus,memory_mib,gpus,pay_as_you_go_micros_per_hour,spot_base_permille,capacity_instances\n")
	for i := range 10 {
		fmt.Fprintf(&csv, "cn-large-a,ecs.r%d.large,ecs.r%d,x86,2,4096,0,300000,300,1000000\n", i, i)
	}
	c, err := catalog.Parse(strings.NewReader(csv.String()))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// hundred is a request to launch a hundred instances, different for each number.
func hundred(n int) *fleetv1.RunInstancesRequest {
	return &fleetv1.RunInstancesRequest{
		RequestId: fmt.Sprint("launch-", n), ZoneId: "cn-large-a", InstanceType: fmt.Sprintf("ecs.r%d.large", n%10),
		BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT, Amount: 100,
		Tags: map[string]string{"muster:group": fmt.Sprint("apg-", n%100), "muster:launch": fmt.Sprint("launch-", n)},
	}
}

// noop answers launches with ids that it was given.
type noop struct {
	fleetv1.UnimplementedFleetServiceServer
	ids []string
}

// RunInstances implements the contract.
func (n *noop) RunInstances(context.Context, *fleetv1.RunInstancesRequest) (*fleetv1.RunInstancesResponse, error) {
	return &fleetv1.RunInstancesResponse{InstanceIds: n.ids}, nil
}

// serve serves something on loopback.
func serve(b *testing.B, register func(grpc.ServiceRegistrar)) fleetv1.FleetServiceClient {
	b.Helper()
	validator, err := rpc.NewValidator()
	if err != nil {
		b.Fatal(err)
	}
	server := rpc.NewServer(validator, slog.New(slog.DiscardHandler))
	register(server)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	conn, err := rpc.Dial(listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background()) // it ends in Cleanup
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, time.Second, listener) }()
	b.Cleanup(func() {
		cancel()
		if err := errors.Join(<-served, conn.Close()); err != nil {
			b.Error(err)
		}
	})
	return fleetv1.NewFleetServiceClient(conn)
}

// callers is how many calls there are at a time.
const callers = 64

// callAll makes so many launches, from a number on, and tells how many a second.
func callAll(b *testing.B, fleet fleetv1.FleetServiceClient, from, count int) float64 {
	b.Helper()
	begun := time.Now()
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			for n := caller; n < count; n += callers {
				if _, err := fleet.RunInstances(b.Context(), hundred(from+n)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	return float64(count) / time.Since(begun).Seconds()
}

// BenchmarkRunInstances100 compares launches of 100 instances that are kept on
// disk before they are answered with calls that do nothing and answer 100 ids,
// 64 at a time on loopback, in turns.
func BenchmarkRunInstances100(b *testing.B) {
	const slice = 1000
	config := fleetsim.Config{Volatility: still(), Catalog: roomy(b), DataDir: b.TempDir()}
	cloud := start(b, config, true)
	cloud.Clock().Pause() // what instances do later is not the launch
	durable := serve(b, cloud.Register)
	first, err := durable.RunInstances(b.Context(), hundred(0))
	if err != nil {
		b.Fatal(err)
	}
	nothing := serve(b, func(r grpc.ServiceRegistrar) {
		fleetv1.RegisterFleetServiceServer(r, &noop{ids: first.GetInstanceIds()})
	})
	calls := 1
	for b.Loop() {
		var ratios, rates []float64
		for range 9 {
			rate := callAll(b, durable, calls, slice)
			calls += slice
			ratios, rates = append(ratios, rate/callAll(b, nothing, calls, slice)), append(rates, rate)
		}
		slices.Sort(ratios)
		slices.Sort(rates)
		b.ReportMetric(ratios[len(ratios)/2], "ratio")
		b.ReportMetric(rates[len(rates)/2], "calls/s")
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkStart measures how long it takes to go on from a snapshot of a
// million instances, and how long it takes to write it.
func BenchmarkStart(b *testing.B) {
	config := fleetsim.Config{Volatility: still(), Catalog: roomy(b), DataDir: b.TempDir()}
	cloud := start(b, config, true)
	for n := 0; n < 10_000; n += 1000 {
		callAll(b, cloud.fleet, n, 1000)
	}
	begun := time.Now()
	cloud.stop()
	closed := time.Since(begun)
	for b.Loop() {
		service, err := fleetsim.New(config, fleetsim.Deps{})
		b.StopTimer()
		if err != nil {
			b.Fatal(err)
		}
		if err := service.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(closed.Seconds(), "s/close")
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/start")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkWatchPools measures how long a new cloud takes to tell all pools of
// the shipped catalog, whose interruption rates nobody has asked for yet, next
// to how long a second stream takes, which finds them known.
func BenchmarkWatchPools(b *testing.B) {
	view := func(c *cloud) float64 {
		begun := time.Now()
		stream := c.readPools()
		stream.until(func() bool { return stream.last.GetComplete() })
		return time.Since(begun).Seconds()
	}
	var first, second float64
	for b.Loop() {
		c := start(b, fleetsim.Config{Origin: origin}, true)
		first, second = first+view(c), second+view(c)
		c.stop()
	}
	b.ReportMetric(1e3*(first-second)/float64(b.N), "ms-more/first")
	b.ReportMetric(first/second, "first/second")
	b.ReportMetric(0, "ns/op")
}
