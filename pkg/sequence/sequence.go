// Package sequence owns names that number what they name:
// `name[begin,bits]suffix`. It must not know what is named.
package sequence

import (
	"fmt"
	"regexp"
	"strconv"
)

// Bounds of a pattern.
const (
	// MaxBegin is the highest number a pattern can begin with.
	MaxBegin = 999_999
	// MaxDigits is the most digits that a pattern can ask for.
	MaxDigits = 6
)

// A Pattern makes names that differ in a number.
type Pattern struct {
	// Prefix is what stands before the number.
	Prefix string
	// Begin is the first number.
	Begin uint64
	// Digits is how many digits a number has at least; zeros lead where it has
	// fewer. One that has more is written in full, so that no two are the same.
	Digits int
	// Suffix is what follows the number.
	Suffix string
}

var form = regexp.MustCompile(`^([^\[\]]+)\[(\d{1,6}),([1-6])\]([^\[\]]*)$`)

// Parse reads a pattern; false when a name is none, and means itself.
func Parse(name string) (Pattern, bool) {
	parts := form.FindStringSubmatch(name)
	if parts == nil {
		return Pattern{}, false
	}
	// Both are digits, and few enough.
	begin, _ := strconv.ParseUint(parts[2], 10, 64)
	digits, _ := strconv.Atoi(parts[3])
	return Pattern{Prefix: parts[1], Begin: begin, Digits: digits, Suffix: parts[4]}, true
}

// At is the name that is so many after the first.
func (p Pattern) At(offset uint64) string {
	return fmt.Sprintf("%s%0*d%s", p.Prefix, p.Digits, p.Begin+offset, p.Suffix)
}
