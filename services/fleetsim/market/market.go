package market

import (
	"fmt"
	"time"

	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
)

// Tick is how long prices and demand stand still: they change at multiples of
// it since 1970 only.
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

// A Market tells the demand and the prices of a catalog's offers. Its methods
// are safe for use by several goroutines: it never changes.
type Market struct {
	volatility int64 // in millionths
	offers     []offer
}

// offer is what the functions need of one offer. Streams are the seeds of its
// noises.
type offer struct {
	list, spotBase, capacity int64
	base                     int64 // base level of demand, in millionths of the capacity
	region, family, own      uint64
}

// New makes the market of a catalog. A volatility of 1,000,000 millionths is
// that of the real market it was set by; 0 is a market that stands still, at
// base prices and base demand; more makes every movement so much wider.
func New(c *catalog.Catalog, seed uint64, volatilityMillionths int64) (*Market, error) {
	if volatilityMillionths < 0 || volatilityMillionths > MaxVolatility*million {
		return nil, fmt.Errorf("volatility of %d millionths is not between 0 and %d", volatilityMillionths, MaxVolatility*million)
	}
	m := &Market{volatility: volatilityMillionths, offers: make([]offer, len(c.Offers()))}
	for i, o := range c.Offers() {
		own := stream(seed, "offer", o.ZoneID, o.InstanceType)
		m.offers[i] = offer{
			list:     o.PayAsYouGoMicros,
			spotBase: o.SpotBasePermille * 1_000,
			capacity: o.Capacity,
			// Where spot is dear, less is free: 30 % to 70 % of the capacity is
			// taken, and up to 5 points more or less.
			base:   300_000 + 400*(o.SpotBasePermille-100)*1000/900 + centred(own, -1)/20,
			region: stream(seed, "region", c.RegionID(), ""),
			family: stream(seed, "family", o.ZoneID, o.Family),
			own:    own,
		}
	}
	return m, nil
}

// Ticks tells when prices and demand can change: at start, in nanoseconds since
// 1970, and whole multiples of the length before and after it.
func (m *Market) Ticks() (startUnixNanos int64, length time.Duration) { return 0, Tick }

// TickOf tells the tick that a time, in nanoseconds since 1970, lies in.
func TickOf(unixNanos int64) int64 { return floorDiv(unixNanos, int64(Tick)) }

// Demand tells how many instances of an offer other tenants want during a
// tick. It can be more than the capacity.
func (m *Market) Demand(index int, tick int64) int64 {
	o := &m.offers[index]
	level := o.base
	if m.volatility > 0 {
		level += scale(m.volatility, rhythm(tick)+o.shared(tick)+o.single(tick))
		level = min(max(level, 20_000), 950_000)
		if gap := m.shortage(o, tick); gap > 0 {
			// A shortage lifts demand toward well over the capacity.
			level += scale(gap, 1_250_000-level)
		}
	}
	return scale(level, o.capacity)
}

// Price tells the spot price of an offer during a tick, in micro-units of the
// currency per hour: a multiple of 1,000, never less than a tenth of the list
// price nor more than it.
func (m *Market) Price(index int, tick int64) int64 {
	o := &m.offers[index]
	level := o.spotBase
	if m.volatility > 0 {
		// Prices are set anew every four hours, each at its own minute, and
		// then in steps of 2 % of themselves; in a shortage every half hour, in
		// eighths of the way to the list price.
		const period = 4 * hour
		phase := int64(o.own % uint64(period))
		set := floorDiv(tick-phase, period)*period + phase
		moved := 2 * scale(m.volatility, rhythm(set)/2+o.shared(set)+o.single(set)/2)
		level += scale(o.spotBase, quantise(moved, 20_000))
		level = min(max(level, 0), million)
		if gap := quantise(m.shortage(o, floorDiv(tick, hour/2)*(hour/2)), million/8); gap > 0 {
			level += scale(gap, million-level)
		}
	}
	price := scale(level, o.list)
	lowest := (o.list/10 + priceStepMicros) / priceStepMicros * priceStepMicros
	if o.list%(10*priceStepMicros) == 0 {
		lowest = o.list / 10
	}
	price = (price + priceStepMicros/2) / priceStepMicros * priceStepMicros
	return max(min(price, o.list/priceStepMicros*priceStepMicros), min(lowest, o.list))
}

// shared is the noise of the region and of the family in its zone: up to 12
// points either way.
func (o *offer) shared(tick int64) int64 {
	return smooth(o.region, tick, 30*hour)/20 + smooth(o.family, tick, 20*hour)/20 + smooth(o.family+1, tick, 5*hour)/50
}

// single is the noise of the offer alone: up to 8 points either way.
func (o *offer) single(tick int64) int64 {
	return smooth(o.own, tick, 26*hour)/20 + smooth(o.own+1, tick, 3*hour)*3/100
}
