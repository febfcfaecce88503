package market_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/seed-198b1370/muster/services/fleetsim/market"
)

// over is an offer's demand in parts of its capacity, over ticks from a day in
// November 2026 on.
func over(t *testing.T, volatility int64, offer int, days int) []float64 {
	t.Helper()
	c, m := shipped(t, 1, volatility)
	from, _ := week()
	var all []float64
	for tick := from; tick < from+int64(days)*288; tick++ {
		all = append(all, float64(m.Demand(offer, tick))/float64(c.Offers()[offer].Capacity))
	}
	return all
}

// TestDemand_comesBackToItsMean holds that demand reverts: what it was is
// nearly all there is to know minutes later, and little of it days later.
func TestDemand_comesBackToItsMean(t *testing.T) {
	c, _ := shipped(t, 1, 1_000_000)
	var soon, later, drift []float64
	for _, zone := range c.ZoneIDs() {
		index, _ := c.Find(zone, "ecs.c6.large")
		all := over(t, 1_000_000, index, 60)
		soon = append(soon, correlation(all[:len(all)-1], all[1:]))
		later = append(later, correlation(all[:len(all)-3*288-60], all[3*288+60:]))
		half := len(all) / 2
		drift = append(drift, math.Abs(average(all[:half])-average(all[half:])))
	}
	t.Logf("correlation after 5 minutes %.2f, after 3 days and 5 hours %.2f; 30 days differ from the next by %.3f", soon, later, drift)
	if slices.Min(soon) < 0.95 || average(later) > 0.3 || slices.Max(drift) > 0.15 {
		t.Error("demand does not revert to its mean")
	}
}

func average(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// TestDemand_gpusAreScarce holds what traces of real GPU stock show: it is there
// for some of the time only, from seldom to mostly, and less where it is dear.
func TestDemand_gpusAreScarce(t *testing.T) {
	c, m := shipped(t, 1, 1_000_000)
	from, _ := week()
	var available, base, plenty []float64
	for i, o := range c.Offers() {
		if o.GPUs == 0 && i%20 != 0 {
			continue
		}
		up := 0.0
		for tick := from; tick < from+30*288; tick++ {
			if m.Demand(i, tick) < o.Capacity {
				up += 1.0 / 30 / 288
			}
		}
		if o.GPUs == 0 {
			plenty = append(plenty, up)
			continue
		}
		available, base = append(available, up), append(base, float64(o.SpotBasePermille))
	}
	t.Logf("GPUs available %.2f to %.2f, %.2f on average, correlation with price %.2f; others %.3f", slices.Min(available), slices.Max(available), average(available), correlation(available, base), average(plenty))
	spread := slices.Sorted(slices.Values(available))
	if spread[len(spread)/20] < 0.02 || slices.Max(available) > 0.99 || average(available) < 0.35 || average(available) > 0.75 || correlation(available, base) > -0.7 {
		t.Error("GPUs are not scarce as traces show")
	}
	if average(plenty) < 0.98 {
		t.Error("other types are short too often")
	}
}

// TestPrice_movesSeldomAndInSmallSteps holds that prices are smoothed.
func TestPrice_movesSeldomAndInSmallSteps(t *testing.T) {
	c, m := shipped(t, 1, 1_000_000)
	from, _ := week()
	var steps []float64
	for i := 0; i < len(c.Offers()); i += 5 {
		price, changed := m.Price(i, from), int64(0)
		for tick := from + 1; tick < from+60*288; tick++ {
			now := m.Price(i, tick)
			if now == price {
				continue
			}
			if gap := time.Duration(tick-changed) * market.Tick; gap < 4*time.Hour+30*time.Minute {
				t.Fatalf("%s changes its price after %v", c.Offers()[i].InstanceType, gap)
			}
			if c.Offers()[i].PayAsYouGoMicros > 10_000_000 { // where rounding does not show
				steps = append(steps, math.Abs(math.Log(float64(now)/float64(price))))
			}
			price, changed = now, tick
		}
	}
	slices.Sort(steps)
	median, most := steps[len(steps)/2], steps[len(steps)*99/100]
	t.Logf("%d steps, median %.4f, 99 %% below %.4f", len(steps), median, most)
	if median > 0.004 || most > 0.08 {
		t.Error("steps are not small")
	}
}

// TestMarket_volatilityIsContinuous holds that a little volatility is nearly a
// market that stands still, for scarce offers, too.
func TestMarket_volatilityIsContinuous(t *testing.T) {
	c, still := shipped(t, 1, 0)
	_, calm := shipped(t, 1, 1_000)
	from, to := week()
	for i, o := range c.Offers() {
		for tick := from; tick < to; tick += 97 {
			demand, price := calm.Demand(i, tick)-still.Demand(i, tick), calm.Price(i, tick)-still.Price(i, tick)
			if demand*100 > o.Capacity+100 || -demand*100 > o.Capacity+100 || price*100 > o.PayAsYouGoMicros+100_000 || -price*100 > o.PayAsYouGoMicros+100_000 {
				t.Fatalf("%s in %s: demand differs by %d of %d, price by %d of %d", o.InstanceType, o.ZoneID, demand, o.Capacity, price, o.PayAsYouGoMicros)
			}
		}
	}
}
