package groupsvc

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/cloudtest"
)

// twoTypes is a group over a type that gets dear and another.
func twoTypes(b *bench, total int32) *groupv1.GroupSpec {
	b.cloud.Sell("zone-a", "first", 80_000, 1_000, 1_000)
	wanted := spec(total, 0, 0)
	wanted.Candidates = []*groupv1.Candidate{{ZoneId: "zone-a", InstanceType: "first"}, {ZoneId: "zone-a", InstanceType: "small"}}
	return wanted
}

func (b *bench) rebalance(request *groupv1.RebalanceGroupRequest) *groupv1.RebalanceGroupResponse {
	b.t.Helper()
	resp, err := b.client.RebalanceGroup(b.t.Context(), request)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp
}

func countType(instances []*fleetv1.Instance, instanceType string) int {
	count := 0
	for _, instance := range instances {
		if instance.GetInstanceType() == instanceType {
			count++
		}
	}
	return count
}

// running counts the members that run.
func (b *bench) running(id string) int {
	count := 0
	for _, instance := range b.members(id) {
		if instance.GetStatus() == fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING {
			count++
		}
	}
	return count
}

func TestRebalance(t *testing.T) {
	b := newBench(t, "")
	id := b.create(twoTypes(b, 20)).GetGroup().GetGroupId()
	b.settled(time.Minute)
	b.cloud.SetPrice("first", 200_000)
	dry := b.rebalance(&groupv1.RebalanceGroupRequest{GroupId: id, DryRun: true})
	if len(dry.GetMoves()) != 1 || dry.GetMoves()[0].GetRemoveInstances() != 2 || dry.GetSavingMicrosPerHour() != 2*25_000 || dry.GetActivityId() != "" {
		t.Fatalf("a dry run tells %v, want a tenth to move", dry)
	}
	b.settled(time.Minute)
	if countType(b.members(id), "first") != 20 || b.cloud.Created() != 20 {
		t.Fatal("a dry run moved something")
	}
	request := &groupv1.RebalanceGroupRequest{RequestId: "move", GroupId: id, MaxMovedInstances: 5}
	made := b.rebalance(request)
	b.watch = func() {
		if got := b.running(id); got < 20 {
			t.Errorf("%d run during the rebalancing (S4)", got)
		}
	}
	if _, err := b.client.RebalanceGroup(t.Context(), &groupv1.RebalanceGroupRequest{GroupId: id}); !rpc.HasReason(err, groupv1.ErrorReason_ERROR_REASON_REBALANCE_UNDER_WAY) ||
		metadataOf(err)["activity_id"] != made.GetActivityId() {
		t.Errorf("a second one: %v", err)
	}
	if open := b.activities(id)[0]; open.GetActivityId() != made.GetActivityId() || open.GetStatus() != groupv1.ActivityStatus_ACTIVITY_STATUS_IN_PROGRESS || open.GetOrigin() != "rebalance" {
		t.Errorf("the activity is %v", open)
	}
	b.settled(5 * time.Minute)
	members := b.members(id)
	if countType(members, "first") != 15 || countType(members, "small") != 5 || b.cloud.Created() != 25 || len(b.cloud.Instances("", "")) != 20 {
		t.Errorf("%d and %d of %d ever launched", countType(members, "first"), countType(members, "small"), b.cloud.Created())
	}
	last := b.activities(id)[0]
	if last.GetActivityId() != made.GetActivityId() || last.GetStatus() != groupv1.ActivityStatus_ACTIVITY_STATUS_SUCCESSFUL || len(last.GetRemovals()) != 5 ||
		last.GetLaunchResults()[0].GetAmount() != 5 || last.GetRemovals()[0].GetReason() != "rebalancing: moved to small in zone-a" {
		t.Errorf("the activity is %v", last)
	}
	again := b.rebalance(request)
	again.Group, made.Group = nil, nil
	b.settled(5 * time.Minute)
	if !proto.Equal(again, made) || b.cloud.Created() != 25 {
		t.Errorf("the same request again: %v, want %v; %d ever launched", again, made, b.cloud.Created())
	}
}

