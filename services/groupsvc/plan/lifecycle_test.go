package plan_test

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

// Every life ends where it should, no step leads back from the end, and one
// event leads to one place.
func TestNext(t *testing.T) {
	type step struct {
		from groupv1.Lifecycle
		on   plan.Event
	}
	seen := map[step]bool{}
	for _, transition := range plan.Transitions() {
		if key := (step{transition.From, transition.On}); seen[key] {
			t.Errorf("%v twice", transition)
		} else {
			seen[key] = true
		}
		if transition.To <= transition.From && transition.To != groupv1.Lifecycle_LIFECYCLE_ACTIVE {
			t.Errorf("%v leads back", transition)
		}
	}
	for _, end := range []plan.Event{plan.DeleteAsked, plan.ValidityOver, plan.MinimumMissed} {
		for _, from := range []groupv1.Lifecycle{
			groupv1.Lifecycle_LIFECYCLE_SUBMITTED, groupv1.Lifecycle_LIFECYCLE_ACTIVE, groupv1.Lifecycle_LIFECYCLE_MODIFYING,
		} {
			if got := plan.Next(from, end); got != groupv1.Lifecycle_LIFECYCLE_DELETE_RUNNING {
				t.Errorf("%v of %v leads to %v", end, from, got)
			}
		}
	}
	if got := plan.Next(groupv1.Lifecycle_LIFECYCLE_DELETED, plan.Changed); got != groupv1.Lifecycle_LIFECYCLE_DELETED {
		t.Errorf("a change of a deleted group leads to %v", got)
	}
}

func TestSituations_haveWords(t *testing.T) {
	for _, situation := range plan.Situations() {
		alone := situation == plan.Gone
		if situation.String() == "" || (situation.Fulfillment() == groupv1.Fulfillment_FULFILLMENT_UNSPECIFIED) != alone {
			t.Errorf("%d: %q, %v", situation, situation, situation.Fulfillment())
		}
	}
}

// L3: each phase begins when the one before says that it does, and expired is
// the last.
func TestPhase_followsItsTimes_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := func(name string, first int64) *timestamppb.Timestamp {
			if rapid.Bool().Draw(t, "no "+name) {
				return nil
			}
			return timestamppb.New(origin.Add(time.Duration(rapid.Int64Range(first, first+100).Draw(t, name))))
		}
		from := rapid.Int64Range(0, 100).Draw(t, "first")
		spec := &groupv1.GroupSpec{ValidFrom: at("from", from), ValidUntil: at("until", 201)}
		now, seen := origin, []plan.Phase{}
		for {
			phase, next := plan.PhaseAt(spec, now), plan.NextPhase(spec, now)
			seen = append(seen, phase)
			if next.IsZero() {
				if (phase == plan.Expired) != (spec.ValidUntil != nil) {
					t.Errorf("the last of %v, of %v", seen, spec)
				}
				break
			}
			if !next.After(now) || plan.PhaseAt(spec, next.Add(-1)) != phase || plan.PhaseAt(spec, next) <= phase {
				t.Errorf("from %v at %v the next begins at %v, of %v", phase, now, next, spec)
				break
			}
			now = next
		}
		if !slices.IsSorted(seen) {
			t.Errorf("phases %v", seen)
		}
	})
}
