package stack_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// TestRestore_groupsGoOn holds that a group is brought to its target again soon
// after the cloud was put back, and not only when the time of before has come
// again.
func TestRestore_groupsGoOn(t *testing.T) {
	running, err := stack.Start(t.Context(), stack.Config{CalmMarket: true, Speed: 60})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := running.Stop(); err != nil {
			t.Error(err)
		}
	}()
	fleet, simulation := fleetv1.NewFleetServiceClient(running.Conn()), fleetv1.NewSimulationServiceClient(running.Conn())
	bounded, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	hold := func(want int64) {
		t.Helper()
		for {
			counted, err := fleet.CountInstances(bounded, &fleetv1.CountInstancesRequest{})
			if err != nil {
				t.Fatal(err)
			}
			var got int64
			for _, count := range counted.GetCounts() {
				got += count.GetInstances()
			}
			if got == want {
				return
			}
			select {
			case <-time.After(20 * time.Millisecond):
			case <-bounded.Done():
				t.Fatalf("%d instances", got)
			}
		}
	}
	if _, err := simulation.CreateSnapshot(t.Context(), &fleetv1.CreateSnapshotRequest{SnapshotId: "before"}); err != nil {
		t.Fatal(err)
	}
	_, err = groupv1.NewGroupServiceClient(running.Conn()).CreateGroup(t.Context(), &groupv1.CreateGroupRequest{
		RequestId: "g", Spec: &groupv1.GroupSpec{
			Type: groupv1.GroupType_GROUP_TYPE_MAINTAIN, TargetCapacity: &groupv1.TargetCapacity{Total: 2, PayAsYouGo: 2},
			Candidates: []*groupv1.Candidate{{ZoneId: "cn-shenzhen-d", InstanceType: "ecs.c6.large"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	hold(2)
	later := timestamppb.New(running.Clock().Now().Add(10 * 24 * time.Hour))
	if _, err := simulation.AdvanceClock(t.Context(), &fleetv1.AdvanceClockRequest{Target: &fleetv1.AdvanceClockRequest_To{To: later}}); err != nil {
		t.Fatal(err)
	}
	if _, err := simulation.RestoreSnapshot(t.Context(), &fleetv1.RestoreSnapshotRequest{SnapshotId: "before"}); err != nil {
		t.Fatal(err)
	}
	hold(2)
	if now := running.Clock().Now(); !now.Before(later.AsTime()) {
		t.Errorf("the group came back only at %v", now)
	}
}
