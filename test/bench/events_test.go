package bench_test

import (
	"context"
	"fmt"
	"log/slog"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/events"
	"github.com/seed-198b1370/muster/pkg/natsserver/natstest"
	"github.com/seed-198b1370/muster/pkg/rpc/rpctest"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/healthcheck"
	"github.com/seed-198b1370/muster/services/healthcheck/judge"
)

const (
	// burstTransitions is how many transitions come at once.
	burstTransitions = 100_000
	// eventRounds is how often both ways alternate.
	eventRounds = 3
)

// BenchmarkBarEvents measures the way from the fleet's stream, over gRPC, to
// events that are stored by JetStream, when very many transitions come at once,
// against publishing the very same messages by JetStream's own asynchronous
// publisher, in turns. Fleet, health check and NATS share this process and so
// its cores: the ratio is of rates, the CPU is that of all of them.
func BenchmarkBarEvents(b *testing.B) {
	fleet := newBurstFleet(burstTransitions)
	messages := fleet.messages(b)
	var ratios, throughCPU, bareCPU []float64
	for b.Loop() {
		for range eventRounds {
			began := cpuSeconds(b)
			through := seconds(func() { publishThrough(b, fleet, len(messages)) })
			between := cpuSeconds(b)
			bare := seconds(func() { publishBare(b, messages) })
			ended := cpuSeconds(b)
			b.Logf("through %.3g s, bare %.3g s", through, bare)
			ratios = append(ratios, bare/through)
			throughCPU = append(throughCPU, (between-began)*1e6/float64(len(messages)))
			bareCPU = append(bareCPU, (ended-between)*1e6/float64(len(messages)))
		}
	}
	ratio := median(ratios)
	bar("published_events_burst_vs_bare_publish_rate", fmt.Sprintf("%.2f of a bare publish (CPU %.1f us an event, bare %.1f us)",
		ratio, median(throughCPU), median(bareCPU)), ">=0.70", ratio >= 0.7)
}

// cpuSeconds is the time on CPUs that this process has had.
func cpuSeconds(tb testing.TB) float64 {
	tb.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

// A burstFleet tells all its transitions at once.
type burstFleet struct {
	fleetv1.UnimplementedFleetServiceServer
	responses []*fleetv1.WatchInstancesResponse
}

// newBurstFleet makes launches of a hundred instances that live side by side:
// created, running, noticed and reclaimed.
func newBurstFleet(transitions int) *burstFleet {
	const launch, inResponse = 100, 250
	steps := []fleetv1.TransitionKind{
		fleetv1.TransitionKind_TRANSITION_KIND_CREATED, fleetv1.TransitionKind_TRANSITION_KIND_RUNNING,
		fleetv1.TransitionKind_TRANSITION_KIND_INTERRUPTION_NOTICE, fleetv1.TransitionKind_TRANSITION_KIND_RELEASED,
	}
	fleet, response := &burstFleet{}, &fleetv1.WatchInstancesResponse{}
	origin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range transitions {
		life, step := i/(launch*len(steps))*launch+i%launch, i/launch%len(steps)
		at := timestamppb.New(origin.Add(time.Duration(i) * time.Millisecond))
		response.Transitions = append(response.Transitions, &fleetv1.InstanceTransition{
			Kind: steps[step], Reason: fleetv1.TransitionReason_TRANSITION_REASON_STOCK_NEEDED, Time: at,
			Instance: &fleetv1.Instance{
				InstanceId: fmt.Sprintf("i-%013d", life), AccountId: "default", ZoneId: "cn-shenzhen-d", InstanceType: "ecs.c6.large",
				BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT, Status: fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING,
				TransitionNumber: int64(step + 1), CreateTime: at, Tags: map[string]string{judge.GroupTag: "apg-0123456789"},
			},
		})
		if len(response.GetTransitions()) == inResponse || i == transitions-1 {
			response.Cursor, response.Position = fmt.Sprint("at-", i), int64(i+1)
			fleet.responses = append(fleet.responses, response)
			response = &fleetv1.WatchInstancesResponse{}
		}
	}
	return fleet
}

// ListInstances implements FleetService: there are none before the burst.
func (f *burstFleet) ListInstances(context.Context, *fleetv1.ListInstancesRequest) (*fleetv1.ListInstancesResponse, error) {
	return &fleetv1.ListInstancesResponse{Cursor: "begin"}, nil
}

// WatchInstances implements FleetService.
func (f *burstFleet) WatchInstances(_ *fleetv1.WatchInstancesRequest, stream grpc.ServerStreamingServer[fleetv1.WatchInstancesResponse]) error {
	for _, response := range f.responses {
		if err := stream.Send(response); err != nil {
			return err
		}
	}
	<-stream.Context().Done()
	return stream.Context().Err()
}

// messages are what the fleet's transitions must become.
func (f *burstFleet) messages(tb testing.TB) (all []*nats.Msg) {
	tb.Helper()
	for _, response := range f.responses {
		for _, transition := range response.GetTransitions() {
			event, err := judge.Transition(transition)
			if err != nil {
				tb.Fatal(err)
			}
			msg, err := events.Instances().Encode(event, events.Protobuf)
			if err != nil {
				tb.Fatal(err)
			}
			all = append(all, msg)
		}
	}
	return all
}

// publishThrough lets a health check follow the fleet until all its events are
// stored.
func publishThrough(b *testing.B, fleet *burstFleet, count int) {
	b.Helper()
	js := natstest.NewJetStream(b)
	conn := rpctest.Serve(b, func(r grpc.ServiceRegistrar) { fleetv1.RegisterFleetServiceServer(r, fleet) })
	service, err := healthcheck.New(healthcheck.Config{}, healthcheck.Deps{
		Fleet: fleetv1.NewFleetServiceClient(conn), JetStream: js, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
	<-service.Ready()
	for tick := time.NewTicker(20 * time.Millisecond); storedEvents(b, js) < count; <-tick.C {
		if b.Context().Err() != nil {
			b.Fatal("not stored")
		}
	}
	cancel()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
	if err := service.Close(); err != nil {
		b.Fatal(err)
	}
}

func storedEvents(b *testing.B, js jetstream.JetStream) int {
	b.Helper()
	stream, err := js.Stream(b.Context(), events.StreamName)
	if err != nil {
		b.Fatal(err)
	}
	return int(stream.CachedInfo().State.Msgs)
}

// publishBare publishes messages and waits for all acknowledgements.
func publishBare(b *testing.B, messages []*nats.Msg) {
	b.Helper()
	js := natstest.NewJetStream(b)
	if err := events.Instances().EnsureStream(b.Context(), js, events.StreamConfig{}); err != nil {
		b.Fatal(err)
	}
	for _, msg := range messages {
		if _, err := js.PublishMsgAsync(msg, jetstream.WithStallWait(time.Minute)); err != nil {
			b.Fatal(err)
		}
	}
	<-js.PublishAsyncComplete()
	if got := storedEvents(b, js); got != len(messages) {
		b.Fatalf("%d messages are stored, want %d", got, len(messages))
	}
}
