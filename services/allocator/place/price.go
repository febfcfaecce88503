package place

import (
	"cmp"
	"math"
	"math/bits"

	"github.com/seed-198b1370/muster/pkg/money"
)

// A rate is what an instance costs and contributes: a price per unit that is
// not rounded.
type rate struct {
	price, weight int64
}

// compare orders two rates by the price of one unit of capacity.
func (r rate) compare(other rate) int {
	return product(r.price, other.weight, 1).compare(product(other.price, r.weight, 1))
}

// A wide is a number of 128 bits. Prices go up to 2^63, weights to 2^24 and
// percentages to 2^14, so that no product of the three overflows it.
type wide struct {
	high, low uint64
}

func product(price, weight, factor int64) wide {
	high, low := bits.Mul64(uint64(price), uint64(weight))
	carry, low := bits.Mul64(low, uint64(factor))
	return wide{high: high*uint64(factor) + carry, low: low}
}

func (w wide) compare(other wide) int {
	return cmp.Or(cmp.Compare(w.high, other.high), cmp.Compare(w.low, other.low))
}

// over divides, rounding down; the largest number if the quotient is beyond.
func (w wide) over(divisor int64) int64 {
	if w.high >= uint64(divisor) {
		return math.MaxInt64
	}
	quotient, _ := bits.Div64(w.high, w.low, uint64(divisor))
	return int64(min(quotient, math.MaxInt64))
}

// unitPrice is the price of one unit of capacity, rounded down; for showing,
// not for comparing.
func unitPrice(price, weight int64) int64 {
	return product(price, money.MilliunitsPerUnit, 1).over(weight)
}

// compareUnitPrice orders two pools by the price of one unit of capacity.
func compareUnitPrice(a, b *Decision) int {
	return rate{a.Price, a.Weight}.compare(rate{b.Price, b.Weight})
}

// priceKey is a number for a price per unit. It never orders two pools the
// wrong way round, but may be the same for two that are close: all but sorting
// thousands of pools can do without it. 24 bits are kept below a micro-unit for
// a thousandth of a unit, enough to tell two prices of one weight apart.
func priceKey(price, weight int64) uint64 {
	high, low := uint64(price)>>40, uint64(price)<<24
	if high >= uint64(weight) {
		return math.MaxUint64
	}
	quotient, _ := bits.Div64(high, low, uint64(weight))
	return quotient
}

// cost is the price of some instances added to a sum, or the largest number if
// it is beyond.
func cost(sum, price int64, instances int32) int64 {
	high, low := bits.Mul64(uint64(price), uint64(instances))
	if high > 0 || low > uint64(math.MaxInt64-sum) {
		return math.MaxInt64
	}
	return sum + int64(low)
}
