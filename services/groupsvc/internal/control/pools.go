package control

import (
	"context"
	"slices"
	"sync"
	"time"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

const (
	// poolsFresh is for how long what was read of refusals is used again: long
	// enough that a storm of looks reads it once, and short beside any delay.
	poolsFresh = time.Second
	// poolsAhead is how far the clocks of replicas may be apart. What refused
	// later than that from now is of before the clock was set back.
	poolsAhead = time.Minute
)

// pools is what this process knows of the pools that refused, by account. It may
// be a little old, which costs a launch that is refused.
type pools struct {
	mu sync.Mutex
	// Guarded by mu.
	accounts map[string]knownPools
}

type knownPools struct {
	refusals []*storagev1.Refusal
	read     time.Time
}

// read tells what refused launches of an account. Without an answer from the
// store it is what was known last.
func (p *pools) read(ctx context.Context, c *Controller, account string, now time.Time) []*storagev1.Refusal {
	p.mu.Lock()
	known, ok := p.accounts[account]
	p.mu.Unlock()
	if age := now.Sub(known.read); !ok || age < 0 || age >= poolsFresh {
		refusals, err := c.Store.Refusals(ctx, account)
		if err != nil {
			c.Log.WarnContext(ctx, "refusals of other groups not known", "error", err)
		} else {
			known = knownPools{refusals: refusals, read: now}
			p.mu.Lock()
			p.accounts[account] = known
			p.mu.Unlock()
		}
	}
	return slices.DeleteFunc(slices.Clone(known.refusals), func(r *storagev1.Refusal) bool {
		return r.GetRefuseTime().AsTime().After(now.Add(poolsAhead))
	})
}

// note remembers what calls have shown, for all groups of the account, and tells
// what is known then.
func (p *pools) note(ctx context.Context, c *Controller, account string, notes store.RefusalNotes, now time.Time) []*storagev1.Refusal {
	notes.Forget, notes.Latest = now.Add(-2*maxRefusal), now.Add(poolsAhead)
	p.mu.Lock()
	known := p.accounts[account]
	known.refusals = notes.Apply(known.refusals)
	p.accounts[account] = known
	p.mu.Unlock()
	if err := c.Store.NoteRefusals(ctx, account, notes); err != nil {
		c.Log.WarnContext(ctx, "refusals not told to other groups", "error", err)
	}
	return known.refusals
}
