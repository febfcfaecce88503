package follow_test

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/clock"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/fleettest"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/follow"
)

// A watcher writes down what it is told.
type watcher struct {
	mu      sync.Mutex
	told    []string
	changed chan struct{}
	blocked chan struct{} // while it is not nil nothing is taken
}

func newWatcher() *watcher { return &watcher{changed: make(chan struct{})} }

func (w *watcher) note(told ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, told...)
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *watcher) ListBegins(context.Context) { w.note("list") }

func (w *watcher) Listed(_ context.Context, instances []*fleetv1.Instance) {
	for _, instance := range instances {
		w.note(fmt.Sprint("listed ", instance.GetInstanceId(), "/", instance.GetTransitionNumber()))
	}
}

func (w *watcher) ListEnds(context.Context) { w.note("end") }

func (w *watcher) Happened(ctx context.Context, transitions []*fleetv1.InstanceTransition, _ *timestamppb.Timestamp) {
	w.mu.Lock()
	blocked := w.blocked
	w.mu.Unlock()
	if blocked != nil {
		select {
		case <-blocked:
		case <-ctx.Done():
			return
		}
	}
	for _, t := range transitions {
		w.note(fmt.Sprint(t.GetInstance().GetInstanceId(), "/", t.GetInstance().GetTransitionNumber()))
	}
}

func (w *watcher) CutOff(context.Context) {}

// block makes the watcher take nothing that has happened until it is called.
func (w *watcher) block() (release func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	blocked := make(chan struct{})
	w.blocked = blocked
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.blocked = nil
		close(blocked)
	}
}

// await waits until the watcher was told something; it returns all that it was.
func (w *watcher) await(t testing.TB, what string) []string {
	t.Helper()
	deadline := time.After(patience)
	for {
		w.mu.Lock()
		told, changed := slices.Clone(w.told), w.changed
		w.mu.Unlock()
		if slices.Contains(told, what) {
			return told
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("the watcher is not told %s, only %v", what, told)
		}
	}
}

