package groupsvc

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/cloudtest"
)

// A life is what a user does with one group, each call with a token so that it
// can be made again.
type life struct {
	b  *bench
	id string
}

// again makes a call until it succeeds, starting the service anew when it has
// died.
func (l *life) again(call func() error) {
	l.b.t.Helper()
	for attempt := range 3 {
		err := l.driven(attempt > 0, call)
		if err == nil {
			return
		}
		if !l.b.crash.dead {
			l.b.t.Fatalf("after the crash at %q: %v", l.b.crash.where, err)
		}
		l.b.restart()
	}
	l.b.t.Fatal("the call never succeeded")
}

// driven makes a call, and while it is under way lets the service work in the
// background, if asked to.
func (l *life) driven(background bool, call func() error) error {
	ctx, cancel := context.WithCancel(l.b.t.Context())
	var working sync.WaitGroup
	if background {
		working.Go(func() { _ = l.b.service.Run(ctx) })
	}
	defer working.Wait()
	defer cancel()
	return call()
}

// pass lets time pass, starting the service anew when it has died.
func (l *life) pass(period time.Duration) {
	l.b.t.Helper()
	err := l.b.settle(period)
	if l.b.crash.dead {
		l.b.restart()
		err = l.b.settle(period)
	}
	if err != nil {
		l.b.t.Fatal(err)
	}
}

func (l *life) create(request *groupv1.CreateGroupRequest) {
	l.again(func() error {
		resp, err := l.b.client.CreateGroup(l.b.t.Context(), request)
		l.id = resp.GetGroup().GetGroupId()
		return err
	})
}

func (l *life) update(total int32) {
	l.again(func() error {
		_, err := l.b.client.UpdateGroup(l.b.t.Context(), &groupv1.UpdateGroupRequest{
			RequestId: fmt.Sprint("to-", total), GroupId: l.id, Spec: &groupv1.GroupSpec{TargetCapacity: &groupv1.TargetCapacity{Total: total}},
			UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"target_capacity.total"}},
		})
		return err
	})
}

func (l *life) delete() {
	l.again(func() error {
		_, err := l.b.client.DeleteGroup(l.b.t.Context(), &groupv1.DeleteGroupRequest{GroupId: l.id, TerminateInstances: proto.Bool(true)})
		return err
	})
}

// expect holds the group against S1, S2 and S6: as many members as wanted, no
// other instance, and no more launched than there had to be.
func (l *life) expect(members, launched int) {
	l.b.t.Helper()
	where := l.b.crash.where
	if got := len(l.b.members(l.id)); got != members {
		l.b.t.Errorf("crash at %q: %d members, want %d", where, got, members)
	}
	names := namesOf(l.b.members(l.id))
	if numbered := slices.Compact(slices.Clone(names)); names != nil && names[0] != "" && len(numbered) != len(names) {
		l.b.t.Errorf("crash at %q: two instances have one name: %v", where, names)
	}
	if got := len(l.b.cloud.Instances("", "")); got != members {
		l.b.t.Errorf("crash at %q: %d instances live, want %d (S2)", where, got, members)
	}
	if got := l.b.cloud.Created(); got != launched {
		l.b.t.Errorf("crash at %q: %d instances were launched, want %d (S1)", where, got, launched)
	}
	if resp, err := l.b.client.ListGroups(l.b.t.Context(), &groupv1.ListGroupsRequest{ShowDeleted: true}); err != nil || len(resp.GetGroups()) != 1 {
		l.b.t.Errorf("crash at %q: groups %v, %v, want one (S6)", where, resp.GetGroups(), err)
	}
}

// maintainLife goes through all that a group can do.
func maintainLife(b *bench) {
	l := &life{b: b}
	request := &groupv1.CreateGroupRequest{RequestId: "create", Spec: spec(140, 30, 0)}
	request.Spec.ExcessCapacityTerminationPolicy = groupv1.ExcessCapacityTerminationPolicy_EXCESS_CAPACITY_TERMINATION_POLICY_TERMINATION
	request.Spec.LaunchConfiguration = fullConfiguration() // a call that is made again must be the same
	l.create(request)
	l.pass(3 * time.Minute)
	l.expect(140, 140)
	l.update(150)
	l.pass(3 * time.Minute)
	l.expect(150, 150)
	l.update(60)
	l.pass(3 * time.Minute)
	l.expect(60, 150)
	for _, instance := range b.members(l.id)[:10] {
		b.cloud.Change(instance.GetInstanceId(), nil)
	}
	l.pass(3 * time.Minute)
	l.expect(60, 160)
	for _, instance := range b.members(l.id)[:20] {
		b.health.Set(instance.GetInstanceId(), "ProbeFailed", "no answer")
	}
	l.pass(10 * time.Minute)
	l.expect(60, 180)
	l.delete()
	l.pass(3 * time.Minute)
	l.expect(0, 180)
	b.told.check(l.id, b.activities(l.id))
}

