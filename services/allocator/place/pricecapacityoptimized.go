package place

// A pool is good enough if it is interrupted so seldom, or no more often than
// the best there are, and if its stock would have to double so many times more
// than that of the deepest of these: down to a quarter.
const (
	goodBand        = sometimes
	goodShallowness = 2
)

// priceCapacityOptimized takes the pools that are good enough by ascending
// price per unit, then the rest as capacityOptimized does.
func (f *filling) priceCapacityOptimized() {
	worst := f.goodEnough()
	f.line(byUnitPrice, func(pool int32) uint64 {
		standing := f.standing(pool)
		if standing>>shallownessBits <= worst.band && standing&(1<<shallownessBits-1) <= worst.shallowness {
			return 0
		}
		return 1 + standing
	})
	f.inOrder(f.order)
}

// A bar is the worst band and stock that are good enough.
type bar struct {
	band, shallowness uint64
}

func (f *filling) goodEnough() bar {
	const beyond = 1<<shallownessBits - 1
	worst := bar{band: beyond, shallowness: beyond}
	for _, pool := range f.order {
		worst.band = min(worst.band, interruptionBand(f.decisions[pool].InterruptionPermille))
	}
	worst.band = max(worst.band, goodBand)
	for _, pool := range f.order {
		if decision := &f.decisions[pool]; interruptionBand(decision.InterruptionPermille) <= worst.band {
			worst.shallowness = min(worst.shallowness, f.shallowness(decision))
		}
	}
	worst.shallowness += goodShallowness
	return worst
}
