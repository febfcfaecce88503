package place

// lowestPrice takes pools by ascending price per unit. With more than one pool
// to use, the cheapest of them share the need evenly; when one sells out, the
// others take over its share; when all have, the next cheapest pools follow one
// by one.
func (f *filling) lowestPrice() {
	f.line(byUnitPrice, nil)
	rest := f.order
	if k := min(f.demand.PoolsToUse, len(f.order)); k > 1 {
		stairs, flights := make([]stair, 0, k), make([]flight, k)
		for i, pool := range f.order[:k] {
			stairs = f.stair(stairs, flights, int32(i), pool, f.decisions[pool].Weight)
		}
		f.evenly(stairs, flights, false)
		rest = f.order[k:]
	}
	f.inOrder(rest)
}
