package engine

import (
	"errors"
	"sync"

	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// Errors of reading the feed.
var (
	// ErrCompacted is a place that the feed no longer reaches back to.
	ErrCompacted = errors.New("the feed does not reach back that far")
	// ErrAhead is a place that the feed has not come to.
	ErrAhead = errors.New("the feed has not come that far")
)

// feedBlock is how many transitions are allocated together at most.
const feedBlock = 1024

// A Feed is the log of transitions, from the oldest that is kept to the last
// one. Transitions are numbered from 1 without a gap.
type Feed struct {
	retain int // how many are kept at least, once there were so many
	size   int // of a block

	mu     sync.RWMutex
	blocks []*block      // guarded by mu; all but the last are full
	first  uint64        // guarded by mu; number of the first transition kept
	next   uint64        // guarded by mu; number of the next to come
	more   chan struct{} // guarded by mu; closed and replaced when more have come
}

// newFeed makes a feed whose next transition has a number.
func newFeed(retain int, next uint64) *Feed {
	return &Feed{retain: retain, size: max(1, min(feedBlock, retain/4)), first: next, next: next, more: make(chan struct{})}
}

// append adds transitions and forgets old ones.
func (f *Feed) append(transitions []world.Transition) {
	if len(transitions) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range transitions {
		last := len(f.blocks) - 1
		if last < 0 || f.blocks[last].len() == f.size {
			if last >= 0 {
				f.blocks[last].seal()
			}
			f.blocks = append(f.blocks, &block{})
			last++
		}
		f.blocks[last].add(&transitions[i])
		f.next++
	}
	for len(f.blocks) > 1 && f.next-f.first-uint64(f.size) >= uint64(f.retain) {
		f.first += uint64(f.size)
		f.blocks[0] = nil
		f.blocks = f.blocks[1:]
	}
	close(f.more)
	f.more = make(chan struct{})
}

// Read tells up to limit transitions after a number, and a channel that is
// closed when there are more than it told of. Its errors: [ErrCompacted],
// [ErrAhead].
func (f *Feed) Read(after uint64, limit int) ([]world.Transition, <-chan struct{}, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	switch {
	case after+1 < f.first:
		return nil, nil, ErrCompacted
	case after >= f.next:
		return nil, nil, ErrAhead
	case after+1 == f.next:
		return nil, f.more, nil
	}
	at := after + 1 - f.first
	from, in := int(at%uint64(f.size)), f.blocks[at/uint64(f.size)]
	return in.read(from, min(from+limit, in.len())), f.more, nil
}

// Oldest is the number after which the feed still tells everything.
func (f *Feed) Oldest() uint64 {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.first - 1
}

// last is the number of the last transition; 0 before the first.
func (f *Feed) last() uint64 {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.next - 1
}

// after copies out all transitions after a number, or all that are kept if it
// does not reach back that far.
func (f *Feed) after(number uint64) (first uint64, transitions []world.Transition) {
	number = max(number, f.Oldest())
	first = number + 1
	for {
		some, _, err := f.Read(number, feedBlock)
		if err != nil || len(some) == 0 {
			return first, transitions
		}
		transitions = append(transitions, some...)
		number += uint64(len(some))
	}
}
