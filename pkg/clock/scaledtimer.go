package clock

import "time"

// A scaledTimer waits for a time of a [Scaled] clock, on the wall clock.
type scaledTimer struct {
	at   time.Time
	c    chan time.Time
	wall *time.Timer
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
	if !at.After(s.latest) {
		return 0
	}
	if s.paused {
		return maxWait
	}
	// One nanosecond more makes up for rounding, so that a timer seldom fires
	// early only to wait again.
	wait := float64(at.Sub(s.unheld(time.Now())))/s.speed + 1
	if wait >= float64(maxWait) {
		return maxWait
	}
	return max(0, time.Duration(wait))
}
