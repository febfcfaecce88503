package control

import (
	"context"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/money"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/catalog"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

// soon is when a look follows that has something to wait for.
const soon = 5 * time.Second

// finish records what the look saw and did, and gives the group back.
func (l *look) finish(ctx context.Context) error {
	if l.trouble != nil && l.first != nil {
		return fmt.Errorf("%w: %w", ErrUnreachable, l.trouble) // nothing is stored, nothing was launched
	}
	complete := l.isComplete()
	switch {
	case isEnding(l.stored):
		l.recordEnd(complete)
	case l.trouble == nil && l.phase() == plan.Waiting:
		l.recordWaiting()
	default:
		l.recordStanding(complete)
	}
	if l.trouble == nil {
		l.stored.TraceParent = ""
		l.stored.Group.ObservedGeneration = l.stored.GetGroup().GetGeneration()
	}
	if l.listed {
		l.forgetGone()
		l.forgetRestarts()
		l.recordBudget()
		l.recordFigures(ctx)
	}
	change := store.Change{Activities: l.closeActivity()}
	next := l.next()
	change.Done = &store.Done{Holder: l.c.holder(l.key), Next: next}
	if l.first == nil && len(change.Activities)+len(l.closed) == 0 && proto.Equal(l.stored, l.last) {
		return l.c.Store.Release(ctx, l.key, *change.Done)
	}
	return l.write(ctx, change)
}

// recordStanding says how a living group stands.
func (l *look) recordStanding(complete bool) {
	group := l.stored.GetGroup()
	short := l.shortfall(complete)
	attempting := l.desired().Attempt
	if l.stored.GetNextSlot() > 0 {
		group.Lifecycle = plan.Next(group.GetLifecycle(), plan.Launched)
	}
	if complete {
		l.stored.AttemptedGeneration = group.GetGeneration()
		group.Lifecycle = plan.Next(group.GetLifecycle(), plan.Attempted)
	}
	if !l.listed {
		l.condition(fulfilled, isMet(group), short.Reason, fmt.Sprintf("%v of %d units as last seen: %s",
			group.GetCapacity().GetFulfilled(), group.GetSpec().GetTargetCapacity().GetTotal(), short.Message))
		return // what is there is not known, so that nothing new can be said of it
	}
	if complete {
		l.recordHope(attempting)
	}
	standing := plan.Stand(l.desired(), l.observed(), short, l.removing || l.await)
	group.Fulfillment = standing.Fulfillment
	l.condition(fulfilled, standing.Met, standing.Reason, standing.Message)
}

// shortfall tells why the target is not met, if it is not. An instant group that
// came short in its one attempt stays short for the reason found then.
func (l *look) shortfall(complete bool) plan.Shortfall {
	if l.trouble != nil {
		return plan.Shortfall{Reason: "Unreachable", Message: "a service that is needed can not be reached; it is tried again", Retrying: true}
	}
	if desired := l.desired(); desired.Replace || desired.Attempt {
		if complete {
			l.stored.ShortfallReason, l.stored.ShortfallMessage = l.short.Reason, l.short.Message
		}
		return l.short
	}
	return plan.Shortfall{Reason: l.stored.GetShortfallReason(), Message: l.stored.GetShortfallMessage()}
}

// isMet tells whether a group's target was met when it was last seen.
func isMet(group *groupv1.Group) bool {
	return group.GetFulfillment() == groupv1.Fulfillment_FULFILLMENT_FULFILLED ||
		group.GetFulfillment() == groupv1.Fulfillment_FULFILLMENT_PENDING_TERMINATION
}

// recordEnd says how a group stands that is being deleted.
func (l *look) recordEnd(complete bool) {
	group := l.stored.GetGroup()
	if !complete || len(l.instances) > 0 || len(l.stored.GetLaunches()) > 0 || l.unsettled() {
		group.Fulfillment = plan.Ending.Fulfillment()
		l.condition(fulfilled, false, "Deleting", fmt.Sprintf("%d instances are left%s", len(l.instances), l.whyKept()))
		return
	}
	group.Lifecycle = plan.Next(group.GetLifecycle(), plan.Emptied)
	group.Fulfillment = plan.Gone.Fulfillment()
	group.DeleteTime = timestamppb.New(l.now)
	l.stored.Refusals = nil
	l.condition(fulfilled, false, "Deleted", "the group is deleted")
}

// whyKept tells what of a group that ends the cloud must not release.
func (l *look) whyKept() string {
	if len(l.kept) == 0 {
		return ""
	}
	return fmt.Sprintf("; %d of them are protected from deletion, which only their owner can end: %s", len(l.kept), slices.Min(l.kept))
}

const fulfilled = groupv1.ConditionType_CONDITION_TYPE_FULFILLED

// condition sets the condition of a type.
func (l *look) condition(about groupv1.ConditionType, holds bool, reason, message string) {
	group := l.stored.GetGroup()
	next := &groupv1.Condition{Type: about, Holds: holds, Reason: reason, Message: message, LastTransitionTime: timestamppb.New(l.now)}
	at := slices.IndexFunc(group.GetConditions(), func(c *groupv1.Condition) bool { return c.GetType() == about })
	if at < 0 {
		group.Conditions = append(group.Conditions, next)
		return
	}
	if last := group.GetConditions()[at]; last.GetHolds() == holds {
		next.LastTransitionTime = last.GetLastTransitionTime()
	}
	group.Conditions[at] = next
}

// recordFigures sums up what the group holds and costs.
func (l *look) recordFigures(ctx context.Context) {
	group := l.stored.GetGroup()
	group.Capacity = plan.CapacityOf(l.observed())
	group.Capacity.PayAsYouGoForSpot = money.UnitsOf(l.desired().StandIn(l.observed().Held()))
	l.recordHealth()
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	listing, err := l.c.Catalog.Get(ctx, func(*catalog.Listing) bool { return true })
	if err != nil {
		return // figures of money wait for the next look
	}
	cost := &groupv1.Cost{}
	for _, instance := range l.instances {
		cost.MicrosPerHour += instance.GetPriceMicrosPerHour()
		cost.AllPayAsYouGoMicrosPerHour += listing.ListPrice(instance.GetInstanceType())
	}
	for _, launch := range l.stored.GetLaunches() {
		count := int64(len(launch.GetInstanceIds()))
		cost.MicrosPerHour += count * launch.GetPriceMicrosPerHour()
		cost.AllPayAsYouGoMicrosPerHour += count * listing.ListPrice(launch.GetInstanceType())
	}
	group.Cost = cost
}

// next tells when the group is to be looked at again.
func (l *look) next() time.Time {
	if l.trouble != nil {
		delay := l.c.failed(l.key)
		l.c.Log.Warn("look not finished", "group_id", l.key.GroupID, "error", l.trouble, "next_look_in", delay)
		return earliest(l.now.Add(delay), l.within(l.now.Add(delay)))
	}
	l.c.succeeded(l.key)
	group := l.stored.GetGroup()
	if group.GetLifecycle() == groupv1.Lifecycle_LIFECYCLE_DELETED {
		if len(l.stored.GetEvents()) > 0 {
			return l.now.Add(soon) // they are told by then, and need not be kept
		}
		return l.now.Add(Retention)
	}
	next := l.now.Add(l.c.LookInterval)
	if isEnding(l.stored) || l.await || l.removing || len(l.replacing) > 0 || l.unsettled() || l.stored.GetRebalance() != nil || l.awaitsLaunches() {
		next = earliest(next, l.now.Add(soon))
	}
	if at := l.nextRestart(); at.After(l.now) {
		next = earliest(next, at)
	}
	if l.short.Reason != "" {
		if at := l.nextRetry(); !at.IsZero() {
			next = earliest(next, at)
		}
	}
	return l.nextTask(l.within(next))
}

// awaitsLaunches tells whether the outcome of launches, or that they are shown, is
// waited for.
func (l *look) awaitsLaunches() bool {
	return slices.ContainsFunc(l.stored.GetLaunches(), func(launch *storagev1.Launch) bool { return !l.isHeldBack(launch) })
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
