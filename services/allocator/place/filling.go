package place

import "math"

// A filling is the work on one demand after another.
type filling struct {
	demand *Demand
	// decisions has one record for each pool, in the order of the candidates.
	decisions []Decision
	// order lists the eligible pools by index into decisions, from judge on in
	// the order of the candidates, from fill on in the order of the strategy.
	order []int32
	// need is the capacity still missing; below 0 by what was placed too much.
	need int64
	// room is what the limits leave, over all demands.
	room room
}

func (f *filling) begin(demand *Demand) {
	f.demand, f.need, f.order = demand, demand.Wanted, f.order[:0]
}

// fill takes instances by the strategy of the demand.
func (f *filling) fill(request *Request) error {
	switch f.demand.Strategy {
	case Prioritized:
		f.prioritized(request.Candidates)
	case Diversified:
		f.diversified(request.Existing)
	case LowestCost:
		return f.lowestCost()
	default:
		f.lowestPrice()
	}
	return nil
}

// rank numbers the eligible pools in the order of the strategy.
func (f *filling) rank() {
	for i, pool := range f.order {
		f.decisions[pool].Rank = int32(i) + 1
	}
}

// inOrder empties one pool after another until the need is met.
func (f *filling) inOrder(order []int32) {
	for _, pool := range order {
		if f.need <= 0 {
			return
		}
		decision := &f.decisions[pool]
		count := min(ceilDiv(f.need, decision.Weight), f.stock(pool), f.room.instances, f.room.milliunits/decision.Weight)
		if count == 0 { // eligible pools have stock, so it is a limit
			decision.Verdict = LimitReached
			continue
		}
		f.take(pool, count)
	}
}

func (f *filling) take(pool int32, count int64) {
	decision := &f.decisions[pool]
	decision.Verdict = Taken
	decision.Instances = int32(count)
	f.need -= count * decision.Weight
	f.room.instances -= count
	f.room.milliunits -= count * decision.Weight
}

// stock tells how many instances a pool can give. Where the cloud does not
// tell, only the limits count.
func (f *filling) stock(pool int32) int64 {
	if available := f.decisions[pool].Available; available != Unknown {
		return int64(available)
	}
	return math.MaxInt32
}

// settle adds what was taken to the totals of the placement, and to what the
// next demand does not find any more.
func (f *filling) settle(pools []candidatePool, placement *Placement) {
	for i := range f.decisions {
		decision := &f.decisions[i]
		if decision.Instances == 0 {
			continue
		}
		pools[i].taken[f.demand.Billing] += decision.Instances
		placement.Instances += decision.Instances
		placement.Placed += int64(decision.Instances) * decision.Weight
		placement.Cost = cost(placement.Cost, decision.Price, decision.Instances)
		placement.ListCost = cost(placement.ListCost, pools[i].offer.ListPrice, decision.Instances)
	}
}

// explain lists the decisions: those taken in the order of the strategy, then
// the rest in the order of the candidates.
func (f *filling) explain(into []Decision) []Decision {
	for _, pool := range f.order {
		if f.decisions[pool].Verdict == Taken {
			into = append(into, f.decisions[pool])
		}
	}
	for i := range f.decisions {
		if f.decisions[i].Verdict != Taken {
			into = append(into, f.decisions[i])
		}
	}
	return into
}

func ceilDiv(a, b int64) int64 { return (a + b - 1) / b }
