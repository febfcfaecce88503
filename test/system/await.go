package system

import (
	"context"
	"testing"
	"time"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// pollInterval is how often a condition is looked at that nothing announces.
const pollInterval = 20 * time.Millisecond

// Eventually waits until a condition holds. The condition tells what it saw,
// for the message when it never does.
func Eventually(t testing.TB, what string, holds func() (bool, any)) {
	t.Helper()
	deadline := time.After(Patience)
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		ok, saw := holds()
		if ok {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s did not come within %v; last seen: %v", what, Patience, saw)
		}
	}
}

// AwaitGroup waits until a group meets a condition and returns it as it was
// then. Errors of the read are waited out, because a system may be restarting.
func (s *System) AwaitGroup(t testing.TB, groupID, what string, met func(*groupv1.Group) bool) *groupv1.Group {
	t.Helper()
	var group *groupv1.Group
	Eventually(t, what, func() (bool, any) {
		got, err := s.Groups.GetGroup(context.Background(), &groupv1.GetGroupRequest{GroupId: groupID})
		if err != nil {
			return false, err
		}
		group = got.GetGroup()
		return met(group), group
	})
	return group
}

// AwaitFulfilled waits until a group's latest spec is met and observed, and all
// its capacity runs.
func (s *System) AwaitFulfilled(t testing.TB, groupID string) *groupv1.Group {
	t.Helper()
	return s.AwaitGroup(t, groupID, "the group at its target", func(g *groupv1.Group) bool {
		return g.GetObservedGeneration() == g.GetGeneration() && g.GetFulfillment() == groupv1.Fulfillment_FULFILLMENT_FULFILLED &&
			g.GetCapacity().GetRunning() >= float64(g.GetSpec().GetTargetCapacity().GetTotal())
	})
}

// Instances lists the live instances that carry a group's tag, as the fleet
// sees them; those of all groups and none when the id is empty.
func (s *System) Instances(t testing.TB, groupID string) []*fleetv1.Instance {
	t.Helper()
	request := &fleetv1.ListInstancesRequest{PageSize: 250}
	if groupID != "" {
		request.Tags = map[string]string{GroupTag: groupID}
	}
	var all []*fleetv1.Instance
	for {
		page, err := s.Fleet.ListInstances(context.Background(), request)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page.GetInstances()...)
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			return all
		}
	}
}

// GroupTag is the tag by which an instance belongs to a group.
const GroupTag = "muster:group"

// SetSpeed changes how fast simulated time runs.
func (s *System) SetSpeed(t testing.TB, speed float64) {
	t.Helper()
	if _, err := s.Simulation.SetClockSpeed(context.Background(), &fleetv1.SetClockSpeedRequest{Speed: speed}); err != nil {
		t.Fatal(err)
	}
}

// Drain makes the pools of a type refuse launches.
func (s *System) Drain(t testing.TB, pools *fleetv1.PoolSelector) {
	t.Helper()
	drained, err := s.Simulation.DrainPools(context.Background(), &fleetv1.DrainPoolsRequest{Pools: pools})
	if err != nil {
		t.Fatal(err)
	}
	if drained.GetMatchedPools() == 0 {
		t.Fatalf("no pool matches %v", pools)
	}
}
