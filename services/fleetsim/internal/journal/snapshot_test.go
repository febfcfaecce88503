package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-198b1370/muster/services/fleetsim/internal/journal"
)

// TestSave_takesThePlaceOfTheJournal holds that a snapshot replaces what it
// covers and nothing else.
func TestSave_takesThePlaceOfTheJournal(t *testing.T) {
	path := t.TempDir()
	f := open(t, path)
	f.append(1, 5)
	f.save(2000, 1)
	if f.HasRecords() {
		t.Error("there are records after the snapshot")
	}
	f.append(6, 8)
	f.close()
	f = holds(t, path, upTo(6, 8))
	f.loads(2000, 1)
	f.append(9, 10)
	f.save(2003, 7)
	f.close()
	f = holds(t, path, nil)
	f.loads(2003, 1) // the file of the first transitions is still needed in part
	f.append(11, 11)
	f.save(4000, 2002)
	f.close()
	f = holds(t, path, nil)
	f.loads(4000, 2001)
	f.close()
	want := []string{
		"genesis", "journal-00000000000000000012.log", "lock", "snapshot-00000000000000000011",
		"transitions-00000000000000000010", "transitions-00000000000000000011",
	}
	if diff := cmp.Diff(want, names(t, path)); diff != "" {
		t.Error(diff)
	}
}

// TestSave_failed holds that a snapshot that can not be written takes no room: on
// a disk that is almost full each try would else leave less of it.
func TestSave_failed(t *testing.T) {
	path := t.TempDir()
	f := open(t, path)
	f.append(1, 5)
	inTheWay := filepath.Join(path, "snapshot-00000000000000000005.tmp")
	if err := os.Mkdir(inTheWay, 0o700); err != nil {
		t.Fatal(err)
	}
	at, err := f.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Save(at, snapshot(2000), log{1, 2000}); err == nil {
		t.Fatal("saved in spite of what is in the way")
	}
	for _, name := range names(t, path) {
		if strings.HasPrefix(name, "transitions-") {
			t.Errorf("%s is left", name)
		}
	}
	f.append(6, 6)
	f.save(2001, 1)
	f.close()
	f = holds(t, path, nil)
	f.loads(2001, 1)
	f.close()
}

