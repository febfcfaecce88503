package follow_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seed-198b1370/muster/pkg/clock"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/fleettest"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/follow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of these tests.
const patience = 30 * time.Second

// A taker takes batches.
type taker struct {
	mu      sync.Mutex
	ids     []string
	cursor  string
	place   follow.Place
	changed chan struct{}
	fail    error
}

func newTaker() *taker { return &taker{changed: make(chan struct{})} }

func (k *taker) take(_ context.Context, batch follow.Batch) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fail != nil {
		return k.fail
	}
	for _, event := range batch.Events {
		k.ids = append(k.ids, event.GetEventId())
	}
	if batch.Place.Cursor != "" {
		k.cursor, k.place = batch.Place.Cursor, batch.Place
	}
	close(k.changed)
	k.changed = make(chan struct{})
	return nil
}

func (k *taker) await(t *testing.T, done func(ids []string, cursor string) bool) {
	t.Helper()
	deadline := time.After(patience)
	for {
		k.mu.Lock()
		ids, cursor, changed := slices.Clone(k.ids), k.cursor, k.changed
		k.mu.Unlock()
		if done(ids, cursor) {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("waited in vain; got %v", ids)
		}
	}
}

func (k *taker) awaitIDs(t *testing.T, want []string) {
	t.Helper()
	k.await(t, func(ids []string, _ string) bool { return len(ids) >= len(want) })
	k.mu.Lock()
	defer k.mu.Unlock()
	if !slices.Equal(want, k.ids) {
		t.Errorf("events (-want +got):\n%s", cmp.Diff(want, k.ids))
	}
}

