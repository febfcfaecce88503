package place

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// stairsGen draws stairs: some on their own, some that follow each other.
func stairsGen() *rapid.Generator[[]stair] {
	return rapid.Custom(func(t *rapid.T) []stair {
		stairs := make([]stair, 0, 8)
		for i := range rapid.IntRange(1, 8).Draw(t, "stairs") {
			s := stair{
				pool: int32(i), tie: int32(i), base: rapid.Int64Range(0, 30).Draw(t, "base"),
				weight: rapid.Int64Range(1, 12).Draw(t, "weight"), stock: rapid.Int64Range(1, 40).Draw(t, "stock"),
			}
			if i > 0 && rapid.Bool().Draw(t, "follows") {
				s.follows, s.base = true, stairs[i-1].top()
			}
			stairs = append(stairs, s)
		}
		return stairs
	})
}

// climbOneByOne is what climb promises, one instance after another.
func climbOneByOne(stairs []stair, need int64, limits room) int64 {
	c := climber{stairs: stairs, need: need, limits: limits}
	for c.taken < need && c.instances < limits.instances {
		first := -1
		for i := range stairs {
			s := &stairs[i]
			if s.count == s.stock || s.follows && stairs[i-1].count < stairs[i-1].stock {
				continue
			}
			if first < 0 || s.next() < stairs[first].next() || s.next() == stairs[first].next() && s.before(&stairs[first]) {
				first = i
			}
		}
		if first < 0 {
			break
		}
		s := &stairs[first]
		if c.taken+s.weight > limits.milliunits {
			c.close(first, s.next())
			continue
		}
		s.count++
		c.instances++
		c.taken += s.weight
	}
	return c.taken
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
			if last < 0 || s.end() > stairs[last].end() || s.end() == stairs[last].end() && stairs[last].before(s) {
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

func TestClimb_isOneStepAfterAnother_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stairs := stairsGen().Draw(t, "stairs")
		need := rapid.Int64Range(1, 1500).Draw(t, "need")
		limits := room{instances: math.MaxInt32, milliunits: math.MaxInt64}
		if rapid.Bool().Draw(t, "limited") {
			limits = room{instances: rapid.Int64Range(1, 150).Draw(t, "instances"), milliunits: rapid.Int64Range(12, 800).Draw(t, "milliunits")}
		}
		want := slices.Clone(stairs)
		wantTaken := climbOneByOne(want, need, limits)
		got := slices.Clone(stairs)
		gotTaken := climb(got, need, limits)
		if gotTaken != wantTaken {
			t.Errorf("took %d, want %d", gotTaken, wantTaken)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(stair{})); diff != "" {
			t.Fatalf("(-one by one +climb)\n%s", diff)
		}
		if over := gotTaken - need; over > 0 {
			trimOneByOne(want, over)
			trim(got, over)
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(stair{})); diff != "" {
				t.Fatalf("over by %d (-one by one +trim)\n%s", over, diff)
			}
		}
	})
}

// A need of a million units of weight 0.001 is met as fast as a small one: the
// test would not end otherwise.
func TestClimb_takesAnyNeedInItsStride(t *testing.T) {
	const need = 1_000_000_000_000
	stairs := []stair{
		{weight: 1, stock: need, base: 0},
		{weight: 10_000_000, stock: need / 10_000_000, base: 5, tie: 1},
		{weight: 1, stock: need, base: 7, tie: 2},
	}
	taken := climb(stairs, need, room{instances: math.MaxInt64, milliunits: math.MaxInt64})
	trim(stairs, taken-need)
	var kept int64
	for i := range stairs {
		kept += stairs[i].count * stairs[i].weight
	}
	if kept != need {
		t.Errorf("kept %d, want exactly %d", kept, int64(need))
	}
}
