package journal_test

import (
	"bytes"
	"errors"
	"os"
	"runtime"
	"testing"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/fleetsim/storage/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/journal"
)

// FuzzOpen puts any bytes in place of the only segment: the folder opens or is
// refused, and one that opened opens again, without loss.
func FuzzOpen(f *testing.F) {
	path, sizes := begun(f, 3)
	whole, err := os.ReadFile(only(f, path, "journal-"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:sizes[1]+7])
	f.Add(append(bytes.Clone(whole[:sizes[2]]), "\xff\x00\xff\x01aaaaaaaa\xff\xff\xff\xff"...))
	f.Add([]byte{})
	work := copyOf(f, path)
	segment := only(f, work, "journal-")
	f.Fuzz(func(t *testing.T, raw []byte) {
		if err := os.WriteFile(segment, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		opened, err := reopen(t, work)
		if err != nil {
			return
		}
		count := func(f *folder) (records int, err error) {
			err = f.Records(func(*storagev1.JournalRecord) error { records++; return nil })
			return records, err
		}
		records, err := count(opened)
		if err != nil { // a checksum that holds over something else than a record
			opened.close()
			return
		}
		opened.append(1, 1)
		opened.close()
		opened, err = reopen(t, work)
		if err != nil {
			t.Fatal(err)
		}
		defer opened.close()
		if again, err := count(opened); err != nil || again != records+1 {
			t.Fatalf("%d records, then one more made %d: %v", records, again, err)
		}
	})
}

// FuzzRead reads any bytes as a snapshot.
func FuzzRead(f *testing.F) {
	var raw bytes.Buffer
	if err := journal.Write(&raw, snapshot(3)); err != nil {
		f.Fatal(err)
	}
	f.Add(raw.Bytes())
	f.Add(raw.Bytes()[:raw.Len()/2])
	f.Fuzz(func(t *testing.T, raw []byte) {
		var damage *journal.DamageError
		if _, err := journal.Read(bytes.NewReader(raw)); err != nil && !errors.As(err, &damage) {
			t.Logf("refused: %v", err)
		}
	})
}

// TestRead_reservesNoMoreThanThereIs holds that a damaged length does not take
// memory.
func TestRead_reservesNoMoreThanThereIs(t *testing.T) {
	var raw bytes.Buffer
	if err := journal.Write(&raw, snapshot(1)); err != nil {
		t.Fatal(err)
	}
	const lengthAt = 36 + 12 // of the first frame
	for _, length := range [][]byte{{0xff, 0xff, 0xff, 0xff}, {0, 0, 0, 4}} {
		broken := bytes.Clone(raw.Bytes())
		copy(broken[lengthAt:], length)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := journal.Read(bytes.NewReader(broken)); err == nil {
			t.Error("no error")
		}
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 8<<20 {
			t.Errorf("a length of %x took %d bytes", length, took)
		}
	}
}
