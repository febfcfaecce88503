package groupsvc

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/seed-198b1370/muster/pkg/clock"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/cloudtest"
)

func TestInstant_documentedSample(t *testing.T) {
	b := newBench(t, "")
	b.cloud.Sell("cn-shenzhen-d", "ecs.s6-c1m1.small", 60_000, 0, 10)
	resp := b.create(&groupv1.GroupSpec{
		Type:           groupv1.GroupType_GROUP_TYPE_INSTANT,
		TargetCapacity: &groupv1.TargetCapacity{Total: 5, PayAsYouGo: 3, Spot: 2},
		Candidates:     []*groupv1.Candidate{{ZoneId: "cn-shenzhen-d", InstanceType: "ecs.s6-c1m1.small"}},
		PayAsYouGo: &groupv1.PayAsYouGoOptions{
			AllocationStrategy: allocatorv1.PayAsYouGoAllocationStrategy_PAY_AS_YOU_GO_ALLOCATION_STRATEGY_PRIORITIZED,
		},
	})
	want := []*groupv1.LaunchResult{{
		ZoneId: "cn-shenzhen-d", InstanceType: "ecs.s6-c1m1.small", SpotStrategy: groupv1.SpotStrategy_SPOT_STRATEGY_NO_SPOT,
		ErrorCode: "NoInstanceStock", ErrorMessage: "The instanceTypes are out of usage.",
	}, {
		ZoneId: "cn-shenzhen-d", InstanceType: "ecs.s6-c1m1.small", SpotStrategy: groupv1.SpotStrategy_SPOT_STRATEGY_SPOT_AS_PRICE_GO,
		Amount: 2, InstanceIds: []string{"i-00000001", "i-00000002"},
	}}
	if diff := cmp.Diff(want, resp.GetLaunchResults(), protocmp.Transform()); diff != "" {
		t.Errorf("launch results (-want +got):\n%s", diff)
	}
	group := resp.GetGroup()
	if group.GetFulfillment() != groupv1.Fulfillment_FULFILLMENT_ERROR || group.GetConditions()[0].GetReason() != "NoInstanceStock" {
		t.Errorf("fulfillment %v, conditions %v", group.GetFulfillment(), group.GetConditions())
	}
	if group.GetCapacity().GetFulfilled() != 2 || group.GetCapacity().GetFulfilledSpot() != 2 {
		t.Errorf("capacity %v", group.GetCapacity())
	}
	// What it lacks, or loses, it does not get later.
	b.cloud.SetStock(cloudtest.Pool{Zone: "cn-shenzhen-d", Type: "ecs.s6-c1m1.small", Method: payAsYouGo}, 10)
	b.cloud.Change("i-00000001", nil)
	b.settled(10 * time.Minute)
	if got := len(b.members(group.GetGroupId())); got != 1 {
		t.Errorf("%d instances later, want 1", got)
	}
	// Why it came short is told on, with what is there now.
	group = b.group(group.GetGroupId())
	if got := group.GetConditions()[0]; got.GetReason() != "NoInstanceStock" || got.GetMessage() != "1 of 5 units: candidate pools have no stock (1)" ||
		group.GetCapacity().GetFulfilled() != 1 || group.GetFulfillment() != groupv1.Fulfillment_FULFILLMENT_ERROR {
		t.Errorf("later the condition is %v, capacity %v", got, group.GetCapacity())
	}
	// The cloud is away for a while: that is told, and forgotten.
	b.cloud.Fault = func(string) error { return status.Error(codes.Unavailable, "away") }
	b.settled(10 * time.Minute)
	if got := b.group(group.GetGroupId()); got.GetConditions()[0].GetReason() != "Unreachable" || got.GetCapacity().GetFulfilled() != 1 ||
		!strings.HasPrefix(got.GetConditions()[0].GetMessage(), "1 of 5 units as last seen: ") || got.GetFulfillment() != groupv1.Fulfillment_FULFILLMENT_ERROR {
		t.Errorf("while the cloud is away: %v", got)
	}
	b.cloud.Fault = nil
	b.settled(10 * time.Minute)
	if diff := cmp.Diff(group.GetConditions(), b.group(group.GetGroupId()).GetConditions(), protocmp.Transform()); diff != "" {
		t.Errorf("conditions when it is back (-before +after):\n%s", diff)
	}
}

