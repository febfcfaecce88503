package e2e_test

import (
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/test/system"
)

// maintainSpec is a group of spot and pay-as-you-go units over several pools.
func maintainSpec(payAsYouGo, spot int32) *groupv1.GroupSpec {
	spec := &groupv1.GroupSpec{
		Type:                            groupv1.GroupType_GROUP_TYPE_MAINTAIN,
		TargetCapacity:                  &groupv1.TargetCapacity{Total: payAsYouGo + spot, PayAsYouGo: payAsYouGo, Spot: spot},
		Spot:                            &groupv1.SpotOptions{PoolsToUse: 3},
		ExcessCapacityTerminationPolicy: groupv1.ExcessCapacityTerminationPolicy_EXCESS_CAPACITY_TERMINATION_POLICY_TERMINATION,
		TerminateInstances:              true,
	}
	for _, instanceType := range []string{"ecs.c6.large", "ecs.g6.large"} {
		for _, zone := range []string{"cn-shenzhen-d", "cn-shenzhen-e", "cn-shenzhen-f"} {
			spec.Candidates = append(spec.Candidates, &groupv1.Candidate{ZoneId: zone, InstanceType: instanceType})
		}
	}
	return spec
}

func create(t *testing.T, s *system.System, request *groupv1.CreateGroupRequest) *groupv1.Group {
	t.Helper()
	created, err := s.Groups.CreateGroup(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	return created.GetGroup()
}

// biggestSpotPool names the pool that holds most of a group's spot instances.
func biggestSpotPool(instances []*fleetv1.Instance) *fleetv1.PoolSelector {
	type pool struct{ zone, instanceType string }
	held := map[pool]int{}
	var biggest pool
	for _, instance := range instances {
		if instance.GetBillingMethod() != spot {
			continue
		}
		key := pool{instance.GetZoneId(), instance.GetInstanceType()}
		held[key]++
		if held[key] > held[biggest] {
			biggest = key
		}
	}
	return &fleetv1.PoolSelector{ZoneId: biggest.zone, InstanceType: biggest.instanceType, BillingMethod: spot}
}

// reclaimBiggestPool reclaims a group's biggest spot pool and returns the ids of
// its instances.
func reclaimBiggestPool(t *testing.T, s *system.System, groupID string) map[string]bool {
	t.Helper()
	before := s.Instances(t, groupID)
	pool := biggestSpotPool(before)
	reclaimed := map[string]bool{}
	for _, instance := range before {
		if instance.GetZoneId() == pool.GetZoneId() && instance.GetInstanceType() == pool.GetInstanceType() && instance.GetBillingMethod() == spot {
			reclaimed[instance.GetInstanceId()] = true
		}
	}
	answer, err := s.Simulation.ReclaimInstances(t.Context(), &fleetv1.ReclaimInstancesRequest{
		Target: &fleetv1.ReclaimInstancesRequest_Pools{Pools: pool},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := int(answer.GetNoticedInstances() + answer.GetDeferredInstances()); got != len(reclaimed) {
		t.Fatalf("%d instances are reclaimed, want the pool's %d", got, len(reclaimed))
	}
	return reclaimed
}

// awaitReplaced waits until the reclaimed instances are gone and the group is at
// its target again, and returns its instances.
func awaitReplaced(t *testing.T, s *system.System, group *groupv1.Group, reclaimed map[string]bool) []*fleetv1.Instance {
	t.Helper()
	system.Eventually(t, "the release of the reclaimed instances", func() (bool, any) {
		left := 0
		for _, instance := range s.Instances(t, group.GetGroupId()) {
			if reclaimed[instance.GetInstanceId()] {
				left++
			}
		}
		return left == 0, left
	})
	s.AwaitGroup(t, group.GetGroupId(), "the group back at its target", func(g *groupv1.Group) bool {
		return int(g.GetCapacity().GetInstances()) == int(g.GetSpec().GetTargetCapacity().GetTotal()) &&
			g.GetFulfillment() == groupv1.Fulfillment_FULFILLMENT_FULFILLED
	})
	return s.Instances(t, group.GetGroupId())
}

// L1: a group is back at its target after a reclaim, with replacements launched
// at the notice.
func TestMaintain_replacesAtTheNotice(t *testing.T) {
	inEach(t, system.Options{Speed: 1200}, func(t *testing.T, s *system.System) {
		group := create(t, s, &groupv1.CreateGroupRequest{Spec: maintainSpec(5, 30)})
		s.AwaitFulfilled(t, group.GetGroupId())
		// Slow enough that five minutes leave time to act in.
		s.SetSpeed(t, 60)
		reclaimed := reclaimBiggestPool(t, s, group.GetGroupId())
		s.SetSpeed(t, 3600) // to the end of the protection
		system.Eventually(t, "the notices", func() (bool, any) {
			noticed := 0
			for _, instance := range s.Instances(t, group.GetGroupId()) {
				if instance.GetInterruptionNoticeTime() != nil {
					noticed++
				}
			}
			return noticed > 0, noticed
		})
		s.SetSpeed(t, 60)
		after := awaitReplaced(t, s, group, reclaimed)
		if len(after) != 35 {
			t.Errorf("the fleet has %d instances of the group, want 35", len(after))
		}
		assertReplacedBeforeRelease(t, s, group.GetGroupId())
	})
}

// assertReplacedBeforeRelease reads the fleet's own journal: as many instances
// were created after the first notice as were noticed, and all of that before
// the first release.
func assertReplacedBeforeRelease(t *testing.T, s *system.System, groupID string) {
	t.Helper()
	noticed, createdAfterNotice := 0, 0
	for _, transition := range s.Transitions(t, groupID) {
		switch transition.GetKind() {
		case fleetv1.TransitionKind_TRANSITION_KIND_INTERRUPTION_NOTICE:
			noticed++
		case fleetv1.TransitionKind_TRANSITION_KIND_CREATED:
			if noticed > 0 {
				createdAfterNotice++
			}
		case fleetv1.TransitionKind_TRANSITION_KIND_RELEASED:
			if noticed == 0 || createdAfterNotice != noticed {
				t.Errorf("at the first release %d instances were noticed and %d launched to replace them", noticed, createdAfterNotice)
			}
			return
		default:
		}
	}
	t.Error("nothing was released")
}

// L2: without events the periodic look gets there.
func TestMaintain_withoutEvents(t *testing.T) {
	inEach(t, system.Options{Speed: 1200, WithoutEvents: true}, func(t *testing.T, s *system.System) {
		group := create(t, s, &groupv1.CreateGroupRequest{Spec: maintainSpec(0, 20)})
		s.AwaitFulfilled(t, group.GetGroupId())
		reclaimed := reclaimBiggestPool(t, s, group.GetGroupId())
		if after := awaitReplaced(t, s, group, reclaimed); len(after) != 20 {
			t.Errorf("the fleet has %d instances of the group, want 20", len(after))
		}
	})
}

// L1: a group that was short for lack of stock is delivered once there is some.
func TestMaintain_waitsForStock(t *testing.T) {
	inEach(t, system.Options{}, func(t *testing.T, s *system.System) {
		for _, instanceType := range []string{"ecs.c6.large", "ecs.g6.large"} {
			s.Drain(t, &fleetv1.PoolSelector{InstanceType: instanceType})
		}
		s.AwaitSoldOut(t, "cn-shenzhen-d", "ecs.g6.large", spot)
		group := create(t, s, &groupv1.CreateGroupRequest{Spec: maintainSpec(2, 10)})
		short := s.AwaitGroup(t, group.GetGroupId(), "a look that finds no stock", func(g *groupv1.Group) bool {
			return g.GetFulfillment() == groupv1.Fulfillment_FULFILLMENT_ERROR
		})
		if conditions := short.GetConditions(); len(conditions) == 0 || conditions[0].GetHolds() || conditions[0].GetReason() == "" || conditions[0].GetMessage() == "" {
			t.Errorf("the group does not say why it is short: %v", conditions)
		}
		if _, err := s.Simulation.RestorePools(t.Context(), &fleetv1.RestorePoolsRequest{Pools: &fleetv1.PoolSelector{}}); err != nil {
			t.Fatal(err)
		}
		s.AwaitFulfilled(t, group.GetGroupId())
	})
}

func TestUpdate_scalesOutAndIn(t *testing.T) {
	inEach(t, system.Options{}, func(t *testing.T, s *system.System) {
		group := create(t, s, &groupv1.CreateGroupRequest{Spec: maintainSpec(4, 10)})
		s.AwaitFulfilled(t, group.GetGroupId())
		for _, target := range []int32{30, 6} {
			updated, err := s.Groups.UpdateGroup(t.Context(), &groupv1.UpdateGroupRequest{
				GroupId: group.GetGroupId(), Spec: &groupv1.GroupSpec{TargetCapacity: &groupv1.TargetCapacity{Total: target, PayAsYouGo: 4, Spot: 2}},
				UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"target_capacity.total", "target_capacity.spot"}},
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := updated.GetGroup().GetSpec().GetTargetCapacity(); got.GetTotal() != target || got.GetPayAsYouGo() != 4 {
				t.Errorf("the targets are %v after the update", got)
			}
			s.AwaitFulfilled(t, group.GetGroupId())
			system.Eventually(t, "the instances at the new target", func() (bool, any) {
				live := len(s.Instances(t, group.GetGroupId()))
				return live == int(target), live
			})
		}
	})
}

func TestUpdate_refuses(t *testing.T) {
	inEach(t, system.Options{}, func(t *testing.T, s *system.System) {
		group := create(t, s, &groupv1.CreateGroupRequest{Spec: maintainSpec(1, 1)})
		for name, test := range map[string]struct {
			request *groupv1.UpdateGroupRequest
			code    codes.Code
			reason  rpc.Reason
		}{
			"stale etag": {
				&groupv1.UpdateGroupRequest{GroupId: group.GetGroupId(), Etag: "stale", Spec: &groupv1.GroupSpec{TargetCapacity: &groupv1.TargetCapacity{Total: 3}},
					UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"target_capacity.total"}}},
				codes.FailedPrecondition, groupv1.ErrorReason_ERROR_REASON_ETAG_MISMATCH,
			},
			"unknown group": {
				&groupv1.UpdateGroupRequest{GroupId: "apg-none", Spec: &groupv1.GroupSpec{TargetCapacity: &groupv1.TargetCapacity{Total: 3}},
					UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"target_capacity.total"}}},
				codes.NotFound, groupv1.ErrorReason_ERROR_REASON_GROUP_NOT_FOUND,
			},
			"sum above total": {
				&groupv1.UpdateGroupRequest{GroupId: group.GetGroupId(), Spec: &groupv1.GroupSpec{TargetCapacity: &groupv1.TargetCapacity{Total: 1}},
					UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"target_capacity.total"}}},
				codes.InvalidArgument, nil,
			},
			"a field that can not be changed": {
				&groupv1.UpdateGroupRequest{GroupId: group.GetGroupId(), UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"type"}}},
				codes.InvalidArgument, nil,
			},
		} {
			t.Run(name, func(t *testing.T) {
				_, err := s.Groups.UpdateGroup(t.Context(), test.request)
				if status.Code(err) != test.code || test.reason != nil && !rpc.HasReason(err, test.reason) {
					t.Errorf("got %v, want %v %v", err, test.code, test.reason)
				}
			})
		}
	})
}

