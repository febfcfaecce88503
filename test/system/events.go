package system

import (
	"context"
	"fmt"
	"testing"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

// AssertEvents holds what a client is told of a group's instances against the
// fleet's own journal (S7): every transition that is published comes, those of
// one instance in order, and what comes twice has the same id.
func (s *System) AssertEvents(t testing.TB, groupID string) {
	t.Helper()
	want := map[string]bool{}
	for _, transition := range s.Transitions(t, groupID) {
		switch transition.GetKind() {
		case fleetv1.TransitionKind_TRANSITION_KIND_CREATED, fleetv1.TransitionKind_TRANSITION_KIND_RUNNING,
			fleetv1.TransitionKind_TRANSITION_KIND_INTERRUPTION_NOTICE, fleetv1.TransitionKind_TRANSITION_KIND_RELEASED:
			instance := transition.GetInstance()
			want[fmt.Sprintf("%s/%d", instance.GetInstanceId(), instance.GetTransitionNumber())] = true
		default: // not published
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	watch, err := s.Health.WatchInstanceEvents(ctx, &healthv1.WatchInstanceEventsRequest{GroupId: groupID, FromStart: true})
	if err != nil {
		t.Fatal(err)
	}
	seen, last := map[string]bool{}, map[string]int64{}
	for len(seen) < len(want) {
		next, err := watch.Recv()
		if err != nil {
			t.Fatalf("%v, after %d of %d events", err, len(seen), len(want))
		}
		event := next.GetEvent()
		switch {
		case event == nil || event.GetVerdictNumber() > 0 || seen[event.GetEventId()]: // verdicts are in no journal
			continue
		case !want[event.GetEventId()]:
			t.Errorf("event %v is not in the fleet's journal", event)
		case event.GetTransitionNumber() <= last[event.GetInstanceId()]:
			t.Errorf("event %v came after transition %d of its instance", event, last[event.GetInstanceId()])
		}
		seen[event.GetEventId()] = true
		last[event.GetInstanceId()] = event.GetTransitionNumber()
	}
}
