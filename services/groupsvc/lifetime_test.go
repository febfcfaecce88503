package groupsvc

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/cloudtest"
)

// during makes a spec valid from and until so long after now.
func during(spec *groupv1.GroupSpec, from, until time.Duration) *groupv1.GroupSpec {
	if from > 0 {
		spec.ValidFrom = timestamppb.New(origin.Add(from))
	}
	if until > 0 {
		spec.ValidUntil = timestamppb.New(origin.Add(until))
	}
	return spec
}

func TestRequest_makesOneAttempt(t *testing.T) {
	b := newBench(t, "")
	pool := cloudtest.Pool{Zone: "zone-a", Type: "small", Method: spot}
	b.cloud.SetStock(pool, 3)
	b.cloud.SetStock(cloudtest.Pool{Zone: "zone-b", Type: "small", Method: spot}, 0)
	asked := spec(5, 0, 5)
	asked.Type = groupv1.GroupType_GROUP_TYPE_REQUEST
	resp := b.create(asked)
	if resp.GetGroup().GetLifecycle() != groupv1.Lifecycle_LIFECYCLE_SUBMITTED || len(resp.GetLaunchResults()) != 0 || b.cloud.Created() != 0 {
		t.Fatalf("the call waited for the attempt: %v", resp)
	}
	id := resp.GetGroup().GetGroupId()
	b.settled(time.Minute)
	// What it lacks and what it loses it does not get later.
	b.cloud.SetStock(pool, 100)
	b.cloud.Change(b.members(id)[0].GetInstanceId(), nil)
	b.settled(10 * time.Minute)
	got := b.group(id)
	if len(b.members(id)) != 2 || b.cloud.Created() != 3 || got.GetLifecycle() != groupv1.Lifecycle_LIFECYCLE_ACTIVE ||
		got.GetFulfillment() != groupv1.Fulfillment_FULFILLMENT_ERROR || got.GetConditions()[0].GetReason() != "NoInstanceStock" {
		t.Errorf("%d members, %d launched, %v", len(b.members(id)), b.cloud.Created(), got)
	}
	// A change is one attempt more.
	b.update(id, &groupv1.TargetCapacity{Total: 7}, "target_capacity.total")
	b.settled(time.Minute)
	if latest := b.activities(id)[0]; len(b.members(id)) != 7 || latest.GetOrigin() != "update" {
		t.Errorf("%d members after an update, activity %v", len(b.members(id)), latest)
	}
	b.cloud.Change(b.members(id)[0].GetInstanceId(), nil)
	b.settled(10 * time.Minute)
	if len(b.members(id)) != 6 {
		t.Errorf("%d members after another loss, want 6", len(b.members(id)))
	}
}

// Nothing is launched before the validity begins, and the beginning fires (L3)
// however far away it is, after a restart too.
func TestValidFrom(t *testing.T) {
	for _, kind := range []groupv1.GroupType{groupv1.GroupType_GROUP_TYPE_REQUEST, groupv1.GroupType_GROUP_TYPE_MAINTAIN} {
		for _, folder := range []string{"", t.TempDir()} {
			b := newBench(t, folder)
			asked := during(spec(5, 2, 0), 90*24*time.Hour, 0)
			asked.Type = kind
			group := b.create(asked).GetGroup()
			id := group.GetGroupId()
			b.settled(10 * 24 * time.Hour)
			b.update(id, &groupv1.TargetCapacity{Total: 6}, "target_capacity.total")
			b.settled(time.Hour)
			b.restart()
			b.settled(79 * 24 * time.Hour)
			got := b.group(id)
			if b.cloud.Created() != 0 || got.GetLifecycle() != groupv1.Lifecycle_LIFECYCLE_SUBMITTED || got.GetObservedGeneration() != 2 ||
				got.GetFulfillment() != groupv1.Fulfillment_FULFILLMENT_PENDING_FULFILLMENT ||
				!got.GetNextLookTime().AsTime().Equal(origin.Add(90*24*time.Hour)) {
				t.Fatalf("before it begins: %d launched, %v", b.cloud.Created(), got)
			}
			if c := got.GetConditions()[0]; c.GetReason() != "NotYetValid" || c.GetMessage() != "capacity is provided from 2026-04-01T00:00:00Z on" {
				t.Errorf("condition %v", c)
			}
			if until := got.GetSpec().GetValidUntil().AsTime(); !until.Equal(time.Date(2099, 12, 31, 23, 59, 59, 0, time.UTC)) {
				t.Errorf("valid until %v", until)
			}
			b.settled(origin.Add(90*24*time.Hour + 2*time.Minute).Sub(b.clock.Now()))
			got = b.group(id)
			if len(b.members(id)) != 6 || got.GetLifecycle() != groupv1.Lifecycle_LIFECYCLE_ACTIVE || got.GetFulfillment() != groupv1.Fulfillment_FULFILLMENT_FULFILLED {
				t.Errorf("after it has begun: %d members, %v", len(b.members(id)), got)
			}
			first := b.activities(id)
			if at := first[len(first)-1].GetStartTime().AsTime(); !at.Equal(origin.Add(90 * 24 * time.Hour)) {
				t.Errorf("the first activity began at %v", at)
			}
			b.end()
		}
	}
}

