package groupsvc

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/cloudtest"
)

// ill makes members unhealthy.
func (b *bench) ill(members []*fleetv1.Instance) {
	for _, instance := range members {
		b.health.Set(instance.GetInstanceId(), "ProbeFailed", "tcp :80: no answer")
	}
}

func isIll(instance *fleetv1.Instance, ill []*fleetv1.Instance) bool {
	return slices.ContainsFunc(ill, func(i *fleetv1.Instance) bool { return i.GetInstanceId() == instance.GetInstanceId() })
}

func conditionOf(group *groupv1.Group, about groupv1.ConditionType) *groupv1.Condition {
	for _, condition := range group.GetConditions() {
		if condition.GetType() == about {
			return condition
		}
	}
	return nil
}

// TestUnhealthy_areReplacedByShares makes most of a group unhealthy at once: it
// launches first, by a fifth of the target at a time, and no healthy capacity
// goes (S4).
func TestUnhealthy_areReplacedByShares(t *testing.T) {
	b := newBench(t, "")
	id := b.create(spec(10, 0, 10)).GetGroup().GetGroupId()
	b.settled(time.Minute)
	ill := b.members(id)[:7]
	b.ill(ill)
	healthy := 3
	b.watch = func() {
		members := b.members(id)
		well := 0
		for _, instance := range members {
			if !isIll(instance, ill) {
				well++
			}
		}
		if len(members) > 12 || len(members) < 10 || well < healthy {
			t.Errorf("%d members, %d of them well after %d", len(members), well, healthy)
		}
		healthy = well
	}
	b.settled(10 * time.Second)
	group := b.group(id)
	if got := group.GetUnhealthyInstances(); len(got) != 7 || !got[0].GetBeingReplaced() || !got[1].GetBeingReplaced() || got[2].GetBeingReplaced() ||
		got[0].GetReason() != "ProbeFailed" || group.GetCapacity().GetUnhealthyInstances() != 7 {
		t.Errorf("unhealthy are %v, capacity %v", got, group.GetCapacity())
	}
	if got := conditionOf(group, groupv1.ConditionType_CONDITION_TYPE_FULFILLED); got.GetHolds() || got.GetReason() != "Unhealthy" {
		t.Errorf("condition %v", got)
	}
	b.settled(5 * time.Minute)
	if members := b.members(id); len(members) != 10 || slices.ContainsFunc(members, func(i *fleetv1.Instance) bool { return isIll(i, ill) }) {
		t.Errorf("members %v", members)
	}
	if got := b.cloud.Created(); got != 17 {
		t.Errorf("%d instances were launched, want 17", got)
	}
	removal := b.activities(id)[0].GetRemovals()[0]
	if removal.GetReason() != "unhealthy: ProbeFailed tcp :80: no answer" || !removal.GetReleased() {
		t.Errorf("removal %v", removal)
	}
	replacement := " activity_started activity_succeeded activity_started activity_succeeded"
	want := "activity_started activity_succeeded fulfilled activity_started activity_succeeded short(Unhealthy) activity_started activity_succeeded" +
		strings.Repeat(replacement, 2) + " activity_started activity_succeeded fulfilled activity_started activity_succeeded"
	if got := b.told.kinds(id); got != want {
		t.Errorf("told\n%s, want\n%s", got, want)
	}
}

// TestUnhealthy_notKnown holds that a health check that can not be asked stops
// replacement, and nothing else: not by an error, not by no answer at all.
func TestUnhealthy_notKnown(t *testing.T) {
	for name, fault := range map[string]func(context.Context) error{
		"refuses": func(context.Context) error { return status.Error(codes.Unavailable, "a secret") },
		"hangs":   func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "")
			id := b.create(spec(10, 0, 10)).GetGroup().GetGroupId()
			b.settled(time.Minute)
			b.cloud.SetStock(poolOf(b.members(id)[0]), 0) // nobody can be replaced for now
			b.cloud.SetStock(poolOf(b.members(id)[0], "zone-b"), 0)
			b.ill(b.members(id)[:3])
			b.settled(time.Minute)
			b.health.Break(fault)
			b.cloud.SetStock(poolOf(b.members(id)[0]), 100)
			b.cloud.Change(b.members(id)[9].GetInstanceId(), nil)
			b.settled(2 * time.Minute)
			if got := b.cloud.Created(); got != 11 || len(b.members(id)) != 10 {
				t.Errorf("%d launched, %d members; want the one that was lost to be replaced", got, len(b.members(id)))
			}
			group := b.group(id)
			known := conditionOf(group, groupv1.ConditionType_CONDITION_TYPE_HEALTH_KNOWN)
			if known.GetHolds() || known.GetReason() != "Unreachable" || strings.Contains(known.GetMessage(), "secret") ||
				group.GetCapacity().GetFulfilled() != 7 || group.GetCapacity().GetUnhealthyInstances() != 3 || len(group.GetUnhealthyInstances()) != 3 {
				t.Errorf("condition %v, capacity %v, unhealthy %v", known, group.GetCapacity(), group.GetUnhealthyInstances())
			}
			b.health.Break(nil)
			b.settled(5 * time.Minute)
			group = b.group(id)
			if known := conditionOf(group, groupv1.ConditionType_CONDITION_TYPE_HEALTH_KNOWN); !known.GetHolds() || b.cloud.Created() != 14 ||
				group.GetFulfillment() != groupv1.Fulfillment_FULFILLMENT_FULFILLED || len(group.GetUnhealthyInstances()) != 0 {
				t.Errorf("when it is back: %d launched, %v", b.cloud.Created(), group)
			}
		})
	}
}

