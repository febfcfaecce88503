package journal_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// begun is a folder with records 1 to n in one segment, and the sizes of the
// segment after each of them.
func begun(t testing.TB, n int) (path string, sizes []int64) {
	t.Helper()
	path = t.TempDir()
	f := open(t, path)
	segment := only(t, path, "journal-")
	for i := range n + 1 {
		if i > 0 {
			f.append(i, i)
		}
		info, err := os.Stat(segment)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, info.Size())
	}
	f.close()
	return path, sizes
}

// TestOpen_cutsATornEnd cuts the segment at every byte, as a loss of power can
// leave it: all records before are there, what was cut off is kept and told,
// and the journal goes on (S6).
func TestOpen_cutsATornEnd(t *testing.T) {
	const n = 3
	path, sizes := begun(t, n)
	for at := int64(0); at <= sizes[n]; at++ {
		torn := copyOf(t, path)
		segment := only(t, torn, "journal-")
		whole, err := os.ReadFile(segment)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(segment, at); err != nil {
			t.Fatal(err)
		}
		left, good := 0, int64(0) // records, and the bytes up to the end of the last one
		for left < n && sizes[left+1] <= at {
			left++
		}
		if at >= sizes[0] {
			good = sizes[left]
		}
		f := holds(t, torn, upTo(1, left))
		if at%5 == 0 { // syncs take time
			f.append(left+1, left+2)
			f.close()
			f = holds(t, torn, upTo(1, left+2))
		}
		f.close()
		if good == at && at > 0 {
			continue // nothing was torn
		}
		cut, err := os.ReadFile(segment + ".cut")
		if err != nil || !bytes.Equal(cut, whole[good:at]) {
			t.Errorf("cut at %d: %d bytes are kept, want %d to %d: %v", at, len(cut), good, at, err)
		}
	}
}

// TestOpen_cutsATornWrite loses any record of those that were written together
// last, as a loss of power can when the disk had taken others of them: none of
// them had been told, so they are cut off from there. In a write that others
// follow the same is damage (S6).
func TestOpen_cutsATornWrite(t *testing.T) {
	path, sizes := begun(t, 3)
	f := holds(t, path, upTo(1, 3))
	if _, err := f.Append(record(4), record(5), record(6)); err != nil {
		t.Fatal(err)
	}
	f.close()
	for lost := 4; lost <= 6; lost++ {
		lose := func(raw []byte) []byte {
			from := int(sizes[3])
			for n := 4; n < lost; n++ {
				from += len(frameOf(raw[from:]))
			}
			clear(raw[from : from+len(frameOf(raw[from:]))])
			return raw
		}
		torn := copyOf(t, path)
		change(t, only(t, torn, "journal-"), lose)
		f := holds(t, torn, upTo(1, lost-1))
		if !strings.Contains(f.log.String(), "cut off") {
			t.Errorf("without record %d the log says nothing of the cut: %s", lost, f.log)
		}
		f.append(lost, lost)
		f.close()
		holds(t, torn, upTo(1, lost)).close()

		damaged := copyOf(t, path)
		f = holds(t, damaged, upTo(1, 6))
		f.append(7, 7)
		f.close()
		change(t, only(t, damaged, "journal-"), lose)
		refuses(t, damaged, "journal-00000000000000000001.log", "good records follow")
	}
}

// frameOf is the frame that bytes begin with.
func frameOf(raw []byte) []byte { return raw[:20+binary.LittleEndian.Uint32(raw[12:])] }

func TestOpen_tellsWhatItCuts(t *testing.T) {
	path, sizes := begun(t, 3)
	if err := os.Truncate(only(t, path, "journal-"), sizes[3]-1); err != nil {
		t.Fatal(err)
	}
	f, err := reopen(t, path)
	if err != nil {
		t.Fatal(err)
	}
	f.close()
	for _, want := range []string{
		"level=WARN", "file=journal-00000000000000000001.log", fmt.Sprint("offset=", sizes[2]), fmt.Sprint("bytes=", sizes[3]-1-sizes[2]),
		"copy=journal-00000000000000000001.log.cut", "last_record=2",
	} {
		if !strings.Contains(f.log.String(), want) {
			t.Errorf("the log lacks %s: %s", want, f.log)
		}
	}
}

