package engine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

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
	journal *journal.Folder
	folder  string
	cancel  context.CancelFunc
	ran     chan error
}

// genesis is what all engines here are begun with.
func genesis() *storagev1.Genesis {
	return &storagev1.Genesis{Seed: 1, OriginUnixNanos: origin.UnixNano(), RulesVersion: world.RulesVersion}
}

// offers is what is sold.
func offers(t testing.TB) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// config is what every world here is made with.
func config(t testing.TB) world.Config {
	t.Helper()
	c := offers(t)
	m, err := market.New(c, 1, 3_000_000)
	if err != nil {
		t.Fatal(err)
	}
	return world.Config{Catalog: c, Market: m, Seed: 1, Origin: world.InstantOf(origin), CostTagKeys: []string{"group"}}
}

// open opens an engine that keeps few transitions and takes snapshots often, by
// a clock that stands until it is advanced.
func open(t testing.TB, folder string, now time.Time, retain, snapshotCommands int) *running {
	t.Helper()
	virtual := clock.NewVirtual(now)
	r := openBy(t, folder, func(*engine.Engine) clock.Clock { return virtual }, retain, snapshotCommands)
	r.clock = virtual
	return r
}

// openBy opens an engine by a clock, without a folder if that is empty.
func openBy(t testing.TB, folder string, by func(*engine.Engine) clock.Clock, retain, snapshotCommands int) *running {
	t.Helper()
	r := &running{folder: folder, ran: make(chan error, 1)}
	c := engine.Config{
		World: world.New(config(t)), Genesis: genesis(), Offers: len(offers(t).Offers()), Retain: retain, SnapshotCommands: snapshotCommands,
		Rebuild: func(state world.State) (*world.World, error) { return world.Restore(config(t), state), nil },
		Log:     slog.New(slog.DiscardHandler),
	}
	if folder != "" {
		r.load(t, folder, &c)
	}
	e, err := engine.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	r.Engine = e
	e.SetClock(by(e))
	ctx, cancel := context.WithCancel(context.Background()) // it ends in stop
	r.cancel = cancel
	go func() { r.ran <- e.Run(ctx) }()
	return r
}

// load opens a folder and takes over what it holds.
func (r *running) load(t testing.TB, folder string, c *engine.Config) {
	t.Helper()
	var err error
	if r.journal, err = journal.Open(folder, c.Log); err != nil {
		t.Fatal(err)
	}
	if r.journal.Genesis() == nil {
		if err := r.journal.SetGenesis(c.Genesis); err != nil {
			t.Fatal(err)
		}
	}
	snapshot, ok, err := r.journal.Load()
	if err != nil {
		t.Fatal(err)
	}
	if ok {
		c.World, _ = c.Rebuild(snapshot.State)
	}
	c.Journal, c.Snapshot = r.journal, snapshot
}

// stop ends Run and lets go of the file, without the snapshot of a Close.
func (r *running) stop(t testing.TB) {
	t.Helper()
	r.cancel()
	err := <-r.ran
	if r.journal != nil {
		err = errors.Join(err, r.journal.Close())
	}
	if err != nil {
		t.Error(err)
	}
}

// due lets all happen that is due by now.
func (r *running) due(t testing.TB) {
	t.Helper()
	if err := r.Look(t.Context(), func(*world.World) {}); err != nil {
		t.Fatal(err)
	}
}

// sequence is the number of the last transition.
func (r *running) sequence(t testing.TB) (sequence uint64) {
	t.Helper()
	if err := r.Look(t.Context(), func(w *world.World) { sequence = w.Sequence() }); err != nil {
		t.Fatal(err)
	}
	return sequence
}

