package engine_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/fleetsim/storage/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/engine"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/journal"
)

// export is the state of now, and a picture of it.
func (r *running) export(t testing.TB) ([]byte, []string) {
	t.Helper()
	var raw bytes.Buffer
	if _, err := r.Export(t.Context(), &raw); err != nil {
		t.Fatal(err)
	}
	return raw.Bytes(), r.picture(t, r.sequence(t))
}

// busy does some random things.
func (r *running) busy(t testing.TB, random *rand.Rand, from, to int) {
	t.Helper()
	for step := from; step < to; step++ {
		if _, err := r.Apply(t.Context(), command(random, step)); err != nil {
			t.Log(err)
		}
		if _, err := r.Step(t.Context(), time.Duration(random.Int64N(int64(5*time.Minute)))); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRestore_isAsIfNothingElseHadHappened puts a state back after more has
// happened: what follows is the same as it was the first time, and a kill right
// after keeps it (S6).
func TestRestore_isAsIfNothingElseHadHappened(t *testing.T) {
	for name, folder := range map[string]string{"in memory": "", "on disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			r := scaled(t, folder)
			r.busy(t, rand.New(rand.NewPCG(1, 1)), 0, 30)
			exported, want := r.export(t)
			at, sequence, fleet, feed := r.Pace().Now(), r.sequence(t), r.FleetID(), r.Feed()
			r.busy(t, rand.New(rand.NewPCG(2, 2)), 30, 60)
			first := r.picture(t, sequence)

			restored, err := r.Restore(t.Context(), bytes.NewReader(exported))
			if err != nil || !restored.Time.Equal(at) || !r.Pace().Now().Equal(at) {
				t.Fatalf("restored %+v, %v, want %v", restored, err, at)
			}
			if diff := cmp.Diff(want, r.picture(t, sequence)); diff != "" {
				t.Fatalf("restored: %s", diff)
			}
			if r.FleetID() == fleet || r.Feed().FleetID() != r.FleetID() || r.Feed().Oldest() != sequence {
				t.Errorf("fleet %x, then %x, feed of %x from %d", fleet, r.FleetID(), r.Feed().FleetID(), r.Feed().Oldest())
			}
			if _, _, err := feed.Read(sequence, 1); !errors.Is(err, engine.ErrReplaced) {
				t.Errorf("the feed of before says %v", err)
			}
			if folder != "" {
				killed := scaled(t, copyOf(t, folder))
				if diff := cmp.Diff(want, killed.picture(t, sequence)); diff != "" {
					t.Errorf("after a kill: %s", diff)
				}
				if killed.FleetID() != r.FleetID() || !killed.Pace().Now().Equal(at) {
					t.Error("after a kill it is another fleet or time")
				}
				killed.stop(t)
			}
			r.busy(t, rand.New(rand.NewPCG(2, 2)), 30, 60)
			if diff := cmp.Diff(first, r.picture(t, sequence)); diff != "" {
				t.Errorf("what follows: %s", diff)
			}
			r.stop(t)
			if folder != "" {
				again := scaled(t, folder)
				if diff := cmp.Diff(first, again.picture(t, sequence)); diff != "" {
					t.Errorf("after a restart: %s", diff)
				}
				again.stop(t)
			}
		})
	}
}

// TestRestore_twice holds that each restore makes another fleet, and that a
// fresh folder can take a state.
func TestRestore_twice(t *testing.T) {
	source := scaled(t, t.TempDir())
	source.busy(t, rand.New(rand.NewPCG(1, 1)), 0, 10)
	exported, want := source.export(t)
	source.stop(t)
	folder := t.TempDir()
	r := scaled(t, folder)
	seen := map[uint64]bool{r.FleetID(): true}
	for range 3 {
		if _, err := r.Restore(t.Context(), bytes.NewReader(exported)); err != nil {
			t.Fatal(err)
		}
		if seen[r.FleetID()] {
			t.Errorf("fleet %x once more", r.FleetID())
		}
		seen[r.FleetID()] = true
		again := scaled(t, copyOf(t, folder))
		if diff := cmp.Diff(want, again.picture(t, again.sequence(t))); diff != "" || again.FleetID() != r.FleetID() {
			t.Errorf("after a kill: %s", diff)
		}
		again.stop(t)
	}
	r.stop(t)
}

