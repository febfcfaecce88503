package control

import (
	"context"
	"sync"
	"time"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// sharedPoll is how often, in real time, the loop looks for groups that other
// processes made due. They tell nobody, so that this is how late one process can
// be to help another; to look costs the store one read.
const sharedPoll = 200 * time.Millisecond

// storeRetry is how long the loop waits when the store fails.
const storeRetry = time.Second

// Run looks at groups when they are due until the context ends. Then it takes
// no more, lets looks that are under way end within the grace, cuts off those
// that have not, and returns.
func (c *Controller) Run(ctx context.Context) {
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	pool := &workers{free: c.Workers}
	for ctx.Err() == nil {
		c.wait(ctx, c.startDue(work, pool))
	}
	grace, cancel := context.WithTimeout(work, c.StopGrace)
	defer cancel()
	context.AfterFunc(grace, cut)
	pool.running.Wait()
	c.waitDelivered(grace)
	close(c.cut)
}

// waitDelivered waits until no look is under way or the grace has ended.
func (c *Controller) waitDelivered(grace context.Context) {
	for {
		c.mu.Lock()
		busy, progress := len(c.working), c.progress
		c.mu.Unlock()
		if busy == 0 {
			return
		}
		select {
		case <-progress:
		case <-grace.Done():
			return
		}
	}
}

// workers counts who is free.
type workers struct {
	running sync.WaitGroup
	mu      sync.Mutex
	free    int // guarded by mu
}

func (w *workers) idle() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.free
}

func (w *workers) add(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.free += n
}

// startDue gives due groups to free workers and tells when there is more to do;
// zero when only a wake can bring it.
func (c *Controller) startDue(ctx context.Context, pool *workers) time.Time {
	idle := pool.idle()
	if idle == 0 {
		return time.Time{} // whoever gets free wakes the loop
	}
	keys, err := c.claim(ctx, idle)
	if err != nil {
		c.Log.ErrorContext(ctx, "groups not claimed", "error", err)
		return c.Clock.Now().Add(storeRetry)
	}
	for _, key := range keys {
		c.start(ctx, pool, key)
	}
	if len(keys) == idle {
		return time.Time{}
	}
	next, err := c.Store.NextDue(ctx)
	if err != nil {
		c.Log.ErrorContext(ctx, "next due group not read", "error", err)
		return c.Clock.Now().Add(storeRetry)
	}
	return next
}

func (c *Controller) start(ctx context.Context, pool *workers, key store.Key) {
	pool.add(-1)
	pool.running.Go(func() {
		c.step(ctx, key)
		pool.add(1)
		c.Nudge()
	})
}

// wait waits until a time, unless it is zero, or a wake.
func (c *Controller) wait(ctx context.Context, until time.Time) {
	var due <-chan time.Time
	if !until.IsZero() {
		timer := c.Clock.NewTimer(until)
		defer timer.Stop()
		due = timer.C
	}
	var poll <-chan time.Time
	if c.Shared {
		wall := clock.NewWall()
		timer := wall.NewTimer(wall.Now().Add(sharedPoll))
		defer timer.Stop()
		poll = timer.C
	}
	select {
	case <-due:
	case <-poll:
	case <-c.wake:
	case <-ctx.Done():
	}
}
