package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/fleetsim/storage/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/journal"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// genesis is what all folders here are begun with.
func genesis() *storagev1.Genesis {
	return &storagev1.Genesis{Seed: 7, OriginUnixNanos: 1000, CatalogCsv: []byte("a,b\n"), RulesVersion: 3}
}

// A folder is an open data folder and what its log said.
type folder struct {
	*journal.Folder
	t    testing.TB
	path string
	log  *bytes.Buffer
}

// reopen opens a folder as the cloud does: genesis, snapshot, transitions,
// journal.
func reopen(t testing.TB, path string) (*folder, error) {
	t.Helper()
	log := &bytes.Buffer{}
	f, err := journal.Open(path, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		return nil, err
	}
	return &folder{f, t, path, log}, nil
}

func open(t testing.TB, path string) *folder {
	t.Helper()
	f, err := reopen(t, path)
	if err != nil {
		t.Fatal(err)
	}
	if f.Genesis() == nil {
		if err := f.SetGenesis(genesis()); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func (f *folder) close() {
	f.t.Helper()
	if err := f.Close(); err != nil {
		f.t.Error(err)
	}
}

// record is a record that is recognised by its time, which makes its size vary.
func record(n int) *storagev1.JournalRecord {
	r := &storagev1.JournalRecord{TimeUnixNanos: int64(n)}
	for i := range n % 4 {
		r.Commands = append(r.Commands, journal.Encode(world.Launch{AccountID: "default", RequestID: fmt.Sprint("r", n, "-", i), Tags: map[string]string{"n": "1"}}))
	}
	return r
}

// append appends records of some times.
func (f *folder) append(from, to int) {
	f.t.Helper()
	for n := from; n <= to; n++ {
		if _, err := f.Append(record(n)); err != nil {
			f.t.Fatal(err)
		}
	}
}

// times is the times of the records since the snapshot.
func (f *folder) times() (times []int64, err error) {
	err = f.Records(func(r *storagev1.JournalRecord) error {
		times = append(times, r.GetTimeUnixNanos())
		if diff := cmp.Diff(record(int(r.GetTimeUnixNanos())), r, protocmp.Transform()); diff != "" {
			return fmt.Errorf("another record: %s", diff)
		}
		return nil
	})
	return times, err
}

func upTo(from, to int) (times []int64) {
	for n := from; n <= to; n++ {
		times = append(times, int64(n))
	}
	return times
}

// holds holds what a folder has, once opened, against what it should have.
func holds(t testing.TB, path string, want []int64) *folder {
	t.Helper()
	f, err := reopen(t, path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.times()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("records: %s", diff)
	}
	return f
}

// refuses holds that a folder is not opened, or not read, and why.
func refuses(t testing.TB, path, file, why string) {
	t.Helper()
	f, err := reopen(t, path)
	if err == nil {
		_, _, err = f.Load()
		if err == nil {
			err = f.Transitions(func([]world.Transition) {})
		}
		if err == nil {
			_, err = f.times()
		}
		f.close()
	}
	var damage *journal.DamageError
	if !errors.As(err, &damage) || !strings.HasPrefix(damage.File, file) || !strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), "copy of the folder") {
		t.Fatalf("got %v, want %s damaged: %s", err, file, why)
	}
}

// log is a log of transitions: the numbers from first to last.
type log struct{ first, last uint64 }

func (l log) Oldest() uint64 { return l.first }

func (l log) From(number uint64) iter.Seq[[]world.Transition] {
	return func(yield func([]world.Transition) bool) {
		for ; number <= l.last; number += 3 {
			var run []world.Transition
			for n := number; n < number+3 && n <= l.last; n++ {
				run = append(run, transition(n))
			}
			if !yield(run) {
				return
			}
		}
	}
}

func transition(n uint64) world.Transition {
	return world.Transition{Instance: instance(n), Time: world.Instant(n), Price: 5, Kind: world.KindRunning}
}

func instance(n uint64) world.Instance {
	return world.Instance{
		Number: n, Account: world.NewAccount("default"), Tags: world.NewTagSet(map[string]string{"n": fmt.Sprint(n % 3)}),
		Created: world.Instant(n), Status: world.Running, Offer: 2, Spot: n%2 == 0,
	}
}

// snapshot is a state after a number of transitions.
func snapshot(sequence uint64) journal.Snapshot {
	s := journal.Snapshot{Genesis: genesis(), Epoch: 2, State: world.State{
		Now: world.Instant(sequence), LastNumber: sequence, Sequence: sequence, Drained: []world.Pool{{Offer: 1, Spot: true}},
	}}
	for n := range sequence {
		s.State.Instances = append(s.State.Instances, instance(n+1))
		s.State.Requests = append(s.State.Requests, world.Request{Key: world.RequestKey{byte(n)}, Fingerprint: n, First: n + 1, Launched: 1, Time: 5})
	}
	return s
}

// save takes a snapshot as the engine does.
func (f *folder) save(sequence, oldest uint64) {
	f.t.Helper()
	at, err := f.Rotate()
	if err != nil {
		f.t.Fatal(err)
	}
	if err := f.Save(at, snapshot(sequence), log{oldest, sequence}); err != nil {
		f.t.Fatal(err)
	}
}

// loads holds the snapshot of a folder against what it should be.
func (f *folder) loads(sequence, oldest uint64) {
	f.t.Helper()
	got, ok, err := f.Load()
	if err != nil || !ok {
		f.t.Fatal(ok, err)
	}
	want := snapshot(sequence)
	want.First = oldest
	if diff := cmp.Diff(plain(want), plain(got)); diff != "" {
		f.t.Fatalf("snapshot: %s", diff)
	}
	next := oldest
	err = f.Transitions(func(run []world.Transition) {
		for i := range run {
			if run[i].Instance.Number != next || run[i].Time != world.Instant(next) {
				f.t.Fatalf("transition %d is %+v", next, run[i])
			}
			next++
		}
	})
	if err != nil || next != sequence+1 {
		f.t.Fatalf("transitions end before %d of %d: %v", next, sequence, err)
	}
}

// plain writes out what a snapshot holds.
func plain(s journal.Snapshot) []string {
	lines := []string{fmt.Sprint(s.Epoch, s.First, s.State.Now, s.State.LastNumber, s.State.Sequence, s.State.Drained, s.State.Requests, s.Genesis.GetSeed(), string(s.Genesis.GetCatalogCsv()))}
	for _, i := range s.State.Instances {
		tags, account := i.Tags.Map(), i.Account.ID()
		i.Tags, i.Account = nil, nil
		lines = append(lines, fmt.Sprintf("%+v %v %s", i, tags, account))
	}
	return lines
}

func copyOf(t testing.TB, path string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(path)); err != nil {
		t.Fatal(err)
	}
	return to
}

// only is the name of the only file with a prefix.
func only(t testing.TB, path, prefix string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(path, prefix+"*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	return found[0]
}

// change rewrites a file.
func change(t testing.TB, path string, how func([]byte) []byte) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, how(raw), 0o600); err != nil {
		t.Fatal(err)
	}
}