// At its end a group is deleted, its instances released or let go (S2), and the
// end fires at its time (L3), whatever the type.
func TestValidUntil(t *testing.T) {
	for _, kind := range []groupv1.GroupType{groupv1.GroupType_GROUP_TYPE_INSTANT, groupv1.GroupType_GROUP_TYPE_REQUEST, groupv1.GroupType_GROUP_TYPE_MAINTAIN} {
		for _, release := range []bool{true, false} {
			t.Run(fmt.Sprint(kind, release), func(t *testing.T) {
				b := newBench(t, t.TempDir())
				asked := during(spec(120, 2, 0), 0, 200*24*time.Hour+1500*time.Millisecond)
				asked.Type, asked.TerminateInstancesWithExpiration, asked.TerminateInstances = kind, release, !release
				id := b.create(asked).GetGroup().GetGroupId()
				b.settled(10 * time.Minute)
				b.clock.Advance(asked.GetValidUntil().AsTime().Sub(b.clock.Now()) - 10*time.Minute - 7*time.Second) // no look falls on it by chance
				b.restart()
				b.settled(asked.GetValidUntil().AsTime().Sub(b.clock.Now()) - time.Millisecond)
				if got := b.group(id); got.GetLifecycle() != groupv1.Lifecycle_LIFECYCLE_ACTIVE || len(b.members(id)) != 120 {
					t.Fatalf("a moment before its end: %v", got)
				}
				b.settled(time.Minute)
				got := b.group(id)
				if got.GetLifecycle() != groupv1.Lifecycle_LIFECYCLE_DELETED || !got.GetDeleteTime().AsTime().Equal(asked.GetValidUntil().AsTime()) ||
					got.GetFulfillment() != groupv1.Fulfillment_FULFILLMENT_UNSPECIFIED {
					t.Errorf("after its end: %v", got)
				}
				left := 120
				if release {
					left = 0
				}
				if len(b.members(id)) != 0 || len(b.cloud.Instances("", "")) != left || b.cloud.Created() != 120 {
					t.Errorf("%d members, %d live on, %d launched", len(b.members(id)), len(b.cloud.Instances("", "")), b.cloud.Created())
				}
				latest := b.activities(id)[0]
				if latest.GetOrigin() != "expiry" || latest.GetCause() != "the group's validity is over" || len(latest.GetRemovals()) != 120 ||
					latest.GetRemovals()[0].GetReason() != "the group's validity is over" || latest.GetRemovals()[0].GetReleased() != release {
					t.Errorf("activity %v %v", latest.GetOrigin(), latest.GetCause())
				}
				b.clock.Advance(8 * 24 * time.Hour)
				b.settled(time.Minute)
				if _, err := b.client.GetGroup(t.Context(), &groupv1.GetGroupRequest{GroupId: id}); err == nil {
					t.Error("still known after a week")
				}
			})
		}
	}
}

// A group whose whole validity passed while nobody was there launches nothing.
func TestValidUntil_passedUnseen(t *testing.T) {
	b := newBench(t, "")
	id := b.create(during(spec(5, 0, 0), time.Hour, 2*time.Hour)).GetGroup().GetGroupId()
	b.clock.Advance(3 * time.Hour)
	b.restart()
	b.settled(time.Minute)
	if got := b.group(id); got.GetLifecycle() != groupv1.Lifecycle_LIFECYCLE_DELETED || b.cloud.Created() != 0 {
		t.Errorf("%d launched, %v", b.cloud.Created(), got)
	}
}