// A move whose launch is refused ends; what it could not launch for stays.
func TestRebalance_refused(t *testing.T) {
	b := newBench(t, "")
	b.blind = true
	b.end()
	b.start()
	id := b.create(twoTypes(b, 10)).GetGroup().GetGroupId()
	b.settled(time.Minute)
	b.cloud.SetPrice("first", 200_000)
	b.cloud.SetStock(cloudtest.Pool{Zone: "zone-a", Type: "small", Method: spot}, 2)
	b.rebalance(&groupv1.RebalanceGroupRequest{GroupId: id, MaxMovedInstances: 4})
	b.settled(5 * time.Minute)
	if members := b.members(id); countType(members, "first") != 8 || countType(members, "small") != 2 {
		t.Errorf("%d and %d, want what could be launched to have moved", countType(members, "first"), countType(members, "small"))
	}
	if last := b.activities(id)[0]; last.GetStatus() != groupv1.ActivityStatus_ACTIVITY_STATUS_WARNING {
		t.Errorf("the activity is %v", last)
	}
	b.rebalance(&groupv1.RebalanceGroupRequest{GroupId: id, MaxMovedInstances: 4})
	b.settled(5 * time.Minute)
	if last := b.activities(id)[0]; countType(b.members(id), "first") != 8 || last.GetStatus() != groupv1.ActivityStatus_ACTIVITY_STATUS_FAILED {
		t.Errorf("%d members; the activity is %v", len(b.members(id)), last)
	}
}

// A change of the target, of the budget, or of what makes no scheduling task does
// not end what is under way.
func TestRebalance_goesOn(t *testing.T) {
	for name, change := range map[string]struct {
		make    func(b *bench, id string)
		members int
	}{
		"raised":  {func(b *bench, id string) { b.setTotal(id, 12) }, 12}, // by what has moved: it need not be launched again
		"lowered": {func(b *bench, id string) { b.setTotal(id, 8) }, 8},
		"budget": {func(b *bench, id string) {
			b.change(id, &groupv1.GroupSpec{Budget: &groupv1.Budget{MaxMicrosPerHour: 10_000_000}}, "budget")
		}, 10},
		"name": {func(b *bench, id string) { b.change(id, &groupv1.GroupSpec{Name: "another"}, "name") }, 10},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "")
			id := b.create(releasing(twoTypes(b, 10))).GetGroup().GetGroupId()
			b.settled(time.Minute)
			b.cloud.SetPrice("first", 200_000)
			made := b.rebalance(&groupv1.RebalanceGroupRequest{GroupId: id, MaxMovedInstances: 4})
			b.settled(time.Second) // it has launched, and nothing runs yet
			change.make(b, id)
			b.watch = func() {
				if got := b.running(id); got < min(10, change.members) {
					t.Errorf("%d run during the rebalancing (S4)", got)
				}
			}
			b.settled(10 * time.Minute)
			members := b.members(id)
			if len(members) != change.members || countType(members, "small") < 4 || len(b.cloud.Instances("", "")) != change.members {
				t.Errorf("%d members, %d of them moved, want %d and 4 at least", len(members), countType(members, "small"), change.members)
			}
			for _, activity := range b.activities(id) {
				if activity.GetActivityId() == made.GetActivityId() && activity.GetStatus() != groupv1.ActivityStatus_ACTIVITY_STATUS_SUCCESSFUL && change.members == 10 {
					t.Errorf("the activity is %v", activity)
				}
			}
		})
	}
}

// Nothing is launched for a rebalancing once the group's validity is over.
func TestRebalance_endsWithTheValidity(t *testing.T) {
	b := newBench(t, "")
	wanted := twoTypes(b, 10)
	wanted.ValidUntil = timestamppb.New(origin.Add(time.Hour))
	id := b.create(wanted).GetGroup().GetGroupId()
	b.settled(time.Minute)
	b.cloud.SetPrice("first", 200_000)
	b.rebalance(&groupv1.RebalanceGroupRequest{GroupId: id, MaxMovedInstances: 4})
	b.atFirstList(func() { b.clock.Advance(time.Hour) })
	b.settled(10 * time.Minute)
	if got := b.cloud.Created(); got != 10 {
		t.Errorf("%d launched, want the first 10 only", got)
	}
}