func TestInstant_tokenGivesTheSameAnswer(t *testing.T) {
	b := newBench(t, "")
	request := &groupv1.CreateGroupRequest{RequestId: "token", Spec: spec(5, 2, 2)}
	request.Spec.Type = groupv1.GroupType_GROUP_TYPE_INSTANT
	first, err := b.client.CreateGroup(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	second, err := b.client.CreateGroup(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second, protocmp.Transform()); diff != "" || b.cloud.Created() != 5 {
		t.Errorf("%d instances; answers differ (-first +second):\n%s", b.cloud.Created(), diff)
	}
}

func TestInstant_updateMakesOneMoreAttempt(t *testing.T) {
	b := newBench(t, "")
	asked := spec(6, 0, 6)
	asked.Type = groupv1.GroupType_GROUP_TYPE_INSTANT
	id := b.create(asked).GetGroup().GetGroupId()
	b.settled(time.Minute)
	b.cloud.Change(b.members(id)[0].GetInstanceId(), nil)
	b.update(id, &groupv1.TargetCapacity{Total: 8}, "target_capacity.total")
	b.settled(time.Minute)
	if got := len(b.members(id)); got != 8 {
		t.Fatalf("%d instances after scale-out, want 8", got)
	}
	b.update(id, &groupv1.TargetCapacity{Total: 3, Spot: 3}, "target_capacity")
	b.settled(5 * time.Minute)
	if got := len(b.members(id)); got != 3 {
		t.Errorf("%d instances after scale-in, want 3", got)
	}
	if got := b.group(id); got.GetObservedGeneration() != 3 || got.GetLifecycle() != groupv1.Lifecycle_LIFECYCLE_ACTIVE {
		t.Errorf("generation %d, lifecycle %v", got.GetObservedGeneration(), got.GetLifecycle())
	}
}

func (b *bench) update(id string, target *groupv1.TargetCapacity, paths ...string) *groupv1.Group {
	b.t.Helper()
	resp, err := b.client.UpdateGroup(b.t.Context(), &groupv1.UpdateGroupRequest{
		GroupId: id, Spec: &groupv1.GroupSpec{TargetCapacity: target}, UpdateMask: &fieldmaskpb.FieldMask{Paths: paths},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.GetGroup()
}

func TestMaintain_replacesAtTheNotice(t *testing.T) {
	b := newBench(t, "")
	id := b.create(spec(20, 5, 15)).GetGroup().GetGroupId()
	b.settled(2 * time.Minute)
	group := b.group(id)
	if group.GetFulfillment() != groupv1.Fulfillment_FULFILLMENT_FULFILLED || group.GetCapacity().GetRunning() != 20 {
		t.Fatalf("not delivered: %v", group)
	}
	if group.GetCost().GetMicrosPerHour() != 5*100_000+15*25_000 || group.GetCost().GetAllPayAsYouGoMicrosPerHour() != 20*100_000 {
		t.Errorf("cost %v", group.GetCost())
	}
	noticed := b.members(id)[5:10]
	for _, instance := range noticed {
		b.cloud.Notice(instance.GetInstanceId())
	}
	b.settled(time.Minute) // no event: the periodic look alone (L2)
	if got := len(b.members(id)); got != 25 {
		t.Errorf("%d instances while five have their notice, want 25", got)
	}
	if got := b.group(id).GetCapacity(); got.GetFulfilled() != 20 || got.GetNoticedInstances() != 5 {
		t.Errorf("capacity %v", got)
	}
	for _, instance := range noticed {
		b.cloud.Change(instance.GetInstanceId(), nil)
	}
	b.settled(5 * time.Minute)
	members := b.members(id)
	if len(members) != 20 || countOf(members, spot) != 15 || b.cloud.Created() != 25 {
		t.Errorf("%d members, %d spot, %d ever launched", len(members), countOf(members, spot), b.cloud.Created())
	}
}

func TestMaintain_replacesTheStopped(t *testing.T) {
	b := newBench(t, "")
	id := b.create(spec(4, 2, 2)).GetGroup().GetGroupId()
	b.settled(2 * time.Minute)
	stopped := b.members(id)[0].GetInstanceId()
	b.cloud.Change(stopped, func(i *fleetv1.Instance) { i.Status = fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPED })
	b.settled(2 * time.Minute)
	members := b.members(id)
	if len(members) != 4 || slices.ContainsFunc(members, func(i *fleetv1.Instance) bool { return i.GetInstanceId() == stopped }) {
		t.Errorf("members %v", members)
	}
	latest := b.activities(id)[0]
	if len(latest.GetRemovals()) != 1 || latest.GetRemovals()[0].GetReason() != "unhealthy: stopped" || !latest.GetRemovals()[0].GetReleased() {
		t.Errorf("latest activity %v", latest)
	}
}

func TestMaintain_scalesInByPolicy(t *testing.T) {
	for name, release := range map[string]bool{"released": true, "detached": false} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "")
			asked := spec(250, 50, 0)
			if release {
				asked.ExcessCapacityTerminationPolicy = groupv1.ExcessCapacityTerminationPolicy_EXCESS_CAPACITY_TERMINATION_POLICY_TERMINATION
			}
			id := b.create(asked).GetGroup().GetGroupId()
			b.settled(2 * time.Minute)
			b.update(id, &groupv1.TargetCapacity{Total: 60}, "target_capacity.total")
			b.settled(2 * time.Minute)
			if members := b.members(id); len(members) != 60 || countOf(members, payAsYouGo) != 50 {
				t.Errorf("%d members, %d of them pay-as-you-go", len(members), countOf(members, payAsYouGo))
			}
			want := 250
			if release {
				want = 60
			}
			if left := len(b.cloud.Instances("", "")); left != want {
				t.Errorf("%d instances live on, want %d", left, want)
			}
		})
	}
}

