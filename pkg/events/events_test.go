package events_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/events"
	"github.com/seed-198b1370/muster/pkg/natsserver/natstest"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

func TestMain(m *testing.M) {
	// The client library can lose a listener of a publisher that is closed before
	// the listener has begun, as short tests on a busy machine do.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/nats-io/nats.go/jetstream.(*jetStream).resetPendingAcksOnReconnect"))
}

const (
	created = healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_CREATED
	running = healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_RUNNING
	notice  = healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_INTERRUPTION_NOTICE
)

// patience bounds every wait of these tests.
const patience = 30 * time.Second

var origin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// newEvent makes transition number of an instance.
func newEvent(instance string, number int64, kind healthv1.InstanceEventKind) *healthv1.InstanceEvent {
	return &healthv1.InstanceEvent{
		EventId: events.EventID(instance, number), Kind: kind, AccountId: "1234", GroupId: "apg-1", InstanceId: instance,
		ZoneId: "cn-hangzhou-i", InstanceType: "ecs.c6.large", BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT,
		TransitionNumber: number, Time: timestamppb.New(origin.Add(time.Duration(number) * time.Second)),
	}
}

// interleaved makes count events over so many instances, each in order.
func interleaved(count, instances int) []*healthv1.InstanceEvent {
	all := make([]*healthv1.InstanceEvent, count)
	for i := range all {
		all[i] = newEvent(fmt.Sprintf("i-%d", i%instances), int64(i/instances+1), running)
	}
	return all
}

// newStream makes an embedded server with the stream.
func newStream(t *testing.T) jetstream.JetStream {
	t.Helper()
	js := natstest.NewJetStream(t)
	if err := events.Instances().EnsureStream(t.Context(), js, events.StreamConfig{}); err != nil {
		t.Fatal(err)
	}
	return js
}

func newPublisher(t *testing.T, js jetstream.JetStream, config events.PublisherConfig) *events.Publisher[*healthv1.InstanceEvent] {
	t.Helper()
	publisher, err := events.NewPublisher(js, events.Instances(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(publisher.Close)
	return publisher
}

func publish(t *testing.T, js jetstream.JetStream, batch ...*healthv1.InstanceEvent) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := newPublisher(t, js, events.PublisherConfig{}).Publish(ctx, batch); err != nil {
		t.Fatal(err)
	}
}

// stored reads the whole stream, by itself, in its order.
func stored(t *testing.T, js jetstream.JetStream) []*healthv1.InstanceEvent {
	t.Helper()
	stream, err := js.Stream(t.Context(), events.StreamName)
	if err != nil {
		t.Fatal(err)
	}
	state := stream.CachedInfo().State
	all := make([]*healthv1.InstanceEvent, 0, state.Msgs)
	for sequence := state.FirstSeq; sequence <= state.LastSeq; sequence++ {
		raw, err := stream.GetMsg(t.Context(), sequence)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		event, err := events.Instances().Decode(&nats.Msg{Subject: raw.Subject, Header: raw.Header, Data: raw.Data})
		if err != nil && string(raw.Data) == "poison" {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, event)
	}
	return all
}

// wantEvents compares what was read with what was published.
func wantEvents(t *testing.T, got, want []*healthv1.InstanceEvent) {
	t.Helper()
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("events (-want +got):\n%.3000s", diff)
	}
}

// byInstance gives the ids of each instance's events in order, without
// repetitions.
func byInstance(all []*healthv1.InstanceEvent) map[string][]string {
	ids, seen := map[string][]string{}, map[string]bool{}
	for _, event := range all {
		if !seen[event.GetEventId()] {
			seen[event.GetEventId()] = true
			ids[event.GetInstanceId()] = append(ids[event.GetInstanceId()], event.GetEventId())
		}
	}
	return ids
}

// A record is what a handler has seen.
type record struct {
	mu      sync.Mutex
	seen    []*healthv1.InstanceEvent
	changed chan struct{}
}

func newRecord() *record { return &record{changed: make(chan struct{})} }

func (r *record) add(event *healthv1.InstanceEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, event)
	close(r.changed)
	r.changed = make(chan struct{})
}

// await waits until count different events were seen and returns all.
func (r *record) await(t *testing.T, count int) []*healthv1.InstanceEvent {
	t.Helper()
	deadline := time.After(patience)
	for {
		r.mu.Lock()
		seen, changed := append([]*healthv1.InstanceEvent(nil), r.seen...), r.changed
		r.mu.Unlock()
		different := 0
		for _, ids := range byInstance(seen) {
			different += len(ids)
		}
		if different >= count {
			return seen
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("saw %d different events, want %d", different, count)
		}
	}
}

// inBackground runs until the test ends or stop is called.
func inBackground(t *testing.T, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Error("did not end with its context")
		}
	})
	t.Cleanup(stop)
	return stop
}

// logged counts the lines of a log by message.
type logged struct {
	slog.Handler
	mu    sync.Mutex
	lines map[string]int
}

func newLogged() *logged {
	return &logged{Handler: slog.DiscardHandler, lines: map[string]int{}}
}

func (l *logged) Enabled(context.Context, slog.Level) bool { return true }

func (l *logged) WithAttrs([]slog.Attr) slog.Handler { return l }

func (l *logged) Handle(_ context.Context, line slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines[line.Message]++
	return nil
}

func (l *logged) count(message string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines[message]
}
