package place

import (
	"cmp"
	"math"
	"slices"
)

// A balancing is the work on moves, one demand after another.
type balancing struct {
	request *Rebalancing
	market  Market
	// budget is how many instances may still be given up.
	budget int64
	// launched is how many instances the moves so far take from the stock of a
	// type in a zone, less what they give back.
	launched map[Key]int64
	moves    []Move

	demand *Demand
	// surplus is the capacity that may go without a launch.
	surplus int64
	// levels is what zones hold, where they are kept even.
	levels   map[string]int64
	removals []removal
	launches []launch
}

// A removal is what is held beyond what the strategy would choose.
type removal struct {
	held  int32
	count int64
	// rank is that of the pool; 0 for one that would not be used at all.
	rank int32
}

// A launch is what the strategy would choose beyond what is held.
type launch struct {
	decision *Decision
	count    int64
}

// begin lists what a demand has too much and too little.
func (b *balancing) begin(demand *Demand, decisions []Decision) {
	b.demand = demand
	b.removals, b.launches, b.levels = nil, nil, map[string]int64{}
	excess, ranks := map[Key]int64{}, map[Key]int32{}
	var capacity int64
	for i := range b.request.Held {
		held := &b.request.Held[i]
		if height := b.height(held.Billing, held.Weight); height > 0 {
			b.levels[held.Key.Zone] += int64(held.Instances) * height
		}
		if held.Billing == demand.Billing {
			excess[held.Key] += int64(held.Instances)
			capacity += int64(held.Instances) * held.Weight
		}
	}
	for _, move := range b.moves { // of another demand: instances of zones
		b.shift(&move, b.request.Candidates[move.Candidate].Weight)
	}
	b.surplus = max(0, capacity-demand.Wanted)
	for i := range decisions {
		decision := &decisions[i]
		ranks[decision.Key] = decision.Rank
		excess[decision.Key] -= int64(decision.Instances)
		if missing := -excess[decision.Key]; missing > 0 {
			b.launches = append(b.launches, launch{decision: decision, count: missing})
		}
	}
	for i := range b.request.Held {
		if held := &b.request.Held[i]; held.Billing == demand.Billing {
			b.removals = append(b.removals, removal{held: int32(i), count: int64(held.Instances), rank: ranks[held.Key]})
		}
	}
	slices.SortFunc(b.removals, b.worstFirst)
	for i := range b.removals {
		r := &b.removals[i]
		key := b.request.Held[r.held].Key
		r.count = max(0, min(r.count, excess[key]))
		excess[key] -= r.count
	}
}

// byPrice tells whether only a lower cost is a gain.
func (b *balancing) byPrice() bool {
	return b.demand.Strategy == LowestPrice || b.demand.Strategy == LowestCost
}

// evenZones tells whether zones are kept even.
func (b *balancing) evenZones() bool {
	return b.demand.Strategy == Diversified || b.demand.Strategy == ZoneAndType && b.demand.ZonePolicy == ZonesBalanced
}

// height is what an instance counts in its zone.
func (b *balancing) height(billing Billing, weight int64) int64 {
	switch {
	case b.demand.Strategy == ZoneAndType:
		return 1
	case b.demand.Strategy == Diversified && billing == b.demand.Billing:
		return weight
	default:
		return 0
	}
}

// worstFirst orders what is held by what should go first.
func (b *balancing) worstFirst(x, y removal) int {
	byRank := 0
	if !b.byPrice() {
		byRank = cmp.Compare(uint32(y.rank-1), uint32(x.rank-1)) // 0, not to be used, is the worst
	}
	xHeld, yHeld := &b.request.Held[x.held], &b.request.Held[y.held]
	return cmp.Or(byRank, rate{yHeld.Price, yHeld.Weight}.compare(rate{xHeld.Price, xHeld.Weight}), cmp.Compare(y.held, x.held))
}

// pass pairs what should go with what should come, worst with best, and tells
// whether that made a move. What one move leaves over can make another worth it.
func (b *balancing) pass() bool {
	before := len(b.moves)
	for i := range b.removals {
		for j := range b.launches {
			for b.pair(&b.removals[i], &b.launches[j]) {
			}
		}
	}
	return len(b.moves) > before
}

