package stack_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

func TestStart_refusesWhatCanNotWork(t *testing.T) {
	for name, test := range map[string]struct {
		config stack.Config
		want   []string
	}{
		"speed":        {stack.Config{Speed: -1}, []string{"speed -1 is not between"}},
		"unknown role": {stack.Config{Roles: []stack.Role{"cook"}}, []string{`role "cook" is none of`}},
		"NATS":         {stack.Config{NATSURL: "foo"}, []string{`must be like nats://127.0.0.1:4222, got "foo"`}},
		"alone": {stack.Config{Roles: []stack.Role{stack.Groupsvc}}, []string{
			"groupsvc needs the address of fleetsim", "groupsvc needs the address of allocator", "needs the URL of NATS",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := stack.Start(t.Context(), test.config)
			for _, want := range test.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want one that says %q", err, want)
				}
			}
		})
	}
}

// A start that fails half way leaves nothing behind.
func TestStart_cleansUpAfterItself(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if _, err := stack.Start(t.Context(), stack.Config{Listen: taken.Addr().String()}); err == nil {
		t.Fatal("started on a taken port")
	}
	// The cloud of this allocator never answers.
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := stack.Start(ctx, stack.Config{Roles: []stack.Role{stack.Allocator}, FleetAddr: taken.Addr().String()}); err == nil {
		t.Fatal("started without a cloud")
	}
}

// Open streams do not keep a stack from stopping, and nothing stays behind.
func TestStop_inSpiteOfOpenStreams(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	running, err := stack.Start(t.Context(), stack.Config{Grace: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	health, err := healthpb.NewHealthClient(running.Conn()).Watch(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if first, err := health.Recv(); err != nil || first.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("health is %v, %v", first, err)
	}
	if _, err := fleetv1.NewFleetServiceClient(running.Conn()).WatchPools(t.Context(), &fleetv1.WatchPoolsRequest{}); err != nil {
		t.Fatal(err)
	}
	events, err := healthv1.NewHealthServiceClient(running.Conn()).WatchInstanceEvents(t.Context(), &healthv1.WatchInstanceEventsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := events.Recv(); err != nil {
		t.Fatal(err)
	}
	if err := running.Stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if err := running.Stop(); err != nil {
		t.Errorf("stop again: %v", err)
	}
}

// State in a data folder survives a stop; the simulated clock goes on from where
// it stood.
func TestDataDir_survives(t *testing.T) {
	dir := t.TempDir()
	var at time.Time
	var ids []string
	for range 2 {
		running, err := stack.Start(t.Context(), stack.Config{DataDir: dir, CalmMarket: true})
		if err != nil {
			t.Fatal(err)
		}
		fleet := fleetv1.NewFleetServiceClient(running.Conn())
		launched, err := fleet.RunInstances(t.Context(), &fleetv1.RunInstancesRequest{
			RequestId: "once", ZoneId: "cn-shenzhen-d", InstanceType: "ecs.c6.large", Amount: 2,
			BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO,
		})
		if err != nil {
			t.Fatal(err)
		}
		if ids != nil && strings.Join(ids, " ") != strings.Join(launched.GetInstanceIds(), " ") {
			t.Errorf("the same request launched %v, then %v", ids, launched.GetInstanceIds())
		}
		ids = launched.GetInstanceIds()
		if now := running.Clock().Now(); now.Before(at) {
			t.Errorf("the clock went back from %v to %v", at, now)
		} else {
			at = now
		}
		if err := running.Stop(); err != nil {
			t.Fatal(err)
		}
	}
}
