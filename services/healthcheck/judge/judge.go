package judge

import (
	"errors"
	"fmt"
	"strconv"

	"google.golang.org/protobuf/types/known/timestamppb"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

// GroupTag is the key of the tag that names an instance's group.
const GroupTag = "muster:group"

// maxGroupIDBytes bounds the ids of groups.
const maxGroupIDBytes = 64

// ErrBroken is returned for what can not be judged: a transition or instance
// without the parts that an event is made of.
var ErrBroken = errors.New("can not be judged")

// Transition tells the event that a transition gives, nil for one that matters
// to nobody. The group is that of the instance right after the transition. It
// returns [ErrBroken] for a transition without instance, account, number or
// time.
func Transition(transition *fleetv1.InstanceTransition) (*healthv1.InstanceEvent, error) {
	kind := kindOf(transition)
	if kind == healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_UNSPECIFIED {
		return nil, nil
	}
	event, err := newEvent(transition.GetInstance(), kind, transition.GetTime())
	if err != nil {
		return nil, err
	}
	event.Reason = reasonOf(kind, transition.GetReason())
	return event, nil
}

// Listed tells the event that a listed instance still owes to those who may
// have missed its transitions: the notice of its interruption. The number is
// that of its latest transition, which is the notice unless its tags were
// changed since. It returns nil for any other instance, and [ErrBroken] as
// [Transition] does.
func Listed(instance *fleetv1.Instance) (*healthv1.InstanceEvent, error) {
	if instance.GetInterruptionNoticeTime() == nil {
		return nil, nil
	}
	switch instance.GetStatus() {
	case fleetv1.InstanceStatus_INSTANCE_STATUS_PENDING,
		fleetv1.InstanceStatus_INSTANCE_STATUS_STARTING,
		fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING:
		return newEvent(instance, healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_INTERRUPTION_NOTICE,
			instance.GetInterruptionNoticeTime())
	default: // on its way out or gone: its latest transition is another
		return nil, nil
	}
}

// kindOf tells the kind of a transition's event, unspecified for none.
func kindOf(transition *fleetv1.InstanceTransition) healthv1.InstanceEventKind {
	switch transition.GetKind() {
	case fleetv1.TransitionKind_TRANSITION_KIND_CREATED:
		return healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_CREATED
	case fleetv1.TransitionKind_TRANSITION_KIND_RUNNING:
		return healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_RUNNING
	case fleetv1.TransitionKind_TRANSITION_KIND_STOPPED:
		return healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_STOPPED
	case fleetv1.TransitionKind_TRANSITION_KIND_INTERRUPTION_NOTICE:
		return healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_INTERRUPTION_NOTICE
	case fleetv1.TransitionKind_TRANSITION_KIND_RELEASED:
		if isReclaim(transition) {
			return healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_INTERRUPTED
		}
		return healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_RELEASED
	default: // STARTING, STOPPING, TAGGED, HEALTH, UPDATED, and what later fleets may tell
		return healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_UNSPECIFIED
	}
}

// isReclaim tells whether the cloud took a released instance back. Who asks for
// a release of an instance that is to be reclaimed anyway gets what was asked
// for. A release without a reason that is known here is a reclaim if one was
// announced.
func isReclaim(transition *fleetv1.InstanceTransition) bool {
	switch transition.GetReason() {
	case fleetv1.TransitionReason_TRANSITION_REASON_REQUESTED:
		return false
	case fleetv1.TransitionReason_TRANSITION_REASON_PRICE_ABOVE_BID,
		fleetv1.TransitionReason_TRANSITION_REASON_STOCK_NEEDED,
		fleetv1.TransitionReason_TRANSITION_REASON_RECLAIM_ORDERED:
		return true
	default:
		return transition.GetInstance().GetInterruptionNoticeTime() != nil
	}
}

// reasonOf writes a reason as one word; empty when there is none or the kind
// says it all.
func reasonOf(kind healthv1.InstanceEventKind, reason fleetv1.TransitionReason) string {
	switch reason {
	case fleetv1.TransitionReason_TRANSITION_REASON_REQUESTED:
		if kind == healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_CREATED ||
			kind == healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_RELEASED {
			return ""
		}
		return "Requested"
	case fleetv1.TransitionReason_TRANSITION_REASON_PRICE_ABOVE_BID:
		return "PriceAboveBid"
	case fleetv1.TransitionReason_TRANSITION_REASON_STOCK_NEEDED:
		return "StockNeeded"
	case fleetv1.TransitionReason_TRANSITION_REASON_RECLAIM_ORDERED:
		return "ReclaimOrdered"
	case fleetv1.TransitionReason_TRANSITION_REASON_ACCOUNT_OVERDUE:
		return "AccountOverdue"
	case fleetv1.TransitionReason_TRANSITION_REASON_FAILURE:
		return "Failure"
	default:
		return ""
	}
}

func newEvent(instance *fleetv1.Instance, kind healthv1.InstanceEventKind, at *timestamppb.Timestamp) (*healthv1.InstanceEvent, error) {
	id, number := instance.GetInstanceId(), instance.GetTransitionNumber()
	switch {
	case id == "":
		return nil, fmt.Errorf("%w: no instance", ErrBroken)
	case instance.GetAccountId() == "":
		return nil, fmt.Errorf("%w: instance %q has no account", ErrBroken, id)
	case number <= 0:
		return nil, fmt.Errorf("%w: transition of instance %q has number %d", ErrBroken, id, number)
	case at == nil:
		return nil, fmt.Errorf("%w: transition %d of instance %q has no time", ErrBroken, number, id)
	}
	return &healthv1.InstanceEvent{
		EventId:          id + "/" + strconv.FormatInt(number, 10),
		Kind:             kind,
		AccountId:        instance.GetAccountId(),
		GroupId:          GroupOf(instance),
		InstanceId:       id,
		ZoneId:           instance.GetZoneId(),
		InstanceType:     instance.GetInstanceType(),
		BillingMethod:    instance.GetBillingMethod(),
		TransitionNumber: number,
		Time:             at,
		ReleaseTime:      instance.GetReleaseTime(),
	}, nil
}

// GroupOf tells the group of an instance; empty when it has none. Anyone can
// tag an instance, so a value that is no group's id is as good as no tag.
func GroupOf(instance *fleetv1.Instance) string {
	group := instance.GetTags()[GroupTag]
	if len(group) > maxGroupIDBytes || group == "_" {
		return ""
	}
	for _, c := range group {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (c < '0' || c > '9') && c != '-' && c != '_' {
			return ""
		}
	}
	return group
}
