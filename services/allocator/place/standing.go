package place

import "math/bits"

// How likely a spot pool is to be interrupted soon shows in two figures: how
// often it was of late, and how much more than asked for is in stock. Neither
// is exact: the first is counted over 30 days, the second changes by the
// minute. Pools in one band of the first and within a factor of two of the
// second are therefore nearly equal, and something else may decide.

// Bands of interruptions, in which clouds publish them: below so many of a
// thousand instances an hour.
const (
	seldomPermille    = 30
	sometimesPermille = 50
	oftenPermille     = 100
)

// The bands, by number.
const (
	seldom uint64 = iota
	sometimes
	often
	mostly
)

// unknownBand is that of a pool whose rate is not known: after those that are
// known to be good, before those that are known to be the worst.
const unknownBand = often

func interruptionBand(permille int32) uint64 {
	switch {
	case permille == Unknown:
		return unknownBand
	case permille < seldomPermille:
		return seldom
	case permille < sometimesPermille:
		return sometimes
	case permille < oftenPermille:
		return often
	default:
		return mostly
	}
}

// A stock is as deep as it is worth being when it is so many times what the
// demand needs, and no smaller than what another tenant can get by one call.
const (
	deepNeeds     = 4
	deepInstances = 100
)

// unknownShallowness is that of a pool whose stock is not known: as if it held
// half of what is needed, which is after those that are known to be enough.
const unknownShallowness = 3

// shallowness tells how many times the stock of a pool would have to double to
// be as deep as it is worth being: 0 for the deepest.
func (f *filling) shallowness(decision *Decision) uint64 {
	if decision.Available == Unknown {
		return unknownShallowness
	}
	deep := max(ceilDiv(deepNeeds*f.demand.Wanted, decision.Weight), deepInstances)
	return uint64(bits.Len64(uint64(ceilDiv(deep, int64(decision.Available)) - 1)))
}

// standing orders pools by band, then by shallowness, which stays below 64.
func (f *filling) standing(pool int32) uint64 {
	decision := &f.decisions[pool]
	return interruptionBand(decision.InterruptionPermille)<<shallownessBits | f.shallowness(decision)
}

const shallownessBits = 6
