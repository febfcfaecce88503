package place

import (
	"math"
	"math/bits"
)

const milliunitsPerUnit = 1_000

// compareUnitPrice orders two pools by the price of one unit of capacity. It
// multiplies crosswise in 128 bits, so that nothing is rounded and nothing
// overflows.
func compareUnitPrice(a, b *Decision) int {
	aHigh, aLow := bits.Mul64(uint64(a.Price), uint64(b.Weight))
	bHigh, bLow := bits.Mul64(uint64(b.Price), uint64(a.Weight))
	switch {
	case aHigh < bHigh || aHigh == bHigh && aLow < bLow:
		return -1
	case aHigh == bHigh && aLow == bLow:
		return 0
	default:
		return 1
	}
}

// unitPrice is the price of one unit of capacity, rounded down; for showing,
// not for comparing.
func unitPrice(price, weight int64) int64 {
	high, low := bits.Mul64(uint64(price), milliunitsPerUnit)
	if high >= uint64(weight) {
		return math.MaxInt64
	}
	quotient, _ := bits.Div64(high, low, uint64(weight))
	return int64(min(quotient, math.MaxInt64))
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
