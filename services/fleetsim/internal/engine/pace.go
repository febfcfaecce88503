package engine

import (
	"errors"
	"time"

	"github.com/seed-198b1370/muster/pkg/clock"
)

// ErrFixedClock is a change of speed of a clock that can not change it.
var ErrFixedClock = errors.New("the speed of this clock can not be changed")

// A Pace turns real durations into simulated ones, at the speed of a clock.
type Pace struct {
	clock  clock.Clock
	scaled *clock.Scaled // nil when the clock is of another kind
}

// NewPace makes the pace of a clock. A clock that is not a [*clock.Scaled] runs
// at speed 1 as far as anyone can tell.
func NewPace(c clock.Clock) Pace {
	scaled, _ := c.(*clock.Scaled)
	return Pace{c, scaled}
}

// Now is the simulated time.
func (p Pace) Now() time.Time { return p.clock.Now() }

// Speed is how many simulated seconds pass in a real one.
func (p Pace) Speed() float64 {
	if p.scaled == nil {
		return 1
	}
	return p.scaled.Speed()
}

// SetSpeed changes the speed and tells when it did. It fails with
// [ErrFixedClock] when the clock's speed is not ours to change.
func (p Pace) SetSpeed(speed float64) (time.Time, error) {
	if p.scaled == nil {
		return time.Time{}, ErrFixedClock
	}
	return p.scaled.SetSpeed(speed)
}

// Simulated is how much simulated time passes in a real duration.
func (p Pace) Simulated(realTime time.Duration) time.Duration {
	return time.Duration(float64(realTime) * p.Speed())
}

// After makes a timer that fires after a real duration at the speed of now, and
// a channel that is closed when the speed changes; wait for both.
func (p Pace) After(realTime time.Duration) (*clock.Timer, <-chan struct{}) {
	changed := p.Changed() // before the speed is read, so that no change is missed
	return p.clock.NewTimer(p.clock.Now().Add(p.Simulated(realTime))), changed
}

// Changed is closed when the speed changes; nil when it never does.
func (p Pace) Changed() <-chan struct{} {
	if p.scaled == nil {
		return nil
	}
	return p.scaled.Changed()
}
