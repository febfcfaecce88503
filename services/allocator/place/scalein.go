package place

import (
	"cmp"
	"math"
	"slices"
)

// A HeldPool is a number of alike instances that are held.
type HeldPool struct {
	// Key names the type and the zone of the pool.
	Key Key
	// Billing is the billing method.
	Billing Billing
	// Instances is how many.
	Instances int32
	// Weight is what each contributes, in thousandths of a unit: 1 to 10,000,000.
	Weight int64
	// Price is what each costs, in micro-units of the currency per hour.
	Price int64
}

// A Keep is what is to be decided about what is held.
type Keep struct {
	// Candidates are the pools that may be used.
	Candidates []Candidate
	// Demands are what must stay, each of a billing method of its own. Of a
	// billing method that none names nothing is given up.
	Demands []Demand
	// Held is what there is.
	Held []HeldPool
}

// A Reason says by what a pool is ranked for removal.
type Reason uint8

// Reasons.
const (
	// NoCandidate means that no candidate names the pool any more.
	NoCandidate Reason = iota + 1
	// Dearest means that its price per unit is high.
	Dearest
	// LowestPriority means that its candidate comes last.
	LowestPriority
	// FullestZone means that its zone holds much.
	FullestZone
	// MostInterrupted means that it is interrupted often, or its stock is low.
	MostInterrupted
	// LastInOrder means that its zone or type comes last.
	LastInOrder
	// LeastCost means that what is left costs least.
	LeastCost
)

// A HeldDecision is what was decided about one entry of what is held.
type HeldDecision struct {
	// Held is the index of the entry.
	Held int32
	// Remove is how many to give up, Stay how many are left.
	Remove, Stay int32
	// Rank is its place in the order of removal, from 1.
	Rank int32
	// Reason is by what it is ranked.
	Reason Reason
	// UnitPrice is the price of one unit of capacity, rounded down, in
	// micro-units of the currency per hour.
	UnitPrice int64
	// InterruptionPermille is the pool's, or Unknown.
	InterruptionPermille int32
}

// ScaleIn tells what to give up of what is held so that what is wanted stays:
// of each billing method that a demand names, what is held beyond the demand, in
// the order of its strategy read backwards, pools of no candidate first. An
// instance that is needed to keep what is wanted is passed over, and lighter
// ones after it are looked at. The decisions are in the order of removal; of what
// is not given up that is the order in which it would be. The only error is
// [ErrSearchTooLarge].
func ScaleIn(keep Keep, market Market) ([]HeldDecision, error) {
	work := shrinking{keep: &keep, market: market, candidates: map[Key]int32{}, zones: map[string]int32{}}
	for i := range keep.Candidates {
		key := keep.Candidates[i].Key
		if _, known := work.candidates[key]; !known {
			work.candidates[key] = int32(i)
		}
		if _, known := work.zones[key.Zone]; !known {
			work.zones[key.Zone] = int32(len(work.zones))
		}
	}
	work.left = make([]int32, len(keep.Held))
	for i := range keep.Held {
		work.left[i] = keep.Held[i].Instances
	}
	var decisions []HeldDecision
	for i := range keep.Demands {
		entries := work.entries(&keep.Demands[i])
		if err := work.giveUp(&keep.Demands[i], entries); err != nil {
			return nil, err
		}
		decisions = work.explain(decisions, entries)
	}
	return decisions, nil
}

// A shrinking is the work on what to give up.
type shrinking struct {
	keep   *Keep
	market Market
	// candidates tells the first candidate of a pool, zones the place of a zone
	// among those of the candidates.
	candidates map[Key]int32
	zones      map[string]int32
	// left is how many instances of each entry held are left.
	left []int32
}

// An entry is what is held of a pool, and where it stands in the order of
// removal: by class, then by price, then by zone, type and entry from the last.
type entry struct {
	held   int32
	reason Reason
	// candidate is -1 when there is none.
	candidate int32
	// zone is the place of its zone, -1 when no candidate lies there.
	zone int32
	// class is larger for what goes before.
	class uint64
	// price goes by unit, or by instance, or does not count.
	price rate
	// permille is how often the pool is interrupted.
	permille int32
}

// entries lists what is held of the billing method of a demand in the order of
// removal. Where zones are emptied evenly, the order is that inside a zone.
func (s *shrinking) entries(demand *Demand) []entry {
	var entries []entry
	for i := range s.keep.Held {
		held := &s.keep.Held[i]
		if held.Billing != demand.Billing {
			continue
		}
		e := entry{held: int32(i), candidate: -1, zone: -1, permille: Unknown, price: rate{held.Price, held.Weight}}
		if zone, known := s.zones[held.Key.Zone]; known {
			e.zone = zone
		}
		available := int32(0)
		if offer := s.market.Offer(held.Key); offer != nil && offer.Pool(demand.Billing).OnSale {
			pool := offer.Pool(demand.Billing)
			e.permille, available = pool.InterruptionPermille, pool.Available
		}
		if candidate, known := s.candidates[held.Key]; known {
			e.candidate = candidate
			s.stand(demand, &e, available)
		} else {
			e.reason, e.class = NoCandidate, math.MaxUint64
		}
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(b.class, a.class), b.price.compare(a.price), cmp.Compare(b.candidate, a.candidate),
			cmp.Compare(b.held, a.held))
	})
	return entries
}

