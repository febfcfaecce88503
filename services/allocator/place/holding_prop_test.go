package place_test

import (
	"cmp"
	"math/big"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/seed-198b1370/muster/services/allocator/place"
)

// heldGen draws what is held in the pools of a market, whether or not there is a
// candidate for them.
func heldGen() *rapid.Generator[[]place.HeldPool] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) place.HeldPool {
		return place.HeldPool{
			Key: keyGen().Draw(t, "key"), Billing: rapid.SampledFrom([]place.Billing{place.PayAsYouGo, place.Spot}).Draw(t, "billing"),
			Instances: rapid.Int32Range(1, 30).Draw(t, "instances"), Weight: rapid.SampledFrom(weights).Draw(t, "weight"),
			Price: rapid.Int64Range(0, 1000).Draw(t, "price"),
		}
	}), 0, 12)
}

func heldCapacity(held []place.HeldPool, billing place.Billing) int64 {
	var sum int64
	for _, h := range held {
		if h.Billing == billing {
			sum += int64(h.Instances) * h.Weight
		}
	}
	return sum
}

func scaledIn(t *rapid.T, keep place.Keep, market place.Market) []place.HeldDecision {
	decisions, err := place.ScaleIn(keep, market)
	answered(t, err)
	return decisions
}

// remaining is what is held after decisions.
func remaining(held []place.HeldPool, decisions []place.HeldDecision) []place.HeldPool {
	left := slices.Clone(held)
	for _, d := range decisions {
		left[d.Held].Instances -= d.Remove
	}
	return left
}

// S4, and no instance more could go but those that are needed.
func TestScaleIn_keepsWhatIsWanted_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, held := situationGen().Draw(t, "situation"), heldGen().Draw(t, "held")
		keep := place.Keep{Candidates: s.Request.Candidates, Demands: s.Request.Demands, Held: held}
		decisions := scaledIn(t, keep, s.Market)
		left := remaining(held, decisions)
		seen := map[int32]bool{}
		for i, d := range decisions {
			if seen[d.Held] || d.Rank != int32(i)+1 || d.Remove < 0 || d.Stay < 0 || d.Remove+d.Stay != held[d.Held].Instances {
				t.Errorf("decision %d: %+v of %+v", i, d, held[d.Held])
			}
			seen[d.Held] = true
		}
		for _, demand := range keep.Demands {
			before, after := heldCapacity(held, demand.Billing), heldCapacity(left, demand.Billing)
			if after < min(before, demand.Wanted) {
				t.Errorf("%d of %d are left, %d wanted", after, before, demand.Wanted)
			}
			for i, h := range left {
				if h.Billing == demand.Billing && !seen[int32(i)] {
					t.Errorf("nothing is said about %+v", h)
				}
				if h.Billing == demand.Billing && h.Instances > 0 && after-h.Weight >= demand.Wanted {
					t.Errorf("%d are left, %d wanted, one of %+v could go", after, demand.Wanted, h)
				}
			}
		}
		for i, h := range held {
			if !seen[int32(i)] && slices.ContainsFunc(keep.Demands, func(d place.Demand) bool { return d.Billing == h.Billing }) {
				t.Errorf("nothing is said about %+v", h)
			}
		}
		if diff := gocmp.Diff(decisions, scaledIn(t, keep, s.Market)); diff != "" {
			t.Errorf("the same again (-before +after)\n%s", diff)
		}
	})
}

