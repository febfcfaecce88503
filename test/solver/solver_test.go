// Package solver holds the lowest-cost strategy against a mixed-integer solver
// of its own kind, cbc of COIN-OR.
package solver_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/seed-198b1370/muster/services/allocator/place"
)

const cases = 1000

// A task is a request to cover a need by the lowest cost.
type task struct {
	request place.Request
	offers  map[place.Key]*place.Offer
	// unsure is true if the solver has no answer that is as good.
	unsure bool
}

func (t *task) Offer(key place.Key) *place.Offer { return t.offers[key] }

// random draws a task over up to 20 pools: weights in whole units, tenths or
// thousandths, prices by weight with some spread or without any relation, stock
// that binds or not, and a limit of instances or of capacity now and then.
func random(seed uint64) *task {
	r := rand.New(rand.NewPCG(seed, 20))
	t := &task{offers: map[place.Key]*place.Offer{}}
	grain := []int64{1000, 100, 10}[r.IntN(3)]
	spread := []int64{20, 50, 100}[r.IntN(3)]
	var all int64
	for i := range 1 + r.IntN(20) {
		key := place.Key{Zone: "z", Type: fmt.Sprintf("t%d", i)}
		weight := grain * (1 + r.Int64N(40))
		price := weight*(100+r.Int64N(spread))/10 + r.Int64N(100)
		stock := 1 + r.Int32N([]int32{5, 80}[r.IntN(2)])
		all += weight * int64(stock)
		t.offers[key] = &place.Offer{ListPrice: price, PayAsYouGo: place.Pool{
			OnSale: true, Price: price, Available: stock, InterruptionPermille: place.Unknown,
		}}
		t.request.Candidates = append(t.request.Candidates, place.Candidate{Key: key, Weight: weight})
	}
	wanted := 1 + r.Int64N(all)
	t.request.Demands = []place.Demand{{Billing: place.PayAsYouGo, Wanted: wanted, Strategy: place.LowestCost}}
	switch r.IntN(4) {
	case 0:
		t.request.MaxInstances = new(int32(1 + wanted/(30*grain) + r.Int64N(1+wanted/(10*grain))))
	case 1:
		t.request.MaxMilliunits = new(wanted + r.Int64N(3*grain+100))
	}
	return t
}

// program writes the task as a linear program in CPLEX format. Every number in
// it is whole.
func (t *task) program() string {
	var cost, weight, count, bounds, names strings.Builder
	for i, c := range t.request.Candidates {
		pool := t.offers[c.Key].PayAsYouGo
		fmt.Fprintf(&cost, " + %d x%d\n", pool.Price, i)
		fmt.Fprintf(&weight, " + %d x%d\n", c.Weight, i)
		fmt.Fprintf(&count, " + x%d\n", i)
		fmt.Fprintf(&bounds, " 0 <= x%d <= %d\n", i, pool.Available)
		fmt.Fprintf(&names, " x%d\n", i)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "Minimize\n cost:\n%sSubject To\n need:\n%s >= %d\n", cost.String(), weight.String(), t.request.Demands[0].Wanted)
	if limit := t.request.MaxMilliunits; limit != nil {
		fmt.Fprintf(&out, " ceiling:\n%s <= %d\n", weight.String(), *limit)
	}
	if limit := t.request.MaxInstances; limit != nil {
		fmt.Fprintf(&out, " instances:\n%s <= %d\n", count.String(), *limit)
	}
	fmt.Fprintf(&out, "Bounds\n%sGenerals\n%sEnd\n", bounds.String(), names.String())
	return out.String()
}

// An outcome is what the solver says of a program.
type outcome uint8

const (
	// infeasible: there is no answer.
	infeasible outcome = iota
	// optimal: there is none better.
	optimal
	// stopped: the solver has looked at as much as it may and is not sure.
	stopped
)