func TestMaintain_aBlindAllocatorIsLedByRefusals(t *testing.T) {
	b := newBench(t, "")
	b.end()
	b.blind = true
	b.start()
	b.cloud.SetStock(cloudtest.Pool{Zone: "zone-a", Type: "small", Method: spot}, 7)
	b.cloud.SetStock(cloudtest.Pool{Zone: "zone-b", Type: "small", Method: spot}, 0)
	asked := spec(20, 0, 20)
	asked.Candidates = append(asked.Candidates, &groupv1.Candidate{ZoneId: "zone-b", InstanceType: "large"})
	id := b.create(asked).GetGroup().GetGroupId()
	b.settled(time.Second)
	if got := len(b.members(id)); got != 20 {
		t.Errorf("%d members after one look, want 20", got)
	}
	results := b.activities(id)[0].GetLaunchResults()
	if len(results) != 3 || results[0].GetAmount() != 7 || results[1].GetErrorCode() != "NoInstanceStock" || results[2].GetAmount() != 13 {
		t.Errorf("launch results %v", results)
	}
}

// TestMaintain_tellsAShortfallOnce also holds that a pool that refused is tried
// again when its time has come (L1, L3).
func TestMaintain_tellsAShortfallOnce(t *testing.T) {
	b := newBench(t, "")
	pools := []cloudtest.Pool{{Zone: "zone-a", Type: "small", Method: spot}, {Zone: "zone-b", Type: "small", Method: spot}}
	for _, pool := range pools {
		b.cloud.SetStock(pool, 3)
	}
	id := b.create(spec(10, 0, 10)).GetGroup().GetGroupId()
	b.settled(time.Hour)
	group := b.group(id)
	if group.GetFulfillment() != groupv1.Fulfillment_FULFILLMENT_ERROR || group.GetCapacity().GetFulfilled() != 6 {
		t.Errorf("fulfillment %v, capacity %v", group.GetFulfillment(), group.GetCapacity())
	}
	if got := b.activities(id); len(got) != 1 || got[0].GetStatus() != groupv1.ActivityStatus_ACTIVITY_STATUS_WARNING {
		t.Errorf("activities %v", got)
	}
	b.cloud.SetStock(pools[0], 100)
	b.settled(time.Minute) // L1
	if got := b.group(id); got.GetFulfillment() != groupv1.Fulfillment_FULFILLMENT_FULFILLED || len(b.members(id)) != 10 {
		t.Errorf("after stock returned: %v, %d members", got.GetFulfillment(), len(b.members(id)))
	}
}

