package place

import (
	"cmp"
	"slices"
)

// A drain is a zone that instances are given up of.
type drain struct {
	// level is what it holds.
	level int64
	zone  int32
	// entries are what can be given up, in order.
	entries []entry
}

// fromFullest gives up one instance after another, always of the zone that
// holds most at that moment, of those that have one that fits into the surplus;
// ties go to the zone that candidates name last. What is held of the billing
// methods counts for a zone, each instance by its height.
//
// All instances that go while their zone stands above a level go before all
// others, so the level that is reached is searched for, and only the last
// instances are looked at one by one.
func (s *shrinking) fromFullest(entries []entry, surplus int64, height func(*HeldPool) int64, counted ...Billing) {
	drains := s.drains(entries, height, counted)
	for {
		high := int64(0)
		for i := range drains {
			d := &drains[i]
			// What does not fit now never will: the surplus only shrinks.
			d.entries = slices.DeleteFunc(d.entries, func(e entry) bool {
				return s.left[e.held] == 0 || s.keep.Held[e.held].Weight > surplus
			})
			if len(d.entries) > 0 {
				high = max(high, d.level)
			}
		}
		if high == 0 {
			break
		}
		low := int64(-1)
		for high-low > 1 {
			if middle := low + (high-low)/2; s.above(drains, middle, height, nil) <= surplus {
				high = middle
			} else {
				low = middle
			}
		}
		surplus -= s.above(drains, high, height, func(d *drain, e *entry, count int64) {
			s.left[e.held] -= int32(count)
			d.level -= count * height(&s.keep.Held[e.held])
		})
		surplus = s.at(drains, high, surplus, height)
	}
}

// drains lists the zones of entries, the fullest first, and puts the entries
// into that order.
func (s *shrinking) drains(entries []entry, height func(*HeldPool) int64, counted []Billing) []drain {
	levels := make([]int64, len(s.zones))
	for i := range s.keep.Held {
		held := &s.keep.Held[i]
		if zone, known := s.zones[held.Key.Zone]; known && slices.Contains(counted, held.Billing) {
			levels[zone] += int64(s.left[i]) * height(held)
		}
	}
	slices.SortStableFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(levels[b.zone], levels[a.zone]), cmp.Compare(b.zone, a.zone))
	})
	var drains []drain
	for _, e := range entries {
		if n := len(drains); n == 0 || drains[n-1].zone != e.zone {
			drains = append(drains, drain{level: levels[e.zone], zone: e.zone})
		}
		last := &drains[len(drains)-1]
		last.entries = append(last.entries, e)
	}
	return drains
}

// above tells the capacity of all instances that go while their zone stands
// above a level, and hands them to take, which may be nil.
func (s *shrinking) above(drains []drain, level int64, height func(*HeldPool) int64, take func(*drain, *entry, int64)) int64 {
	var sum int64
	for i := range drains {
		d := &drains[i]
		stands := d.level
		for j := range d.entries {
			if stands <= level {
				break
			}
			e := &d.entries[j]
			held := &s.keep.Held[e.held]
			count := min(int64(s.left[e.held]), ceilDiv(stands-level, height(held)))
			stands -= count * height(held)
			sum += count * held.Weight
			if take != nil {
				take(d, e, count)
			}
		}
	}
	return sum
}

// at gives up the next instance of each zone that stands at a level, until one
// does not fit, and tells what is left of the surplus.
func (s *shrinking) at(drains []drain, level, surplus int64, height func(*HeldPool) int64) int64 {
	tied := make([]*drain, 0, len(drains))
	for i := range drains {
		if drains[i].level == level {
			tied = append(tied, &drains[i])
		}
	}
	slices.SortFunc(tied, func(a, b *drain) int { return cmp.Compare(b.zone, a.zone) })
	for _, d := range tied {
		next := slices.IndexFunc(d.entries, func(e entry) bool { return s.left[e.held] > 0 })
		if next < 0 {
			continue
		}
		held := d.entries[next].held
		weight := s.keep.Held[held].Weight
		if weight > surplus {
			break
		}
		s.left[held]--
		d.level -= height(&s.keep.Held[held])
		surplus -= weight
	}
	return surplus
}
