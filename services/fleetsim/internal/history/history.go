package history

import (
	"slices"

	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// A Step is a price and since when it holds.
type Step struct {
	// At is since when.
	At world.Instant
	// PriceMicros is the price in micro-units of the currency per hour.
	PriceMicros int64
}

// An Offer is what prices are asked of.
type Offer struct {
	// Market is where its prices come from, Index its index there.
	Market world.Market
	Index  int
	// Sold is what the catalog says of it.
	Sold *catalog.Offer
	// Shocks is the price shocks of all offers, in the order in which they
	// multiply the price.
	Shocks []world.Shock
}

// Steps tells the spot price of an offer from one time up to, not including,
// another: the price in force at the first, then each change, at most limit
// steps, at least 1. More tells that there are further ones; the last step is
// where to go on, and then comes again as the first.
func Steps(o *Offer, from, to world.Instant, limit int) (steps []Step, more bool) {
	if from >= to {
		return nil, false
	}
	edges := o.edges(from, to)
	start, length := o.Market.Ticks()
	tick := floorDiv(int64(from)-start, int64(length))
	for at := from; at < to; {
		price := o.priceAt(at, tick)
		if len(steps) == 0 || steps[len(steps)-1].PriceMicros != price {
			if len(steps) == limit {
				return steps, true
			}
			steps = append(steps, Step{at, price})
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
