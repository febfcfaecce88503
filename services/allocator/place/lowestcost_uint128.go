package place

import "math/bits"

// A uint128 is a large number. What would be larger stays at the largest.
type uint128 struct{ high, low uint64 }

var largest = uint128{high: ^uint64(0), low: ^uint64(0)}

func (a uint128) less(b uint128) bool {
	return a.high < b.high || a.high == b.high && a.low < b.low
}

func (a uint128) compare(b uint128) int {
	switch {
	case a.less(b):
		return -1
	case b.less(a):
		return 1
	default:
		return 0
	}
}

func (a uint128) plus(b uint128) uint128 {
	low, carry := bits.Add64(a.low, b.low, 0)
	high, over := bits.Add64(a.high, b.high, carry)
	if over > 0 {
		return largest
	}
	return uint128{high: high, low: low}
}

// minus is for a b that is not larger.
func (a uint128) minus(b uint128) uint128 {
	low, borrow := bits.Sub64(a.low, b.low, 0)
	high, _ := bits.Sub64(a.high, b.high, borrow)
	return uint128{high: high, low: low}
}

// apart is how far two numbers are from each other.
func (a uint128) apart(b uint128) uint128 {
	if a.less(b) {
		return b.minus(a)
	}
	return a.minus(b)
}

func (a uint128) times(n int64) uint128 {
	carry, low := bits.Mul64(a.low, uint64(n))
	over, middle := bits.Mul64(a.high, uint64(n))
	high, more := bits.Add64(middle, carry, 0)
	if over > 0 || more > 0 {
		return largest
	}
	return uint128{high: high, low: low}
}

// over divides and rounds down.
func (a uint128) over(n int64) uint128 {
	high, rest := a.high/uint64(n), a.high%uint64(n)
	low, _ := bits.Div64(rest, a.low, uint64(n))
	return uint128{high: high, low: low}
}

// half rounds down.
func (a uint128) half() uint128 {
	return uint128{high: a.high >> 1, low: a.low>>1 | a.high<<63}
}
