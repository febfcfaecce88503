package robust_test

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/test/system"
)

// S2, S6, L1: each service alone is killed while a group is scaled, and started
// again on its folder and port. The others find it again, and the group ends at
// its target.
func TestKillEachService(t *testing.T) {
	services, running := system.StartProcesses(t, binary, system.Options{Speed: 100})
	created, err := running.Groups.CreateGroup(t.Context(), createRequest("through-kills"))
	if err != nil {
		t.Fatal(err)
	}
	group := created.GetGroup()
	running.AwaitFulfilled(t, group.GetGroupId())
	total := int32(target)
	for _, process := range []**system.Process{&services.Allocator, &services.Healthcheck, &services.Fleetsim, &services.Groupsvc} {
		total -= 50
		scale(t, running, group.GetGroupId(), total)
		(*process).Kill()
		*process = (*process).Restart(t)
		running.AwaitGroup(t, group.GetGroupId(), "the group at its new target", func(g *groupv1.Group) bool {
			return g.GetObservedGeneration() == g.GetGeneration() && g.GetFulfillment() == groupv1.Fulfillment_FULFILLMENT_FULFILLED &&
				g.GetCapacity().GetInstances() == total
		})
		if live := running.Instances(t, ""); len(live) != int(total) {
			t.Errorf("the fleet has %d instances, want %d", len(live), total)
		}
	}
	running.AssertEvents(t, group.GetGroupId())
}

// scale asks for a new total; the call is repeated under its request id until it
// is answered.
func scale(t *testing.T, running *system.System, groupID string, total int32) {
	t.Helper()
	system.Eventually(t, "the answer to the update", func() (bool, any) {
		_, err := running.Groups.UpdateGroup(t.Context(), &groupv1.UpdateGroupRequest{
			RequestId: fmt.Sprintf("scale-to-%d", total), GroupId: groupID,
			Spec:       &groupv1.GroupSpec{TargetCapacity: &groupv1.TargetCapacity{Total: total, PayAsYouGo: 100, Spot: 100}},
			UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"target_capacity.total", "target_capacity.spot"}},
		})
		return err == nil, err
	})
}