// picture is what can be seen of an engine: instances and kept transitions.
func (r *running) picture(t testing.TB, after uint64) []string {
	t.Helper()
	var lines []string
	err := r.Look(t.Context(), func(w *world.World) {
		page := w.List(world.Query{AccountID: "default", Limit: 1 << 20}).Listed
		for _, listed := range page {
			lines = append(lines, plain(listed.Instance, listed.Price))
		}
		state := w.State()
		lines = append(lines, fmt.Sprintf("sequence %d, last %d, drained %v, %d requests, faults %v, shocks %v, bills %v, disks %v",
			state.Sequence, state.LastNumber, state.Drained, len(state.Requests), state.Faults, state.Shocks, state.Bills, state.Disks))
		lines = append(lines, fmt.Sprintf("bill %+v, findings %v", w.BillOfAll("default"), w.Audit(10)))
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
	tags, account, called, disks := i.Tags.Map(), i.Account.ID(), i.Describe(), world.DiskSetRecord{}
	if i.Disks != nil {
		disks = i.Disks.Record()
	}
	from := int64(-1)
	if disks.From != nil {
		from = *disks.From
	}
	i.Tags, i.Account, i.Attributes, i.Disks, i.Protected = nil, nil, nil, nil, false // shared pointers; what follows from the time
	return fmt.Sprintf("%+v %v %v %v %v %d %d %d", i, tags, account, called, disks.Disks, from, disks.Base, price)
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

// TestEngine_killedIsAsNeverStopped_Prop runs an engine that is killed at random
// points, be a snapshot being written or not, beside one that never stops: both
// tell the same in the end (S6).
func TestEngine_killedIsAsNeverStopped_Prop(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		snapshotCommands := rapid.IntRange(1, 12).Draw(rt, "commands a snapshot")
		killed, virtual := open(t, t.TempDir(), origin, 1000, snapshotCommands), clock.NewVirtual(origin)
		reference := openBy(t, "", func(*engine.Engine) clock.Clock { return virtual }, 1000, 0)
		for step := range rapid.IntRange(1, 15).Draw(rt, "steps") {
			order := command(random, step)
			want, wantErr := reference.Apply(t.Context(), order)
			got, err := killed.Apply(t.Context(), order)
			if diff := cmp.Diff(fmt.Sprint(want, wantErr), fmt.Sprint(got, err)); diff != "" {
				rt.Fatalf("step %d: %T is answered %s", step, order, diff)
			}
			by := time.Duration(random.Int64N(int64(20 * time.Minute)))
			virtual.Advance(by)
			killed.clock.Advance(by)
			killed.due(t)
			if random.IntN(4) == 0 {
				left := copyOf(t, killed.folder)
				killed.stop(t)
				killed = open(t, left, killed.clock.Now(), 1000, snapshotCommands)
			}
		}
		reference.due(t)
		after := max(reference.Feed().Oldest(), killed.Feed().Oldest())
		want, got := reference.picture(t, after), killed.picture(t, after)
		killed.stop(t)
		reference.stop(t)
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatal(diff)
		}
	})
}

// command is any command, of those that change much.
func command(random *rand.Rand, step int) world.Command {
	some := []uint64{1 + random.Uint64N(50), 1 + random.Uint64N(50)}
	batch := world.Batch{AccountID: "default", RequestID: fmt.Sprint("b", step), Numbers: some, BestEffort: true}
	switch random.IntN(16) {
	case 0:
		return world.Release{AccountID: "default", Numbers: some}
	case 1:
		return world.Retag{AccountID: "default", Numbers: some[:1], Set: map[string]string{"step": fmt.Sprint(step)}}
	case 2:
		return world.Reclaim{ByPool: true, Offers: []int32{offer}, Max: 2}
	case 3:
		return world.SetDrained{Pools: []world.Pool{{Offer: random.Int32N(3)}}, Drained: random.IntN(2) == 0}
	case 4:
		return world.Stop{Batch: batch, Economical: random.IntN(2) == 0}
	case 5:
		return world.Start{Batch: batch}
	case 6:
		return world.Reboot{Batch: batch}
	case 7:
		return world.Fail{Numbers: some, Failure: world.Failure(1 + random.IntN(5))}
	case 8:
		selector := world.Selector{InstanceType: "ecs.c6.large"}
		effects := []world.Effect{world.PriceShock{Pools: selector, Permille: 3000}, world.ZoneOutage{ZoneID: "cn-shenzhen-d"}, world.SlowLaunch{Pools: selector, Permille: 4000}}
		return world.InjectFault{ID: fmt.Sprint("f", random.IntN(3)), Duration: time.Minute, Effect: effects[random.IntN(3)]}
	case 9:
		return world.ClearFaults{}
	case 10:
		return world.Deposit{AccountID: "default", RequestID: fmt.Sprint(step), Micros: random.Int64N(3_000_000)}
	case 11:
		name := fmt.Sprint("step ", step)
		return world.Describe{AccountID: "default", Number: some[0], Name: &name}
	default:
		return world.Launch{
			AccountID: "default", RequestID: fmt.Sprint(step), Pool: world.Pool{Offer: offer, Spot: random.IntN(4) > 0},
			Amount: 5, MinAmount: 1, Tags: map[string]string{"group": "g"}, Unprotected: random.IntN(2) == 0, StopOnReclaim: random.IntN(2) == 0,
			Disks: []world.DiskRequest{{Categories: []world.DiskCategory{world.DiskCloudESSD}, SizeGiB: 40, System: true}},
		}
	}
}

// copyOf copies what a kill at this moment would leave of a folder whose engine
// may be writing a snapshot, but appends nothing.
func copyOf(t testing.TB, folder string) string {
	t.Helper()
	for {
		to := t.TempDir()
		before := names(t, folder)
		err := os.CopyFS(to, os.DirFS(folder))
		if slices.Equal(before, names(t, folder)) {
			if err != nil {
				t.Fatal(err)
			}
			return to
		}
	}
}

func names(t testing.TB, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
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
	file, err := journal.Open(folder, slog.New(slog.DiscardHandler))
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
