package place_test

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/seed-198b1370/muster/services/allocator/place"
)

// A situation is a request and the market that it meets.
type situation struct {
	Request place.Request
	Market  market
}

func at(minute int) time.Time { return time.Unix(0, 0).Add(time.Duration(minute) * time.Minute) }

var weights = []int64{1000, 2000, 4000, 8000, 700, 1, 3333}

// situationGen draws any situation: duplicates, limits and exclusions included.
func situationGen() *rapid.Generator[situation] {
	return rapid.Custom(func(t *rapid.T) situation {
		s := situation{Market: marketGen().Draw(t, "market")}
		r := &s.Request
		r.Candidates = rapid.SliceOfN(candidateGen(), 1, 20).Draw(t, "candidates")
		r.Demands = demandsGen().Draw(t, "demands")
		for range rapid.IntRange(0, 4).Draw(t, "exclusions") {
			r.Exclusions = append(r.Exclusions, place.Exclusion{
				Key: keyGen().Draw(t, "key"), Billing: rapid.SampledFrom([]place.Billing{place.PayAsYouGo, place.Spot}).Draw(t, "billing"),
				Refused: rapid.SampledFrom([]time.Time{{}, at(3), at(5), at(7)}).Draw(t, "refused"),
			})
		}
		for range rapid.IntRange(0, 3).Draw(t, "existing") {
			r.Existing = append(r.Existing, place.ZoneCapacity{
				Zone: rapid.SampledFrom(zoneNames).Draw(t, "zone"), Milliunits: rapid.Int64Range(0, 60_000).Draw(t, "held"),
				Instances: rapid.Int64Range(0, 20).Draw(t, "held instances"),
			})
		}
		for range rapid.IntRange(0, 3).Draw(t, "promises") {
			if r.Promised == nil {
				r.Promised = map[place.Key]int32{}
			}
			r.Promised[keyGen().Draw(t, "key")] = rapid.Int32Range(0, 30).Draw(t, "promised")
		}
		if rapid.Bool().Draw(t, "limited instances") {
			r.MaxInstances = new(rapid.Int32Range(0, 80).Draw(t, "instances"))
		}
		if rapid.Bool().Draw(t, "limited capacity") {
			r.MaxMilliunits = new(rapid.Int64Range(0, 150_000).Draw(t, "milliunits"))
		}
		return s
	})
}

// anySituationGen draws a situation as it is likely or one at the limits of what
// numbers may be.
func anySituationGen() *rapid.Generator[situation] { return rapid.OneOf(situationGen(), extremeGen()) }

// extremeGen draws few pools, with weights, prices, stocks, needs and limits that
// are as small or as large as can be.
func extremeGen() *rapid.Generator[situation] {
	weightGen := rapid.OneOf(rapid.Int64Range(1, 10_000_000), rapid.SampledFrom([]int64{1, 2, 3, 7, 999, 1000, 1001, 9_999_999, 10_000_000}))
	priceGen := rapid.OneOf(rapid.Int64Range(0, 5), rapid.Int64Min(0), rapid.SampledFrom([]int64{math.MaxInt64, math.MaxInt64 - 1, math.MaxInt64 / 2}))
	stockGen := rapid.OneOf(rapid.Int32Range(0, 5), rapid.SampledFrom([]int32{place.Unknown, math.MaxInt32, math.MaxInt32 - 1}))
	wantedGen := rapid.OneOf(rapid.Int64Range(1, 3_000), rapid.Int64Range(1, 30_000_000), rapid.Int64Range(1, 1_000_000_000_000), rapid.Just(int64(1_000_000_000_000)))
	maxPriceGen := rapid.SampledFrom([]int64{0, 0, 0, 1, math.MaxInt64})
	return rapid.Custom(func(t *rapid.T) situation {
		s := situation{Market: market{}, Request: place.Request{Promised: map[place.Key]int32{}, Demands: demandsGen().Draw(t, "demands")}}
		r := &s.Request
		for i := range rapid.IntRange(1, 9).Draw(t, "pools") {
			key := place.Key{Zone: rapid.SampledFrom(zoneNames).Draw(t, "zone"), Type: fmt.Sprint("t", i)}
			stock, list := stockGen.Draw(t, "stock"), priceGen.Draw(t, "list")
			s.Market[key] = &place.Offer{
				ListPrice:  list,
				PayAsYouGo: place.Pool{OnSale: true, Price: list, Available: stock, InterruptionPermille: place.Unknown},
				Spot:       place.Pool{OnSale: true, Price: priceGen.Draw(t, "price"), Available: stock, InterruptionPermille: rapid.Int32Range(place.Unknown, 1000).Draw(t, "interrupted")},
			}
			c := place.Candidate{Key: key, Weight: weightGen.Draw(t, "weight"), MaxPrice: maxPriceGen.Draw(t, "max price")}
			if rapid.IntRange(0, 4).Draw(t, "protected") == 0 {
				c.PriceProtection = new(rapid.SampledFrom([]int32{0, 10, 10_000}).Draw(t, "protection"))
			}
			r.Candidates = append(r.Candidates, c)
			r.Promised[key] = rapid.SampledFrom([]int32{0, 0, 0, 3, math.MaxInt32}).Draw(t, "promised")
		}
		for i := range r.Demands {
			r.Demands[i].Wanted, r.Demands[i].MaxPrice = wantedGen.Draw(t, "wanted"), maxPriceGen.Draw(t, "max price of all")
		}
		for _, zone := range zoneNames {
			r.Existing = append(r.Existing, place.ZoneCapacity{
				Zone: zone, Milliunits: rapid.SampledFrom([]int64{0, 1, 5_000_000, 1_000_000_000_000}).Draw(t, "held"),
				Instances: rapid.SampledFrom([]int64{0, 1, 1_000_000}).Draw(t, "held instances"),
			})
		}
		if rapid.Bool().Draw(t, "limited instances") {
			r.MaxInstances = new(rapid.SampledFrom([]int32{0, 1, 2, 17, 100_000}).Draw(t, "instances"))
		}
		if rapid.Bool().Draw(t, "limited capacity") {
			r.MaxMilliunits = new(rapid.OneOf(rapid.Int64Range(0, 40_000_000), wantedGen).Draw(t, "milliunits"))
		}
		return s
	})
}

