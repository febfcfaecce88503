package market

import "time"

// AdviceWindow is the time before it that an advice tells about.
const AdviceWindow = 30 * 24 * time.Hour

// maxAdviceTicks is how many ticks an advice looks at: all of the window, unless
// they are shorter than half a minute.
const maxAdviceTicks = int64(AdviceWindow / (30 * time.Second))

// A Band is a range of interruption rates, as the cloud publishes them.
type Band int

// The bands: each from its first figure on, up to and without its second.
const (
	// Band0To3 is less than 3 %.
	Band0To3 Band = iota
	// Band3To5 is 3 % to 5 %.
	Band3To5
	// Band5To10 is 5 % to 10 %.
	Band5To10
	// Band10To100 is 10 % and more.
	Band10To100
)

// String is the band as the cloud writes it.
func (b Band) String() string {
	switch b {
	case Band0To3:
		return "0-3%"
	case Band3To5:
		return "3-5%"
	case Band5To10:
		return "5-10%"
	default:
		return "10-100%"
	}
}

// An Advice tells how an offer did over the last 30 days.
type Advice struct {
	// DiscountPercent is the average spot price in percent of the pay-as-you-go
	// price, 1 to 100, rounded to the nearest.
	DiscountPercent int64
	// InterruptionPermille is how many of a thousand runs of an hour other
	// tenants would have ended, 0 to 1,000: runs that begin at each hour, with
	// automatic bid and without protection, alone in the pool. A run for which
	// there would have been no stock to begin with counts as ended.
	InterruptionPermille int64
	// Band is the band that the rate lies in.
	Band Band
}

// Advise tells about an offer before a time, in nanoseconds since 1970. It is
// handed the offer's capacity and list price. Of ticks shorter than half a
// minute it looks at some only, evenly spread.
func Advise(m Source, offer int, capacity, listMicros, beforeUnixNanos int64) Advice {
	t := ticksOf(m)
	until := floorDiv(beforeUnixNanos, int64(time.Hour))
	var sum, looks int64
	for hour := until - adviceHours; hour < until; hour++ {
		first, end := t.of(hour)
		for tick := first; tick < end; tick += t.stride {
			sum += m.Price(offer, tick)
			looks++
		}
	}
	ended := new(Interruptions).count(m, offer, capacity, until)
	return Advice{
		DiscountPercent:      min(max((sum/looks*200+listMicros)/(2*listMicros), 1), 100),
		InterruptionPermille: permille(ended),
		Band:                 bandOf(ended*1000, adviceHours),
	}
}

// bandOf is the band of so many thousandths of a number of runs.
func bandOf(thousandths, runs int64) Band {
	switch {
	case thousandths < 30*runs:
		return Band0To3
	case thousandths < 50*runs:
		return Band3To5
	case thousandths < 100*runs:
		return Band5To10
	default:
		return Band10To100
	}
}

// ticks is the ticks of a source, and how many of them an advice goes on at a
// time.
type ticks struct{ start, length, stride int64 }

func ticksOf(m Source) ticks {
	start, length := m.Ticks()
	all := int64(AdviceWindow / length)
	return ticks{start, int64(length), max((all+maxAdviceTicks-1)/maxAdviceTicks, 1)}
}

// at is the tick that a time lies in.
func (t ticks) at(unixNanos int64) int64 { return floorDiv(unixNanos-t.start, t.length) }

// of is the ticks of an hour, counted since 1970, from the first up to, not
// including, the last: also the one that the hour begins in.
func (t ticks) of(hour int64) (first, end int64) {
	begin := hour * int64(time.Hour)
	return t.at(begin), t.at(begin+int64(time.Hour)-1) + 1
}
