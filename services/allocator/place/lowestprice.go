package place

import (
	"cmp"
	"slices"
)

// lowestPrice takes pools by ascending price per unit. With more than one pool
// to use, the cheapest of them share the need evenly; when one sells out, the
// others take over its share; when all have, the next cheapest pools follow one
// by one.
func (f *filling) lowestPrice() {
	slices.SortFunc(f.order, f.compareByPrice)
	f.rank()
	k := min(max(f.demand.PoolsToUse, 1), len(f.order))
	if k == 1 {
		f.inOrder(f.order)
		return
	}
	stairs := make([]stair, 0, k)
	for i := range k {
		stairs = append(stairs, f.stair(f.order[i], int32(i), 0))
	}
	f.evenly(stairs)
	f.inOrder(f.order[k:])
}

// compareByPrice orders eligible pools by unit price, then by candidate.
func (f *filling) compareByPrice(a, b int32) int {
	if c := compareUnitPrice(&f.decisions[a], &f.decisions[b]); c != 0 {
		return c
	}
	return cmp.Compare(a, b)
}
