package events

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// A position is a place in the stream: after so many messages of one
// incarnation of it. A stream that was lost and made again counts anew, so its
// positions mean nothing for the one before.
type position struct {
	incarnation int64 // when the stream was made, in nanoseconds since 1970
	sequence    uint64
}

// ErrBadCursor is returned for a cursor that was not given by this stream.
var ErrBadCursor = errors.New("cursor was not given by this stream")

const (
	cursorVersion = 1
	cursorBytes   = 1 + 8 + 8
)

// cursor writes a position so that nobody is tempted to count with it. Its
// checksum tells it from garbage.
func (p position) cursor() string {
	raw := make([]byte, 0, cursorBytes+4)
	raw = append(raw, cursorVersion)
	raw = binary.BigEndian.AppendUint64(raw, uint64(p.incarnation))
	raw = binary.BigEndian.AppendUint64(raw, p.sequence)
	raw = binary.BigEndian.AppendUint32(raw, crc32.ChecksumIEEE(raw))
	return base64.RawURLEncoding.EncodeToString(raw)
}

// parseCursor reads what cursor wrote and refuses everything else.
func parseCursor(text string) (position, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != cursorBytes+4 || raw[0] != cursorVersion ||
		binary.BigEndian.Uint32(raw[cursorBytes:]) != crc32.ChecksumIEEE(raw[:cursorBytes]) {
		return position{}, ErrBadCursor
	}
	p := position{
		incarnation: int64(binary.BigEndian.Uint64(raw[1:])),
		sequence:    binary.BigEndian.Uint64(raw[9:]),
	}
	if p.cursor() != text { // the decoder passes over line ends
		return position{}, ErrBadCursor
	}
	return p, nil
}
