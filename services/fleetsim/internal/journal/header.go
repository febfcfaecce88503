package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// format is the number of the layout that this package writes, and the newest
// that it reads.
const format = 1

// magic is what every file begins with.
const magic = "MUSTRSIM"

// headerSize is the length of a header: magic, format, kind, world, number,
// checksum.
const headerSize = 8 + 4 + 4 + 8 + 8 + 4

// A kind is what a file is.
type kind uint32

// The kinds.
const (
	kindGenesis     kind = 1
	kindSegment     kind = 2
	kindSnapshot    kind = 3
	kindTransitions kind = 4
)

// A header is what a file says of itself.
type header struct {
	kind kind
	// world tells the files of one world from those of others.
	world uint64
	// number is the one in the file's name; 0 where it has none.
	number uint64
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errNoHeader is the lack of a header that holds.
var errNoHeader = errors.New("its header is not whole")

// laterFormatError is the format of a file that only a later release can read.
type laterFormatError uint32

// Error implements error.
func (e laterFormatError) Error() string {
	return fmt.Sprintf("a later release wrote it in format %d, this one reads up to format %d", uint32(e), format)
}

// bytes is the header as it is written.
func (h header) bytes() []byte {
	raw := append(make([]byte, 0, headerSize), magic...)
	raw = binary.LittleEndian.AppendUint32(raw, format)
	raw = binary.LittleEndian.AppendUint32(raw, uint32(h.kind))
	raw = binary.LittleEndian.AppendUint64(raw, h.world)
	raw = binary.LittleEndian.AppendUint64(raw, h.number)
	return binary.LittleEndian.AppendUint32(raw, crc32.Checksum(raw, castagnoli))
}

// readHeader reads the header of a file of a kind. Its errors: [errNoHeader],
// [laterFormatError], those of the
// reader, and a plain one for another kind.
func readHeader(r io.Reader, want kind) (header, error) {
	var raw [headerSize]byte
	if _, err := io.ReadFull(r, raw[:]); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return header{}, errNoHeader
		}
		return header{}, err
	}
	at := headerSize - 4
	if string(raw[:8]) != magic || binary.LittleEndian.Uint32(raw[at:]) != crc32.Checksum(raw[:at], castagnoli) {
		return header{}, errNoHeader
	}
	if written := binary.LittleEndian.Uint32(raw[8:]); written > format {
		return header{}, laterFormatError(written)
	}
	h := header{
		kind: kind(binary.LittleEndian.Uint32(raw[12:])), world: binary.LittleEndian.Uint64(raw[16:]), number: binary.LittleEndian.Uint64(raw[24:]),
	}
	if h.kind != want {
		return header{}, fmt.Errorf("it is a file of kind %d, not %d", h.kind, want)
	}
	return h, nil
}
