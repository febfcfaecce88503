package events

import (
	"context"
	"time"

	"github.com/seed-198b1370/muster/pkg/clock"
)

// Bounds of the delay between attempts to reach JetStream.
const (
	minRetryDelay = 50 * time.Millisecond
	maxRetryDelay = 5 * time.Second
)

// A backoff spaces out attempts. It runs on the wall clock, whatever the speed
// of the cloud's clock: what it waits for is a real server.
type backoff struct {
	clock clock.Clock
	delay time.Duration // of the next wait
}

func newBackoff() *backoff { return &backoff{clock: clock.NewWall(), delay: minRetryDelay} }

// wait waits longer than the time before, until the context ends.
func (b *backoff) wait(ctx context.Context) error {
	delay := b.delay
	b.delay = min(2*b.delay, maxRetryDelay)
	return clock.SleepUntil(ctx, b.clock, b.clock.Now().Add(delay))
}

// reset makes the next wait short again.
func (b *backoff) reset() { b.delay = minRetryDelay }

// waited tells whether wait was called since the last reset.
func (b *backoff) waited() bool { return b.delay != minRetryDelay }
