package follow_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
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
type watcher struct{ told []string }

func (w *watcher) ListBegins(context.Context) { w.told = append(w.told, "list") }

func (w *watcher) Listed(_ context.Context, instances []*fleetv1.Instance) {
	for _, instance := range instances {
		w.told = append(w.told, fmt.Sprint("listed ", instance.GetInstanceId(), "/", instance.GetTransitionNumber()))
	}
}

func (w *watcher) ListEnds(context.Context) { w.told = append(w.told, "end") }

func (w *watcher) Happened(_ context.Context, transitions []*fleetv1.InstanceTransition, _ *timestamppb.Timestamp) {
	for _, t := range transitions {
		w.told = append(w.told, fmt.Sprint(t.GetInstance().GetInstanceId(), "/", t.GetInstance().GetTransitionNumber()))
	}
}

// errEnough ends a run.
var errEnough = errors.New("enough")

// One stream serves both: a watcher is told how instances are and then what is
// new, once and without a gap, from wherever the events are read.
func TestFollow_watcherIsToldOnce(t *testing.T) {
	fleet := fleettest.New()
	fleet.CarryOne()
	client := fleet.Serve(t)
	w := &watcher{}
	follower := &follow.Follower{Fleet: client, Watcher: w, Clock: clock.NewWall(), Log: slog.New(slog.DiscardHandler)}
	// followTo follows from a place until an event is delivered; it returns those
	// that were, and the place of each.
	followTo := func(from follow.Place, last string) (ids []string, places map[string]follow.Place) {
		t.Helper()
		places = map[string]follow.Place{}
		var ended bool
		err := follower.Follow(t.Context(), from, func(_ context.Context, batch follow.Batch) error {
			if ended { // the watcher has been told of the last one, too
				return errEnough
			}
			for _, event := range batch.Events {
				ids = append(ids, event.GetEventId())
				places[event.GetEventId()] = batch.Place
				ended = ended || event.GetEventId() == last
			}
			if ended {
				fleet.Launch("end", "") // is not delivered
			}
			return nil
		})
		if !errors.Is(err, errEnough) {
			t.Fatal(err)
		}
		return ids, places
	}
	expect := func(what string, got []string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	fleet.Live("old", "")
	fleet.Launch("i-1", "")
	all, _ := followTo(follow.Place{}, "i-1/1")
	expect("events", all, append(lifeIDs("old"), "i-1/1")...)
	expect("the watcher, which has a list,", w.told, "list", "listed i-1/1", "end")

	fleet.Launch("i-2", "")
	events, places := followTo(follow.Place{}, "i-2/1") // those of others, too
	expect("events from the beginning", events, append(slices.Clone(all), "end/1", "i-2/1")...)
	expect("the watcher", w.told[3:], "end/1", "i-2/1")

	fleet.Launch("i-3", "")
	events, _ = followTo(places["i-2/1"], "i-3/1")
	expect("events from there", events, "end/1", "i-3/1")
	expect("the watcher", w.told[5:], "end/1", "i-3/1")
}

// Events that others have come further with are not told again, and the watcher
// misses nothing of what it has not read itself.
func TestFollow_watcherIsBehindTheEvents(t *testing.T) {
	fleet := fleettest.New()
	fleet.CarryOne()
	client := fleet.Serve(t)
	fleet.Launch("i-1", "")
	places := map[string]follow.Place{}
	note := func(last string) func(context.Context, follow.Batch) error {
		return func(_ context.Context, batch follow.Batch) error {
			for _, event := range batch.Events {
				places[event.GetEventId()] = batch.Place
			}
			if _, ok := places[last]; ok {
				return errEnough
			}
			return nil
		}
	}
	w := &watcher{}
	follower := &follow.Follower{Fleet: client, Watcher: w, Clock: clock.NewWall(), Log: slog.New(slog.DiscardHandler)}
	_ = follower.Follow(t.Context(), follow.Place{}, note("i-1/1"))
	fleet.Launch("i-2", "")
	other := &follow.Follower{Fleet: client, Clock: clock.NewWall(), Log: slog.New(slog.DiscardHandler)}
	_ = other.Follow(t.Context(), places["i-1/1"], note("i-2/1"))
	at := places["i-2/1"]
	clear(places)
	fleet.Launch("i-3", "")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := make(chan string, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- follower.Follow(ctx, at, func(_ context.Context, batch follow.Batch) error {
			for _, event := range batch.Events {
				seen <- event.GetEventId()
			}
			return nil
		})
	}()
	if got := <-seen; got != "i-3/1" {
		t.Errorf("the first event is %s", got)
	}
	fleet.Launch("i-4", "")
	<-seen // the watcher was told of what came before it
	cancel()
	<-ended
	if got := w.told[:5]; !slices.Equal(got, []string{"list", "listed i-1/1", "end", "i-2/1", "i-3/1"}) {
		t.Errorf("the watcher is told %v", got)
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
	w := &endWatcher{ended: listed}
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
	watcher
	ended chan struct{}
}

func (w *endWatcher) ListEnds(ctx context.Context) {
	w.watcher.ListEnds(ctx)
	close(w.ended)
}
