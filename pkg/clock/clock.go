// Package clock owns time: the only place, beside main, that reads the wall
// clock. All code that decides or waits is given a [Clock], so that the same
// code runs at wall speed, at simulated speed, and in tests that move time by
// hand. It must not know what anyone waits for.
//
// All clocks are safe for use by several goroutines. Their time never goes
// back, but for [Scaled.Reset].
package clock

import (
	"context"
	"time"
)

// A Clock tells the time and wakes those who wait for it.
type Clock interface {
	// Now tells the time, in UTC.
	Now() time.Time
	// NewTimer makes a timer that fires once the clock has reached a time; at
	// once if it has already.
	NewTimer(at time.Time) *Timer
}

// A Timer fires once, by sending the time of its clock on C.
type Timer struct {
	// C receives one value when the timer fires. It is never closed.
	C <-chan time.Time
	// stop ends the timer; it is idempotent.
	stop func()
}

// Stop ends the timer and frees what it holds. A timer that has fired or was
// stopped is left as it is.
func (t *Timer) Stop() { t.stop() }

// SleepUntil waits until the clock has reached a time or the context ends, and
// then returns the context's error.
func SleepUntil(ctx context.Context, c Clock, at time.Time) error {
	timer := c.NewTimer(at)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