// TestOpen_flippedBits holds that no flipped bit goes unseen: one in the last
// record cuts it off, one before refuses the folder.
func TestOpen_flippedBits_Prop(t *testing.T) {
	const n = 6
	path, sizes := begun(t, n)
	rapid.Check(t, func(r *rapid.T) {
		damagedCopy := copyOf(t, path)
		segment := only(t, damagedCopy, "journal-")
		at := rapid.Int64Range(0, sizes[n]-1).Draw(r, "at")
		bit := rapid.IntRange(0, 7).Draw(r, "bit")
		change(t, segment, func(raw []byte) []byte { raw[at] ^= 1 << bit; return raw })
		if at >= sizes[n-1] {
			f := holds(t, damagedCopy, upTo(1, n-1))
			if !strings.Contains(f.log.String(), "cut off") {
				r.Errorf("the log says %q", f.log)
			}
			f.close()
			return
		}
		refuses(t, damagedCopy, "journal-00000000000000000001.log", "good records follow from byte")
	})
}

// TestOpen_garbageBehindTheEnd holds that zeros and old data behind the last
// record, as a file system can leave them, are cut off.
func TestOpen_garbageBehindTheEnd(t *testing.T) {
	path, sizes := begun(t, 3)
	for name, garbage := range map[string][]byte{
		"zeros": make([]byte, 10_000), "marks": bytes.Repeat([]byte("\xff\x00\xff"), 5000), "letters": bytes.Repeat([]byte("abc"), 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			torn := copyOf(t, path)
			change(t, only(t, torn, "journal-"), func(raw []byte) []byte { return append(raw, garbage...) })
			holds(t, torn, upTo(1, 3)).close()
		})
	}
	t.Run("an old record", func(t *testing.T) {
		torn := copyOf(t, path)
		change(t, only(t, torn, "journal-"), func(raw []byte) []byte { return append(append(raw, 0), raw[sizes[0]:sizes[1]]...) })
		holds(t, torn, upTo(1, 3)).close()
	})
}

// TestOpen_refusesDamage holds that damage that nothing can be cut off for is
// told, with its place and what can be done.
func TestOpen_refusesDamage(t *testing.T) {
	path, sizes := begun(t, 5)
	segment := "journal-00000000000000000001.log"
	for name, test := range map[string]struct {
		change    func(raw []byte) []byte
		file, why string
	}{
		"a record is lost":     {func(raw []byte) []byte { return append(raw[:sizes[1]:sizes[1]], raw[sizes[2]:]...) }, segment, "record 2 was expected, record 3 found"},
		"a record is repeated": {func(raw []byte) []byte { return append(raw, raw[sizes[4]:]...) }, segment, "record 6 was expected, record 5 found"},
		"the header":           {func(raw []byte) []byte { raw[9]++; return raw }, segment, "good records follow"},
		"zeros in the middle":  {func(raw []byte) []byte { clear(raw[sizes[1]:sizes[3]]); return raw }, segment, fmt.Sprint("damaged at byte ", sizes[1])},
		"bytes are inserted": {func(raw []byte) []byte {
			return append(append(append([]byte{}, raw[:sizes[2]]...), "xyz"...), raw[sizes[2]:]...)
		}, segment, fmt.Sprint("follow from byte ", sizes[2]+3)},
	} {
		t.Run(name, func(t *testing.T) {
			broken := copyOf(t, path)
			change(t, only(t, broken, "journal-"), test.change)
			refuses(t, broken, test.file, test.why)
		})
	}
	t.Run("no segment", func(t *testing.T) {
		broken := copyOf(t, path)
		os.Remove(only(t, broken, "journal-"))
		refuses(t, broken, segment, "does not exist")
	})
	t.Run("no genesis", func(t *testing.T) {
		broken := copyOf(t, path)
		os.Remove(filepath.Join(broken, "genesis"))
		refuses(t, broken, "genesis", "does not exist")
	})
	t.Run("a damaged genesis", func(t *testing.T) {
		broken := copyOf(t, path)
		change(t, filepath.Join(broken, "genesis"), func(raw []byte) []byte { raw[len(raw)-1]++; return raw })
		refuses(t, broken, "genesis", "checksum")
	})
}

