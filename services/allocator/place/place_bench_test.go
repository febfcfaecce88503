package place_test

import (
	"fmt"
	"testing"

	"github.com/seed-198b1370/muster/services/allocator/place"
)

// typical is what a group with 20 candidates asks for, of a market of 60 pools.
func typical(strategy place.Strategy, poolsToUse int, wanted int64) situation {
	s := situation{Market: market{}}
	for i := range 30 {
		key := place.Key{Zone: "cn-shenzhen-" + string(rune('a'+i%3)), Type: fmt.Sprintf("ecs.c%d.large", 5+i/3)}
		list := int64(300_000 + 7_000*i)
		s.Market[key] = &place.Offer{
			ListPrice:  list,
			PayAsYouGo: place.Pool{OnSale: true, Price: list, Available: 80},
			Spot:       place.Pool{OnSale: true, Price: list / 4, Available: 80},
		}
		if i < 20 {
			s.Request.Candidates = append(s.Request.Candidates, place.Candidate{Key: key, Weight: int64(1+i%4) * 1000})
		}
	}
	for i := range 4 {
		s.Request.Exclusions = append(s.Request.Exclusions, place.Exclusion{Key: s.Request.Candidates[3*i].Key, Billing: place.Spot, Refused: at(1)})
	}
	s.Request.Demands = []place.Demand{
		{Billing: place.PayAsYouGo, Wanted: wanted / 4},
		{Billing: place.Spot, Wanted: wanted, Strategy: strategy, PoolsToUse: poolsToUse},
	}
	return s
}

func BenchmarkPlace(b *testing.B) {
	for _, bench := range []struct {
		name       string
		strategy   place.Strategy
		poolsToUse int
		units      int64
	}{
		{"lowest-price", place.LowestPrice, 1, 100},
		{"5-pools", place.LowestPrice, 5, 100},
		{"20-pools", place.LowestPrice, 20, 2_000},
		{"diversified", place.Diversified, 1, 100},
		{"diversified-2000", place.Diversified, 1, 2_000},
	} {
		b.Run(bench.name, func(b *testing.B) {
			s := typical(bench.strategy, bench.poolsToUse, bench.units*1000)
			b.ReportAllocs()
			for b.Loop() {
				mustPlace(s.Request, s.Market)
			}
		})
	}
}
