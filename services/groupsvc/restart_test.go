package groupsvc

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/cloudtest"
)

// stopSpec is a group whose instances a reclaim stops.
func stopSpec(total int32) *groupv1.GroupSpec {
	wanted := spec(total, 0, 0)
	wanted.Spot = &groupv1.SpotOptions{
		InterruptionBehavior: fleetv1.InterruptionBehavior_INTERRUPTION_BEHAVIOR_STOP, StoppedRetention: durationpb.New(2 * time.Hour),
	}
	return wanted
}

var smallA = cloudtest.Pool{Zone: "zone-a", Type: "small", Method: spot}

func (b *bench) sellOut(pools ...cloudtest.Pool) {
	for _, pool := range pools {
		b.cloud.SetStock(pool, 0)
	}
}

func TestRestart_beforeLaunching(t *testing.T) {
	b := newBench(t, "")
	id := b.create(stopSpec(3)).GetGroup().GetGroupId()
	b.settled(time.Minute)
	stopped := b.members(id)[0].GetInstanceId()
	b.cloud.Reclaim(stopped)
	b.settled(time.Minute)
	if b.cloud.Created() != 3 || b.cloud.Started() != 1 || len(b.members(id)) != 3 || b.group(id).GetCapacity().GetFulfilled() != 3 {
		t.Errorf("%d launched, %d started, %d members", b.cloud.Created(), b.cloud.Started(), len(b.members(id)))
	}
	restarts := b.activities(id)[0].GetRestarts()
	if len(restarts) != 1 || restarts[0].GetInstanceId() != stopped || restarts[0].GetErrorCode() != "" {
		t.Errorf("the activity tells of restarts %v", restarts)
	}
}

func TestRestart_refusedLaunchesInstead(t *testing.T) {
	b := newBench(t, "")
	id := b.create(stopSpec(3)).GetGroup().GetGroupId()
	b.settled(time.Minute)
	b.cloud.Reclaim(b.members(id)[0].GetInstanceId())
	b.sellOut(smallA)
	b.settled(time.Minute)
	if b.cloud.Created() != 4 || b.cloud.Started() != 0 || b.group(id).GetCapacity().GetFulfilled() != 3 || b.group(id).GetCapacity().GetStoppedInstances() != 1 {
		t.Errorf("%d launched, %d started, capacity %v", b.cloud.Created(), b.cloud.Started(), b.group(id).GetCapacity())
	}
	if restarts := b.activities(id)[0].GetRestarts(); len(restarts) != 1 || restarts[0].GetErrorCode() != "NoInstanceStock" || restarts[0].GetErrorMessage() == "" {
		t.Errorf("the activity tells of restarts %v", restarts)
	}
	b.settled(2 * time.Hour)
	if len(b.members(id)) != 3 {
		t.Errorf("%d members when the stopped one has been kept for long enough, want 3", len(b.members(id)))
	}
	if last := b.activities(id)[0].GetRemovals(); len(last) != 1 || !last[0].GetReleased() || last[0].GetReason() != "stopped for 2h0m0s" {
		t.Errorf("removals are %v", last)
	}
}

// What somebody stopped in economical mode is not started against their word: it
// is replaced and released, as all that stopped without a reclaim.
func TestRestart_notWhatSomebodyStopped(t *testing.T) {
	b := newBench(t, "")
	id := b.create(stopSpec(3)).GetGroup().GetGroupId()
	b.settled(time.Minute)
	stopped := b.members(id)[0].GetInstanceId()
	b.cloud.Reclaim(stopped)
	b.cloud.Change(stopped, func(i *fleetv1.Instance) { i.StatusReason = fleetv1.TransitionReason_TRANSITION_REASON_REQUESTED })
	b.settled(2 * time.Minute)
	members := idsOf(b.members(id))
	if b.cloud.Started() != 0 || b.cloud.Created() != 4 || len(members) != 3 || slices.Contains(members, stopped) {
		t.Errorf("%d started, %d launched, members %v, want %s replaced", b.cloud.Started(), b.cloud.Created(), members, stopped)
	}
}

// A refused restart is tried again after twice the time, as a pool is.
func TestRestart_backsOff(t *testing.T) {
	b := newBench(t, "")
	id := b.create(stopSpec(2)).GetGroup().GetGroupId()
	b.settled(time.Minute)
	b.cloud.Reclaim(b.members(id)[0].GetInstanceId())
	b.sellOut(smallA, cloudtest.Pool{Zone: "zone-b", Type: "small", Method: spot})
	tries := 0
	b.cloud.Fault = func(point string) error {
		if point == "before StartInstances" {
			tries++
		}
		return nil
	}
	b.settled(16 * time.Minute)
	if tries < 4 || tries > 7 {
		t.Errorf("tried %d times in 16 minutes, want about 30 s, 1, 2, 4, 8 minutes apart", tries)
	}
	b.cloud.SetStock(smallA, 1)
	b.settled(20 * time.Minute)
	if b.cloud.Started()+b.cloud.Created() != 3 || b.group(id).GetCapacity().GetFulfilled() != 2 {
		t.Errorf("%d started, %d launched, capacity %v", b.cloud.Started(), b.cloud.Created(), b.group(id).GetCapacity())
	}
}

// stopLife goes through reclaims that stop instances.
func stopLife(b *bench) {
	l := &life{b: b}
	request := &groupv1.CreateGroupRequest{RequestId: "create", Spec: stopSpec(5)}
	l.create(request)
	l.pass(3 * time.Minute)
	l.expect(5, 5)
	for _, instance := range b.members(l.id)[:2] {
		b.cloud.Reclaim(instance.GetInstanceId())
	}
	l.pass(3 * time.Minute)
	l.expect(5, 5)
	if b.cloud.Started() != 2 {
		b.t.Errorf("crash at %q: %d started, want 2 (S1)", b.crash.where, b.cloud.Started())
	}
	b.told.check(l.id, b.activities(l.id))
}
