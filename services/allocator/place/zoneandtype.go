package place

// zoneAndType takes a zone by one policy and in it a type by another.
//
// Balanced zones: each instance goes to the zone that holds the fewest, ties to
// the one that the candidates name first, and there to the first type that has
// stock. When that zone can give nothing, the instance goes to the first of the
// others, in the order in which the candidates name them, that can; and the zone
// has no other turn.
//
// Sequenced zones: the first until it can give no more, then the next.
func (f *filling) zoneAndType() {
	types := asGiven
	if f.demand.TypePolicy == TypesCostCentered {
		types = byPrice
	}
	if f.demand.ZonePolicy == ZonesSequenced {
		f.line(types, func(pool int32) uint64 { return uint64(f.pools[pool].zone) })
		f.inOrder(f.order)
		return
	}
	fewest := f.fewestInstances()
	f.line(types, func(pool int32) uint64 {
		if zone := f.pools[pool].zone; zone != fewest {
			return 1 + uint64(zone)
		}
		return 0
	})
	flights := make([]flight, len(f.zones))
	for i := range flights {
		flights[i].level = f.zones[i].instances
	}
	f.evenly(f.order, flights, true, func(pool int32) int32 { return f.pools[pool].zone })
}

// fewestInstances finds the zone whose turn is first.
func (f *filling) fewestInstances() int32 {
	fewest := 0
	for i := range f.zones {
		if f.zones[i].instances < f.zones[fewest].instances {
			fewest = i
		}
	}
	return int32(fewest)
}
