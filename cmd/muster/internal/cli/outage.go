package cli

import (
	"context"
	"io"
	"time"
)

// How long to wait, in real time, before a system that is away is tried again:
// first, and at most.
const (
	firstWait = 100 * time.Millisecond
	lastWait  = 2 * time.Second
)

// An outage paces the attempts to reach what went away, and says once that it
// did.
type outage struct {
	err  io.Writer
	what string        // what went away
	wait time.Duration // before the next attempt; 0 while all is well
}

// pause waits before the next attempt. It fails when the context ends.
func (o *outage) pause(ctx context.Context) error {
	if o.wait == 0 {
		say(o.err, "muster: lost "+o.what+"; trying again until it is back")
		o.wait = firstWait
	}
	timer := time.NewTimer(o.wait)
	defer timer.Stop()
	o.wait = min(2*o.wait, lastWait)
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// over notes that all is well.
func (o *outage) over() { o.wait = 0 }