// TestOpen_refusesDamagedSegments holds that only the last segment can have been
// torn.
func TestOpen_refusesDamagedSegments(t *testing.T) {
	path := t.TempDir()
	f := open(t, path)
	for first := 1; first < 9; first += 3 {
		f.append(first, first+2)
		if _, err := f.Rotate(); err != nil {
			t.Fatal(err)
		}
	}
	f.close()
	holds(t, copyOf(t, path), upTo(1, 9)).close()
	name := func(n int) string { return fmt.Sprintf("journal-%020d.log", n) }
	broken := copyOf(t, path)
	change(t, filepath.Join(broken, name(7)), func(raw []byte) []byte { return raw[:len(raw)-1] })
	refuses(t, broken, name(7), "not whole")
	broken = copyOf(t, path)
	os.Remove(filepath.Join(broken, name(4)))
	refuses(t, broken, name(7), "it begins with record 7, but record 3 is the last before")
	broken = copyOf(t, path)
	os.Rename(filepath.Join(broken, name(4)), filepath.Join(broken, name(7)))
	refuses(t, broken, name(7), "begins with record 7")
	broken = copyOf(t, path)
	change(t, filepath.Join(broken, name(1)), func([]byte) []byte { raw, _ := os.ReadFile(filepath.Join(broken, name(4))); return raw })
	refuses(t, broken, name(1), "under another name")
}

func TestOpen_refusesWhatIsNotItsOwn(t *testing.T) {
	path, _ := begun(t, 3)
	former := t.TempDir()
	os.WriteFile(filepath.Join(former, "fleetsim.db"), []byte("old"), 0o600)
	if _, err := reopen(t, former); err == nil || !strings.Contains(err.Error(), "use an empty folder") {
		t.Errorf("a former format: %v", err)
	}
	f := open(t, path)
	if _, err := reopen(t, path); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("a folder in use: %v", err)
	}
	f.close()
	other := t.TempDir()
	g, err := reopen(t, other)
	if err != nil {
		t.Fatal(err)
	}
	another := genesis()
	another.Seed++
	if err := g.SetGenesis(another); err != nil {
		t.Fatal(err)
	}
	g.append(1, 2)
	g.close()
	change(t, only(t, path, "journal-"), func([]byte) []byte { raw, _ := os.ReadFile(only(t, other, "journal-")); return raw })
	refuses(t, path, "journal-", "belongs to another folder")
}

// TestOpen_refusesLaterFormats holds that files of a later release are left
// alone, however little can be read of them.
func TestOpen_refusesLaterFormats(t *testing.T) {
	path, _ := begun(t, 1)
	for _, name := range []string{"genesis", "journal-00000000000000000001.log"} {
		later := copyOf(t, path)
		change(t, filepath.Join(later, name), func(raw []byte) []byte {
			const sum = 32 // where the checksum of the header is
			raw[8] = 9
			binary.LittleEndian.PutUint32(raw[sum:], crc32.Checksum(raw[:sum], crc32.MakeTable(crc32.Castagnoli)))
			return raw
		})
		before := names(t, later)
		if _, err := reopen(t, later); err == nil || !strings.Contains(err.Error(), name+": a later release wrote it in format 9") {
			t.Errorf("%s: %v", name, err)
		}
		if after := names(t, later); len(after) != len(before) {
			t.Errorf("%s: something was written: %v", name, after)
		}
	}
}
