// Package bench measures what Muster promises of its speed, as ratios against a
// baseline measured in the same run.
package bench_test

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"
)

// slices of a comparison: A and B alternate so many times, and the medians are
// compared, because the machine is not ours alone.
const rounds = 7

// bar prints one line about one bar. A bar that is missed does not fail the
// run: machines are shared and noisy, and the line says `short`.
func bar(name, measured, wanted string, holds bool) {
	verdict := "short"
	if holds {
		verdict = "holds"
	}
	fmt.Fprintf(os.Stdout, "bar %s measured %s wanted %s %s\n", name, measured, wanted, verdict)
}

// alternate runs a and b in turns and returns the median of each one's figures.
func alternate(tb testing.TB, a, b func() float64) (medianA, medianB float64) {
	tb.Helper()
	var as, bs []float64
	for range rounds {
		as = append(as, a())
		bs = append(bs, b())
	}
	tb.Logf("a: %.4g", as)
	tb.Logf("b: %.4g", bs)
	return median(as), median(bs)
}

func median(figures []float64) float64 {
	sorted := slices.Sorted(slices.Values(figures))
	return sorted[len(sorted)/2]
}

// seconds measures how long something takes.
func seconds(do func()) float64 {
	begin := time.Now()
	do()
	return time.Since(begin).Seconds()
}
