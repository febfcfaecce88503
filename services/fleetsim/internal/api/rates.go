package api

import (
	"sync"
	"time"

	"github.com/seed-198b1370/muster/services/fleetsim/market"
)

// rates tells the interruption rates of spot pools, as advice does. It remembers
// what it has seen of each offer: the first look at one takes a fraction of a
// millisecond, or a few where stock is scarce, and one a day later almost none.
type rates struct {
	*Deps
	mu   sync.Mutex
	past []market.Interruptions // by offer; guarded by mu
}

func newRates(d *Deps) *rates {
	return &rates{Deps: d, past: make([]market.Interruptions, len(d.Catalog.Offers()))}
}

// permille is the rate of an offer that advice of a time tells.
func (r *rates) permille(offer int32, of time.Time) int32 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return int32(r.past[offer].Permille(r.Market, int(offer), r.Catalog.Offers()[offer].Capacity, of.UnixNano()))
}
