package place

import (
	"cmp"
	"math"
	"slices"
)

// prioritized takes pools by ascending priority of their candidates, those
// without one last; the next only when the one before can give no more.
func (f *filling) prioritized(candidates []Candidate) {
	priority := func(pool int32) int64 {
		if given := candidates[f.decisions[pool].Candidate].Priority; given != nil {
			return int64(*given)
		}
		return math.MaxInt64
	}
	slices.SortStableFunc(f.order, func(a, b int32) int { return cmp.Compare(priority(a), priority(b)) })
	f.rank()
	f.inOrder(f.order)
}
