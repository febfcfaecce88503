package engine

import (
	"sync"

	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// A PoolState is what a pool shows.
type PoolState struct {
	// Pool is which.
	Pool world.Pool
	// Price is the spot price of the offer, in micro-units of the currency per
	// hour, for pools of both billing methods.
	Price int64
	// Available is how many instances a launch could get.
	Available int64
	// Capacity is how many instances the offer's stock can hold.
	Capacity int64
}

// A Board shows the latest state of every pool.
type Board struct {
	mu      sync.RWMutex
	pools   []PoolState   // guarded by mu; two for each offer: pay-as-you-go, spot
	changes []uint64      // guarded by mu; version at which each pool changed last
	version uint64        // guarded by mu
	asOf    world.Instant // guarded by mu
	more    chan struct{} // guarded by mu; closed and replaced at each change
}

func newBoard(offers int) *Board {
	b := &Board{pools: make([]PoolState, 2*offers), changes: make([]uint64, 2*offers), more: make(chan struct{})}
	for i := range b.pools {
		b.pools[i].Pool = world.Pool{Offer: int32(i / 2), Spot: i%2 == 1}
	}
	return b
}

// A sight is what is to be seen of an offer.
type sight struct {
	offer int32
	stock world.Stock
}

// sights looks at offers as they are now; at all of them if all is set.
func sights(w *world.World, count int, offers []int32, all bool) []sight {
	var seen []sight
	if all {
		seen = make([]sight, 0, count)
		for offer := range count {
			seen = append(seen, sight{int32(offer), w.Stock(int32(offer))})
		}
		return seen
	}
	for _, offer := range offers {
		seen = append(seen, sight{offer, w.Stock(offer)})
	}
	return seen
}

// offers is how many offers the board shows.
func (b *Board) offers() int { return len(b.changes) / 2 }

// AsOf is the time that is shown. Whatever happened up to it is in the feed.
func (b *Board) AsOf() world.Instant {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.asOf
}

// show shows what was seen at a time.
func (b *Board) show(asOf world.Instant, seen []sight) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asOf = asOf
	b.version++
	changed := false
	for i := range seen {
		changed = b.set(seen[i].offer, seen[i].stock) || changed
	}
	if changed {
		close(b.more)
		b.more = make(chan struct{})
	}
}

// set shows a stock and tells whether it looks other than before. The caller
// holds mu. What no reader of a pool can see is no change of it: a
// pay-as-you-go pool does not change when the spot price does.
func (b *Board) set(offer int32, s world.Stock) (changed bool) {
	for i := 2 * offer; i < 2*offer+2; i++ {
		pool := &b.pools[i]
		available := s.Available(pool.Pool.Spot)
		seen := pool.Available != available || pool.Capacity != s.Capacity || pool.Pool.Spot && pool.Price != s.Price
		pool.Price, pool.Available, pool.Capacity = s.Price, available, s.Capacity
		if seen {
			b.changes[i] = b.version
			changed = true
		}
	}
	return changed
}

// A View is what a board showed at a moment.
type View struct {
	// Pools is the pools asked for, in the order of offers, pay-as-you-go
	// before spot.
	Pools []PoolState
	// Version is what to ask for changes since.
	Version uint64
	// AsOf is the time at which it held.
	AsOf world.Instant
	// More is closed when there are changes since.
	More <-chan struct{}
}

// Changed tells the pools that changed since a version; all since version 0.
func (b *Board) Changed(since uint64) View {
	b.mu.RLock()
	defer b.mu.RUnlock()
	view := View{Version: b.version, AsOf: b.asOf, More: b.more}
	for i, version := range b.changes {
		if version > since || since == 0 {
			view.Pools = append(view.Pools, b.pools[i])
		}
	}
	return view
}