// TestRestore_leftovers holds that a state is restored although a file that it
// makes superfluous can not be removed: what is on the disk and what goes on are
// the same state (S6).
func TestRestore_leftovers(t *testing.T) {
	folder := t.TempDir()
	r := scaled(t, folder)
	r.busy(t, rand.New(rand.NewPCG(1, 1)), 0, 10)
	exported, _ := r.export(t)
	r.busy(t, rand.New(rand.NewPCG(2, 2)), 10, 20)
	stuck := filepath.Join(folder, "snapshot-00000000000000000000", "stuck")
	if err := os.MkdirAll(stuck, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Restore(t.Context(), bytes.NewReader(exported)); err != nil {
		t.Errorf("restored: %v", err)
	}
	r.busy(t, rand.New(rand.NewPCG(3, 3)), 20, 30)
	sequence := r.sequence(t)
	want := r.picture(t, sequence)
	r.stop(t)
	if err := os.RemoveAll(filepath.Dir(stuck)); err != nil {
		t.Fatal(err)
	}
	again := scaled(t, folder)
	if diff := cmp.Diff(want, again.picture(t, sequence)); diff != "" {
		t.Errorf("after a kill: %s", diff)
	}
	again.stop(t)
}

// TestRestore_refuses holds that a state that does not fit changes nothing.
func TestRestore_refuses(t *testing.T) {
	r := scaled(t, t.TempDir())
	r.busy(t, rand.New(rand.NewPCG(1, 1)), 0, 10)
	exported, want := r.export(t)
	fleet := r.FleetID()
	other := func(change func(*storagev1.Genesis)) []byte {
		snapshot, err := journal.Read(bytes.NewReader(exported))
		if err != nil {
			t.Fatal(err)
		}
		snapshot.Genesis = proto.CloneOf(snapshot.Genesis)
		change(snapshot.Genesis)
		var raw bytes.Buffer
		if err := journal.Write(&raw, snapshot); err != nil {
			t.Fatal(err)
		}
		return raw.Bytes()
	}
	for _, test := range []struct {
		raw  []byte
		want string
	}{
		{nil, "its header is not whole"},
		{exported[:len(exported)-1], "not whole"},
		{append(bytes.Clone(exported), 1), "something follows the end"},
		{other(func(g *storagev1.Genesis) { g.Seed++ }), "begun with another seed"},
		{other(func(g *storagev1.Genesis) { g.OriginUnixNanos++; g.CatalogCsv = []byte("x") }), "another origin unix nanos, catalog csv"},
		{other(func(g *storagev1.Genesis) { g.RulesVersion++ }), "and this release knows them up to"},
	} {
		var bad *engine.BadStateError
		if _, err := r.Restore(t.Context(), bytes.NewReader(test.raw)); !errors.As(err, &bad) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
	if _, err := r.Restore(t.Context(), bytes.NewReader(other(func(g *storagev1.Genesis) { g.RulesVersion-- }))); err != nil {
		t.Errorf("a state of older rules: %v", err)
	}
	fleet, restored := r.FleetID(), fleet
	if diff := cmp.Diff(want, r.picture(t, r.sequence(t))); diff != "" || fleet == restored {
		t.Errorf("it has changed: %s", diff)
	}
	described, err := r.Describe(bytes.NewReader(exported))
	if err != nil || !described.Time.Equal(r.Pace().Now()) {
		t.Errorf("%+v, %v", described, err)
	}
	r.stop(t)
}

// TestRestore_wakesReaders holds that those who wait at the feed or the board
// learn of it.
func TestRestore_wakesReaders(t *testing.T) {
	r := scaled(t, "")
	exported, _ := r.export(t)
	if _, err := r.Apply(t.Context(), launchOf("a", 3)); err != nil {
		t.Fatal(err)
	}
	feed, view := r.Feed(), r.Board().Changed(0)
	_, more, err := feed.Read(r.sequence(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Restore(t.Context(), bytes.NewReader(exported)); err != nil {
		t.Fatal(err)
	}
	<-more
	<-view.More
	changed := r.Board().Changed(view.Version)
	if len(changed.Pools) == 0 {
		t.Error("the board does not show that stock is free again")
	}
	if got := r.statuses(t); len(got) != 0 {
		t.Errorf("instances: %v", got)
	}
	r.stop(t)
}
