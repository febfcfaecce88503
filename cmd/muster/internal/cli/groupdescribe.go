package cli

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"

	"github.com/seed-198b1370/muster/pkg/money"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

type groupDescribe struct{ namedGroup }

// lookedBack is how many activities are read in search of what a group does and
// what it did last.
const lookedBack = 3

// Run tells about the group.
func (c *groupDescribe) Run(ctx context.Context, on console) error {
	return c.call(func(conn grpc.ClientConnInterface) error {
		groups, fleet := groupv1.NewGroupServiceClient(conn), fleetv1.NewFleetServiceClient(conn)
		id, err := groupID(ctx, groups, c.Group)
		if err != nil {
			return err
		}
		got, err := groups.GetGroup(ctx, &groupv1.GetGroupRequest{GroupId: id})
		if err != nil {
			return err
		}
		if c.Output == "json" {
			return writeJSON(on.out, got)
		}
		latest, err := groups.ListActivities(ctx, &groupv1.ListActivitiesRequest{GroupId: id, PageSize: lookedBack})
		if err != nil {
			return err
		}
		tasks, err := groupv1.NewScalingServiceClient(conn).ListScalingTasks(ctx, &groupv1.ListScalingTasksRequest{GroupId: id})
		if err != nil {
			return err
		}
		told := standing{GetGroupResponse: got, latest: latest.GetActivities(), tasks: tasks.GetScalingTasks(), now: cloudTime(ctx, conn)}
		return c.showPriced(ctx, fleet, on.out, got, told.write)
	})
}

// cloudTime is what time it is for the cloud; zero when nobody tells, as a group
// service that runs alone.
func cloudTime(ctx context.Context, conn grpc.ClientConnInterface) time.Time {
	ctx, cancel := context.WithTimeout(ctx, currencyPatience)
	defer cancel()
	clock, err := fleetv1.NewSimulationServiceClient(conn).GetClock(ctx, &fleetv1.GetClockRequest{})
	if err != nil {
		return time.Time{}
	}
	return clock.GetTime().AsTime()
}

// A standing is all that is told of a group.
type standing struct {
	*groupv1.GetGroupResponse
	latest []*groupv1.Activity // latest first
	tasks  []*groupv1.ScalingTask
	now    time.Time // zero when not known
}

// write writes what the group is doing, why it is short, what is wanted and what
// is there. Lines that would say nothing are left out.
func (s standing) write(w pricedTable) {
	group := s.GetGroup()
	spec, f := group.GetSpec(), &facts{}
	f.add("Group", group.GetGroupId())
	f.add("Name", spec.GetName())
	f.add("About", spec.GetDescription())
	f.add("State", s.state())
	for _, doing := range s.doing() {
		f.add("Now", doing)
	}
	f.add("Short", short(group))
	f.add("Next look", s.nextLook())
	f.add("Last did", s.lastDid())
	f.add("Suspended", suspendedText(group))
	for _, condition := range group.GetConditions() {
		f.add(title(word(condition.GetType())), noteworthy(condition))
	}
	addCapacity(f, group)
	if protected := s.GetProtectedInstanceIds(); len(protected) > 0 {
		f.add("Protected", fmt.Sprintf("%s: %s", counted(len(protected), "instance", "instances"), listing(protected)))
	}
	s.addWishes(f)
	f.add("Etag", etagText(group))
	f.write(w.table)
	s.refusedTable(w.table)
	movesTable(w.table, s.GetRebalancing())
	s.tasksTable(w.table)
	unhealthyTable(w.table, group)
	row(w)
	candidateTable(w.table, spec.GetCandidates())
	w.sayPrices()
}

// state is where the group is in its life, and whether its target is met.
func (s standing) state() string {
	group := s.GetGroup()
	text := word(group.GetSpec().GetType()) + " group, " + lifeAndFulfillment(group)
	if created := group.GetCreateTime(); created != nil {
		text += ", created " + stamp(created)
	}
	if deleted := group.GetDeleteTime(); deleted != nil {
		text += ", deleted " + stamp(deleted)
	}
	return text
}

// lifeAndFulfillment is the lifecycle of a group and how it stands to its target.
func lifeAndFulfillment(group *groupv1.Group) string {
	text := word(group.GetLifecycle())
	if group.GetFulfillment() != groupv1.Fulfillment_FULFILLMENT_UNSPECIFIED {
		text += ", " + word(group.GetFulfillment())
	}
	return text
}

