package demo

import (
	"cmp"
	"slices"
	"time"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

// A snapshot is how a group stood at one time.
type snapshot struct {
	time          time.Time
	group         *groupv1.Group
	pools         []pool
	protectionEnd time.Time // the latest of any spot instance
	tally         tally
}

// A pool is what the group holds of one pool.
type pool struct {
	instanceType, zone string
	billing            fleetv1.BillingMethod
	instances, noticed int
}

// A tally counts what a group's instances went through.
type tally struct {
	created, noticed, interrupted int
	// When the first notice came, and when the first and the last instance after it was launched;
	// zero when it did not happen.
	firstNotice, firstReplacement, lastReplacement time.Time
	// Whether the first replacement was launched before any reclaimed instance
	// was released.
	replacedBeforeRelease bool
}

func (t *tally) add(event *healthv1.InstanceEvent) {
	at := event.GetTime().AsTime()
	switch event.GetKind() {
	case healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_CREATED:
		t.created++
		if t.noticed == 0 {
			return
		}
		if t.firstReplacement.IsZero() {
			t.firstReplacement = at
			t.replacedBeforeRelease = t.interrupted == 0
		}
		t.lastReplacement = at
	case healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_INTERRUPTION_NOTICE:
		t.noticed++
		if t.firstNotice.IsZero() {
			t.firstNotice = at
		}
	case healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_INTERRUPTED:
		t.interrupted++
	default: // the rest is not counted
	}
}

func newSnapshot(now time.Time, group *groupv1.Group, members []*groupv1.GroupInstance) *snapshot {
	s := &snapshot{time: now, group: group}
	pools := map[pool]*pool{}
	for _, member := range members {
		instance := member.GetInstance()
		key := pool{instanceType: instance.GetInstanceType(), zone: instance.GetZoneId(), billing: instance.GetBillingMethod()}
		held := pools[key]
		if held == nil {
			held = &pool{instanceType: key.instanceType, zone: key.zone, billing: key.billing}
			pools[key] = held
		}
		held.instances++
		if instance.GetInterruptionNoticeTime() != nil {
			held.noticed++
		}
		if end := instance.GetProtectionEndTime(); end != nil && end.AsTime().After(s.protectionEnd) {
			s.protectionEnd = end.AsTime()
		}
	}
	for _, held := range pools {
		s.pools = append(s.pools, *held)
	}
	slices.SortFunc(s.pools, func(a, b pool) int {
		return cmp.Or(cmp.Compare(a.billing, b.billing), cmp.Compare(b.instances, a.instances),
			cmp.Compare(a.instanceType, b.instanceType), cmp.Compare(a.zone, b.zone))
	})
	return s
}

// delivered tells whether the target is met and all of it runs.
func (s *snapshot) delivered() bool {
	return s.group.GetFulfillment() == groupv1.Fulfillment_FULFILLMENT_FULFILLED &&
		s.group.GetCapacity().GetRunning() >= float64(s.group.GetSpec().GetTargetCapacity().GetTotal())
}

// unprotected tells whether every spot instance can be reclaimed.
func (s *snapshot) unprotected() bool {
	return !s.protectionEnd.IsZero() && s.time.After(s.protectionEnd)
}

// biggestSpotPool is the spot pool with the most instances; nil without any.
func (s *snapshot) biggestSpotPool() *pool {
	for i := range s.pools {
		if s.pools[i].billing == fleetv1.BillingMethod_BILLING_METHOD_SPOT {
			return &s.pools[i] // the pools are in descending order
		}
	}
	return nil
}
