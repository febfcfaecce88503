package place

import (
	"cmp"
	"slices"
)

// The search for the least cost.
//
// Cut instances into fractions and the answer is easy: take kinds by ascending
// cost per weight until the need is met. All kinds are then taken in full or not
// at all, but for one: the reference. Its rate, cost per weight, is what a need
// costs. Every other set deviates from that one, and what it costs more can be
// told by its parts, each of them a loss that is never below zero:
//
//   - an instance more of a kind that is dearer than the rate, or one less of a
//     kind that is cheaper, loses the difference;
//   - capacity beyond the need loses the rate.
//
// So the search is for the deviations that lose least. As the reference fills
// whatever is missing, they are few: a kind that loses more with one instance
// than the best set known in all is left as it is. Deviations of the others are
// tried in ascending order of loss, in steps of 1, 2, 4... instances, so that
// any number is a sum of steps. A state is a set of deviations; one that another
// makes needless is dropped, and one that can not come to less than the best.

// How many states a search may look at: in all, which is about a tenth of a
// second of work; and when nothing can be cheaper any more, only to find as
// cheap a set with fewer instances.
const (
	searchStates = 1_000_000
	tieStates    = 50_000
)

// Between these numbers of states pairs of them are tried now and then.
const (
	pairMin = 32
	pairMax = 1 << 15
)

// least tells the cheapest set between need and ceiling, or nil when there is
// none.
func (c *covering) least() ([]int64, error) {
	base, ok := c.fractional(uint128{})
	if !ok {
		return nil, nil
	}
	least := c.priceOf(base.counts, base.reference, base.missing, c.kinds[base.reference].weight)
	free := c.searchFrom(base)
	free.least = least
	counts, err := free.run()
	if counts == nil || err != nil || c.instancesOf(counts) <= c.instances {
		return counts, err
	}
	limited := c.limitedSearch()
	if limited == nil {
		return nil, ErrSearchTooLarge
	}
	limited.least = least
	return limited.run()
}

func (c *covering) instancesOf(counts []int64) int64 {
	var sum int64
	for _, count := range counts {
		sum += count
	}
	return sum
}

// priceOf is what counts cost, rounded up to what can be paid, with a fraction of
// one kind.
func (c *covering) priceOf(counts []int64, kind int32, part, of int64) uint128 {
	var sum uint128
	for i, count := range counts {
		sum = sum.plus(uint128{low: uint64(c.kinds[i].price)}.times(count))
	}
	fraction := uint128{low: uint64(c.kinds[kind].price)}.times(part)
	return sum.plus(fraction.plus(uint128{low: uint64(of - 1)}).over(of))
}

// A fractional is the set of the fractional answer, its fraction rounded down.
type fractional struct {
	// counts are of the kinds, and what their weight misses of the need.
	counts  []int64
	missing int64
	// direction is 1 for a kind that can be taken more of, -1 for one that can be
	// taken less of, 0 for one that fills what is missing.
	direction []int64
	reference int32
}

// fractional takes kinds by ascending cost per weight, with a toll on every
// instance, until the need is met. It is false when all of them do not meet it.
func (c *covering) fractional(toll uint128) (fractional, bool) {
	order := make([]int32, len(c.kinds))
	f := fractional{counts: make([]int64, len(order)), direction: make([]int64, len(order)), missing: c.need}
	for i := range order {
		order[i] = int32(i)
	}
	tolled := func(k *kind) uint128 { return k.cost.plus(toll) }
	slices.SortFunc(order, func(a, b int32) int {
		x, y := &c.kinds[a], &c.kinds[b]
		return cmp.Or(tolled(x).times(y.weight).compare(tolled(y).times(x.weight)), cmp.Compare(a, b))
	})
	found := false
	for _, i := range order {
		k := &c.kinds[i]
		if found {
			f.direction[i] = 1
			continue
		}
		whole := f.missing / k.weight
		f.counts[i] = min(k.stock, whole)
		f.missing -= f.counts[i] * k.weight
		if found = f.counts[i] == whole; found {
			f.reference = i
		} else {
			f.direction[i] = -1
		}
	}
	return f, found
}

// A step is a number of instances more, or less, of a kind.
type step struct {
	kind  int32
	count int64
	// weight is what it adds; below 0 for instances less.
	weight int64
	loss   uint128
}

// A state is a set of steps.
type state struct {
	// at is the weight that its steps add. Where the reference can make up for
	// any of it, only how far the need is then passed.
	at   int64
	loss uint128
	// instances is how many its steps add.
	instances int64
	// trail is its last step, as index into the trail; -1 for none.
	trail int32
}

// A mark is a step of a state and what came before.
type mark struct{ before, step int32 }

