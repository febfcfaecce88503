package clock

import (
	"slices"
	"sync"
	"time"
)

// Virtual is a clock that stands still until it is advanced. For tests and
// simulation.
type Virtual struct {
	mu sync.Mutex
	// Guarded by mu.
	now    time.Time
	timers []*virtualTimer
}

type virtualTimer struct {
	at time.Time
	c  chan time.Time
}

// NewVirtual makes a clock that shows origin.
func NewVirtual(origin time.Time) *Virtual { return &Virtual{now: origin.UTC()} }

// Now implements [Clock].
func (v *Virtual) Now() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.now
}

// NewTimer implements [Clock].
func (v *Virtual) NewTimer(at time.Time) *Timer {
	timer := &virtualTimer{at: at, c: make(chan time.Time, 1)}
	v.mu.Lock()
	defer v.mu.Unlock()
	if at.After(v.now) {
		v.timers = append(v.timers, timer)
	} else {
		timer.c <- v.now
	}
	return &Timer{C: timer.c, stop: func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.timers = slices.DeleteFunc(v.timers, func(t *virtualTimer) bool { return t == timer })
	}}
}

// Advance moves the clock by a duration and fires every timer that is due by
// then, in order of time.
func (v *Virtual) Advance(by time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.now = v.now.Add(max(0, by))
	slices.SortStableFunc(v.timers, func(a, b *virtualTimer) int { return a.at.Compare(b.at) })
	due := 0
	for due < len(v.timers) && !v.timers[due].at.After(v.now) {
		v.timers[due].c <- v.now
		due++
	}
	v.timers = slices.Delete(v.timers, 0, due)
}

// Next tells when the earliest timer is due; false when none waits.
func (v *Virtual) Next() (time.Time, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.timers) == 0 {
		return time.Time{}, false
	}
	earliest := slices.MinFunc(v.timers, func(a, b *virtualTimer) int { return a.at.Compare(b.at) })
	return earliest.at, true
}
