package engine

import (
	"errors"
	"iter"
	"slices"
	"sync"

	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// Errors of reading the feed.
var (
	// ErrCompacted is a place that the feed no longer reaches back to.
	ErrCompacted = errors.New("the feed does not reach back that far")
	// ErrAhead is a place that the feed has not come to.
	ErrAhead = errors.New("the feed has not come that far")
	// ErrReplaced is a feed that ended when another state was put in place of
	// the one that it belongs to.
	ErrReplaced = errors.New("the feed is of a state that another was put in place of")
)

// feedBlock is how many transitions are allocated together at most.
const feedBlock = 1024

// A Feed is the log of transitions, from the oldest that is kept to the last
// one. Transitions are numbered from 1 without a gap.
type Feed struct {
	fleet  uint64 // whose transitions they are
	retain int    // how many are kept at least, once there were so many
	size   int    // of a block

	mu     sync.RWMutex
	blocks []*block      // guarded by mu; all but the last are full
	first  uint64        // guarded by mu; number of the first transition kept
	next   uint64        // guarded by mu; number of the next to come
	more   chan struct{} // guarded by mu; closed and replaced when more have come
	ended  bool          // guarded by mu; another feed has taken its place
}

// newFeed makes a feed of a fleet whose next transition has a number.
func newFeed(fleet uint64, retain int, next uint64) *Feed {
	return &Feed{fleet: fleet, retain: retain, size: max(1, min(feedBlock, retain/4)), first: next, next: next, more: make(chan struct{})}
}

// FleetID tells the transitions of the feed from those of others. See
// [Engine.FleetID].
func (f *Feed) FleetID() uint64 { return f.fleet }

// append adds transitions and forgets old ones.
func (f *Feed) append(transitions []world.Transition) {
	if len(transitions) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range transitions {
		f.add(transitions[i])
	}
	for len(f.blocks) > 1 && f.next-f.first-uint64(f.size) >= uint64(f.retain) {
		f.first += uint64(f.size)
		f.blocks[0] = nil
		f.blocks = f.blocks[1:]
	}
	close(f.more)
	f.more = make(chan struct{})
}

// add adds transitions that are alike. The caller holds mu.
func (f *Feed) add(t world.Transition) {
	for left := 1 + int(t.Alike); left > 0; {
		last := len(f.blocks) - 1
		if last < 0 || f.blocks[last].len() == f.size {
			if last >= 0 {
				f.blocks[last].seal()
			}
			f.blocks = append(f.blocks, &block{})
			last++
		}
		fit := min(left, f.size-f.blocks[last].len())
		f.blocks[last].add(&t, fit-1)
		f.next += uint64(fit)
		t.Instance.Number += uint64(fit)
		left -= fit
	}
}

// Read tells up to limit transitions after a number, and a channel that is
// closed when there are more than it told of. Its errors: [ErrCompacted],
// [ErrAhead], [ErrReplaced].
func (f *Feed) Read(after uint64, limit int) ([]world.Transition, <-chan struct{}, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	switch {
	case f.ended:
		return nil, nil, ErrReplaced
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

// end makes all reads fail from now on, those that wait included.
func (f *Feed) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	close(f.more)
	f.more = make(chan struct{})
}

// picture is the feed as it is now. It costs next to nothing: blocks that are
// full never change, and of the last one only what is there now is looked at.
func (f *Feed) picture() *picture {
	f.mu.RLock()
	defer f.mu.RUnlock()
	p := &picture{first: f.first, size: uint64(f.size), blocks: slices.Clone(f.blocks)}
	if last := len(p.blocks) - 1; last >= 0 {
		now := *p.blocks[last]
		p.blocks[last] = &now
	}
	return p
}

// A picture is a feed as it was at a moment.
type picture struct {
	first, size uint64
	blocks      []*block
}

// Oldest implements [journal.Transitions].
func (p *picture) Oldest() uint64 { return p.first }

// From implements [journal.Transitions].
func (p *picture) From(number uint64) iter.Seq[[]world.Transition] {
	return func(yield func([]world.Transition) bool) {
		skip := number - p.first
		for _, b := range p.blocks[min(skip/p.size, uint64(len(p.blocks))):] {
			if from := int(skip % p.size); from < b.len() && !yield(b.read(from, b.len())) {
				return
			}
			skip = 0
		}
	}
}
