package groupsvc

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// launchAlone launches instances outside of any group.
func (b *bench) launchAlone(requestID, instanceType string, amount int32) []string {
	b.t.Helper()
	resp, err := b.cloud.RunInstances(b.t.Context(), &fleetv1.RunInstancesRequest{
		RequestId: requestID, ZoneId: "zone-a", InstanceType: instanceType, BillingMethod: spot, Amount: amount,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.GetInstanceIds()
}

func (b *bench) attach(id string, instances ...string) error {
	_, err := b.client.AttachInstances(b.t.Context(), &groupv1.AttachInstancesRequest{GroupId: id, InstanceIds: instances})
	return err
}

func (b *bench) detach(request *groupv1.DetachInstancesRequest) *groupv1.DetachInstancesResponse {
	b.t.Helper()
	resp, err := b.client.DetachInstances(b.t.Context(), request)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp
}

func idsOf(instances []*fleetv1.Instance) []string {
	ids := make([]string, len(instances))
	for i, instance := range instances {
		ids[i] = instance.GetInstanceId()
	}
	return ids
}

func TestAttach(t *testing.T) {
	b := newBench(t, "")
	id := b.create(spec(2, 0, 0)).GetGroup().GetGroupId()
	b.settled(time.Minute)
	large := b.launchAlone("alone", "large", 1) // of no candidate, so it weighs one unit
	b.suspend(id, groupv1.Process_PROCESS_TERMINATE)
	if err := b.attach(id, large...); err != nil {
		t.Fatal(err)
	}
	b.settled(time.Second)
	if got := b.group(id).GetCapacity().GetFulfilled(); len(b.members(id)) != 3 || got != 3 {
		t.Errorf("%d members of %v units, want 3 of 3", len(b.members(id)), got)
	}
	last := b.activities(id)[0]
	if last.GetOrigin() != "attach" || !slices.Equal(last.GetAttachedInstanceIds(), large) || last.GetStatus() != groupv1.ActivityStatus_ACTIVITY_STATUS_SUCCESSFUL {
		t.Errorf("the activity is %v", last)
	}
	etag := b.group(id).GetEtag()
	if err := b.attach(id, large...); err != nil || b.group(id).GetEtag() != etag {
		t.Errorf("a member is attached again: %v; etag %s, then %s", err, etag, b.group(id).GetEtag())
	}
	// What is above the target is given up as usual: the dearest first.
	b.resume(id, groupv1.Process_PROCESS_TERMINATE)
	b.settled(time.Minute)
	if members := idsOf(b.members(id)); len(members) != 2 || slices.Contains(members, large[0]) || len(b.cloud.Instances("", "")) != 3 {
		t.Errorf("members are %v, want the two that were launched, and the other runs on", members)
	}
}

func TestAttach_refuses(t *testing.T) {
	b := newBench(t, "")
	id := b.create(spec(1, 0, 0)).GetGroup().GetGroupId()
	other := b.create(spec(1, 0, 0)).GetGroup().GetGroupId()
	b.settled(time.Minute)
	alone := b.launchAlone("alone", "small", 3)
	b.cloud.Notice(alone[1])
	b.cloud.Change(alone[2], func(i *fleetv1.Instance) { i.Status = fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPED })
	for name, refused := range map[string]struct {
		instance string
		code     codes.Code
		reason   groupv1.ErrorReason
	}{
		"not there": {"i-unknown", codes.NotFound, groupv1.ErrorReason_ERROR_REASON_INSTANCE_NOT_FOUND},
		"another's": {b.members(other)[0].GetInstanceId(), codes.FailedPrecondition, groupv1.ErrorReason_ERROR_REASON_INSTANCE_IN_OTHER_GROUP},
		"noticed":   {alone[1], codes.FailedPrecondition, groupv1.ErrorReason_ERROR_REASON_INSTANCE_NOT_USABLE},
		"stopped":   {alone[2], codes.FailedPrecondition, groupv1.ErrorReason_ERROR_REASON_INSTANCE_NOT_USABLE},
	} {
		err := b.attach(id, alone[0], refused.instance)
		if status.Code(err) != refused.code || !rpc.HasReason(err, refused.reason) || metadataOf(err)["instance_id"] != refused.instance {
			t.Errorf("%s: %v with %v", name, err, metadataOf(err))
		}
	}
	b.settled(time.Minute)
	if len(b.members(id)) != 1 {
		t.Errorf("a refused call attached something: %v", b.members(id))
	}
}

// S3: the limits of a group hold for attached instances too.
func TestAttach_keepsToTheLimits(t *testing.T) {
	b := newBench(t, "")
	b.cloud.Sell("zone-a", "small", 100_000, 2_000, 2_000)
	id := b.create(spec(999, 0, 0)).GetGroup().GetGroupId()
	alone := b.launchAlone("alone", "small", 2)
	b.settled(3 * time.Minute)
	if err := b.attach(id, alone...); !rpc.HasReason(err, groupv1.ErrorReason_ERROR_REASON_GROUP_IS_FULL) || status.Code(err) != codes.ResourceExhausted {
		t.Errorf("two instances beside 999: %v", err)
	}
	if err := b.attach(id, alone[0]); err != nil {
		t.Error(err)
	}
}

// Of two groups that attach an instance at the same moment one has it, and the
// other says so: its call was taken, and it counts on it no more.
func TestAttach_twoGroupsAtATime(t *testing.T) {
	for name, first := range map[string]bool{"the second sees the first": true, "the second's tag replaces the first's": false} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "")
			ids := []string{b.create(spec(0, 0, 0)).GetGroup().GetGroupId(), b.create(spec(0, 0, 0)).GetGroup().GetGroupId()}
			alone := b.launchAlone("alone", "small", 1)
			b.settled(time.Minute)
			for _, id := range ids {
				b.suspend(id, groupv1.Process_PROCESS_TERMINATE)
				if err := b.attach(id, alone...); err != nil {
					t.Fatal(err)
				}
			}
			b.cloud.Fault = func(point string) error {
				if point == "after UpdateInstanceTags" && !first {
					b.cloud.Fault = nil
					b.cloud.Change(alone[0], func(i *fleetv1.Instance) { i.Tags[TagGroup] = ids[1] })
				}
				return nil
			}
			b.settled(3 * time.Minute)
			owner := b.cloud.Instances("", "")[0].GetTags()[TagGroup]
			total := b.group(ids[0]).GetCapacity().GetFulfilled() + b.group(ids[1]).GetCapacity().GetFulfilled()
			if total != 1 || b.group(owner).GetCapacity().GetFulfilled() != 1 {
				t.Errorf("together they count %v, want the one of %s", total, owner)
			}
			failures := 0
			for _, id := range ids {
				for _, activity := range b.activities(id) {
					for _, failure := range activity.GetAttachFailures() {
						failures++
						if id == owner || failure.GetInstanceId() != alone[0] || failure.GetErrorCode() != "InstanceInOtherGroup" || failure.GetErrorMessage() == "" ||
							activity.GetStatus() == groupv1.ActivityStatus_ACTIVITY_STATUS_SUCCESSFUL {
							t.Errorf("group %s says %v", id, activity)
						}
					}
				}
			}
			if failures != 1 {
				t.Errorf("told %d times that one did not get it", failures)
			}
		})
	}
}

