package journal

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/fleetsim/storage/v1"
)

// recoverJournal reads the segments that follow the snapshot, holds every
// record against its checksum and its number, cuts off what was not written
// whole, and opens the last segment to go on there.
func (f *Folder) recoverJournal(segments []uint64) error {
	f.last = f.saved.Load()
	for i, first := range segments {
		if first <= f.saved.Load() {
			continue // the snapshot covers it
		}
		name := filepath.Base(f.segmentPath(first))
		if first != f.last+1 {
			return damaged(name, 0, fmt.Errorf("it begins with record %d, but record %d is the last before", first, f.last))
		}
		if err := f.recoverSegment(first, i == len(segments)-1); err != nil {
			return err
		}
		f.segments = append(f.segments, first)
	}
	if len(f.segments) == 0 {
		return damaged(filepath.Base(f.segmentPath(f.last+1)), 0, os.ErrNotExist)
	}
	return nil
}

// recoverSegment reads one segment. The last one stays open.
func (f *Folder) recoverSegment(first uint64, isLast bool) error {
	name := filepath.Base(f.segmentPath(first))
	file, err := os.OpenFile(f.segmentPath(first), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	good, err := f.scan(file, first, func(got frame) error { f.last = got.number; return nil })
	switch {
	case err == nil:
	case isLast && (isBadFrame(err) || errors.Is(err, errNoHeader)):
		err = f.cut(file, name, good, err)
	default:
		err = damaged(name, good, err)
	}
	if err != nil {
		return errors.Join(err, file.Close())
	}
	if !isLast {
		return file.Close()
	}
	f.segment, f.first, f.size = file, first, max(good, headerSize)
	return nil
}

// scan reads the records of a segment and tells up to which byte they hold. It
// fails at the first that does not, and with the function.
func (f *Folder) scan(file *os.File, first uint64, each func(frame) error) (good int64, err error) {
	in := bufio.NewReaderSize(io.NewSectionReader(file, 0, 1<<62), 1<<18)
	header, err := readHeader(in, kindSegment)
	if err != nil {
		return 0, err
	}
	if header != f.header(kindSegment, first) {
		return 0, errors.New("it belongs to another folder, or under another name")
	}
	frames := frameReader{in: in, offset: headerSize}
	for next := first; ; next++ {
		good = frames.offset
		got, err := frames.next()
		switch {
		case errors.Is(err, io.EOF):
			return good, nil
		case err != nil:
			return good, err
		case !got.part.isRecord() || got.number != next:
			return good, fmt.Errorf("record %d was expected, record %d found", next, got.number)
		}
		if err := each(got); err != nil {
			return good, err
		}
	}
}

// cut takes off the end of the last segment what was not written whole, unless
// a later write follows, and keeps a copy. Of the write that was not finished
// the disk can have any part: a good record of it may follow one that is not.
func (f *Folder) cut(file *os.File, name string, good int64, why error) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	follows, err := findWrite(file, good+1, info.Size(), f.last)
	if err != nil {
		return err
	}
	if follows > 0 {
		return damaged(name, good, fmt.Errorf("%w, and good records follow from byte %d", why, follows))
	}
	if err := f.keepCut(file, name, good); err != nil {
		return fmt.Errorf("keep a copy of the end of %s before it is cut off: %w", name, err)
	}
	err = file.Truncate(good)
	if err == nil && good < headerSize {
		_, err = file.WriteAt(f.header(kindSegment, f.last+1).bytes(), 0)
	}
	if err == nil {
		err = syncFile(file)
	}
	if err != nil {
		return fmt.Errorf("cut the end off %s: %w", name, err)
	}
	f.log.Warn("the journal did not end with a whole record; its end was cut off and a copy kept", "file", name,
		"offset", good, "bytes", info.Size()-good, "copy", name+".cut", "last_record", f.last, "error", why)
	return nil
}

// keepCut copies the end of a segment to a file beside it, behind what was cut
// off before.
func (f *Folder) keepCut(file *os.File, name string, from int64) error {
	kept, err := os.OpenFile(filepath.Join(f.path, name+".cut"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(kept, io.NewSectionReader(file, from, 1<<62))
	if err == nil {
		err = syncFile(kept)
	}
	if err := errors.Join(err, kept.Close()); err != nil {
		return err
	}
	return syncFolder(f.path)
}

// findWindow is how much of a file is searched for a frame at a time.
const findWindow = 1 << 20

// findWrite searches a file for the first record of a write, after a number,
// whose checksum holds, from a place on, and tells where it begins; 0 for
// nowhere. All that was written before it had been on the disk.
func findWrite(file io.ReaderAt, from, size int64, after uint64) (int64, error) {
	window := make([]byte, min(findWindow, max(0, size-from)))
	for from < size {
		n, err := file.ReadAt(window, from)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if n < len(frameMark) {
			return 0, nil
		}
		for at := 0; ; at++ {
			found := bytes.Index(window[at:n], []byte(frameMark))
			if found < 0 {
				break
			}
			at += found
			holds, err := beginsWrite(file, from+int64(at), size, after)
			if err != nil {
				return 0, err
			}
			if holds {
				return from + int64(at), nil
			}
		}
		from += int64(n - len(frameMark) + 1) // a mark may lie across
	}
	return 0, nil
}

// beginsWrite tells whether the first record of a write, after a number, whose
// checksum holds, begins at a place.
func beginsWrite(file io.ReaderAt, at, size int64, after uint64) (bool, error) {
	var head [frameSize]byte
	if _, err := file.ReadAt(head[:], at); err != nil {
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		return false, err
	}
	length := int64(binary.LittleEndian.Uint32(head[12:]))
	if part(head[3]) != partRecord || binary.LittleEndian.Uint64(head[4:]) <= after || length > maxPayload || at+frameSize+length > size {
		return false, nil
	}
	sum := crc32.New(castagnoli)
	_, _ = sum.Write(head[:16]) // a hash never fails to be written to
	if _, err := io.Copy(sum, io.NewSectionReader(file, at+frameSize, length)); err != nil {
		return false, err
	}
	return sum.Sum32() == binary.LittleEndian.Uint32(head[16:]), nil
}

// Records calls a function for each record since the snapshot, in order, until
// it fails. Only for use before the first [Folder.Append].
func (f *Folder) Records(each func(*storagev1.JournalRecord) error) error {
	for _, first := range f.segments {
		if err := f.records(first, each); err != nil {
			return err
		}
	}
	return nil
}

func (f *Folder) records(first uint64, each func(*storagev1.JournalRecord) error) error {
	file, err := os.Open(f.segmentPath(first))
	if err != nil {
		return err
	}
	good, err := f.scan(file, first, func(got frame) error {
		record := &storagev1.JournalRecord{}
		if err := got.decode(record); err != nil {
			return err
		}
		return each(record)
	})
	if err != nil {
		err = damaged(filepath.Base(f.segmentPath(first)), good, err)
	}
	return errors.Join(err, file.Close())
}
