package groupsvc

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/seed-198b1370/muster/pkg/clock"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// releasing is a spec whose excess instances are released.
func releasing(spec *groupv1.GroupSpec) *groupv1.GroupSpec {
	spec.ExcessCapacityTerminationPolicy = groupv1.ExcessCapacityTerminationPolicy_EXCESS_CAPACITY_TERMINATION_POLICY_TERMINATION
	return spec
}

// atFirstList does something the first time that the fleet is asked for a list:
// after the look has read its group, before it acts.
func (b *bench) atFirstList(do func()) {
	var done atomic.Bool
	b.cloud.Fault = func(point string) error {
		if point == "before ListInstances" && !done.Swap(true) {
			do()
		}
		return nil
	}
}

// S4: a look that read a lower target gives nothing up once the target was
// raised.
func TestRace_raiseDuringScaleIn(t *testing.T) {
	b := newBench(t, "")
	id := b.create(releasing(spec(10, 0, 10))).GetGroup().GetGroupId()
	b.settled(5 * time.Minute)
	b.update(id, &groupv1.TargetCapacity{Total: 4, Spot: 4}, "target_capacity")
	b.atFirstList(func() { b.update(id, &groupv1.TargetCapacity{Total: 10, Spot: 10}, "target_capacity") })
	b.settled(5 * time.Minute)
	if members, created := len(b.members(id)), b.cloud.Created(); members != 10 || created != 10 {
		t.Errorf("%d members, %d created, want 10 and no more", members, created)
	}
}

// S2: a group that is deleted so that its instances run on loses none of them
// to a look that was scaling it in.
func TestRace_detachDuringScaleIn(t *testing.T) {
	b := newBench(t, "")
	id := b.create(releasing(spec(10, 0, 10))).GetGroup().GetGroupId()
	b.settled(5 * time.Minute)
	b.update(id, &groupv1.TargetCapacity{Total: 4, Spot: 4}, "target_capacity")
	b.atFirstList(func() {
		request := &groupv1.DeleteGroupRequest{GroupId: id, TerminateInstances: proto.Bool(false)}
		if _, err := b.client.DeleteGroup(t.Context(), request); err != nil {
			t.Error(err)
		}
	})
	b.settled(5 * time.Minute)
	if alive := len(b.cloud.Instances("", "")); alive != 10 {
		t.Errorf("%d instances run on, want all 10", alive)
	}
}

// S1: what was launched slowly is not launched again while lists are late.
func TestRace_slowLaunchesAndLateLists(t *testing.T) {
	b := newBench(t, "")
	b.cloud.ListDelay = 20 * time.Second
	var calls atomic.Int32
	b.cloud.Fault = func(point string) error {
		if point == "before RunInstances" && calls.Add(1) == 1 {
			b.clock.Advance(61 * time.Second)
		}
		return nil
	}
	id := b.create(spec(10, 0, 10)).GetGroup().GetGroupId()
	b.settled(10 * time.Minute)
	if members, created := len(b.members(id)), b.cloud.Created(); members != 10 || created != 10 {
		t.Errorf("%d members, %d created, want 10 and no more", members, created)
	}
}

// S1: lists that are later than the grace make nobody launch again; what is gone
// before it was ever shown is replaced.
func TestRace_listsLaterThanTheGrace(t *testing.T) {
	b := newBench(t, "")
	b.cloud.ListDelay = 10 * time.Minute
	id := b.create(spec(10, 0, 10)).GetGroup().GetGroupId()
	b.settled(8 * time.Minute)
	if got := b.group(id); b.cloud.Created() != 10 || got.GetCapacity().GetFulfilled() != 10 {
		t.Errorf("%d launched, capacity %v, want 10 and no more", b.cloud.Created(), got.GetCapacity())
	}
	b.cloud.Change(b.members(id)[0].GetInstanceId(), nil)
	b.settled(20 * time.Minute)
	if members, created := len(b.members(id)), b.cloud.Created(); members != 10 || created != 11 {
		t.Errorf("%d members, %d created, want 10 and 11", members, created)
	}
}

