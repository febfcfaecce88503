package healthcheck_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/events"
	"github.com/seed-198b1370/muster/pkg/natsserver/natstest"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	"github.com/seed-198b1370/muster/services/healthcheck"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/fleettest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of these tests.
const patience = 60 * time.Second

// newService makes the one replica of a service; it is closed when the test ends.
func newService(t testing.TB, fleet fleetv1.FleetServiceClient, js jetstream.JetStream) *healthcheck.Service {
	t.Helper()
	return newReplica(t, healthcheck.Config{ReplicaName: "only"}, fleet, js)
}

// newReplica makes a service; it is closed when the test ends.
func newReplica(t testing.TB, config healthcheck.Config, fleet fleetv1.FleetServiceClient, js jetstream.JetStream) *healthcheck.Service {
	t.Helper()
	service, err := healthcheck.New(config, healthcheck.Deps{
		Fleet: fleet, JetStream: js, Clock: clock.NewScaled(fleettest.Origin, 100), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { service.Close() })
	return service
}

// run runs a service until the test ends or stop is called.
func run(t testing.TB, service *healthcheck.Service) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
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

// awaitUntil looks again and again until done is true.
func awaitUntil(t testing.TB, done func() bool) {
	t.Helper()
	deadline, tick := time.After(patience), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("waited in vain")
		}
	}
}

// stored tells how many events the stream holds; 0 while it can not be asked.
func stored(js jetstream.JetStream) int {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	stream, err := js.Stream(ctx, events.StreamName)
	if err != nil {
		return 0
	}
	return int(stream.CachedInfo().State.Msgs)
}

// readAll reads the stream message by message, by none of the means under
// test, as "<subject> <id>".
func readAll(t testing.TB, js jetstream.JetStream) []string {
	t.Helper()
	stream, err := js.Stream(t.Context(), events.StreamName)
	if err != nil {
		t.Fatal(err)
	}
	state := stream.CachedInfo().State
	all := make([]string, 0, state.Msgs)
	for sequence := state.FirstSeq; sequence <= state.LastSeq; sequence++ {
		msg, err := stream.GetMsg(t.Context(), sequence)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, msg.Subject+" "+msg.Header.Get("ce-id"))
	}
	return all
}

// wantOf writes down what the fleet's journal must give, in its order.
func wantOf(journal []*fleetv1.InstanceTransition) []string {
	var all []string
	for _, step := range journal {
		kind := map[fleetv1.TransitionKind]string{
			fleetv1.TransitionKind_TRANSITION_KIND_CREATED:             "created",
			fleetv1.TransitionKind_TRANSITION_KIND_RUNNING:             "running",
			fleetv1.TransitionKind_TRANSITION_KIND_STOPPED:             "stopped",
			fleetv1.TransitionKind_TRANSITION_KIND_INTERRUPTION_NOTICE: "interruption_notice",
			fleetv1.TransitionKind_TRANSITION_KIND_RELEASED:            "interrupted",
		}[step.GetKind()]
		if kind == "" {
			continue
		}
		if kind == "interrupted" && step.GetReason() == fleetv1.TransitionReason_TRANSITION_REASON_REQUESTED {
			kind = "released"
		}
		instance := step.GetInstance()
		group := instance.GetTags()["muster:group"]
		if group == "" {
			group = "_"
		}
		all = append(all, fmt.Sprintf("muster.v1.events.%s.%s.%s.%s %[3]s/%[5]d",
			instance.GetAccountId(), group, instance.GetInstanceId(), kind, instance.GetTransitionNumber()))
	}
	return all
}

// perInstance puts what was read in order per instance, without repetitions.
func perInstance(all []string) map[string][]string {
	seen, sorted := map[string]bool{}, map[string][]string{}
	for _, line := range all {
		if !seen[line] {
			seen[line] = true
			var subject, id string
			fmt.Sscan(line, &subject, &id)
			instance, _, _ := strings.Cut(id, "/")
			sorted[instance] = append(sorted[instance], line)
		}
	}
	return sorted
}