// start follows a fleet from a cursor until the test ends.
func start(t *testing.T, client fleetv1.FleetServiceClient, cursor string, k *taker) (stop func()) {
	t.Helper()
	follower := &follow.Follower{
		Fleet: client, Clock: clock.NewScaled(fleettest.Origin, 1000), Log: slog.New(slog.DiscardHandler),
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- follower.Follow(ctx, follow.Place{Cursor: cursor}, k.take) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// lifeIDs are the ids of the events of [fleettest.Fleet.Live].
func lifeIDs(instance string) []string {
	return []string{instance + "/1", instance + "/3", instance + "/4", instance + "/6"}
}

func TestFollow_fromTheBeginning(t *testing.T) {
	fleet := fleettest.New()
	client := fleet.Serve(t)
	fleet.Live("i-1", "apg-1")
	k := newTaker()
	start(t, client, "", k)
	k.awaitIDs(t, lifeIDs("i-1"))
	fleet.Live("i-2", "apg-1")
	k.awaitIDs(t, append(lifeIDs("i-1"), lifeIDs("i-2")...))
}

// S7: wherever the stream breaks, nothing is left out or repeated.
func TestFollow_streamBreaksEverywhere(t *testing.T) {
	fleet := fleettest.New()
	client := fleet.Serve(t)
	var want []string
	for i := range 4 {
		fleet.Live(fmt.Sprint("i-", i), "apg-1")
		want = append(want, lifeIDs(fmt.Sprint("i-", i))...)
	}
	for cut := 1; cut <= len(fleet.Journal()); cut++ {
		fleet.CutAfter(cut)
		k := newTaker()
		stop := start(t, client, "", k)
		k.awaitIDs(t, want)
		stop()
	}
}

// S7: whoever goes on from the cursor of a batch gets what comes after it.
func TestFollow_goesOnFromEveryCursor(t *testing.T) {
	fleet := fleettest.New()
	client := fleet.Serve(t)
	fleet.Live("i-1", "apg-1")
	want := lifeIDs("i-1")
	whole := len(fleet.Journal())
	for at := range whole + 1 {
		fleet.CutAfter(at) // the first stream carries so many
		k := newTaker()
		stop := start(t, client, "", k)
		if at > 0 {
			k.await(t, func(_ []string, cursor string) bool { return cursor != "" })
		}
		stop()
		cursor, before := k.cursor, k.ids
		fleet.CutAfter(0)
		rest := newTaker()
		stop = start(t, client, cursor, rest)
		rest.awaitIDs(t, want[len(before):])
		stop()
	}
}

func TestFollow_leavesOutWhatCanNotBeJudged(t *testing.T) {
	fleet := fleettest.New()
	client := fleet.Serve(t)
	fleet.Launch("i-1", "")
	fleet.Add(&fleetv1.InstanceTransition{Kind: fleetv1.TransitionKind_TRANSITION_KIND_RUNNING})
	fleet.Add(nil)
	fleet.Launch("i-2", "")
	k := newTaker()
	start(t, client, "", k)
	k.awaitIDs(t, []string{"i-1/1", "i-2/1"})
}

// A fleet that has forgotten the place is listed: the notices of its instances
// come under the ids that they had, and all that happens from then on.
func TestFollow_compacted(t *testing.T) {
	for name, lose := range map[string]func(*fleettest.Fleet){
		"forgotten":     (*fleettest.Fleet).Compact,
		"another fleet": func(f *fleettest.Fleet) { f.Rename("f2") },
	} {
		t.Run(name, func(t *testing.T) {
			fleet := fleettest.New()
			client := fleet.Serve(t)
			var want []string
			for i := range 600 { // three pages
				id := fmt.Sprintf("i-%03d", i)
				fleet.Launch(id, "apg-1")
				if i%100 == 7 {
					fleet.Step(id, fleetv1.TransitionKind_TRANSITION_KIND_STARTING, 0)
					fleet.Step(id, fleetv1.TransitionKind_TRANSITION_KIND_RUNNING, 0)
					fleet.Step(id, fleetv1.TransitionKind_TRANSITION_KIND_INTERRUPTION_NOTICE, fleetv1.TransitionReason_TRANSITION_REASON_STOCK_NEEDED)
					want = append(want, id+"/4")
				}
			}
			lose(fleet)
			fleet.FailNext(2) // the first watch, then the list or the next watch
			k := newTaker()
			stop := start(t, client, "f1.3", k)
			k.awaitIDs(t, want)
			fleet.Step("i-007", fleetv1.TransitionKind_TRANSITION_KIND_RELEASED, fleetv1.TransitionReason_TRANSITION_REASON_STOCK_NEEDED)
			k.awaitIDs(t, append(want, "i-007/5"))
			stop()
			again := newTaker()
			start(t, client, k.cursor, again)
			fleet.Launch("i-new", "")
			again.awaitIDs(t, []string{"i-new/1"})
		})
	}
}

func TestFollow_returnsTheErrorOfDeliver(t *testing.T) {
	fleet := fleettest.New()
	client := fleet.Serve(t)
	fleet.Launch("i-1", "")
	follower := &follow.Follower{Fleet: client, Clock: clock.NewWall(), Log: slog.New(slog.DiscardHandler)}
	full := errors.New("full")
	if err := follower.Follow(t.Context(), follow.Place{}, (&taker{fail: full}).take); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

// broken is a fleet that is never there, and notes when it was asked.
type broken struct {
	fleetv1.FleetServiceClient
	err   error
	asked []time.Time
}

func (b *broken) WatchInstances(context.Context, *fleetv1.WatchInstancesRequest, ...grpc.CallOption) (grpc.ServerStreamingClient[fleetv1.WatchInstancesResponse], error) {
	b.asked = append(b.asked, time.Now())
	return nil, b.err
}

func TestFollow_waitsLongerAndLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fleet := &broken{err: status.Error(codes.Unavailable, "away")}
		follower := &follow.Follower{Fleet: fleet, Clock: clock.NewWall(), Log: slog.New(slog.DiscardHandler)}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := follower.Follow(ctx, follow.Place{}, nil); err != nil {
			t.Error(err)
		}
		var delays []time.Duration
		for i := range fleet.asked[1:] {
			delays = append(delays, fleet.asked[i+1].Sub(fleet.asked[i]).Round(time.Millisecond))
		}
		const ms = time.Millisecond
		want := []time.Duration{
			100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 6400 * ms,
			10000 * ms, 10000 * ms, 10000 * ms, 10000 * ms,
		}
		if diff := cmp.Diff(want, delays); diff != "" {
			t.Errorf("delays (-want +got):\n%s", diff)
		}
	})
}