// A change of what a move may lead to, and deletion, end what is under way.
func TestRebalance_isCancelled(t *testing.T) {
	for name, cancel := range map[string]func(b *bench, id string){
		"update": func(b *bench, id string) {
			b.change(id, &groupv1.GroupSpec{Candidates: twoTypes(b, 1).GetCandidates()}, "candidates")
		},
		"delete": func(b *bench, id string) {
			if _, err := b.client.DeleteGroup(b.t.Context(), &groupv1.DeleteGroupRequest{GroupId: id, TerminateInstances: proto.Bool(true)}); err != nil {
				b.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "")
			wanted := twoTypes(b, 10)
			wanted.ExcessCapacityTerminationPolicy = groupv1.ExcessCapacityTerminationPolicy_EXCESS_CAPACITY_TERMINATION_POLICY_TERMINATION
			id := b.create(wanted).GetGroup().GetGroupId()
			b.settled(time.Minute)
			b.cloud.SetPrice("first", 200_000)
			made := b.rebalance(&groupv1.RebalanceGroupRequest{GroupId: id, MaxMovedInstances: 4})
			b.settled(time.Second) // it has launched, and nothing runs yet
			cancel(b, id)
			b.settled(10 * time.Minute)
			want := map[string]int{"update": 10, "delete": 0}[name]
			if len(b.members(id)) != want || len(b.cloud.Instances("", "")) != want {
				t.Errorf("%d members of %d instances, want %d", len(b.members(id)), len(b.cloud.Instances("", "")), want)
			}
			for _, activity := range b.activities(id) {
				if activity.GetActivityId() == made.GetActivityId() && activity.GetStatus() != groupv1.ActivityStatus_ACTIVITY_STATUS_WARNING {
					t.Errorf("the activity is %v", activity)
				}
			}
		})
	}
}

func TestRebalance_refuses(t *testing.T) {
	b := newBench(t, "")
	instant := spec(1, 0, 0)
	instant.Type = groupv1.GroupType_GROUP_TYPE_INSTANT
	other := b.create(instant).GetGroup().GetGroupId()
	id := b.create(spec(3, 0, 0)).GetGroup().GetGroupId()
	b.settled(time.Minute)
	b.suspend(id, groupv1.Process_PROCESS_REBALANCE)
	for group, reason := range map[string]groupv1.ErrorReason{
		other: groupv1.ErrorReason_ERROR_REASON_GROUP_NOT_MAINTAINED, id: groupv1.ErrorReason_ERROR_REASON_PROCESS_SUSPENDED,
		"apg-unknown": groupv1.ErrorReason_ERROR_REASON_GROUP_NOT_FOUND,
	} {
		if _, err := b.client.RebalanceGroup(t.Context(), &groupv1.RebalanceGroupRequest{GroupId: group}); !rpc.HasReason(err, reason) {
			t.Errorf("%s: %v, want %v", group, err, reason)
		}
	}
	if resp := b.rebalance(&groupv1.RebalanceGroupRequest{GroupId: id, DryRun: true}); len(resp.GetMoves()) > 0 {
		t.Errorf("nothing is better elsewhere, and the dry run tells %v", resp)
	}
}

// moveLife goes through a rebalancing.
func moveLife(b *bench) {
	l := &life{b: b}
	request := &groupv1.CreateGroupRequest{RequestId: "create", Spec: twoTypes(b, 12)}
	l.create(request)
	l.pass(3 * time.Minute)
	l.expect(12, 12)
	b.cloud.SetPrice("first", 200_000)
	l.again(func() error {
		_, err := b.client.RebalanceGroup(b.t.Context(), &groupv1.RebalanceGroupRequest{RequestId: "move", GroupId: l.id, MaxMovedInstances: 5})
		return err
	})
	b.watch = func() {
		if got := b.running(l.id); got < 12 {
			b.t.Errorf("crash at %q: %d run during the rebalancing (S4)", b.crash.where, got)
		}
	}
	l.pass(5 * time.Minute)
	l.expect(12, 17)
	if got := countType(b.members(l.id), "small"); got != 5 {
		b.t.Errorf("crash at %q: %d have moved, want 5", b.crash.where, got)
	}
	b.told.check(l.id, b.activities(l.id))
}