// wantAll compares the stream with the journal: nothing lost, nothing more, in
// order per instance (S7).
func wantAll(t testing.TB, js jetstream.JetStream, fleet *fleettest.Fleet) {
	t.Helper()
	want := wantOf(fleet.Journal())
	awaitUntil(t, func() bool { return stored(js) >= len(want) })
	if diff := cmp.Diff(perInstance(want), perInstance(readAll(t, js))); diff != "" {
		t.Errorf("events by instance (-want +got):\n%.3000s", diff)
	}
}

// S7 on a good day: each transition that matters once, in the fleet's order of
// each instance.
func TestRun_publishesEveryTransitionOnce(t *testing.T) {
	fleet, js := fleettest.New(), natstest.NewJetStream(t)
	service := newService(t, fleet.Serve(t), js)
	fleet.Live("i-before", "apg-1")
	run(t, service)
	<-service.Ready()
	for i := range 50 {
		fleet.Live(fmt.Sprintf("i-%d", i), []string{"apg-1", "apg-2", "", "no.id"}[i%4])
	}
	fleet.Launch("i-deleted", "apg-1")
	fleet.Step("i-deleted", fleetv1.TransitionKind_TRANSITION_KIND_STOPPED, fleetv1.TransitionReason_TRANSITION_REASON_REQUESTED)
	fleet.Step("i-deleted", fleetv1.TransitionKind_TRANSITION_KIND_RELEASED, fleetv1.TransitionReason_TRANSITION_REASON_REQUESTED)

	want := wantOf(fleet.Journal())
	for i := range want { // a tag that is no group's id is none
		want[i] = strings.Replace(want[i], ".no.id.", "._.", 1)
	}
	awaitUntil(t, func() bool { return stored(js) >= len(want) })
	got := readAll(t, js)
	if len(got) != len(want) {
		t.Errorf("%d messages, want %d", len(got), len(want))
	}
	if diff := cmp.Diff(perInstance(want), perInstance(got)); diff != "" {
		t.Errorf("events by instance (-want +got):\n%.3000s", diff)
	}
}

// S7: the follower is stopped at every position and goes on.
func TestRun_stoppedAtEveryPosition(t *testing.T) {
	fleet, js := fleettest.New(), natstest.NewJetStream(t)
	client := fleet.Serve(t)
	for i := range 6 {
		fleet.Live(fmt.Sprintf("i-%d", i), "apg-1")
	}
	for position := 1; position <= len(fleet.Journal()); position++ {
		fleet.CutAfter(1) // a batch for each transition
		service := newService(t, client, js)
		stop := run(t, service)
		awaitUntil(t, func() bool { return stored(js) >= min(position, len(wantOf(fleet.Journal()))) })
		stop()
		service.Close()
	}
	fleet.CutAfter(0)
	run(t, newService(t, client, js))
	wantAll(t, js, fleet)
	if got, want := len(readAll(t, js)), len(wantOf(fleet.Journal())); got != want {
		t.Errorf("%d messages within the window, want %d", got, want)
	}
}

// S7: the follower dies between publishing and keeping its place, before or
// after the place is kept, at every position.
func TestRun_diesWhileItKeepsItsPlace(t *testing.T) {
	for _, effect := range []bool{false, true} {
		t.Run(fmt.Sprintf("kept=%v", effect), func(t *testing.T) {
			fleet, js := fleettest.New(), natstest.NewJetStream(t)
			client := fleet.Serve(t)
			for i := range 5 {
				fleet.Live(fmt.Sprintf("i-%d", i), "apg-1")
			}
			fleet.CutAfter(1)
			for deadly := int64(1); ; deadly++ {
				mortal := &mortalJetStream{JetStream: js, effect: effect, dead: make(chan struct{})}
				mortal.left.Store(deadly)
				service := newService(t, client, mortal)
				stop := run(t, service)
				died := false
				awaitUntil(t, func() bool {
					select {
					case <-mortal.dead:
						died = true
					default:
					}
					return died || stored(js) >= len(wantOf(fleet.Journal()))
				})
				stop()
				service.Close()
				if !died {
					break
				}
			}
			wantAll(t, js, fleet)
		})
	}
}

