package plan_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

// moving is a group that is being rebalanced: it holds its target, and moves lead
// from the type "from" to the type "to".
type moving struct {
	desired  plan.Desired
	observed plan.Observed
	moves    []plan.Move
	launched int
	given    int
}

func anyMoving(t *rapid.T) *moving {
	m := &moving{desired: plan.Desired{Replace: true, ReplacePercent: 20, ReleaseExcess: true, Since: origin}}
	for i := range rapid.IntRange(1, 20).Draw(t, "instances") {
		m.observed.Instances = append(m.observed.Instances, plan.Instance{
			ID: fmt.Sprintf("i-%02d", i), Zone: "a", Type: "from", Method: spot, Status: fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING,
			Price: rapid.Int64Range(1, 100).Draw(t, "price"), Created: origin, Class: plan.Class{Weight: 2000},
			Protected: rapid.IntRange(0, 4).Draw(t, "protected") == 0,
		})
	}
	m.desired.Target.Spot = m.observed.Healthy().Spot - 1000*rapid.Int64Range(0, 1).Draw(t, "rounding")
	left := len(m.observed.Instances)
	for i := range rapid.IntRange(1, 3).Draw(t, "moves") {
		remove := rapid.IntRange(1, 5).Draw(t, "remove")
		if left -= remove; left < 0 {
			break
		}
		weight := rapid.SampledFrom([]int64{1000, 2000, 4000}).Draw(t, "weight")
		m.moves = append(m.moves, plan.Move{
			Number: int32(i + 1), Method: spot, FromZone: "a", FromType: "from", ToZone: "b", ToType: "to",
			Remove: remove, Launch: int((int64(remove)*2000 + weight - 1) / weight), Weight: weight, FromWeight: 2000, Price: 1,
		})
	}
	return m
}

// round makes one look at the group come true: launches appear in part, or not at
// all, what is pending runs or is lost, and what is given up goes.
func (m *moving) round(t *rapid.T) {
	next := plan.Rebalancing(m.desired, m.observed, m.moves)
	for i := range m.moves {
		move := &m.moves[i]
		if !slices.Contains(next.Launch, move.Number) {
			continue
		}
		m.launch(move, rapid.IntRange(0, move.Launch).Draw(t, "come"))
	}
	m.giveUp(next, func() bool { return rapid.IntRange(0, 2).Draw(t, "removed") > 0 })
	for i := range m.observed.Instances {
		if instance := &m.observed.Instances[i]; instance.Status == fleetv1.InstanceStatus_INSTANCE_STATUS_PENDING && rapid.Bool().Draw(t, "runs") {
			instance.Status = fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING
			instance.Noticed = rapid.IntRange(0, 5).Draw(t, "lost") == 0
		}
	}
}

// S4: at no time does a rebalancing, or what the group does besides, take what
// runs below the target; no more goes than what was to go, nothing that is
// protected, and nobody that was launched for it. It comes to an end.
func TestRebalancing_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyMoving(t)
		most, before := 0, plan.Observed{Instances: slices.Clone(m.observed.Instances)}
		for _, move := range m.moves {
			most += move.Remove
		}
		running := func() int64 {
			sum := int64(0)
			for _, instance := range m.observed.Instances {
				if instance.Healthy() && instance.Status == fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING {
					sum += instance.Class.Weight
				}
			}
			return sum
		}
		for range 100 {
			if len(m.moves) == 0 {
				break
			}
			held := running()
			if rapid.IntRange(0, 9).Draw(t, "changed") == 0 { // the target, while moves are under way
				m.desired.Target.Spot = 1000 * rapid.Int64Range(0, 44).Draw(t, "target")
			}
			m.desired.Extra = plan.Extra(m.observed, m.moves)
			m.observed = plan.Moving(m.observed, m.moves)
			removals := plan.Make(m.desired, m.observed).Removals // what moves that are over have left behind
			for _, move := range m.moves {
				if slices.ContainsFunc(removals, func(r plan.Removal) bool { return slices.Contains(move.IDs, r.ID) }) {
					t.Errorf("while %+v is under way the group gives up %v", move, removals)
				}
			}
			m.observed = without(m.observed, removals)
			m.round(t)
			if now := running(); now < min(held, m.desired.Target.Spot) {
				t.Errorf("falls from %d to %d, target %d", held, now, m.desired.Target.Spot)
			}
		}
		if len(m.moves) > 0 {
			t.Errorf("still under way: %+v", m.moves)
		}
		for _, instance := range before.Instances {
			if instance.Protected && !slices.ContainsFunc(m.observed.Instances, func(i plan.Instance) bool { return i.ID == instance.ID }) {
				t.Errorf("%s is protected and went", instance.ID)
			}
		}
		if m.given > most {
			t.Errorf("%d went, at most %d were to", m.given, most)
		}
	})
}

