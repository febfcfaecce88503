package value

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// day is the longest unit of a duration. The cloud's clock knows no daylight
// saving.
const day = 24 * time.Hour

// Duration reads a duration such as 90s, 5m, 24h, 7d or 1d12h.
func Duration(text string) (time.Duration, error) {
	refused := fmt.Errorf("must be a duration such as 90s, 5m, 24h or 7d, got %q", text)
	days, rest, hasDays := strings.Cut(text, "d")
	if !hasDays {
		days, rest = "0", text
	}
	number, err := strconv.ParseUint(days, 10, 32)
	if err != nil || number > math.MaxInt64/uint64(day)/2 {
		return 0, refused
	}
	sum := time.Duration(number) * day
	if hasDays && rest == "" {
		return sum, nil
	}
	more, err := time.ParseDuration(rest)
	if err != nil || hasDays && (more < 0 || more >= day) {
		return 0, refused
	}
	return sum + more, nil
}

// Within reads a duration that is above 0 and at most so long.
func Within(text string, most time.Duration) (time.Duration, error) {
	read, err := Duration(text)
	if err == nil && (read <= 0 || read > most) {
		err = fmt.Errorf("must be above 0 and at most %s, got %q", Spell(most), text)
	}
	return read, err
}

// Spell writes a duration as people do: whole days as days, and no needless
// zeros.
func Spell(length time.Duration) string {
	if length >= day && length%day == 0 {
		return fmt.Sprintf("%dd", length/day)
	}
	text := length.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// Time reads a time such as 2026-01-02T15:04:05Z.
func Time(text string) (time.Time, error) {
	read, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("must be a time such as 2026-01-02T15:04:05Z, got %q", text)
	}
	return read, nil
}