// mortalJetStream hangs at one attempt to keep a place, until the caller gives
// up.
type mortalJetStream struct {
	jetstream.JetStream
	left   atomic.Int64
	effect bool // the place is kept, but the answer is lost
	dead   chan struct{}
}

func (m *mortalJetStream) CreateOrUpdateKeyValue(ctx context.Context, config jetstream.KeyValueConfig) (jetstream.KeyValue, error) {
	store, err := m.JetStream.CreateOrUpdateKeyValue(ctx, config)
	return &mortalStore{KeyValue: store, mortal: m}, err
}

type mortalStore struct {
	jetstream.KeyValue
	mortal *mortalJetStream
}

func (s *mortalStore) Create(ctx context.Context, key string, value []byte, opts ...jetstream.KVCreateOpt) (uint64, error) {
	return s.write(ctx, func() (uint64, error) { return s.KeyValue.Create(ctx, key, value, opts...) })
}

func (s *mortalStore) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	return s.write(ctx, func() (uint64, error) { return s.KeyValue.Update(ctx, key, value, revision) })
}

func (s *mortalStore) write(ctx context.Context, write func() (uint64, error)) (uint64, error) {
	left := s.mortal.left.Add(-1)
	if left > 0 || s.mortal.effect && left == 0 {
		revision, err := write()
		if left > 0 {
			return revision, err
		}
	}
	if left < 0 { // it is dead
		return 0, errors.New("dead")
	}
	close(s.mortal.dead)
	<-ctx.Done()
	return 0, ctx.Err()
}

// S7: JetStream goes away and comes back while the fleet goes on. Meanwhile the
// fleet is not read without bound.
func TestRun_outlivesJetStream(t *testing.T) {
	fleet, place := fleettest.New(), natstest.NewSite(t)
	// As the simulated cloud does, it says how far it has told: while nothing is
	// read because nothing can be published, nobody is judged by what was before.
	fleet.TellUpTo(fleettest.Origin)
	js := place.Dial()
	run(t, newService(t, fleet.Serve(t), js))
	for restart := range 3 {
		for i := range 300 {
			fleet.Live(fmt.Sprintf("i-%d-%d", restart, i), "apg-1")
		}
		before := restart * 4 * 600
		awaitUntil(t, func() bool { return stored(js) > before+100 })
		place.Stop()
		for i := range 300 {
			fleet.Live(fmt.Sprintf("i-%d-%d", restart, 300+i), "apg-1")
		}
		place.Start()
	}
	wantAll(t, js, fleet)
}

func TestRun_startsBeforeJetStream(t *testing.T) {
	fleet, place := fleettest.New(), natstest.NewSite(t)
	place.Stop()
	js := place.Dial()
	service := newService(t, fleet.Serve(t), js)
	run(t, service)
	fleet.Live("i-1", "apg-1")
	select {
	case <-service.Ready():
		t.Error("ready without JetStream")
	default:
	}
	place.Start()
	<-service.Ready()
	wantAll(t, js, fleet)
}

func TestRun_streamAndBucketAreDeleted(t *testing.T) {
	fleet, js := fleettest.New(), natstest.NewJetStream(t)
	run(t, newService(t, fleet.Serve(t), js))
	fleet.Launch("i-1", "apg-1")
	awaitUntil(t, func() bool { return stored(js) == 1 })
	if err := js.DeleteStream(t.Context(), events.StreamName); err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteKeyValue(t.Context(), "MUSTER_HEALTHCHECK"); err != nil {
		t.Fatal(err)
	}
	fleet.Step("i-1", fleetv1.TransitionKind_TRANSITION_KIND_RUNNING, 0)
	awaitUntil(t, func() bool { return stored(js) == 1 })
	if got := readAll(t, js); !slices.Equal(got, []string{"muster.v1.events.1234.apg-1.i-1.running i-1/2"}) {
		t.Errorf("got %v", got)
	}
	awaitUntil(t, func() bool { return keptPlace(js) == "f1.2" }) // it is kept again
}

