package place

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// A slope is stairs and their flights, as evenly is handed them.
type slope struct {
	Stairs  []stair
	Flights []flight
	HandsOn bool
}

func slopeGen() *rapid.Generator[slope] {
	return rapid.Custom(func(t *rapid.T) slope {
		s := slope{Stairs: make([]stair, 0, 32), HandsOn: rapid.Bool().Draw(t, "hands on")}
		s.Flights = make([]flight, rapid.IntRange(1, 6).Draw(t, "flights"))
		numbers := make([]int, len(s.Flights))
		for i := range s.Flights {
			numbers[i] = i
			s.Flights[i].level = rapid.Int64Range(0, 30).Draw(t, "level")
		}
		for _, number := range rapid.Permutation(numbers).Draw(t, "order") {
			for range rapid.IntRange(0, 4).Draw(t, "stairs") {
				next := stair{
					pool: int32(len(s.Stairs)), flight: int32(number),
					weight: rapid.Int64Range(1, 12).Draw(t, "weight"), stock: rapid.Int64Range(1, 40).Draw(t, "stock"),
				}
				next.rise = next.weight
				if s.HandsOn {
					next.rise = 1
				}
				s.Stairs = s.Flights[number].add(s.Stairs, next)
			}
		}
		return s
	})
}

func (s slope) clone() slope {
	c := slope{Stairs: make([]stair, 0, len(s.Stairs)), Flights: make([]flight, len(s.Flights)), HandsOn: s.HandsOn}
	for i := range s.Flights {
		c.Flights[i].level = s.Flights[i].level
	}
	for _, next := range s.Stairs {
		c.Stairs = c.Flights[next.flight].add(c.Stairs, next)
	}
	return c
}

// A walk is a climb as people would do it, one instance after another.
type walk struct {
	slope
	need   int64
	limits room
	taken  amount
	level  []int64
	failed []bool
}

// next finds the stair of the next step of a flight, or nil.
func (w *walk) next(flight int) *stair {
	for i := range w.Stairs {
		if s := &w.Stairs[i]; int(s.flight) == flight && s.count < s.stock {
			return s
		}
	}
	return nil
}

// turn chooses whose step is next, or tells nil.
func (w *walk) turn() *stair {
	chosen := -1
	for i := range w.Flights {
		next := w.next(i)
		switch {
		case w.failed[i], next == nil && !w.HandsOn:
			continue
		case chosen < 0:
			chosen = i
		case w.HandsOn:
			if w.level[i] < w.level[chosen] {
				chosen = i
			}
		default:
			before := w.next(chosen)
			mine, theirs := w.level[i]+next.rise, w.level[chosen]+before.rise
			if mine < theirs || mine == theirs && next.rise > before.rise {
				chosen = i
			}
		}
	}
	if chosen < 0 {
		return nil
	}
	if w.next(chosen) == nil { // its turn goes to the first that can
		w.failed[chosen] = true
		for chosen = 0; chosen < len(w.Flights) && w.next(chosen) == nil; chosen++ {
			w.failed[chosen] = true
		}
		if chosen == len(w.Flights) {
			return nil
		}
	}
	return w.next(chosen)
}

func (w *walk) fits(s *stair) bool {
	return w.taken.instances < w.limits.instances && w.taken.milliunits+s.weight <= w.limits.milliunits
}

func (w *walk) take(s *stair) {
	s.count++
	w.level[s.flight] += s.rise
	w.taken.instances++
	w.taken.milliunits += s.weight
}

func (w *walk) run() {
	for w.taken.milliunits < w.need {
		next := w.turn()
		if next == nil || !w.fits(next) {
			break
		}
		w.take(next)
	}
	for i := range w.Stairs {
		s := &w.Stairs[i]
		before := s.count
		for w.taken.milliunits < w.need && s.count < s.stock && w.fits(s) {
			w.take(s)
		}
		s.blocked = w.taken.milliunits < w.need && s.count < s.stock && s.count == before
	}
}

// trimOneByOne is what trim promises, one instance after another.
func trimOneByOne(stairs []stair, over int64) {
	for {
		last := -1
		for i := range stairs {
			s := &stairs[i]
			if s.count == 0 || s.weight > over {
				continue
			}
			if last < 0 || s.end() > stairs[last].end() || s.end() == stairs[last].end() && comesAfter(s, &stairs[last]) {
				last = i
			}
		}
		if last < 0 {
			return
		}
		stairs[last].count--
		over -= stairs[last].weight
	}
}

func comesAfter(a, b *stair) bool {
	return a.rise < b.rise || a.rise == b.rise && a.flight > b.flight
}

