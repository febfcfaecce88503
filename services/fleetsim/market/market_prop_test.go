package market_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/market"
)

// shipped is the shipped catalog and its market.
func shipped(t testing.TB, seed uint64, volatility int64) (*catalog.Catalog, *market.Market) {
	t.Helper()
	c, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	m, err := market.New(c, seed, volatility)
	if err != nil {
		t.Fatal(err)
	}
	return c, m
}

// TestPrice_bounds_Prop holds S10: 10 % of pay-as-you-go <= spot <= pay-as-you-go.
func TestPrice_bounds_Prop(t *testing.T) {
	c, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		m, err := market.New(c, rapid.Uint64().Draw(t, "seed"), rapid.Int64Range(0, 10_000_000).Draw(t, "volatility"))
		if err != nil {
			t.Fatal(err)
		}
		offer := rapid.IntRange(0, len(c.Offers())-1).Draw(t, "offer")
		tick := rapid.Int64Range(-1<<40, 1<<40).Draw(t, "tick")
		list := c.Offers()[offer].PayAsYouGoMicros
		price := m.Price(offer, tick)
		if 10*price < list || price > list {
			t.Errorf("S10: price %d of list price %d", price, list)
		}
		if price%1_000 != 0 {
			t.Errorf("price %d is not a whole thousandth", price)
		}
		if demand := m.Demand(offer, tick); demand < 0 || demand > 2*c.Offers()[offer].Capacity {
			t.Errorf("demand %d of capacity %d", demand, c.Offers()[offer].Capacity)
		}
	})
}

func TestMarket_sameSeedSameMarket_Prop(t *testing.T) {
	_, a := shipped(t, 7, 1_000_000)
	c, b := shipped(t, 7, 1_000_000)
	_, other := shipped(t, 8, 1_000_000)
	differ := false
	rapid.Check(t, func(t *rapid.T) {
		offer := rapid.IntRange(0, len(c.Offers())-1).Draw(t, "offer")
		tick := rapid.Int64Range(0, 30_000_000).Draw(t, "tick")
		if a.Price(offer, tick) != b.Price(offer, tick) || a.Demand(offer, tick) != b.Demand(offer, tick) {
			t.Error("one seed gave two markets")
		}
		differ = differ || a.Demand(offer, tick) != other.Demand(offer, tick)
	})
	if !differ {
		t.Error("two seeds gave one market")
	}
}

func TestMarket_volatilityZeroStandsStill(t *testing.T) {
	c, m := shipped(t, 7, 0)
	for i, offer := range c.Offers() {
		base := offer.PayAsYouGoMicros * offer.SpotBasePermille / 1000
		if price := m.Price(i, 0); price < base-1_000 || price > base+1_000 {
			t.Errorf("%s: price %d, base %d", offer.InstanceType, price, base)
		}
		for tick := int64(5_900_000); tick < 5_900_300; tick += 7 {
			if m.Price(i, tick) != m.Price(i, 0) || m.Demand(i, tick) != m.Demand(i, 0) {
				t.Fatalf("%s in %s moved", offer.InstanceType, offer.ZoneID)
			}
		}
	}
}

// week is the ticks of one week in November 2026.
func week() (from, to int64) {
	from = market.TickOf(time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC).UnixNano())
	return from, from + int64(7*24*time.Hour/market.Tick)
}

func TestMarket_oneWeekIsPlausible(t *testing.T) {
	c, m := shipped(t, 1, 1_000_000)
	from, to := week()
	var changes, short, total, atMost int64
	lowest, highest := int64(math.MaxInt64), int64(0)
	for i, offer := range c.Offers() {
		for tick := from; tick < to; tick++ {
			if m.Price(i, tick) != m.Price(i, tick-1) {
				changes++
			}
			demand := m.Demand(i, tick)
			share := demand * 1000 / offer.Capacity
			lowest, highest = min(lowest, share), max(highest, share)
			if demand >= offer.Capacity {
				short++
			}
			if share < 750 {
				atMost++
			}
			total++
		}
	}
	perDay := float64(changes) / float64(len(c.Offers())) / 7
	t.Logf("price changes per pool and day %.2f; short %.3f %% of the time; demand %d to %d permille; below 75 %% of capacity %.1f %% of the time",
		perDay, 100*float64(short)/float64(total), lowest, highest, 100*float64(atMost)/float64(total))
	if perDay < 0.5 || perDay > 6 {
		t.Errorf("a pool changes its price %.2f times a day", perDay)
	}
	if share := float64(short) / float64(total); share == 0 || share > 0.03 {
		t.Errorf("pools are short %.3f %% of the time", 100*share)
	}
}

func TestDemand_movesTogetherInsideAFamilyAndZone(t *testing.T) {
	c, m := shipped(t, 1, 1_000_000)
	from, to := week()
	series := func(zone, family string) (all [][]float64) {
		for i, offer := range c.Offers() {
			if offer.ZoneID != zone || offer.Family != family {
				continue
			}
			var of []float64
			for tick := from; tick < to+3*(to-from); tick += 6 {
				of = append(of, float64(m.Demand(i, tick))/float64(offer.Capacity))
			}
			all = append(all, of)
		}
		return all
	}
	var siblings, strangers []float64
	family, others := series("cn-shenzhen-d", "ecs.c6"), series("cn-shenzhen-f", "ecs.r7")
	for i, a := range family {
		for _, b := range family[:i] {
			siblings = append(siblings, calmCorrelation(a, b))
		}
		for _, b := range others {
			strangers = append(strangers, calmCorrelation(a, b))
		}
	}
	sibling, stranger := average(siblings), average(strangers)
	t.Logf("same family and zone %.2f, other family and zone %.2f, of %d and %d pairs", sibling, stranger, len(siblings), len(strangers))
	if sibling < 0.5 || stranger < 0.05 || sibling <= stranger+0.1 || slices.Max(siblings) > 0.995 {
		t.Errorf("correlation: same family and zone %.2f, other family and zone %.2f", sibling, stranger)
	}
}

// calmCorrelation leaves out shortages, which say little of how demand moves
// else but would outweigh it.
func calmCorrelation(a, b []float64) float64 {
	var calmA, calmB []float64
	for i := range a {
		if a[i] < 0.8 && b[i] < 0.8 {
			calmA, calmB = append(calmA, a[i]), append(calmB, b[i])
		}
	}
	return correlation(calmA, calmB)
}

func correlation(a, b []float64) float64 {
	var sumA, sumB float64
	for i := range a {
		sumA, sumB = sumA+a[i], sumB+b[i]
	}
	meanA, meanB := sumA/float64(len(a)), sumB/float64(len(b))
	var covariance, varianceA, varianceB float64
	for i := range a {
		x, y := a[i]-meanA, b[i]-meanB
		covariance, varianceA, varianceB = covariance+x*y, varianceA+x*x, varianceB+y*y
	}
	return covariance / math.Sqrt(varianceA*varianceB)
}

func BenchmarkMarket_allOffers(b *testing.B) {
	c, m := shipped(b, 1, 1_000_000)
	from, _ := week()
	var sum int64
	for tick := from; b.Loop(); tick++ {
		for i := range c.Offers() {
			sum += m.Price(i, tick) + m.Demand(i, tick)
		}
	}
	_ = sum
}