// instantLife creates an instant group and deletes it.
func instantLife(b *bench) {
	l := &life{b: b}
	request := &groupv1.CreateGroupRequest{RequestId: "create", Spec: spec(140, 30, 0)}
	request.Spec.Type = groupv1.GroupType_GROUP_TYPE_INSTANT
	request.Spec.Candidates[0].ImageId = "own"
	request.Spec.LaunchConfiguration = fullConfiguration()
	l.create(request)
	l.expect(140, 140)
	l.pass(3 * time.Minute)
	l.expect(140, 140)
	resp, err := b.client.CreateGroup(b.t.Context(), request)
	if err != nil || len(resp.GetLaunchResults()) == 0 {
		b.t.Errorf("crash at %q: the answer is %v, %v", b.crash.where, resp, err)
	}
	launched := int32(0)
	for _, result := range resp.GetLaunchResults() {
		launched += result.GetAmount()
	}
	if launched != 140 {
		b.t.Errorf("crash at %q: launch results tell of %d instances", b.crash.where, launched)
	}
	l.delete()
	l.pass(3 * time.Minute)
	l.expect(0, 140)
	b.told.check(l.id, b.activities(l.id))
}

// crashStep is how many points lie between two at which a life is cut. The
// ordinary run, which is slowed down by the race detector, begins at a point
// that is drawn, so that all are met over some runs; 1 cuts at every one.
var crashStep = flag.Int("crash-step", 8, "points between two crashes")

// TestCrash kills the service at points of a group's life at which it asks
// something of another, before and after the effect, and starts it anew.
func TestCrash(t *testing.T) {
	lives := map[string]func(*bench){
		"maintain": maintainLife, "instant": instantLife, "by hand": byHandLife, "stopped": stopLife, "scaled": scaledLife, "moved": moveLife,
	}
	for name, live := range lives {
		t.Run(name, func(t *testing.T) { crashEverywhere(t, live) })
	}
}

// crashEverywhere lives a life once without a crash, and then with one at each
// point that is to be met; a crash with a store on disk only at a third of them.
func crashEverywhere(t *testing.T, live func(*bench)) {
	for _, onDisk := range []bool{false, true} {
		t.Run(fmt.Sprintf("on disk %v", onDisk), func(t *testing.T) {
			t.Parallel()
			points, step := crashAt(t, live, onDisk, 0), *crashStep
			if points < 20 {
				t.Fatalf("only %d points", points)
			}
			if onDisk {
				step *= 3
			}
			first := 1 + rand.IntN(step)
			t.Logf("crashes at points %d, %d, ... of %d", first, first+step, points)
			for on := first; on <= points; on += step {
				crashAt(t, live, onDisk, on)
			}
		})
	}
}

// crashAt lives a life with one crash and tells how many points it had.
func crashAt(t *testing.T, live func(*bench), onDisk bool, on int) int {
	folder := ""
	if onDisk {
		folder = t.TempDir()
	}
	b := newBench(t, folder)
	defer b.end()
	b.crash.on = on
	live(b)
	return b.crash.points
}

// TestLostReplies loses two of three calls, or their replies, effect and all.
func TestLostReplies(t *testing.T) {
	for _, when := range []string{"before", "after"} {
		t.Run(when, func(t *testing.T) {
			b := newBench(t, "")
			var mu sync.Mutex
			calls := 0
			b.cloud.Fault = func(point string) error {
				if point != when+" RunInstances" && point != when+" DeleteInstances" {
					return nil
				}
				mu.Lock()
				defer mu.Unlock()
				if calls++; calls%3 == 0 {
					return nil
				}
				return status.Error(codes.Unavailable, "lost")
			}
			l := &life{b: b}
			l.create(&groupv1.CreateGroupRequest{RequestId: "create", Spec: spec(140, 30, 0)})
			b.settled(10 * time.Minute)
			l.expect(140, 140)
			l.delete()
			b.settled(10 * time.Minute)
			l.expect(0, 140)
		})
	}
}

