package place

import (
	"math"
	"slices"
)

// A Rebalancing is what is held, and by what it should be.
type Rebalancing struct {
	// Candidates are the pools that may be used, as for Place.
	Candidates []Candidate
	// Demands are what is wanted, each of a billing method of its own. Of a
	// billing method that none names nothing is moved.
	Demands []Demand
	// Held is what there is.
	Held []HeldPool
	// Exclusions are pools that refused a launch. Nothing is launched there, but
	// what is held there may stay.
	Exclusions []Exclusion
	// Promised is what placements in flight have been promised of the stock of a
	// type in a zone, in instances; nil for nothing. What is held is not.
	Promised map[Key]int32
	// MaxRemoved is how many instances may be given up in all.
	MaxRemoved int32
}

// A Rebalanced is the moves and what they change.
type Rebalanced struct {
	// Moves are to be made in order: of each billing method the worst of what is
	// held goes first, for the best that there is.
	Moves []Move
	// CostBefore and CostAfter are the cost of all that is held, in micro-units
	// of the currency per hour. They stay at the largest number when they would
	// be beyond.
	CostBefore, CostAfter int64
	// InterruptionsBefore and InterruptionsAfter are how many interruptions to
	// expect of it in a day, in thousandths. Pools whose rate is not known are
	// left out.
	InterruptionsBefore, InterruptionsAfter int64
}

// A Move is a number of instances to launch in one pool and then to give up in
// another of the same billing method.
type Move struct {
	// Billing is the billing method.
	Billing Billing
	// Held is the index of the entry that is given up from.
	Held int32
	// Candidate is the index of the candidate to launch.
	Candidate int32
	// Remove is how many are given up, Launch how many are launched.
	Remove, Launch int32
	// Saving is what the move saves, in micro-units of the currency per hour;
	// below 0 for one that costs more. It stays at the largest or smallest number
	// when it would be beyond.
	Saving int64
}

// Rebalance tells the moves from what is held toward what the strategies would
// choose now for what is wanted, were nothing held: launch first, then give up.
// After each move as much is held as is wanted, or as was held at first if that
// was less (S4). A move that gains nothing is left out: under LowestPrice and
// LowestCost one that saves nothing, where zones are kept even one that does not
// make them so, else one to a pool that comes no earlier. The only error is
// [ErrSearchTooLarge].
func Rebalance(request Rebalancing, market Market) (Rebalanced, error) {
	afresh, offers := asIfNothingWereHeld(&request, market)
	placement, err := Place(afresh, offers)
	if err != nil {
		return Rebalanced{}, err
	}
	work := balancing{request: &request, market: market, budget: int64(request.MaxRemoved), launched: map[Key]int64{}}
	for i := range request.Demands {
		work.begin(&request.Demands[i], placement.Demands[i].Decisions)
		for work.pass() {
		}
	}
	return work.totals(), nil
}

// asIfNothingWereHeld is a request for all that is wanted, and a market with
// what is held of the same billing methods given back.
func asIfNothingWereHeld(request *Rebalancing, market Market) (Request, Market) {
	fresh := Request{Candidates: request.Candidates, Demands: request.Demands}
	back := givenBack{Market: market, promised: request.Promised, shared: map[Key]int64{}, refused: map[Key][2]bool{}, own: map[Key][2]int64{}}
	for i := range request.Held {
		held := &request.Held[i]
		isWanted := slices.ContainsFunc(request.Demands, func(d Demand) bool { return d.Billing == held.Billing })
		if isWanted {
			back.shared[held.Key] += int64(held.Instances)
			own := back.own[held.Key]
			own[held.Billing] += int64(held.Instances)
			back.own[held.Key] = own
			continue
		}
		kept := ZoneCapacity{Zone: held.Key.Zone, Instances: int64(held.Instances)}
		if held.Billing == Spot {
			kept.Milliunits = int64(held.Instances) * held.Weight
		}
		fresh.Existing = append(fresh.Existing, kept)
	}
	for _, exclusion := range request.Exclusions {
		if back.own[exclusion.Key][exclusion.Billing] == 0 {
			fresh.Exclusions = append(fresh.Exclusions, exclusion)
			continue
		}
		offer := market.Offer(exclusion.Key)
		if offer != nil && (exclusion.Refused.IsZero() || !offer.Pool(exclusion.Billing).Restocked.After(exclusion.Refused)) {
			refused := back.refused[exclusion.Key]
			refused[exclusion.Billing] = true
			back.refused[exclusion.Key] = refused
		}
	}
	return fresh, back
}

// givenBack is a market to which what is held has been given back, and without
// what others have been promised: that is of what is free, not of what is held.
type givenBack struct {
	Market
	promised map[Key]int32
	// shared is how many instances were held of a type in a zone, own how many by
	// Billing.
	shared map[Key]int64
	own    map[Key][2]int64
	// refused tells, by Billing, where there is no more than what is held.
	refused map[Key][2]bool
}

// Offer is that of the market with what is given back.
func (g givenBack) Offer(key Key) *Offer {
	offer := g.Market.Offer(key)
	if offer == nil || g.shared[key] == 0 && g.promised[key] == 0 {
		return offer
	}
	back := *offer
	for _, billing := range []Billing{PayAsYouGo, Spot} {
		switch pool := back.Pool(billing); {
		case g.refused[key][billing]:
			pool.Available = int32(min(g.own[key][billing], math.MaxInt32))
		case pool.Available != Unknown:
			pool.Available = int32(min(int64(unpromised(pool, g.promised[key]))+g.shared[key], math.MaxInt32))
		}
	}
	return &back
}

// unpromised is the stock of a pool whose stock is known, less what others have
// been promised of it.
func unpromised(pool *Pool, promised int32) int32 { return max(0, pool.Available-promised) }
