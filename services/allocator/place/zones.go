package place

// A zone is one that candidates lie in.
type zone struct {
	// milliunits is the spot capacity that is held there.
	milliunits int64
	// instances is how many are held there and come from demands so far.
	instances int64
	// rank is its place in the order in which Diversified takes zones.
	rank uint64
}

// A zoneIndex numbers zones in the order in which they are first asked for.
type zoneIndex struct {
	ids    []string
	number map[string]int32 // nil while there are few
}

// fewZones is up to how many zones are looked through one by one.
const fewZones = 8

// find tells the number of a zone, or -1.
func (z *zoneIndex) find(id string) int32 {
	if z.number != nil {
		if number, known := z.number[id]; known {
			return number
		}
		return -1
	}
	for i := range z.ids {
		if z.ids[i] == id {
			return int32(i)
		}
	}
	return -1
}

// of tells the number of a zone, which it gets if it has none.
func (z *zoneIndex) of(id string) int32 {
	number := z.find(id)
	if number >= 0 {
		return number
	}
	number = int32(len(z.ids))
	z.ids = append(z.ids, id)
	switch {
	case z.number != nil:
		z.number[id] = number
	case len(z.ids) > fewZones:
		z.number = map[string]int32{}
		for i, known := range z.ids {
			z.number[known] = int32(i)
		}
	}
	return number
}

// held tells what is held in each zone.
func (z *zoneIndex) held(existing []ZoneCapacity) []zone {
	zones := make([]zone, len(z.ids))
	for i := range existing {
		if number := z.find(existing[i].Zone); number >= 0 {
			zones[number].milliunits += existing[i].Milliunits
			zones[number].instances += existing[i].Instances
		}
	}
	return zones
}
