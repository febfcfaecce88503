package judge

// minProbed is how many probed instances a zone needs before the checker doubts
// itself rather than them.
const minProbed = 3

// ZoneCounts are the probed instances of a zone.
type ZoneCounts struct {
	// Probed is how many there are.
	Probed int
	// Failing is how many gave no good answer last time.
	Failing int
	// Began is how many of those began to fail within the last minute, or
	// within the longest interval between probes if that is longer.
	Began int
}

// SuspectNetwork tells whether the checker should take its own network in a zone
// for broken: when more than a share of the instances begins to fail together,
// and then until the share of those that fail has fallen.
func SuspectNetwork(counts ZoneCounts, percent int, suspected bool) bool {
	if counts.Probed < minProbed {
		return false
	}
	failing := counts.Began
	if suspected {
		failing = counts.Failing
	}
	return failing*100 > percent*counts.Probed
}

// ZoneOf is what a verdict needs to know of a zone.
func ZoneOf(counts ZoneCounts, suspected bool) Zone {
	return Zone{Suspected: suspected, Guarded: counts.Probed >= minProbed}
}