// A search is one for the least cost. Losses are in costs times the weight of
// the reference.
type search struct {
	*covering
	base fractional
	// costs are of an instance of each kind, rate of a unit of weight of the
	// reference.
	costs     []uint128
	reference *kind
	rate      uint128
	// more and less are how many instances the reference can give beyond its
	// count, and give back.
	more, less int64
	// least is the price of the fractional answer, rounded up to what can be paid:
	// nothing costs less.
	least uint128
	// limit is nil when any number of instances will do.
	limit *limit
	// budget is how many states may still be looked at.
	budget int

	// steps are first those that were tried at the beginning, then from first on
	// those that are explored, by ascending loss, and one that none gets to.
	steps []step
	first int
	// ring is true when the reference makes up for all steps that there can be.
	ring bool

	trail []mark
	// best is the least loss seen, bestTrail how it came about, bestPartner how
	// many of the partner are in it.
	best        uint128
	bestTrail   int32
	bestPartner int64
	found       bool
	// vague is true if a loss was too large to be told.
	vague bool
}

// searchFrom prepares a search with any number of instances.
func (c *covering) searchFrom(base fractional) *search {
	s := &search{covering: c, base: base, costs: make([]uint128, len(c.kinds))}
	for i := range c.kinds {
		s.costs[i] = c.kinds[i].cost
	}
	return s
}

func (s *search) run() ([]int64, error) {
	s.reference = &s.kinds[s.base.reference]
	s.rate = s.costs[s.base.reference]
	s.less = s.base.counts[s.base.reference]
	s.more = s.reference.stock - s.less
	s.best, s.budget = largest, searchStates

	s.try(&state{trail: -1})
	s.single()
	s.makeSteps()
	if err := s.explore(); err != nil {
		return nil, err
	}
	switch {
	case s.vague && !s.found:
		return nil, ErrSearchTooLarge
	case !s.found:
		return nil, nil
	}
	counts := s.counts()
	s.returnFree(counts)
	return counts, nil
}

// returnFree gives back what costs nothing and can be spared.
func (c *covering) returnFree(counts []int64) {
	over := max(0, c.weightOf(counts)-c.need)
	for i := range c.kinds {
		if k := &c.kinds[i]; k.price == 0 {
			spare := min(counts[i], over/k.weight)
			counts[i] -= spare
			over -= spare * k.weight
		}
	}
}

// loss is what one instance more, or less, of a kind loses.
func (s *search) loss(kind int) uint128 {
	return s.costs[kind].times(s.reference.weight).apart(s.rate.times(s.kinds[kind].weight))
}

// single tries one instance of each kind, for a best to begin with.
func (s *search) single() {
	for i, direction := range s.base.direction {
		if direction != 0 {
			k := &s.kinds[i]
			one := step{kind: int32(i), count: direction, weight: direction * k.weight, loss: s.loss(i)}
			s.steps = append(s.steps, one)
			s.trail = append(s.trail, mark{before: -1, step: int32(len(s.steps) - 1)})
			s.try(&state{at: one.weight, loss: one.loss, instances: direction, trail: int32(len(s.trail) - 1)})
		}
	}
}

// makeSteps lists the steps that can lead to less than the best, by loss.
func (s *search) makeSteps() {
	s.first = len(s.steps)
	var up, down int64
	var all uint128 // that the steps can lose together
	periods := s.periods()
	for i, direction := range s.base.direction {
		if direction == 0 {
			continue
		}
		loss, k := s.loss(i), &s.kinds[i]
		if !loss.less(s.best) {
			all = all.plus(loss)
			continue
		}
		room := min(k.stock, ceilDiv(s.need, k.weight))
		if s.limit != nil {
			room = min(room, s.instances)
		}
		if loss != (uint128{}) && s.found {
			room = min(room, quotient(s.best, loss))
		}
		if periods != nil {
			room = min(room, periods[i])
		}
		all = all.plus(loss.times(room))
		if direction > 0 {
			up += room * k.weight
		} else {
			down += room * k.weight
		}
		for count := int64(1); room > 0; count *= 2 {
			count = min(count, room)
			room -= count
			s.steps = append(s.steps, step{
				kind: int32(i), count: direction * count, weight: direction * count * k.weight, loss: loss.times(count),
			})
		}
	}
	s.vague = s.vague || all == largest
	slices.SortStableFunc(s.steps[s.first:], func(a, b step) int { return a.loss.compare(b.loss) })
	s.steps = append(s.steps, step{loss: largest})
	w := s.reference.weight
	s.ring = s.limit == nil && up/w < s.less && down/w+1 < s.more
}

