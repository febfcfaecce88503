package market

// A Step is a spot price from a time on.
type Step struct {
	// AtUnixNanos is when the price begins, or when the look at it does.
	AtUnixNanos int64
	// PriceMicros is the price in micro-units of the currency per hour.
	PriceMicros int64
}

// MaxHistoryTicks is how many ticks one call of [History] goes over.
const MaxHistoryTicks = 100_000

// History tells the spot price of an offer from one time up to, not including,
// another, in nanoseconds since 1970: the price in force at the first, then each
// change, at most limit steps. A price holds until the next step.
//
// More tells that there is more to tell after the last step: go on from its
// time, which then comes again as the first step. A call that ends early for the
// number of its ticks has a last step that may repeat the price before it. The
// limit must be at least 2, or the steps do not get on; less is taken as 2.
func History(m Source, offer int, fromUnixNanos, toUnixNanos int64, limit int) (steps []Step, more bool) {
	limit = max(limit, 2)
	if fromUnixNanos >= toUnixNanos {
		return nil, false
	}
	ticks := ticksOf(m)
	tick := ticks.at(fromUnixNanos)
	price := m.Price(offer, tick)
	steps = append(steps, Step{fromUnixNanos, price})
	for last := tick + MaxHistoryTicks; ; {
		tick++
		at := ticks.begin(tick)
		if at >= toUnixNanos {
			return steps, false
		}
		now := m.Price(offer, tick)
		if now == price && tick < last {
			continue
		}
		if len(steps) == limit {
			return steps, true
		}
		steps = append(steps, Step{at, now})
		if tick >= last {
			return steps, true
		}
		price = now
	}
}

// ticks is the ticks of a source.
type ticks struct{ start, length int64 }

func ticksOf(m Source) ticks {
	start, length := m.Ticks()
	return ticks{start, int64(length)}
}

// at is the tick that a time lies in.
func (t ticks) at(unixNanos int64) int64 { return floorDiv(unixNanos-t.start, t.length) }

// begin is when a tick begins.
func (t ticks) begin(tick int64) int64 { return t.start + tick*t.length }