// stand sets where the entry of a candidate stands under the strategy of a
// demand.
func (s *shrinking) stand(demand *Demand, e *entry, available int32) {
	e.reason = Dearest
	candidates := filling{demand: demand, decisions: []Decision{{
		Candidate: e.candidate, Weight: s.keep.Held[e.held].Weight, Available: available, InterruptionPermille: e.permille,
	}}}
	switch demand.Strategy {
	case LowestPrice:
	case LowestCost:
		e.reason = LeastCost
	case Prioritized:
		e.reason, e.class = LowestPriority, candidates.priority(s.keep.Candidates, 0)
	case Diversified:
		e.reason = FullestZone
	case CapacityOptimized:
		e.reason, e.class = MostInterrupted, candidates.standingHeld()
	case CapacityOptimizedPrioritized:
		e.reason = MostInterrupted
		e.class = candidates.standingHeld()<<priorityBits | candidates.priority(s.keep.Candidates, 0)
	case PriceCapacityOptimized:
		e.reason, e.class = MostInterrupted, interruptionBand(e.permille)
	case ZoneAndType:
		e.reason = LastInOrder
		if demand.ZonePolicy == ZonesSequenced {
			e.class = uint64(e.zone)
		} else {
			e.reason = FullestZone
		}
		e.price = rate{weight: 1}
		if demand.TypePolicy == TypesCostCentered {
			e.price.price = s.keep.Held[e.held].Price
		}
	}
}

// standingHeld is the standing of a pool, which may be sold out: then it is
// shallower than any other.
func (f *filling) standingHeld() uint64 {
	if f.decisions[0].Available == 0 {
		return interruptionBand(f.decisions[0].InterruptionPermille)<<shallownessBits | (1<<shallownessBits - 1)
	}
	return f.standing(0)
}

// giveUp takes instances out of what is left for as long as what is wanted
// stays, and puts the entries into the order of removal.
func (s *shrinking) giveUp(demand *Demand, entries []entry) error {
	surplus := -demand.Wanted
	for i := range entries {
		surplus += s.capacity(&entries[i])
	}
	strangers := 0
	for strangers < len(entries) && entries[strangers].reason == NoCandidate {
		strangers++
	}
	surplus = s.inTurn(entries[:strangers], surplus)
	rest := entries[strangers:]
	switch {
	case demand.Strategy == LowestCost:
		return s.keepCheapest(rest, surplus)
	case demand.Strategy == Diversified:
		s.fromFullest(rest, surplus, func(held *HeldPool) int64 { return held.Weight }, demand.Billing)
	case demand.Strategy == ZoneAndType && demand.ZonePolicy == ZonesBalanced:
		s.fromFullest(rest, surplus, func(*HeldPool) int64 { return 1 }, PayAsYouGo, Spot)
	default:
		s.inTurn(rest, surplus)
	}
	return nil
}

func (s *shrinking) capacity(e *entry) int64 {
	return int64(s.left[e.held]) * s.keep.Held[e.held].Weight
}

// inTurn gives up one entry after another, of each as many as fit into the
// surplus, and tells what is left of it.
func (s *shrinking) inTurn(entries []entry, surplus int64) int64 {
	for i := range entries {
		held := entries[i].held
		if weight := s.keep.Held[held].Weight; surplus >= weight {
			count := min(int64(s.left[held]), surplus/weight)
			s.left[held] -= int32(count)
			surplus -= count * weight
		}
	}
	return surplus
}

// keepCheapest keeps the cheapest set that leaves no more than a surplus out.
func (s *shrinking) keepCheapest(entries []entry, surplus int64) error {
	goods := make([]good, len(entries))
	need := -surplus
	for i := range entries {
		held := &s.keep.Held[entries[i].held]
		goods[i] = good{price: held.Price, weight: held.Weight, stock: int64(held.Instances)}
		need += s.capacity(&entries[i])
	}
	if surplus <= 0 {
		return nil
	}
	kept := make([]int64, len(entries))
	if need > 0 {
		var err error
		if kept, err = cheapest(goods, need, room{instances: math.MaxInt32, milliunits: math.MaxInt64}); err != nil {
			return err
		}
	}
	for i := range entries {
		s.left[entries[i].held] = int32(kept[i])
	}
	return nil
}

// explain adds what was decided about entries.
func (s *shrinking) explain(decisions []HeldDecision, entries []entry) []HeldDecision {
	for i := range entries {
		e := &entries[i]
		held := &s.keep.Held[e.held]
		decisions = append(decisions, HeldDecision{
			Held: e.held, Remove: held.Instances - s.left[e.held], Stay: s.left[e.held],
			Rank: int32(len(decisions)) + 1, Reason: e.reason,
			UnitPrice: unitPrice(held.Price, held.Weight), InterruptionPermille: e.permille,
		})
	}
	return decisions
}