var zoneNames = []string{"a", "b", "c", "d"}

func keyGen() *rapid.Generator[place.Key] {
	return rapid.Custom(func(t *rapid.T) place.Key {
		return place.Key{Zone: rapid.SampledFrom(zoneNames).Draw(t, "zone"), Type: fmt.Sprintf("t%d", rapid.IntRange(1, 5).Draw(t, "type"))}
	})
}

func marketGen() *rapid.Generator[market] {
	stockGen := rapid.OneOf(rapid.Int32Range(0, 40), rapid.Just(place.Unknown))
	return rapid.Custom(func(t *rapid.T) market {
		m := market{}
		for _, zone := range zoneNames {
			for i := 1; i <= 5; i++ {
				if rapid.IntRange(0, 9).Draw(t, "sold") == 0 {
					continue
				}
				list := rapid.Int64Range(10, 1000).Draw(t, "list")
				stock, restocked := stockGen.Draw(t, "stock"), at(rapid.IntRange(0, 9).Draw(t, "restocked"))
				m[place.Key{Zone: zone, Type: fmt.Sprintf("t%d", i)}] = &place.Offer{
					ListPrice:  list,
					PayAsYouGo: place.Pool{OnSale: true, Price: list, Available: stock, Restocked: restocked, InterruptionPermille: place.Unknown},
					Spot: place.Pool{
						OnSale: rapid.IntRange(0, 9).Draw(t, "spot") > 0, Price: rapid.Int64Range(list/10, list).Draw(t, "price"),
						Available: rapid.OneOf(rapid.Just(stock), stockGen).Draw(t, "spot stock"), Restocked: restocked,
						InterruptionPermille: rapid.SampledFrom([]int32{place.Unknown, 0, 29, 30, 49, 50, 99, 100, 1000}).Draw(t, "interrupted"),
					},
				}
			}
		}
		return m
	})
}

func candidateGen() *rapid.Generator[place.Candidate] {
	return rapid.Custom(func(t *rapid.T) place.Candidate {
		c := place.Candidate{
			Key: keyGen().Draw(t, "key"), Weight: rapid.SampledFrom(weights).Draw(t, "weight"),
			MaxPrice: rapid.SampledFrom([]int64{0, 0, 300}).Draw(t, "max price"), Source: rapid.Int32Range(0, 2).Draw(t, "source"),
		}
		if rapid.IntRange(0, 3).Draw(t, "protected") == 0 {
			c.PriceProtection = new(rapid.SampledFrom([]int32{0, 20, 100, 10_000}).Draw(t, "protection"))
		}
		if rapid.Bool().Draw(t, "prioritised") {
			c.Priority = new(rapid.Int32Range(0, 3).Draw(t, "priority"))
		}
		return c
	})
}

