package groupsvc

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// A stalling store does something after a write of a look, as if its process had
// been stopped there.
type stalling struct {
	store.Store
	after func(store.Change)
}

func (s *stalling) Save(ctx context.Context, change store.Change) error {
	err := s.Store.Save(ctx, change)
	s.after(change)
	return err
}

// replica makes one more service on the bench's store, which is its own when
// something is to happen after its writes.
func (b *bench) replica(after func(store.Change)) *Service {
	b.t.Helper()
	groups := b.groups
	if after != nil {
		groups = &stalling{groups, after}
	}
	service, err := compose(b.t.Context(), Config{Entropy: b.entropy}.withDefaults(), b.deps, groups)
	if err != nil {
		b.t.Fatal(err)
	}
	return service
}

// stopped lets a replica look at what is due and stops it, for longer than its
// lease, right after the write before it acts. Meanwhile something else happens,
// and another replica sees to it.
func (b *bench) stopped(meanwhile func()) {
	b.t.Helper()
	stopped := false
	slow := b.replica(func(change store.Change) {
		if stopped || change.Done != nil {
			return
		}
		stopped = true
		b.clock.Advance(6 * time.Minute)
		meanwhile()
		b.settled(time.Minute)
	})
	if _, err := slow.Tick(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	if !stopped {
		b.t.Fatal("the replica was not stopped")
	}
	b.settled(10 * time.Minute)
}

// S4: a replica that comes back after its lease gives up nothing that it decided
// on before, when the target was raised since.
func TestReplica_stoppedBeforeItRemoves(t *testing.T) {
	b := newBench(t, "")
	id := b.create(releasing(spec(10, 0, 10))).GetGroup().GetGroupId()
	b.settled(5 * time.Minute)
	b.update(id, &groupv1.TargetCapacity{Total: 4, Spot: 4}, "target_capacity")
	b.stopped(func() { b.update(id, &groupv1.TargetCapacity{Total: 10, Spot: 10}, "target_capacity") })
	if members, created := len(b.members(id)), b.cloud.Created(); members != 10 || created != 10 {
		t.Errorf("%d members, %d created, want 10 and no more", members, created)
	}
}

// S1, S2: a replica that comes back after its lease launches nothing for a group
// that another has seen to, or that was deleted.
func TestReplica_stoppedBeforeItLaunches(t *testing.T) {
	for name, after := range map[string]struct {
		do   func(b *bench, id string)
		want int
	}{
		"the other launches": {func(*bench, string) {}, 10},
		"the group is deleted": {func(b *bench, id string) {
			if _, err := b.client.DeleteGroup(b.t.Context(), &groupv1.DeleteGroupRequest{GroupId: id, TerminateInstances: proto.Bool(true)}); err != nil {
				b.t.Fatal(err)
			}
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "")
			id := b.create(spec(10, 0, 10)).GetGroup().GetGroupId()
			b.stopped(func() { after.do(b, id) })
			if members, alive := len(b.members(id)), len(b.cloud.Instances("", "")); members != after.want || alive != after.want || b.cloud.Created() > 10 {
				t.Errorf("%d members, %d alive, %d created, want %d", members, alive, b.cloud.Created(), after.want)
			}
		})
	}
}

// Activities of one group sort in the order in which they were begun, whichever
// replica began them.
func TestReplicas_activitiesSort(t *testing.T) {
	b := newBench(t, "")
	id := b.create(spec(1, 0, 1)).GetGroup().GetGroupId()
	b.settled(0)
	other, total := b.replica(nil), int32(1)
	for added := int32(2); added < 10; added++ {
		total += added
		b.update(id, &groupv1.TargetCapacity{Total: total, Spot: total}, "target_capacity")
		if added%2 == 0 {
			b.settled(0)
		} else if _, err := other.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	want := int32(9)
	for _, activity := range b.activities(id) {
		launched := int32(0)
		for _, result := range activity.GetLaunchResults() {
			launched += result.GetAmount()
		}
		if launched != want {
			t.Errorf("%d instances where %d were launched: %v", launched, want, activity)
		}
		want--
	}
	if want != 0 {
		t.Errorf("%d activities are missing", want)
	}
}