// S2: a launch that is made after all, when nobody wants it any more, leaves
// nothing that runs on outside of the group.
func TestRace_undeliveredLaunchIsNotLetGo(t *testing.T) {
	for name, end := range map[string]func(*bench, string) error{
		"lowered": func(b *bench, id string) error {
			b.update(id, &groupv1.TargetCapacity{Total: 0}, "target_capacity")
			return nil
		},
		"deleted": func(b *bench, id string) error {
			_, err := b.client.DeleteGroup(t.Context(), &groupv1.DeleteGroupRequest{GroupId: id, TerminateInstances: proto.Bool(false)})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "")
			var back atomic.Bool
			b.cloud.Fault = func(point string) error {
				if point == "before RunInstances" && !back.Load() {
					return status.Error(codes.Unavailable, "away")
				}
				return nil
			}
			id := b.create(spec(100, 0, 100)).GetGroup().GetGroupId()
			b.settled(2 * time.Minute)
			if err := end(b, id); err != nil {
				t.Fatal(err)
			}
			back.Store(true)
			b.settled(10 * time.Minute)
			if alive := len(b.cloud.Instances("", "")); alive != 0 {
				t.Errorf("%d instances run that nobody wanted", alive)
			}
		})
	}
}

// quotaInZoneA refuses launches in one zone for a reason of its own.
type quotaInZoneA struct{ fleetv1.FleetServiceClient }

func (f quotaInZoneA) RunInstances(ctx context.Context, r *fleetv1.RunInstancesRequest, o ...grpc.CallOption) (*fleetv1.RunInstancesResponse, error) {
	if r.GetZoneId() == "zone-a" {
		return nil, status.Error(codes.ResourceExhausted, "quota exceeded")
	}
	return f.FleetServiceClient.RunInstances(ctx, r, o...)
}

// L1: a pool that refuses for a reason that is not known does not keep the group
// from the others.
func TestRefusal_ofAnUnknownKind(t *testing.T) {
	b := newBench(t, "")
	deps := b.deps
	deps.Fleet = quotaInZoneA{deps.Fleet}
	service, err := compose(t.Context(), Config{Entropy: b.entropy}.withDefaults(), deps, b.groups)
	if err != nil {
		t.Fatal(err)
	}
	b.service = service
	id := b.create(spec(10, 0, 10)).GetGroup().GetGroupId()
	b.settled(5 * time.Minute)
	if members := len(b.members(id)); members != 10 {
		t.Errorf("%d of 10 members: %v", members, b.group(id).GetConditions())
	}
}

// L1, L3: a cloud that began anew, with an earlier clock and without instances,
// is brought to the target within one look, over a restart of the service too.
func TestClock_goesBackOverARestart(t *testing.T) {
	for name, listDelay := range map[string]time.Duration{"at rest": 0, "with launches not shown": 30 * time.Second} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, t.TempDir())
			b.clock.Advance(48 * time.Hour)
			b.cloud.ListDelay = listDelay
			id := b.create(spec(10, 0, 10)).GetGroup().GetGroupId()
			b.settled(2 * time.Second)
			b.end()
			b.clock = clock.NewVirtual(origin)
			b.cloud.Clock, b.cloud.ListDelay = b.clock, 0
			b.crash = &crash{}
			for _, instance := range b.members(id) {
				b.cloud.Change(instance.GetInstanceId(), nil)
			}
			b.start()
			b.settled(10 * time.Minute)
			if members := len(b.members(id)); members != 10 {
				t.Errorf("%d members ten minutes after the restart, want 10", members)
			}
		})
	}
}

// releaseHook does something before a group is given back.
type releaseHook struct {
	store.Store
	before func()
}

func (h *releaseHook) Release(ctx context.Context, key store.Key, done store.Done) error {
	if before := h.before; before != nil {
		h.before = nil
		before()
	}
	return h.Store.Release(ctx, key, done)
}