var (
	payAsYouGoStrategies = []place.Strategy{place.LowestPrice, place.Prioritized, place.LowestCost, place.ZoneAndType}
	spotStrategies       = []place.Strategy{
		place.LowestPrice, place.Diversified, place.CapacityOptimized, place.CapacityOptimizedPrioritized,
		place.PriceCapacityOptimized, place.LowestCost, place.ZoneAndType,
	}
)

// isEven tells whether a demand is spread evenly, over pools or zones.
func isEven(d place.Demand) bool {
	return d.Strategy == place.Diversified || d.Strategy == place.LowestPrice && d.PoolsToUse > 1 ||
		d.Strategy == place.ZoneAndType && d.ZonePolicy == place.ZonesBalanced
}

func demandsGen() *rapid.Generator[[]place.Demand] {
	demandGen := func(billing place.Billing) *rapid.Generator[place.Demand] {
		return rapid.Custom(func(t *rapid.T) place.Demand {
			d := place.Demand{Billing: billing, Wanted: rapid.Int64Range(1, 120_000).Draw(t, "wanted")}
			if billing == place.PayAsYouGo {
				d.Strategy = rapid.SampledFrom(payAsYouGoStrategies).Draw(t, "strategy")
			} else {
				d.Strategy = rapid.SampledFrom(spotStrategies).Draw(t, "strategy")
				d.PoolsToUse = rapid.IntRange(0, 8).Draw(t, "pools to use")
				d.MaxPrice = rapid.SampledFrom([]int64{0, 0, 400}).Draw(t, "max price")
			}
			d.ZonePolicy = rapid.SampledFrom([]place.ZonePolicy{place.ZonesBalanced, place.ZonesSequenced}).Draw(t, "zones")
			d.TypePolicy = rapid.SampledFrom([]place.TypePolicy{place.TypesSequenced, place.TypesCostCentered}).Draw(t, "types")
			return d
		})
	}
	return rapid.Custom(func(t *rapid.T) []place.Demand {
		both := []place.Demand{demandGen(place.PayAsYouGo).Draw(t, "pay-as-you-go"), demandGen(place.Spot).Draw(t, "spot")}
		switch rapid.IntRange(0, 3).Draw(t, "which") {
		case 0:
			return both[:1]
		case 1:
			return both[1:]
		case 2:
			slices.Reverse(both)
		}
		return both
	})
}

// placeDrawn places what is drawn. Where a search for the lowest cost is refused as
// too large there is nothing to hold against the rules, and another case is drawn.
func placeDrawn(t *rapid.T, request place.Request, market place.Market) place.Placement {
	placement, err := place.Place(request, market)
	answered(t, err)
	return placement
}

// answered goes on only with an answer.
func answered(t *rapid.T, err error) {
	switch {
	case errors.Is(err, place.ErrSearchTooLarge):
		t.SkipNow()
	case err != nil:
		t.Fatal(err)
	}
}

func capacity(d place.Decision) int64 { return int64(d.Instances) * d.Weight }

// S3: the target is passed by the last instance only. Where pools are filled
// evenly, no instance of any pool can be taken away.
func TestPlace_overshoot_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySituationGen().Draw(t, "situation")
		for i, got := range placeDrawn(t, s.Request, s.Market).Demands {
			demand := s.Request.Demands[i]
			over := got.Placed - demand.Wanted
			taken := got.Decisions[:slices.IndexFunc(append(got.Decisions, place.Decision{}), func(d place.Decision) bool { return d.Verdict != place.Taken })]
			var last place.Decision
			if len(taken) > 0 {
				last = taken[len(taken)-1]
			}
			if over >= 0 && last.Weight <= over {
				t.Errorf("demand %d is passed by %d, last pool used is %+v", i, over, last)
			}
			if !isEven(demand) || demand.Strategy == place.LowestPrice && int(last.Rank) > demand.PoolsToUse {
				continue // all that were filled evenly are empty
			}
			for _, d := range taken {
				if d.Weight <= over {
					t.Errorf("demand %d is passed by %d, and pool %v could go without one of %d", i, over, d.Key, d.Weight)
				}
			}
		}
	})
}

