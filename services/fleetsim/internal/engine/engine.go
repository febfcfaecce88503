package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-198b1370/muster/pkg/clock"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/fleetsim/storage/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/journal"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// Durations of the engine, in real time.
const (
	// lookEvery is how often the engine looks at the clock when nothing else
	// happens, so that the board does not look stale.
	lookEvery = time.Second
	// settleEvery is how often the time is journalled when nothing else is: so
	// far simulated time can go back at a kill.
	settleEvery = time.Second
)

// maxBatch is how many calls share a commit at most.
const maxBatch = 256

// Errors of calls.
var (
	// ErrStopped is a call to an engine that is not running any more.
	ErrStopped = errors.New("the simulated cloud has stopped")
)

// Config is what an [Engine] needs.
type Config struct {
	// World is the world of the snapshot, or a new one.
	World *world.World
	// Genesis is what the world was begun with.
	Genesis *storagev1.Genesis
	// Journal is where what happens is kept; nil to keep nothing. The engine
	// closes it.
	Journal *journal.Folder
	// Snapshot is what the journal has loaded; its zero value when that was
	// nothing. Of its state only World is used.
	Snapshot journal.Snapshot
	// Rebuild makes the world of a state of the same genesis, or tells what is
	// wrong with it.
	Rebuild func(world.State) (*world.World, error)
	// Offers is how many offers the catalog has.
	Offers int
	// Retain is how many transitions the feed keeps.
	Retain int
	// SnapshotCommands is after how many commands a snapshot is taken; 0 is the
	// default.
	SnapshotCommands int
	// Driven makes each call take its turn in the goroutine of the caller: Run is
	// not called, and no call waits for it. It goes without a journal.
	Driven bool
	// Log is told about snapshots and failures.
	Log *slog.Logger
}

// An Engine runs a world.
type Engine struct {
	world   *world.World
	genesis *storagev1.Genesis
	journal *journal.Folder
	rebuild func(world.State) (*world.World, error)
	feed    atomic.Pointer[Feed]
	board   *Board
	facts   atomic.Pointer[world.Facts]
	log     *slog.Logger
	pace    Pace

	calls chan *call
	ready chan struct{} // closed when Run has begun
	done  chan struct{} // closed when Run has ended

	settledTo        world.Instant // up to when time is journalled
	settledAt        time.Time     // when it was, in real time
	failed           bool          // the journal lacks what the world has done
	epoch            uint64        // how often a state was restored
	commands         int           // in the journal since the last snapshot was begun
	saving           chan error    // gives how the snapshot that is being written ended; nil when none is
	snapshotCommands int

	publisher *publisher
	driven    bool
	turns     sync.Mutex // held during a turn of a driven engine
}

// call is a command or a look, on its way through the engine.
type call struct {
	command world.Command      // nil for a look
	look    func(*world.World) // nil for a command
	restore *restore           // nil for a command or a look
	settle  bool               // to journal the time in any case
	answer  world.Answer
	err     error
	done    chan struct{} // closed when answered
}

// Open makes an engine and replays the journal. The clock comes later, with
// [Engine.SetClock]: where it starts is known only then.
func Open(config Config) (*Engine, error) {
	first := config.Snapshot.First
	if first == 0 {
		first = config.World.Sequence() + 1
	}
	epoch := config.Snapshot.Epoch
	e := &Engine{
		world: config.World, genesis: config.Genesis, journal: config.Journal, rebuild: config.Rebuild, log: config.Log,
		epoch: epoch, board: newBoard(config.Offers),
		calls: make(chan *call, maxBatch), ready: make(chan struct{}), done: make(chan struct{}),
		snapshotCommands: config.SnapshotCommands, driven: config.Driven,
	}
	if e.driven {
		close(e.ready)
	}
	if e.snapshotCommands == 0 {
		e.snapshotCommands = snapshotCommands
	}
	e.publisher = newPublisher(e)
	e.feed.Store(newFeed(journal.FleetID(config.Genesis, epoch), config.Retain, first))
	if e.journal != nil {
		if err := e.journal.Transitions(e.Feed().append); err != nil {
			return nil, err
		}
		if err := e.journal.Records(e.replay); err != nil {
			return nil, fmt.Errorf("replay the journal: %w", err)
		}
	}
	if told, done := e.Feed().last(), e.world.Sequence(); told != done {
		return nil, fmt.Errorf("the data folder is damaged: it holds transitions up to %d of %d", told, done)
	}
	e.settledTo = e.world.Now()
	e.board.show(e.world.Now(), sights(e.world, config.Offers, nil, true))
	e.facts.Store(e.world.Facts())
	return e, nil
}

