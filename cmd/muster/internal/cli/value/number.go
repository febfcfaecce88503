package value

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// How many decimal places values have.
const (
	microPlaces    = 6 // of an amount
	permillePlaces = 3 // of a factor
	sharePlaces    = 1 // of a percentage
)

// Micros reads an amount of money in units of the currency, such as 0.35 or
// -12, as micro-units. It is exact: an amount with more than six decimal places
// is refused.
func Micros(text string) (int64, error) {
	micros, ok := fixed(text, microPlaces)
	if !ok {
		return 0, fmt.Errorf("must be an amount with at most 6 decimal places, such as 0.35, got %q", text)
	}
	return micros, nil
}

// Factor reads a factor such as 2.5, as thousandths between a least and a most.
func Factor(text string, least, most int32) (permille int32, err error) {
	read, ok := fixed(text, permillePlaces)
	if !ok || read < int64(least) || read > int64(most) {
		return 0, fmt.Errorf("must be %s to %s with at most 3 decimal places, got %q",
			spell(int64(least), permillePlaces), spell(int64(most), permillePlaces), text)
	}
	return int32(read), nil
}

// Share reads a percentage such as 12.5 or 12.5%, as thousandths between a least
// and all of them.
func Share(text string, least int32) (permille int32, err error) {
	const whole = 1_000
	read, ok := fixed(strings.TrimSuffix(text, "%"), sharePlaces)
	if !ok || read < int64(least) || read > whole {
		return 0, fmt.Errorf("must be %s to 100 percent with at most 1 decimal place, got %q", spell(int64(least), sharePlaces), text)
	}
	return int32(read), nil
}

// fixed reads a decimal number with at most so many places, as an integer of
// the smallest of them. It is false for what is no such number.
func fixed(text string, places int) (int64, bool) {
	digits, negative := strings.CutPrefix(text, "-")
	whole, fraction, pointed := strings.Cut(digits, ".")
	if whole == "" || pointed && fraction == "" || len(fraction) > places || !isDigits(whole+fraction) {
		return 0, false
	}
	number, err := strconv.ParseUint(whole+fraction+strings.Repeat("0", places-len(fraction)), 10, 64)
	if err != nil || number > math.MaxInt64 {
		return 0, false
	}
	if negative {
		return -int64(number), true
	}
	return int64(number), true
}

func isDigits(text string) bool { return strings.Trim(text, "0123456789") == "" }

// spell writes a number as fixed reads it, without needless decimals.
func spell(number int64, places int) string {
	text := fmt.Sprintf("%0*d", places+1, number)
	point := len(text) - places
	return strings.TrimRight(strings.TrimRight(text[:point]+"."+text[point:], "0"), ".")
}