// S5, and the rules that rule pools out.
func TestPlace_takesOnlyWhatItMay_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySituationGen().Draw(t, "situation")
		p := placeDrawn(t, s.Request, s.Market)
		taken := map[place.Key]int32{}
		for i, got := range p.Demands {
			demand := s.Request.Demands[i]
			for _, d := range got.Decisions {
				if (d.Verdict == place.Taken) != (d.Instances > 0) {
					t.Errorf("%+v: verdict and instances differ", d)
				}
				candidate := s.Request.Candidates[d.Candidate]
				if candidate.Key != d.Key || candidate.Weight != d.Weight {
					t.Errorf("%+v is not of candidate %+v", d, candidate)
				}
				if d.Verdict != place.Taken {
					continue
				}
				pool := s.Market[d.Key].Pool(demand.Billing)
				if demand.Billing == place.Spot && (demand.MaxPrice > 0 && pool.Price > demand.MaxPrice ||
					candidate.MaxPrice > 0 && pool.Price > candidate.MaxPrice) {
					t.Errorf("%+v is dearer than its maximum price", d)
				}
				if !pool.OnSale || pool.Available != place.Unknown && d.Instances > pool.Available-s.Request.Promised[d.Key] {
					t.Errorf("%+v is more than %+v has", d, pool)
				}
				for _, exclusion := range s.Request.Exclusions {
					if exclusion.Key == d.Key && exclusion.Billing == demand.Billing &&
						(exclusion.Refused.IsZero() || !pool.Restocked.After(exclusion.Refused)) {
						t.Errorf("%+v is excluded", d)
					}
				}
				taken[d.Key] += d.Instances
			}
		}
		for key, n := range taken {
			offer := s.Market[key]
			if shared := max(offer.PayAsYouGo.Available, offer.Spot.Available); offer.PayAsYouGo.Available != place.Unknown &&
				offer.Spot.Available != place.Unknown && n > shared-s.Request.Promised[key] {
				t.Errorf("%v: %d taken of a shared stock of %d", key, n, shared)
			}
		}
		if limit := s.Request.MaxInstances; limit != nil && p.Instances > *limit {
			t.Errorf("%d instances, limit %d", p.Instances, *limit)
		}
		if limit := s.Request.MaxMilliunits; limit != nil && p.Placed > *limit {
			t.Errorf("%d milliunits, limit %d", p.Placed, *limit)
		}
	})
}

// A need is met, or nothing that may be used is left or fits.
func TestPlace_meetsTheNeedWhereItCan_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySituationGen().Draw(t, "situation")
		var instances int32
		var placed int64
		for i, got := range placeDrawn(t, s.Request, s.Market).Demands {
			for _, d := range got.Decisions {
				instances += d.Instances
			}
			placed += got.Placed
			if got.Placed >= s.Request.Demands[i].Wanted {
				continue
			}
			for _, d := range got.Decisions {
				if d.Rank == 0 || d.Available != place.Unknown && d.Instances == d.Available {
					continue
				}
				roomy := instances < math.MaxInt32 && (s.Request.MaxInstances == nil || instances < *s.Request.MaxInstances) &&
					(s.Request.MaxMilliunits == nil || placed+d.Weight <= *s.Request.MaxMilliunits)
				if roomy || d.Verdict == place.NotNeeded {
					t.Errorf("demand %d is short by %d, but pool %+v could give more", i, s.Request.Demands[i].Wanted-got.Placed, d)
				}
			}
		}
	})
}

// The answer lists every pool once, in the promised order, and its sums are
// right.
func TestPlace_accountsForEveryPool_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := situationGen().Draw(t, "situation")
		p := placeDrawn(t, s.Request, s.Market)
		pools := map[place.Key]bool{}
		for _, candidate := range s.Request.Candidates {
			pools[candidate.Key] = true
		}
		want := place.Placement{Demands: p.Demands}
		for _, got := range p.Demands {
			if len(got.Decisions) != len(pools) {
				t.Errorf("%d decisions on %d pools", len(got.Decisions), len(pools))
			}
			var placed int64
			for j, d := range got.Decisions {
				placed += capacity(d)
				want.Instances += d.Instances
				want.Placed += capacity(d)
				want.Cost += d.Price * int64(d.Instances)
				if d.Instances > 0 {
					want.ListCost += s.Market[d.Key].ListPrice * int64(d.Instances)
				}
				if i := d.InterruptionPermille; i != place.Unknown && d.Instances > 0 {
					want.Interruptions += int64(d.Instances) * int64(i) * 24
				}
				if d.Instances > 0 && int64(d.SharePermille) != capacity(d)*1000/got.Placed {
					t.Errorf("%+v: share of %d", d, got.Placed)
				}
				if j > 0 && !inPromisedOrder(got.Decisions[j-1], d) {
					t.Errorf("%+v comes before %+v", got.Decisions[j-1], d)
				}
			}
			if placed != got.Placed {
				t.Errorf("decisions place %d, sum is %d", placed, got.Placed)
			}
		}
		if diff := gocmp.Diff(want, p); diff != "" {
			t.Errorf("totals (-want +got)\n%s", diff)
		}
	})
}

