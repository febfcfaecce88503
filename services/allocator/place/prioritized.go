package place

import "math"

// prioritized takes pools by ascending priority of their candidates, those
// without one last; the next only when the one before can give no more.
func (f *filling) prioritized(candidates []Candidate) {
	f.line(asGiven, func(pool int32) uint64 { return f.priority(candidates, pool) })
	f.inOrder(f.order)
}

// noPriority comes after every priority.
const noPriority = math.MaxInt32 + 1

func (f *filling) priority(candidates []Candidate, pool int32) uint64 {
	if given := candidates[f.decisions[pool].Candidate].Priority; given != nil {
		return uint64(*given)
	}
	return noPriority
}
