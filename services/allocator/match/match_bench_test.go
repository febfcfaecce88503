package match_test

import (
	"testing"
	"time"

	"github.com/seed-198b1370/muster/services/allocator/match"
)

// Matching the types of a large region for the candidates of a large group,
// filters made anew each time. The figure `of-naive` is its time as a share of
// what the rules spelt out take in the same run.
func BenchmarkMatch(b *testing.B) {
	catalog, sold, attributes := region(), types(), asked()
	b.ReportAllocs()
	var matches []match.Match
	for b.Loop() {
		matches = matches[:0]
		for i, a := range attributes {
			matches = match.NewFilter(a).AppendMatches(matches, catalog, zone(i))
		}
	}
	took := b.Elapsed().Seconds() / float64(b.N)
	begun, runs, found := time.Now(), 0, 0
	for ; time.Since(begun) < 100*time.Millisecond; runs++ {
		found = 0
		for i, a := range attributes {
			for _, t := range sold {
				if rule, _ := naive(a, t, zone(i)); rule == 0 {
					found++
				}
			}
		}
	}
	if found != len(matches) {
		b.Errorf("%d types match, naively %d", len(matches), found)
	}
	b.ReportMetric(took/(time.Since(begun).Seconds()/float64(runs)), "of-naive")
	b.ReportMetric(float64(len(matches)), "matches")
}

// Telling of every type that does not match why, for one candidate.
func BenchmarkMismatches(b *testing.B) {
	catalog, filters := region(), candidates()
	b.ReportAllocs()
	for b.Loop() {
		filters[0].Mismatches(catalog, zone(0))
	}
}
