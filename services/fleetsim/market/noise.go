package market

import "math/bits"

// stream derives the seed of noises from the seed of the market and the names
// of what the noises belong to.
func stream(seed uint64, kind, first, second string) uint64 {
	hash := mix(seed)
	for _, part := range []string{kind, first, second} {
		for i := range len(part) {
			hash = (hash ^ uint64(part[i])) * 1099511628211
		}
		hash = mix(hash)
	}
	return hash
}

// mix spreads every bit of a number over all bits of the result (the finalizer
// of SplitMix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// uniform draws a number from 0 to 999,999 for a place in a stream: that of
// SplitMix64, whose nth number can be had without the ones before.
func uniform(stream uint64, place int64) int64 {
	high, _ := bits.Mul64(mix(stream+uint64(place)*0x9e3779b97f4a7c15), million)
	return int64(high)
}

// phase draws where the multiples of a period lie, from 0 to period-1.
func phase(stream uint64, period int64) int64 {
	high, _ := bits.Mul64(mix(^stream), uint64(period))
	return int64(high)
}

// centred draws a number from -1,000,000 to 999,998.
func centred(stream uint64, place int64) int64 { return 2*uniform(stream, place) - million }

// sum adds up waves; those of the offer alone count so many millionths. The
// first of them has the given stream of its scope, the next the next.
func (o *offer) sum(waves []wave, first uint64, own, tick int64) int64 {
	var sum int64
	for i, w := range waves {
		height := scale(smooth(o.streams[w.scope]+first+uint64(i), tick, w.period), w.height)
		if w.scope == ofOffer {
			height = scale(own, height)
		}
		sum += height
	}
	return sum
}

// smooth is noise between -1,000,000 and 1,000,000 that turns about once a
// period: points drawn at its multiples, joined by curves that are level at
// both ends. The multiples lie elsewhere in each stream.
func smooth(stream uint64, tick, period int64) int64 {
	tick += phase(stream, period)
	point := floorDiv(tick, period)
	left, right := centred(stream, point), centred(stream, point+1)
	return left + ease((tick-point*period)*one/period)*(right-left)>>curveBits
}

// Curves are drawn in units of a power of two, which are divided by fastest.
const (
	curveBits = 20
	one       = 1 << curveBits
)

// ease is 3x^2 - 2x^3, for x from 0 to one.
func ease(x int64) int64 { return (x * x >> curveBits) * (3*one - 2*x) >> curveBits }

// scale multiplies by a number of millionths.
func scale(millionths, value int64) int64 { return millionths * value / million }

func floorDiv(a, b int64) int64 {
	quotient := a / b
	if a%b < 0 {
		quotient--
	}
	return quotient
}
