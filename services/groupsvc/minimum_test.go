package groupsvc

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seed-198b1370/muster/pkg/rpc"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/cloudtest"
)

// atLeast is an instant group of ten spot units, of which so many are worth
// creating.
func atLeast(minimum int32) *groupv1.GroupSpec {
	asked := spec(10, 0, 10)
	asked.Type, asked.TargetCapacity.Minimum = groupv1.GroupType_GROUP_TYPE_INSTANT, minimum
	return asked
}

// stockOf sets the stock of the small type in both zones.
func (b *bench) stockOf(spotA, spotB, payAsYouGoA int) {
	b.cloud.SetStock(cloudtest.Pool{Zone: "zone-a", Type: "small", Method: spot}, spotA)
	b.cloud.SetStock(cloudtest.Pool{Zone: "zone-b", Type: "small", Method: spot}, spotB)
	b.cloud.SetStock(cloudtest.Pool{Zone: "zone-a", Type: "small", Method: payAsYouGo}, payAsYouGoA)
	b.cloud.SetStock(cloudtest.Pool{Zone: "zone-b", Type: "small", Method: payAsYouGo}, 0)
}

// wantMinimum holds an error against what a missed minimum is told as.
func wantMinimum(t *testing.T, err error, available, message string) {
	t.Helper()
	if got := status.Convert(err); got.Code() != codes.FailedPrecondition || got.Message() != message ||
		!rpc.HasReason(err, groupv1.ErrorReason_ERROR_REASON_MINIMUM_NOT_REACHED) || metadataOf(err)["available"] != available || metadataOf(err)["minimum"] != "7" {
		t.Errorf("got %v with %v, want %s available: %s", err, metadataOf(err), available, message)
	}
}

func (b *bench) listed(deleted bool) []*groupv1.Group {
	b.t.Helper()
	resp, err := b.client.ListGroups(b.t.Context(), &groupv1.ListGroupsRequest{ShowDeleted: deleted})
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.GetGroups()
}

func TestMinimum_stockBelowIt(t *testing.T) {
	b := newBench(t, "")
	b.stockOf(4, 2, 100)
	request := &groupv1.CreateGroupRequest{RequestId: "r", Spec: atLeast(7)}
	_, err := b.client.CreateGroup(t.Context(), request)
	wantMinimum(t, err, "6", "only 6 of the minimum of 7 units can be had, and nothing was created")
	if b.cloud.Created() != 0 || len(b.listed(true)) != 0 {
		t.Errorf("%d launched, stored %v", b.cloud.Created(), b.listed(true))
	}
	// What is enough is delivered as well as it can be.
	b.stockOf(4, 3, 100)
	resp, err := b.client.CreateGroup(t.Context(), request)
	if err != nil || resp.GetGroup().GetCapacity().GetFulfilled() != 7 || resp.GetGroup().GetLifecycle() != groupv1.Lifecycle_LIFECYCLE_ACTIVE {
		t.Errorf("with stock for 7: %v, %v", resp, err)
	}
	// It is not held later.
	b.cloud.Change(b.members(resp.GetGroup().GetGroupId())[0].GetInstanceId(), nil)
	b.update(resp.GetGroup().GetGroupId(), &groupv1.TargetCapacity{Total: 11}, "target_capacity.total")
	b.settled(10 * time.Minute)
	if got := len(b.members(resp.GetGroup().GetGroupId())); got != 7 { // the one that is free again
		t.Errorf("%d members later, want 7", got)
	}
}

// Pay-as-you-go that makes up for spot counts toward the minimum.
func TestMinimum_countsWhatMakesUpForSpot(t *testing.T) {
	b := newBench(t, "")
	b.stockOf(4, 0, 2)
	asked := atLeast(7)
	asked.Spot = &groupv1.SpotOptions{Shortfall: groupv1.SpotShortfall_SPOT_SHORTFALL_PAY_AS_YOU_GO}
	_, err := b.client.CreateGroup(t.Context(), &groupv1.CreateGroupRequest{Spec: asked})
	wantMinimum(t, err, "6", "only 6 of the minimum of 7 units can be had, and nothing was created")
	if b.cloud.Created() != 0 || len(b.listed(true)) != 0 {
		t.Errorf("%d launched, stored %v", b.cloud.Created(), b.listed(true))
	}
	b.stockOf(4, 0, 3)
	if resp, err := b.client.CreateGroup(t.Context(), &groupv1.CreateGroupRequest{Spec: asked}); err != nil || resp.GetGroup().GetCapacity().GetFulfilled() != 7 {
		t.Errorf("with stock for 7: %v, %v", resp, err)
	}
}