// A look that is under way when the validity ends launches nothing after that.
func TestValidUntil_endsDuringALook(t *testing.T) {
	b := newBench(t, "")
	b.cloud.SetStock(cloudtest.Pool{Zone: "zone-a", Type: "small", Method: spot}, 3)
	b.end()
	b.blind = true
	b.start()
	asked := during(spec(10, 0, 10), 0, time.Minute)
	asked.TerminateInstancesWithExpiration = true
	id := b.create(asked).GetGroup().GetGroupId()
	b.cloud.Fault = func(point string) error {
		if point == "after RunInstances" && b.clock.Now().Before(asked.GetValidUntil().AsTime()) {
			b.clock.Advance(time.Minute)
		}
		return nil
	}
	b.settled(10 * time.Minute)
	if got := b.group(id); b.cloud.Created() != 3 || got.GetLifecycle() != groupv1.Lifecycle_LIFECYCLE_DELETED || len(b.cloud.Instances("", "")) != 0 {
		t.Errorf("%d launched, %d left, %v", b.cloud.Created(), len(b.cloud.Instances("", "")), got)
	}
}

func TestValidity_refusals(t *testing.T) {
	b := newBench(t, "")
	for name, test := range map[string]struct {
		change func(*groupv1.GroupSpec)
		want   map[string]string
	}{
		"over already": {
			func(s *groupv1.GroupSpec) { s.ValidUntil = timestamppb.New(origin) },
			map[string]string{"spec.valid_until": "must be later than now, 2026-01-01T00:00:00Z, got 2026-01-01T00:00:00Z"},
		},
		"over before it begins": {
			func(s *groupv1.GroupSpec) { during(s, 2*time.Hour, time.Hour) },
			map[string]string{"spec.valid_until": "must be later than valid_from, 2026-01-01T02:00:00Z, got 2026-01-01T01:00:00Z"},
		},
		"beginning after all groups end": {
			func(s *groupv1.GroupSpec) { s.ValidFrom = timestamppb.New(forever.Add(time.Second)) },
			map[string]string{"spec.valid_until": "must be later than valid_from, 2100-01-01T00:00:00Z, got 2099-12-31T23:59:59Z"},
		},
		"no times": {
			func(s *groupv1.GroupSpec) {
				s.ValidFrom, s.ValidUntil = &timestamppb.Timestamp{Seconds: 1 << 60}, &timestamppb.Timestamp{Nanos: -1}
			},
			map[string]string{"spec.valid_from": "must be a time from year 1 to year 9999", "spec.valid_until": "must be a time from year 1 to year 9999"},
		},
		"an instant group that waits": {
			func(s *groupv1.GroupSpec) {
				s.Type = groupv1.GroupType_GROUP_TYPE_INSTANT
				during(s, time.Hour, 2*time.Hour)
			},
			map[string]string{"spec.valid_from": "must not be later than now"},
		},
	} {
		asked := spec(5, 0, 0)
		test.change(asked)
		_, err := b.client.CreateGroup(t.Context(), &groupv1.CreateGroupRequest{Spec: asked})
		got := violationsOf(t, err)
		for field, part := range test.want {
			if !strings.Contains(got[field], part) {
				t.Errorf("%s: violation of %s is %q, want one with %q", name, field, got[field], part)
			}
		}
		if len(got) != len(test.want) {
			t.Errorf("%s: violations %v", name, got)
		}
	}
}

var forever = time.Date(2099, 12, 31, 23, 59, 59, 0, time.UTC)

// TestCrash_expiry kills the service at points of a life that begins later and
// expires (S2, L3).
func TestCrash_expiry(t *testing.T) { crashEverywhere(t, expiringLife) }

// expiringLife is a group that begins later, delivers and expires.
func expiringLife(b *bench) {
	l := &life{b: b}
	asked := during(spec(140, 30, 0), time.Hour, 90*time.Minute)
	asked.Type, asked.TerminateInstancesWithExpiration = groupv1.GroupType_GROUP_TYPE_REQUEST, true
	l.create(&groupv1.CreateGroupRequest{RequestId: "create", Spec: proto.CloneOf(asked)})
	l.passTo(30 * time.Minute)
	l.expect(0, 0)
	l.passTo(75 * time.Minute)
	l.expect(140, 140)
	l.passTo(100 * time.Minute)
	l.expect(0, 140)
	b.told.check(l.id, b.activities(l.id))
}

// passTo lets time pass until so long after the origin.
func (l *life) passTo(after time.Duration) {
	l.b.t.Helper()
	until := origin.Add(after)
	err := l.b.settle(until.Sub(l.b.clock.Now()))
	if l.b.crash.dead {
		l.b.restart()
		err = l.b.settle(until.Sub(l.b.clock.Now()))
	}
	if err != nil {
		l.b.t.Fatal(err)
	}
}
