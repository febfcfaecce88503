// Package money owns how amounts are written: prices as integer micro-units of
// the account's currency per hour, and capacity as integer thousandths of a
// unit. Decisions count in these; nothing rounds but what this package is asked
// to. It must not know what is bought.
package money

import (
	"fmt"
	"math"
)

// MicrosPerUnit is how many micro-units make one unit of the currency.
const MicrosPerUnit = 1_000_000

// MilliunitsPerUnit is how many thousandths make one unit of capacity.
const MilliunitsPerUnit = 1_000

// FormatMicros writes micro-units as units with at least 2 and at most 6
// decimal places, for example 351000 as 0.351.
func FormatMicros(micros int64) string {
	sign := ""
	magnitude := uint64(micros)
	if micros < 0 {
		sign, magnitude = "-", uint64(-micros)
	}
	text := fmt.Sprintf("%s%d.%06d", sign, magnitude/MicrosPerUnit, magnitude%MicrosPerUnit)
	for i := 0; i < 4 && text[len(text)-1] == '0'; i++ {
		text = text[:len(text)-1]
	}
	return text
}

// MilliunitsOf converts units to thousandths, to the nearest.
func MilliunitsOf(units float64) int64 { return int64(math.Round(units * MilliunitsPerUnit)) }

// UnitsOf converts thousandths to units.
func UnitsOf(milliunits int64) float64 { return float64(milliunits) / MilliunitsPerUnit }