// doing is what the group does now, a sentence each.
func (s standing) doing() []string {
	var doing []string
	for _, activity := range s.latest {
		if activity.GetStatus() != groupv1.ActivityStatus_ACTIVITY_STATUS_IN_PROGRESS {
			continue
		}
		text := fmt.Sprintf("%s, since %s", activitySum(activity), stamp(activity.GetStartTime()))
		if moves := len(s.GetRebalancing().GetMoves()); moves > 0 && activity.GetActivityId() == s.GetRebalancing().GetActivityId() {
			text = fmt.Sprintf("rebalances, %s not over: %s", counted(moves, "move is", "moves are"), text)
		}
		doing = append(doing, text)
	}
	if len(doing) > 0 {
		return doing
	}
	return []string{s.idle()}
}

// idle says why a group does nothing.
func (s standing) idle() string {
	group := s.GetGroup()
	from := group.GetSpec().GetValidFrom()
	switch {
	case group.GetLifecycle() == groupv1.Lifecycle_LIFECYCLE_DELETED:
		return "nothing, it is deleted"
	case group.GetLifecycle() == groupv1.Lifecycle_LIFECYCLE_DELETE_RUNNING:
		return "it is being deleted"
	case !s.now.IsZero() && from != nil && s.now.Before(from.AsTime()):
		return "nothing, its validity begins at " + stamp(from)
	}
	switch group.GetFulfillment() {
	case groupv1.Fulfillment_FULFILLMENT_FULFILLED:
		return "nothing, the target is met"
	case groupv1.Fulfillment_FULFILLMENT_ERROR:
		if group.GetNextLookTime() == nil || group.GetSpec().GetType() != groupv1.GroupType_GROUP_TYPE_MAINTAIN {
			return "nothing, it has made its attempt"
		}
		return "waits to try again"
	case groupv1.Fulfillment_FULFILLMENT_PENDING_TERMINATION:
		return "waits for instances to go"
	case groupv1.Fulfillment_FULFILLMENT_PENDING_FULFILLMENT:
		return "waits for its next look, or for instances to run"
	default:
		return "waits for its first look"
	}
}

// short says why the target is not met; empty when it is.
func short(group *groupv1.Group) string {
	for _, condition := range group.GetConditions() {
		if condition.GetType() == groupv1.ConditionType_CONDITION_TYPE_FULFILLED && !condition.GetHolds() {
			text := condition.GetMessage()
			if reason := condition.GetReason(); reason != "" {
				text += " (" + reason + ")"
			}
			return text + ", since " + stamp(condition.GetLastTransitionTime())
		}
	}
	return ""
}

// isShortOfStock tells whether it is for want of stock that the target is not
// met.
func isShortOfStock(group *groupv1.Group) bool {
	return slices.ContainsFunc(group.GetConditions(), func(c *groupv1.Condition) bool {
		return c.GetType() == groupv1.ConditionType_CONDITION_TYPE_FULFILLED && !c.GetHolds() && c.GetReason() == "NoInstanceStock"
	})
}

// nextLook says when a group is looked at next, and whether it then tries again.
func (s standing) nextLook() string {
	group := s.GetGroup()
	if group.GetNextLookTime() == nil {
		return "none; it is not looked at any more"
	}
	at := stamp(group.GetNextLookTime())
	switch wait := group.GetNextLookTime().AsTime().Sub(s.now).Round(time.Second); {
	case s.now.IsZero():
	case wait > 0:
		at += ", in " + wait.String()
	default:
		at += ", which is now"
	}
	if group.GetFulfillment() == groupv1.Fulfillment_FULFILLMENT_ERROR {
		at += ", to try again"
		if isShortOfStock(group) {
			at += "; earlier when stock is seen to return"
		}
		return at
	}
	return at + "; earlier when something happens to an instance"
}

// lastDid is the latest activity that has ended.
func (s standing) lastDid() string {
	for _, activity := range s.latest {
		if end := activity.GetEndTime(); end != nil {
			return fmt.Sprintf("%s; %s at %s", activitySum(activity), word(activity.GetStatus()), stamp(end))
		}
	}
	return ""
}

// suspendedText says what a group does not do, and what ends that.
func suspendedText(group *groupv1.Group) string {
	suspended := suspendedWords(group)
	if suspended == "" {
		return ""
	}
	return fmt.Sprintf("%s; `muster group resume %s %s` ends that", suspended, group.GetGroupId(), strings.ReplaceAll(suspended, ",", ""))
}

