package place

import "sort"

// A flight is stairs that are climbed one after the other, each beginning where
// the one before ends: the pools of a zone.
type flight struct {
	stairs []stair
	// from and to tell where its stairs lie among all, as long as they are built.
	from, to int
	// holds is what its stairs hold.
	holds amount
	// level is where the last step taken ends; at first where the flight begins.
	level int64
	// at is the stair of the next step; behind the last when there is none.
	at int
	// failed is true if it had nothing more to give when its turn came.
	failed bool
}

// add puts a stair on top. The stairs of a flight are added without those of
// another between them.
func (f *flight) add(into []stair, next stair) []stair {
	next.base, next.below = f.level, f.holds
	if f.to > f.from {
		next.base = into[f.to-1].top()
	} else {
		f.from = len(into)
	}
	f.to = len(into) + 1
	f.holds.instances += next.stock
	f.holds.milliunits += next.stock * next.weight
	return append(into, next)
}

func (f *flight) ends() bool { return f.at == len(f.stairs) }

// top is the level at which the flight ends.
func (f *flight) top() int64 {
	if len(f.stairs) == 0 {
		return f.level
	}
	return f.stairs[len(f.stairs)-1].top()
}

// stairAt tells which stair holds the first step that ends above a level, one
// not below the last step taken.
func (f *flight) stairAt(level int64) int {
	if f.ends() || level < f.stairs[f.at].top() {
		return f.at
	}
	return f.at + sort.Search(len(f.stairs)-f.at, func(i int) bool { return f.stairs[f.at+i].top() > level })
}

// upTo tells what all steps hold that are taken or end at a level or below.
func (f *flight) upTo(level int64) amount {
	if len(f.stairs) == 0 {
		return amount{}
	}
	level = max(level, f.level)
	s := &f.stairs[min(f.stairAt(level), len(f.stairs)-1)]
	steps := s.stepsTo(level)
	return amount{instances: s.below.instances + steps, milliunits: s.below.milliunits + steps*s.weight}
}

// climbTo takes all steps that end at a level or below.
func (f *flight) climbTo(level int64) {
	if f.ends() || level <= f.level {
		return
	}
	f.at = f.stairAt(level)
	if f.ends() {
		f.level = f.top()
		return
	}
	s := &f.stairs[f.at]
	f.level = s.base + s.stepsTo(level)*s.rise
}

// A climb takes steps from flights until a need is met, the limits are reached
// or all flights end.
type climb struct {
	flights []flight
	need    int64
	limits  room
	// handsOn is true if a flight that has nothing more to give hands its turn
	// to the first that has, and has no other turn.
	handsOn bool
	taken   amount
	// queue has room for all flights.
	queue queue
}

// newClimb makes a climb of stairs that are built.
func newClimb(stairs []stair, flights []flight, need int64, limits room) climb {
	for i := range flights {
		f := &flights[i]
		f.stairs = stairs[f.from:f.to]
	}
	return climb{flights: flights, need: need, limits: limits}
}

func (c *climb) run() {
	short := c.flights[0].level
	for i := range c.flights {
		short = min(short, c.flights[i].level)
	}
	// Each round but the last ends a flight, and only where turns are handed on
	// there is more than one.
	for {
		level, found := c.nextEnd()
		if !found {
			return
		}
		if !c.isShortAt(level) {
			level = c.lastShort(short, level)
		}
		c.climbTo(level)
		short = level + 1
		if c.climbOn(short) {
			return
		}
	}
}

// nextEnd tells up to which level no turn has to be handed on; where none ever
// is, that at which all flights have ended.
func (c *climb) nextEnd() (level int64, found bool) {
	for i := range c.flights {
		f := &c.flights[i]
		if f.failed {
			continue
		}
		switch top := f.top(); {
		case !found:
			level, found = top, true
		case c.handsOn:
			level = min(level, top)
		default:
			level = max(level, top)
		}
	}
	return level, found
}

// upTo tells what all steps hold that are taken or end at a level or below.
func (c *climb) upTo(level int64) amount {
	var sum amount
	for i := range c.flights {
		held := c.flights[i].upTo(level)
		sum.instances += held.instances
		sum.milliunits += held.milliunits
	}
	return sum
}

// isShortAt tells whether all those steps stay inside the limits and yet do not
// meet the need.
func (c *climb) isShortAt(level int64) bool {
	sum := c.upTo(level)
	return sum.milliunits < c.need && sum.milliunits <= c.limits.milliunits && sum.instances <= c.limits.instances
}

// lastShort finds the highest level that is short, between one that is and one
// that is not.
func (c *climb) lastShort(short, enough int64) int64 {
	for enough-short > 1 {
		if middle := short + (enough-short)/2; c.isShortAt(middle) {
			short = middle
		} else {
			enough = middle
		}
	}
	return short
}

// climbTo takes all steps that end at a level or below.
func (c *climb) climbTo(level int64) {
	for i := range c.flights {
		c.flights[i].climbTo(level)
	}
	c.taken = c.upTo(level)
}

// climbOn takes the steps that end at a level one by one, those that end lower
// being taken, and tells whether that is all.
func (c *climb) climbOn(level int64) bool {
	if c.handsOn {
		return c.handOn(level)
	}
	c.queue = c.queue[:0]
	for i := range c.flights {
		if f := &c.flights[i]; !f.ends() && f.level+f.stairs[f.at].rise == level {
			c.queue = append(c.queue, turn{class: -uint64(f.stairs[f.at].rise), pool: int32(i)}) // the highest first
		}
	}
	c.queue.sort()
	for _, next := range c.queue {
		if c.step(&c.flights[next.pool]) {
			break
		}
	}
	return true
}

// handOn gives each flight that is below a level its turn.
func (c *climb) handOn(level int64) bool {
	first := 0 // of those that have something to give
	for i := range c.flights {
		turn := &c.flights[i]
		if turn.failed || turn.level >= level {
			continue
		}
		if turn.ends() {
			turn.failed = true
			for first < len(c.flights) && c.flights[first].ends() {
				c.flights[first].failed = true
				first++
			}
			if first == len(c.flights) {
				return true
			}
			turn = &c.flights[first]
		}
		if c.step(turn) {
			return true
		}
	}
	return false
}

// step takes the next step of a flight and tells whether the need is met or the
// limits leave no room for it.
func (c *climb) step(f *flight) bool {
	s := &f.stairs[f.at]
	if c.taken.instances >= c.limits.instances || s.weight > c.limits.milliunits-c.taken.milliunits {
		return true
	}
	c.taken.instances++
	c.taken.milliunits += s.weight
	f.level += s.rise
	if f.level == s.top() {
		f.at++
	}
	return c.taken.milliunits >= c.need
}

// fillUp notes how many steps of each stair are taken, and when the climb ended
// at a limit takes what still fits, one stair after another. It tells how much
// is missing then.
func (c *climb) fillUp(stairs []stair) int64 {
	for i := range stairs {
		stairs[i].count = stairs[i].stepsTo(c.flights[stairs[i].flight].level)
	}
	missing := c.need - c.taken.milliunits
	for i := range stairs {
		if missing <= 0 {
			break
		}
		s := &stairs[i]
		left := s.stock - s.count
		count := min(left, ceilDiv(missing, s.weight), c.limits.instances-c.taken.instances, (c.limits.milliunits-c.taken.milliunits)/s.weight)
		s.blocked = count == 0 && left > 0
		s.count += count
		c.taken.instances += count
		c.taken.milliunits += count * s.weight
		missing -= count * s.weight
	}
	return missing
}