// S2: a deleted group ends with none of its instances, or with all of them
// running on outside of it.
func TestDelete(t *testing.T) {
	for name, terminate := range map[string]bool{"terminates": true, "detaches": false} {
		t.Run(name, func(t *testing.T) {
			inEach(t, system.Options{}, func(t *testing.T, s *system.System) {
				group := create(t, s, &groupv1.CreateGroupRequest{Spec: maintainSpec(3, 9)})
				s.AwaitFulfilled(t, group.GetGroupId())
				if _, err := s.Groups.DeleteGroup(t.Context(), &groupv1.DeleteGroupRequest{GroupId: group.GetGroupId(), TerminateInstances: &terminate}); err != nil {
					t.Fatal(err)
				}
				s.AwaitGroup(t, group.GetGroupId(), "the end of the group", func(g *groupv1.Group) bool {
					return g.GetLifecycle() == groupv1.Lifecycle_LIFECYCLE_DELETED
				})
				if members := s.Instances(t, group.GetGroupId()); len(members) != 0 {
					t.Errorf("%d instances still carry the deleted group's tag", len(members))
				}
				left := 12
				if terminate {
					left = 0
				}
				if live := s.Instances(t, ""); len(live) != left {
					t.Errorf("%d instances live on, want %d", len(live), left)
				}
				if _, err := s.Groups.UpdateGroup(t.Context(), &groupv1.UpdateGroupRequest{
					GroupId: group.GetGroupId(), Spec: &groupv1.GroupSpec{TargetCapacity: &groupv1.TargetCapacity{Total: 30}},
					UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"target_capacity.total"}},
				}); !rpc.HasReason(err, groupv1.ErrorReason_ERROR_REASON_GROUP_IS_BEING_DELETED) {
					t.Errorf("a deleted group was changed: %v", err)
				}
			})
		})
	}
}

