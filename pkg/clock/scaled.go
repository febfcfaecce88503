package clock

import (
	"fmt"
	"sync"
	"time"
)

// Bounds of the speed of a [Scaled] clock.
const (
	// MinSpeed is the slowest a clock can run.
	MinSpeed = 0.001
	// MaxSpeed is the fastest a clock can run.
	MaxSpeed = 100_000
)

// Scaled is a clock that runs at a multiple of the wall clock's speed. At
// speed 60 an hour passes in a minute.
type Scaled struct {
	mu sync.Mutex
	// The clock showed base when the wall clock's monotonic reading was wall.
	// All guarded by mu.
	base    time.Time
	wall    time.Time
	speed   float64
	latest  time.Time // the latest time told; time never goes back behind it
	timers  map[*scaledTimer]struct{}
	changed chan struct{} // closed and replaced at each change of speed or time
}

type scaledTimer struct {
	at   time.Time
	c    chan time.Time
	wall *time.Timer
}

// NewWall makes a clock that shows the wall clock's time.
func NewWall() *Scaled { return NewScaled(time.Now(), 1) }

// NewScaled makes a clock that shows origin now and runs at a speed between
// [MinSpeed] and [MaxSpeed]. It panics on a speed outside of that, which
// callers check where the speed comes from, with [CheckSpeed].
func NewScaled(origin time.Time, speed float64) *Scaled {
	if err := CheckSpeed(speed); err != nil {
		panic(err)
	}
	return &Scaled{
		base: origin.UTC(), wall: time.Now(), speed: speed, latest: origin.UTC(),
		timers: map[*scaledTimer]struct{}{}, changed: make(chan struct{}),
	}
}

// CheckSpeed tells whether a clock can run at a speed, and if not, what would
// be right.
func CheckSpeed(speed float64) error {
	if !(speed >= MinSpeed && speed <= MaxSpeed) { // written so that NaN fails
		return fmt.Errorf("speed %v is not between %v and %v", speed, MinSpeed, MaxSpeed)
	}
	return nil
}

// Now implements [Clock].
func (s *Scaled) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now(time.Now())
}

// maxTime is the latest time that a clock shows: it stands still there. It is
// well inside what nanoseconds since 1970 can count, so that whoever adds to a
// time need not think of the end of the world.
var maxTime = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)

// rebaseAfter is how far the wall clock may be ahead of the base before the base
// is moved, so that products with the speed stay small and exact.
const rebaseAfter = time.Minute

// now tells the time at a moment of the wall clock. The caller holds mu.
func (s *Scaled) now(wall time.Time) time.Time {
	t := s.unheld(wall)
	if t.Before(s.latest) {
		return s.latest
	}
	s.latest = t
	if wall.Sub(s.wall) > rebaseAfter {
		s.base, s.wall = t, wall
	}
	return t
}

// unheld is what the clock would show if it could go back. The caller holds mu.
func (s *Scaled) unheld(wall time.Time) time.Time {
	passed := float64(wall.Sub(s.wall)) * s.speed
	if passed >= float64(maxTime.Sub(s.base)) {
		return maxTime
	}
	return s.base.Add(time.Duration(passed))
}

// Speed tells how many seconds pass in one second of the wall clock.
func (s *Scaled) Speed() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.speed
}

// SetSpeed changes the speed from now on and tells the time at which it did.
func (s *Scaled) SetSpeed(speed float64) (time.Time, error) {
	if err := CheckSpeed(speed); err != nil {
		return time.Time{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now(time.Now())
	s.set(now, speed)
	return now, nil
}

// Set makes the clock show a time and run at a speed from now on. If it has
// shown a later time already, it stands still until that time has come.
func (s *Scaled) Set(now time.Time, speed float64) error {
	if err := CheckSpeed(speed); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set(now.UTC(), speed)
	return nil
}

func (s *Scaled) set(now time.Time, speed float64) {
	s.base, s.wall, s.speed = now, time.Now(), speed
	for timer := range s.timers {
		timer.wall.Reset(s.wallUntil(timer.at))
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// Changed returns a channel that is closed when the speed or the time is next
// set.
func (s *Scaled) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// NewTimer implements [Clock].
func (s *Scaled) NewTimer(at time.Time) *Timer {
	timer := &scaledTimer{at: at, c: make(chan time.Time, 1)}
	s.mu.Lock()
	defer s.mu.Unlock()
	timer.wall = time.AfterFunc(s.wallUntil(at), func() { s.fire(timer) })
	s.timers[timer] = struct{}{}
	return &Timer{C: timer.c, stop: func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		timer.wall.Stop()
		delete(s.timers, timer)
	}}
}

// fire sends the time, or waits on if the clock was set back meanwhile.
func (s *Scaled) fire(timer *scaledTimer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, waiting := s.timers[timer]; !waiting {
		return
	}
	now := s.now(time.Now())
	if now.Before(timer.at) {
		timer.wall.Reset(s.wallUntil(timer.at))
		return
	}
	delete(s.timers, timer)
	timer.c <- now
}

// maxWait bounds how far ahead a timer is armed on the wall clock; fire arms it
// again. It keeps far times and slow speeds inside the range of a Duration.
const maxWait = time.Hour

// wallUntil tells how long the wall clock takes until this clock shows a time.
// The caller holds mu.
func (s *Scaled) wallUntil(at time.Time) time.Duration {
	// One nanosecond more makes up for rounding, so that a timer seldom fires
	// early only to wait again.
	wait := float64(at.Sub(s.unheld(time.Now())))/s.speed + 1
	if wait >= float64(maxWait) {
		return maxWait
	}
	return max(0, time.Duration(wait))
}
