package place_test

import (
	"fmt"
	"testing"

	"github.com/seed-198b1370/muster/services/allocator/place"
)

// BenchmarkPlace_lowestCost places 10,000 units over 20 pools by the lowest cost;
// ratio is the time against that of ascending price per unit on the same request,
// in the same run.
func BenchmarkPlace_lowestCost(b *testing.B) {
	for _, bench := range []struct {
		name string
		// grain is what all weights are multiples of.
		grain int64
		limit *int32
	}{
		{"whole-units", 1000, nil},
		{"tenths", 100, nil},
		{"thousandths", 1, nil},
		{"thousandths/limited", 1, new(int32(1_200))},
	} {
		s := situation{Market: market{}}
		for i := range int64(20) {
			key := place.Key{Zone: "a", Type: fmt.Sprintf("t%d", i)}
			weight := (1_000 + (i*7_919)%15_013) / bench.grain * bench.grain
			price := weight * (95 + (i*31)%11)
			s.Market[key] = &place.Offer{ListPrice: price, PayAsYouGo: place.Pool{OnSale: true, Price: price, Available: 400}}
			s.Request.Candidates = append(s.Request.Candidates, place.Candidate{Key: key, Weight: weight})
		}
		s.Request.MaxInstances = bench.limit
		var baseline float64
		for _, strategy := range []place.Strategy{place.LowestPrice, place.LowestCost} {
			s.Request.Demands = []place.Demand{{Billing: place.PayAsYouGo, Wanted: 10_000_000, Strategy: strategy}}
			b.Run(fmt.Sprintf("%s/by-cost-%t", bench.name, strategy == place.LowestCost), func(b *testing.B) {
				for b.Loop() {
					mustPlace(s.Request, s.Market)
				}
				each := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
				if strategy == place.LowestPrice {
					baseline = each
				}
				b.ReportMetric(each/baseline, "ratio")
			})
		}
	}
}
