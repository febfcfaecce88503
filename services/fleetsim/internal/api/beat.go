package api

import (
	"context"
	"time"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/engine"
)

// beat fires once every so long in real time.
type beat struct {
	pace  engine.Pace
	every time.Duration
	timer *clock.Timer
}

func newBeat(pace engine.Pace, every time.Duration) *beat {
	return &beat{pace: pace, every: every, timer: pace.After(every)}
}

func (b *beat) stop() { b.timer.Stop() }

// again sets the beat anew after it has fired.
func (b *beat) again() {
	b.timer.Stop()
	b.timer = b.pace.After(b.every)
}

// fired tells, without waiting, whether it has fired, and sets it anew then.
func (b *beat) fired() bool {
	select {
	case <-b.timer.C:
		b.again()
		return true
	default:
		return false
	}
}

// wait waits until more is closed, ripe has something, or the beat fires, and
// tells whether it fired. It fails when the reader or the engine has gone.
func (b *beat) wait(ctx context.Context, more <-chan struct{}, ripe <-chan time.Time, e *engine.Engine) (fired bool, err error) {
	select {
	case <-more:
		return false, nil
	case <-ripe:
		return false, nil
	case <-b.timer.C:
		b.again()
		return true, nil
	case <-ctx.Done():
		return false, ended(ctx)
	case <-e.Done():
		return false, ended(ctx)
	}
}
