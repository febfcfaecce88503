package engine

import (
	"context"
	"runtime"
	"time"

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
	go e.publisher.run()
	e.settledAt = e.pace.wall.Now()
	close(e.ready)
	err := e.live(ctx)
	if failure := e.publisher.stop(); failure != nil {
		err = failure
	}
	if err != nil {
		e.failed = true
		e.log.ErrorContext(ctx, "the journal failed, the simulated cloud stops", "error", err)
	}
	return err
}

// live takes turns until the context ends, or one fails.
func (e *Engine) live(ctx context.Context) error {
	for {
		batch, running := e.await(ctx)
		if !running {
			return e.settle()
		}
		if err := e.turn(batch); err != nil {
			return err
		}
	}
}

// await waits until there are calls, something is due, or the clock has been
// changed, and takes what calls there are.
func (e *Engine) await(ctx context.Context) (batch []*call, running bool) {
	if ctx.Err() == nil {
		if batch = e.gather(nil); len(batch) > 0 {
			return batch, true // busy: nothing has to be waited for
		}
	}
	changed := e.pace.Changed()
	due := e.pace.clock.NewTimer(e.world.NextDue().Time())
	defer due.Stop()
	look := e.pace.After(lookEvery)
	defer look.Stop()
	select {
	case <-ctx.Done():
		return nil, false
	case <-changed:
	case <-due.C:
	case <-look.C:
	case <-e.publisher.broken: // the turn will tell
	case c := <-e.calls:
		batch = append(batch, c)
	}
	return e.gather(batch), true
}

// gather takes what calls there are, and those of callers who are about to
// call: the more share a commit, the less each waits for it.
func (e *Engine) gather(batch []*call) []*call {
	for yielded := false; len(batch) < maxBatch; {
		select {
		case c := <-e.calls:
			batch, yielded = append(batch, c), false
		default:
			if yielded || len(batch) == 0 {
				return batch
			}
			runtime.Gosched()
			yielded = true
		}
	}
	return batch
}

// turn lets time pass and obeys a batch of calls. What came of it goes to the
// publisher, which keeps, shows and answers it while the world goes on.
func (e *Engine) turn(batch []*call) error {
	e.world.Reuse(e.publisher.spareRoom())
	now := world.InstantOf(e.pace.Now())
	e.world.Advance(now)
	record, settle := e.obey(batch, now)
	effects := e.world.Take()
	o := &outcome{
		effects: effects, facts: e.world.Facts(), now: e.world.Now(),
		seen: sights(e.world, e.board.offers(), effects.Offers, effects.Ticked),
	}
	if len(record.GetCommands()) > 0 || len(effects.Transitions) > 0 || e.mustSettle(settle) {
		o.record = e.settleWith(record)
	}
	var restores []*call
	for _, c := range batch {
		if c.restore != nil {
			restores = append(restores, c)
			continue
		}
		if c.look != nil {
			c.look(e.world)
		}
		o.answered = append(o.answered, c)
	}
	if err := e.publisher.take(o); err != nil {
		return err
	}
	for _, c := range restores {
		if err := e.adopt(c); err != nil {
			return err
		}
		close(c.done)
	}
	return e.saveWhenDue()
}

// obey lets the world obey the commands of a batch, and tells those that had an
// effect, and whether anyone waits for the time to be journalled.
func (e *Engine) obey(batch []*call, now world.Instant) (record *storagev1.JournalRecord, settle bool) {
	record = &storagev1.JournalRecord{}
	for _, c := range batch {
		settle = settle || c.settle
		if c.command == nil {
			continue
		}
		c.answer, c.err = e.world.Apply(now, c.command)
		if c.answer.Changed {
			record.Commands = append(record.Commands, journal.Encode(c.command))
		}
	}
	return record, settle
}

// mustSettle tells whether the time is to be journalled although nothing has
// happened: because someone waits for that, or every now and then.
func (e *Engine) mustSettle(asked bool) bool {
	return e.world.Now() != e.settledTo && (asked || e.pace.wall.Now().Sub(e.settledAt) >= settleEvery)
}

// settleWith makes a record say that time has come to where the world is.
func (e *Engine) settleWith(record *storagev1.JournalRecord) *storagev1.JournalRecord {
	e.settledTo, e.settledAt = e.world.Now(), e.pace.wall.Now()
	record.TimeUnixNanos = int64(e.settledTo)
	// One without commands counts, too: it has to be replayed.
	e.commands += max(1, len(record.GetCommands()))
	return record
}

// settle journals the time at which the engine stops.
func (e *Engine) settle() error {
	if e.world.Now() == e.settledTo {
		return nil
	}
	return e.publisher.take(&outcome{
		record: e.settleWith(&storagev1.JournalRecord{}), facts: e.world.Facts(), now: e.world.Now(),
	})
}

// Now is the simulated time up to which everything has happened. Only for use
// before Run.
func (e *Engine) Now() time.Time { return e.world.Now().Time() }
