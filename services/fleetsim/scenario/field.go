package scenario

import (
	"fmt"
	"strings"
	"time"
)

// A kind is what the value of a key is.
type kind int

const (
	text     kind = iota // a text that fits the field's class
	number               // a whole number, or one with decimals, in units of the last decimal
	span                 // a duration, in nanoseconds
	moment               // a time of RFC 3339, whole seconds
	position             // a time in a trace file: such a time, or whole seconds
	flag                 // true or false
	word                 // one of some words
	nested               // an object
	list                 // a list of objects or texts
)

// A need tells whether a key must be there.
type need int

const (
	optional need = iota
	required
	oneOf // exactly one of the object's keys of this need
)

// A field is a key of an object: all there is to tell about its value.
type field struct {
	name    string
	kind    kind
	need    need
	initial string // what it is without the key, written as in a file; "" for nothing
	absent  string // what a missing key means, when initial does not tell
	unit    string
	// least and most bound numbers and durations in the unit that they are kept
	// in, lists by the number of their items.
	least, most int64
	decimals    int
	words       []string
	class       class
	items       string // what a list holds
	about       string
}

// A class is a set of texts.
type class struct {
	rule string // goes on after "must be"
	fits func(string) bool
}

// An object is a mapping with known keys.
type object struct {
	path   string // where it stands, for the reference
	about  string
	fields []field
}

// field finds a key.
func (o *object) field(name string) *field {
	for i := range o.fields {
		if o.fields[i].name == name {
			return &o.fields[i]
		}
	}
	return nil
}

// names lists keys, of one need or of all.
func (o *object) names(only func(field) bool) []string {
	var names []string
	for _, f := range o.fields {
		if only(f) {
			names = append(names, f.name)
		}
	}
	return names
}

// value says what the value is, to go on after "must be".
func (f *field) value() string {
	switch f.kind {
	case text:
		return f.class.rule
	case number:
		if f.decimals == 0 {
			return fmt.Sprintf("a whole number from %d to %d", f.least, f.most)
		}
		return fmt.Sprintf("a number from %s to %s with at most %s", decimal(f.least, f.decimals), decimal(f.most, f.decimals), places(f.decimals))
	case span:
		return fmt.Sprintf("a duration such as 90m, from %s to %s", days(f.least), days(f.most))
	case moment:
		return "a time such as 2026-11-02T08:00:00Z, from 1970 to 2199"
	case position:
		return "a time such as 2026-11-02T08:00:00Z or whole seconds, as in the file"
	case flag:
		return "true or false"
	case word:
		return "one of " + strings.Join(f.words, ", ")
	case nested:
		return "a mapping"
	case list:
		return fmt.Sprintf("a list of %d to %d %s", f.least, f.most, f.items)
	}
	return ""
}

func places(decimals int) string {
	if decimals == 1 {
		return "one decimal"
	}
	return fmt.Sprintf("%d decimals", decimals)
}

// decimal writes a number kept in units of its last decimal.
func decimal(value int64, decimals int) string {
	sign := ""
	if value < 0 {
		sign, value = "-", -value
	}
	digits := fmt.Sprintf("%0*d", decimals+1, value)
	whole, fraction := digits[:len(digits)-decimals], strings.TrimRight(digits[len(digits)-decimals:], "0")
	if fraction == "" {
		return sign + whole
	}
	return sign + whole + "." + fraction
}

// days writes a duration, in days where it is whole days.
func days(nanos int64) string {
	const day = int64(24 * time.Hour)
	if nanos > 0 && nanos%day == 0 {
		return fmt.Sprintf("%dd", nanos/day)
	}
	written := time.Duration(nanos).String()
	written = strings.Replace(written, "m0s", "m", 1)
	return strings.Replace(written, "h0m", "h", 1)
}
