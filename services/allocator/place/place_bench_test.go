package place_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/seed-198b1370/muster/services/allocator/place"
)

// sale makes a request with so many candidates, 1 to 4 units each, in 3 zones,
// and their market. Every number differs from pool to pool.
func sale(pools int) situation {
	s := situation{Market: make(market, pools)}
	for i := range pools {
		key := place.Key{Zone: "cn-shenzhen-" + string(rune('a'+i%3)), Type: fmt.Sprintf("ecs.c%d.large", i/3)}
		list := int64(300_000 + (7_919*i)%1_000_003)
		stock := int32(20 + (31*i)%200)
		s.Market[key] = &place.Offer{
			ListPrice:  list,
			PayAsYouGo: place.Pool{OnSale: true, Price: list, Available: stock, InterruptionPermille: place.Unknown},
			Spot:       place.Pool{OnSale: true, Price: list / 4, Available: stock, InterruptionPermille: int32((17 * i) % 120)},
		}
		s.Request.Candidates = append(s.Request.Candidates, place.Candidate{
			Key: key, Weight: int64(1+i%4) * 1000, Priority: new(int32(i % 5)), Source: int32(i % 20),
		})
	}
	for i := range 4 {
		s.Request.Exclusions = append(s.Request.Exclusions, place.Exclusion{Key: s.Request.Candidates[3*i].Key, Billing: place.Spot, Refused: at(1)})
	}
	return s
}

func (s situation) spot(demand place.Demand, units int64) situation {
	demand.Billing, demand.Wanted = place.Spot, units*1000
	s.Request.Demands = []place.Demand{demand}
	return s
}

// forEachStrategy names a demand of each strategy but LowestCost, which has
// benchmarks of its own.
func forEachStrategy(run func(name string, demand place.Demand)) {
	for _, named := range []struct {
		name   string
		demand place.Demand
	}{
		{"lowest-price", place.Demand{Strategy: place.LowestPrice}},
		{"20-pools-to-use", place.Demand{Strategy: place.LowestPrice, PoolsToUse: 20}},
		{"prioritized", place.Demand{Strategy: place.Prioritized}},
		{"diversified", place.Demand{Strategy: place.Diversified}},
		{"capacity-optimized", place.Demand{Strategy: place.CapacityOptimized}},
		{"capacity-optimized-prioritized", place.Demand{Strategy: place.CapacityOptimizedPrioritized}},
		{"price-capacity-optimized", place.Demand{Strategy: place.PriceCapacityOptimized}},
		{"zones-balanced", place.Demand{Strategy: place.ZoneAndType, TypePolicy: place.TypesCostCentered}},
		{"zones-sequenced", place.Demand{Strategy: place.ZoneAndType, ZonePolicy: place.ZonesSequenced}},
	} {
		run(named.name, named.demand)
	}
}

// BenchmarkPlace places 1,000 units: over 60 candidates; and with two demands
// over 20 of a market of 60 pools.
func BenchmarkPlace(b *testing.B) {
	forEachStrategy(func(name string, demand place.Demand) {
		b.Run("60-candidates/"+name, func(b *testing.B) {
			s := sale(60).spot(demand, 1_000)
			b.ReportAllocs()
			for b.Loop() {
				mustPlace(s.Request, s.Market)
			}
		})
		b.Run("20-of-60/"+name, func(b *testing.B) {
			s := sale(60).spot(demand, 1_000)
			s.Request.Candidates = s.Request.Candidates[:20]
			s.Request.Demands = append([]place.Demand{{Billing: place.PayAsYouGo, Wanted: 250_000}}, s.Request.Demands...)
			b.ReportAllocs()
			for b.Loop() {
				mustPlace(s.Request, s.Market)
			}
		})
	})
}

// A shelf is a market that tells its offers in the order in which they are asked
// for: it costs nothing to look up, unlike a map that outgrows the caches.
type shelf struct {
	offers []place.Offer
	asked  int
}

func shelve(s situation) *shelf {
	all := &shelf{}
	for i := range s.Request.Candidates {
		all.offers = append(all.offers, *s.Market[s.Request.Candidates[i].Key])
	}
	return all
}

func (s *shelf) Offer(place.Key) *place.Offer {
	offer := &s.offers[s.asked%len(s.offers)]
	s.asked++
	return offer
}

// BenchmarkPlace_growth places 10,000 units over more and more pools. ns/nlogn
// is the time for each pool and doubling of the pools, and of-fewest what it is
// of that of the fewest pools in the same run: about 1 when the time grows as
// sorting does.
func BenchmarkPlace_growth(b *testing.B) {
	forEachStrategy(func(name string, demand place.Demand) {
		fewest := 0.0
		for _, pools := range []int{1_000, 3_000, 10_000, 30_000, 100_000} {
			b.Run(fmt.Sprintf("%s/%d-pools", name, pools), func(b *testing.B) {
				s := sale(pools).spot(demand, 10_000)
				market := shelve(s)
				b.ReportAllocs()
				for b.Loop() {
					mustPlace(s.Request, market)
				}
				n := float64(pools)
				each := float64(b.Elapsed().Nanoseconds()) / float64(b.N) / (n * math.Log2(n))
				if fewest == 0 {
					fewest = each
				}
				b.ReportMetric(each, "ns/nlogn")
				b.ReportMetric(each/fewest, "of-fewest")
			})
		}
	})
}
