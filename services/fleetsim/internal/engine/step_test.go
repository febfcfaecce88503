package engine_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/engine"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// scaled opens an engine by a clock of its own that is paused.
func scaled(t testing.TB, folder string) *running {
	t.Helper()
	return openBy(t, folder, func(e *engine.Engine) clock.Clock {
		own := clock.NewScaled(e.Now(), 1000)
		own.Pause()
		own.Reset(e.Now()) // it ran for a moment
		return own
	}, 1000, 0)
}

func launchOf(id string, amount int32) world.Launch {
	return world.Launch{AccountID: "default", RequestID: id, Pool: world.Pool{Offer: offer, Spot: true}, Amount: amount, MinAmount: 1, Unprotected: true}
}

// statuses counts instances by their status.
func (r *running) statuses(t testing.TB) map[world.Status]int {
	t.Helper()
	counts := map[world.Status]int{}
	err := r.Look(t.Context(), func(w *world.World) {
		for _, listed := range w.List(world.Query{AccountID: "default", Limit: 1 << 20}).Listed {
			counts[listed.Instance.Status]++
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return counts
}

// TestStep_movesAPausedWorld holds that nothing happens while time stands, that
// a step makes happen exactly what is due by then, and that it is kept when the
// step returns (S6).
func TestStep_movesAPausedWorld(t *testing.T) {
	folder := t.TempDir()
	r := scaled(t, folder)
	if _, err := r.Apply(t.Context(), launchOf("a", 5)); err != nil {
		t.Fatal(err)
	}
	if got := r.statuses(t); got[world.Pending] != 5 {
		t.Errorf("before any step: %v", got)
	}
	next, err := r.NextEvent(t.Context())
	if err != nil || !next.After(r.Pace().Now()) || next.After(r.Pace().Now().Add(4*time.Second)) {
		t.Fatalf("the next event is at %v, %v", next, err)
	}
	if at, err := r.Jump(t.Context(), next.Add(-1)); err != nil || r.statuses(t)[world.Pending] != 5 {
		t.Errorf("right before %v, at %v: %v, %v", next, at, r.statuses(t), err)
	}
	if at, err := r.Step(t.Context(), 1); err != nil || !at.Equal(next) || r.statuses(t)[world.Pending] == 5 {
		t.Errorf("at %v, expected %v: %v, %v", at, next, r.statuses(t), err)
	}
	at, err := r.Step(t.Context(), time.Hour)
	if err != nil || !at.Equal(next.Add(time.Hour)) || r.statuses(t)[world.Running] != 5 {
		t.Errorf("an hour later at %v: %v, %v", at, r.statuses(t), err)
	}
	again := scaled(t, copyOf(t, folder))
	if now := again.Pace().Now(); !now.Equal(at) {
		t.Errorf("stepped to %v, a kill brings back %v", at, now)
	}
	again.stop(t)
	if _, err := r.Pace().SetPaused(false); err != nil || r.Pace().Paused() {
		t.Error("it was not resumed")
	}
	if back, err := r.Jump(t.Context(), origin); err != nil || back.Before(at) {
		t.Errorf("a jump back led to %v, %v", back, err)
	}
	r.stop(t)
}

// TestPace_keepsRealTime holds that what is promised in real time is kept while
// simulated time stands, and that the engine then neither spins nor journals.
func TestPace_keepsRealTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := scaled(t, "")
		begun := time.Now()
		<-r.Pace().After(time.Second).C
		if took := time.Since(begun).Round(time.Microsecond); took != time.Second {
			t.Errorf("a real second took %v", took)
		}
		before := r.Pace().Now()
		time.Sleep(time.Hour)
		r.due(t)
		if now := r.Pace().Now(); !now.Equal(before) {
			t.Errorf("time went from %v to %v", before, now)
		}
		// The board is as fresh as it was promised to be, also when time is very
		// slow.
		r.Pace().SetPaused(false)
		r.Pace().SetSpeed(clock.MinSpeed)
		seen := r.Board().Changed(0).AsOf
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if now := r.Board().Changed(0).AsOf; now == seen {
			t.Error("the board is stale")
		}
		r.stop(t)
	})
}

func TestPace_thatWasGiven(t *testing.T) {
	r := open(t, t.TempDir(), origin, 100, 0)
	defer r.stop(t)
	_, stepped := r.Step(t.Context(), time.Second)
	_, jumped := r.Jump(t.Context(), origin.Add(time.Hour))
	_, paused := r.Pace().SetPaused(true)
	_, restored := r.Restore(t.Context(), nil)
	for _, err := range []error{stepped, jumped, paused, restored} {
		if !errors.Is(err, engine.ErrFixedClock) {
			t.Errorf("got %v", err)
		}
	}
	if r.Pace().Paused() || r.Pace().Speed() != 1 {
		t.Error("a given clock looks as if it could be changed")
	}
}