func inPromisedOrder(a, b place.Decision) bool {
	aTaken, bTaken := a.Verdict == place.Taken, b.Verdict == place.Taken
	switch {
	case aTaken && bTaken:
		return a.Rank < b.Rank
	case aTaken != bTaken:
		return aTaken
	default:
		return a.Candidate < b.Candidate
	}
}

func TestPlace_sameInputSameAnswer_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := situationGen().Draw(t, "situation")
		if diff := gocmp.Diff(placeDrawn(t, s.Request, s.Market), placeDrawn(t, s.Request, s.Market)); diff != "" {
			t.Error(diff)
		}
	})
}

// plainGen draws a spot demand of a strategy that goes by price, if not by that
// alone; each pool a candidate once and no two with the same price per unit.
func plainGen(strategies ...place.Strategy) *rapid.Generator[situation] {
	return rapid.Custom(func(t *rapid.T) situation {
		s := situationGen().Draw(t, "situation")
		seen := map[place.Key]bool{}
		s.Request.Candidates = slices.DeleteFunc(s.Request.Candidates, func(c place.Candidate) bool {
			defer func() { seen[c.Key] = true }()
			return seen[c.Key] || s.Market[c.Key] == nil
		})
		for i := range s.Request.Candidates {
			c := &s.Request.Candidates[i]
			c.MaxPrice = 0
			// A prime apart for each: no quotients are the same.
			s.Market[c.Key].Spot.Price = primes[i]
		}
		s.Request.Demands = []place.Demand{{
			Billing: place.Spot, Wanted: rapid.Int64Range(1, 120_000).Draw(t, "wanted"),
			Strategy: rapid.SampledFrom(strategies).Draw(t, "strategy"), TypePolicy: place.TypesCostCentered,
			PoolsToUse: rapid.IntRange(1, 8).Draw(t, "pools to use"),
		}}
		return s
	})
}

var primes = []int64{
	101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167, 173, 179, 181, 191, 193, 197,
}

// The order of the candidates decides ties and nothing else.
func TestPlace_orderOfCandidatesOnlyBreaksTies_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := plainGen(place.LowestPrice, place.CapacityOptimized, place.CapacityOptimizedPrioritized, place.PriceCapacityOptimized).Draw(t, "situation")
		before := placeDrawn(t, s.Request, s.Market)
		s.Request.Candidates = rapid.Permutation(s.Request.Candidates).Draw(t, "permuted")
		after := placeDrawn(t, s.Request, s.Market)
		diff := gocmp.Diff(before, after, cmpopts.IgnoreFields(place.Decision{}, "Candidate"),
			cmpopts.SortSlices(func(a, b place.Decision) bool { return a.Key.Zone+a.Key.Type < b.Key.Zone+b.Key.Type }))
		if diff != "" {
			t.Errorf("(-before +after)\n%s", diff)
		}
	})
}

// A pool that becomes dearer is not chosen more.
func TestPlace_dearerIsNotChosenMore_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := plainGen(place.LowestPrice, place.Diversified, place.CapacityOptimized, place.CapacityOptimizedPrioritized,
			place.PriceCapacityOptimized, place.ZoneAndType).Draw(t, "situation")
		if len(s.Request.Candidates) == 0 {
			t.Skip("no candidates")
		}
		key := rapid.SampledFrom(s.Request.Candidates).Draw(t, "candidate").Key
		before := chosen(placeDrawn(t, s.Request, s.Market), key)
		s.Market[key].Spot.Price += rapid.Int64Range(1, 400).Draw(t, "rise")
		if after := chosen(placeDrawn(t, s.Request, s.Market), key); after > before {
			t.Errorf("%v was chosen %d times, and %d times when dearer", key, before, after)
		}
	})
}

func chosen(p place.Placement, key place.Key) int32 {
	for _, d := range p.Demands[0].Decisions {
		if d.Key == key {
			return d.Instances
		}
	}
	return 0
}

// unlimited takes the limits away.
func unlimited(s situation) situation {
	s.Request.MaxInstances, s.Request.MaxMilliunits = nil, nil
	return s
}

func soldOut(d place.Decision) bool {
	return d.Available != place.Unknown && d.Instances == d.Available
}

