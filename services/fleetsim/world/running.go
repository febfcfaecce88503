package world

import "math/bits"

// running is the account of what a holding is charged as time goes on. It tells
// sum and price of everything without a look at each instance and disk.
type running struct {
	second         int64  // up to which the sum is right
	sum            totals // all charges
	compute, disks int64  // what everything costs, in micro-units of the currency per hour
}

// move brings the sum to a later second.
func (r *running) move(second int64) {
	r.sum.compute.addFor(r.compute, second-r.second)
	r.sum.disks.addFor(r.disks, second-r.second)
	r.second = second
}

// addFor adds a price per hour over so many seconds; neither is negative. What
// passes the bounds of an amount of money is lost.
func (c *charge) addFor(price, seconds int64) {
	high, low := bits.Mul64(uint64(price), uint64(seconds))
	micros, parts := bits.Div64(high%3600, low, 3600)
	c.micros += int64(micros)
	c.add(int64(parts))
}

// metered counts instances that are charged the market price: those with
// protection, then those without.
type metered [2]int64

// run adds instances like one to what their account is charged from now on, or
// takes them off.
func (w *World) run(like *Instance, by int64) {
	owner, price := w.accounts[like.Account.id], w.PriceOf(like)
	owner.running.move(w.second())
	owner.running.compute += by * price
	if like.meter != meterMarket && like.meter != meterUnprotected {
		return
	}
	s := &w.stocks[like.Offer]
	if s.metered == nil {
		s.metered = map[*holding]metered{}
	}
	now := s.metered[owner]
	now[flag(like.meter == meterUnprotected)] += by
	if s.metered[owner] = now; now == (metered{}) {
		delete(s.metered, owner)
	}
}

// runDisks adds a price of disks to what an account is charged from now on, or
// takes it off.
func (w *World) runDisks(owner *holding, price int64) {
	owner.running.move(w.second())
	owner.running.disks += price
}

// reprices changes what accounts are charged when the price of a stock changes.
func (s *stock) reprices(second, price int64) {
	for owner, count := range s.metered {
		owner.running.move(second)
		owner.running.compute += count[0]*(price-s.price) + count[1]*(unprotected(price)-unprotected(s.price))
	}
}

// chargedTo is all that an account was charged so far.
func (w *World) chargedTo(owner *holding) totals {
	now := owner.running
	now.move(w.second())
	return now.sum
}