// begin follows a fleet with a watcher until stop is called.
func begin(t testing.TB, follower *follow.Follower, from follow.Place, deliver func(context.Context, follow.Batch) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- follower.Follow(ctx, from, deliver) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// One stream serves both: a watcher is told how instances are and then what is
// new, once and without a gap, from wherever the events are read.
func TestFollow_watcherIsToldOnce(t *testing.T) {
	fleet := fleettest.New()
	fleet.CarryOne()
	client := fleet.Serve(t)
	w := newWatcher()
	follower := &follow.Follower{Fleet: client, Watcher: w, Clock: clock.NewWall(), Log: slog.New(slog.DiscardHandler)}
	// followTo follows from a place until an event is delivered, and the watcher
	// told something; it returns the events, and the place after the last.
	followTo := func(from follow.Place, last, told string) (ids []string, at follow.Place) {
		t.Helper()
		k := newTaker()
		stop := begin(t, follower, from, k.take)
		k.await(t, func(ids []string, _ string) bool { return slices.Contains(ids, last) })
		w.await(t, told)
		stop()
		return k.ids, k.place
	}
	expect := func(what string, got []string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	fleet.Live("old", "")
	fleet.Launch("i-1", "")
	all, _ := followTo(follow.Place{}, "i-1/1", "end")
	expect("events", all, append(lifeIDs("old"), "i-1/1")...)
	expect("the watcher, which has a list,", w.told, "list", "listed i-1/1", "end")

	fleet.Launch("i-2", "")
	events, at := followTo(follow.Place{}, "i-2/1", "i-2/1") // those of others, too
	expect("events from the beginning", events, append(slices.Clone(all), "i-2/1")...)
	expect("the watcher", w.told[3:], "i-2/1")

	fleet.Launch("i-3", "")
	events, _ = followTo(at, "i-3/1", "i-3/1")
	expect("events from there", events, "i-3/1")
	expect("the watcher", w.told[4:], "i-3/1")
}

// Events that others have come further with are not told again, and the watcher
// misses nothing of what it has not read itself.
func TestFollow_watcherIsBehindTheEvents(t *testing.T) {
	fleet := fleettest.New()
	fleet.CarryOne()
	client := fleet.Serve(t)
	fleet.Launch("i-1", "")
	w := newWatcher()
	follower := &follow.Follower{Fleet: client, Watcher: w, Clock: clock.NewWall(), Log: slog.New(slog.DiscardHandler)}
	first := newTaker()
	stop := begin(t, follower, follow.Place{}, first.take)
	first.awaitIDs(t, []string{"i-1/1"})
	w.await(t, "end")
	stop()
	fleet.Launch("i-2", "")
	others := newTaker()
	stop = begin(t, &follow.Follower{Fleet: client, Clock: clock.NewWall(), Log: slog.New(slog.DiscardHandler)}, first.place, others.take)
	others.awaitIDs(t, []string{"i-2/1"})
	stop()
	fleet.Launch("i-3", "")
	rest := newTaker()
	begin(t, follower, others.place, rest.take)
	rest.awaitIDs(t, []string{"i-3/1"})
	fleet.Launch("i-4", "")
	rest.awaitIDs(t, []string{"i-3/1", "i-4/1"})
	if got := w.await(t, "i-4/1"); !slices.Equal(got, []string{"list", "listed i-1/1", "end", "i-2/1", "i-3/1", "i-4/1"}) {
		t.Errorf("the watcher is told %v", got)
	}
}

// S7: events that can not be delivered hold up no watcher, however many wait, and
// all of them come in their order once they can be.
func TestFollow_watcherDoesNotWaitForEvents(t *testing.T) {
	fleet := fleettest.New()
	fleet.CarryOne()
	client := fleet.Serve(t)
	w, k := newWatcher(), newTaker()
	away := make(chan struct{})
	begin(t, &follow.Follower{Fleet: client, Watcher: w, Clock: clock.NewScaled(fleettest.Origin, 100), Log: slog.New(slog.DiscardHandler)},
		follow.Place{}, func(ctx context.Context, batch follow.Batch) error {
			select {
			case <-away:
				return k.take(ctx, batch)
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	w.await(t, "end")
	var want []string
	for i := range 100 {
		id := fmt.Sprintf("i-%d", i)
		fleet.Launch(id, "")
		want = append(want, id+"/1")
	}
	if got := w.await(t, "i-99/1"); !slices.Equal(got, append([]string{"list", "end"}, want...)) {
		t.Errorf("the watcher is told %v", got)
	}
	close(away)
	k.awaitIDs(t, want)
	fleet.Launch("i-last", "")
	k.awaitIDs(t, append(want, "i-last/1"))
}

// A watcher that takes nothing holds up no events, and misses nothing.
func TestFollow_eventsDoNotWaitForTheWatcher(t *testing.T) {
	fleet := fleettest.New()
	fleet.CarryOne()
	client := fleet.Serve(t)
	w, k := newWatcher(), newTaker()
	begin(t, &follow.Follower{Fleet: client, Watcher: w, Clock: clock.NewScaled(fleettest.Origin, 100), Log: slog.New(slog.DiscardHandler)}, follow.Place{}, k.take)
	w.await(t, "end")
	release := w.block()
	var want []string
	for i := range 100 {
		id := fmt.Sprintf("i-%d", i)
		fleet.Launch(id, "")
		want = append(want, id+"/1")
	}
	k.awaitIDs(t, want)
	release()
	if got := w.await(t, "i-99/1"); !slices.Equal(got, append([]string{"list", "end"}, want...)) {
		t.Errorf("the watcher is told %v", got)
	}
}

// A list that takes long, or waits for what is stored, holds up no events. What
// happens meanwhile the watcher is told behind the list.
func TestFollow_eventsDoNotWaitForASlowList(t *testing.T) {
	fleet := fleettest.New()
	fleet.CarryOne()
	client := fleet.Serve(t)
	fleet.Launch("i-1", "")
	w, k := &slowWatcher{watcher: newWatcher(), ready: make(chan struct{})}, newTaker()
	begin(t, &follow.Follower{Fleet: client, Watcher: w, Clock: clock.NewWall(), Log: slog.New(slog.DiscardHandler)}, follow.Place{}, k.take)
	w.await(t, "listed i-1/1") // and no further
	fleet.Launch("i-2", "")
	k.awaitIDs(t, []string{"i-1/1", "i-2/1"})
	close(w.ready)
	if got := w.await(t, "i-2/1"); !slices.Equal(got, []string{"list", "listed i-1/1", "end", "i-2/1"}) {
		t.Errorf("the watcher is told %v", got)
	}
}

// A slowWatcher takes its list only when it is ready.
type slowWatcher struct {
	*watcher
	ready chan struct{}
}

func (w *slowWatcher) Listed(ctx context.Context, instances []*fleetv1.Instance) {
	w.watcher.Listed(ctx, instances)
	select {
	case <-w.ready:
	case <-ctx.Done():
	}
}

// A list that can not be had holds up no events, and the watcher gets it when it
// can be.
func TestFollow_eventsDoNotWaitForTheList(t *testing.T) {
	fleet, simulated := fleettest.New(), clock.NewVirtual(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	client := fleet.Serve(t)
	fleet.FailLists(true)
	fleet.Launch("i-1", "")
	listed := make(chan struct{})
	w := &endWatcher{watcher: newWatcher(), ended: listed}
	follower := &follow.Follower{Fleet: client, Watcher: w, Clock: simulated, Log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(t.Context())
	seen, over := make(chan string), make(chan error, 1)
	go func() {
		over <- follower.Follow(ctx, follow.Place{}, func(ctx context.Context, batch follow.Batch) error {
			for _, event := range batch.Events {
				select {
				case seen <- event.GetEventId():
				case <-ctx.Done():
				}
			}
			return nil
		})
	}()
	for _, id := range []string{"i-1", "i-2"} {
		if got := <-seen; got != id+"/1" {
			t.Errorf("without a list the event is %s, want that of %s", got, id)
		}
		if id == "i-1" {
			fleet.Launch("i-2", "")
		}
	}
	fleet.FailLists(false)
	for waiting := true; waiting; {
		select {
		case <-listed:
			waiting = false
		default:
			simulated.Advance(time.Second)
			runtime.Gosched()
		}
	}
	fleet.Launch("i-3", "")
	if got := <-seen; got != "i-3/1" {
		t.Errorf("after the list the event is %s", got)
	}
	cancel()
	if err := <-over; err != nil {
		t.Error(err)
	}
	at := slices.Index(w.told, "end")
	if want := []string{"list", "listed i-1/1", "listed i-2/1"}; at < len(want) || !slices.Equal(w.told[at-len(want):at], want) || slices.Contains(w.told[:at], "i-1/1") {
		t.Errorf("the watcher is told %v", w.told)
	}
}

// An endWatcher tells when its list is complete.
type endWatcher struct {
	*watcher
	ended chan struct{}
}

func (w *endWatcher) ListEnds(ctx context.Context) {
	w.watcher.ListEnds(ctx)
	close(w.ended)
}
