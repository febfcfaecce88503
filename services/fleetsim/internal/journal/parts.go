package journal

import (
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/proto"
)

// A partReader reads a file whose frames are numbered from 0: head, chunks, end.
type partReader struct {
	name   string
	header header
	frames frameReader
	number uint64
}

// newPartReader reads the header of a file of a kind.
func newPartReader(in io.Reader, name string, kind kind) (*partReader, error) {
	header, err := readHeader(in, kind)
	if err != nil {
		return nil, damaged(name, 0, err)
	}
	return &partReader{name: name, header: header, frames: frameReader{in: in, offset: headerSize}}, nil
}

// next reads the next part. It fails when there is none.
func (r *partReader) next() (frame, error) {
	offset := r.frames.offset
	got, err := r.frames.next()
	if err == nil && got.number != r.number {
		err = fmt.Errorf("part %d was expected, part %d found", r.number, got.number)
	}
	if err != nil {
		return frame{}, damaged(r.name, offset, err)
	}
	r.number++
	return got, nil
}

// expect reads the next part, which has to be such a message.
func (r *partReader) expect(want part, message proto.Message) error {
	offset := r.frames.offset
	got, err := r.next()
	if err != nil {
		return err
	}
	if got.part != want {
		return damaged(r.name, offset, fmt.Errorf("a part of kind %d was expected, kind %d found", want, got.part))
	}
	if err := got.decode(message); err != nil {
		return damaged(r.name, offset, err)
	}
	return nil
}

// finish makes sure that nothing follows.
func (r *partReader) finish() error {
	offset := r.frames.offset
	switch _, err := r.frames.next(); {
	case errors.Is(err, io.EOF):
		return nil
	case err == nil || isBadFrame(err):
		return damaged(r.name, offset, errors.New("something follows the end"))
	default:
		return damaged(r.name, offset, err)
	}
}

// A partWriter writes such a file.
type partWriter struct {
	out    io.Writer
	number uint64
	buf    []byte
}

// newPartWriter writes the header.
func newPartWriter(out io.Writer, header header) (*partWriter, error) {
	_, err := out.Write(header.bytes())
	return &partWriter{out: out}, err
}

func (w *partWriter) write(part part, message proto.Message) error {
	raw, err := appendFrame(w.buf[:0], part, w.number, message)
	if err != nil {
		return err
	}
	w.buf = raw
	w.number++
	_, err = w.out.Write(raw)
	return err
}