// periods tells how many instances of each kind can be needed beside a reference
// that neither runs out nor is given back: more could be exchanged for it,
// weight for weight. It is nil when the reference could run out.
func (s *search) periods() []int64 {
	if s.limit != nil {
		return nil
	}
	w := s.reference.weight
	var exchanged, most int64
	periods := make([]int64, len(s.kinds))
	for i, direction := range s.base.direction {
		if direction == 0 || !s.loss(i).less(s.best) {
			continue
		}
		weight := s.kinds[i].weight
		divisor := gcd(w, weight)
		periods[i] = w/divisor - 1
		exchanged += weight / divisor
		most = max(most, weight/divisor)
	}
	if exchanged+most >= min(s.less, s.more) {
		return nil
	}
	return periods
}

// try notes a state if it is the best so far.
func (s *search) try(st *state) {
	if loss, partner := s.value(st); loss.less(s.best) {
		s.note(loss, st.trail, partner)
	}
}

func (s *search) note(loss uint128, trail int32, partner int64) {
	s.best, s.bestTrail, s.bestPartner, s.found = loss, trail, partner, true
}

// value makes up for what a state is missing and tells what the whole then
// loses: the largest number when limits do not allow it. It tells how many of
// the partner that takes.
func (s *search) value(st *state) (loss uint128, partner int64) {
	if s.limit != nil {
		return s.limitedValue(st)
	}
	missing := s.base.missing - st.at
	if s.ring {
		missing = -st.at
	}
	return s.whole(st, s.filler(missing)*s.reference.weight-missing, 0), 0
}

// whole is what a state loses that passes the need, and leaves instances of the
// limit unused.
func (s *search) whole(st *state, over, spare int64) uint128 {
	var loss uint128
	switch {
	case s.short && over <= 0:
		loss = uint128{low: uint64(-over)}
	case s.short || over < 0 || over > s.ceiling-s.need:
		return largest
	default:
		loss = st.loss.plus(s.rate.times(over))
	}
	if spare > 0 {
		loss = loss.plus(s.spared(spare))
	}
	s.vague = s.vague || loss == largest
	return loss
}

// filler is how many instances of the reference make up for missing weight, as
// far as it goes.
func (s *search) filler(missing int64) int64 {
	count := divideUp(missing, s.reference.weight)
	if s.short && count*s.reference.weight > missing {
		count--
	}
	return min(max(count, -s.less), s.more)
}

// explore tries steps in every combination that can come to less than the best.
func (s *search) explore() error {
	start := state{trail: -1}
	if s.ring {
		start.at = s.onRing(-s.base.missing)
	}
	states, moved, next := []state{start}, []state(nil), []state(nil)
	pairAt := pairMin
	for i := s.first; s.steps[i].loss.less(s.best); i++ {
		if s.budget -= len(states); s.budget < searchStates-tieStates && s.isCheapest() {
			return nil
		}
		if s.budget < 0 {
			return ErrSearchTooLarge
		}
		moved = s.move(moved[:0], states, int32(i))
		next = s.merge(next[:0], states, moved, s.steps[i+1].loss)
		states, next = next, states
		if len(states) > pairAt && pairAt <= pairMax {
			s.pair(states)
			pairAt *= 4
		}
	}
	return nil
}

// isCheapest tells whether the best costs no more than anything must.
func (s *search) isCheapest() bool {
	return s.found && !s.short && !s.least.less(s.priceOf(s.counts(), s.base.reference, 0, 1))
}

// move takes a step from every state.
func (s *search) move(into, states []state, index int32) []state {
	step := &s.steps[index]
	for _, st := range states {
		st.loss = st.loss.plus(step.loss)
		if !st.loss.less(s.best) {
			continue
		}
		s.trail = append(s.trail, mark{before: st.trail, step: index})
		st.trail = int32(len(s.trail) - 1)
		st.at += step.weight
		st.instances += step.count
		into = append(into, st)
	}
	if s.ring {
		into = s.turn(into)
	}
	for i := range into {
		s.try(&into[i])
	}
	return into
}

// onRing is what is left of a weight when the reference is used to make up for
// it: between 0 and an instance of it.
func (s *search) onRing(weight int64) int64 {
	w := s.reference.weight
	return (weight%w + w) % w
}

// turn brings states back onto the ring, in descending order. They are a turned
// ring: at most two runs in descending order.
func (s *search) turn(moved []state) []state {
	cut := 0
	for i := range moved {
		moved[i].at = s.onRing(moved[i].at)
		if i > 0 && moved[i].at > moved[i-1].at {
			cut = i
		}
	}
	if cut == 0 {
		return moved
	}
	return append(slices.Clone(moved[cut:]), moved[:cut]...)
}