func names(t testing.TB, path string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// TestSave_besideAppend appends while a snapshot is being written.
func TestSave_besideAppend(t *testing.T) {
	path := t.TempDir()
	f := open(t, path)
	f.append(1, 5)
	at, err := f.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	saved := make(chan error, 1)
	go func() { saved <- f.Save(at, snapshot(5000), log{1, 5000}) }()
	f.append(6, 40)
	if err := <-saved; err != nil {
		t.Fatal(err)
	}
	f.append(41, 42)
	f.close()
	f = holds(t, path, upTo(6, 42))
	f.loads(5000, 1)
	f.close()
}

// TestSave_killedAtAnyPoint goes through all that a folder can look like while
// a snapshot takes the place of another: each opens to one of the two.
func TestSave_killedAtAnyPoint(t *testing.T) {
	before := t.TempDir()
	f := open(t, before)
	f.append(1, 3)
	f.save(10, 1)
	f.append(4, 6)
	f.close()
	after := copyOf(t, before)
	f = holds(t, after, upTo(4, 6))
	f.loads(10, 1)
	if _, err := f.Rotate(); err != nil {
		t.Fatal(err)
	}
	rotated := copyOf(t, after)
	f.save(20, 1)
	f.append(7, 8)
	f.close()

	// Which files of after there are, in the order in which they appear, and
	// which are gone.
	segment, transitions, snapshot := "journal-00000000000000000007.log", "transitions-00000000000000000006", "snapshot-00000000000000000006"
	oldSegment, oldSnapshot := "journal-00000000000000000004.log", "snapshot-00000000000000000003"
	for _, test := range []struct {
		there, gone string
		records     []int64
		sequence    uint64
	}{
		{"", "", upTo(4, 6), 10},
		{segment, "", upTo(4, 8), 10},
		{segment + " " + transitions + ".tmp", "", upTo(4, 8), 10},
		{segment + " " + transitions, "", upTo(4, 8), 10},
		{segment + " " + transitions + " " + snapshot + ".tmp", "", upTo(4, 8), 10},
		{segment + " " + transitions + " " + snapshot, "", upTo(7, 8), 20},
		{segment + " " + transitions + " " + snapshot, oldSnapshot, upTo(7, 8), 20},
		{segment + " " + transitions + " " + snapshot, oldSegment, upTo(7, 8), 20},
	} {
		t.Run(fmt.Sprint(test.there, " without ", test.gone), func(t *testing.T) {
			path := copyOf(t, rotated)
			os.Remove(filepath.Join(path, segment))
			for name := range strings.FieldsSeq(test.there) {
				raw, err := os.ReadFile(filepath.Join(after, strings.TrimSuffix(name, ".tmp")))
				if strings.HasSuffix(name, ".tmp") {
					raw = raw[:len(raw)/2]
				}
				if err := errors.Join(err, os.WriteFile(filepath.Join(path, name), raw, 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			for name := range strings.FieldsSeq(test.gone) {
				os.Remove(filepath.Join(path, name))
			}
			f := holds(t, path, test.records)
			f.loads(test.sequence, 1)
			f.append(9, 9)
			f.save(30, 1)
			f.close()
			f = holds(t, path, nil)
			f.loads(30, 1)
			if got := names(t, path); len(got) > 7 {
				t.Errorf("too much is left: %v", got)
			}
			f.close()
		})
	}
}

// TestSave_manyTransitionFiles holds that the number of files stays small
// however many snapshots there are.
func TestSave_manyTransitionFiles(t *testing.T) {
	path := t.TempDir()
	for n := 1; n <= 100; n++ {
		f := open(t, path)
		if n > 1 {
			f.loads(uint64(n-1), 1)
		}
		f.append(n, n)
		f.save(uint64(n), 1)
		f.close()
	}
	if got := names(t, path); len(got) > 40 {
		t.Errorf("%d files", len(got))
	}
}

// TestLoad_refusesDamage flips a bit at every byte of a snapshot and of its
// transitions, cuts them at every byte and leaves them out.
func TestLoad_refusesDamage(t *testing.T) {
	path := t.TempDir()
	f := open(t, path)
	f.append(1, 1)
	f.save(5, 1)
	f.close()
	for _, prefix := range []string{"snapshot-", "transitions-"} {
		name := filepath.Base(only(t, path, prefix))
		whole, err := os.ReadFile(filepath.Join(path, name))
		if err != nil {
			t.Fatal(err)
		}
		broken := copyOf(t, path)
		for at := range whole {
			for _, raw := range [][]byte{bytes.Clone(whole), whole[:at]} {
				if len(raw) > at {
					raw[at] ^= 0x10
				}
				if err := os.WriteFile(filepath.Join(broken, name), raw, 0o600); err != nil {
					t.Fatal(err)
				}
				refuses(t, broken, name, "damaged at byte")
			}
		}
		change(t, filepath.Join(broken, name), func([]byte) []byte { return append(bytes.Clone(whole), 0) })
		refuses(t, broken, name, "something follows the end")
	}
	os.Remove(only(t, path, "transitions-"))
	refuses(t, path, "transitions-", "does not exist")
}

// TestRead_givesBackWhatWriteWrote holds that a snapshot travels without a
// folder, too.
func TestRead_givesBackWhatWriteWrote(t *testing.T) {
	var raw bytes.Buffer
	want := snapshot(3000)
	if err := journal.Write(&raw, want); err != nil {
		t.Fatal(err)
	}
	got, err := journal.Read(bytes.NewReader(raw.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	want.First = 3001
	if diff := cmp.Diff(plain(want), plain(got)); diff != "" {
		t.Error(diff)
	}
	described, err := journal.Describe(bytes.NewReader(raw.Bytes()))
	if err != nil || described.Instances != 3000 || described.Time != 3000 || described.Genesis.GetSeed() != genesis().GetSeed() {
		t.Errorf("%+v, %v", described, err)
	}
	failed := errors.New("gone")
	if _, err := journal.Read(io.MultiReader(bytes.NewReader(raw.Bytes()[:9000]), failing{failed})); err == nil {
		t.Error("half a snapshot was read")
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestWriteFile_leavesTheOldFile holds that a failed write changes nothing.
func TestWriteFile_leavesTheOldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	write := func(text string, err error) error {
		return journal.WriteFile(path, func(w io.Writer) error {
			_, wrote := io.WriteString(w, text)
			return errors.Join(wrote, err)
		})
	}
	if err := write("old", nil); err != nil {
		t.Fatal(err)
	}
	if err := write("new", errors.New("no")); err == nil {
		t.Error("no error")
	}
	if raw, err := os.ReadFile(path); err != nil || string(raw) != "old" {
		t.Errorf("%q, %v", raw, err)
	}
	if got := names(t, filepath.Dir(path)); len(got) != 1 {
		t.Errorf("left behind: %v", got)
	}
}
