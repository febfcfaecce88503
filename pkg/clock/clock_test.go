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

// TestScaled_pause holds that a paused clock stands, whatever its speed, moves
// only when it is moved, and then runs on from there.
func TestScaled_pause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clock.NewScaled(origin, 60)
		time.Sleep(time.Second)
		changed := c.Changed()
		if at := c.Pause(); !at.Equal(origin.Add(time.Minute)) || !c.Paused() || c.Speed() != 60 {
			t.Errorf("paused at %v, %v, speed %v", at, c.Paused(), c.Speed())
		}
		<-changed
		due, later := c.NewTimer(origin.Add(2*time.Hour)), c.NewTimer(origin.Add(3*time.Hour))
		time.Sleep(48 * time.Hour)
		if _, err := c.SetSpeed(3600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(48 * time.Hour)
		if now := c.Now(); !now.Equal(origin.Add(time.Minute)) {
			t.Errorf("a paused clock shows %v", now)
		}
		if at := c.Step(time.Hour); !at.Equal(origin.Add(61 * time.Minute)) {
			t.Errorf("stepped to %v", at)
		}
		if at := c.Jump(origin.Add(2 * time.Hour)); !at.Equal(origin.Add(2 * time.Hour)) {
			t.Errorf("jumped to %v", at)
		}
		if at := <-due.C; !at.Equal(origin.Add(2 * time.Hour)) {
			t.Errorf("a timer that was jumped to fired at %v", at)
		}
		if at := c.Jump(origin); !at.Equal(origin.Add(2*time.Hour)) || !c.Step(-1).Equal(at) {
			t.Errorf("jumped back to %v", at)
		}
		resumed := time.Now()
		if at := c.Resume(); !at.Equal(origin.Add(2*time.Hour)) || c.Paused() {
			t.Errorf("resumed at %v", at)
		}
		<-later.C
		if took := time.Since(resumed).Round(time.Millisecond); took != time.Second {
			t.Errorf("an hour at speed 3600 took %v", took)
		}
	})
}

// TestScaled_setSpeedZero holds what a follower of another clock needs.
func TestScaled_setSpeedZero(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clock.NewScaled(origin, 60)
		time.Sleep(time.Second)
		// The other clock stood still a little before.
		shown := c.Now()
		if err := c.Set(origin.Add(59*time.Second), 0); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if now := c.Now(); !now.Equal(shown) || !c.Paused() || c.Speed() != 60 {
			t.Errorf("shows %v, speed %v", now, c.Speed())
		}
		<-c.NewTimer(shown).C // it has come already
		if err := c.Set(origin.Add(time.Hour), 0); err != nil || !c.Now().Equal(origin.Add(time.Hour)) {
			t.Errorf("after a jump it shows %v, %v", c.Now(), err)
		}
		if err := c.Set(origin.Add(time.Hour), 1); err != nil || c.Paused() {
			t.Error("it was not resumed")
		}
		time.Sleep(time.Second)
		if now := c.Now(); !now.Equal(origin.Add(time.Hour + time.Second)) {
			t.Errorf("resumed it shows %v", now)
		}
	})
}

// TestScaled_movedWhilePaused holds that timers which a clock is moved past
// while it is paused fire at once: nothing else would wake them soon.
func TestScaled_movedWhilePaused(t *testing.T) {
	for name, move := range map[string]func(*clock.Scaled) error{
		"step": func(c *clock.Scaled) error { c.Step(time.Hour); return nil },
		"jump": func(c *clock.Scaled) error { c.Jump(origin.Add(time.Hour)); return nil },
		"set":  func(c *clock.Scaled) error { return c.Set(origin.Add(time.Hour), 0) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := clock.NewScaled(origin, 1)
				c.Pause()
				before := c.NewTimer(origin.Add(time.Hour))
				if err := move(c); err != nil {
					t.Fatal(err)
				}
				begun := time.Now()
				<-c.NewTimer(origin.Add(time.Hour)).C
				<-before.C
				if took := time.Since(begun); took != 0 {
					t.Errorf("timers fired after %v of real time", took)
				}
			})
		})
	}
}

// TestScaled_reset holds the one way in which time goes back.
func TestScaled_reset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clock.NewScaled(origin, 1)
		timer := c.NewTimer(origin.Add(2 * time.Hour))
		time.Sleep(time.Hour)
		c.Now()
		c.Reset(origin)
		if now := c.Now(); !now.Equal(origin) {
			t.Errorf("after a reset it shows %v", now)
		}
		begun := time.Now()
		<-timer.C
		if took := time.Since(begun).Round(time.Millisecond); took != 2*time.Hour {
			t.Errorf("the timer waited %v", took)
		}
	})
}

// A jump can not leave the time that can be counted with.
func TestScaled_farJump(t *testing.T) {
	c := clock.NewScaled(origin, 1)
	c.Pause()
	if at := c.Step(1 << 62); at.Year() != 2172 {
		t.Errorf("stepped to %v", at)
	}
	if at := c.Step(1 << 62); at.Year() != 2200 || !c.Now().Equal(at) {
		t.Errorf("stepped to %v", at)
	}
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