// What stands in for spot is there after a rebalancing as before: what moves hold
// meanwhile is no spot that has come back, and they move with substitutes as
// without.
func TestRebalancing_keepsSubstitutes_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyMoving(t)
		m.desired.Substitute, m.desired.Target = true, plan.Amounts{}
		for i := range m.observed.Instances {
			m.observed.Instances[i].Protected = false
		}
		m.desired.Target.Spot = m.observed.Healthy().Spot
		for i := range rapid.IntRange(1, 10).Draw(t, "pay-as-you-go") {
			m.observed.Instances = append(m.observed.Instances, plan.Instance{
				ID: fmt.Sprintf("p-%02d", i), Zone: "a", Type: "from", Method: payAsYouGo, Status: fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING,
				Price: 100, Created: origin, Class: plan.Class{Weight: 2000},
			})
		}
		// Some of the pay-as-you-go capacity is wanted as such, and the rest stands in.
		held := m.observed.Healthy()
		m.desired.Target.PayAsYouGo = 2000 * rapid.Int64Range(0, held.PayAsYouGo/2000).Draw(t, "wanted")
		m.desired.Target.Spot += held.PayAsYouGo - m.desired.Target.PayAsYouGo
		moved := 0
		m.moves = slices.DeleteFunc(m.moves, func(move plan.Move) bool { return move.Weight == 4000 }) // rounding is excess in the end
		for i := range m.moves {
			moved += m.moves[i].Remove
			if rapid.Bool().Draw(t, "moves pay-as-you-go") && int64(m.moves[i].Remove)*2000 <= held.PayAsYouGo {
				m.moves[i].Method, held.PayAsYouGo = payAsYouGo, held.PayAsYouGo-int64(m.moves[i].Remove)*2000
			}
		}
		before := m.observed.Healthy()
		for range 20 {
			m.desired.Extra = plan.Extra(m.observed, m.moves)
			m.observed = plan.Moving(m.observed, m.moves)
			made := plan.Make(m.desired, m.observed)
			if made.Need.Total() > 0 {
				t.Errorf("needs %+v while it moves", made.Need)
			}
			m.observed = run(without(m.observed, made.Removals))
			m.calm()
			for i := range m.observed.Instances {
				m.observed.Instances[i].Protected = false
			}
		}
		if after := m.observed.Healthy(); len(m.moves) > 0 || after != before || m.given != moved {
			t.Errorf("holds %+v, before %+v; %d of %d moved; still under way: %+v", after, before, m.given, moved, m.moves)
		}
	})
}

// calm is a round in which all that is launched appears, and nothing is lost.
func (m *moving) calm() {
	next := plan.Rebalancing(m.desired, m.observed, m.moves)
	for i := range m.moves {
		move := &m.moves[i]
		if !slices.Contains(next.Launch, move.Number) {
			continue
		}
		m.launch(move, move.Launch)
	}
	m.giveUp(next, func() bool { return true })
}

// launch makes so many of the instances of a move appear.
func (m *moving) launch(move *plan.Move, come int) {
	move.Launched = true
	for range come {
		m.launched++
		id := fmt.Sprintf("n-%03d", m.launched)
		move.IDs = append(move.IDs, id)
		m.observed.Instances = append(m.observed.Instances, plan.Instance{
			ID: id, Zone: "b", Type: "to", Method: move.Method, Status: fleetv1.InstanceStatus_INSTANCE_STATUS_PENDING, Price: 1,
			Created: origin.Add(1), Class: plan.Class{Weight: move.Weight},
		})
	}
}

