package market_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/seed-198b1370/muster/services/fleetsim/market"
)

// told is a source of one offer that is told its prices and demand by tick; the
// last of them hold.
type told struct {
	start          int64
	length         time.Duration
	prices, demand []int64
}

func (s told) Ticks() (startUnixNanos int64, length time.Duration) { return s.start, s.length }
func (s told) Price(_ int, tick int64) int64                       { return of(s.prices, tick) }
func (s told) Demand(_ int, tick int64) int64                      { return of(s.demand, tick) }

func of(values []int64, tick int64) int64 {
	return values[min(max(tick, 0), int64(len(values))-1)]
}

func TestHistory_isThePriceInForceAndEachChange(t *testing.T) {
	s := told{start: 1000, length: 10, prices: []int64{5, 5, 7, 7, 7, 4, 5}}
	for name, test := range map[string]struct {
		from, to int64
		limit    int
		want     []market.Step
		more     bool
	}{
		"all":               {1000, 2000, 9, []market.Step{{1000, 5}, {1020, 7}, {1050, 4}, {1060, 5}}, false},
		"inside a tick":     {1029, 1051, 9, []market.Step{{1029, 7}, {1050, 4}}, false},
		"up to, not at":     {1029, 1050, 9, []market.Step{{1029, 7}}, false},
		"as many as wanted": {900, 2000, 2, []market.Step{{900, 5}, {1020, 7}}, true},
		"just so many":      {900, 2000, 4, []market.Step{{900, 5}, {1020, 7}, {1050, 4}, {1060, 5}}, false},
		"nothing":           {1029, 1029, 9, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, more := market.History(s, 0, test.from, test.to, test.limit)
			if !slices.Equal(got, test.want) || more != test.more {
				t.Errorf("got %v, more %v", got, more)
			}
		})
	}
}

// TestHistory_pagesAreTheWhole_Prop holds that pages, put together, are the
// steps of one look, and that each price is the one in force.
func TestHistory_pagesAreTheWhole_Prop(t *testing.T) {
	_, m := shipped(t, 3, 1_000_000)
	rapid.Check(t, func(t *rapid.T) {
		offer := rapid.IntRange(0, 1235).Draw(t, "offer")
		from := rapid.Int64Range(0, int64(60*365*24*time.Hour)).Draw(t, "from")
		to := from + rapid.Int64Range(0, int64(10*24*time.Hour)).Draw(t, "long")
		limit := rapid.IntRange(2, 10).Draw(t, "limit")
		whole, more := market.History(m, offer, from, to, 1_000)
		if more {
			t.Fatal("ten days have more than a thousand changes")
		}
		var pages []market.Step
		for at, more := from, true; more; {
			var page []market.Step
			page, more = market.History(m, offer, at, to, limit)
			if len(page) == 0 {
				break
			}
			if len(pages) > 0 {
				page = page[1:]
			}
			pages = append(pages, page...)
			at = pages[len(pages)-1].AtUnixNanos
		}
		if !slices.Equal(pages, whole) {
			t.Errorf("pages are %v, the whole is %v", pages, whole)
		}
		for i, step := range whole {
			if price := m.Price(offer, market.TickOf(step.AtUnixNanos)); price != step.PriceMicros || i > 0 && price == whole[i-1].PriceMicros {
				t.Errorf("step %d is %v, the price is %d", i, step, price)
			}
		}
	})
}

func TestHistory_goesOverABoundedNumberOfTicks(t *testing.T) {
	s := told{length: time.Second, prices: []int64{5}}
	const year = 365 * 24 * int64(time.Hour)
	steps, more := market.History(s, 0, 0, year, 10)
	if want := []market.Step{{0, 5}, {market.MaxHistoryTicks * int64(time.Second), 5}}; !slices.Equal(steps, want) || !more {
		t.Errorf("got %v, more %v", steps, more)
	}
}

