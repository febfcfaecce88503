package engine

import (
	"errors"
	"time"

	"github.com/seed-198b1370/muster/pkg/clock"
)

// ErrFixedClock is a change of a clock that was given and is not ours to change.
var ErrFixedClock = errors.New("this clock was given and can not be changed")

// A Pace is the clock that a cloud lives by, and the one that its callers do:
// what is promised to them in real time is kept however fast simulated time
// runs, and while it stands.
type Pace struct {
	clock  clock.Clock
	wall   clock.Clock
	scaled *clock.Scaled // nil when the clock is of another kind
}

// NewPace makes the pace of a clock. A clock that is not a [*clock.Scaled] runs
// at speed 1 as far as anyone can tell, and is the wall clock, too.
func NewPace(c clock.Clock) Pace {
	if scaled, ok := c.(*clock.Scaled); ok {
		return Pace{c, clock.NewWall(), scaled}
	}
	return Pace{c, c, nil}
}

// Now is the simulated time.
func (p Pace) Now() time.Time { return p.clock.Now() }

// Speed is how many simulated seconds pass in a real one, or will once time is
// resumed.
func (p Pace) Speed() float64 {
	if p.scaled == nil {
		return 1
	}
	return p.scaled.Speed()
}

// Paused tells whether time stands still.
func (p Pace) Paused() bool { return p.scaled != nil && p.scaled.Paused() }

// SetSpeed changes the speed and tells when it did. It fails with
// [ErrFixedClock] when the clock is not ours to change.
func (p Pace) SetSpeed(speed float64) (time.Time, error) {
	if p.scaled == nil {
		return time.Time{}, ErrFixedClock
	}
	return p.scaled.SetSpeed(speed)
}

// SetPaused makes time stand still or run again, and tells when it did. It
// fails with [ErrFixedClock] when the clock is not ours to change.
func (p Pace) SetPaused(paused bool) (time.Time, error) {
	switch {
	case p.scaled == nil:
		return time.Time{}, ErrFixedClock
	case paused:
		return p.scaled.Pause(), nil
	default:
		return p.scaled.Resume(), nil
	}
}

// After makes a timer that fires after a real duration.
func (p Pace) After(realTime time.Duration) *clock.Timer {
	return p.wall.NewTimer(p.wall.Now().Add(realTime))
}

// Changed is closed when the speed changes, or time is paused, resumed or
// moved; nil when that never happens.
func (p Pace) Changed() <-chan struct{} {
	if p.scaled == nil {
		return nil
	}
	return p.scaled.Changed()
}
