package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/fleetsim/storage/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/journal"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// A BadStateError is a state that can not be put in place of the present one.
type BadStateError struct {
	// Err is why.
	Err error
}

// Error implements error.
func (e *BadStateError) Error() string { return "the state can not be restored: " + e.Err.Error() }

// Unwrap gives why.
func (e *BadStateError) Unwrap() error { return e.Err }

// An Exported tells what an export or a restored state holds.
type Exported struct {
	// Time is the simulated time of the state.
	Time time.Time
	// Instances is how many instances it holds.
	Instances uint64
}

// Export writes the state as it is now, for [Engine.Restore]. The world stands
// still only while its state is copied. Its errors: those of [Engine.Look] and
// of the writer.
func (e *Engine) Export(ctx context.Context, w io.Writer) (Exported, error) {
	copied := make(chan journal.Snapshot, 1)
	if err := e.Look(ctx, func(*world.World) { copied <- e.state() }); err != nil {
		return Exported{}, err
	}
	snapshot := <-copied
	if err := journal.Write(w, snapshot); err != nil {
		return Exported{}, fmt.Errorf("write the state: %w", err)
	}
	return Exported{snapshot.State.Now.Time(), uint64(len(snapshot.State.Instances))}, nil
}

// Describe tells what an export holds, of which it reads only the beginning. It
// fails with [*BadStateError] when [Engine.Restore] would refuse it for what it
// says of itself.
func (e *Engine) Describe(r io.Reader) (Exported, error) {
	described, err := journal.Describe(r)
	if err == nil {
		err = e.checkGenesis(described.Genesis)
	}
	if err != nil {
		return Exported{}, &BadStateError{err}
	}
	return Exported{described.Time.Time(), described.Instances}, nil
}

// Restore puts a state that [Engine.Export] wrote in place of the present one,
// and the clock to its time. It is from then on as if all had happened that led
// to that state and nothing else, but for a new [Engine.FleetID] and an empty
// feed, because what readers have seen may never have been. When it returns the
// state is on the disk. Its errors: [*BadStateError], [ErrFixedClock], those of
// [Engine.Look], after which the state may have been restored, and others of
// the disk, after which it was not.
func (e *Engine) Restore(ctx context.Context, r io.Reader) (Exported, error) {
	if e.pace.scaled == nil {
		return Exported{}, ErrFixedClock
	}
	snapshot, err := journal.Read(r)
	if err == nil {
		err = e.checkGenesis(snapshot.Genesis)
	}
	var restored *world.World
	if err == nil {
		restored, err = e.rebuild(snapshot.State)
	}
	if err != nil {
		return Exported{}, &BadStateError{err}
	}
	c := &call{restore: &restore{restored, snapshot}, done: make(chan struct{})}
	if err := e.do(ctx, c); err != nil {
		return Exported{}, err
	}
	return Exported{snapshot.State.Now.Time(), uint64(len(snapshot.State.Instances))}, c.err
}

// restore is a state on its way through the engine.
type restore struct {
	world    *world.World
	snapshot journal.Snapshot
}

// adopt goes on with another state. It fails when the engine can not go on with
// any; another failure is the caller's.
func (e *Engine) adopt(c *call) error {
	if err := e.publisher.flush(); err != nil {
		return err
	}
	e.awaitSaved()
	epoch := max(e.epoch, c.restore.snapshot.Epoch) + 1
	if e.journal != nil {
		record, err := e.journal.Rotate()
		if err == nil {
			err = e.journal.Save(record, journal.Snapshot{Genesis: e.genesis, Epoch: epoch, State: c.restore.snapshot.State}, nil)
		}
		if errors.Is(err, journal.ErrUncertain) {
			return err // the disk may hold either state
		}
		if c.err = err; err != nil {
			return nil //nolint:nilerr // the caller is told; the state before goes on
		}
	}
	former := e.Feed()
	e.world, e.epoch = c.restore.world, epoch
	e.feed.Store(newFeed(journal.FleetID(e.genesis, epoch), former.retain, e.world.Sequence()+1))
	e.pace.scaled.Reset(e.world.Now().Time())
	e.board.show(e.world.Now(), sights(e.world, e.board.offers(), nil, true))
	e.facts.Store(e.world.Facts())
	former.end()
	e.settledTo, e.commands = e.world.Now(), 0
	e.publisher.bytes.Store(0)
	return nil
}

// checkGenesis tells in what the world of a state differs from this one. A
// state outlives the rules that led to it, but not a return to older ones.
func (e *Engine) checkGenesis(other *storagev1.Genesis) error {
	if other.GetRulesVersion() > e.genesis.GetRulesVersion() {
		return fmt.Errorf("it is of rules %d, and this release knows them up to %d", other.GetRulesVersion(), e.genesis.GetRulesVersion())
	}
	ours, theirs := proto.CloneOf(e.genesis).ProtoReflect(), proto.CloneOf(other).ProtoReflect()
	var differ []string
	for i := range ours.Descriptor().Fields().Len() {
		field := ours.Descriptor().Fields().Get(i)
		if field.Name() != "rules_version" && !ours.Get(field).Equal(theirs.Get(field)) {
			differ = append(differ, strings.ReplaceAll(string(field.Name()), "_", " "))
		}
	}
	if len(differ) > 0 {
		return fmt.Errorf("it is of a world that was begun with another %s", strings.Join(differ, ", "))
	}
	return nil
}