func TestAdvise_countsRunsOfAnHour(t *testing.T) {
	const capacity, list = 10, 1_000
	window := int64(market.AdviceWindow)
	// 720 hours of 12 ticks; the advice is asked for within the hour after them.
	prices, demand := make([]int64, 720*12+12), make([]int64, 720*12+12)
	for i := range prices {
		prices[i], demand[i] = 200, 9 // one is left: ours
	}
	before := window + int64(40*time.Minute)
	for name, test := range map[string]struct {
		demand map[int]int64 // by tick
		prices map[int]int64
		want   market.Advice
	}{
		"calm":            {nil, nil, market.Advice{DiscountPercent: 20, Band: market.Band0To3}},
		"one tick":        {map[int]int64{17: 10}, nil, market.Advice{DiscountPercent: 20, InterruptionPermille: 1, Band: market.Band0To3}},
		"after the hours": {map[int]int64{720*12 + 1: 10}, nil, market.Advice{DiscountPercent: 20, Band: market.Band0To3}},
		"dear half": {nil, func() map[int]int64 {
			dear := map[int]int64{}
			for i := range 360 * 12 {
				dear[2*i] = 1_000
			}
			return dear
		}(), market.Advice{DiscountPercent: 60, Band: market.Band0To3}},
	} {
		t.Run(name, func(t *testing.T) {
			s := told{length: 5 * time.Minute, prices: slices.Clone(prices), demand: slices.Clone(demand)}
			for tick, v := range test.demand {
				s.demand[tick] = v
			}
			for tick, v := range test.prices {
				s.prices[tick] = v
			}
			if got := market.Advise(s, 0, capacity, list, before); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestAdvise_bandsBeginAtTheirFirstFigure(t *testing.T) {
	for ended, want := range map[int]market.Band{0: market.Band0To3, 21: market.Band0To3, 22: market.Band3To5, 35: market.Band3To5, 36: market.Band5To10, 71: market.Band5To10, 72: market.Band10To100, 720: market.Band10To100} {
		demand := make([]int64, 720)
		for hour := range ended {
			demand[hour] = 10
		}
		got := market.Advise(told{length: time.Hour, prices: []int64{500}, demand: demand}, 0, 10, 1_000, int64(market.AdviceWindow))
		if got.Band != want {
			t.Errorf("%d of 720 runs: %+v, want band %v", ended, got, want)
		}
	}
	if got := []string{market.Band0To3.String(), market.Band3To5.String(), market.Band5To10.String(), market.Band10To100.String()}; !slices.Equal(got, []string{"0-3%", "3-5%", "5-10%", "10-100%"}) {
		t.Errorf("bands are written %q", got)
	}
}

// TestAdvise_isTheCount_Prop holds an advice against a plain count.
func TestAdvise_isTheCount_Prop(t *testing.T) {
	c, m := shipped(t, 3, 1_000_000)
	rapid.Check(t, func(t *rapid.T) {
		index := rapid.IntRange(0, len(c.Offers())-1).Draw(t, "offer")
		o := c.Offers()[index]
		hour := rapid.Int64Range(720, 500_000).Draw(t, "hour")
		ended := int64(0)
		for run := hour - 720; run < hour; run++ {
			for tick := run * 12; tick < run*12+12; tick++ {
				if m.Demand(index, tick) > o.Capacity-1 {
					ended++
					break
				}
			}
		}
		got := market.Advise(m, index, o.Capacity, o.PayAsYouGoMicros, hour*int64(time.Hour))
		if got.InterruptionPermille != (ended*1000+360)/720 || got.DiscountPercent < 10 || got.DiscountPercent > 100 {
			t.Errorf("got %+v, %d of 720 runs were ended", got, ended)
		}
	})
}

// BenchmarkAdvise is the advice about one offer.
func BenchmarkAdvise(b *testing.B) {
	c, m := shipped(b, 1, 1_000_000)
	before := time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC).UnixNano()
	for i := 0; b.Loop(); i = (i + 1) % len(c.Offers()) {
		market.Advise(m, i, c.Offers()[i].Capacity, c.Offers()[i].PayAsYouGoMicros, before)
	}
}

// BenchmarkHistory is the price history of one offer over 30 days.
func BenchmarkHistory(b *testing.B) {
	c, m := shipped(b, 1, 1_000_000)
	before := time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)
	for i := 0; b.Loop(); i = (i + 1) % len(c.Offers()) {
		market.History(m, i, before.AddDate(0, 0, -30).UnixNano(), before.UnixNano(), 1_000)
	}
}