// keptPlace tells which place in the fleet's stream is kept; empty for none, or
// while partitions are at different places.
func keptPlace(js jetstream.JetStream) string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	store, err := js.KeyValue(ctx, "MUSTER_HEALTHCHECK")
	if err != nil {
		return ""
	}
	entry, err := store.Get(ctx, "shares")
	if err != nil {
		return ""
	}
	var table struct{ Places []struct{ Cursor string } }
	if err := json.Unmarshal(entry.Value(), &table); err != nil || len(table.Places) != 1 {
		return ""
	}
	return table.Places[0].Cursor
}

// What was missed while the fleet's journal was cut short: the notices of those
// that still run, under their ids.
func TestRun_compacted(t *testing.T) {
	fleet, js := fleettest.New(), natstest.NewJetStream(t)
	client := fleet.Serve(t)
	fleet.Launch("i-1", "apg-1")
	fleet.Launch("i-2", "apg-1")
	service := newService(t, client, js)
	stop := run(t, service)
	awaitUntil(t, func() bool { return keptPlace(js) == "f1.2" })
	stop()
	service.Close()
	fleet.Step("i-1", fleetv1.TransitionKind_TRANSITION_KIND_RUNNING, 0)
	fleet.Step("i-1", fleetv1.TransitionKind_TRANSITION_KIND_INTERRUPTION_NOTICE, fleetv1.TransitionReason_TRANSITION_REASON_STOCK_NEEDED)
	fleet.Compact()
	run(t, newService(t, client, js))
	awaitUntil(t, func() bool { return stored(js) >= 3 })
	fleet.Step("i-2", fleetv1.TransitionKind_TRANSITION_KIND_RUNNING, 0)
	awaitUntil(t, func() bool { return stored(js) >= 4 })
	want := []string{
		"muster.v1.events.1234.apg-1.i-1.created i-1/1", "muster.v1.events.1234.apg-1.i-2.created i-2/1",
		"muster.v1.events.1234.apg-1.i-1.interruption_notice i-1/3", "muster.v1.events.1234.apg-1.i-2.running i-2/2",
	}
	if diff := cmp.Diff(want, readAll(t, js)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// A consumer of its own sees what the fleet's journal says.
func TestRun_consumed(t *testing.T) {
	fleet, js := fleettest.New(), natstest.NewJetStream(t)
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	seen := map[string]int64{} // the last transition of each instance
	ended := make(chan error, 1)
	go func() {
		ended <- events.NewConsumer(js, events.Instances(), "test", nil).Consume(ctx, func(_ context.Context, event *healthv1.InstanceEvent) error {
			mu.Lock()
			defer mu.Unlock()
			if last := seen[event.GetInstanceId()]; event.GetTransitionNumber() <= last {
				t.Errorf("%s after transition %d", event.GetEventId(), last)
			}
			seen[event.GetInstanceId()] = event.GetTransitionNumber()
			return nil
		})
	}()
	run(t, newService(t, fleet.Serve(t), js))
	want := map[string]int64{}
	for i := range 40 {
		id := fmt.Sprintf("i-%d", i)
		fleet.Live(id, "apg-1")
		want[id] = 6
	}
	awaitUntil(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return maps.Equal(want, seen)
	})
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestNew_needsItsParts(t *testing.T) {
	if service, err := healthcheck.New(healthcheck.Config{}, healthcheck.Deps{}); err == nil {
		t.Errorf("made %v of nothing", service)
	}
}
