package place

import (
	"cmp"
	"slices"
)

// A zone is one that eligible pools lie in.
type zone struct {
	id   string
	held int64
}

// diversified fills the zone that holds least, so that all zones come to hold
// the same; inside a zone it takes the pool with the lowest price per unit that
// has stock. What a zone can not deliver goes to the others.
func (f *filling) diversified(existing []ZoneCapacity) {
	zones, zoneOf := f.zones(existing)
	slices.SortFunc(f.order, func(a, b int32) int {
		za, zb := zoneOf[a], zoneOf[b]
		if c := cmp.Or(cmp.Compare(zones[za].held, zones[zb].held), cmp.Compare(za, zb)); c != 0 {
			return c
		}
		return f.compareByPrice(a, b)
	})
	f.rank()
	stairs := make([]stair, 0, len(f.order))
	for i, pool := range f.order {
		zone := zoneOf[pool]
		s := f.stair(pool, zone, zones[zone].held)
		if i > 0 && zoneOf[f.order[i-1]] == zone {
			s.follows = true
			s.base = stairs[i-1].top()
		}
		stairs = append(stairs, s)
	}
	f.evenly(stairs)
}

// zones lists the zones of the eligible pools in the order of the candidates,
// and tells the index of the zone of each pool.
func (f *filling) zones(existing []ZoneCapacity) (zones []zone, zoneOf []int32) {
	zoneOf = make([]int32, len(f.decisions))
	for _, pool := range f.order {
		id := f.decisions[pool].Key.Zone
		i := slices.IndexFunc(zones, func(z zone) bool { return z.id == id })
		if i < 0 {
			i = len(zones)
			zones = append(zones, zone{id: id, held: heldIn(existing, id)})
		}
		zoneOf[pool] = int32(i)
	}
	return zones, zoneOf
}

func heldIn(existing []ZoneCapacity, zone string) int64 {
	var held int64
	for i := range existing {
		if existing[i].Zone == zone {
			held += existing[i].Milliunits
		}
	}
	return held
}
