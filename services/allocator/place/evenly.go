package place

// Even spreading. Think of each pool as a stair: it begins at a level (what its
// zone holds already) and each instance is a step up. Taking one instance after
// another, always the step that ends lowest, keeps the levels even. That order
// is the same as taking all steps sorted by where they end, so the level that is
// reached can be searched for, and a need of any size costs the same as a small
// one.
//
// Ties: of two steps that end at the same level, the higher one (the heavier
// instance) comes first, then the one of the first flight.
//
// When a step does not fit the limit of capacity, less than one instance is left
// of it. The rest is then taken in the order of the strategy.

// A stair is a pool that takes part in even spreading.
type stair struct {
	// pool is its index in the decisions, flight the index of its flight.
	pool, flight int32
	// blocked is true if the limit of capacity left no room for its next step.
	blocked bool
	// base is the level at which it begins, rise the height of a step.
	base, rise int64
	// weight is the capacity of a step.
	weight int64
	// stock is how many steps it has, count how many are taken.
	stock, count int64
	// below is what the stairs before it in its flight hold when they are full.
	below amount
}

// An amount is a number of instances and what they contribute.
type amount struct {
	instances, milliunits int64
}

// top is the level at which the stair ends.
func (s *stair) top() int64 { return s.base + s.stock*s.rise }

// end is the level at which the last step taken ends.
func (s *stair) end() int64 { return s.base + s.count*s.rise }

// stepsTo tells how many steps end at a level or below.
func (s *stair) stepsTo(level int64) int64 {
	switch {
	case level <= s.base:
		return 0
	case level >= s.top():
		return s.stock
	default:
		return (level - s.base) / s.rise
	}
}

// evenly takes instances from flights and notes what was decided about the pools
// of an order, which lie flight by flight in it. Where turns are handed on, it is
// instances that are kept even, else capacity.
func (f *filling) evenly(order []int32, flights []flight, handsOn bool, flightOf func(pool int32) int32) {
	if f.need <= 0 || len(order) == 0 {
		return
	}
	// A flight that could meet the need alone needs no more stairs, unless it may
	// come to a step that does not fit.
	roomy := f.room.milliunits >= f.need+maxWeight
	stairs := make([]stair, 0, min(len(order), usualStairs))
	for _, pool := range order {
		number := flightOf(pool)
		if roomy && flights[number].holds.milliunits >= f.need {
			continue
		}
		weight := f.decisions[pool].Weight
		// No more steps than the need calls for: that bounds the levels.
		next := stair{pool: pool, flight: number, rise: weight, weight: weight, stock: min(f.stock(pool), ceilDiv(f.need, weight))}
		if handsOn {
			next.rise = 1
		}
		stairs = flights[number].add(stairs, next)
	}
	c := newClimb(stairs, flights, f.need, f.room)
	c.handsOn, c.queue = handsOn, f.queue
	c.run()
	missing := c.fillUp(stairs)
	if missing < 0 {
		trim(stairs, -missing, f.queue)
	}
	if missing > 0 { // by a limit, or what has none is empty
		for _, pool := range order {
			f.decisions[pool].Verdict = LimitReached
		}
	}
	for i := range stairs {
		switch s := &stairs[i]; {
		case s.count > 0:
			f.take(s.pool, s.count)
		case s.blocked:
			f.decisions[s.pool].Verdict = LimitReached
		}
	}
}

// maxWeight is the largest weight of a candidate.
const maxWeight = 10_000_000

// usualStairs is for how many stairs there is room from the beginning.
const usualStairs = 64
