package groupsvc

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

func (b *bench) suspend(id string, processes ...groupv1.Process) *groupv1.Group {
	b.t.Helper()
	resp, err := b.client.SuspendProcesses(b.t.Context(), &groupv1.SuspendProcessesRequest{GroupId: id, Processes: processes})
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.GetGroup()
}

func (b *bench) resume(id string, processes ...groupv1.Process) *groupv1.Group {
	b.t.Helper()
	resp, err := b.client.ResumeProcesses(b.t.Context(), &groupv1.ResumeProcessesRequest{GroupId: id, Processes: processes})
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.GetGroup()
}

func (b *bench) setTotal(id string, total int32) {
	b.t.Helper()
	_, err := b.client.UpdateGroup(b.t.Context(), &groupv1.UpdateGroupRequest{
		GroupId: id, Spec: &groupv1.GroupSpec{TargetCapacity: &groupv1.TargetCapacity{Total: total}},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"target_capacity.total"}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// condition is the group's of a type; nil when it has none.
func (b *bench) condition(id string, about groupv1.ConditionType) *groupv1.Condition {
	b.t.Helper()
	for _, condition := range b.group(id).GetConditions() {
		if condition.GetType() == about {
			return condition
		}
	}
	return nil
}

const fulfilledCondition = groupv1.ConditionType_CONDITION_TYPE_FULFILLED

func TestSuspend_launching(t *testing.T) {
	b := newBench(t, "")
	id := b.create(spec(4, 0, 0)).GetGroup().GetGroupId()
	b.settled(time.Minute)
	before := b.group(id)
	group := b.suspend(id, groupv1.Process_PROCESS_LAUNCH, groupv1.Process_PROCESS_REBALANCE)
	if group.GetGeneration() != before.GetGeneration() || len(group.GetSuspendedProcesses()) != 2 {
		t.Errorf("suspended %v in generation %d, before %d", group.GetSuspendedProcesses(), group.GetGeneration(), before.GetGeneration())
	}
	if again := b.suspend(id, groupv1.Process_PROCESS_LAUNCH); again.GetEtag() != group.GetEtag() {
		t.Errorf("to suspend what is suspended wrote the group: %s, then %s", group.GetEtag(), again.GetEtag())
	}
	b.cloud.Change(b.members(id)[0].GetInstanceId(), nil)
	b.settled(5 * time.Minute)
	condition := b.condition(id, fulfilledCondition)
	if len(b.members(id)) != 3 || condition.GetReason() != "Suspended" || !strings.HasPrefix(condition.GetMessage(), "3 of 4 units: suspended: launching, rebalancing") {
		t.Errorf("%d members, and the group says %v", len(b.members(id)), condition)
	}
	if fulfillment := b.group(id).GetFulfillment(); fulfillment != groupv1.Fulfillment_FULFILLMENT_ERROR {
		t.Errorf("fulfilment is %v", fulfillment)
	}
	b.resume(id, groupv1.Process_PROCESS_LAUNCH)
	b.settled(time.Second) // the call wakes the group
	if len(b.members(id)) != 4 {
		t.Errorf("%d members once launching is resumed, want 4", len(b.members(id)))
	}
}

// A launch that was decided and of which nobody knows whether it was made, as after
// a crash, is not made while launching is suspended, and once when it is resumed.
func TestSuspend_holdsBackWhatWasDecided(t *testing.T) {
	for _, lost := range []string{"before RunInstances", "after RunInstances"} {
		t.Run(lost, func(t *testing.T) {
			b := newBench(t, "")
			failing := true
			b.cloud.Fault = func(point string) error {
				if point == lost && failing {
					failing = false
					return status.Error(codes.Unavailable, "lost")
				}
				return nil
			}
			id := b.create(spec(4, 0, 0)).GetGroup().GetGroupId()
			b.settled(0) // the launch is stored, and its outcome is not known
			there := b.cloud.Created()
			if failing || there != 0 && lost == "before RunInstances" {
				t.Fatalf("%d launched, the call has failed: %v", there, !failing)
			}
			b.suspend(id, groupv1.Process_PROCESS_LAUNCH)
			b.settled(time.Hour)
			want := map[bool]string{true: "Fulfilled", false: "Suspended"}[there == 4]
			if condition := b.condition(id, fulfilledCondition); b.cloud.Created() != there || condition.GetReason() != want {
				t.Errorf("%d launched while launching is suspended, want %d; the group says %v", b.cloud.Created(), there, condition)
			}
			b.resume(id, groupv1.Process_PROCESS_LAUNCH)
			b.settled(time.Minute)
			if b.cloud.Created() != 4 || len(b.members(id)) != 4 {
				t.Errorf("%d launched and %d members once launching is resumed, want 4", b.cloud.Created(), len(b.members(id)))
			}
		})
	}
}

// The same holds for what a rebalancing has decided.
func TestSuspend_holdsBackMoves(t *testing.T) {
	b := newBench(t, "")
	id := b.create(twoTypes(b, 10)).GetGroup().GetGroupId()
	b.settled(time.Minute)
	b.cloud.SetPrice("first", 200_000)
	failing := true
	b.cloud.Fault = func(point string) error {
		if point == "before RunInstances" && failing {
			failing = false
			return status.Error(codes.Unavailable, "lost")
		}
		return nil
	}
	b.rebalance(&groupv1.RebalanceGroupRequest{GroupId: id, MaxMovedInstances: 4})
	b.settled(0)
	b.suspend(id, groupv1.Process_PROCESS_REBALANCE)
	b.settled(time.Hour)
	if failing || b.cloud.Created() != 10 {
		t.Errorf("%d launched while rebalancing is suspended, want the first 10; the call has failed: %v", b.cloud.Created(), !failing)
	}
	b.resume(id, groupv1.Process_PROCESS_REBALANCE)
	b.settled(5 * time.Minute)
	if members := b.members(id); b.cloud.Created() != 14 || len(members) != 10 || countType(members, "small") != 4 {
		t.Errorf("%d ever launched, %d members, %d of them moved", b.cloud.Created(), len(members), countType(members, "small"))
	}
}

// An attempt that launching was suspended for is made when it is resumed,
// whatever the type.
func TestSuspend_keepsTheAttempt(t *testing.T) {
	b := newBench(t, "")
	request := spec(2, 0, 0)
	request.Type = groupv1.GroupType_GROUP_TYPE_INSTANT
	id := b.create(request).GetGroup().GetGroupId()
	b.suspend(id, groupv1.Process_PROCESS_LAUNCH)
	b.setTotal(id, 5)
	b.settled(5 * time.Minute)
	if len(b.members(id)) != 2 {
		t.Fatalf("%d members while launching is suspended, want 2", len(b.members(id)))
	}
	b.resume(id, groupv1.Process_PROCESS_LAUNCH)
	b.settled(time.Minute)
	if group := b.group(id); len(b.members(id)) != 5 || group.GetLifecycle() != groupv1.Lifecycle_LIFECYCLE_ACTIVE {
		t.Errorf("%d members, want 5; the group is %v", len(b.members(id)), group.GetLifecycle())
	}
}

func TestSuspend_terminatingAndDeletion(t *testing.T) {
	b := newBench(t, "")
	request := spec(4, 0, 0)
	request.ExcessCapacityTerminationPolicy = groupv1.ExcessCapacityTerminationPolicy_EXCESS_CAPACITY_TERMINATION_POLICY_TERMINATION
	request.TerminateInstances = true
	id := b.create(request).GetGroup().GetGroupId()
	b.settled(time.Minute)
	b.suspend(id, groupv1.Process_PROCESS_TERMINATE)
	b.setTotal(id, 1)
	b.settled(5 * time.Minute)
	if len(b.members(id)) != 4 {
		t.Errorf("%d members while terminating is suspended, want 4", len(b.members(id)))
	}
	told := conditionOf(b.group(id), groupv1.ConditionType_CONDITION_TYPE_FULFILLED).GetMessage()
	if want := "1 of 1 units, and 3 instances more that stay while terminating is suspended"; told != want {
		t.Errorf("the group says %q, want %q", told, want)
	}
	if _, err := b.client.DeleteGroup(t.Context(), &groupv1.DeleteGroupRequest{GroupId: id}); err != nil {
		t.Fatal(err)
	}
	b.settled(5 * time.Minute)
	if len(b.members(id)) != 0 {
		t.Errorf("%d members are left of a deleted group", len(b.members(id)))
	}
	_, err := b.client.SuspendProcesses(t.Context(), &groupv1.SuspendProcessesRequest{GroupId: id, Processes: []groupv1.Process{groupv1.Process_PROCESS_LAUNCH}})
	if !rpc.HasReason(err, groupv1.ErrorReason_ERROR_REASON_GROUP_IS_BEING_DELETED) {
		t.Errorf("suspending a deleted group: %v", err)
	}
}

func TestSuspend_replacing(t *testing.T) {
	b := newBench(t, "")
	id := b.create(spec(4, 0, 0)).GetGroup().GetGroupId()
	b.settled(time.Minute)
	b.suspend(id, groupv1.Process_PROCESS_REPLACE)
	b.health.Set(b.members(id)[0].GetInstanceId(), "ProbeFailed", "no answer")
	b.settled(5 * time.Minute)
	if condition := b.condition(id, fulfilledCondition); b.cloud.Created() != 4 || len(b.members(id)) != 4 || condition.GetReason() != "Suspended" {
		t.Errorf("%d launched, %d members; the group says %v", b.cloud.Created(), len(b.members(id)), condition)
	}
	b.resume(id, groupv1.Process_PROCESS_REPLACE)
	b.settled(5 * time.Minute)
	if b.cloud.Created() != 5 || len(b.members(id)) != 4 {
		t.Errorf("%d launched, %d members once replacing is resumed", b.cloud.Created(), len(b.members(id)))
	}
}

func TestProtection(t *testing.T) {
	b := newBench(t, "")
	request := spec(4, 0, 0)
	request.ExcessCapacityTerminationPolicy = groupv1.ExcessCapacityTerminationPolicy_EXCESS_CAPACITY_TERMINATION_POLICY_TERMINATION
	id := b.create(request).GetGroup().GetGroupId()
	b.settled(time.Minute)
	protect := func(protected bool, ids ...string) error {
		_, err := b.client.SetInstanceProtection(t.Context(), &groupv1.SetInstanceProtectionRequest{GroupId: id, InstanceIds: ids, Protected: protected})
		return err
	}
	oldest, next := b.members(id)[0].GetInstanceId(), b.members(id)[1].GetInstanceId()
	if err := protect(true, oldest, next); err != nil {
		t.Fatal(err)
	}
	if err := protect(true, oldest, "i-unknown"); status.Code(err) != codes.NotFound || metadataOf(err)["instance_id"] != "i-unknown" {
		t.Errorf("protecting a stranger: %v", err)
	}
	b.setTotal(id, 1)
	b.settled(5 * time.Minute)
	resp, err := b.client.ListGroupInstances(t.Context(), &groupv1.ListGroupInstancesRequest{GroupId: id})
	if err != nil || len(resp.GetInstances()) != 2 {
		t.Fatalf("left are %v, %v; want the protected ones", resp.GetInstances(), err)
	}
	for _, instance := range resp.GetInstances() {
		if !instance.GetProtected() {
			t.Errorf("%v is left and not protected", instance)
		}
	}
	if err := protect(false, oldest); err != nil {
		t.Fatal(err)
	}
	b.settled(5 * time.Minute)
	if left := b.members(id); len(left) != 1 || left[0].GetInstanceId() != next {
		t.Errorf("left are %v, want %s", left, next)
	}
	b.health.Set(next, "ProbeFailed", "no answer")
	b.settled(5 * time.Minute)
	if left := b.members(id); len(left) != 1 || left[0].GetInstanceId() == next {
		t.Errorf("an unhealthy instance is kept for being protected: %v", left)
	}
	if err := protect(true, next); !rpc.HasReason(err, groupv1.ErrorReason_ERROR_REASON_INSTANCE_NOT_FOUND) {
		t.Errorf("protecting what is gone: %v", err)
	}
}
