package place

// trimRounds is how often steps are given back evenly. Each round ends with a
// step that has become too heavy to go; there are seldom more than two.
const trimRounds = 16

// trim gives back steps that a need does not call for, given how far it is
// passed and a queue with room for all stairs. Climbing ends with the step that
// meets the need; if that one is heavy, lighter instances taken before it may
// have become needless. Afterwards no instance can be taken away without leaving
// the need unmet. Steps go in the reverse of the order in which climbing takes
// them.
func trim(stairs []stair, over int64, light queue) {
	for range trimRounds {
		light = lightest(stairs, over, light[:0])
		if len(light) == 0 {
			return
		}
		over = giveBackEvenly(stairs, over, light)
	}
	for i := len(stairs) - 1; i >= 0; i-- {
		s := &stairs[i]
		count := min(s.count, over/s.weight)
		s.count -= count
		over -= count * s.weight
	}
}

// lightest lists the stairs that can give back an instance, in the order in
// which they do so when their steps end at one level.
func lightest(stairs []stair, over int64, into queue) queue {
	for i := range stairs {
		if s := &stairs[i]; s.count > 0 && s.weight <= over {
			into = append(into, turn{class: uint64(s.rise), price: ^uint64(s.flight), pool: int32(i)})
		}
	}
	into.sort()
	return into
}

// giveBackEvenly gives back steps from the highest down to the first that is too
// heavy to go, and tells how far the need is still passed.
func giveBackEvenly(stairs []stair, over int64, light queue) int64 {
	low, high := stairs[light[0].pool].base, stairs[light[0].pool].end()
	for _, next := range light {
		s := &stairs[next.pool]
		low, high = min(low, s.base), max(high, s.end())
	}
	// All steps can go that end above high: there are none.
	if heldAbove(stairs, low, light) <= over {
		high = low
	}
	for high-low > 1 {
		if middle := low + (high-low)/2; heldAbove(stairs, middle, light) <= over {
			high = middle
		} else {
			low = middle
		}
	}
	over -= heldAbove(stairs, high, light)
	for _, next := range light {
		s := &stairs[next.pool]
		s.count = min(s.count, s.stepsTo(high))
	}
	// Not all can go that end there.
	for _, next := range light {
		if s := &stairs[next.pool]; s.count > 0 && s.end() == high && s.weight <= over {
			s.count--
			over -= s.weight
		}
	}
	return over
}

// heldAbove tells the capacity of the light steps that end above a level.
func heldAbove(stairs []stair, level int64, light queue) int64 {
	var sum int64
	for _, next := range light {
		s := &stairs[next.pool]
		sum += (s.count - min(s.count, s.stepsTo(level))) * s.weight
	}
	return sum
}