// One pool after another: a pool is used only when those before it are empty.
func TestPlace_oneAfterAnother_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := unlimited(situationGen().Draw(t, "situation"))
		for i, got := range placeDrawn(t, s.Request, s.Market).Demands {
			demand := s.Request.Demands[i]
			if demand.Strategy == place.LowestCost || isEven(demand) && demand.Strategy != place.LowestPrice {
				continue
			}
			spread := 1
			if demand.Strategy == place.LowestPrice {
				spread = max(demand.PoolsToUse, 1)
			}
			byRank := map[int32]place.Decision{}
			for _, d := range got.Decisions {
				byRank[d.Rank] = d
			}
			for _, d := range got.Decisions {
				if d.Verdict != place.Taken || int(d.Rank) <= spread {
					continue
				}
				for rank := int32(1); rank < d.Rank; rank++ {
					if before := byRank[rank]; !soldOut(before) {
						t.Errorf("%+v is used, but %+v has more", d, before)
					}
				}
			}
		}
	})
}

// Even over the cheapest pools, even over zones: of two that could both give
// more, neither is ahead by more than two instances of the heaviest weight. A
// pool that is nearly empty does not count: it may have been emptied, and given
// back what the last instance made needless.
func TestPlace_even_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := unlimited(situationGen().Draw(t, "situation"))
		for i, got := range placeDrawn(t, s.Request, s.Market).Demands {
			demand := s.Request.Demands[i]
			if demand.Strategy != place.Diversified && demand.Strategy != place.LowestPrice {
				continue
			}
			shares := map[string]int64{}
			open := map[string]bool{}
			gave := map[string]bool{}
			for _, held := range s.Request.Existing {
				if demand.Strategy == place.Diversified {
					shares[held.Zone] += held.Milliunits
				}
			}
			for _, d := range got.Decisions {
				if d.Rank == 0 {
					continue
				}
				share := d.Key.Zone
				if demand.Strategy != place.Diversified {
					if int(d.Rank) > demand.PoolsToUse {
						continue
					}
					share = d.Key.Zone + d.Key.Type
				}
				shares[share] += capacity(d)
				open[share] = open[share] || d.Available == place.Unknown ||
					int64(d.Available-d.Instances)*d.Weight > slices.Max(weights)
				gave[share] = gave[share] || d.Instances > 0
			}
			for ahead := range gave {
				for behind := range open {
					if gave[ahead] && open[behind] && shares[ahead]-shares[behind] > 2*slices.Max(weights) {
						t.Errorf("demand %d: %q has %d, %q could give more and has %d", i, ahead, shares[ahead], behind, shares[behind])
					}
				}
			}
		}
	})
}

// Every pool that is ruled out is so by the first rule that it breaks, and one
// that breaks none is in the order of the strategy.
func TestPlace_firstRuleThatIsBroken_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := unlimited(situationGen().Draw(t, "situation"))
		p := placeDrawn(t, s.Request, s.Market)
		demand, got := s.Request.Demands[0], p.Demands[0]
		lowest := map[int32]*big.Rat{}
		for _, d := range got.Decisions {
			if offer := s.Market[d.Key]; s.Request.Candidates[d.Candidate].PriceProtection != nil && offer != nil && offer.Pool(demand.Billing).OnSale {
				if known := lowest[d.Source]; known == nil || unitPriceOf(d).Cmp(known) < 0 {
					lowest[d.Source] = unitPriceOf(d)
				}
			}
		}
		for _, d := range got.Decisions {
			want := ruleOf(s, demand, d, lowest[d.Source])
			if d.Verdict != want && (want != 0 || d.Rank == 0) {
				t.Errorf("%+v: want %q", d, verdicts[want])
			}
		}
	})
}

// ruleOf applies the rules of the document, one by one; 0 for none.
func ruleOf(s situation, demand place.Demand, d place.Decision, lowest *big.Rat) place.Verdict {
	candidate, offer := s.Request.Candidates[d.Candidate], s.Market[d.Key]
	if offer == nil || !offer.Pool(demand.Billing).OnSale {
		return place.NotOnSale
	}
	pool := offer.Pool(demand.Billing)
	for _, e := range s.Request.Exclusions {
		if e.Key == d.Key && e.Billing == demand.Billing && (e.Refused.IsZero() || !pool.Restocked.After(e.Refused)) {
			return place.Excluded
		}
	}
	if demand.Billing == place.Spot {
		for _, limit := range []int64{demand.MaxPrice, candidate.MaxPrice} {
			if limit > 0 && pool.Price > limit {
				return place.PriceTooHigh
			}
		}
	}
	if percent := candidate.PriceProtection; percent != nil {
		if unitPriceOf(d).Cmp(new(big.Rat).Mul(lowest, big.NewRat(100+int64(*percent), 100))) > 0 {
			return place.PriceProtected
		}
	}
	if pool.Available != place.Unknown && pool.Available <= s.Request.Promised[d.Key] {
		return place.NoStock
	}
	return 0
}

func unitPriceOf(d place.Decision) *big.Rat { return big.NewRat(d.Price, d.Weight) }

