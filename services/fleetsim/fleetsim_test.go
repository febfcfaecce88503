package fleetsim_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim"
)

func TestMain(m *testing.M) {
	if folder := os.Getenv(victimEnv); folder != "" {
		victim(folder)
		return
	}
	goleak.VerifyTestMain(m)
}

// origin is where the tests' time begins: a Monday morning.
var origin = time.Date(2026, 11, 16, 8, 0, 0, 0, time.UTC)

// cloud is a running service and clients of it.
type cloud struct {
	t     testing.TB
	clock *clock.Virtual // nil when the service has its own
	*fleetsim.Service
	conn       *grpc.ClientConn
	fleet      fleetv1.FleetServiceClient
	billing    fleetv1.BillingServiceClient
	simulation fleetv1.SimulationServiceClient
	stop       func()
}

// start opens a service, runs it and connects to it, until stop is called or
// the test ends. Without a clock of its own it runs by a virtual one.
func start(t testing.TB, config fleetsim.Config, ownClock bool) *cloud {
	t.Helper()
	c := &cloud{t: t}
	deps := fleetsim.Deps{}
	if !ownClock {
		c.clock = clock.NewVirtual(origin)
		deps.Clock = c.clock
	}
	service, err := fleetsim.New(config, deps)
	if err != nil {
		t.Fatal(err)
	}
	c.Service = service
	validator, err := rpc.NewValidator()
	if err != nil {
		t.Fatal(err)
	}
	server := rpc.NewServer(validator, slog.New(slog.DiscardHandler))
	service.Register(server)
	local := rpc.NewLocal()
	conn, err := local.Dial()
	if err != nil {
		t.Fatal(err)
	}
	c.conn, c.fleet, c.billing = conn, fleetv1.NewFleetServiceClient(conn), fleetv1.NewBillingServiceClient(conn)
	c.simulation = fleetv1.NewSimulationServiceClient(conn)
	ctx, cancel := context.WithCancel(context.Background()) // it ends in Cleanup, after t.Context
	served, ran := make(chan error, 1), make(chan error, 1)
	go func() { ran <- service.Run(ctx) }()
	go func() { served <- server.Serve(ctx, time.Second, local) }()
	<-service.Ready()
	stopped := false
	c.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := errors.Join(<-ran, <-served, conn.Close(), service.Close()); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(c.stop)
	return c
}

// still is a volatility of 0.
func still() *float64 { return new(float64) }

// pool is a request to launch in the pool that the tests use most.
func launch(id string, amount int32, change ...func(*fleetv1.RunInstancesRequest)) *fleetv1.RunInstancesRequest {
	req := &fleetv1.RunInstancesRequest{
		RequestId: id, ZoneId: "cn-shenzhen-d", InstanceType: "ecs.c6.large",
		BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT, Amount: amount,
	}
	for _, c := range change {
		c(req)
	}
	return req
}

func (c *cloud) run(req *fleetv1.RunInstancesRequest) []string {
	c.t.Helper()
	resp, err := c.fleet.RunInstances(c.t.Context(), req)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp.GetInstanceIds()
}

// list lists all instances, by pages of a size.
func (c *cloud) list(req *fleetv1.ListInstancesRequest) (all []*fleetv1.Instance, cursor string) {
	c.t.Helper()
	for {
		resp, err := c.fleet.ListInstances(c.t.Context(), req)
		if err != nil {
			c.t.Fatal(err)
		}
		if cursor == "" {
			cursor = resp.GetCursor()
		}
		all = append(all, resp.GetInstances()...)
		if resp.GetNextPageToken() == "" {
			return all, cursor
		}
		req.PageToken = resp.GetNextPageToken()
	}
}

// watch opens a stream from a cursor and reads n transitions of it, and the
// cursor after each response.
func (c *cloud) watch(cursor string, n int, tags map[string]string) (transitions []*fleetv1.InstanceTransition, last string) {
	c.t.Helper()
	ctx, cancel := context.WithCancel(c.t.Context())
	defer cancel()
	stream, err := c.fleet.WatchInstances(ctx, &fleetv1.WatchInstancesRequest{Cursor: cursor, Tags: tags})
	if err != nil {
		c.t.Fatal(err)
	}
	for last = cursor; len(transitions) < n; {
		resp, err := stream.Recv()
		if err != nil {
			c.t.Fatal(err)
		}
		transitions, last = append(transitions, resp.GetTransitions()...), resp.GetCursor()
	}
	return transitions, last
}

// describe writes what identifies transitions.
func describe(transitions []*fleetv1.InstanceTransition) []string {
	var all []string
	for _, t := range transitions {
		all = append(all, fmt.Sprintf("%s %s #%d %s %s at %d: %s", t.GetTime().AsTime().Format(time.RFC3339Nano), t.GetInstance().GetInstanceId(),
			t.GetInstance().GetTransitionNumber(), t.GetKind(), t.GetReason(), t.GetInstance().GetPriceMicrosPerHour(), t.GetInstance()))
	}
	return all
}

// copyFolder copies what a kill at this moment would leave.
func copyFolder(t testing.TB, from string) string {
	t.Helper()
	to := t.TempDir()
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		source, err := os.Open(filepath.Join(from, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		target, err := os.Create(filepath.Join(to, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(target, source); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(source.Close(), target.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return to
}