// awayStore is a store that can not be reached for so many calls.
type awayStore struct {
	store.Store
	away atomic.Int32
}

func (s *awayStore) unreachable() error {
	if s.away.Load() > 0 {
		s.away.Add(-1)
		return status.Error(codes.Unavailable, "away")
	}
	return nil
}

func (s *awayStore) Save(ctx context.Context, change store.Change) error {
	if err := s.unreachable(); err != nil {
		return err
	}
	return s.Store.Save(ctx, change)
}

func (s *awayStore) Release(ctx context.Context, key store.Key, done store.Done) error {
	if err := s.unreachable(); err != nil {
		return err
	}
	return s.Store.Release(ctx, key, done)
}

// L3: a store that was away when a look wanted to record, and then to give the
// group back, does not keep the group from everybody until the lease ends.
func TestLease_givenBackWhenTheStoreIsBack(t *testing.T) {
	b := newBench(t, "")
	away := &awayStore{Store: b.groups}
	service, err := compose(t.Context(), Config{Entropy: b.entropy}.withDefaults(), b.deps, away)
	if err != nil {
		t.Fatal(err)
	}
	b.service = service
	id := b.create(spec(10, 0, 10)).GetGroup().GetGroupId()
	b.settled(5 * time.Minute)
	b.cloud.Change(b.members(id)[0].GetInstanceId(), nil)
	b.atFirstList(func() { away.away.Store(2) })
	b.settled(time.Minute + 5*time.Second) // a look, and then one more a second later
	if members := len(b.members(id)); members != 10 || away.away.Load() != 0 {
		t.Errorf("%d members, want 10", members)
	}
}

// A look that outlives its lease leaves no lease behind: a notice that comes
// right after it is heard at once.
func TestLease_renewedWhileALookEnds(t *testing.T) {
	b := newBench(t, "")
	hooked := &releaseHook{Store: b.groups}
	service, err := compose(t.Context(), Config{Entropy: b.entropy}.withDefaults(), b.deps, hooked)
	if err != nil {
		t.Fatal(err)
	}
	b.service = service
	id := b.create(spec(10, 0, 10)).GetGroup().GetGroupId()
	b.settled(5 * time.Minute)
	hooked.before = func() {
		b.clock.Advance(5*time.Minute + time.Second)
		if _, err := service.Tick(t.Context()); err != nil { // what the loop does meanwhile
			t.Error(err)
		}
	}
	b.clock.Advance(time.Minute)
	if _, err := service.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	created := b.cloud.Created()
	b.cloud.Notice(b.members(id)[0].GetInstanceId())
	if err := hooked.Wake(t.Context(), store.Key{Account: "default", GroupID: id}, b.clock.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := service.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	if b.cloud.Created() != created+1 {
		t.Error("the noticed instance was not replaced at once")
	}
}

// A removal that keeps failing does not make the stored group grow for ever.
func TestGrowth_underATroubleThatStays(t *testing.T) {
	b := newBench(t, "")
	id := b.create(spec(10, 0, 10)).GetGroup().GetGroupId()
	b.settled(5 * time.Minute)
	b.cloud.Change(b.members(id)[0].GetInstanceId(), func(i *fleetv1.Instance) { i.Status = fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPED })
	b.cloud.Fault = func(point string) error {
		if point == "before DeleteInstances" {
			return status.Error(codes.FailedPrecondition, "protected from deletion")
		}
		return nil
	}
	largest := 0
	for range 300 {
		members := b.members(id)
		b.cloud.Change(members[len(members)-1].GetInstanceId(), nil)
		b.settled(2 * time.Minute)
		record, err := b.groups.Get(t.Context(), store.Key{Account: "default", GroupID: id})
		if err != nil {
			t.Fatal(err)
		}
		largest = max(largest, proto.Size(record.Group))
	}
	if largest > 3000 {
		t.Errorf("the stored group grew to %d bytes", largest)
	}
}