// solve hands a program to the solver and tells the counts that it finds.
func solve(cbc, dir, name, program string, pools int) (counts []int64, found outcome, err error) {
	in, out := filepath.Join(dir, name+".lp"), filepath.Join(dir, name+".txt")
	if err := os.WriteFile(in, []byte(program), 0o600); err != nil {
		return nil, infeasible, err
	}
	if said, err := exec.Command(cbc, in, "ratioGap", "0", "allowableGap", "0", "maxNodes", "5000", "solve", "solution", out).CombinedOutput(); err != nil {
		return nil, infeasible, fmt.Errorf("%w: %s", err, said)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		return nil, infeasible, err
	}
	status, values, _ := strings.Cut(string(text), "\n")
	switch {
	case strings.HasPrefix(status, "Infeasible"), strings.HasPrefix(status, "Integer infeasible"):
		return nil, infeasible, nil
	case strings.HasPrefix(status, "Stopped on"):
		found = stopped
	case strings.HasPrefix(status, "Optimal"):
		found = optimal
	default:
		return nil, infeasible, fmt.Errorf("the solver says: %s", status)
	}
	counts = make([]int64, pools)
	for line := range strings.Lines(values) {
		fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "**"))
		if len(fields) < 3 {
			continue
		}
		pool, err := strconv.Atoi(strings.TrimPrefix(fields[1], "x"))
		if err != nil {
			return nil, infeasible, err
		}
		value, err := strconv.ParseFloat(fields[2], 64)
		if err != nil {
			return nil, infeasible, err
		}
		// The solver's whole numbers are whole up to a tolerance.
		counts[pool] = int64(math.Round(value))
	}
	return counts, found, nil
}

// check compares the placement of a task with the solver's answer, both summed up
// in whole numbers.
func (t *task) check(cbc, dir, name string) error {
	placement, err := place.Place(t.request, t)
	if err != nil {
		return err
	}
	wanted := t.request.Demands[0].Wanted
	counts, found, err := solve(cbc, dir, name, t.program(), len(t.request.Candidates))
	if err != nil {
		return err
	}
	if met := placement.Placed >= wanted; found != stopped && met != (found == optimal) {
		return fmt.Errorf("placed %d of %d, the solver can: %t", placement.Placed, wanted, found == optimal)
	}
	if found == infeasible {
		return nil
	}
	ours := make([]int64, len(counts))
	for _, d := range placement.Demands[0].Decisions {
		ours[d.Candidate] = int64(d.Instances)
	}
	cost, sound := t.sum(ours)
	best, solved := t.sum(counts)
	switch {
	case placement.Placed < wanted && !solved: // the solver gave up
		t.unsure = true
		return nil
	case !sound || cost != placement.Cost:
		return fmt.Errorf("%v cost %d, told as %d; rules kept: %t", ours, cost, placement.Cost, sound)
	case solved && cost > best:
		return fmt.Errorf("%v cost %d, the solver's %v cost %d", ours, cost, counts, best)
	case found == stopped || !solved || cost < best:
		t.unsure = true // of a sound answer that costs less its tolerances know nothing
	}
	return nil
}

// sum tells what counts cost, and whether they keep the rules.
func (t *task) sum(counts []int64) (cost int64, sound bool) {
	var weight, instances int64
	sound = true
	for i, c := range t.request.Candidates {
		pool := t.offers[c.Key].PayAsYouGo
		cost += counts[i] * pool.Price
		weight += counts[i] * c.Weight
		instances += counts[i]
		sound = sound && counts[i] >= 0 && counts[i] <= int64(pool.Available)
	}
	if limit := t.request.MaxMilliunits; limit != nil {
		sound = sound && weight <= *limit
	}
	if limit := t.request.MaxInstances; limit != nil {
		sound = sound && instances <= int64(*limit)
	}
	return cost, sound && weight >= t.request.Demands[0].Wanted
}

// The lowest cost is the one that a solver finds.
func TestLowestCost_isTheSolvers(t *testing.T) {
	cbc, err := exec.LookPath("cbc")
	if err != nil {
		t.Fatal("the solver is missing; run: apt-get install -y --no-install-recommends coinor-cbc")
	}
	dir := t.TempDir()
	var group errgroup.Group
	var unsure atomic.Int32
	group.SetLimit(4)
	for seed := range uint64(cases) {
		group.Go(func() error {
			task := random(seed)
			if err := task.check(cbc, dir, strconv.FormatUint(seed, 10)); err != nil {
				t.Errorf("case %d: %v", seed, err)
			}
			if task.unsure {
				unsure.Add(1)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	n := unsure.Load()
	t.Logf("of %d cases the solver left %d undecided", cases, n)
	if n > cases/10 {
		t.Errorf("of %d cases the solver left %d undecided: too few are compared", cases, n)
	}
}
