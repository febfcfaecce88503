package engine

import (
	"errors"

	"github.com/seed-198b1370/muster/services/fleetsim/internal/journal"
)

// When the journal is so long, a snapshot takes its place.
const (
	snapshotCommands = 50_000
	snapshotBytes    = 64 << 20
)

// saveWhenDue begins a snapshot when the journal has become long, unless one is
// being written. The world stands still only while its state is copied.
// It fails when the journal does.
func (e *Engine) saveWhenDue() error {
	if e.saving != nil {
		select {
		case err := <-e.saving:
			e.saved(err)
		default:
			return nil
		}
	}
	if e.journal == nil || e.commands < e.snapshotCommands && e.publisher.bytes.Load() < snapshotBytes {
		return nil
	}
	if err := e.publisher.flush(); err != nil {
		return err
	}
	e.log.Debug("a snapshot begins", "commands", e.commands, "instances", e.world.Live())
	// Also when it fails: then it is tried again after as many commands.
	e.commands = 0
	e.publisher.bytes.Store(0)
	record, err := e.journal.Rotate()
	if err != nil {
		e.saved(err)
		return nil
	}
	snapshot, transitions := e.state(), e.Feed().picture()
	e.saving = make(chan error, 1)
	go func() { e.saving <- e.journal.Save(record, snapshot, transitions) }()
	return nil
}

// state copies out what a snapshot holds.
func (e *Engine) state() journal.Snapshot {
	return journal.Snapshot{Genesis: e.genesis, Epoch: e.epoch, State: e.world.State()}
}

// saved takes note that a snapshot has ended. One that failed is no reason to
// stop: the journal goes on behind the one before.
func (e *Engine) saved(err error) {
	e.saving = nil
	if err != nil {
		e.log.Error("no snapshot could be written; the journal grows on", "error", err)
		return
	}
	e.log.Debug("a snapshot was written")
}

// awaitSaved waits for the snapshot that is being written, if there is one.
func (e *Engine) awaitSaved() {
	if e.saving != nil {
		e.saved(<-e.saving)
	}
}

// Close puts a snapshot in place of the journal and closes it. After a failure
// of the journal it does not: what was never journalled was told to nobody and
// must not come back. Run must have ended, or never have begun.
func (e *Engine) Close() error {
	if e.journal == nil {
		return nil
	}
	var err error
	if e.journal.HasRecords() && !e.failed {
		err = e.saveNow()
	}
	return errors.Join(err, e.journal.Close())
}

func (e *Engine) saveNow() error {
	record, err := e.journal.Rotate()
	if err != nil {
		return err
	}
	return e.journal.Save(record, e.state(), e.Feed().picture())
}
