package money_test

import (
	"math"
	"testing"

	"github.com/seed-198b1370/muster/pkg/money"
)

func TestFormatMicros(t *testing.T) {
	for micros, want := range map[int64]string{
		0: "0.00", 1: "0.000001", 351_000: "0.351", 60_000: "0.06", 12_340_000: "12.34",
		-500_000: "-0.50", 1_000_000_000: "1000.00", math.MinInt64: "-9223372036854.775808",
	} {
		if got := money.FormatMicros(micros); got != want {
			t.Errorf("FormatMicros(%d) = %q, want %q", micros, got, want)
		}
	}
}

func TestUnits_everyThousandthSurvives(t *testing.T) {
	for milliunits := int64(0); milliunits <= 10_000_000; milliunits += 7 {
		if got := money.MilliunitsOf(money.UnitsOf(milliunits)); got != milliunits {
			t.Fatalf("%d became %d", milliunits, got)
		}
	}
}