func TestUnreachable_isToldAndStoresNothing(t *testing.T) {
	b := newBench(t, "")
	b.cloud.Fault = func(point string) error {
		if point == "before Place" {
			return status.Error(codes.Unavailable, "a secret")
		}
		return nil
	}
	request := &groupv1.CreateGroupRequest{Spec: spec(5, 0, 0)}
	request.Spec.Type = groupv1.GroupType_GROUP_TYPE_INSTANT
	_, err := b.client.CreateGroup(t.Context(), request)
	if status.Code(err) != codes.Unavailable || !rpc.HasReason(err, groupv1.ErrorReason_ERROR_REASON_CLOUD_UNREACHABLE) || len(status.Convert(err).Details()) != 2 {
		t.Errorf("got %v, want UNAVAILABLE with ErrorInfo and RetryInfo", err)
	}
	resp, err := b.client.ListGroups(t.Context(), &groupv1.ListGroupsRequest{})
	if err != nil || len(resp.GetGroups()) != 0 {
		t.Errorf("stored %v, %v", resp.GetGroups(), err)
	}
}

// Whoever is told that a stored group could not be delivered is told how to go
// on without creating another.
func TestUnreachable_namesTheGroupThatIsStored(t *testing.T) {
	for requestID, remedy := range map[string]string{
		"r": "repeat the call with the same request_id for its launch results", "": "do not create it again; GetGroup tells how it stands",
	} {
		b := newBench(t, "")
		away := true
		b.cloud.Fault = func(point string) error {
			if away && point == "before RunInstances" {
				return status.Error(codes.Unavailable, "a secret")
			}
			return nil
		}
		request := &groupv1.CreateGroupRequest{RequestId: requestID, Spec: spec(5, 0, 0)}
		request.Spec.Type = groupv1.GroupType_GROUP_TYPE_INSTANT
		_, err := b.client.CreateGroup(t.Context(), request)
		groups, listErr := b.client.ListGroups(t.Context(), &groupv1.ListGroupsRequest{})
		if listErr != nil || len(groups.GetGroups()) != 1 {
			t.Fatalf("stored %v, %v", groups.GetGroups(), listErr)
		}
		group := groups.GetGroups()[0]
		want := fmt.Sprintf("the group is stored as %s and is delivered when the cloud can be reached: %s", group.GetGroupId(), remedy)
		if got := status.Convert(err); got.Code() != codes.Unavailable || got.Message() != want || metadataOf(err)["group_id"] != group.GetGroupId() {
			t.Errorf("got %v with %v, want %q", err, metadataOf(err), want)
		}
		if got := group.GetConditions()[0]; group.GetCapacity().GetFulfilled() != 0 || got.GetHolds() ||
			got.GetReason() != "Unreachable" || !strings.HasPrefix(got.GetMessage(), "0 of 5 units: ") {
			t.Errorf("the group says %v of capacity %v", got, group.GetCapacity())
		}
		away = false
		b.settled(time.Minute)
		if got := len(b.members(group.GetGroupId())); got != 5 {
			t.Errorf("%d members when the cloud is back, want 5", got)
		}
		if requestID == "" {
			continue
		}
		resp, err := b.client.CreateGroup(t.Context(), request)
		if err != nil || resp.GetGroup().GetGroupId() != group.GetGroupId() || len(resp.GetLaunchResults()) == 0 || b.cloud.Created() != 5 {
			t.Errorf("the same call again: %v, %v; %d launched", resp, err, b.cloud.Created())
		}
	}
}

// metadataOf is that of an error's reason.
func metadataOf(err error) map[string]string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(interface{ GetMetadata() map[string]string }); ok {
			return info.GetMetadata()
		}
	}
	return nil
}

// TestTwoWorkers lets two services with one store and one cloud look at one
// group at the same time: a lease that ends too early must do no harm (S1).
func TestTwoWorkers(t *testing.T) {
	b := newBench(t, "")
	other, err := compose(t.Context(), Config{Entropy: b.entropy, LeaseDuration: 1}.withDefaults(), b.deps, b.groups)
	if err != nil {
		t.Fatal(err)
	}
	id := b.create(spec(150, 20, 0)).GetGroup().GetGroupId()
	b.cloud.SetStock(cloudtest.Pool{Zone: "zone-a", Type: "small", Method: spot}, 60)
	var alone sync.Mutex
	stolen := 0
	b.cloud.Fault = func(string) error {
		if !alone.TryLock() {
			return nil // the other one's calls, and those beside the one that it cut into
		}
		defer alone.Unlock()
		if stolen++; stolen%2 != 0 || stolen > 40 {
			return nil
		}
		b.clock.Advance(5 * time.Minute)
		_, err := other.Tick(t.Context())
		return err
	}
	b.settled(10 * time.Minute)
	b.cloud.Fault = nil
	b.settled(10 * time.Minute)
	if len(b.members(id)) != 150 || b.cloud.Created() != 150 || stolen < 2 {
		t.Errorf("%d members, %d ever launched, want 150; the lease was stolen %d times", len(b.members(id)), b.cloud.Created(), stolen/2)
	}
}
