package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/seed-198b1370/muster/pkg/clock"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/fleetsim/storage/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/engine"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/journal"
	"github.com/seed-198b1370/muster/services/fleetsim/market"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var origin = time.Date(2026, 11, 16, 8, 0, 0, 0, time.UTC)

// offer is the index of ecs.c6.large in cn-shenzhen-d, which has room for all.
const offer = 29

// running is an engine on a folder, run until stop.
type running struct {
	*engine.Engine
	clock   *clock.Virtual
	journal *journal.File
	cancel  context.CancelFunc
	ran     chan error
}

// open opens an engine that keeps few transitions and takes snapshots often.
func open(t *testing.T, folder string, now time.Time, retain, snapshotCommands int) *running {
	t.Helper()
	c, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	m, err := market.New(c, 1, 3_000_000)
	if err != nil {
		t.Fatal(err)
	}
	file, err := journal.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	snapshot, ok, err := file.Load()
	if err != nil {
		t.Fatal(err)
	}
	w := world.New(world.Config{Catalog: c, Market: m, Seed: 1, Origin: world.InstantOf(origin)})
	if ok {
		w = world.Restore(world.Config{Catalog: c, Market: m, Seed: 1, Origin: world.InstantOf(origin)}, snapshot.State)
	}
	e, err := engine.Open(engine.Config{
		World: w, Journal: file, Kept: snapshot.Transitions, First: snapshot.First, Offers: len(c.Offers()),
		Retain: retain, SnapshotCommands: snapshotCommands, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	r := &running{Engine: e, clock: clock.NewVirtual(now), journal: file, ran: make(chan error, 1)}
	e.SetClock(r.clock)
	ctx, cancel := context.WithCancel(context.Background()) // it ends in stop
	r.cancel = cancel
	go func() { r.ran <- e.Run(ctx) }()
	return r
}

// stop ends Run and lets go of the file, without the snapshot of a Close.
func (r *running) stop(t *testing.T) {
	t.Helper()
	r.cancel()
	if err := errors.Join(<-r.ran, r.journal.Close()); err != nil {
		t.Error(err)
	}
}

// due lets all happen that is due by now.
func (r *running) due(t *testing.T) {
	t.Helper()
	if err := r.Look(t.Context(), func(*world.World) {}); err != nil {
		t.Fatal(err)
	}
}

// sequence is the number of the last transition.
func (r *running) sequence(t *testing.T) (sequence uint64) {
	t.Helper()
	if err := r.Look(t.Context(), func(w *world.World) { sequence = w.Sequence() }); err != nil {
		t.Fatal(err)
	}
	return sequence
}

// picture is what can be seen of an engine: instances and kept transitions.
func (r *running) picture(t *testing.T, after uint64) []string {
	t.Helper()
	var lines []string
	err := r.Look(t.Context(), func(w *world.World) {
		page := w.List(world.Query{AccountID: "default", Limit: 1 << 20}).Listed
		for _, listed := range page {
			lines = append(lines, plain(listed.Instance, listed.Price))
		}
		lines = append(lines, fmt.Sprint("sequence ", w.Sequence(), " last ", w.LastNumber(), " drained ", w.State().Drained, " requests ", len(w.State().Requests)))
	})
	if err != nil {
		t.Fatal(err)
	}
	for {
		some, _, err := r.Feed().Read(after, 100)
		if err != nil {
			t.Fatal(err)
		}
		if len(some) == 0 {
			return lines
		}
		for _, tr := range some {
			after++
			lines = append(lines, fmt.Sprint(after, " ", tr.Time, " ", tr.Kind, " ", tr.Reason, " ", plain(tr.Instance, tr.Price)))
		}
	}
}

func plain(i world.Instance, price int64) string {
	tags, account := i.Tags.Map(), i.Account.ID()
	i.Tags, i.Account, i.Protected = nil, nil, false // shared pointers; what follows from the time
	return fmt.Sprintf("%+v %v %v %d", i, tags, account, price)
}

// TestEngine_reopensAtAnyPoint copies the folder after each command, as a kill
// would leave it, and holds what is opened there against what was killed:
// between snapshots, right after one, and when the feed has forgotten more than
// the last snapshot held (S6).
func TestEngine_reopensAtAnyPoint(t *testing.T) {
	for _, retain := range []int{4, 40, 100_000} {
		t.Run(fmt.Sprint("retain ", retain), func(t *testing.T) {
			folder := t.TempDir()
			random := rand.New(rand.NewPCG(7, uint64(retain)))
			r := open(t, folder, origin, retain, 7)
			for step := range 60 {
				if _, err := r.Apply(t.Context(), command(random, step)); err != nil {
					t.Log(err) // sold out
				}
				r.clock.Advance(time.Duration(random.Int64N(int64(5 * time.Minute))))
				r.due(t)
				again := open(t, copyOf(t, folder), r.clock.Now(), retain, 7)
				again.due(t)
				// Blocks of the feed may begin elsewhere, so it may reach back
				// a little further or less, but never less than it should.
				after := max(r.Feed().Oldest(), again.Feed().Oldest())
				before, got := r.picture(t, after), again.picture(t, after)
				if _, _, err := again.Feed().Read(again.sequence(t)-min(again.sequence(t), uint64(retain)), 1); err != nil {
					t.Errorf("step %d: fewer than %d transitions are kept", step, retain)
				}
				again.stop(t)
				if diff := cmp.Diff(before, got); diff != "" {
					t.Fatalf("step %d: %s", step, diff)
				}
				if step%20 == 19 { // go on from a life that ended
					r.stop(t)
					r = open(t, folder, r.clock.Now(), retain, 7)
				}
			}
			r.stop(t)
		})
	}
}

func command(random *rand.Rand, step int) world.Command {
	switch random.IntN(6) {
	case 0:
		return world.Release{AccountID: "default", Numbers: []uint64{random.Uint64N(50), random.Uint64N(50)}}
	case 1:
		return world.Retag{AccountID: "default", Numbers: []uint64{1}, Set: map[string]string{"step": fmt.Sprint(step)}}
	case 2:
		return world.Reclaim{ByPool: true, Offers: []int32{offer}, Max: 2}
	case 3:
		return world.SetDrained{Pools: []world.Pool{{Offer: random.Int32N(3)}}, Drained: random.IntN(2) == 0}
	default:
		return world.Launch{
			AccountID: "default", RequestID: fmt.Sprint(step), Pool: world.Pool{Offer: offer, Spot: random.IntN(4) > 0},
			Amount: 5, MinAmount: 1, Tags: map[string]string{"group": "g"}, Unprotected: random.IntN(2) == 0,
		}
	}
}

func copyOf(t *testing.T, folder string) string {
	t.Helper()
	to := t.TempDir()
	source, err := os.Open(filepath.Join(folder, "fleetsim.db"))
	if err != nil {
		t.Fatal(err)
	}
	target, err := os.Create(filepath.Join(to, "fleetsim.db"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(target, source)
	if err := errors.Join(err, source.Close(), target.Close()); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestEngine_stopsWhenTheJournalFails holds that nothing is answered that was
// not kept.
func TestEngine_stopsWhenTheJournalFails(t *testing.T) {
	folder := t.TempDir()
	r := open(t, folder, origin, 100, 0)
	launch := world.Launch{AccountID: "default", RequestID: "a", Pool: world.Pool{Offer: offer}, Amount: 1, MinAmount: 1}
	if _, err := r.Apply(t.Context(), launch); err != nil {
		t.Fatal(err)
	}
	if err := r.journal.Close(); err != nil { // the disk is gone
		t.Fatal(err)
	}
	launch.RequestID = "b"
	if _, err := r.Apply(t.Context(), launch); !errors.Is(err, engine.ErrStopped) {
		t.Errorf("an answer that was not kept: %v", err)
	}
	if err := <-r.ran; err == nil {
		t.Error("the engine ended as if all was well")
	}
	r.cancel()
	again := open(t, folder, origin, 100, 0)
	again.Look(t.Context(), func(w *world.World) {
		if w.Live() != 1 {
			t.Errorf("%d instances", w.Live())
		}
	})
	again.stop(t)
}

// TestEngine_afterAFailureNothingUnkeptComesBack holds that an orderly stop does
// not write into a snapshot what the journal had refused.
func TestEngine_afterAFailureNothingUnkeptComesBack(t *testing.T) {
	folder := t.TempDir()
	r := open(t, folder, origin, 100, 0)
	launch := world.Launch{AccountID: "default", RequestID: "a", Pool: world.Pool{Offer: offer}, Amount: 1, MinAmount: 1}
	if _, err := r.Apply(t.Context(), launch); err != nil {
		t.Fatal(err)
	}
	launch.RequestID = "\xff" // which no record can hold: the file is as it was, and one write fails
	if _, err := r.Apply(t.Context(), launch); !errors.Is(err, engine.ErrStopped) {
		t.Errorf("an answer that was not kept: %v", err)
	}
	if err := <-r.ran; err == nil {
		t.Error("the engine ended as if all was well")
	}
	r.cancel()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, folder, origin, 100, 0)
	if got := again.sequence(t); got != 1 {
		t.Errorf("after the failure the last transition is %d, want 1", got)
	}
	again.stop(t)
}

// TestEngine_callersShareACommit holds that what comes together is kept
// together.
func TestEngine_callersShareACommit(t *testing.T) {
	folder := t.TempDir()
	r := open(t, folder, origin, 100_000, 1_000_000)
	errs := make(chan error, 200)
	for i := range cap(errs) {
		go func() {
			_, err := r.Apply(t.Context(), world.Launch{AccountID: "default", RequestID: fmt.Sprint(i), Pool: world.Pool{Offer: offer}, Amount: 1, MinAmount: 1})
			errs <- err
		}()
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	r.stop(t)
	file, err := journal.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	records, commands := 0, 0
	err = file.Records(func(record *storagev1.JournalRecord) error {
		records++
		commands += len(record.GetCommands())
		return nil
	})
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d commands in %d commits", commands, records)
	if commands != cap(errs) || records >= commands {
		t.Errorf("%d commands in %d commits", commands, records)
	}
}

// TestEngine_keepsTimeWhenNothingHappens holds how far time goes back at a
// kill.
func TestEngine_keepsTimeWhenNothingHappens(t *testing.T) {
	folder := t.TempDir()
	r := open(t, folder, origin, 100, 0)
	for range 60 {
		r.clock.Advance(time.Second)
		if err := r.Look(t.Context(), func(*world.World) {}); err != nil {
			t.Fatal(err)
		}
	}
	again := open(t, copyOf(t, folder), origin, 100, 0)
	again.Look(t.Context(), func(w *world.World) {
		if behind := r.clock.Now().Sub(w.Now().Time()); behind > 2*time.Second {
			t.Errorf("time went back %v", behind)
		}
	})
	again.stop(t)
	r.stop(t)
}
