package trouble_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/seed-198b1370/muster/services/fleetsim/internal/trouble"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

func never(*world.Fault, int32) bool { return false }

// TestOfCall_shareIsKept_Prop holds that a share of calls is hit, whatever seed
// and fault, and always the same ones.
func TestOfCall_shareIsKept_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed, share := rapid.Uint64().Draw(t, "seed"), rapid.Int32Range(1, 1000).Draw(t, "share")
		faults := []world.Fault{{ID: rapid.StringMatching(`[a-z]{1,9}`).Draw(t, "id"), Effect: world.CallTrouble{SharePermille: share, Outcome: 1}}}
		const calls = 4000
		hit := 0
		for number := range uint64(calls) {
			d := trouble.OfCall(faults, trouble.Call{Method: "M", Number: number}, seed, never)
			if d != trouble.OfCall(faults, trouble.Call{Method: "M", Number: number}, seed, never) {
				t.Fatal("the same call is disturbed otherwise")
			}
			if d.Outcome != 0 {
				hit++
			}
		}
		// Six standard deviations of a fair draw.
		expected := calls * int(share) / 1000
		if off := hit - expected; off*off > 36*calls/4 {
			t.Fatalf("%d of %d calls are hit, %d‰ are to be", hit, calls, share)
		}
	})
}

func TestOfCall_addsUp(t *testing.T) {
	all := func(id string, e world.CallTrouble) world.Fault {
		e.SharePermille = 1000
		return world.Fault{ID: id, Effect: e}
	}
	faults := []world.Fault{
		all("a", world.CallTrouble{Latency: time.Second}),
		all("b", world.CallTrouble{Methods: []string{"RunInstances"}, Outcome: 2, Latency: time.Minute}),
		all("c", world.CallTrouble{Outcome: 3}),
		{ID: "d", Effect: world.ZoneOutage{ZoneID: "z"}},
	}
	for method, want := range map[string]trouble.Disturbance{
		"RunInstances":  {Latency: time.Minute, Outcome: 2, FaultID: "b"},
		"ListInstances": {Latency: time.Second, Outcome: 3, FaultID: "c"},
	} {
		if got := trouble.OfCall(faults, trouble.Call{Method: method}, 1, never); got != want {
			t.Errorf("%s: %+v, not %+v", method, got, want)
		}
	}
	if got := trouble.OfCall(nil, trouble.Call{}, 1, never); got != (trouble.Disturbance{}) {
		t.Errorf("without faults: %+v", got)
	}
}

func TestBudget_endsAndBeginsAnew(t *testing.T) {
	faults := []world.Fault{{ID: "a", From: 1, Effect: world.CallTrouble{SharePermille: 1000, Outcome: 1, MaxCalls: 2}}}
	budget := trouble.NewBudget()
	hit := func() (hit int) {
		for number := range uint64(5) {
			if trouble.OfCall(faults, trouble.Call{Number: number}, 1, budget.Take).Outcome != 0 {
				hit++
			}
		}
		return hit
	}
	if first, second := hit(), hit(); first != 2 || second != 0 {
		t.Errorf("%d, then %d calls were hit", first, second)
	}
	faults[0].From = 2
	if again := hit(); again != 2 {
		t.Errorf("injected again it hit %d calls", again)
	}
}

func TestBudget_forgetsWhatIsOver(t *testing.T) {
	budget := trouble.NewBudget()
	lasting := world.Fault{ID: "lasting"}
	budget.Take(&lasting, 1)
	for i := range 2 * world.MaxFaults {
		budget.Take(&world.Fault{ID: fmt.Sprint(i)}, 1)
	}
	budget.Forget([]world.Fault{lasting})
	if budget.Take(&lasting, 1) {
		t.Error("a fault that lasts begins anew")
	}
	if !budget.Take(&world.Fault{ID: "7"}, 1) {
		t.Error("a fault that is over is still remembered")
	}
}

func TestStream(t *testing.T) {
	faults := []world.Fault{
		{ID: "a", Effect: world.StreamTrouble{Delay: time.Second}},
		{ID: "b", Effect: world.StreamTrouble{DuplicatePermille: 250, Delay: time.Millisecond}},
	}
	if delay := trouble.DelayOf(faults); delay != time.Second {
		t.Errorf("held back for %v", delay)
	}
	repeated := 0
	for number := range uint64(4000) {
		if trouble.Repeats(faults, number, 7) {
			repeated++
		}
		if trouble.Repeats(faults[:1], number, 7) {
			t.Fatal("an entry is repeated that no fault repeats")
		}
	}
	if repeated < 800 || repeated > 1200 {
		t.Errorf("%d of 4000 entries are repeated", repeated)
	}
}
