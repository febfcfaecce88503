package history

import (
	"slices"

	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// A Step is a value and since when it holds.
type Step struct {
	// At is since when.
	At world.Instant
	// Value is a price in micro-units of the currency per hour, or a stock in
	// instances.
	Value int64
}

// An Offer is what prices and stocks are asked of.
type Offer struct {
	// Market is where they come from, Index the offer's index there.
	Market world.Market
	Index  int
	// Sold is what the catalog says of it.
	Sold *catalog.Offer
	// Shocks is the price shocks of all offers, in the order in which they
	// multiply the price.
	Shocks []world.Shock
}

// Prices tells the spot price of an offer from one time up to, not including,
// another: the price in force at the first, then each change, at most limit
// steps, at least 1. More tells that there are further ones; the last step is
// where to go on, and then comes again as the first.
func Prices(o *Offer, from, to world.Instant, limit int) (steps []Step, more bool) {
	return walk(o.Market, o.edges(from, to), from, to, limit, o.priceAt)
}

// Stocks tells how many instances of an offer other tenants left, whoever took
// them then, in steps as [Prices] does.
func Stocks(o *Offer, from, to world.Instant, limit int) (steps []Step, more bool) {
	return walk(o.Market, nil, from, to, limit, func(_ world.Instant, tick int64) int64 {
		return max(0, o.Sold.Capacity-o.Market.Demand(o.Index, tick))
	})
}

// walk follows a value that can change at ticks of the market and at edges,
// which are in ascending order.
func walk(market world.Market, edges []world.Instant, from, to world.Instant, limit int, valueAt func(at world.Instant, tick int64) int64) (steps []Step, more bool) {
	if from >= to {
		return nil, false
	}
	start, length := market.Ticks()
	tick := floorDiv(int64(from)-start, int64(length))
	for at := from; at < to; {
		value := valueAt(at, tick)
		if len(steps) == 0 || steps[len(steps)-1].Value != value {
			if len(steps) == limit {
				return steps, true
			}
			steps = append(steps, Step{at, value})
		}
		next := world.Instant(start + (tick+1)*int64(length))
		for len(edges) > 0 && edges[0] <= at {
			edges = edges[1:]
		}
		if len(edges) > 0 && edges[0] < next {
			at = edges[0]
			continue
		}
		at, tick = next, tick+1
	}
	return steps, false
}

// edges is when shocks of the offer begin or end between two times, in ascending
// order.
func (o *Offer) edges(from, to world.Instant) []world.Instant {
	var edges []world.Instant
	for i := range o.Shocks {
		shock := &o.Shocks[i]
		if !o.feels(shock) {
			continue
		}
		for _, at := range []world.Instant{shock.From, shock.Until} {
			if at > from && at < to {
				edges = append(edges, at)
			}
		}
	}
	slices.Sort(edges)
	return edges
}

// priceAt is the price at a time, which lies in a tick.
func (o *Offer) priceAt(at world.Instant, tick int64) int64 {
	price := o.Market.Price(o.Index, tick)
	for i := range o.Shocks {
		shock := &o.Shocks[i]
		if shock.From <= at && (shock.Until == 0 || at < shock.Until) && o.feels(shock) {
			price = shock.Effect.Price(price, o.Sold.PayAsYouGoMicros)
		}
	}
	return price
}

func (o *Offer) feels(shock *world.Shock) bool {
	pools := &shock.Effect.Pools
	return (pools.ZoneID == "" || pools.ZoneID == o.Sold.ZoneID) && (pools.InstanceType == "" || pools.InstanceType == o.Sold.InstanceType)
}

func floorDiv(a, b int64) int64 {
	quotient := a / b
	if a%b < 0 {
		quotient--
	}
	return quotient
}