// giveUp makes what moves give up go, unless a crash comes before, and ends those
// that are over.
func (m *moving) giveUp(next plan.Rebalance, goes func() bool) {
	for _, handover := range next.GiveUp {
		for i := range m.moves {
			if m.moves[i].Number == handover.Number && len(m.moves[i].Chosen) == 0 {
				for _, removal := range handover.Removals {
					m.moves[i].Chosen = append(m.moves[i].Chosen, removal.ID)
				}
			}
		}
		if goes() {
			m.observed = without(m.observed, handover.Removals)
			m.given += len(handover.Removals)
		}
	}
	for _, end := range next.Over {
		m.moves = slices.DeleteFunc(m.moves, func(move plan.Move) bool { return move.Number == end.Number })
	}
}

// S3: moves are launched only where limits and budget leave room; when nothing is
// under way that would make room, a move that does not fit is over.
func TestRebalancing_keepsToLimits_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyMoving(t)
		m.desired.Budget.Max = m.observed.Cost() + rapid.Int64Range(0, 10).Draw(t, "room")
		next := plan.Rebalancing(m.desired, m.observed, m.moves)
		cost := m.observed.Cost()
		for _, move := range m.moves {
			if slices.Contains(next.Launch, move.Number) {
				cost += int64(move.Launch) * move.Price
			}
		}
		if cost > m.desired.Budget.Max {
			t.Errorf("comes to cost %d of %d", cost, m.desired.Budget.Max)
		}
		if len(next.Launch) == 0 && len(next.Over) == 0 && len(m.moves) > 0 {
			t.Errorf("nothing is done about %+v", m.moves)
		}
		m.desired.Suspended = plan.Suspended{Rebalance: true}
		if held := plan.Rebalancing(m.desired, m.observed, m.moves); len(held.Launch)+len(held.GiveUp)+len(held.Over) > 0 {
			t.Errorf("while it is suspended: %+v", held)
		}
	})
}

// S4: what a move chose to give up stays when it is needed by the time that this
// is carried out, as after a crash; the move is
// then over, and was not complete.
func TestRebalancing_chosenAndNeededSince(t *testing.T) {
	member := func(id, kind string) plan.Instance {
		return plan.Instance{
			ID: id, Zone: "a", Type: kind, Method: spot, Status: fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING, Created: origin, Class: plan.Class{Weight: 1000},
		}
	}
	desired := plan.Desired{Replace: true, Target: plan.Amounts{Spot: 3000}}
	move := plan.Move{
		Number: 1, Method: spot, FromZone: "a", FromType: "from", ToZone: "a", ToType: "to", Remove: 2, Launch: 1, Weight: 1000,
		Launched: true, IDs: []string{"i-4"}, Chosen: []string{"i-1", "i-2"},
	}
	for name, test := range map[string]struct {
		change func(*plan.Observed)
		gone   []string
	}{
		"nothing has happened": {change: func(*plan.Observed) {}, gone: []string{"i-1", "i-2"}},
		"another has gone":     {change: func(o *plan.Observed) { o.Instances[3].Noticed = true }, gone: []string{"i-1"}},
		"two others have gone": {change: func(o *plan.Observed) { o.Instances[3].Noticed, o.Instances[4].Noticed = true, true }},
		"one is unhealthy":     {change: func(o *plan.Observed) { o.Instances[0].Unhealthy = &plan.Verdict{} }, gone: []string{"i-1", "i-2"}},
	} {
		t.Run(name, func(t *testing.T) {
			observed := plan.Observed{Instances: []plan.Instance{
				member("i-1", "from"), member("i-2", "from"), member("i-3", "from"), member("i-4", "to"), member("i-5", "from"),
			}}
			test.change(&observed)
			next := plan.Rebalancing(desired, observed, []plan.Move{move})
			var gone []string
			for _, handover := range next.GiveUp {
				for _, removal := range handover.Removals {
					gone = append(gone, removal.ID)
				}
				observed = without(observed, handover.Removals)
			}
			if !slices.Equal(gone, test.gone) {
				t.Errorf("gives up %v, want %v", gone, test.gone)
			}
			over := plan.Rebalancing(desired, observed, []plan.Move{move}).Over
			if complete := len(test.gone) == 2; len(over) != 1 || over[0].Complete != complete {
				t.Errorf("then it is over: %v, want one that is complete: %v", over, complete)
			}
		})
	}
}
