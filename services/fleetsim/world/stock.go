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
	prices        integral

	used    int64 // our instances that hold stock
	spot    int64 // of those, spot
	noticed int64 // of those, noticed: about to be given back
	exposed int64 // of the spot instances, those that can be noticed
	lowest  int64 // no bid of an exposed one is below; 0 for none
	held    numberSet
	metered map[*holding]metered
	drained [2]bool // pay-as-you-go, spot
	outage  bool    // of its zone
	touched bool    // noted in the effects
}

// stock is the stock of an offer with the price and demand of now.
func (w *World) stock(offer int32) *stock {
	s := &w.stocks[offer]
	if s.tick != w.tick {
		s.tick = w.tick
		s.demand = w.market.Demand(int(offer), w.tick)
		w.setPrice(offer, w.shocked(offer, w.market.Price(int(offer), w.tick)))
	}
	return s
}

// setPrice changes the spot price of an offer from now on.
func (w *World) setPrice(offer int32, price int64) {
	s := &w.stocks[offer]
	s.prices.move(w.second(), s.price)
	s.reprices(w.second(), price)
	s.price = price
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
	drained := [2]bool{s.drained[0] || s.outage, s.drained[1] || s.outage}
	return Stock{
		Price: s.price, Capacity: capacity, Used: s.used,
		Others: others, Free: capacity - s.used - others, Drained: drained,
	}
}

// count counts an instance in, by what it is now: in the stock of its offer, in
// the usage of its account and in the tallies.
func (w *World) count(i *Instance) { w.countBy(i, 1) }

// uncount takes back what count did; between them the instance must not change.
func (w *World) uncount(i *Instance) { w.countBy(i, -1) }

func (w *World) countBy(i *Instance, by int64) {
	owner := w.accounts[i.Account.id]
	owner.tally(w.countKey(i), i.Tags, by)
	if !i.holds() {
		return
	}
	s := w.stock(i.Offer)
	s.used += by
	owner.vcpus[flag(i.Spot)] += by * int64(w.catalog.Offers()[i.Offer].VCPUs)
	if i.Spot {
		w.spotHeld += int(by)
		s.spot += by
		if i.Noticed != 0 {
			s.noticed += by
		}
		if i.exposed() {
			s.exposed += by
			s.lower(i.MaxPrice)
		}
	}
	w.touch(i.Offer)
}

// lower notes the bid of an exposed instance; 0 is none.
func (s *stock) lower(bid int64) {
	if bid > 0 && (s.lowest == 0 || bid < s.lowest) {
		s.lowest = bid
	}
}

// exposed tells whether price or demand can take the instance back.
func (i *Instance) exposed() bool {
	return i.Spot && i.holds() && i.Noticed == 0 && !i.Protected
}

// reclaimByMarket notices the spot instances of an offer that price or demand
// take back now. It looks at instances only when there is one to notice.
func (w *World) reclaimByMarket(offer int32) {
	s := w.stock(offer)
	if s.exposed == 0 || (s.lowest == 0 || s.price <= s.lowest) && w.shortOf(offer) <= 0 {
		return
	}
	s.lowest = 0
	w.reclaimOf(offer, w.exposed(offer))
}

// reclaimOf notices those of some instances of an offer that price or demand
// take back now.
func (w *World) reclaimOf(offer int32, exposed []*Instance) {
	s := w.stock(offer)
	var others []*Instance // those that the price leaves
	for _, i := range exposed {
		if i.MaxPrice > 0 && s.price > i.MaxPrice {
			w.notice(i, ReasonPriceAboveBid)
			continue
		}
		others = append(others, i)
		s.lower(i.MaxPrice)
	}
	w.noticeLowest(offer, others, w.shortOf(offer))
}

// reclaimBare notices the instances whose protection ended now that price or
// demand take back. The market can not want others: it left them when it moved
// last.
func (w *World) reclaimBare() {
	slices.SortStableFunc(w.bare, func(a, b *Instance) int { return cmp.Compare(a.Offer, b.Offer) })
	for rest := w.bare; len(rest) > 0; {
		offer, end := rest[0].Offer, 1
		for end < len(rest) && rest[end].Offer == offer {
			end++
		}
		w.reclaimOf(offer, rest[:end])
		rest = rest[end:]
	}
	w.bare = nil
}

// exposed is the instances of an offer that can be noticed, oldest first.
func (w *World) exposed(offer int32) []*Instance {
	s := &w.stocks[offer]
	exposed := make([]*Instance, 0, s.exposed)
	s.held.after(0, func(number uint64) bool {
		if i := w.instances.at(number); i.exposed() {
			exposed = append(exposed, i)
		}
		return true
	})
	return exposed
}

// noticeLowest notices so many instances of an offer for want of stock: the
// lowest bid first, then the oldest.
func (w *World) noticeLowest(offer int32, from []*Instance, wanted int64) (noticed int) {
	if wanted <= 0 {
		return 0
	}
	list := w.catalog.Offers()[offer].PayAsYouGoMicros
	slices.SortStableFunc(from, func(a, b *Instance) int { return cmp.Compare(a.bid(list), b.bid(list)) })
	for _, i := range from[:min(wanted, int64(len(from)))] {
		w.notice(i, ReasonStockNeeded)
		noticed++
	}
	return noticed
}

// shortOf tells how many instances other tenants need beyond what they can get,
// counting what is about to be given back.
func (w *World) shortOf(offer int32) int64 {
	s := w.stock(offer)
	return s.demand - (w.catalog.Offers()[offer].Capacity - s.used) - s.noticed
}

// makeRoom notices spot instances of an offer for a pay-as-you-go launch that
// found too little stock, which goes before spot: if there are enough, and no
// more than it takes beside those that were noticed before and that nobody else
// waits for. It tells how many.
func (w *World) makeRoom(offer int32, wanted int64) (noticed int) {
	s := w.stock(offer)
	if s.drained[flag(false)] || s.outage {
		return 0
	}
	missing := wanted - w.Stock(offer).Free - max(0, -w.shortOf(offer)-w.Stock(offer).Free)
	if missing <= 0 || s.exposed < missing {
		return 0
	}
	return w.noticeLowest(offer, w.exposed(offer), missing)
}

// bid is what an instance's owner would pay at most. Without a bid that is the
// list price, which the market price never passes.
func (i *Instance) bid(list int64) int64 {
	if i.MaxPrice == 0 {
		return list
	}
	return min(i.MaxPrice, list)
}

// endProtection lets an instance be reclaimed from now on. Whether the market
// does so at once is seen when all are known whose protection ends now: the
// lowest bid of them goes first.
func (w *World) endProtection(i *Instance) {
	w.change(i, func() { i.Protected = false })
	switch {
	case !i.holds():
		i.ReclaimOrdered = false
	case i.ReclaimOrdered:
		w.notice(i, ReasonReclaimOrdered)
	default:
		w.bare = append(w.bare, i)
	}
}

// notice announces the interruption of an instance.
func (w *World) notice(i *Instance, reason Reason) {
	w.change(i, func() { i.Noticed, i.NoticeReason = w.now, reason })
	w.record(i, KindNotice, reason)
	w.arm(i)
}