// pair moves as much as it can between two pools, if that gains anything.
func (b *balancing) pair(from *removal, to *launch) bool {
	held := &b.request.Held[from.held]
	most := min(from.count, b.budget)
	stock := min(to.count, b.free(to.decision))
	if most < 1 || stock < 1 {
		return false
	}
	// All that can go, or else the fewest that whole instances allow.
	for _, remove := range []int64{most, 1} {
		launch := min(stock, max(1, divideUp(remove*held.Weight-b.surplus, to.decision.Weight)))
		remove = min(most, (b.surplus+launch*to.decision.Weight)/held.Weight)
		if remove < 1 {
			continue
		}
		move := Move{
			Billing: b.demand.Billing, Held: from.held, Candidate: to.decision.Candidate,
			Remove: int32(remove), Launch: int32(launch),
			Saving: saving(held.Price, remove, to.decision.Price, launch),
		}
		if !b.gains(&move, from, to) {
			continue
		}
		b.moves = append(b.moves, move)
		b.shift(&move, to.decision.Weight)
		b.surplus += launch*to.decision.Weight - remove*held.Weight
		b.launched[to.decision.Key] += launch
		b.launched[held.Key] -= remove
		from.count -= remove
		to.count -= launch
		b.budget -= remove
		return true
	}
	return false
}

// free is how many instances can be launched in a pool now.
func (b *balancing) free(decision *Decision) int64 {
	pool := b.market.Offer(decision.Key).Pool(b.demand.Billing)
	if pool.Available == Unknown {
		return math.MaxInt32
	}
	return int64(unpromised(pool, b.request.Promised[decision.Key])) - b.launched[decision.Key]
}

// gains tells whether a move brings what is held closer to what the strategy
// asks for.
func (b *balancing) gains(move *Move, from *removal, to *launch) bool {
	left, entered := b.request.Held[from.held].Key.Zone, to.decision.Key.Zone
	switch {
	case b.byPrice():
		return move.Saving > 0
	case from.rank == 0:
		return true
	case b.evenZones() && left != entered:
		return b.levels[entered]+int64(move.Launch)*b.height(move.Billing, to.decision.Weight) < b.levels[left]
	default:
		return to.decision.Rank < from.rank
	}
}

// shift moves what zones hold.
func (b *balancing) shift(move *Move, weight int64) {
	held := &b.request.Held[move.Held]
	b.levels[held.Key.Zone] -= int64(move.Remove) * b.height(move.Billing, held.Weight)
	b.levels[b.request.Candidates[move.Candidate].Key.Zone] += int64(move.Launch) * b.height(move.Billing, weight)
}

// saving is what some instances cost more than others.
func saving(price, count, otherPrice, otherCount int64) int64 {
	gone, come := product(price, count, 1), product(otherPrice, otherCount, 1)
	if gone.compare(come) < 0 {
		return -saving(otherPrice, otherCount, price, count)
	}
	more := uint128(gone).minus(uint128(come))
	if more.high > 0 || more.low > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(more.low)
}

// totals sums up what the moves change.
func (b *balancing) totals() Rebalanced {
	result := Rebalanced{Moves: b.moves}
	stay := make([]int32, len(b.request.Held))
	for i := range b.request.Held {
		stay[i] = b.request.Held[i].Instances
	}
	for _, move := range b.moves {
		stay[move.Held] -= move.Remove
		key := b.request.Candidates[move.Candidate].Key
		result.CostAfter = cost(result.CostAfter, b.market.Offer(key).Pool(move.Billing).Price, move.Launch)
		result.InterruptionsAfter += b.interruptions(key, move.Billing, move.Launch)
	}
	for i := range b.request.Held {
		held := &b.request.Held[i]
		result.CostBefore = cost(result.CostBefore, held.Price, held.Instances)
		result.CostAfter = cost(result.CostAfter, held.Price, stay[i])
		result.InterruptionsBefore += b.interruptions(held.Key, held.Billing, held.Instances)
		result.InterruptionsAfter += b.interruptions(held.Key, held.Billing, stay[i])
	}
	return result
}

// interruptions is how many to expect in a day, in thousandths.
func (b *balancing) interruptions(key Key, billing Billing, instances int32) int64 {
	offer := b.market.Offer(key)
	if billing != Spot || offer == nil || offer.Spot.InterruptionPermille == Unknown {
		return 0
	}
	return int64(instances) * int64(offer.Spot.InterruptionPermille) * hoursPerDay
}
