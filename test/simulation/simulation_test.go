package simulation_test

import (
	"flag"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/seed-198b1370/muster/test/simulation"
)

var (
	seeds = flag.Int("seeds", 10, "how many seeds are run")
	seed  = flag.Uint64("seed", 0, "run this seed only, and tell what happened; 0 for many")
)

// TestSimulation runs a simulated day for each of many seeds.
func TestSimulation(t *testing.T) {
	if *seed != 0 {
		report := simulate(t, *seed, simulation.NoBug)
		t.Logf("%s\n%+v", strings.Join(report.Trace, "\n"), figures(report))
		return
	}
	total := inParallel(t, *seeds, simulation.NoBug, func(report *simulation.Report) bool { return true })
	t.Logf("%d seeds: %s", *seeds, total)
}

func simulate(t testing.TB, seed uint64, bug simulation.Bug) *simulation.Report {
	report, err := simulation.Run(t.Context(), seed, bug)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Violations) > 0 && bug == simulation.NoBug {
		t.Errorf("seed %d\n%s\n\n%s\nto replay it: cd test && go test ./simulation -run 'TestSimulation$' -args -seed=%d",
			report.Seed, strings.Join(report.Trace, "\n"), strings.Join(report.Violations, "\n"), report.Seed)
	}
	return report
}

func figures(r *simulation.Report) string {
	return fmt.Sprintf("%d events, %d groups, %d looks, %d launched, %d removed, %d crashes, %d faults", r.Events, r.Groups, r.Looks, r.Launched, r.Removed, r.Crashes, r.Faults)
}

// inParallel runs seeds, as many at a time as there are processors, for as long
// as goOn says so, and adds up their figures.
func inParallel(t *testing.T, count int, bug simulation.Bug, goOn func(*simulation.Report) bool) string {
	var (
		next  atomic.Uint64
		mu    sync.Mutex
		total simulation.Report
		done  atomic.Bool
		group sync.WaitGroup
	)
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for !done.Load() {
				s := next.Add(1)
				if s > uint64(count) {
					return
				}
				report := simulate(t, s, bug)
				mu.Lock()
				total.Events += report.Events
				total.Groups += report.Groups
				total.Looks += report.Looks
				total.Launched += report.Launched
				total.Removed += report.Removed
				total.Crashes += report.Crashes
				total.Faults += report.Faults
				if !goOn(report) {
					done.Store(true)
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return figures(&total)
}

// TestSimulation_isTheSameAgain holds that a seed is all that a run depends on.
func TestSimulation_isTheSameAgain(t *testing.T) {
	for seed := uint64(1); seed <= 3; seed++ {
		first, again := simulate(t, seed, simulation.NoBug), simulate(t, seed, simulation.NoBug)
		if first.Hash != again.Hash {
			t.Errorf("seed %d: %d events with hash %x, then %d with %x", seed, first.Events, first.Hash, again.Events, again.Hash)
		}
	}
}
