package place

// lowestPrice takes pools by ascending price per unit. With more than one pool
// to use, the cheapest of them share the need evenly; when one sells out, the
// others take over its share; when all have, the next cheapest pools follow one
// by one.
func (f *filling) lowestPrice() {
	f.line(byUnitPrice, nil)
	rest := f.order
	if k := min(f.demand.PoolsToUse, len(f.order)); k > 1 {
		f.evenly(f.order[:k], make([]flight, k), false, func(pool int32) int32 { return f.decisions[pool].Rank - 1 })
		rest = f.order[k:]
	}
	f.inOrder(rest)
}
