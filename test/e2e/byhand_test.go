package e2e_test

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/test/system"
)

// A group keeps off what is suspended and protected, takes in what is attached,
// and lets go of what is detached, which runs on.
func TestByHand(t *testing.T) {
	inEach(t, system.Options{}, func(t *testing.T, s *system.System) {
		id := create(t, s, &groupv1.CreateGroupRequest{Spec: maintainSpec(4, 0)}).GetGroupId()
		s.AwaitFulfilled(t, id)
		stray, err := s.Fleet.RunInstances(t.Context(), &fleetv1.RunInstancesRequest{
			RequestId: "stray", ZoneId: "cn-shenzhen-d", InstanceType: "ecs.c6.large",
			BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO, Amount: 1,
		})
		if err != nil {
			t.Fatal(err)
		}
		strayID := stray.GetInstanceIds()[0]
		if _, err := s.Groups.SuspendProcesses(t.Context(), &groupv1.SuspendProcessesRequest{
			GroupId: id, Processes: []groupv1.Process{groupv1.Process_PROCESS_TERMINATE},
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Groups.AttachInstances(t.Context(), &groupv1.AttachInstancesRequest{GroupId: id, InstanceIds: []string{strayID}}); err != nil {
			t.Fatal(err)
		}
		s.AwaitGroup(t, id, "five units, one too many", func(g *groupv1.Group) bool { return g.GetCapacity().GetFulfilled() == 5 })
		if _, err := s.Groups.SetInstanceProtection(t.Context(), &groupv1.SetInstanceProtectionRequest{
			GroupId: id, InstanceIds: []string{strayID}, Protected: true,
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Groups.ResumeProcesses(t.Context(), &groupv1.ResumeProcessesRequest{
			GroupId: id, Processes: []groupv1.Process{groupv1.Process_PROCESS_TERMINATE},
		}); err != nil {
			t.Fatal(err)
		}
		s.AwaitGroup(t, id, "four units", func(g *groupv1.Group) bool { return g.GetCapacity().GetFulfilled() == 4 })
		members := s.Instances(t, id)
		if !slices.ContainsFunc(members, func(i *fleetv1.Instance) bool { return i.GetInstanceId() == strayID }) {
			t.Error("the protected instance was given up")
		}
		request := &groupv1.DetachInstancesRequest{RequestId: "d", GroupId: id, InstanceIds: []string{strayID, "i-none"}, DecrementTarget: true}
		for range 2 { // the second is the same call once more
			detached, err := s.Groups.DetachInstances(t.Context(), request)
			if err != nil || detached.GetGroup().GetSpec().GetTargetCapacity().GetTotal() != 3 {
				t.Fatal(detached, err)
			}
		}
		s.AwaitGroup(t, id, "three units", func(g *groupv1.Group) bool {
			return g.GetCapacity().GetFulfilled() == 3 && g.GetObservedGeneration() == g.GetGeneration() && g.GetFulfillment() == groupv1.Fulfillment_FULFILLMENT_FULFILLED
		})
		if !runs(t, s, strayID) {
			t.Error("the detached instance does not run on")
		}
	})
}

// runs tells whether the cloud has an instance.
func runs(t *testing.T, s *system.System, instanceID string) bool {
	t.Helper()
	listed, err := s.Fleet.ListInstances(t.Context(), &fleetv1.ListInstancesRequest{InstanceIds: []string{instanceID}})
	if err != nil {
		t.Fatal(err)
	}
	return len(listed.GetInstances()) == 1
}

// A dry run of a rebalancing changes nothing; only maintain groups can be
// rebalanced.
func TestRebalance(t *testing.T) {
	inEach(t, system.Options{}, func(t *testing.T, s *system.System) {
		id := create(t, s, &groupv1.CreateGroupRequest{Spec: maintainSpec(0, 20)}).GetGroupId()
		before := s.AwaitFulfilled(t, id)
		told, err := s.Groups.RebalanceGroup(t.Context(), &groupv1.RebalanceGroupRequest{GroupId: id, DryRun: true})
		if err != nil || told.GetActivityId() != "" || told.GetGroup().GetGeneration() != before.GetGeneration() {
			t.Errorf("dry run: %v, %v", told, err)
		}
		spec := maintainSpec(0, 2)
		spec.Type = groupv1.GroupType_GROUP_TYPE_INSTANT
		once := create(t, s, &groupv1.CreateGroupRequest{Spec: spec}).GetGroupId()
		_, err = s.Groups.RebalanceGroup(t.Context(), &groupv1.RebalanceGroupRequest{GroupId: once})
		if status.Code(err) != codes.FailedPrecondition || !rpc.HasReason(err, groupv1.ErrorReason_ERROR_REASON_GROUP_NOT_MAINTAINED) {
			t.Errorf("an instant group: %v", err)
		}
	})
}

// A request group begins when it is valid, makes one attempt, and releases its
// instances when its time is over.
func TestValidity(t *testing.T) {
	inEach(t, system.Options{}, func(t *testing.T, s *system.System) {
		clock, err := s.Simulation.GetClock(t.Context(), &fleetv1.GetClockRequest{})
		if err != nil {
			t.Fatal(err)
		}
		now := clock.GetTime().AsTime()
		spec := maintainSpec(2, 1)
		spec.Type, spec.TerminateInstancesWithExpiration = groupv1.GroupType_GROUP_TYPE_REQUEST, true
		spec.ValidFrom, spec.ValidUntil = timestamppb.New(now.Add(10*time.Minute)), timestamppb.New(now.Add(3*time.Hour))
		group := create(t, s, &groupv1.CreateGroupRequest{Spec: spec})
		if group.GetLifecycle() != groupv1.Lifecycle_LIFECYCLE_SUBMITTED {
			t.Errorf("before its time the group is %v", group.GetLifecycle())
		}
		s.AwaitFulfilled(t, group.GetGroupId())
		for _, instance := range s.Instances(t, group.GetGroupId()) {
			if instance.GetCreateTime().AsTime().Before(spec.GetValidFrom().AsTime()) {
				t.Errorf("%s was launched at %v", instance.GetInstanceId(), instance.GetCreateTime().AsTime())
			}
		}
		s.AwaitGroup(t, group.GetGroupId(), "the end of its time", func(g *groupv1.Group) bool {
			return g.GetLifecycle() == groupv1.Lifecycle_LIFECYCLE_DELETED
		})
		if left := s.Instances(t, group.GetGroupId()); len(left) > 0 {
			t.Errorf("%d instances are left", len(left))
		}
	})
}