// While the health check hangs not every look waits for it: one in a while finds
// out for all.
func TestUnhealthy_hangingIsSeldomAsked(t *testing.T) {
	b := newBench(t, "")
	var ids []string
	for range 30 {
		ids = append(ids, b.create(spec(1, 0, 1)).GetGroup().GetGroupId())
	}
	b.settled(time.Minute)
	var asked atomic.Int32
	b.health.Break(func(ctx context.Context) error {
		asked.Add(1)
		<-ctx.Done()
		return ctx.Err()
	})
	b.settled(time.Minute)
	if got := asked.Load(); got < 1 || got > 7 { // once, and every ten seconds of the minute
		t.Errorf("30 groups have asked %d times", got)
	}
	known := func(want bool) {
		t.Helper()
		for _, id := range ids {
			if got := conditionOf(b.group(id), groupv1.ConditionType_CONDITION_TYPE_HEALTH_KNOWN); got.GetHolds() != want {
				t.Errorf("group %s: %v, want %v", id, got, want)
			}
		}
	}
	known(false)
	b.health.Break(nil)
	b.settled(2 * time.Minute)
	known(true)
}

// For who recovers nothing more is launched, and the group goes back to its target.
func TestUnhealthy_whoRecoversCountsAgain(t *testing.T) {
	b := newBench(t, "")
	id := b.create(spec(10, 0, 10)).GetGroup().GetGroupId()
	b.settled(time.Minute)
	ill := b.members(id)[:5]
	b.ill(ill)
	b.watch = func() {
		if b.cloud.Created() == 10 {
			return
		}
		for _, instance := range ill { // a share is launched
			b.health.Set(instance.GetInstanceId(), "", "")
		}
	}
	b.settled(5 * time.Minute)
	if got := b.cloud.Created(); got != 12 || len(b.members(id)) != 10 {
		t.Errorf("%d launched, %d members, want 12 and 10", got, len(b.members(id)))
	}
}

func TestUnhealthy_instantGroupsReplaceNothing(t *testing.T) {
	b := newBench(t, "")
	asked := spec(5, 0, 5)
	asked.Type = groupv1.GroupType_GROUP_TYPE_INSTANT
	id := b.create(asked).GetGroup().GetGroupId()
	b.ill(b.members(id)[:2])
	b.settled(10 * time.Minute)
	group := b.group(id)
	if b.cloud.Created() != 5 || len(b.members(id)) != 5 || group.GetCapacity().GetFulfilled() != 3 {
		t.Errorf("%d launched, %d members, capacity %v", b.cloud.Created(), len(b.members(id)), group.GetCapacity())
	}
	if got := conditionOf(group, groupv1.ConditionType_CONDITION_TYPE_FULFILLED); got.GetHolds() || got.GetReason() != "NotReplaced" {
		t.Errorf("condition %v", got)
	}
}

