package judge

import "time"

// An Instant is a moment of steady time, in nanoseconds: time that was lived
// through. What a clock jumps over is not in it. See [Steady].
type Instant int64

// Add is the instant so much later.
func (i Instant) Add(d time.Duration) Instant { return i + Instant(d) }

// A Steady makes steady time of a clock that may jump. However far the clock
// jumps, forward or back, no grace ends by it and nothing has lasted longer.
// What happened inside a jump counts from its end. The zero value has seen no
// time yet.
type Steady struct {
	begun   bool
	now     time.Time
	skipped time.Duration // by all jumps
	// The latest jump: what the clock showed before and after it.
	from, to time.Time
}

// Advance tells that the clock shows a time, and that it can not have moved by
// more than so much since the last time. A clock that has, or that went back,
// has jumped.
func (s *Steady) Advance(now time.Time, most time.Duration) (jumped bool) {
	if !s.begun {
		*s = Steady{begun: true, now: now, from: now, to: now}
		return false
	}
	passed := now.Sub(s.now)
	jumped = passed < 0 || passed > most
	if jumped {
		s.from, s.to = s.now, now
		s.skipped += passed
	}
	s.now = now
	return jumped
}

// Now is the present.
func (s *Steady) Now() Instant { return Instant(s.now.Add(-s.skipped).UnixNano()) }

// Of tells when something was that happened at a time of the clock: never later
// than now.
func (s *Steady) Of(at time.Time) Instant {
	age := s.now.Sub(at)
	if age <= 0 {
		return s.Now()
	}
	if s.to.After(s.from) && at.Before(s.to) { // the jump lies in between, or around it
		begin := s.from
		if at.After(begin) {
			begin = at
		}
		age -= s.to.Sub(begin)
	}
	return s.Now().Add(-age)
}
