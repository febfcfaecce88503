package plan_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

// standingIn is any group in which pay-as-you-go makes up for spot.
func standingIn(t *rapid.T) plan.Desired {
	desired := anyDesired(t)
	desired.Substitute, desired.SpotReturns = true, rapid.Bool().Draw(t, "until spot returns")
	return desired
}

// S4: with substitutes, no removal takes healthy capacity below the target, nor
// either method below its own.
func TestSubstitute_neverUndershoots_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		desired, observed := standingIn(t), anyObserved(t, someWeights)
		before, after := observed.Healthy(), without(observed, plan.Make(desired, observed).Removals).Healthy()
		for _, method := range methods {
			if after.Of(method) < min(before.Of(method), desired.Target.Of(method)) {
				t.Errorf("%v falls from %d to %d, target %d", method, before.Of(method), after.Of(method), desired.Target.Of(method))
			}
		}
		if after.Total() < min(before.Total(), desired.Target.Total()) {
			t.Errorf("capacity falls from %d to %d, target %d", before.Total(), after.Total(), desired.Target.Total())
		}
	})
}

// Missing pay-as-you-go is needed as such, however much spot there is, and what
// stands in for spot is never more than what spot is missing.
func TestSubstitute_goesOneWay_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		desired, observed := standingIn(t), anyObserved(t, someWeights)
		desired.Replace = true
		made, expected := plan.Make(desired, observed), expectedOf(desired, observed, payAsYouGo)
		if missing := desired.Target.PayAsYouGo - expected; missing > 0 && made.Need.PayAsYouGo < missing {
			t.Errorf("needs %d pay-as-you-go, misses %d", made.Need.PayAsYouGo, missing)
		}
		for _, held := range []plan.Amounts{observed.Held(), observed.Healthy(), observed.Expected()} {
			standIn := desired.StandIn(held)
			if standIn < 0 || standIn > max(0, desired.Target.Spot-held.Spot) || standIn > max(0, held.PayAsYouGo-desired.Target.PayAsYouGo) {
				t.Errorf("%d stand in of %+v for %+v", standIn, held, desired.Target)
			}
		}
	})
}

// market is how much spot capacity can be had, and delivers a plan's need: spot
// as far as there is any, pay-as-you-go without end.
type market struct{ spot, weight int64 }

func (m *market) deliver(desired plan.Desired, observed plan.Observed, made plan.Plan, at time.Time) plan.Observed {
	next := without(observed, made.Removals)
	launch := func(method fleetv1.BillingMethod, milliunits int64) (rest int64) {
		for ; milliunits > 0; milliunits -= m.weight {
			if method == spot && m.spot < m.weight {
				return milliunits
			}
			if method == spot {
				m.spot -= m.weight
			}
			next = apply(next, plan.Plan{Need: plan.Amounts{}.With(method, m.weight)}, m.weight, at)
		}
		return 0
	}
	rest := plan.InsteadOfSpot(desired, plan.Amounts{Spot: launch(spot, made.Need.Spot)})
	launch(payAsYouGo, made.Need.PayAsYouGo+rest.PayAsYouGo)
	launch(spot, made.Return)
	return next
}

// However much spot there is, and whenever it comes back, the target is met
// after one look, and the group comes to rest: it never flaps between substitutes
// and spot.
func TestSubstitute_comesToRest_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		desired, observed := standingIn(t), run(wellOnly(anyObserved(t, someWeights)))
		desired.Replace, desired.KeepNoticed, observed.Pending = true, false, nil
		at := desired.Since.Add(time.Second)
		m := &market{weight: rapid.SampledFrom(someWeights).Draw(t, "launch weight")}
		for range 3 {
			m.spot += rapid.Int64Range(0, 20).Draw(t, "spot that comes back") * 1000
			for look := range 4 {
				made := plan.Make(desired, observed)
				if look > 0 && made.Need.Total() > 0 {
					t.Errorf("look %d still needs %+v", look, made.Need)
				}
				observed = m.deliver(desired, observed, made, at)
			}
			left := *m
			made := plan.Make(desired, observed)
			if next := m.deliver(desired, observed, made, at); len(next.Instances) > len(observed.Instances) || len(made.Removals) > 0 || m.spot != left.spot {
				t.Errorf("no rest: %+v of %d instances", made, len(observed.Instances))
			}
			standing := plan.Stand(desired, observed, plan.Shortfall{}, false)
			if !standing.Met {
				t.Errorf("at rest and not met: %+v", standing)
			}
		}
	})
}

// Whoever is unhealthy is replaced in the end, by spot or by what stands in for
// it, and no substitute is launched twice.
func TestSubstitute_replacesTheUnhealthy_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		desired, observed := standingIn(t), anyObserved(t, someWeights)
		desired.Replace, desired.KeepNoticed, observed.Pending = true, false, nil
		observed = run(observed)
		m := &market{weight: 1000, spot: rapid.Int64Range(0, 20).Draw(t, "spot") * 1000}
		for look := 0; ; look++ {
			before := m.spot
			made := plan.Make(desired, observed)
			next := run(m.deliver(desired, observed, made, desired.Since.Add(time.Second)))
			if len(made.Removals) == 0 && m.spot == before && len(next.Instances) == len(observed.Instances) {
				break
			}
			if observed = next; look == 200 || len(observed.Instances) > 300 {
				t.Fatalf("no rest after %d looks: %d instances, %+v", look, len(observed.Instances), made)
			}
		}
		if standing := plan.Stand(desired, observed, plan.Shortfall{}, false); observed.Unhealthy() > 0 || !standing.Met {
			t.Errorf("at rest with %d unhealthy: %+v", observed.Unhealthy(), standing)
		}
	})
}
