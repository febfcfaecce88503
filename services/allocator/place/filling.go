package place

import "math"

// A filling is the work on one demand after another.
type filling struct {
	demand *Demand
	pools  []candidatePool
	zones  []zone
	// decisions has one record for each pool, in the order of the candidates.
	decisions []Decision
	// order lists the eligible pools by index into decisions, from judge on in
	// the order of the candidates, from fill on in the order of the strategy.
	order []int32
	// queue is where that order is made, and other short-lived ones.
	queue queue
	// need is the capacity still missing; below 0 by what was placed too much.
	need int64
	// room is what the limits leave, over all demands.
	room room
}

func (f *filling) begin(demand *Demand, decisions []Decision) {
	f.demand, f.decisions, f.need, f.order = demand, decisions, demand.Wanted, f.order[:0]
}

// fill takes instances by the strategy of the demand.
func (f *filling) fill(request *Request) error {
	switch f.demand.Strategy {
	case LowestPrice:
		f.lowestPrice()
	case Prioritized:
		f.prioritized(request.Candidates)
	case Diversified:
		f.diversified()
	case CapacityOptimized:
		f.capacityOptimized()
	case CapacityOptimizedPrioritized:
		f.capacityOptimizedPrioritized(request.Candidates)
	case PriceCapacityOptimized:
		f.priceCapacityOptimized()
	case LowestCost:
		return f.lowestCost()
	case ZoneAndType:
		f.zoneAndType()
	}
	return nil
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
// next demand finds.
func (f *filling) settle(placed int64, placement *Placement) {
	for i := range f.decisions {
		decision := &f.decisions[i]
		if decision.Instances == 0 {
			continue
		}
		pool := &f.pools[i]
		pool.taken[f.demand.Billing] += decision.Instances
		f.zones[pool.zone].instances += int64(decision.Instances)
		capacity := int64(decision.Instances) * decision.Weight
		decision.SharePermille = int32(product(capacity, 1_000, 1).over(placed))
		placement.Instances += decision.Instances
		placement.Placed += capacity
		placement.Cost = cost(placement.Cost, decision.Price, decision.Instances)
		placement.ListCost = cost(placement.ListCost, pool.offer.ListPrice, decision.Instances)
		if f.demand.Billing == Spot && decision.InterruptionPermille != Unknown {
			placement.Interruptions += int64(decision.Instances) * int64(decision.InterruptionPermille) * hoursPerDay
		}
	}
}

const hoursPerDay = 24

// explain sorts the decisions: those taken in the order of the strategy, then
// the rest in the order of the candidates.
func (f *filling) explain() {
	f.queue = f.queue[:0]
	for _, pool := range f.order {
		if f.decisions[pool].Verdict == Taken {
			f.queue = append(f.queue, turn{pool: pool})
		}
	}
	for i := range f.decisions {
		if f.decisions[i].Verdict != Taken {
			f.queue = append(f.queue, turn{pool: int32(i)})
		}
	}
	f.queue.arrange(f.decisions)
}

func ceilDiv(a, b int64) int64 { return (a + b - 1) / b }