// Ranks follow the rule of the strategy: of two pools, the one that ranks first
// is no worse.
func TestPlace_ranksFollowTheRule_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := situationGen().Draw(t, "situation")
		p := placeDrawn(t, s.Request, s.Market)
		demand, got := s.Request.Demands[0], p.Demands[0]
		if demand.Strategy == place.LowestCost {
			return // it has no order to go by
		}
		ranked := slices.DeleteFunc(slices.Clone(got.Decisions), func(d place.Decision) bool { return d.Rank == 0 })
		byRule := slices.Clone(ranked)
		slices.SortFunc(ranked, func(a, b place.Decision) int { return cmp.Compare(a.Rank, b.Rank) })
		compare := ruleOfOrder(s.Request, demand, ranked)
		slices.SortFunc(byRule, func(a, b place.Decision) int {
			return cmp.Or(compare(a, b), cmp.Compare(a.Candidate, b.Candidate))
		})
		if diff := gocmp.Diff(byRule, ranked); diff != "" {
			t.Errorf("strategy %d (-by rule +ranked)\n%s", demand.Strategy, diff)
		}
	})
}

// ruleOfOrder is the rule of a strategy as the document has it.
func ruleOfOrder(r place.Request, demand place.Demand, eligible []place.Decision) func(a, b place.Decision) int {
	byUnitPrice := func(a, b place.Decision) int { return unitPriceOf(a).Cmp(unitPriceOf(b)) }
	byNumber := func(number func(place.Decision) int64) func(a, b place.Decision) int {
		return func(a, b place.Decision) int { return cmp.Compare(number(a), number(b)) }
	}
	priority := func(d place.Decision) int64 {
		if given := r.Candidates[d.Candidate].Priority; given != nil {
			return int64(*given)
		}
		return math.MaxInt64
	}
	band := func(d place.Decision) int64 {
		switch i := d.InterruptionPermille; {
		case i == place.Unknown:
			return 2
		case i < 30:
			return 0
		case i < 50:
			return 1
		case i < 100:
			return 2
		default:
			return 3
		}
	}
	halvings := func(d place.Decision) int64 {
		if d.Available == place.Unknown {
			return 3
		}
		var n int64
		for stock := int64(d.Available); stock*d.Weight < 4*demand.Wanted || stock < 100; stock *= 2 {
			n++
		}
		return n
	}
	orders := []func(a, b place.Decision) int{}
	switch demand.Strategy {
	case place.LowestCost: // goes by the sum, not by an order
	case place.LowestPrice:
		orders = append(orders, byUnitPrice)
	case place.Prioritized:
		orders = append(orders, byNumber(priority))
	case place.CapacityOptimized:
		orders = append(orders, byNumber(band), byNumber(halvings), byUnitPrice)
	case place.CapacityOptimizedPrioritized:
		orders = append(orders, byNumber(band), byNumber(halvings), byNumber(priority), byUnitPrice)
	case place.PriceCapacityOptimized:
		worst, deepest := int64(3), int64(math.MaxInt64)
		for _, d := range eligible {
			worst = min(worst, band(d))
		}
		worst = max(worst, 1)
		for _, d := range eligible {
			if band(d) <= worst {
				deepest = min(deepest, halvings(d))
			}
		}
		if slices.ContainsFunc(eligible, func(d place.Decision) bool { return band(d) <= worst }) {
			deepest += 2
		}
		good := func(d place.Decision) int64 {
			if band(d) <= worst && halvings(d) <= deepest {
				return 0
			}
			return 1
		}
		orders = append(orders, byNumber(good), func(a, b place.Decision) int {
			if good(a) == 0 {
				return byUnitPrice(a, b)
			}
			return cmp.Or(byNumber(band)(a, b), byNumber(halvings)(a, b), byUnitPrice(a, b))
		})
	case place.Diversified, place.ZoneAndType:
		orders = append(orders, byNumber(zoneRule(r, demand)))
		switch {
		case demand.Strategy == place.Diversified:
			orders = append(orders, byUnitPrice)
		case demand.TypePolicy == place.TypesCostCentered:
			orders = append(orders, byNumber(func(d place.Decision) int64 { return d.Price }))
		}
	}
	return func(a, b place.Decision) int {
		for _, order := range orders {
			if c := order(a, b); c != 0 {
				return c
			}
		}
		return 0
	}
}

