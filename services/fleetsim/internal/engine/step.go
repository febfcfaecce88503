package engine

import (
	"context"
	"time"

	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// Step moves time on by a duration, whether it stands or runs. It returns, with
// the time of then, when all that was due has happened, is journalled and
// published. Its errors: [ErrFixedClock], and those of [Engine.Look], after
// which time may have been moved.
func (e *Engine) Step(ctx context.Context, by time.Duration) (time.Time, error) {
	if e.pace.scaled == nil {
		return time.Time{}, ErrFixedClock
	}
	e.pace.scaled.Step(by)
	return e.settled(ctx)
}

// Jump moves time on to a moment, unless that has passed, like [Engine.Step].
func (e *Engine) Jump(ctx context.Context, to time.Time) (time.Time, error) {
	if e.pace.scaled == nil {
		return time.Time{}, ErrFixedClock
	}
	e.pace.scaled.Jump(to)
	return e.settled(ctx)
}

// NextEvent tells when something is next to happen by itself: something that
// is due for an instance, a fault, an account or the agenda, or else the next
// move of the market. Its errors are those of [Engine.Look].
func (e *Engine) NextEvent(ctx context.Context) (time.Time, error) {
	found := make(chan time.Time, 1)
	if err := e.Look(ctx, func(w *world.World) { found <- w.NextEvent().Time() }); err != nil {
		return time.Time{}, err
	}
	return <-found, nil
}

// settled tells the time, once the world has come there and that is journalled.
func (e *Engine) settled(ctx context.Context) (time.Time, error) {
	found := make(chan time.Time, 1)
	c := &call{look: func(w *world.World) { found <- w.Now().Time() }, settle: true, done: make(chan struct{})}
	if err := e.do(ctx, c); err != nil {
		return time.Time{}, err
	}
	return <-found, nil
}
