package api

import (
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// What ids of instances and of disks begin with.
const (
	idPrefix   = "i-"
	diskPrefix = "d-"
)

// numberDigits is how many digits write a number.
const numberDigits = 13

// idDigits is the digits of ids, in ascending order, so that ids sort like
// their numbers.
const idDigits = "0123456789abcdefghijklmnopqrstuv"

// instanceID is the id of an instance: its number in base 32, so that ids sort
// in order of creation.
func instanceID(number uint64) string { return string(appendNumber([]byte(idPrefix), number)) }

// instanceIDs is the ids of instances whose numbers follow each other. They share
// one string.
func instanceIDs(first uint64, count int) []string {
	const length = len(idPrefix) + numberDigits
	all := make([]byte, 0, count*length)
	for n := range uint64(count) {
		all = appendNumber(append(all, idPrefix...), first+n)
	}
	text, ids := string(all), make([]string, count)
	for at := range ids {
		ids[at] = text[at*length : (at+1)*length]
	}
	return ids
}

// instanceNumber is the number of an instance id; 0, which no instance has, for
// what is no id.
func instanceNumber(id string) uint64 {
	digits, ok := strings.CutPrefix(id, idPrefix)
	if !ok {
		return 0
	}
	return numberOf(digits)
}

// diskID is the id of a disk: the number of the instance that it was created
// with, and one digit more for its place.
func diskID(disk world.DiskID) string {
	return string(append(appendNumber([]byte(diskPrefix), disk.Number), idDigits[disk.Place&31]))
}

// diskOf is the disk of an id; the zero value, which no disk has, for what is no
// id.
func diskOf(id string) world.DiskID {
	digits, ok := strings.CutPrefix(id, diskPrefix)
	if !ok || len(digits) != numberDigits+1 {
		return world.DiskID{}
	}
	number, place := numberOf(digits[:numberDigits]), strings.IndexByte(idDigits, digits[numberDigits])
	if number == 0 || place < 0 {
		return world.DiskID{}
	}
	return world.DiskID{Number: number, Place: uint8(place)}
}

// appendNumber writes a number in base 32.
func appendNumber(id []byte, number uint64) []byte {
	for shift := 5 * (numberDigits - 1); shift >= 0; shift -= 5 {
		id = append(id, idDigits[number>>shift&31])
	}
	return id
}

// numberOf reads a number in base 32; 0 for what is none.
func numberOf(digits string) uint64 {
	if len(digits) != numberDigits {
		return 0
	}
	var number uint64
	for i, c := range []byte(digits) {
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

// positionOf is how far along the fleet's history a cursor is; never 0, which
// stands for a fleet that does not tell.
func positionOf(sequence uint64) int64 { return int64(sequence) + 1 }

// historyOf names the history of a fleet, which is another after it was set back.
func historyOf(fleet uint64) string { return strconv.FormatUint(fleet, 36) }

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
