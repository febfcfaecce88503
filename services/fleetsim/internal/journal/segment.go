package journal

import (
	"errors"
	"fmt"
	"io"
	"os"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/fleetsim/storage/v1"
)

// Append writes records and tells their size in bytes. When it returns, they are
// on the disk; they share one sync. After an error of the disk nothing can be
// appended any more: what is there can not be known without reading it again.
func (f *Folder) Append(records ...*storagev1.JournalRecord) (size int, err error) {
	if f.failed != nil {
		return 0, f.failed
	}
	raw := f.buf[:0]
	part := partRecord
	for i, record := range records {
		if raw, err = appendFrame(raw, part, f.last+uint64(i)+1, record); err != nil {
			return 0, fmt.Errorf("encode journal record: %w", err)
		}
		part = partJoined
	}
	f.buf = raw
	_, err = f.segment.WriteAt(raw, f.size)
	if err == nil {
		err = syncFile(f.segment)
	}
	if err != nil {
		f.failed = fmt.Errorf("append to journal: %w", err)
		// So that the next start finds nothing to cut off. If this fails, too,
		// it will.
		_ = f.segment.Truncate(f.size)
		return 0, f.failed
	}
	f.size += int64(len(raw))
	f.last += uint64(len(records))
	return len(raw), nil
}

// Rotate begins a new segment, unless the last one has no records yet, and
// tells the number of the last record so far. After an error the journal goes
// on in the old segment.
func (f *Folder) Rotate() (record uint64, err error) {
	if f.failed != nil {
		return 0, f.failed
	}
	if f.first == f.last+1 {
		return f.last, nil
	}
	former := f.segment
	if err := f.beginSegment(f.last + 1); err != nil {
		return 0, fmt.Errorf("begin a segment of the journal: %w", err)
	}
	if err := former.Close(); err != nil {
		f.failed = fmt.Errorf("close a segment of the journal: %w", err)
	}
	return f.last, f.failed
}

// beginSegment makes the segment that a record will be the first of, and goes
// on there.
func (f *Folder) beginSegment(first uint64) error {
	path := f.segmentPath(first)
	err := WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(f.header(kindSegment, first).bytes())
		return err
	})
	if err != nil && !errors.Is(err, ErrUncertain) {
		return err
	}
	if err != nil {
		// It may be there at the next start and may be not. Only what is never
		// told can go there.
		f.failed = err
		return err
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return errors.Join(err, os.Remove(path))
	}
	f.segment, f.first, f.size, f.last = file, first, headerSize, first-1
	return nil
}
