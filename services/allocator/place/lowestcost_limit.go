package place

// The search under a limit of instances.
//
// Each instance is charged a toll that makes heavier ones worth their price, just
// so high that the limit is kept. Then two kinds are equally good and fill what is
// missing together: the reference and, where a whole number of instances is to be
// saved, a partner that weighs more. What is left of the limit loses the toll.

// A limit is what is special about a search under a limit of instances.
type limit struct {
	// toll is charged for an instance.
	toll uint128
	// left is how many instances the set without steps leaves.
	left int64
	// partner is the kind that fills with the reference; -1 when that is not
	// needed.
	partner int32
}

// tollMax keeps products of costs and weights inside 128 bits.
var tollMax = uint128{high: 1 << 38}

// limitedSearch prepares a search under the limit of instances. It is nil when
// the numbers are too large for it.
func (c *covering) limitedSearch() *search {
	toll := c.toll()
	within, ok := c.fractional(toll)
	if !ok || c.instancesOf(within.counts) > c.instances {
		return nil
	}
	s := c.searchFrom(within)
	s.limit = &limit{partner: -1}
	if toll != (uint128{}) {
		beyond, _ := c.fractional(toll.minus(uint128{low: 1}))
		if !s.share(within.reference, c.mostChanged(within, beyond)) {
			return nil
		}
	}
	s.limit.left = c.instances - c.instancesOf(s.base.counts)
	return s
}

// toll finds the lowest toll at which instances by ascending cost keep the
// limit, with one for the fraction.
func (c *covering) toll() uint128 {
	low, high := uint128{}, tollMax
	for low.less(high) {
		middle := low.plus(high.minus(low).half())
		if c.keepsLimit(middle) {
			high = middle
		} else {
			low = middle.plus(uint128{low: 1})
		}
	}
	return low
}

func (c *covering) keepsLimit(toll uint128) bool {
	f, ok := c.fractional(toll)
	instances := c.instancesOf(f.counts)
	if f.missing > 0 {
		instances++
	}
	return ok && instances <= c.instances
}

// mostChanged is the kind beside the reference whose part changes most when the
// toll changes.
func (c *covering) mostChanged(within, beyond fractional) int32 {
	most, which := int64(0), int32(-1)
	for i := range c.kinds {
		change := (within.counts[i] - beyond.counts[i]) * c.kinds[i].weight
		if change = max(change, -change); int32(i) != within.reference && change > most {
			most, which = change, int32(i)
		}
	}
	return which
}

// share makes two kinds fill what is missing together, at the toll at which they
// are equally good. Costs are multiplied so that it is a whole number. It is false
// when that is beyond 128 bits.
func (s *search) share(a, b int32) bool {
	if b < 0 {
		return false
	}
	x, y := &s.kinds[a], &s.kinds[b]
	factor := x.weight - y.weight
	// The heavier costs more per weight, and the toll makes up for it.
	if factor < 0 {
		a, b, x, y, factor = b, a, y, x, -factor
	}
	dear, cheap := x.cost.times(y.weight), y.cost.times(x.weight)
	if factor == 0 || dear.less(cheap) {
		return false
	}
	s.limit.toll = dear.minus(cheap)
	s.limit.partner, s.base.reference = a, b
	for i := range s.kinds {
		k := &s.kinds[i]
		s.costs[i] = k.cost.times(factor).plus(s.limit.toll)
		if s.costs[i].times(y.weight) == largest {
			return false
		}
	}
	return s.settleOthers()
}

// settleOthers takes every kind in full that costs less than the rate, and none
// of the others, and leaves the rest to the two that share it.
func (s *search) settleOthers() bool {
	y := &s.kinds[s.base.reference]
	rate := s.costs[s.base.reference]
	s.base.missing = s.need
	for i := range s.kinds {
		k := &s.kinds[i]
		s.base.counts[i], s.base.direction[i] = 0, 1
		switch {
		case int32(i) == s.base.reference || int32(i) == s.limit.partner:
			s.base.direction[i] = 0
		case s.costs[i].times(y.weight).less(rate.times(k.weight)):
			s.base.counts[i], s.base.direction[i] = k.stock, -1
			s.base.missing -= k.stock * k.weight
		}
		if s.base.missing < -s.need {
			return false
		}
	}
	return true
}

// spared is what a number of instances loses that the limit would still allow.
func (s *search) spared(instances int64) uint128 {
	return s.limit.toll.times(instances).times(s.reference.weight)
}

// limitedValue is value under a limit of instances. The fewer of the partner,
// the more instances it takes. So the fewest that keep the limit are looked for,
// and from there on as many as can be better, until the rests repeat.
func (s *search) limitedValue(st *state) (uint128, int64) {
	missing, left := s.base.missing-st.at, s.limit.left-st.instances
	if s.limit.partner < 0 {
		return s.valueWith(st, nil, 0, missing, left), 0
	}
	partner := &s.kinds[s.limit.partner]
	most := min(partner.stock, max(0, divideUp(missing, partner.weight)))
	low, high := int64(0), most
	for low < high {
		middle := low + (high-low)/2
		if s.fits(partner, middle, missing, left) {
			high = middle
		} else {
			low = middle + 1
		}
	}
	best, bestCount := largest, int64(0)
	for count := low; count <= min(most, low+s.reference.weight); count++ {
		loss := s.valueWith(st, partner, count, missing, left)
		if loss.less(best) {
			best, bestCount = loss, count
		}
		s.budget--
		_, spare := s.with(partner, count, missing, left)
		if s.budget < 0 || spare >= 0 && !st.loss.plus(s.spared(spare)).less(s.best) || best == st.loss {
			break
		}
	}
	return best, bestCount
}

// with tells how far so many of the partner and the reference pass what is
// missing, and how many instances they spare.
func (s *search) with(partner *kind, count, missing, left int64) (over, spare int64) {
	if partner != nil {
		missing -= count * partner.weight
		left -= count
	}
	filler := s.filler(missing)
	return filler*s.reference.weight - missing, left - filler
}

func (s *search) fits(partner *kind, count, missing, left int64) bool {
	over, spare := s.with(partner, count, missing, left)
	return over >= 0 && spare >= 0
}

func (s *search) valueWith(st *state, partner *kind, count, missing, left int64) uint128 {
	over, spare := s.with(partner, count, missing, left)
	if spare < 0 {
		return largest
	}
	return s.whole(st, over, spare)
}
