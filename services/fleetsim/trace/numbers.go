package trace

import (
	"strconv"
	"strings"
	"time"
)

// Bounds of what cells hold.
const (
	maxSeconds   = 100_000_000_000 // about the year 5138
	maxInstances = 1_000_000
	decimals     = 6
)

// What cells must be.
const (
	secondsRule   = "must be a whole number of seconds from 0 to 100000000000"
	timeRule      = "must be a time like 2026-11-01T12:00:00Z or a whole number of seconds from 0 to 100000000000"
	instancesRule = "must be a whole number of instances from 0 to 1000000, or empty"
	priceRule     = "must be a price per hour from 0 to 1000000 with at most 6 decimals, like 0.0116"
)

// wholeSeconds reads a time in seconds.
func wholeSeconds(text string) (int64, bool) { return whole(text, maxSeconds) }

// instances reads a number of instances.
func instances(text string) (int64, bool) { return whole(text, maxInstances) }

// dateSeconds reads a time of RFC 3339, from 1970 on, in seconds since then.
func dateSeconds(text string) (int64, bool) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || t.Nanosecond() != 0 || t.Unix() < 0 || t.Unix() > maxSeconds {
		return 0, false
	}
	return t.Unix(), true
}

// micros reads a decimal price exactly, in millionths. Zeros may follow the
// sixth decimal, and nothing need follow the point: published histories hold
// "1.".
func micros(text string) (int64, bool) {
	units, fraction, _ := strings.Cut(text, ".")
	if len(fraction) > decimals {
		if strings.Trim(fraction[decimals:], "0") != "" {
			return 0, false
		}
		fraction = fraction[:decimals]
	}
	high, ok := whole(units, 1_000_000)
	if !ok {
		return 0, false
	}
	low := int64(0)
	for i := range decimals {
		low *= 10
		if i < len(fraction) {
			if fraction[i] < '0' || fraction[i] > '9' {
				return 0, false
			}
			low += int64(fraction[i] - '0')
		}
	}
	price := high*1_000_000 + low
	return price, price <= 1_000_000*1_000_000
}

// whole reads digits, and nothing but digits.
func whole(text string, most int64) (int64, bool) {
	if text == "" || text[0] < '0' || text[0] > '9' {
		return 0, false
	}
	value, err := strconv.ParseInt(text, 10, 64)
	return value, err == nil && value <= most
}
