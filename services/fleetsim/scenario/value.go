package scenario

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of times: what is planned after them still fits an instant.
const (
	maxYear    = 2199
	maxSeconds = 100_000_000_000
)

// parseNumber reads a number exactly, in units of the field's last decimal.
func parseNumber(f *field, written string) (int64, bool) {
	digits, negative := strings.CutPrefix(written, "-")
	whole, fraction, pointed := strings.Cut(digits, ".")
	if pointed && (fraction == "" || f.decimals == 0) {
		return 0, false
	}
	fraction = strings.TrimRight(fraction, "0")
	if whole == "" || len(fraction) > f.decimals || len(whole) > 1 && whole[0] == '0' {
		return 0, false
	}
	all := whole + fraction + strings.Repeat("0", f.decimals-len(fraction))
	if strings.Trim(all, "0123456789") != "" {
		return 0, false
	}
	value, err := strconv.ParseInt(all, 10, 64)
	if negative {
		value = -value
	}
	return value, err == nil && value >= f.least && value <= f.most
}

// parseSpan reads a duration: those of Go, and days before them, like 2d12h.
func parseSpan(f *field, written string) (time.Duration, bool) {
	var total time.Duration
	rest := written
	if count, after, found := strings.Cut(written, "d"); found {
		number, err := strconv.ParseUint(count, 10, 16)
		if err != nil || after != "" && (after[0] < '0' || after[0] > '9') {
			return 0, false
		}
		total, rest = time.Duration(number)*24*time.Hour, after
	}
	if rest != "" || total == 0 && written == "" {
		more, err := time.ParseDuration(rest)
		if err != nil || more < 0 || more > 1<<62 {
			return 0, false
		}
		total += more
	}
	return total, int64(total) >= f.least && int64(total) <= f.most
}

// parseMoment reads a time.
func parseMoment(_ *field, written string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, written)
	if err != nil || t.Nanosecond() != 0 || t.UTC().Year() < 1970 || t.UTC().Year() > maxYear {
		return time.Time{}, false
	}
	return t.UTC(), true
}

// parsePosition reads a time in a trace file, in seconds.
func parsePosition(f *field, written string) (int64, bool) {
	if t, ok := parseMoment(f, written); ok {
		return t.Unix(), true
	}
	return parseNumber(&field{most: maxSeconds}, written)
}

func parseFlag(_ *field, written string) (value, ok bool) {
	return written == "true", written == "true" || written == "false"
}

func parseWord(f *field, written string) (string, bool) {
	return written, slices.Contains(f.words, written)
}

func parseText(f *field, written string) (string, bool) { return written, f.class.fits(written) }