// merge joins two lists of states in descending order of weight, and leaves out
// those that can not come to less than the best by steps that lose at least so
// much, and those that another makes needless.
func (s *search) merge(into, a, b []state, atLeast uint128) []state {
	for len(a)+len(b) > 0 {
		var st state
		if len(b) == 0 || len(a) > 0 && (a[0].at > b[0].at || a[0].at == b[0].at && !b[0].loss.less(a[0].loss)) {
			st, a = a[0], a[1:]
		} else {
			st, b = b[0], b[1:]
		}
		if st.loss.plus(atLeast).less(s.best) && !s.needless(into, &st) {
			into = append(into, st)
		}
	}
	return into
}

// needless tells whether one of the states before, which weigh more or the same,
// is as good whatever is added: it costs no more, needs no more instances, and
// weighs no more where there is a ceiling.
func (s *search) needless(before []state, st *state) bool {
	looks := 1
	if s.limit != nil {
		looks = 8 // which one it would be is not known; a few are found so
	}
	for i := len(before) - 1; i >= max(0, len(before)-looks); i-- {
		other := &before[i]
		if s.tight() && other.at != st.at || s.limit != nil && other.instances > st.instances {
			continue
		}
		more := other.loss.plus(s.rate.times(other.at - st.at))
		if s.limit != nil {
			more = more.plus(s.spared(st.instances - other.instances))
		}
		if !st.loss.less(more) {
			return true
		}
	}
	return false
}

// pair tries each state together with the one that fits it best, for a better
// best: what proves that there is none better is then less.
func (s *search) pair(states []state) {
	missing := s.base.missing
	if s.ring {
		missing = -missing // which all states on the ring have counted
	}
	byRest := slices.Clone(states)
	slices.SortFunc(byRest, func(a, b state) int {
		return cmp.Or(cmp.Compare(s.onRing(a.at), s.onRing(b.at)), a.loss.compare(b.loss), cmp.Compare(a.trail, b.trail))
	})
	for i := range states {
		st := &states[i]
		rest := s.onRing(missing - st.at)
		at, _ := slices.BinarySearchFunc(byRest, rest, func(other state, rest int64) int { return cmp.Compare(s.onRing(other.at), rest) })
		if s.short && (at == len(byRest) || s.onRing(byRest[at].at) > rest) {
			at += len(byRest) - 1
		}
		other := &byRest[at%len(byRest)]
		both := state{at: st.at + other.at, loss: st.loss.plus(other.loss), instances: st.instances + other.instances}
		if s.ring {
			both.at = s.onRing(both.at - missing)
		}
		if loss, partner := s.value(&both); loss.less(s.best) && s.canJoin(st.trail, other.trail) {
			s.note(loss, s.join(st.trail, other.trail), partner)
		}
	}
}

// canJoin tells whether there is stock for the steps of two trails.
func (s *search) canJoin(a, b int32) bool {
	counts := slices.Clone(s.base.counts)
	for _, trail := range []int32{a, b} {
		for ; trail >= 0; trail = s.trail[trail].before {
			step := &s.steps[s.trail[trail].step]
			counts[step.kind] += step.count
			if counts[step.kind] < 0 || counts[step.kind] > s.kinds[step.kind].stock {
				return false
			}
		}
	}
	return true
}

// join makes one trail of two.
func (s *search) join(a, b int32) int32 {
	for ; b >= 0; b = s.trail[b].before {
		s.trail = append(s.trail, mark{before: a, step: s.trail[b].step})
		a = int32(len(s.trail) - 1)
	}
	return a
}

// tight tells whether the ceiling is so low that a set that needs all of its
// instances can pass it.
func (s *search) tight() bool { return s.ceiling-s.need < s.kinds[0].weight-1 }

// counts is the best set.
func (s *search) counts() []int64 {
	counts := slices.Clone(s.base.counts)
	missing := s.base.missing
	for i := s.bestTrail; i >= 0; i = s.trail[i].before {
		step := &s.steps[s.trail[i].step]
		counts[step.kind] += step.count
		missing -= step.weight
	}
	if s.limit != nil && s.limit.partner >= 0 {
		counts[s.limit.partner] += s.bestPartner
		missing -= s.bestPartner * s.kinds[s.limit.partner].weight
	}
	counts[s.base.reference] += s.filler(missing)
	return counts
}

// divideUp rounds up, below zero as well.
func divideUp(a, b int64) int64 {
	if a <= 0 {
		return -(-a / b)
	}
	return (a + b - 1) / b
}

// quotient is how many times b goes into a.
func quotient(a, b uint128) int64 {
	var count int64
	for bit := int64(1) << 40; bit > 0; bit >>= 1 {
		if times := b.times(count + bit); !a.less(times) && times != largest {
			count += bit
		}
	}
	return count
}
