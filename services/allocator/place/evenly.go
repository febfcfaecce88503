package place

// Even spreading. Think of each pool as a stair: it begins at a level (what its
// zone holds already) and each instance is a step up by its weight. Taking one
// instance after another, always the step that ends lowest, keeps the levels
// even. That order is the same as taking all steps of all stairs sorted by
// where they end, so the level that is reached can be searched for, and a need
// of any size costs the same as a small one.
//
// Ties: of two steps that end at the same level, the one that starts lower (the
// heavier instance) comes first, then the one that the strategy prefers.

// A stair is a pool that takes part in even spreading.
type stair struct {
	// pool is its index in the decisions.
	pool int32
	// tie orders stairs whose steps are alike.
	tie int32
	// follows is true if it goes on where the stair before it ends: the next
	// pool of a zone, used when the one before is sold out.
	follows bool
	// closed is true if the limit of capacity left no room for its next step.
	closed bool
	// base is the level at which it begins.
	base int64
	// weight is the height of a step.
	weight int64
	// stock is how many steps it has.
	stock int64
	// count is how many steps are taken.
	count int64
}

// stair makes the stair of a pool that begins at a level. It has no more steps
// than the need calls for, which bounds the levels to search.
func (f *filling) stair(pool, tie int32, base int64) stair {
	weight := f.decisions[pool].Weight
	return stair{
		pool: pool, tie: tie, base: base, weight: weight,
		stock: min(f.stock(pool), ceilDiv(max(f.need, 1), weight)),
	}
}

// top is the level at which the stair ends.
func (s *stair) top() int64 { return s.base + s.stock*s.weight }

// next is the level at which the step after those taken ends.
func (s *stair) next() int64 { return s.base + (s.count+1)*s.weight }

// stepsTo tells how many steps end at a level or below.
func (s *stair) stepsTo(level int64) int64 {
	switch {
	case level <= s.base:
		return 0
	case level >= s.top():
		return s.stock
	default:
		return (level - s.base) / s.weight
	}
}

// before tells whether the next step of s comes before that of another, when
// both end at the same level.
func (s *stair) before(other *stair) bool {
	if s.weight != other.weight {
		return s.weight > other.weight
	}
	return s.tie < other.tie
}

// evenly takes instances from stairs and notes what was decided about their
// pools.
func (f *filling) evenly(stairs []stair) {
	if f.need <= 0 || len(stairs) == 0 {
		return
	}
	missing := f.need - climb(stairs, f.need, f.room)
	if missing < 0 {
		trim(stairs, -missing)
	}
	for i := range stairs {
		switch s := &stairs[i]; {
		case s.count > 0:
			f.take(s.pool, s.count)
		case s.closed || missing > 0:
			f.decisions[s.pool].Verdict = LimitReached
		}
	}
}

// climb takes steps until the need is met, the limits are reached or all stairs
// end, and tells how much capacity it took.
func climb(stairs []stair, need int64, limits room) int64 {
	level, top := stairs[0].base, stairs[0].top()
	for i := range stairs {
		level = min(level, stairs[i].base)
		top = max(top, stairs[i].top())
	}
	c := climber{stairs: stairs, need: need, limits: limits}
	// Each turn but the last closes a stair.
	for {
		if c.isShortAt(top) {
			return c.takeTo(top)
		}
		level = c.lastShort(level, top)
		c.takeTo(level)
		if c.takeAt(level + 1) {
			return c.taken
		}
	}
}

type climber struct {
	stairs []stair
	need   int64
	limits room
	// What the steps taken add up to.
	taken     int64
	instances int64
}

// isShortAt tells whether all steps that end at a level or below stay inside
// the limits and yet do not meet the need.
func (c *climber) isShortAt(level int64) bool {
	var taken, instances int64
	for i := range c.stairs {
		count := c.stairs[i].stepsTo(level)
		instances += count
		taken += count * c.stairs[i].weight
	}
	return taken < c.need && taken <= c.limits.milliunits && instances <= c.limits.instances
}

// lastShort finds the highest level that is short, between one that is and one
// that is not.
func (c *climber) lastShort(short, enough int64) int64 {
	for enough-short > 1 {
		if middle := short + (enough-short)/2; c.isShortAt(middle) {
			short = middle
		} else {
			enough = middle
		}
	}
	return short
}

// takeTo takes all steps that end at a level or below.
func (c *climber) takeTo(level int64) int64 {
	c.taken, c.instances = 0, 0
	for i := range c.stairs {
		s := &c.stairs[i]
		s.count = s.stepsTo(level)
		c.taken += s.count * s.weight
		c.instances += s.count
	}
	return c.taken
}

// takeAt takes the steps that end at a level, one by one, and tells whether the
// need is met or no instance more is allowed. A stair whose step does not fit
// the limit of capacity is closed.
func (c *climber) takeAt(level int64) bool {
	for {
		i := c.firstAt(level)
		if i < 0 {
			return false
		}
		s := &c.stairs[i]
		switch {
		case c.instances >= c.limits.instances:
			return true
		case s.weight > c.limits.milliunits-c.taken:
			c.close(i, level)
			continue
		}
		s.count++
		c.instances++
		c.taken += s.weight
		if c.taken >= c.need {
			return true
		}
	}
}

// firstAt finds the stair whose next step ends at a level and comes first, or
// tells -1.
func (c *climber) firstAt(level int64) int {
	first := -1
	for i := range c.stairs {
		s := &c.stairs[i]
		if s.count < s.stock && s.next() == level && (first < 0 || s.before(&c.stairs[first])) {
			first = i
		}
	}
	return first
}

// close ends a stair at the steps taken. The stairs that follow move down to
// it, but not so far that a step would end below the level that is at work:
// what is taken stays taken.
func (c *climber) close(i int, level int64) {
	s := &c.stairs[i]
	s.closed, s.stock = true, s.count
	for i++; i < len(c.stairs) && c.stairs[i].follows; i++ {
		c.stairs[i].base = max(c.stairs[i-1].top(), level-c.stairs[i].weight)
	}
}