// S2: a group that lost an instance to another takes it along neither when it is
// deleted nor when it gives it up.
func TestAttach_theLoserLeavesItAlone(t *testing.T) {
	b := newBench(t, "")
	loser, winner := b.create(spec(0, 0, 0)).GetGroup().GetGroupId(), b.create(spec(0, 0, 0)).GetGroup().GetGroupId()
	alone := b.launchAlone("alone", "small", 1)
	b.settled(time.Minute)
	b.suspend(winner, groupv1.Process_PROCESS_TERMINATE)
	if err := b.attach(loser, alone...); err != nil {
		t.Fatal(err)
	}
	b.cloud.Fault = func(point string) error {
		if point == "after UpdateInstanceTags" {
			b.cloud.Fault = nil
			b.cloud.Change(alone[0], func(i *fleetv1.Instance) { i.Tags[TagGroup] = winner })
		}
		return nil
	}
	b.settled(time.Second)
	if _, err := b.client.DeleteGroup(t.Context(), &groupv1.DeleteGroupRequest{GroupId: loser, TerminateInstances: proto.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	b.settled(5 * time.Minute)
	if members := idsOf(b.members(winner)); !slices.Equal(members, alone) || b.group(loser).GetLifecycle() != groupv1.Lifecycle_LIFECYCLE_DELETED {
		t.Errorf("the other group has %v, the deleted one is %v", members, b.group(loser).GetLifecycle())
	}
}

// S2: a detachment that is done again after a crash does not take an instance out
// of the group that has it by then.
func TestDetach_againAfterItHasJoinedAnother(t *testing.T) {
	b := newBench(t, "")
	from, to := b.create(spec(1, 0, 0)).GetGroup().GetGroupId(), b.create(spec(0, 0, 0)).GetGroup().GetGroupId()
	b.settled(time.Minute)
	b.suspend(to, groupv1.Process_PROCESS_TERMINATE)
	leaving := idsOf(b.members(from))
	b.detach(&groupv1.DetachInstancesRequest{GroupId: from, InstanceIds: leaving, DecrementTarget: true})
	b.cloud.Fault = func(point string) error {
		if point == "after UpdateInstanceTags" { // the tag is off, and the answer is lost
			b.cloud.Fault = nil
			b.cloud.Change(leaving[0], func(i *fleetv1.Instance) { i.Tags[TagGroup] = to })
			return status.Error(codes.Unavailable, "lost")
		}
		return nil
	}
	b.settled(5 * time.Minute)
	if members := idsOf(b.members(to)); !slices.Equal(members, leaving) {
		t.Errorf("the group it joined has %v, want %v", members, leaving)
	}
}

func TestDetach(t *testing.T) {
	b := newBench(t, "")
	id := b.create(spec(3, 0, 0)).GetGroup().GetGroupId()
	b.settled(time.Minute)
	first := b.members(id)[0].GetInstanceId()
	resp := b.detach(&groupv1.DetachInstancesRequest{GroupId: id, InstanceIds: []string{first, "i-unknown"}})
	if !slices.Equal(resp.GetMissingInstanceIds(), []string{"i-unknown"}) {
		t.Errorf("missing are %v", resp.GetMissingInstanceIds())
	}
	b.settled(time.Minute)
	members := idsOf(b.members(id))
	if len(members) != 3 || slices.Contains(members, first) || len(b.cloud.Instances("", "")) != 4 {
		t.Errorf("members are %v of %d instances: want three without %s, which runs on", members, len(b.cloud.Instances("", "")), first)
	}
	if origin := b.activities(id)[0].GetOrigin(); origin != "detach" {
		t.Errorf("the activity comes from %q", origin)
	}
	if err := b.attach(id, first); err != nil {
		t.Errorf("what was detached is attached again: %v", err)
	}
}

func TestDetach_lowersTheTargetOnce(t *testing.T) {
	b := newBench(t, "")
	id := b.create(spec(5, 2, 3)).GetGroup().GetGroupId()
	b.settled(time.Minute)
	leaving := idsOf(b.members(id))[:2]
	request := &groupv1.DetachInstancesRequest{RequestId: "once", GroupId: id, InstanceIds: append(leaving, "i-unknown"), DecrementTarget: true}
	for range 2 {
		resp := b.detach(request)
		if target := resp.GetGroup().GetSpec().GetTargetCapacity(); target.GetTotal() != 3 || target.GetPayAsYouGo()+target.GetSpot() != 3 ||
			!slices.Equal(resp.GetMissingInstanceIds(), []string{"i-unknown"}) {
			t.Errorf("the target is %v, missing are %v", target, resp.GetMissingInstanceIds())
		}
		b.settled(time.Minute)
	}
	if len(b.members(id)) != 3 || b.cloud.Created() != 5 {
		t.Errorf("%d members, %d ever launched, want 3 and 5", len(b.members(id)), b.cloud.Created())
	}
	request.InstanceIds = idsOf(b.members(id))
	if _, err := b.client.DetachInstances(t.Context(), request); !rpc.HasReason(err, groupv1.ErrorReason_ERROR_REASON_IDEMPOTENT_PARAMETER_MISMATCH) {
		t.Errorf("another request under the same id: %v", err)
	}
}

// What has not been shown yet can leave too, and counts no more from then on.
func TestDetach_whatIsNotShownYet(t *testing.T) {
	b := newBench(t, "")
	b.cloud.ListDelay = 30 * time.Second
	id := b.create(spec(2, 0, 0)).GetGroup().GetGroupId()
	b.settled(time.Second)
	leaving := idsOf(b.members(id))[:1]
	if missing := b.detach(&groupv1.DetachInstancesRequest{GroupId: id, InstanceIds: leaving}).GetMissingInstanceIds(); len(missing) > 0 {
		t.Fatalf("missing are %v", missing)
	}
	b.settled(5 * time.Minute)
	if members := idsOf(b.members(id)); len(members) != 2 || slices.Contains(members, leaving[0]) || b.cloud.Created() != 3 {
		t.Errorf("members are %v of %d ever launched", members, b.cloud.Created())
	}
}

// byHandLife attaches and detaches.
func byHandLife(b *bench) {
	l := &life{b: b}
	fault := b.cloud.Fault
	b.cloud.Fault = nil // others launch in the cloud, whatever becomes of the service
	alone := b.launchAlone("alone", "small", 2)
	b.cloud.Fault = fault
	l.create(&groupv1.CreateGroupRequest{RequestId: "create", Spec: spec(4, 0, 0)})
	l.pass(3 * time.Minute)
	launching := []groupv1.Process{groupv1.Process_PROCESS_LAUNCH}
	l.again(func() error {
		_, err := b.client.SuspendProcesses(b.t.Context(), &groupv1.SuspendProcessesRequest{GroupId: l.id, Processes: launching})
		return err
	})
	l.update(6)
	l.again(func() error { return b.attach(l.id, alone...) })
	l.pass(3 * time.Minute)
	l.again(func() error {
		_, err := b.client.ResumeProcesses(b.t.Context(), &groupv1.ResumeProcessesRequest{GroupId: l.id, Processes: launching})
		return err
	})
	l.pass(3 * time.Minute)
	l.expect(6, 6)
	leaving := append(idsOf(b.members(l.id))[3:5:5], alone[0])
	l.again(func() error {
		_, err := b.client.DetachInstances(b.t.Context(), &groupv1.DetachInstancesRequest{
			RequestId: "detach", GroupId: l.id, InstanceIds: leaving, DecrementTarget: true,
		})
		return err
	})
	l.pass(3 * time.Minute)
	if total := b.group(l.id).GetSpec().GetTargetCapacity().GetTotal(); total != 3 {
		b.t.Errorf("crash at %q: the target is %d, want 3 (S6)", b.crash.where, total)
	}
	members := idsOf(b.members(l.id))
	if len(members) != 3 || !slices.Contains(members, alone[1]) || b.cloud.Created() != 6 || len(b.cloud.Instances("", "")) != 6 {
		b.t.Errorf("crash at %q: members are %v, %d ever launched", b.crash.where, members, b.cloud.Created())
	}
	b.told.check(l.id, b.activities(l.id))
}
