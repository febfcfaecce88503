package api

import (
	"context"
	"time"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/engine"
)

// beat fires once every so long in real time. When the speed of the clock
// changes it fires early, rather than far too late.
type beat struct {
	pace    engine.Pace
	every   time.Duration
	timer   *clock.Timer
	changed <-chan struct{}
}

func newBeat(pace engine.Pace, every time.Duration) *beat {
	b := &beat{pace: pace, every: every}
	b.timer, b.changed = pace.After(every)
	return b
}

func (b *beat) stop() { b.timer.Stop() }

// again sets the beat anew after it has fired.
func (b *beat) again() {
	b.timer.Stop()
	b.timer, b.changed = b.pace.After(b.every)
}

// fired tells, without waiting, whether it has fired, and sets it anew then.
func (b *beat) fired() bool {
	select {
	case <-b.timer.C:
	case <-b.changed:
	default:
		return false
	}
	b.again()
	return true
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
	case <-b.changed:
		b.again()
		return true, nil
	case <-ctx.Done():
		return false, ended(ctx)
	case <-e.Done():
		return false, ended(ctx)
	}
}
