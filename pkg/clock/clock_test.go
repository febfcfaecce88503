package clock_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-198b1370/muster/pkg/clock"
)

var origin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestScaled_runsAtItsSpeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clock.NewScaled(origin, 60)
		time.Sleep(time.Minute)
		if got, want := c.Now(), origin.Add(time.Hour); !got.Equal(want) {
			t.Errorf("after a minute at speed 60 the clock shows %v, want %v", got, want)
		}
	})
}

func TestScaled_timerFollowsChangesOfSpeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		started := time.Now()
		c := clock.NewScaled(origin, 1)
		timer := c.NewTimer(origin.Add(time.Hour))
		time.Sleep(30 * time.Minute)
		if _, err := c.SetSpeed(1800); err != nil {
			t.Fatal(err)
		}
		fired := <-timer.C
		if fired.Before(origin.Add(time.Hour)) {
			t.Errorf("fired at %v, before its time", fired)
		}
		if took := time.Since(started).Round(time.Millisecond); took != 30*time.Minute+time.Second {
			t.Errorf("fired after %v of real time, want 30m1s", took)
		}
	})
}

func TestScaled_neverGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clock.NewScaled(origin, 1)
		time.Sleep(time.Minute)
		shown := c.Now()
		if err := c.Set(origin, 1); err != nil {
			t.Fatal(err)
		}
		if got := c.Now(); !got.Equal(shown) {
			t.Errorf("after being set back the clock shows %v, want it to stand at %v", got, shown)
		}
		time.Sleep(2 * time.Minute)
		if got, want := c.Now(), origin.Add(2*time.Minute); !got.Equal(want) {
			t.Errorf("two minutes later it shows %v, want %v", got, want)
		}
	})
}

func TestScaled_farTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clock.NewScaled(origin, clock.MinSpeed)
		timer := c.NewTimer(origin.AddDate(70, 0, 0))
		defer timer.Stop()
		time.Sleep(48 * time.Hour)
		select {
		case at := <-timer.C:
			t.Errorf("fired at %v", at)
		default:
		}
	})
}

// However long and fast a clock runs, its time stays one that can be counted
// with.
func TestScaled_longFastRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clock.NewScaled(origin, clock.MaxSpeed)
		var shown time.Time
		for range 100 {
			time.Sleep(time.Hour)
			now := c.Now()
			if now.Before(shown) || now.UnixNano() < 0 {
				t.Fatalf("the clock shows %v after %v", now, shown)
			}
			shown = now
		}
		if late := c.NewTimer(shown.Add(time.Hour)); shown.Year() == 2200 {
			time.Sleep(time.Hour)
			late.Stop()
		} else {
			t.Errorf("after 100 hours at full speed the clock shows %v, want it to stand at its end", shown)
		}
	})
}

// A timer of a clock that stands still, because it was set back, waits for as
// long as that lasts and does not look again and again.
func TestScaled_timerWhileStandingStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		c := clock.NewScaled(origin, 1)
		if err := c.Set(origin.Add(-time.Hour), 60); err != nil {
			t.Fatal(err)
		}
		<-c.NewTimer(origin.Add(time.Second)).C
		if took := time.Since(begun).Round(time.Millisecond); took != 60*time.Second+17*time.Millisecond {
			t.Errorf("fired after %v of real time, want 1m0.017s", took)
		}
	})
}

func TestScaled_refusesBadSpeeds(t *testing.T) {
	c := clock.NewWall()
	for _, speed := range []float64{0, -1, clock.MaxSpeed + 1, nan()} {
		if _, err := c.SetSpeed(speed); err == nil {
			t.Errorf("speed %v was accepted", speed)
		}
	}
}

func nan() float64 { zero := 0.0; return zero / zero }

func TestSleepUntil_endsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := clock.SleepUntil(ctx, clock.NewVirtual(origin), origin.Add(1)); err == nil {
		t.Error("no error from an ended context")
	}
}

func TestVirtual_firesDueTimersInOrder(t *testing.T) {
	v := clock.NewVirtual(origin)
	late, early := v.NewTimer(origin.Add(2*time.Second)), v.NewTimer(origin.Add(time.Second))
	stopped, past := v.NewTimer(origin.Add(time.Second)), v.NewTimer(origin)
	stopped.Stop()
	if next, ok := v.Next(); !ok || !next.Equal(origin.Add(time.Second)) {
		t.Errorf("next timer at %v, %v", next, ok)
	}
	v.Advance(time.Second)
	for name, want := range map[string]struct {
		timer *clock.Timer
		fired bool
	}{"late": {late, false}, "early": {early, true}, "stopped": {stopped, false}, "past": {past, true}} {
		select {
		case <-want.timer.C:
			if !want.fired {
				t.Errorf("timer %s fired", name)
			}
		default:
			if want.fired {
				t.Errorf("timer %s did not fire", name)
			}
		}
	}
}
