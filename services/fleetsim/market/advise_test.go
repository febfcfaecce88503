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