func TestMaintain_saysThatALimitIsReached(t *testing.T) {
	b := newBench(t, "")
	id := b.create(spec(1500, 0, 0)).GetGroup().GetGroupId()
	b.settled(10 * time.Minute)
	got := b.group(id)
	want := "1000 of 1500 units: a group holds at most 1000 instances and 10000 units, and this one holds 1000 instances of 1000 units"
	if condition := got.GetConditions()[0]; condition.GetReason() != "LimitReached" || condition.GetMessage() != want || len(b.members(id)) != 1000 {
		t.Errorf("%d members, condition %v", len(b.members(id)), condition)
	}
}

func TestIDs_keepTheirOrderWhenTheClockGoesBack(t *testing.T) {
	b := newBench(t, t.TempDir())
	first := b.create(spec(2, 0, 0)).GetGroup().GetGroupId()
	b.settled(time.Minute)
	b.clock = clock.NewVirtual(origin.Add(-24 * time.Hour))
	b.cloud.Clock = b.clock
	b.restart()
	second := b.create(spec(2, 0, 0)).GetGroup().GetGroupId()
	b.update(first, &groupv1.TargetCapacity{Total: 3}, "target_capacity.total")
	b.settled(10 * time.Minute)
	groups, err := b.client.ListGroups(t.Context(), &groupv1.ListGroupsRequest{})
	if err != nil || len(groups.GetGroups()) != 2 || groups.GetGroups()[1].GetGroupId() != second {
		t.Errorf("groups %v, %v, want %s last", groups.GetGroups(), err, second)
	}
	if got := b.activities(first); len(got) != 2 || got[0].GetCause() != "target not met: 2 of 3 units" {
		t.Errorf("activities %v, want the one of the update first", got)
	}
}

func TestMaintain_lateListsLaunchNothingTwice(t *testing.T) {
	b := newBench(t, "")
	b.cloud.ListDelay = 40 * time.Second
	id := b.create(spec(150, 0, 150)).GetGroup().GetGroupId()
	b.settled(10 * time.Minute)
	if len(b.members(id)) != 150 || b.cloud.Created() != 150 {
		t.Errorf("%d members, %d ever launched, want 150", len(b.members(id)), b.cloud.Created())
	}
}

// TestDelete ends groups (S2) and sees them forgotten when that is due (L3).
func TestDelete(t *testing.T) {
	for name, release := range map[string]bool{"released": true, "detached": false} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "")
			id := b.create(spec(130, 30, 0)).GetGroup().GetGroupId()
			b.settled(2 * time.Minute)
			resp, err := b.client.DeleteGroup(t.Context(), &groupv1.DeleteGroupRequest{GroupId: id, TerminateInstances: proto.Bool(release)})
			if err != nil || resp.GetGroup().GetLifecycle() != groupv1.Lifecycle_LIFECYCLE_DELETE_RUNNING {
				t.Fatal(resp, err)
			}
			b.settled(time.Minute)
			group := b.group(id)
			if group.GetLifecycle() != groupv1.Lifecycle_LIFECYCLE_DELETED || group.GetDeleteTime() == nil || group.GetNextLookTime() != nil {
				t.Errorf("not deleted: %v", group)
			}
			want := 130
			if release {
				want = 0
			}
			if len(b.members(id)) != 0 || len(b.cloud.Instances("", "")) != want {
				t.Errorf("%d members, %d instances live on, want %d", len(b.members(id)), len(b.cloud.Instances("", "")), want)
			}
			if _, err := b.client.DeleteGroup(t.Context(), &groupv1.DeleteGroupRequest{GroupId: id, Etag: "old"}); err != nil {
				t.Errorf("deleting it again: %v", err)
			}
			b.settled(8 * 24 * time.Hour)
			if _, err := b.client.GetGroup(t.Context(), &groupv1.GetGroupRequest{GroupId: id}); err == nil {
				t.Error("still known after a week")
			}
		})
	}
}
