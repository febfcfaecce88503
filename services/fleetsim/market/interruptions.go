package market

import (
	"math/bits"
	"time"
)

// adviceHours is how many hours an advice looks at.
const adviceHours = int64(AdviceWindow / time.Hour)

// Interruptions tells how many of a thousand runs of an hour other tenants would
// have ended over the last 30 days, for one offer of one source. It remembers
// what it has seen: a day later it looks at the hours of that day only. What it
// tells is the same with or without memory. The zero value remembers nothing.
type Interruptions struct {
	known bool                            // whether there is a memory
	until int64                           // hours since 1970 at which it ends
	ended [(adviceHours + 63) / 64]uint64 // whether runs ended: the 720 hours before, each at its remainder by 720
}

// Permille tells [Advice.InterruptionPermille] of an [Advise] with the same
// arguments.
func (i *Interruptions) Permille(m Source, offer int, capacity, beforeUnixNanos int64) int64 {
	return permille(i.count(m, offer, capacity, floorDiv(beforeUnixNanos, int64(time.Hour))))
}

// count tells how many runs ended of those that began in the window before an
// hour.
func (i *Interruptions) count(m Source, offer int, capacity, until int64) (ended int64) {
	if !i.known || i.until != until {
		t := ticksOf(m)
		for hour := until - adviceHours; hour < until; hour++ {
			if i.known && hour < i.until && hour >= i.until-adviceHours {
				continue
			}
			place := hour - floorDiv(hour, adviceHours)*adviceHours
			i.ended[place/64] &^= 1 << (place % 64)
			if t.ends(m, offer, capacity, hour) {
				i.ended[place/64] |= 1 << (place % 64)
			}
		}
		i.known, i.until = true, until
	}
	for _, word := range i.ended {
		ended += int64(bits.OnesCount64(word))
	}
	return ended
}

// ends tells whether a run that begins at an hour, counted since 1970, would be
// ended within it: whether others leave nothing at one of its ticks.
func (t ticks) ends(m Source, offer int, capacity, hour int64) bool {
	first, end := t.of(hour)
	if bounded, ok := m.(Bounded); ok && bounded.MostDemand(offer, first, end) < capacity {
		return false
	}
	for tick := first; tick < end; tick += t.stride {
		if m.Demand(offer, tick) >= capacity {
			return true
		}
	}
	return false
}

// permille is a number of the runs of a window, in thousandths of them.
func permille(runs int64) int64 { return (runs*1000 + adviceHours/2) / adviceHours }
