package place

// diversified fills the zone that holds least, so that all zones come to hold
// the same; inside a zone it takes the pool with the lowest price per unit that
// has stock. What a zone can not deliver goes to the others.
func (f *filling) diversified() {
	f.queue = f.queue[:0]
	for i := range f.zones {
		f.queue = append(f.queue, turn{class: uint64(f.zones[i].milliunits), pool: int32(i)})
	}
	f.queue.sort()
	for i, zone := range f.queue {
		f.zones[zone.pool].rank = uint64(i)
	}
	f.line(byUnitPrice, func(pool int32) uint64 { return f.zones[f.pools[pool].zone].rank })

	flights := make([]flight, len(f.zones))
	for i := range flights {
		flights[i].level = f.zones[i].milliunits
	}
	f.evenly(f.order, flights, false, func(pool int32) int32 { return f.pools[pool].zone })
}
