package market

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

// A squeeze is weeks of high utilisation, which drives the price of an offer up,
// at times to the list price. Each of its stretches of time has at most one.
const (
	squeezeStretch = 60 * day
	squeezeChance  = 80_000 // millionths a stretch
)

// squeeze is how much it adds to utilisation.
func (m *Market) squeeze(o *offer, tick int64) int64 {
	own := o.streams[ofOffer] + squeezeStream
	tick += phase(own, squeezeStretch)
	n := floorDiv(tick, squeezeStretch)
	if uniform(own, 8*n) >= scale(min(m.volatility, 4*million), squeezeChance) {
		return 0
	}
	// It comes and goes within 6 to 18 days each, and stays up to 20 days between.
	rise := 6*day + uniform(own, 8*n+1)*(12*day)/million
	fall := 6*day + uniform(own, 8*n+2)*(12*day)/million
	stay := uniform(own, 8*n+3) * (20 * day) / million
	begin := uniform(own, 8*n+4) * (squeezeStretch - rise - fall - stay) / million
	into := tick - n*squeezeStretch - begin
	if into <= 0 || into >= rise+stay+fall {
		return 0
	}
	height := (o.kind.knee + o.kind.span) * (300_000 + uniform(own, 8*n+5)) / million
	return ease(min(into*one/rise, (rise+stay+fall-into)*one/fall, one)) * height >> curveBits
}

// Shortages of a whole family in its zone that begin in a day, in millionths.
const familyShortages = 25_000

// shortage tells how far the offer is in a shortage, from 0 to 1,000,000.
func (m *Market) shortage(o *offer, tick int64) int64 {
	if o.shortages == 0 {
		return 0
	}
	return max(
		m.shortageIn(o.streams[ofOffer]+shortageStream, tick, o.shortages),
		m.shortageIn(o.streams[ofFamily]+shortageStream, tick, familyShortages))
}

// shortageIn looks for the shortage that began in this day or the last one of
// a stream.
func (m *Market) shortageIn(stream uint64, tick, chance int64) int64 {
	tick += phase(stream, day)
	today := floorDiv(tick, day)
	return max(m.shortageOf(stream, today, tick, chance), m.shortageOf(stream, today-1, tick, chance))
}

// shortageOf tells how far the shortage that begins in a day of a stream is at a
// tick of it.
func (m *Market) shortageOf(stream uint64, of, tick, chance int64) int64 {
	begin, length := m.spellOf(stream, of, chance)
	into := tick - begin
	if into < 0 || into >= length {
		return 0
	}
	// It comes and goes in two steps.
	depth := 600_000 + uniform(stream, 4*of+3)*4/10
	if into == 0 || into == length-1 {
		return depth / 2
	}
	return depth
}

// spellOf tells the tick of a stream at which the shortage of a day begins, and
// how many it lasts: 0 if the day has none. Each day has at most one, with a
// chance in millionths.
func (m *Market) spellOf(stream uint64, of, chance int64) (begin, length int64) {
	if uniform(stream, 4*of) >= min(scale(m.volatility, chance), million) {
		return 0, 0
	}
	// Half of them last less than half an hour, few of them up to twelve hours:
	// the length is that of a sixth power.
	begin = of*day + uniform(stream, 4*of+1)*day/million
	u := uniform(stream, 4*of+2)
	u2 := scale(u, u)
	return begin, 3 + scale(scale(u2, scale(u2, u2)), 12*hour)
}

// mayBeShort tells whether the offer is in a shortage at any tick from one up to
// another.
func (m *Market) mayBeShort(o *offer, from, until int64) bool {
	return o.shortages > 0 &&
		(m.shortageWithin(o.streams[ofOffer]+shortageStream, from, until, o.shortages) ||
			m.shortageWithin(o.streams[ofFamily]+shortageStream, from, until, familyShortages))
}

func (m *Market) shortageWithin(stream uint64, from, until, chance int64) bool {
	moved := phase(stream, day)
	from, until = from+moved, until+moved
	for of := floorDiv(from, day) - 1; of*day < until; of++ {
		if begin, length := m.spellOf(stream, of, chance); length > 0 && begin < until && begin+length > from {
			return true
		}
	}
	return false
}
