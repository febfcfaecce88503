package place

// trim gives back steps that a need does not call for, given how far it is
// passed. Climbing ends with the step that meets the need; if that one is
// heavy, lighter instances taken before it may have become needless. Afterwards
// no instance can be taken away without leaving the need unmet. Steps go in the
// reverse of the order in which climbing takes them.
func trim(stairs []stair, over int64) {
	for {
		low, high, found := lightRange(stairs, over)
		if !found {
			return
		}
		// The lowest level above which all light steps can go. All of them can
		// go above high: there are none.
		for high-low > 1 {
			if middle := low + (high-low)/2; lightAbove(stairs, over, middle) <= over {
				high = middle
			} else {
				low = middle
			}
		}
		over = giveBack(stairs, over, high)
		// At this level the order decides.
		for {
			last := lastAt(stairs, over, high)
			if last < 0 {
				break
			}
			stairs[last].count--
			over -= stairs[last].weight
		}
	}
}

// isLight tells whether an instance of the stair can be given back.
func (s *stair) isLight(over int64) bool { return s.count > 0 && s.weight <= over }

// end is the level at which the last step taken ends.
func (s *stair) end() int64 { return s.base + s.count*s.weight }

// lightRange tells a level below all light steps and one that none ends above.
func lightRange(stairs []stair, over int64) (low, high int64, found bool) {
	for i := range stairs {
		s := &stairs[i]
		if !s.isLight(over) {
			continue
		}
		if !found {
			low, high, found = s.base, s.end(), true
		}
		low, high = min(low, s.base), max(high, s.end())
	}
	return low - 1, high, found
}

// lightAbove tells the capacity of the light steps that end above a level.
func lightAbove(stairs []stair, over, level int64) int64 {
	var sum int64
	for i := range stairs {
		if s := &stairs[i]; s.isLight(over) {
			sum += (s.count - min(s.count, s.stepsTo(level))) * s.weight
		}
	}
	return sum
}

// giveBack gives back all light steps that end above a level and tells how far
// the need is still passed.
func giveBack(stairs []stair, over, level int64) int64 {
	left := over
	for i := range stairs {
		if s := &stairs[i]; s.isLight(over) {
			kept := min(s.count, s.stepsTo(level))
			left -= (s.count - kept) * s.weight
			s.count = kept
		}
	}
	return left
}

// lastAt finds the stair whose last step taken is light, ends at a level and
// comes last, or tells -1.
func lastAt(stairs []stair, over, level int64) int {
	last := -1
	for i := range stairs {
		s := &stairs[i]
		if s.isLight(over) && s.end() == level && (last < 0 || stairs[last].before(s)) {
			last = i
		}
	}
	return last
}
