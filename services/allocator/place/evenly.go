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

// evenly takes instances from flights, whose stairs lie one after another in
// the order of the strategy, and notes what was decided about their pools.
func (f *filling) evenly(stairs []stair, flights []flight, handsOn bool) {
	if f.need <= 0 || len(stairs) == 0 {
		return
	}
	c := climb{flights: flights, need: f.need, limits: f.room, handsOn: handsOn, queue: f.queue}
	c.run()
	missing := c.fillUp(stairs)
	if missing < 0 {
		trim(stairs, -missing, f.queue)
	}
	for i := range stairs {
		switch s := &stairs[i]; {
		case s.count > 0:
			f.take(s.pool, s.count)
		case s.blocked || missing > 0:
			f.decisions[s.pool].Verdict = LimitReached
		}
	}
}

// stair puts the stair of a pool on top of its flight. It has no more steps than
// the need calls for, which bounds the levels to search.
func (f *filling) stair(stairs []stair, flights []flight, number, pool int32, rise int64) []stair {
	weight := f.decisions[pool].Weight
	return flights[number].add(stairs, stair{
		pool: pool, flight: number, rise: rise, weight: weight, stock: min(f.stock(pool), ceilDiv(f.need, weight)),
	})
}