// A model of ScaleIn for the strategies that go by figures that it is handed:
// one instance after another, each time the first in the order backwards of those
// that can go.
func scaleInOneByOne(keep place.Keep, demand place.Demand, left []place.HeldPool) {
	candidate := func(key place.Key) int {
		return slices.IndexFunc(keep.Candidates, func(c place.Candidate) bool { return c.Key == key })
	}
	zone := func(key place.Key) int {
		return slices.IndexFunc(keep.Candidates, func(c place.Candidate) bool { return c.Key.Zone == key.Zone })
	}
	level := func(of place.Key) int64 {
		var sum int64
		for _, h := range left {
			switch {
			case h.Key.Zone != of.Zone:
			case demand.Strategy == place.ZoneAndType:
				sum += int64(h.Instances)
			case h.Billing == demand.Billing:
				sum += int64(h.Instances) * h.Weight
			}
		}
		return sum
	}
	priority := func(key place.Key) int64 {
		if p := keep.Candidates[candidate(key)].Priority; p != nil {
			return int64(*p)
		}
		return 1 << 40
	}
	// goesAfter compares two entries by which is to go first.
	compare := func(a, b int) int {
		x, y := left[a], left[b]
		xUnknown, yUnknown := candidate(x.Key) < 0, candidate(y.Key) < 0
		dearest := cmp.Compare(y.Price*x.Weight, x.Price*y.Weight)
		last := cmp.Or(cmp.Compare(candidate(y.Key), candidate(x.Key)), cmp.Compare(b, a))
		if xUnknown || yUnknown {
			if xUnknown != yUnknown {
				return map[bool]int{true: -1, false: 1}[xUnknown]
			}
			return cmp.Or(dearest, last)
		}
		byZone := 0
		switch {
		case demand.Strategy == place.Prioritized:
			return cmp.Or(cmp.Compare(priority(y.Key), priority(x.Key)), dearest, last)
		case demand.Strategy == place.Diversified, demand.Strategy == place.ZoneAndType && demand.ZonePolicy == place.ZonesBalanced:
			byZone = cmp.Or(cmp.Compare(level(y.Key), level(x.Key)), cmp.Compare(zone(y.Key), zone(x.Key)))
		case demand.Strategy == place.ZoneAndType:
			byZone = cmp.Compare(zone(y.Key), zone(x.Key))
		}
		if demand.Strategy == place.ZoneAndType {
			dearest = 0
			if demand.TypePolicy == place.TypesCostCentered {
				dearest = cmp.Compare(y.Price, x.Price)
			}
		}
		return cmp.Or(byZone, dearest, last)
	}
	for {
		surplus := heldCapacity(left, demand.Billing) - demand.Wanted
		first := -1
		for i, h := range left {
			if h.Billing == demand.Billing && h.Instances > 0 && h.Weight <= surplus && (first < 0 || compare(i, first) < 0) {
				first = i
			}
		}
		if first < 0 {
			return
		}
		left[first].Instances--
	}
}

func TestScaleIn_isOneInstanceAfterAnother_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, held := situationGen().Draw(t, "situation"), heldGen().Draw(t, "held")
		for i := range s.Request.Demands {
			d := &s.Request.Demands[i]
			d.Strategy = rapid.SampledFrom([]place.Strategy{
				place.LowestPrice, place.Prioritized, place.Diversified, place.ZoneAndType, place.ZoneAndType,
			}).Draw(t, "strategy")
			d.Wanted = rapid.Int64Range(1, 1+2*heldCapacity(held, d.Billing)).Draw(t, "wanted")
		}
		keep := place.Keep{Candidates: s.Request.Candidates, Demands: s.Request.Demands, Held: held}
		want := slices.Clone(held)
		for _, demand := range keep.Demands {
			scaleInOneByOne(keep, demand, want)
		}
		if diff := gocmp.Diff(want, remaining(held, scaledIn(t, keep, s.Market))); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

// What lowest price placed and then gave back is what it would have placed at
// once, where weights are alike.
func TestScaleIn_undoesPlacing_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := plainGen(place.LowestPrice).Draw(t, "situation")
		for i := range s.Request.Candidates {
			s.Request.Candidates[i].Weight = 1000
			s.Request.Candidates[i].PriceProtection = nil
		}
		s.Request.MaxInstances, s.Request.MaxMilliunits, s.Request.Promised = nil, nil, nil
		demand := &s.Request.Demands[0]
		demand.PoolsToUse = 0
		demand.Wanted = 1000 * rapid.Int64Range(2, 100).Draw(t, "more")
		var held []place.HeldPool
		for _, d := range placeDrawn(t, s.Request, s.Market).Demands[0].Decisions {
			if d.Instances > 0 {
				held = append(held, place.HeldPool{Key: d.Key, Billing: demand.Billing, Instances: d.Instances, Weight: d.Weight, Price: d.Price})
			}
		}
		demand.Wanted = 1000 * rapid.Int64Range(1, demand.Wanted/1000).Draw(t, "fewer")
		left := remaining(held, scaledIn(t, place.Keep{Candidates: s.Request.Candidates, Demands: s.Request.Demands, Held: held}, s.Market))
		placed := placeDrawn(t, s.Request, s.Market)
		for _, h := range left {
			if got := chosen(placed, h.Key); got != h.Instances {
				t.Errorf("%d of %v are left, %d would be placed", h.Instances, h.Key, got)
			}
		}
	})
}

// rebalancingGen draws a rebalancing of what is held, at the prices of the
// market.
func rebalancingGen(t *rapid.T) (place.Rebalancing, market) {
	s := situationGen().Draw(t, "situation")
	r := place.Rebalancing{
		Candidates: s.Request.Candidates, Demands: s.Request.Demands, Exclusions: s.Request.Exclusions,
		Promised: s.Request.Promised, Held: heldGen().Draw(t, "held"), MaxRemoved: rapid.Int32Range(1, 400).Draw(t, "budget"),
	}
	return r, s.Market
}

func rebalanced(t *rapid.T, r place.Rebalancing, market place.Market) place.Rebalanced {
	result, err := place.Rebalance(r, market)
	answered(t, err)
	return result
}

