package store

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
)

// A Turn is the schedule of one group: when it is due and who holds it. The
// rules are here, once, for all implementations.
type Turn struct {
	// Due is when the group is due; zero when it is not.
	Due time.Time
	// Holder is who works on it; empty when nobody does.
	Holder string
	// LeaseEnd is when the holder's lease ends.
	LeaseEnd time.Time
	// Woken is when it was asked to be due while it was held; zero when it was
	// not.
	Woken time.Time
}

// Claimable tells from when on the group can be claimed; zero for never.
func (t Turn) Claimable() time.Time {
	if t.Holder != "" {
		return t.LeaseEnd
	}
	return t.Due
}

// Claim gives the group to a holder. A wake that came while another held it is
// kept: that one's look, which may have been too early to see what it was for,
// was not finished.
func (t *Turn) Claim(lease Lease) {
	if t.Holder == "" {
		t.Woken = time.Time{} // the look to come is what was asked for
	}
	t.Holder, t.LeaseEnd = lease.Holder, lease.Until
}

// Wake makes the group due at a time, or when it is given back, and tells
// whether that changed anything.
func (t *Turn) Wake(at time.Time) bool {
	if t.Holder != "" {
		return earlier(&t.Woken, at)
	}
	return earlier(&t.Due, at)
}

// Finish gives the group back, and tells whether the holder still had it.
func (t *Turn) Finish(done Done) bool {
	if t.Holder != done.Holder {
		return false
	}
	due := done.Next
	earlier(&due, t.Woken)
	*t = Turn{Due: due}
	return true
}

// Drop takes the group from a holder that is no more, and tells whether there
// was one.
func (t *Turn) Drop() bool {
	if t.Holder == "" {
		return false
	}
	due := t.Due
	earlier(&due, t.Woken)
	*t = Turn{Due: due}
	return true
}

// earlier sets a time to another that is earlier, or where there is none.
func earlier(t *time.Time, other time.Time) bool {
	if other.IsZero() || !t.IsZero() && !other.Before(*t) {
		return false
	}
	*t = other
	return true
}

// Apply carries out what a change says about the schedule: a group that is made
// due and leased in one change is due again when the lease is dropped.
func (t *Turn) Apply(change Change) {
	t.Wake(change.Wake)
	if change.Lease != nil {
		t.Claim(*change.Lease)
	}
	if change.Done != nil {
		t.Finish(*change.Done)
	}
}

// DueTime tells when the group will be looked at next, if all goes well.
func (t Turn) DueTime() time.Time {
	due := t.Due
	earlier(&due, t.Woken)
	return due
}

// ToProto writes a turn as it is stored.
func (t Turn) ToProto() *storagev1.StoredSchedule {
	return &storagev1.StoredSchedule{
		DueTime: stamp(t.Due), Holder: t.Holder, LeaseEndTime: stamp(t.LeaseEnd), WakeTime: stamp(t.Woken),
	}
}

// TurnOf reads a turn as it was stored.
func TurnOf(stored *storagev1.StoredSchedule) Turn {
	return Turn{
		Due: timeOf(stored.GetDueTime()), Holder: stored.GetHolder(),
		LeaseEnd: timeOf(stored.GetLeaseEndTime()), Woken: timeOf(stored.GetWakeTime()),
	}
}

func stamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func timeOf(stored *timestamppb.Timestamp) time.Time {
	if stored == nil {
		return time.Time{}
	}
	return stored.AsTime()
}
