package place_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/seed-198b1370/muster/services/allocator/place"
)

// hostile is the largest that a request can be in every number: pools of every
// weight, prices up to the largest number, all stock, a need of a billion units.
func hostile(pools, zones int) situation {
	s := situation{Market: make(market, pools)}
	for i := range pools {
		key := place.Key{Zone: fmt.Sprintf("z%d", i%zones), Type: fmt.Sprintf("t%d", i)}
		price := int64(math.MaxInt64 - i%3)
		if i%5 == 0 {
			price = int64(i)
		}
		stock := int32(math.MaxInt32)
		switch i % 7 {
		case 0:
			stock = place.Unknown
		case 1, 2, 3:
			stock = int32(1 + i%1009)
		}
		pool := place.Pool{OnSale: true, Price: price, Available: stock, InterruptionPermille: int32(i % 1001)}
		s.Market[key] = &place.Offer{ListPrice: math.MaxInt64, PayAsYouGo: pool, Spot: pool}
		weight := int64(1)
		switch i % 3 {
		case 1:
			weight = 10_000_000
		case 2:
			weight = 10_000_000 - int64(i)
		}
		s.Request.Candidates = append(s.Request.Candidates, place.Candidate{
			Key: key, Weight: weight, Priority: new(int32(math.MaxInt32 - i%2)), MaxPrice: math.MaxInt64,
			Source: int32(i % 20), PriceProtection: new(int32(10_000)),
		})
		if i < zones {
			s.Request.Existing = append(s.Request.Existing, place.ZoneCapacity{
				Zone: key.Zone, Milliunits: 1_000_000_000_000 - int64(i), Instances: 1_000_000 - int64(i%1000),
			})
		}
	}
	return s
}

// However large a request is, nothing overflows and the answer keeps its
// promises. That it takes no longer than such a size must is seen by the test
// coming to an end.
func TestPlace_hostileSizes(t *testing.T) {
	const wanted = 1_000_000_000_000
	for _, size := range []struct {
		pools, zones int
		limit        *int64
	}{
		{100_000, 20, nil},
		{10_000, 500, nil},
		{10_000, 500, new(int64(wanted - 5_000_001))},
	} {
		s := hostile(size.pools, size.zones)
		s.Request.MaxMilliunits = size.limit
		forEachStrategy(func(name string, demand place.Demand) {
			demand.Billing, demand.Wanted = place.Spot, wanted
			if demand.PoolsToUse > 1 {
				demand.PoolsToUse = size.pools
			}
			s.Request.Demands = []place.Demand{demand}
			t.Run(fmt.Sprintf("%s/%d-pools/limited-%t", name, size.pools, size.limit != nil), func(t *testing.T) {
				checkHostile(t, s)
			})
		})
	}
}

func checkHostile(t *testing.T, s situation) {
	p := mustPlace(s.Request, s.Market)
	got, demand := p.Demands[0], s.Request.Demands[0]
	var placed, instances int64
	lightest := int64(math.MaxInt64)
	for _, d := range got.Decisions {
		if d.Instances < 0 || d.SharePermille < 0 || d.SharePermille > 1000 || d.UnitPrice < 0 {
			t.Errorf("%+v", d)
		}
		if d.Available != place.Unknown && d.Instances > d.Available {
			t.Errorf("%+v is more than there is", d)
		}
		if d.Instances > 0 {
			lightest = min(lightest, d.Weight)
		}
		placed += int64(d.Instances) * d.Weight
		instances += int64(d.Instances)
	}
	if placed != got.Placed || placed != p.Placed || instances != int64(p.Instances) {
		t.Errorf("%d in %d instances, told as %d and %d in %d", placed, instances, got.Placed, p.Placed, p.Instances)
	}
	// No answer can name more instances than this.
	full := instances == math.MaxInt32
	switch limit := s.Request.MaxMilliunits; {
	case limit != nil && (placed > *limit || placed < *limit && !full):
		t.Errorf("placed %d under a limit of %d", placed, *limit)
	case limit == nil && placed < demand.Wanted && !full:
		t.Errorf("placed %d of %d", placed, demand.Wanted)
	case limit == nil && placed >= demand.Wanted && isEven(demand) && lightest <= placed-demand.Wanted:
		t.Errorf("placed %d, one of %d could go", placed, lightest)
	}
	if p.Cost < 0 || p.ListCost < 0 || p.Interruptions < 0 {
		t.Errorf("totals %d, %d, %d", p.Cost, p.ListCost, p.Interruptions)
	}
}

// Prices can be so high that lowest-cost can not add up what a set loses. Then it
// refuses; it must not take that for a need that nothing meets.
func TestPlace_lowestCostRefusesWhatItCanNotAddUp(t *testing.T) {
	type sold struct {
		weight, price int64
		stock         int32
	}
	for limit, pools := range map[int64][]sold{
		10_122_250: {{10_000_000, 623, 1}, {1, math.MaxInt64 - 1, place.Unknown}, {19, math.MaxInt64 / 2, 1}, {999, 149, 1}},
		8_846_323:  {{4_423_324, 0, 1}, {7, 0, 1}, {4, 3, 1}, {1000, math.MaxInt64 / 2, math.MaxInt32}},
	} {
		s := situation{Market: market{}, Request: place.Request{
			Demands:       []place.Demand{{Billing: place.Spot, Wanted: 1_000_000_000_000, Strategy: place.LowestCost}},
			MaxMilliunits: &limit,
		}}
		for i, of := range pools {
			key := place.Key{Zone: "a", Type: fmt.Sprintf("t%d", i)}
			s.Market[key] = &place.Offer{ListPrice: of.price, Spot: place.Pool{OnSale: true, Available: of.stock, Price: of.price, InterruptionPermille: place.Unknown}}
			s.Request.Candidates = append(s.Request.Candidates, place.Candidate{Key: key, Weight: of.weight})
		}
		if _, err := place.Place(s.Request, s.Market); !errors.Is(err, place.ErrSearchTooLarge) {
			t.Errorf("under a limit of %d: got %v, want %v", limit, err, place.ErrSearchTooLarge)
		}
	}
}
