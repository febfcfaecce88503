//go:build !race

package simulation_test

import (
	"testing"

	"github.com/seed-198b1370/muster/test/simulation"
)

// TestSimulation_catches holds that the net catches: each of three deliberate
// defects is found within a hundred seeds. It runs with `make sim`, without the
// race detector: a simulation has one goroutine, and this takes many.
func TestSimulation_catches(t *testing.T) {
	for name, bug := range map[string]simulation.Bug{
		"a slot that is written after the call": simulation.SlotAfterCall,
		"a replacement that is counted twice":   simulation.ReplacementTwice,
		"a lease that is ignored":               simulation.LeaseIgnored,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := uint64(1); seed <= 100; seed++ {
				if report := simulate(t, seed, bug); len(report.Violations) > 0 {
					t.Logf("found by seed %d: %s", seed, report.Violations[0])
					return
				}
			}
			t.Error("a hundred seeds did not find it")
		})
	}
}
