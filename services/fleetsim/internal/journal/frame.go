package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"google.golang.org/protobuf/proto"
)

// A part is what a frame holds.
type part byte

// The parts.
const (
	partRecord part = 1 // a record of the journal, the first of a write
	partHead   part = 2 // what a file other than a segment begins with
	partChunk  part = 3 // one of the chunks that follow
	partEnd    part = 4 // what a file of chunks ends with
	partJoined part = 5 // a record of the journal that shares the write of the one before
)

// isRecord tells whether it is a record of the journal.
func (p part) isRecord() bool { return p == partRecord || p == partJoined }

// frameMark begins every frame, so that frames can be found after damage. It
// can not lie inside a record: 0xff is in no text and goes on a number, and no
// number ends in 0.
const frameMark = "\xff\x00\xff"

// frameSize is the length of a frame without its payload: mark, part, number,
// length, checksum.
const frameSize = 3 + 1 + 8 + 4 + 4

// maxPayload is the length in bytes that a payload can have.
const maxPayload = 64 << 20

// growStep is how much of a payload is read at a time, so that a damaged length
// does not reserve more memory than there is data.
const growStep = 1 << 20

// A frame is a numbered piece of a file.
type frame struct {
	part    part
	number  uint64
	payload []byte // valid until the next frame is read
}

// decode reads the payload as a message.
func (f *frame) decode(message proto.Message) error {
	if err := proto.Unmarshal(f.payload, message); err != nil {
		return fmt.Errorf("its content does not hold: %w", err)
	}
	return nil
}

// appendFrame adds the bytes of a frame that holds a message.
func appendFrame(raw []byte, part part, number uint64, message proto.Message) ([]byte, error) {
	from := len(raw)
	raw = append(raw, frameMark...)
	raw = append(raw, byte(part))
	raw = binary.LittleEndian.AppendUint64(raw, number)
	raw = append(raw, make([]byte, 8)...) // length and checksum, once they are known
	raw, err := proto.MarshalOptions{}.MarshalAppend(raw, message)
	if err != nil {
		return raw[:from], err
	}
	length := len(raw) - from - frameSize
	if length > maxPayload {
		return raw[:from], fmt.Errorf("%d bytes are more than the %d that a record can hold", length, maxPayload)
	}
	binary.LittleEndian.PutUint32(raw[from+12:], uint32(length))
	binary.LittleEndian.PutUint32(raw[from+16:], checksum(raw[from:from+16], raw[from+frameSize:]))
	return raw, nil
}

func checksum(head, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, payload)
}

// errBadFrame is bytes that are no frame that holds, for each way in which they
// are not.
var (
	errNoMark      = errors.New("no frame begins here")
	errShortFrame  = errors.New("the frame is not whole")
	errLongFrame   = errors.New("the length of the frame is out of range")
	errBadChecksum = errors.New("the checksum of the frame does not hold")
)

// isBadFrame tells such bytes from a file that can not be read.
func isBadFrame(err error) bool {
	return errors.Is(err, errNoMark) || errors.Is(err, errShortFrame) || errors.Is(err, errLongFrame) || errors.Is(err, errBadChecksum)
}

// A frameReader reads frames one after the other.
type frameReader struct {
	in io.Reader
	// offset is where in the file the next frame begins.
	offset int64
	head   [frameSize]byte
	buf    []byte
}

// next reads a frame; [io.EOF] at the end. After an error offset is that of the
// frame that does not hold.
func (r *frameReader) next() (frame, error) {
	if _, err := io.ReadFull(r.in, r.head[:]); err != nil {
		return frame{}, short(err)
	}
	if string(r.head[:3]) != frameMark {
		return frame{}, errNoMark
	}
	length := int(binary.LittleEndian.Uint32(r.head[12:]))
	if length > maxPayload {
		return frame{}, errLongFrame
	}
	if err := r.read(length); err != nil {
		return frame{}, err
	}
	if checksum(r.head[:16], r.buf) != binary.LittleEndian.Uint32(r.head[16:]) {
		return frame{}, errBadChecksum
	}
	r.offset += int64(frameSize + length)
	return frame{part(r.head[3]), binary.LittleEndian.Uint64(r.head[4:]), r.buf}, nil
}

// read fills the buffer with so many bytes.
func (r *frameReader) read(length int) error {
	r.buf = r.buf[:0]
	for length > 0 {
		from, step := len(r.buf), min(length, growStep)
		r.buf = slices.Grow(r.buf, step)[:from+step]
		if _, err := io.ReadFull(r.in, r.buf[from:]); err != nil {
			if errors.Is(err, io.EOF) {
				return errShortFrame
			}
			return short(err)
		}
		length -= step
	}
	return nil
}

func short(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errShortFrame
	}
	return err
}
