package engine

import (
	"context"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/fleetsim/storage/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/journal"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// Run runs the world until the context ends, then returns nil. It fails when
// the journal does: what was not kept is not answered, and the engine stops,
// because its world is ahead of the journal.
func (e *Engine) Run(ctx context.Context) error {
	defer e.awaitSaved()
	defer close(e.done)
	close(e.ready)
	for {
		batch, running := e.await(ctx)
		if !running {
			return e.settle()
		}
		if err := e.turn(batch); err != nil {
			e.log.ErrorContext(ctx, "the journal failed, the simulated cloud stops", "error", err)
			return err
		}
	}
}

// await waits until there are calls, something is due, or the speed of the
// clock has changed, and takes what calls there are.
func (e *Engine) await(ctx context.Context) (batch []*call, running bool) {
	changed := e.pace.Changed()
	due := e.world.NextDue()
	look := world.InstantOf(e.pace.Now().Add(e.pace.Simulated(lookEvery)))
	timer := e.pace.clock.NewTimer(min(due, look).Time())
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return nil, false
	case <-changed:
	case <-timer.C:
	case c := <-e.calls:
		batch = append(batch, c)
	}
	for len(batch) < maxBatch {
		select {
		case c := <-e.calls:
			batch = append(batch, c)
		default:
			return batch, true
		}
	}
	return batch, true
}

// turn lets time pass, obeys a batch of calls, and keeps, publishes and answers
// what came of it, in this order.
func (e *Engine) turn(batch []*call) error {
	now := world.InstantOf(e.pace.Now())
	e.world.Advance(now)
	record := &storagev1.JournalRecord{}
	for _, c := range batch {
		if c.command == nil {
			continue
		}
		c.answer, c.err = e.world.Apply(now, c.command)
		if c.answer.Changed {
			record.Commands = append(record.Commands, journal.Encode(c.command))
		}
	}
	effects := e.world.Take()
	idle := e.world.Now() - e.settled
	if len(record.GetCommands()) > 0 || len(effects.Transitions) > 0 || idle >= world.Instant(e.pace.Simulated(settleEvery)) {
		if err := e.keep(record); err != nil {
			return err
		}
	}
	e.feed.append(effects.Transitions)
	e.board.update(e.world, effects.Offers, effects.Ticked)
	for _, c := range batch {
		if c.look != nil {
			c.look(e.world)
		}
		close(c.done)
	}
	e.saveWhenDue()
	return nil
}

// keep journals commands, and that time has come to where the world is.
func (e *Engine) keep(record *storagev1.JournalRecord) error {
	e.settled = e.world.Now()
	if e.journal == nil {
		return nil
	}
	record.TimeUnixNanos = int64(e.settled)
	size, err := e.journal.Append(record)
	if err != nil {
		e.failed = true
		return err
	}
	// A record without commands counts, too: it has to be replayed.
	e.commands += max(1, len(record.GetCommands()))
	e.bytes += size
	return nil
}

// settle journals the time at which the engine stops.
func (e *Engine) settle() error {
	if e.world.Now() == e.settled {
		return nil
	}
	return e.keep(&storagev1.JournalRecord{})
}
