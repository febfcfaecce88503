package place

// capacityOptimizedPrioritized is capacityOptimized, but among pools of one
// band and depth it goes by ascending priority of their candidates before it
// goes by price.
func (f *filling) capacityOptimizedPrioritized(candidates []Candidate) {
	f.line(byUnitPrice, func(pool int32) uint64 {
		return f.standing(pool)<<priorityBits | f.priority(candidates, pool)
	})
	f.inOrder(f.order)
}

// priorityBits hold every priority, and noPriority.
const priorityBits = 32
