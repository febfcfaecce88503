package market

import (
	"fmt"
	"time"

	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
)

// Tick is how long prices and demand of a seeded market stand still: they
// change at multiples of it since 1970 only.
const Tick = 5 * time.Minute

// MaxVolatility is the greatest volatility of a market.
const MaxVolatility = 10

// million is the unit of all fractions here.
const million = 1_000_000

// Spot prices are whole thousandths of the currency unit.
const priceStepMicros = 1_000

// Durations in ticks.
const (
	hour = int64(time.Hour / Tick)
	day  = 24 * hour
)

// Bounds of demand, in millionths of the capacity. Where stock is plenty, only
// a shortage takes it all.
const (
	leastDemand = 20_000
	plentyMost  = 950_000
	mostDemand  = 1_250_000
)

// A Market tells the demand and the prices of a catalog's offers. Its methods
// are safe for use by several goroutines: it never changes.
type Market struct {
	volatility int64 // in millionths
	offers     []offer
}

// offer is what the functions need of one offer. A calm value is that of a
// market that stands still; a mean is what the movements of a market of
// volatility 1 or more go around.
type offer struct {
	list, capacity       int64
	calm, mean           int64 // demand, in millionths of the capacity
	calmPrice, meanPrice int64 // in millionths of the list price
	streams              [scopes]uint64
	restless             int64 // how much it moves by itself, in millionths
	shortages            int64 // that begin in a day, in millionths
	kind                 *kind
}

// New makes the market of a catalog. A volatility of 1,000,000 millionths is
// that of the real markets it was set by; 0 is a market that stands still, at
// base prices and base demand; more makes every movement so much wider and
// trouble so much more frequent.
func New(c *catalog.Catalog, seed uint64, volatilityMillionths int64) (*Market, error) {
	if volatilityMillionths < 0 || volatilityMillionths > MaxVolatility*million {
		return nil, fmt.Errorf("volatility of %d millionths is not between 0 and %d", volatilityMillionths, MaxVolatility*million)
	}
	plenty, scarce := plentiful(), scarcely()
	m := &Market{volatility: volatilityMillionths, offers: make([]offer, len(c.Offers()))}
	for i, o := range c.Offers() {
		m.offers[i] = newOffer(seed, c.RegionID(), o)
		if o.GPUs > 0 {
			m.offers[i].setScarce(o, scarce)
		} else {
			m.offers[i].setPlentiful(o, plenty)
		}
	}
	return m, nil
}

// newOffer is what offers of both kinds have.
func newOffer(seed uint64, regionID string, o catalog.Offer) offer {
	own := stream(seed, "offer", o.ZoneID, o.InstanceType)
	made := offer{
		list: o.PayAsYouGoMicros, capacity: o.Capacity,
		calmPrice: o.SpotBasePermille * 1_000, meanPrice: o.SpotBasePermille * 1_000,
		streams: [scopes]uint64{
			ofRegion: stream(seed, "region", regionID, ""),
			ofFamily: stream(seed, "family", o.ZoneID, o.Family),
			ofType:   stream(seed, "type", o.InstanceType, ""),
			ofOffer:  own,
		},
	}
	// Prices that are quoted at a bound mostly stay there: they move around a
	// level beyond it.
	switch {
	case o.SpotBasePermille <= 105:
		made.meanPrice = 90_000
	case o.SpotBasePermille >= 995:
		made.meanPrice = 1_100_000
	}
	return made
}

// TickOf tells the tick of a seeded market that a time, in nanoseconds since
// 1970, lies in.
func TickOf(unixNanos int64) int64 { return floorDiv(unixNanos, int64(Tick)) }

// Ticks implements [Source]: multiples of [Tick] since 1970.
func (m *Market) Ticks() (startUnixNanos int64, length time.Duration) { return 0, Tick }

// Demand implements [Source].
func (m *Market) Demand(index int, tick int64) int64 {
	o := &m.offers[index]
	if m.volatility == 0 {
		return scale(o.calm, o.capacity)
	}
	moved := m.slow(o, tick) + o.sum(o.kind.fast, fastStreams, million, tick) + scale(o.kind.rhythm, rhythm(tick))
	level := o.calm + scale(min(m.volatility, million), o.mean-o.calm) + scale(m.volatility, moved)
	level = min(max(level, leastDemand), o.kind.most)
	if gap := m.shortage(o, tick); gap > 0 {
		// A shortage lifts demand toward well over the capacity.
		level += scale(gap, mostDemand-level)
	}
	return scale(level, o.capacity)
}

// MostDemand implements [Bounded]: without a shortage, offers that have plenty
// never run out.
func (m *Market) MostDemand(index int, from, until int64) int64 {
	o := &m.offers[index]
	switch {
	case m.volatility == 0:
		return scale(o.calm, o.capacity)
	case m.mayBeShort(o, from, until):
		return scale(mostDemand, o.capacity)
	default:
		return scale(o.kind.most, o.capacity)
	}
}

// slow is how far utilisation is from its mean, without what passes within a
// day: what prices follow.
func (m *Market) slow(o *offer, tick int64) int64 {
	return o.sum(o.kind.slow, slowStreams, o.restless, tick) + m.squeeze(o, tick)
}

// Price implements [Source]: a multiple of 1,000, never less than a tenth of
// the list price nor more than it.
func (m *Market) Price(index int, tick int64) int64 {
	o := &m.offers[index]
	level := o.calmPrice
	if m.volatility > 0 {
		moved := scale(m.volatility, m.slow(o, o.priceSet(tick)-priceLag))
		mean := o.calmPrice + scale(min(m.volatility, million), o.meanPrice-o.calmPrice)
		level = o.kind.price(mean, moved)
	}
	price := scale(min(max(level, 0), million), o.list)
	lowest := (o.list/10 + priceStepMicros) / priceStepMicros * priceStepMicros
	if o.list%(10*priceStepMicros) == 0 {
		lowest = o.list / 10
	}
	price = (price + priceStepMicros/2) / priceStepMicros * priceStepMicros
	return max(min(price, o.list/priceStepMicros*priceStepMicros), min(lowest, o.list))
}

// Prices are set anew about every six hours, in each offer at its own times,
// at least 4.5 hours apart, after the utilisation of three hours before.
const (
	pricePeriod = 6 * hour
	priceJitter = 3 * hour / 2
	priceLag    = 3 * hour
)

// priceSet is the tick at which the price during a tick was set.
func (o *offer) priceSet(tick int64) int64 {
	own := o.streams[ofOffer] + priceStream
	first := phase(own, pricePeriod)
	at := func(n int64) int64 { return n*pricePeriod + first + uniform(own, n)*priceJitter/million }
	n := floorDiv(tick-first, pricePeriod)
	if set := at(n); set <= tick {
		return set
	}
	return at(n - 1)
}