// What can not be paid for can not be had, and nothing is launched to find that out.
// What stands in for spot comes last, so that the budget goes to spot first.
func TestMinimum_budgetBelowIt(t *testing.T) {
	for name, test := range map[string]struct {
		shortfall  groupv1.SpotShortfall
		spot, most int
	}{
		"spot only":      {spot: 100, most: 6 * 25_000},
		"made up for":    {groupv1.SpotShortfall_SPOT_SHORTFALL_PAY_AS_YOU_GO, 4, 4*25_000 + 2*100_000},
		"nearly made up": {groupv1.SpotShortfall_SPOT_SHORTFALL_PAY_AS_YOU_GO, 4, 4*25_000 + 3*100_000 - 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "")
			b.stockOf(test.spot, 0, 100)
			asked := atLeast(7)
			asked.Spot, asked.Budget = &groupv1.SpotOptions{Shortfall: test.shortfall}, &groupv1.Budget{MaxMicrosPerHour: int64(test.most)}
			_, err := b.client.CreateGroup(t.Context(), &groupv1.CreateGroupRequest{Spec: asked})
			wantMinimum(t, err, "6", "only 6 of the minimum of 7 units can be had within the budget, and nothing was created")
			if b.cloud.Created() != 0 || len(b.listed(true)) != 0 {
				t.Errorf("%d launched, stored %v", b.cloud.Created(), b.listed(true))
			}
			asked.Budget.MaxMicrosPerHour += 100_000
			if resp, err := b.client.CreateGroup(t.Context(), &groupv1.CreateGroupRequest{Spec: asked}); err != nil || resp.GetGroup().GetCapacity().GetFulfilled() < 7 {
				t.Errorf("with more money: %v, %v", resp, err)
			}
		})
	}
}

// shortLife is an instant group whose stock turns out to be less than it seemed.
func shortLife(b *bench) {
	calm := b.crash.on == 0 // what a crash cuts short may have been done and not be told of
	b.end()
	b.blind = true
	b.start()
	b.stockOf(4, 2, 100)
	l := &life{b: b}
	request := &groupv1.CreateGroupRequest{RequestId: "create", Spec: atLeast(7)}
	var told error
	l.again(func() error {
		_, err := b.client.CreateGroup(b.t.Context(), request)
		if status.Code(err) == codes.FailedPrecondition {
			told, err = err, nil
		}
		return err
	})
	const message = "only 6 of the minimum of 7 units could be had, and they are released"
	if told == nil || status.Convert(told).Message() != message {
		b.t.Errorf("crash at %q: the answer is %v", b.crash.where, told)
	}
	l.pass(10 * time.Minute)
	groups := b.listed(true)
	if len(groups) != 1 || groups[0].GetLifecycle() != groupv1.Lifecycle_LIFECYCLE_DELETED {
		b.t.Fatalf("crash at %q: groups %v", b.crash.where, groups)
	}
	l.id = groups[0].GetGroupId()
	l.expect(0, 6)
	for range 2 {
		_, err := b.client.CreateGroup(b.t.Context(), request)
		if err == nil || status.Convert(err).Message() != message || metadataOf(err)["available"] != "6" {
			b.t.Errorf("crash at %q: the same call again is answered %v", b.crash.where, err)
		}
	}
	l.expect(0, 6)
	if latest := b.activities(l.id)[0]; calm && (latest.GetOrigin() != "minimum" || len(latest.GetRemovals()) != 6 || !latest.GetRemovals()[0].GetReleased()) {
		b.t.Errorf("crash at %q: activity %v", b.crash.where, latest)
	}
}

// An attempt that turns out short is taken back, whatever happens on the way (S2,
// S6), and the same call gives the same answer.
func TestCrash_minimum(t *testing.T) { crashEverywhere(t, shortLife) }

func TestMinimum_isOfInstantGroups(t *testing.T) {
	b := newBench(t, "")
	asked := spec(10, 0, 0)
	asked.TargetCapacity.Minimum = 5
	_, err := b.client.CreateGroup(t.Context(), &groupv1.CreateGroupRequest{Spec: asked})
	if got := violationsOf(t, err)["spec.target_capacity.minimum"]; !strings.Contains(got, "must be left out unless type is instant, and it is maintain, got 5") {
		t.Errorf("violation %q", got)
	}
}
