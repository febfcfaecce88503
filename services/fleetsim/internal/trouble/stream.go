package trouble

import (
	"time"

	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// DelayOf tells how long the faults hold entries of streams back, in real time.
func DelayOf(faults []world.Fault) (delay time.Duration) {
	for i := range faults {
		if e, ok := faults[i].Effect.(world.StreamTrouble); ok {
			delay = max(delay, e.Delay)
		}
	}
	return delay
}

// Repeats tells whether a fault makes the entry of a number come twice.
func Repeats(faults []world.Fault, number, seed uint64) bool {
	for i := range faults {
		if e, ok := faults[i].Effect.(world.StreamTrouble); ok && e.DuplicatePermille > 0 && hits(e.DuplicatePermille, seed, faults[i].ID, number) {
			return true
		}
	}
	return false
}