// What stopped is lost: it is made up for at once, whatever the share.
func TestUnhealthy_stoppedAreMadeUpForAtOnce(t *testing.T) {
	b := newBench(t, "")
	id := b.create(spec(10, 0, 10)).GetGroup().GetGroupId()
	b.settled(time.Minute)
	for _, instance := range b.members(id)[:6] {
		b.cloud.Change(instance.GetInstanceId(), func(i *fleetv1.Instance) { i.Status = fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPED })
		b.health.Set(instance.GetInstanceId(), "Stopped", "crashed")
	}
	b.watch = func() {
		if got := b.cloud.Created(); got != 10 && got != 16 {
			t.Errorf("%d launched, want all 6 in one look", got)
		}
	}
	b.settled(2 * time.Minute)
	if got := b.activities(id)[0].GetRemovals(); len(got) != 6 || got[0].GetReason() != "unhealthy: Stopped crashed" || len(b.members(id)) != 10 {
		t.Errorf("%d members, removals %v", len(b.members(id)), got)
	}
}

// A group that holds all that its limits allow has no room to launch first.
func TestUnhealthy_atTheLimitGoFirst(t *testing.T) {
	b := newBench(t, "")
	id := b.create(spec(1000, 0, 1000)).GetGroup().GetGroupId()
	b.settled(time.Minute)
	b.ill(b.members(id)[:250])
	b.watch = func() {
		if got := len(b.members(id)); got > 1000 || got < 800 {
			t.Errorf("%d members", got)
		}
	}
	b.settled(10 * time.Minute)
	if got := b.group(id); got.GetFulfillment() != groupv1.Fulfillment_FULFILLMENT_FULFILLED || b.cloud.Created() != 1250 {
		t.Errorf("%d launched, %v", b.cloud.Created(), got.GetConditions())
	}
}

// With replacement at the release nothing is launched at the notice.
func TestMaintain_replacesAtTheRelease(t *testing.T) {
	b := newBench(t, "")
	asked := spec(10, 0, 10)
	asked.Spot = &groupv1.SpotOptions{InterruptionReplacement: groupv1.InterruptionReplacement_INTERRUPTION_REPLACEMENT_ON_RELEASE}
	id := b.create(asked).GetGroup().GetGroupId()
	b.settled(time.Minute)
	noticed := b.members(id)[:3]
	for _, instance := range noticed {
		b.cloud.Notice(instance.GetInstanceId())
	}
	b.settled(4 * time.Minute)
	group := b.group(id)
	if b.cloud.Created() != 10 || group.GetConditions()[0].GetReason() != "Interrupted" || group.GetCapacity().GetFulfilled() != 7 {
		t.Errorf("at the notice: %d launched, %v", b.cloud.Created(), group.GetConditions())
	}
	for _, instance := range noticed {
		b.cloud.Change(instance.GetInstanceId(), nil)
	}
	b.settled(time.Minute)
	if b.cloud.Created() != 13 || len(b.members(id)) != 10 {
		t.Errorf("at the release: %d launched, %d members", b.cloud.Created(), len(b.members(id)))
	}
}

// poolOf is the pool of an instance, or the one like it in another zone.
func poolOf(instance *fleetv1.Instance, zone ...string) cloudtest.Pool {
	pool := cloudtest.Pool{Zone: instance.GetZoneId(), Type: instance.GetInstanceType(), Method: instance.GetBillingMethod()}
	if len(zone) > 0 {
		pool.Zone = zone[0]
	}
	return pool
}

// TestUnhealthy_areStoredWithTheirReplacements has the service die when it has
// launched in place of unhealthy instances, and not be told afterwards who is
// unhealthy: it must not take them for well, and others for excess (S4).
func TestUnhealthy_areStoredWithTheirReplacements(t *testing.T) {
	b := newBench(t, "")
	asked := spec(10, 0, 10)
	asked.ExcessCapacityTerminationPolicy = groupv1.ExcessCapacityTerminationPolicy_EXCESS_CAPACITY_TERMINATION_POLICY_TERMINATION
	id := b.create(asked).GetGroup().GetGroupId()
	b.settled(2 * time.Minute)
	well, ill := b.members(id)[:6], b.members(id)[6:]
	b.ill(ill)
	b.cloud.Fault = func(point string) error {
		if point == "after RunInstances" {
			b.crash.dead = true
		}
		return b.crash.at(point)
	}
	_ = b.settle(2 * time.Minute) // dies
	if got := b.cloud.Created(); got != 12 || !b.crash.dead {
		t.Fatalf("%d launched, want a fifth more than 10, and to have died then", got)
	}
	b.cloud.Fault = nil
	b.health.Break(func(context.Context) error { return status.Error(codes.Unavailable, "away") })
	b.restart()
	b.settled(10 * time.Minute)
	left := b.members(id)
	for _, instance := range well {
		if !isIll(instance, left) {
			t.Errorf("%s was well and is gone", instance.GetInstanceId())
		}
	}
}
