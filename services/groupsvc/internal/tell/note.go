// Package tell owns what is told of groups: which events a change of a stored
// group makes, and that each of them gets to the event stream.
//
// An event is stored with the change that it tells of, and stays there until it
// is known to be published. So a crash between the two publishes it again later,
// under the same id, and a stream that is away holds nobody up. It must not know
// how events travel, nor how changes come about.
package tell

import (
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
)

const (
	// MaxStored bounds how many events of a group wait to be published. Beyond
	// that the oldest are given up: a stream that is away for so long must not
	// make groups too large to be stored.
	MaxStored = 500
	// maxMessage bounds what an event says, in characters.
	maxMessage = 500
)

// Note adds the events that tell of a change to the group that is about to be
// stored. Before is what was stored last, and closed are the activities that are
// stored with it and have ended.
func Note(accountID string, before, after *storagev1.StoredGroup, closed []*groupv1.Activity, now time.Time) {
	n := note{accountID: accountID, group: after, now: now}
	known := ""
	if HasDone(before.GetOpenActivity()) {
		known = before.GetOpenActivity().GetActivityId()
	}
	for _, activity := range closed {
		if activity.GetActivityId() != known {
			n.started(activity)
		}
		n.ended(activity)
	}
	// One that has not done anything yet may come to nothing, and not be told of
	// at all.
	if open := after.GetOpenActivity(); HasDone(open) && open.GetActivityId() != known {
		n.started(open)
	}
	n.standing()
	if extra := len(after.GetEvents()) - MaxStored; extra > 0 {
		after.Events = slices.Delete(after.GetEvents(), 0, extra)
	}
}

// HasDone tells whether an activity has launched, restarted, attached or removed
// anything.
func HasDone(activity *groupv1.Activity) bool {
	return len(activity.GetRemovals()) > 0 || len(activity.GetAttachedInstanceIds()) > 0 ||
		slices.ContainsFunc(activity.GetRestarts(), func(r *groupv1.Restart) bool { return r.GetErrorCode() == "" }) ||
		slices.ContainsFunc(activity.GetLaunchResults(), func(r *groupv1.LaunchResult) bool { return r.GetAmount() > 0 })
}

// A note writes down events of one change.
type note struct {
	accountID string
	group     *storagev1.StoredGroup
	now       time.Time
}

func (n note) add(event *groupv1.GroupEvent) {
	n.group.EventNumber++
	event.AccountId, event.GroupId = n.accountID, n.group.GetGroup().GetGroupId()
	event.EventId = fmt.Sprintf("%s/%d", event.GetGroupId(), n.group.GetEventNumber())
	if runes := []rune(event.GetMessage()); len(runes) > maxMessage {
		event.Message = string(runes[:maxMessage-1]) + "…"
	}
	if event.Time == nil {
		event.Time = timestamppb.New(n.now)
	}
	n.group.Events = append(n.group.Events, event)
}

func (n note) started(activity *groupv1.Activity) {
	n.add(&groupv1.GroupEvent{
		Kind: groupv1.GroupEventKind_GROUP_EVENT_KIND_ACTIVITY_STARTED, ActivityId: activity.GetActivityId(),
		Time: activity.GetStartTime(), Message: activity.GetCause(),
	})
}

func (n note) ended(activity *groupv1.Activity) {
	launched := int32(0)
	for _, result := range activity.GetLaunchResults() {
		launched += result.GetAmount()
	}
	event := &groupv1.GroupEvent{
		Kind: groupv1.GroupEventKind_GROUP_EVENT_KIND_ACTIVITY_SUCCEEDED, ActivityId: activity.GetActivityId(),
		Time: activity.GetEndTime(), Message: fmt.Sprintf("%d launched, %d removed", launched, len(activity.GetRemovals())),
	}
	if activity.GetStatus() != groupv1.ActivityStatus_ACTIVITY_STATUS_SUCCESSFUL {
		event.Kind = groupv1.GroupEventKind_GROUP_EVENT_KIND_ACTIVITY_PARTLY_SUCCEEDED
		if activity.GetStatus() == groupv1.ActivityStatus_ACTIVITY_STATUS_FAILED {
			event.Kind = groupv1.GroupEventKind_GROUP_EVENT_KIND_ACTIVITY_FAILED
		}
		condition := n.condition()
		event.Reason = condition.GetReason()
		event.Message += "; " + condition.GetMessage()
	}
	n.add(event)
}

// standing tells when a living group has come to its target, and when it has
// fallen short of it or can not come to it.
func (n note) standing() {
	kind := n.group.GetTold()
	switch group := n.group.GetGroup(); {
	case group.GetLifecycle() == groupv1.Lifecycle_LIFECYCLE_DELETE_RUNNING, group.GetLifecycle() == groupv1.Lifecycle_LIFECYCLE_DELETED:
		return
	case group.GetFulfillment() == groupv1.Fulfillment_FULFILLMENT_FULFILLED, group.GetFulfillment() == groupv1.Fulfillment_FULFILLMENT_PENDING_TERMINATION:
		kind = groupv1.GroupEventKind_GROUP_EVENT_KIND_FULFILLED
	case group.GetFulfillment() == groupv1.Fulfillment_FULFILLMENT_ERROR, kind == groupv1.GroupEventKind_GROUP_EVENT_KIND_FULFILLED:
		kind = groupv1.GroupEventKind_GROUP_EVENT_KIND_SHORT
	}
	if kind == n.group.GetTold() {
		return
	}
	n.group.Told = kind
	event := &groupv1.GroupEvent{Kind: kind, Message: n.condition().GetMessage()}
	if kind == groupv1.GroupEventKind_GROUP_EVENT_KIND_SHORT {
		event.Reason = n.condition().GetReason()
	}
	n.add(event)
}

// condition tells how the target is met.
func (n note) condition() *groupv1.Condition {
	for _, condition := range n.group.GetGroup().GetConditions() {
		if condition.GetType() == groupv1.ConditionType_CONDITION_TYPE_FULFILLED {
			return condition
		}
	}
	return nil
}
