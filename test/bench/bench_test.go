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

// rounds is how often A and B alternate in a comparison. What counts is the
// median of the ratios of neighbours, because the machine is not ours alone and
// what disturbs one slice disturbs the next.
const rounds = 9

// bar prints one line about one bar. A bar that is missed does not fail the
// run: machines are shared and noisy, and the line says `short`.
func bar(name, measured, wanted string, holds bool) {
	verdict := "short"
	if holds {
		verdict = "holds"
	}
	fmt.Fprintf(os.Stdout, "bar %s measured %s wanted %s %s\n", name, measured, wanted, verdict)
}

// compare runs a and b in turns and returns the median of a's figure divided by
// that of b right beside it.
func compare(tb testing.TB, a, b func() float64) float64 {
	tb.Helper()
	var as, bs, ratios []float64
	for round := range rounds {
		var figureA, figureB float64
		if round%2 == 0 {
			figureA, figureB = a(), b()
		} else { // so that neither always follows the other
			figureB, figureA = b(), a()
		}
		as, bs, ratios = append(as, figureA), append(bs, figureB), append(ratios, figureA/figureB)
	}
	tb.Logf("a: %.4g", as)
	tb.Logf("b: %.4g", bs)
	return median(ratios)
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
