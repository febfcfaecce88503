package groupsvc

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// undeletable has the cloud refuse to release an instance until it is allowed
// again.
func (b *bench) undeletable(id string, refuse bool) {
	b.cloud.Change(id, func(i *fleetv1.Instance) { i.DeletionProtection = refuse })
}

// L1: an instance that the cloud must not release is not chosen as excess, and
// keeps none of the others.
func TestUndeletable_isNotExcess(t *testing.T) {
	b := newBench(t, "")
	id := b.create(releasing(spec(10, 0, 0))).GetGroup().GetGroupId()
	b.settled(time.Minute)
	first := b.members(id)[0].GetInstanceId() // the oldest, which would go first
	b.undeletable(first, true)
	b.setTotal(id, 4)
	b.settled(5 * time.Minute)
	group := b.group(id)
	if members := idsOf(b.members(id)); len(members) != 4 || !slices.Contains(members, first) || group.GetFulfillment() != groupv1.Fulfillment_FULFILLMENT_FULFILLED {
		t.Errorf("members are %v, want four and %s among them; %v", members, first, group.GetConditions())
	}
}

// One that is unhealthy is replaced; the others that go with it are released, and
// it itself when it may be. It is no trouble that a group waits for.
func TestUndeletable_keepsNoOthers(t *testing.T) {
	b := newBench(t, "")
	asked := spec(10, 0, 10)
	asked.Health = &groupv1.HealthOptions{MaxUnhealthyReplacementPercent: 100}
	id := b.create(asked).GetGroup().GetGroupId()
	b.settled(time.Minute)
	ill := idsOf(b.members(id))[:3]
	for _, instance := range ill {
		b.health.Set(instance, "ProbeFailed", "no answer")
	}
	b.undeletable(ill[1], true)
	calls := 0
	b.cloud.Fault = func(point string) error {
		if point == "before DeleteInstances" {
			calls++
		}
		return nil
	}
	b.settled(10 * time.Minute)
	members := idsOf(b.members(id))
	if len(members) != 11 || slices.Contains(members, ill[0]) || slices.Contains(members, ill[2]) || b.cloud.Created() != 13 {
		t.Errorf("members are %v of %d ever launched, want ten well ones beside %s", members, b.cloud.Created(), ill[1])
	}
	if fulfilled := b.group(id).GetConditions()[0]; !fulfilled.GetHolds() {
		t.Errorf("the condition is %v", fulfilled)
	}
	if calls > 20 {
		t.Errorf("asked to release %d times in ten minutes", calls)
	}
	b.undeletable(ill[1], false)
	b.settled(2 * time.Minute)
	if got := len(b.members(id)); got != 10 {
		t.Errorf("%d members when it may be released, want 10", got)
	}
}

// S2: a group that is deleted with one ends when that may be released, and says
// what it waits for.
func TestUndeletable_holdsUpTheEnd(t *testing.T) {
	b := newBench(t, "")
	id := b.create(spec(10, 0, 10)).GetGroup().GetGroupId()
	b.settled(time.Minute)
	first := b.members(id)[0].GetInstanceId()
	b.undeletable(first, true)
	if _, err := b.client.DeleteGroup(t.Context(), &groupv1.DeleteGroupRequest{GroupId: id, TerminateInstances: proto.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	b.settled(5 * time.Minute)
	group := b.group(id)
	if members := idsOf(b.members(id)); !slices.Equal(members, []string{first}) || group.GetLifecycle() != groupv1.Lifecycle_LIFECYCLE_DELETE_RUNNING {
		t.Errorf("members are %v, lifecycle %v, want %s left", members, group.GetLifecycle(), first)
	}
	if message := group.GetConditions()[0].GetMessage(); !strings.Contains(message, "protected from deletion") || !strings.Contains(message, first) {
		t.Errorf("the group says %q", message)
	}
	b.undeletable(first, false)
	b.settled(5 * time.Minute)
	if got := b.group(id).GetLifecycle(); got != groupv1.Lifecycle_LIFECYCLE_DELETED || len(b.cloud.Instances("", "")) != 0 {
		t.Errorf("lifecycle %v, %d instances left", got, len(b.cloud.Instances("", "")))
	}
}
