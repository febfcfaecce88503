package world

import (
	"cmp"
	"slices"
)

// stock is the stock of one offer, which both of its pools share.
type stock struct {
	// Price and demand during tick; older ones are looked up anew.
	tick          int64
	price, demand int64

	used    int64 // our instances, until they are released
	spot    int64 // of those, spot
	noticed int64 // of those, noticed: about to be given back
	bids    int64 // of the spot instances, those with a bid
	held    numberSet
	drained [2]bool // pay-as-you-go, spot
	touched bool    // noted in the effects
}

// stock is the stock of an offer with the price and demand of now.
func (w *World) stock(offer int32) *stock {
	s := &w.stocks[offer]
	if s.tick != w.tick {
		s.tick = w.tick
		s.price = w.market.Price(int(offer), w.tick)
		s.demand = w.market.Demand(int(offer), w.tick)
	}
	return s
}

// touch notes that an offer's stock has changed.
func (w *World) touch(offer int32) {
	if s := &w.stocks[offer]; !s.touched {
		s.touched = true
		w.effects.Offers = append(w.effects.Offers, offer)
	}
}

// A Stock tells about the stock of an offer. At all times used, free and others
// add up to the capacity (S9).
type Stock struct {
	// Price is the spot price now, in micro-units of the currency per hour.
	Price int64
	// Capacity is how many instances there can be.
	Capacity int64
	// Used is how many are ours.
	Used int64
	// Others is how many other tenants have.
	Others int64
	// Free is how many are left.
	Free int64
	// Drained tells whether launches are refused: pay-as-you-go, spot.
	Drained [2]bool
}

// Available is how many instances a launch could get.
func (s Stock) Available(spot bool) int64 {
	if s.Drained[flag(spot)] {
		return 0
	}
	return s.Free
}

// Stock tells about the stock of an offer as it is now.
func (w *World) Stock(offer int32) Stock {
	s := w.stock(offer)
	capacity := w.catalog.Offers()[offer].Capacity
	others := min(s.demand, capacity-s.used)
	return Stock{
		Price: s.price, Capacity: capacity, Used: s.used,
		Others: others, Free: capacity - s.used - others, Drained: s.drained,
	}
}

// PriceOf tells what an instance costs now, in micro-units of the currency per
// hour.
func (w *World) PriceOf(i *Instance) int64 {
	if !i.Spot {
		return w.catalog.Offers()[i.Offer].PayAsYouGoMicros
	}
	price := w.stock(i.Offer).price
	switch {
	case i.Protected:
		price = i.PurchasePrice
	case i.Unprotected:
		price = price * 9 / 10
	}
	if i.MaxPrice > 0 {
		price = min(price, i.MaxPrice)
	}
	return price
}

// reclaimByMarket notices the spot instances of an offer that price or demand
// take back now.
func (w *World) reclaimByMarket(offer int32) {
	s := w.stock(offer)
	if s.bids == 0 && w.shortOf(offer) <= 0 {
		return
	}
	var others []*Instance // those that the price leaves
	for _, number := range s.held.all() {
		i := w.instances[number]
		switch {
		case !i.Spot || i.Noticed != 0 || i.Protected:
		case i.MaxPrice > 0 && s.price > i.MaxPrice:
			w.notice(i, ReasonPriceAboveBid)
		default:
			others = append(others, i)
		}
	}
	short := w.shortOf(offer)
	if short <= 0 {
		return
	}
	list := w.catalog.Offers()[offer].PayAsYouGoMicros
	slices.SortStableFunc(others, func(a, b *Instance) int { return cmp.Compare(a.bid(list), b.bid(list)) })
	for _, i := range others[:min(short, int64(len(others)))] {
		w.notice(i, ReasonStockNeeded)
	}
}

// shortOf tells how many instances other tenants need beyond what they can get,
// counting what is about to be given back.
func (w *World) shortOf(offer int32) int64 {
	s := w.stock(offer)
	return s.demand - (w.catalog.Offers()[offer].Capacity - s.used) - s.noticed
}

// bid is what an instance's owner would pay at most. Without a bid that is the
// list price, which the market price never passes.
func (i *Instance) bid(list int64) int64 {
	if i.MaxPrice == 0 {
		return list
	}
	return min(i.MaxPrice, list)
}

// endProtection lets an instance be reclaimed from now on, and sees whether it
// is at once.
func (w *World) endProtection(i *Instance) {
	i.Protected = false
	switch {
	case i.ReclaimOrdered:
		w.notice(i, ReasonReclaimOrdered)
	default:
		w.reclaimByMarket(i.Offer)
	}
}

// notice announces the interruption of an instance.
func (w *World) notice(i *Instance, reason Reason) {
	i.Noticed = w.now
	i.NoticeReason = reason
	w.stocks[i.Offer].noticed++
	w.record(i, KindNotice, reason)
	w.arm(i)
}
