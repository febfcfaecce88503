package control

import (
	"fmt"
	"time"

	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

// phase tells where the look lies in the validity of its group.
func (l *look) phase() plan.Phase { return plan.PhaseAt(l.stored.GetGroup().GetSpec(), l.now) }

// expire begins the end of a group whose validity is over.
func (l *look) expire() {
	if l.phase() == plan.Expired && !isEnding(l.stored) {
		release := l.stored.GetGroup().GetSpec().GetTerminateInstancesWithExpiration()
		l.beginEnd(plan.ValidityOver, storagev1.EndCause_END_CAUSE_EXPIRY, release)
	}
}

// beginEnd makes the group end. Whatever follows, and whoever makes the next
// look, gives up all that the group has.
func (l *look) beginEnd(on plan.Event, cause storagev1.EndCause, release bool) {
	group := l.stored.GetGroup()
	group.Lifecycle = plan.Next(group.GetLifecycle(), on)
	group.Fulfillment = plan.Ending.Fulfillment()
	l.stored.EndCause, l.stored.TerminateInstances = cause, release
}

// whyItEnds is why a group ends, as the origin of activities and in words.
func whyItEnds(group *storagev1.StoredGroup) (origin, cause string) {
	switch group.GetEndCause() {
	case storagev1.EndCause_END_CAUSE_EXPIRY:
		return "expiry", "the group's validity is over"
	case storagev1.EndCause_END_CAUSE_MINIMUM_NOT_REACHED:
		return "minimum", "the minimum target capacity was not reached"
	default:
		return "delete", "the group is being deleted"
	}
}

// isOver tells whether the group's validity has ended since the look began.
// Nothing is launched then; the next look, which is due, ends the group.
func (l *look) isOver() bool {
	return plan.PhaseAt(l.stored.GetGroup().GetSpec(), l.c.Clock.Now()) == plan.Expired
}

// recordWaiting says how a group stands whose validity has not begun.
func (l *look) recordWaiting() {
	group := l.stored.GetGroup()
	group.Fulfillment = plan.Underway.Fulfillment()
	from := group.GetSpec().GetValidFrom().AsTime()
	l.condition(fulfilled, false, "NotYetValid", fmt.Sprintf("capacity is provided from %s on", from.Format(time.RFC3339)))
}

// within brings a time to look again forward to the next step of the group's
// validity. A group that waits needs no look before that.
func (l *look) within(next time.Time) time.Time {
	phase := plan.NextPhase(l.stored.GetGroup().GetSpec(), l.now)
	switch {
	case phase.IsZero() || isEnding(l.stored):
		return next
	case l.phase() == plan.Waiting:
		return phase
	default:
		return earliest(next, phase)
	}
}
