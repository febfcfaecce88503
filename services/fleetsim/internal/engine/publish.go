package engine

import (
	"sync/atomic"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/fleetsim/storage/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// maxAhead is how many moments the world can be ahead of the disk.
const maxAhead = 4

// An outcome is what one moment of the world came to, on its way to the disk
// and to those who look on.
type outcome struct {
	record   *storagev1.JournalRecord // nil when there is nothing to keep
	effects  world.Effects
	seen     []sight
	facts    *world.Facts
	now      world.Instant
	answered []*call
}

// A publisher keeps outcomes, shows them and answers, in this order, while the
// world goes on: those that come while it waits for the disk share its next
// wait. It is used by the engine's goroutine and runs in one of its own.
type publisher struct {
	engine   *Engine
	outcomes chan *outcome
	spare    chan world.Effects // those whose room can be used again
	broken   chan struct{}      // closed when the journal has failed
	failure  error              // why; set before broken is closed
	ended    chan struct{}      // closed when run has ended
	bytes    atomic.Int64       // journalled since that was last set to 0
}

func newPublisher(e *Engine) *publisher {
	return &publisher{
		engine: e, outcomes: make(chan *outcome, maxAhead), spare: make(chan world.Effects, maxAhead),
		broken: make(chan struct{}), ended: make(chan struct{}),
	}
}

// run publishes until stop. After a failure of the journal it only lets go of
// what comes: nobody is told what was not kept.
func (p *publisher) run() {
	defer close(p.ended)
	for o := range p.outcomes {
		some := p.gather(o)
		if p.failure == nil {
			if p.failure = p.keep(some); p.failure != nil {
				close(p.broken)
			}
		}
		if p.failure != nil {
			continue
		}
		for _, o := range some {
			p.show(o)
		}
	}
}

// gather takes what outcomes there are after one.
func (p *publisher) gather(first *outcome) []*outcome {
	some := []*outcome{first}
	for len(some) < maxAhead {
		select {
		case o, more := <-p.outcomes:
			if !more {
				return some
			}
			some = append(some, o)
		default:
			return some
		}
	}
	return some
}

func (p *publisher) keep(outcomes []*outcome) error {
	if p.engine.journal == nil {
		return nil
	}
	var records []*storagev1.JournalRecord
	for _, o := range outcomes {
		if o.record != nil {
			records = append(records, o.record)
		}
	}
	if len(records) == 0 {
		return nil
	}
	size, err := p.engine.journal.Append(records...)
	p.bytes.Add(int64(size))
	return err
}

func (p *publisher) show(o *outcome) {
	e := p.engine
	e.Feed().append(o.effects.Transitions)
	e.board.show(o.now, o.seen)
	e.facts.Store(o.facts)
	for _, c := range o.answered {
		close(c.done)
	}
	select {
	case p.spare <- o.effects:
	default:
	}
}

// take takes one more outcome. It fails when the journal has.
func (p *publisher) take(o *outcome) error {
	if p.engine.driven { // there is no disk to be ahead of
		p.show(o)
		return nil
	}
	select {
	case p.outcomes <- o:
		return nil
	case <-p.broken:
		return p.failure
	}
}

// flush waits until all is published that was taken. It fails when the journal
// has.
func (p *publisher) flush() error {
	c := &call{done: make(chan struct{})}
	e := p.engine
	if err := p.take(&outcome{facts: e.world.Facts(), now: e.world.Now(), answered: []*call{c}}); err != nil {
		return err
	}
	select {
	case <-c.done:
		return nil
	case <-p.broken:
		return p.failure
	}
}

// spareRoom is effects that nobody looks at any more; none if there are none.
func (p *publisher) spareRoom() world.Effects {
	select {
	case effects := <-p.spare:
		return effects
	default:
		return world.Effects{}
	}
}

// stop publishes what was taken and ends run. It tells why the journal failed,
// if it did.
func (p *publisher) stop() error {
	close(p.outcomes)
	<-p.ended
	return p.failure
}