// replay does again what a record says was done.
func (e *Engine) replay(record *storagev1.JournalRecord) error {
	now := world.Instant(record.GetTimeUnixNanos())
	e.world.Advance(now)
	for _, stored := range record.GetCommands() {
		command, err := journal.Decode(stored)
		if err != nil {
			return err
		}
		// A refusal can have changed something, too.
		if answer, err := e.world.Apply(now, command); !answer.Changed {
			return fmt.Errorf("%T had an effect when it was written and has none now (error: %w)", command, err)
		}
	}
	e.commands += max(1, len(record.GetCommands()))
	e.Feed().append(e.world.Take().Transitions)
	return nil
}

// SetClock gives the engine its clock. Call it once, before Run.
func (e *Engine) SetClock(c clock.Clock) { e.pace = NewPace(c) }

// Pace is the engine's clock.
func (e *Engine) Pace() Pace { return e.pace }

// Feed is the log of transitions. A restore puts another in its place.
func (e *Engine) Feed() *Feed { return e.feed.Load() }

// Board is the state of the pools.
func (e *Engine) Board() *Board { return e.board }

// Facts is what those who serve calls need to know at each of them. It is
// quick.
func (e *Engine) Facts() *world.Facts { return e.facts.Load() }

// Ready is closed once the engine runs.
func (e *Engine) Ready() <-chan struct{} { return e.ready }

// Done is closed once the engine has stopped.
func (e *Engine) Done() <-chan struct{} { return e.done }

// Apply obeys a command. When it returns, what it did is journalled and
// published. Its errors are those of the command, [ErrStopped], and the
// context's; after the last two it may have been obeyed.
func (e *Engine) Apply(ctx context.Context, command world.Command) (world.Answer, error) {
	c := &call{command: command, done: make(chan struct{})}
	if err := e.do(ctx, c); err != nil {
		return world.Answer{}, err
	}
	return c.answer, c.err
}

// Look calls a function with the world, while nothing changes it, after all
// that is due has happened and is journalled. The function must be quick and
// keep nothing of the world but values. Its errors: [ErrStopped], the
// context's; then the function may still be called.
func (e *Engine) Look(ctx context.Context, look func(*world.World)) error {
	return e.do(ctx, &call{look: look, done: make(chan struct{})})
}

func (e *Engine) do(ctx context.Context, c *call) error {
	if e.driven {
		return e.drive(ctx, c)
	}
	select {
	case e.calls <- c:
	case <-ctx.Done():
		return ctx.Err()
	case <-e.done:
		return ErrStopped
	}
	var err error
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-e.done:
		err = ErrStopped
	}
	select {
	case <-c.done: // both came at once; the answer is worth more
		return nil
	default:
		return err
	}
}

// drive takes the turn of a call at once.
func (e *Engine) drive(ctx context.Context, c *call) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	e.turns.Lock()
	defer e.turns.Unlock()
	return e.turn([]*call{c})
}

// FleetID tells the transitions of this cloud from those of others, and from
// its own before a restore. It stays the same over restarts.
func (e *Engine) FleetID() uint64 { return e.Feed().FleetID() }