// zoneRule is the order of zones as the document has it.
func zoneRule(r place.Request, demand place.Demand) func(d place.Decision) int64 {
	zones := zonesOf(r)
	held := func(zone string) (sum int64) {
		for _, e := range r.Existing {
			if e.Zone == zone && demand.Strategy == place.Diversified {
				sum += e.Milliunits
			} else if e.Zone == zone {
				sum += e.Instances
			}
		}
		return sum
	}
	byHeld := slices.Clone(zones)
	slices.SortStableFunc(byHeld, func(a, b string) int { return cmp.Compare(held(a), held(b)) })
	switch {
	case demand.Strategy == place.Diversified:
		zones = byHeld
	case demand.ZonePolicy == place.ZonesBalanced:
		fewest := byHeld[0]
		zones = append([]string{fewest}, slices.DeleteFunc(zones, func(z string) bool { return z == fewest })...)
	}
	return func(d place.Decision) int64 { return int64(slices.Index(zones, d.Key.Zone)) }
}

// zonesOf lists zones in the order in which candidates name them.
func zonesOf(r place.Request) []string {
	var zones []string
	for _, c := range r.Candidates {
		if !slices.Contains(zones, c.Key.Zone) {
			zones = append(zones, c.Key.Zone)
		}
	}
	return zones
}

// Balanced zones, instance by instance. All weigh the same, so that nothing is
// given back.
func TestPlace_balancedZonesOneByOne_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := situationGen().Draw(t, "situation")
		r := &s.Request
		for i := range r.Candidates {
			r.Candidates[i].Weight = 1000
		}
		r.MaxMilliunits = nil
		for i := range r.Demands {
			r.Demands[i].Strategy, r.Demands[i].ZonePolicy = place.ZoneAndType, place.ZonesBalanced
		}
		held := map[string]int64{}
		for _, e := range r.Existing {
			held[e.Zone] += e.Instances
		}
		room := int64(math.MaxInt64)
		if r.MaxInstances != nil {
			room = int64(*r.MaxInstances)
		}
		for i, got := range placeDrawn(t, *r, s.Market).Demands {
			ranked := slices.DeleteFunc(slices.Clone(got.Decisions), func(d place.Decision) bool { return d.Rank == 0 })
			slices.SortFunc(ranked, func(a, b place.Decision) int { return cmp.Compare(a.Rank, b.Rank) })
			want := oneByOne(zonesOf(*r), ranked, held, (r.Demands[i].Wanted+999)/1000, &room)
			for _, d := range ranked {
				if d.Instances != want[d.Key] {
					t.Errorf("demand %d: %d of %v, want %d", i, d.Instances, d.Key, want[d.Key])
				}
			}
		}
	})
}

// oneByOne gives each instance to the zone that holds fewest, there to the first
// type with stock, and if there is none to the first zone with any.
func oneByOne(zones []string, ranked []place.Decision, held map[string]int64, wanted int64, room *int64) map[place.Key]int32 {
	counts := map[place.Key]int32{}
	failed := map[string]bool{}
	takeIn := func(zone string) bool {
		for _, d := range ranked {
			if d.Key.Zone == zone && (d.Available == place.Unknown || counts[d.Key] < d.Available) {
				counts[d.Key]++
				held[zone]++
				return true
			}
		}
		failed[zone] = true
		return false
	}
	for ; wanted > 0 && *room > 0; wanted-- {
		turn := ""
		for _, zone := range zones {
			if !failed[zone] && (turn == "" || held[zone] < held[turn]) {
				turn = zone
			}
		}
		if turn == "" {
			break
		}
		took := takeIn(turn)
		for i := 0; i < len(zones) && !took; i++ {
			took = !failed[zones[i]] && takeIn(zones[i])
		}
		if !took {
			break
		}
		*room--
	}
	return counts
}

// Whatever came out, the summary tells of every demand, says when something is
// missing and why, and names no more than a few pools.
func TestSummary_tellsWhatMatters_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := situationGen().Draw(t, "situation")
		p := placeDrawn(t, s.Request, s.Market)
		got := place.Summary(s.Request, p)
		missing := 0
		for i := range p.Demands {
			if p.Demands[i].Placed < s.Request.Demands[i].Wanted {
				missing++
			}
		}
		if n := strings.Count(got, " missing: "); n != missing {
			t.Errorf("%d demands are not met, told of %d: %s", missing, n, got)
		}
		if n := strings.Count(got, " x "); n > 5*len(p.Demands) {
			t.Errorf("%d pools are named: %s", n, got)
		}
		if strings.Contains(got, "In all ") != (p.Instances > 0) {
			t.Errorf("%d instances: %s", p.Instances, got)
		}
		if strings.Contains(got, "not needed") {
			t.Errorf("a pool that was not needed is no reason: %s", got)
		}
	})
}
