package promises

import (
	"sync"
	"time"

	"github.com/seed-198b1370/muster/services/allocator/place"
)

// A Book is a ledger that many use at a time. One who places, and wants to be
// promised what is placed, has to keep others who do from placing in between:
// [Book.Promised], the placement and [Book.Promise] are one step.
type Book struct {
	mu sync.Mutex
	// Guarded by mu.
	ledger *Ledger
}

// NewBook makes a book without promises.
func NewBook() *Book { return &Book{ledger: NewLedger()} }

// Promised tells, of the pools of some candidates, what is promised to others
// than the holder of a key; nil for nothing. An empty key holds nothing.
func (b *Book) Promised(key string, now time.Time, candidates []place.Candidate, stock Stock) map[place.Key]int32 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ledger.Expire(now, stock)
	if b.ledger.Len() == 0 {
		return nil
	}
	promised := map[place.Key]int32{}
	for i := range candidates {
		of := candidates[i].Key
		if instances := b.ledger.Promised(key, of, stock); instances > 0 {
			promised[of] = instances
		}
	}
	return promised
}

// Promise gives the holder of a key promises of what was placed for it, instead
// of those it has.
func (b *Book) Promise(key string, now time.Time, placed map[place.Key]int32, stock Stock) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ledger.Expire(now, stock)
	b.ledger.Promise(key, now, placed, stock)
}