// S4 after every move, S5, the budget, the stock, and what a move saves.
func TestRebalance_everyMoveKeepsTheRules_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, market := rebalancingGen(t)
		result := rebalanced(t, r, market)
		demands := map[place.Billing]place.Demand{}
		capacity, least := map[place.Billing]int64{}, map[place.Billing]int64{}
		for _, demand := range r.Demands {
			demands[demand.Billing] = demand
			capacity[demand.Billing] = heldCapacity(r.Held, demand.Billing)
			least[demand.Billing] = min(demand.Wanted, capacity[demand.Billing])
		}
		left, taken := slices.Clone(r.Held), map[place.Key]int32{}
		var removed int32
		saved := new(big.Int)
		for i, m := range result.Moves {
			demand, wanted := demands[m.Billing]
			from, to := &left[m.Held], r.Candidates[m.Candidate]
			if !wanted || from.Billing != m.Billing || m.Remove < 1 || m.Launch < 1 || from.Instances < m.Remove {
				t.Fatalf("move %d: %+v of %+v", i, m, *from)
			}
			pool := market[to.Key].Pool(m.Billing)
			if m.Billing == place.Spot && (demand.MaxPrice > 0 && pool.Price > demand.MaxPrice || to.MaxPrice > 0 && pool.Price > to.MaxPrice) {
				t.Errorf("move %d launches at %d", i, pool.Price)
			}
			taken[to.Key] += m.Launch
			if !pool.OnSale || pool.Available != place.Unknown && taken[to.Key] > max(0, pool.Available-r.Promised[to.Key]) {
				t.Errorf("move %d takes %d of %+v", i, taken[to.Key], *pool)
			}
			for _, exclusion := range r.Exclusions {
				if exclusion.Key == to.Key && exclusion.Billing == m.Billing && !pool.Restocked.After(exclusion.Refused) {
					t.Errorf("move %d launches in an excluded pool", i)
				}
			}
			taken[from.Key] -= m.Remove
			from.Instances -= m.Remove
			removed += m.Remove
			capacity[m.Billing] += int64(m.Launch)*to.Weight - int64(m.Remove)*from.Weight
			if capacity[m.Billing] < least[m.Billing] {
				t.Errorf("after move %d there is %d, %d must be", i, capacity[m.Billing], least[m.Billing])
			}
			saving := int64(m.Remove)*from.Price - int64(m.Launch)*pool.Price
			if saving != m.Saving {
				t.Errorf("move %d saves %d, told %d", i, saving, m.Saving)
			}
			if byPrice := demand.Strategy == place.LowestPrice || demand.Strategy == place.LowestCost; byPrice && saving <= 0 {
				t.Errorf("move %d saves %d", i, saving)
			}
			saved.Add(saved, big.NewInt(saving))
		}
		if removed > r.MaxRemoved {
			t.Errorf("%d given up, %d allowed", removed, r.MaxRemoved)
		}
		if saved.Cmp(big.NewInt(result.CostBefore-result.CostAfter)) != 0 {
			t.Errorf("moves save %v of %d, and %d are left", saved, result.CostBefore, result.CostAfter)
		}
		if diff := gocmp.Diff(result, rebalanced(t, r, market)); diff != "" {
			t.Errorf("the same again (-before +after)\n%s", diff)
		}
	})
}

// Rebalancing again and again comes to an end: mostly at once, for the first time
// moves all that there is to move. What is held in a pool that refuses, by weights
// that were changed, or in pools whose depth the moves themselves change, can
// leave a little more.
func TestRebalance_comesToAnEnd_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, market := rebalancingGen(t)
		r.Demands, r.MaxRemoved = r.Demands[:1], 1_000_000
		for round := 0; ; round++ {
			moves := rebalanced(t, r, market).Moves
			if len(moves) == 0 {
				return
			}
			if round == 8 {
				t.Fatalf("moves for the ninth time: %+v", moves)
			}
			market = market.after(&r, moves)
		}
	})
}

// after makes moves: it changes what is held, and tells the market that is left.
func (m market) after(r *place.Rebalancing, moves []place.Move) market {
	after := market{}
	for key, offer := range m {
		after[key] = new(*offer)
	}
	change := func(key place.Key, count int32) {
		if offer := after[key]; offer != nil {
			for _, billing := range []place.Billing{place.PayAsYouGo, place.Spot} {
				if pool := offer.Pool(billing); pool.Available != place.Unknown {
					pool.Available += count
				}
			}
		}
	}
	for _, move := range moves {
		to := r.Candidates[move.Candidate]
		r.Held[move.Held].Instances -= move.Remove
		change(r.Held[move.Held].Key, move.Remove)
		change(to.Key, -move.Launch)
		r.Held = append(r.Held, place.HeldPool{
			Key: to.Key, Billing: move.Billing, Instances: move.Launch, Weight: to.Weight, Price: m[to.Key].Pool(move.Billing).Price,
		})
	}
	r.Held = slices.DeleteFunc(r.Held, func(h place.HeldPool) bool { return h.Instances == 0 })
	return after
}