func TestClimb_isOneStepAfterAnother_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		drawn := slopeGen().Draw(t, "slope")
		need := rapid.Int64Range(1, 1500).Draw(t, "need")
		limits := room{instances: math.MaxInt32, milliunits: math.MaxInt64}
		if rapid.Bool().Draw(t, "limited") {
			limits = room{instances: rapid.Int64Range(1, 150).Draw(t, "instances"), milliunits: rapid.Int64Range(12, 800).Draw(t, "milliunits")}
		}
		w := walk{slope: drawn.clone(), need: need, limits: limits, level: make([]int64, len(drawn.Flights)), failed: make([]bool, len(drawn.Flights))}
		for i := range drawn.Flights {
			w.level[i] = drawn.Flights[i].level
		}
		w.run()
		got := drawn.clone()
		c := newClimb(got.Stairs, got.Flights, need, limits)
		c.handsOn = drawn.HandsOn
		c.run()
		missing := c.fillUp(got.Stairs)
		if want := need - w.taken.milliunits; missing != want {
			t.Errorf("%d are missing, want %d", missing, want)
		}
		if diff := cmp.Diff(w.Stairs, got.Stairs, cmp.AllowUnexported(stair{}, amount{})); diff != "" {
			t.Fatalf("(-one by one +climb)\n%s", diff)
		}
		if missing < 0 {
			trimOneByOne(w.Stairs, -missing)
			trim(got.Stairs, -missing, nil)
			if diff := cmp.Diff(w.Stairs, got.Stairs, cmp.AllowUnexported(stair{}, amount{})); diff != "" {
				t.Fatalf("over by %d (-one by one +trim)\n%s", -missing, diff)
			}
		}
	})
}

// However many rounds it would take, nothing is left that could go.
func TestTrim_leavesNothingNeedless_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stairs := make([]stair, rapid.IntRange(1, 100).Draw(t, "stairs"))
		for i := range stairs {
			weight := rapid.Int64Range(1, 100).Draw(t, "weight")
			stairs[i] = stair{flight: int32(i), base: rapid.Int64Range(0, 100).Draw(t, "base"), rise: weight, weight: weight, stock: 2}
			stairs[i].count = rapid.Int64Range(0, 2).Draw(t, "count")
		}
		held := func() (sum int64) {
			for i := range stairs {
				sum += stairs[i].count * stairs[i].weight
			}
			return sum
		}
		need := held() - rapid.Int64Range(0, 100).Draw(t, "over")
		trim(stairs, held()-need, nil)
		for i := range stairs {
			if held() < need || stairs[i].count > 0 && held()-stairs[i].weight >= need {
				t.Fatalf("%d are held for a need of %d, and one of them weighs %d", held(), need, stairs[i].weight)
			}
		}
	})
}

// When a step becomes too heavy to go, lighter ones go on from there, still
// evenly: of 9 that are too much, the one of 6 goes, the one of 4 can not any
// more, and the last 3 come from both of the lightest.
func TestTrim_goesOnEvenly(t *testing.T) {
	stairs := []stair{
		{flight: 0, base: 94, rise: 6, weight: 6, stock: 1, count: 1},
		{flight: 1, base: 95, rise: 4, weight: 4, stock: 1, count: 1},
		{flight: 2, base: 0, rise: 1, weight: 1, stock: 9, count: 5},
		{flight: 3, base: 0, rise: 1, weight: 1, stock: 9, count: 5},
	}
	trim(stairs, 9, nil)
	for i, want := range []int64{0, 1, 4, 3} {
		if stairs[i].count != want {
			t.Errorf("stair %d keeps %d, want %d", i, stairs[i].count, want)
		}
	}
}

// A need of a million units of weight 0.001 is met as fast as a small one: the
// test would not end otherwise.
func TestClimb_takesAnyNeedInItsStride(t *testing.T) {
	const need = 1_000_000_000_000
	for _, handsOn := range []bool{false, true} {
		flights := []flight{{level: 0}, {level: 5}, {level: 7}}
		stairs := make([]stair, 0, len(flights))
		for i, weight := range []int64{1, 10_000_000, 1} {
			next := stair{flight: int32(i), rise: weight, weight: weight, stock: need / weight}
			if handsOn {
				next.rise = 1
			}
			stairs = flights[i].add(stairs, next)
		}
		c := newClimb(stairs, flights, need, room{instances: math.MaxInt64, milliunits: math.MaxInt64})
		c.handsOn = handsOn
		c.run()
		trim(stairs, -c.fillUp(stairs), nil)
		var kept int64
		for i := range stairs {
			kept += stairs[i].count * stairs[i].weight
		}
		if kept != need {
			t.Errorf("kept %d, want exactly %d", kept, int64(need))
		}
	}
}

// Two prices per unit that differ keep their order however close they are.
func TestPriceKey_neverOrdersTheWrongWay_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rates := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) rate {
			return rate{price: rapid.Int64Range(0, math.MaxInt64).Draw(t, "price"), weight: rapid.Int64Range(1, 10_000_000).Draw(t, "weight")}
		}), 2, 2).Draw(t, "rates")
		if rapid.Bool().Draw(t, "close") {
			rates[1].price = max(0, rates[0].price/rates[0].weight*rates[1].weight)
		}
		slices.SortFunc(rates, rate.compare)
		if priceKey(rates[0].price, rates[0].weight) > priceKey(rates[1].price, rates[1].weight) {
			t.Errorf("%+v is below %+v, their keys are not", rates[0], rates[1])
		}
	})
}

// A long queue is sorted as a short one is.
func TestQueue_sortsByDigits_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.OneOf(rapid.Uint64(), rapid.Uint64Range(0, 3), rapid.Just(uint64(math.MaxUint64)))
		q := queue(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) turn {
			return turn{class: number.Draw(t, "class"), price: number.Draw(t, "price")}
		}), 1, 40).Draw(t, "queue"))
		for i := range q {
			q[i].pool = int32(i)
		}
		want := slices.Clone(q)
		slices.SortFunc(want, turn.compare)
		q.sortByDigits()
		if !slices.Equal(want, q) {
			t.Errorf("got %v, want %v", q, want)
		}
	})
}