func TestClientToken(t *testing.T) {
	inEach(t, system.Options{}, func(t *testing.T, s *system.System) {
		spec := maintainSpec(0, 4)
		spec.Type = groupv1.GroupType_GROUP_TYPE_INSTANT
		request := &groupv1.CreateGroupRequest{RequestId: "once", Spec: spec}
		first, err := s.Groups.CreateGroup(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		again, err := s.Groups.CreateGroup(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		if again.GetGroup().GetGroupId() != first.GetGroup().GetGroupId() || len(again.GetLaunchResults()) != len(first.GetLaunchResults()) {
			t.Errorf("the second answer differs: %v, first was %v", again, first)
		}
		request.Spec.TargetCapacity.Total++
		if _, err := s.Groups.CreateGroup(t.Context(), request); !rpc.HasReason(err, groupv1.ErrorReason_ERROR_REASON_IDEMPOTENT_PARAMETER_MISMATCH) {
			t.Errorf("the token was accepted with other parameters: %v", err)
		}
		if live := s.Instances(t, ""); len(live) != 4 {
			t.Errorf("%d instances live, want 4", len(live))
		}
	})
}

func TestActivities_tellWhatWasDone(t *testing.T) {
	inEach(t, system.Options{}, func(t *testing.T, s *system.System) {
		group := create(t, s, &groupv1.CreateGroupRequest{Spec: maintainSpec(2, 6)})
		s.AwaitFulfilled(t, group.GetGroupId())
		listed, err := s.Groups.ListActivities(t.Context(), &groupv1.ListActivitiesRequest{GroupId: group.GetGroupId()})
		if err != nil {
			t.Fatal(err)
		}
		launched := 0
		for _, activity := range listed.GetActivities() {
			for _, result := range activity.GetLaunchResults() {
				launched += len(result.GetInstanceIds())
			}
			if activity.GetStatus() != groupv1.ActivityStatus_ACTIVITY_STATUS_SUCCESSFUL || activity.GetCause() == "" || activity.GetEndTime() == nil {
				t.Errorf("activity is %v", activity)
			}
		}
		if launched != 8 {
			t.Errorf("activities tell of %d launched instances, want 8", launched)
		}
	})
}
