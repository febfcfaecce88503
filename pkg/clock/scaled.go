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
// speed 60 an hour passes in a minute. It can be paused; its time then stands
// still until it is resumed or moved on.
type Scaled struct {
	mu sync.Mutex
	// The clock showed base when the wall clock's monotonic reading was wall.
	// All guarded by mu.
	base    time.Time
	wall    time.Time
	speed   float64
	paused  bool
	latest  time.Time // the latest time told; time never goes back behind it
	timers  map[*scaledTimer]struct{}
	changed chan struct{} // closed and replaced at each change of speed, pause or time
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
	if s.paused {
		return s.base
	}
	passed := float64(wall.Sub(s.wall)) * s.speed
	if passed >= float64(maxTime.Sub(s.base)) {
		return maxTime
	}
	return s.base.Add(time.Duration(passed))
}

// Speed tells how many seconds pass in one second of the wall clock, or will
// once the clock is resumed.
func (s *Scaled) Speed() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.speed
}

// Paused tells whether the clock stands still.
func (s *Scaled) Paused() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.paused
}

// SetSpeed changes the speed from now on and tells the time at which it did. A
// clock that is paused stays so.
func (s *Scaled) SetSpeed(speed float64) (time.Time, error) {
	if err := CheckSpeed(speed); err != nil {
		return time.Time{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now(time.Now())
	s.set(now, speed, s.paused)
	return now, nil
}

// Pause makes the clock stand still and tells the time at which it does.
func (s *Scaled) Pause() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now(time.Now())
	s.set(now, s.speed, true)
	return now
}

// Resume lets the clock run again and tells the time at which it did.
func (s *Scaled) Resume() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now(time.Now())
	s.set(now, s.speed, false)
	return now
}

// Step moves the clock on by a duration, whether it is paused or not, and tells
// the time that it then shows. It does nothing with a negative one.
func (s *Scaled) Step(by time.Duration) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.jump(s.now(time.Now()), by)
}

// Jump moves the clock on to a time, whether it is paused or not, and tells the
// time that it then shows: a later one if that had passed already.
func (s *Scaled) Jump(to time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now(time.Now())
	return s.jump(now, to.Sub(now))
}

// jump moves the clock on from what it shows. The caller holds mu.
func (s *Scaled) jump(now time.Time, by time.Duration) time.Time {
	if by <= 0 {
		return now
	}
	to := maxTime
	if by < maxTime.Sub(now) {
		to = now.Add(by)
	}
	s.set(to, s.speed, s.paused)
	return to
}

// Set makes the clock show a time and run at a speed from now on; speed 0
// pauses it, and the next other speed resumes it. If it has shown a later time
// already, it stands still until that time has come.
func (s *Scaled) Set(now time.Time, speed float64) error {
	if speed != 0 {
		if err := CheckSpeed(speed); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if speed == 0 {
		s.set(now.UTC(), s.speed, true)
		return nil
	}
	s.set(now.UTC(), speed, false)
	return nil
}

// Reset makes the clock show a time, be it one that has passed. It is the one
// exception to the rule that time never goes back, for the source of simulated
// time alone, when the world that lives in it is put back. Those who wait for a
// time that has been wait on.
func (s *Scaled) Reset(to time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latest = to.UTC()
	s.set(to.UTC(), s.speed, s.paused)
}

// set makes the clock show a time from now on. The caller holds mu.
func (s *Scaled) set(now time.Time, speed float64, paused bool) {
	s.base, s.wall, s.speed, s.paused = now, time.Now(), speed, paused
	if now.After(s.latest) {
		s.latest = now // before the timers are set: a paused clock comes to it by nothing else
	}
	for timer := range s.timers {
		timer.wall.Reset(s.wallUntil(timer.at))
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// Changed returns a channel that is closed when the clock is next set, paused,
// resumed or moved.
func (s *Scaled) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}
