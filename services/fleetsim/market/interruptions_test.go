package market_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/seed-198b1370/muster/services/fleetsim/market"
)

// unbounded hides that a source is bounded: each tick has to be looked at.
type unbounded struct{ market.Source }

// TestInterruptions_areThoseOfTheAdvice_Prop holds that what is remembered never
// shows: wherever time goes, on or back, by hours or by months, the figure is
// that of an advice which looks at each tick.
func TestInterruptions_areThoseOfTheAdvice_Prop(t *testing.T) {
	c, _ := shipped(t, 0, 0)
	rapid.Check(t, func(t *rapid.T) {
		m, err := market.New(c, rapid.Uint64().Draw(t, "seed"), rapid.Int64Range(0, market.MaxVolatility*1_000_000).Draw(t, "volatility"))
		if err != nil {
			t.Fatal(err)
		}
		index := rapid.IntRange(0, len(c.Offers())-1).Draw(t, "offer")
		o := c.Offers()[index]
		var past market.Interruptions
		before := rapid.Int64Range(0, int64(2000*24*time.Hour)).Draw(t, "before")
		for _, hours := range append(rapid.SliceOfN(rapid.Int64Range(-800, 800), 1, 4).Draw(t, "hours"), 0, 24) {
			before += hours * int64(time.Hour)
			got := past.Permille(m, index, o.Capacity, before)
			if want := market.Advise(unbounded{m}, index, o.Capacity, o.PayAsYouGoMicros, before).InterruptionPermille; got != want {
				t.Fatalf("before %v: got %d, want %d", time.Unix(0, before).UTC(), got, want)
			}
		}
	})
}

// TestMostDemand_isNeverExceeded_Prop holds the bound against each tick.
func TestMostDemand_isNeverExceeded_Prop(t *testing.T) {
	c, _ := shipped(t, 0, 0)
	rapid.Check(t, func(t *rapid.T) {
		m, err := market.New(c, rapid.Uint64().Draw(t, "seed"), rapid.Int64Range(0, market.MaxVolatility*1_000_000).Draw(t, "volatility"))
		if err != nil {
			t.Fatal(err)
		}
		offer := rapid.IntRange(0, len(c.Offers())-1).Draw(t, "offer")
		from := rapid.Int64Range(-1<<40, 1<<40).Draw(t, "from")
		until := from + rapid.Int64Range(1, 600).Draw(t, "ticks")
		most := m.MostDemand(offer, from, until)
		for tick := from; tick < until; tick++ {
			if demand := m.Demand(offer, tick); demand > most {
				t.Fatalf("tick %d: demand of %d is more than %d", tick, demand, most)
			}
		}
	})
}

// BenchmarkInterruptions compares the rates of all offers of the shipped catalog
// with a look at each tick: the first time, and a day later.
func BenchmarkInterruptions(b *testing.B) {
	c, m := shipped(b, 1, 1_000_000)
	before := time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC).UnixNano()
	all := func(s market.Source, past []market.Interruptions, before int64) float64 {
		begun := time.Now()
		for i, o := range c.Offers() {
			past[i].Permille(s, i, o.Capacity, before)
		}
		return time.Since(begun).Seconds()
	}
	var plain, first, later float64
	for b.Loop() {
		past := make([]market.Interruptions, len(c.Offers()))
		plain += all(unbounded{m}, make([]market.Interruptions, len(c.Offers())), before)
		first += all(m, past, before)
		later += all(m, past, before+int64(24*time.Hour))
	}
	b.ReportMetric(1e3*first/float64(b.N), "ms/first")
	b.ReportMetric(first/plain, "first/plain")
	b.ReportMetric(1e3*later/float64(b.N), "ms/day-later")
	b.ReportMetric(later/plain, "day-later/plain")
	b.ReportMetric(0, "ns/op")
}
