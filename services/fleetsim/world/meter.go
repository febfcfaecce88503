package world

import "math/bits"

// A meter says by which price an instance is charged. All charges are whole
// seconds of the clock times a price per hour, so that however a time is cut
// into parts, the charges of the parts add up to that of the whole.
type meter uint8

const (
	meterOff         meter = iota // nothing is charged
	meterList                     // the list price
	meterPurchase                 // the market price at creation
	meterMarket                   // the market price
	meterUnprotected              // nine tenths of it, rounded down
)

// integral is the sum of a spot price over the seconds up to one: the second
// for unprotected instances. Only differences mean anything.
type integral struct {
	second              int64
	market, unprotected int64 // micro-units of the currency per hour times seconds
}

// move brings the integral to a later second, at the price until then.
func (n *integral) move(second, price int64) {
	passed := second - n.second
	n.second = second
	n.market += passed * price
	n.unprotected += passed * unprotected(price)
}

// unprotected is the price of an instance without protection, given that of one
// with it.
func unprotected(price int64) int64 { return price * 9 / 10 }

// second is how many whole seconds of the clock have begun since the origin.
func (w *World) second() int64 { return w.secondOf(w.now) }

func (w *World) secondOf(at Instant) int64 { return floorSecond(at) - floorSecond(w.origin) }

func floorSecond(at Instant) int64 {
	const second = 1_000_000_000
	if at < 0 {
		return -((-int64(at) + second - 1) / second)
	}
	return int64(at) / second
}

// meterOf tells by which meter an instance is to be charged. From its notice on
// a spot instance is not charged for, as in the cloud's own example; so none
// ever pays more than its bid.
func (i *Instance) meterOf() meter {
	switch {
	case !i.holds() || i.Noticed != 0:
		return meterOff
	case !i.Spot:
		return meterList
	case i.Protected:
		return meterPurchase
	case i.Unprotected:
		return meterUnprotected
	default:
		return meterMarket
	}
}

// reading is what the meter of an instance shows now.
func (w *World) reading(i *Instance) int64 {
	if i.meter != meterMarket && i.meter != meterUnprotected {
		return w.second()
	}
	s := w.stock(i.Offer)
	now := s.prices
	now.move(w.second(), s.price)
	if i.meter == meterMarket {
		return now.market
	}
	return now.unprotected
}

// unsettled is what computing has cost since the mark, in micro-units of the
// currency per hour times seconds.
func (w *World) unsettled(i *Instance) int64 {
	switch i.meter {
	case meterList, meterPurchase:
		return w.PriceOf(i) * (w.reading(i) - i.mark)
	case meterMarket, meterUnprotected:
		return w.reading(i) - i.mark
	case meterOff:
	}
	return 0
}

// settle charges an instance for the time since its mark.
func (w *World) settle(i *Instance) {
	if due := w.unsettled(i); due != 0 {
		i.Charged += due
		w.accounts[i.Account.id].closeCompute(w, i, due)
	}
	i.mark = w.reading(i)
}

// remeter changes the meter of an instance if it is another now.
func (w *World) remeter(i *Instance) {
	if by := i.meterOf(); by != i.meter {
		w.settle(i)
		w.run(i, -1)
		i.meter = by
		w.run(i, 1)
		i.mark = w.reading(i)
	}
}

// PriceOf tells what an instance costs now, in micro-units of the currency per
// hour, without its disks.
func (w *World) PriceOf(i *Instance) int64 {
	switch i.meter {
	case meterList:
		return w.catalog.Offers()[i.Offer].PayAsYouGoMicros
	case meterPurchase:
		return i.PurchasePrice
	case meterMarket:
		return w.stock(i.Offer).price
	case meterUnprotected:
		return unprotected(w.stock(i.Offer).price)
	case meterOff:
	}
	return 0
}

// A charge is an amount of money, exact to the 3,600th part of a micro-unit:
// what a price of one micro-unit an hour comes to in a second.
type charge struct {
	micros int64
	parts  int64 // 0 to 3,599
}

// add adds a price per hour times seconds.
func (c *charge) add(raw int64) {
	c.micros += raw / 3600
	c.parts += raw % 3600
	if c.parts >= 3600 {
		c.micros, c.parts = c.micros+1, c.parts-3600
	}
}

// plus is the sum of two charges.
func (c charge) plus(other charge) charge {
	c.micros += other.micros
	c.add(other.parts)
	return c
}

// mulDiv is a times b by c, rounded down, for numbers that are not negative.
func mulDiv(a, b, c int64) int64 {
	high, low := bits.Mul64(uint64(a), uint64(b))
	quotient, _ := bits.Div64(high, low, uint64(c))
	return int64(quotient)
}
