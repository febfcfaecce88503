package market

import "math/bits"

// stream derives the seed of a noise from the seed of the market and the names
// of what the noise belongs to.
func stream(seed uint64, kind, first, second string) uint64 {
	hash := mix(seed)
	for _, part := range []string{kind, first, second} {
		for i := range len(part) {
			hash = (hash ^ uint64(part[i])) * 1099511628211
		}
		hash = mix(hash)
	}
	return hash
}

// mix spreads every bit of a number over all bits of the result (the finalizer
// of SplitMix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// uniform draws a number from 0 to 999,999 for a place in a stream.
func uniform(stream uint64, place int64) int64 {
	high, _ := bits.Mul64(mix(stream^mix(uint64(place))), million)
	return int64(high)
}

// centred draws a number from -1,000,000 to 999,998.
func centred(stream uint64, place int64) int64 { return 2*uniform(stream, place) - million }

// smooth is noise between -1,000,000 and 1,000,000 that turns about once a
// period: points drawn at its multiples, joined by curves that are level at
// both ends. The multiples lie elsewhere in each stream.
func smooth(stream uint64, tick, period int64) int64 {
	tick += int64(stream>>8) % period
	point := floorDiv(tick, period)
	left, right := centred(stream, point), centred(stream, point+1)
	return left + scale(ease((tick-point*period)*million/period), right-left)
}

// ease is 3x^2 - 2x^3, for x from 0 to 1,000,000.
func ease(x int64) int64 { return scale(scale(x, x), 3*million-2*x) }

// rhythm is how the hour of day and the day of week move demand: up to 9
// points either way. Times are UTC; the region works from 1 to 14 o'clock.
func rhythm(tick int64) int64 {
	byHour := [...]int64{-20, 5, 30, 45, 50, 45, 45, 55, 60, 55, 45, 35, 30, 25, 15, 0, -15, -30, -45, -55, -60, -55, -50, -40}
	at := tick - floorDiv(tick, day)*day
	now, next := byHour[at/hour], byHour[(at/hour+1)%24]
	daily := now*1000 + (next-now)*1000*(at%hour)/hour
	// 1970 began on a Thursday.
	if weekday := ((floorDiv(tick, day)+3)%7 + 7) % 7; weekday >= 5 {
		return daily - 30_000
	}
	return daily + 12_000
}

// shortage tells how far the offer is in a shortage, from 0 to 1,000,000.
func (m *Market) shortage(o *offer, tick int64) int64 {
	// In thousandths a day: 60 for an offer, 15 for a family in a zone.
	return max(m.shortageIn(o.own+2, tick, 60_000), m.shortageIn(o.family+2, tick, 15_000))
}

// shortageIn looks for the shortage that began in this day or the last one of
// a stream. Each day has at most one, with a chance in millionths.
func (m *Market) shortageIn(stream uint64, tick, chance int64) int64 {
	tick += int64(stream>>8) % day
	today := floorDiv(tick, day)
	return max(m.shortageOf(stream, today, tick-today*day, chance), m.shortageOf(stream, today-1, tick-(today-1)*day, chance))
}

// shortageOf tells how far the shortage that begins in a day is at so many
// ticks after the start of that day.
func (m *Market) shortageOf(stream uint64, of, at, chance int64) int64 {
	if uniform(stream, 4*of) >= min(scale(m.volatility, chance), million) {
		return 0
	}
	// Half of them last less than three quarters of an hour, few of them up to
	// twelve hours: the length is that of a fourth power.
	begin := uniform(stream, 4*of+1) * day / million
	u := uniform(stream, 4*of+2)
	length := 3 + scale(scale(scale(u, u), scale(u, u)), 12*hour)
	into := at - begin
	if into < 0 || into >= length {
		return 0
	}
	// It comes within a quarter of an hour and goes as fast.
	depth := 600_000 + uniform(stream, 4*of+3)*4/10
	return scale(min((into+1)*million/3, (length-into)*million/3, million), depth)
}

// scale multiplies by a number of millionths.
func scale(millionths, value int64) int64 { return millionths * value / million }

// quantise rounds to the nearest multiple of a step.
func quantise(value, step int64) int64 { return floorDiv(value+step/2, step) * step }

func floorDiv(a, b int64) int64 {
	quotient := a / b
	if a%b < 0 {
		quotient--
	}
	return quotient
}