// noteworthy is a condition that is not as it should be; empty for others, and
// for whether the target is met, which is told as why it is not.
func noteworthy(condition *groupv1.Condition) string {
	if condition.GetType() == groupv1.ConditionType_CONDITION_TYPE_FULFILLED || condition.GetHolds() {
		return ""
	}
	return holding(condition)
}

// etagText is the etag, and whether the spec is not acted upon yet.
func etagText(group *groupv1.Group) string {
	text := group.GetEtag()
	if group.GetObservedGeneration() < group.GetGeneration() {
		text = strings.TrimPrefix(text+"; the latest change is not acted upon yet", "; ")
	}
	return text
}

// addCapacity adds the target, and what is there of it.
func addCapacity(f *facts, group *groupv1.Group) {
	capacity := group.GetCapacity()
	f.add("Target", targetText(group.GetSpec().GetTargetCapacity()))
	if capacity.GetInstances() == 0 {
		f.add("Capacity", "none")
		f.add("Cost", costText(group))
		return
	}
	held := fmt.Sprintf("%s units in %s: %s pay-as-you-go, %s spot", units(capacity.GetFulfilled()), counted(capacity.GetInstances(), "instance", "instances"),
		units(capacity.GetFulfilledPayAsYouGo()), units(capacity.GetFulfilledSpot()))
	if instead := capacity.GetPayAsYouGoForSpot(); instead > 0 {
		held += fmt.Sprintf("; %s of the pay-as-you-go stand in for spot", units(instead))
	}
	if running := capacity.GetRunning(); running != capacity.GetFulfilled() {
		held += fmt.Sprintf("; %s running", units(running))
	}
	for _, some := range []struct {
		number    int32
		one, many string
	}{
		{capacity.GetNoticedInstances(), "instance has its interruption notice", "instances have their interruption notice"},
		{capacity.GetUnhealthyInstances(), "instance is unhealthy", "instances are unhealthy"},
		{capacity.GetStoppedInstances(), "instance is stopped", "instances are stopped"},
	} {
		if some.number > 0 {
			held += "; " + counted(some.number, some.one, some.many)
		}
	}
	f.add("Capacity", held)
	f.add("Cost", costText(group))
}

// targetText says how much is wanted.
func targetText(target *groupv1.TargetCapacity) string {
	text := counted(target.GetTotal(), "unit", "units")
	rest := target.GetTotal() - target.GetPayAsYouGo() - target.GetSpot()
	least := ""
	if rest > 0 {
		least = "at least "
	}
	var parts []string
	if target.GetPayAsYouGo() > 0 {
		parts = append(parts, fmt.Sprintf("%s%d pay-as-you-go", least, target.GetPayAsYouGo()))
	}
	if target.GetSpot() > 0 {
		parts = append(parts, fmt.Sprintf("%s%d spot", least, target.GetSpot()))
	}
	if rest > 0 && target.GetDefaultType() > 0 {
		parts = append(parts, "the rest "+word(target.GetDefaultType()))
		if len(parts) == 1 {
			parts = []string{"all " + word(target.GetDefaultType())}
		}
	}
	if len(parts) > 0 {
		text += ": " + strings.Join(parts, ", ")
	}
	if target.GetMinimum() > 0 {
		text += fmt.Sprintf("; nothing below %d", target.GetMinimum())
	}
	return text
}

// costText says what the instances cost, and what they may.
func costText(group *groupv1.Group) string {
	cost, text := group.GetCost(), ""
	if cost.GetMicrosPerHour() > 0 {
		text = money.FormatMicros(cost.GetMicrosPerHour()) + " per hour"
		if all := cost.GetAllPayAsYouGoMicrosPerHour(); all > cost.GetMicrosPerHour() {
			text += "; all pay-as-you-go it would be " + money.FormatMicros(all)
		}
	}
	if budget := group.GetSpec().GetBudget(); budget != nil {
		text = cmp.Or(text, "0.00 per hour") + "; the budget is " + money.FormatMicros(budget.GetMaxMicrosPerHour())
		if budget.GetShed() {
			text += ", and instances are given up for it, " + word(cmp.Or(budget.GetShedOrder(), groupv1.ShedOrder_SHED_ORDER_DEAREST)) + " first"
			text = strings.TrimSuffix(strings.ReplaceAll(text, "-first first", " first"), " ")
		}
	}
	return text
}

// sortedKeys are the keys of a set, in order.
func sortedKeys(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }
