package market

import "time"

// A Source tells prices and demand over time, whatever they come from: the
// seeded [Market] or a trace. The same question always gets the same answer.
type Source interface {
	// Ticks tells when prices and demand can change: at start, in nanoseconds
	// since 1970, and at whole multiples of length after and before it.
	Ticks() (startUnixNanos int64, length time.Duration)
	// Price tells the spot price of an offer, by its index in the catalog, in
	// micro-units of the currency per hour. Tick n begins at start+n*length; any
	// n has a price.
	Price(offer int, tick int64) int64
	// Demand tells how many instances of an offer other tenants want. It can be
	// more than the capacity.
	Demand(offer int, tick int64) int64
}

// A Bounded source tells quickly that an offer can not run out of stock for a
// while, without a look at each tick.
type Bounded interface {
	Source
	// MostDemand tells a bound of [Source.Demand] over the ticks from one up to,
	// not including, another: it is never more than that, and may be far less.
	MostDemand(offer int, from, until int64) int64
}
