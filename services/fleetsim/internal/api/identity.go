package api

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
)

// idPrefix begins the id of every instance.
const idPrefix = "i-"

// idLength is the length of an instance id.
const idLength = len(idPrefix) + 13

// idDigits is the digits of ids, in ascending order, so that ids sort like
// their numbers.
const idDigits = "0123456789abcdefghijklmnopqrstuv"

// instanceID is the id of an instance: its number in base 32, so that ids sort
// in order of creation.
func instanceID(number uint64) string {
	id := [idLength]byte{'i', '-'}
	for i := len(id) - 1; i >= len(idPrefix); i-- {
		id[i] = idDigits[number&31]
		number >>= 5
	}
	return string(id[:])
}

// instanceNumber is the number of an instance id; 0, which no instance has, for
// what is no id.
func instanceNumber(id string) uint64 {
	if len(id) != idLength || !strings.HasPrefix(id, idPrefix) {
		return 0
	}
	var number uint64
	for i, c := range []byte(id[len(idPrefix):]) {
		digit := strings.IndexByte(idDigits, c)
		if digit < 0 || i == 0 && digit > 15 { // 13 digits hold 65 bits
			return 0
		}
		number = number<<5 | uint64(digit)
	}
	return number
}

func instanceNumbers(ids []string) []uint64 {
	numbers := make([]uint64, len(ids))
	for i, id := range ids {
		numbers[i] = instanceNumber(id)
	}
	return numbers
}

// cursorVersion is the first byte of a cursor.
const cursorVersion = 1

// cursorOf makes the cursor that follows a transition of a fleet.
func cursorOf(fleet, sequence uint64) string {
	raw := binary.BigEndian.AppendUint64([]byte{cursorVersion}, fleet)
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(raw, sequence))
}

// sequenceOf tells the transition that a cursor follows; false for what is no
// cursor of the fleet.
func sequenceOf(fleet uint64, cursor string) (uint64, bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) != 17 || raw[0] != cursorVersion || binary.BigEndian.Uint64(raw[1:9]) != fleet {
		return 0, false
	}
	sequence := binary.BigEndian.Uint64(raw[9:])
	// The decoder skips line breaks, so what it read may be written otherwise.
	return sequence, cursor == cursorOf(fleet, sequence)
}
