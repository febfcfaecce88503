package cli

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seed-198b1370/muster/pkg/money"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// describeGroup writes everything about a group: what is wanted, what is there,
// what is being done about the difference and why it is not met.
func describeGroup(w pricedTable, group *groupv1.Group, latest []*groupv1.Activity) {
	spec := group.GetSpec()
	row(w, "Group:", group.GetGroupId())
	row(w, "Name:", orDash(spec.GetName()))
	row(w, "Type:", word(spec.GetType()))
	row(w, "Lifecycle:", word(group.GetLifecycle()))
	row(w, "State:", word(group.GetFulfillment()))
	describeCapacity(w, group)
	describeWishes(w, spec)
	if suspended := suspendedWords(group); suspended != "" {
		row(w, "Suspended:", suspended+"; `muster group resume` ends that")
	}
	for _, condition := range group.GetConditions() {
		row(w, fmt.Sprintf("%s:", title(word(condition.GetType()))), holding(condition))
	}
	for _, activity := range latest {
		row(w, activityTitle(activity)+":", activityWords(activity))
	}
	row(w, "Generation:", fmt.Sprintf("%d, observed %d", group.GetGeneration(), group.GetObservedGeneration()))
	row(w, "Created:", stamp(group.GetCreateTime()))
	row(w, "Next look:", nextLook(group))
	row(w, "Etag:", group.GetEtag())
	unhealthyTable(w.table, group)
	row(w)
	row(w, "CANDIDATE", "ZONE", "WEIGHT", "PRIORITY", "MAX PRICE/H")
	for _, candidate := range spec.GetCandidates() {
		priority, price := "-", "-"
		if candidate.Priority != nil {
			priority = fmt.Sprint(candidate.GetPriority())
		}
		if limit := candidate.GetMaxPriceMicrosPerHour(); limit > 0 {
			price = money.FormatMicros(limit)
		}
		named, weight := candidate.GetInstanceType(), "1"
		if candidate.WeightedCapacity != nil {
			weight = units(candidate.GetWeightedCapacity())
		}
		if attributes := candidate.GetAttributes(); attributes != nil {
			named = "by attributes"
			if unit := attributes.GetCapacityUnit(); unit > allocatorv1.CapacityUnit_CAPACITY_UNIT_INSTANCE {
				weight = "by " + word(unit)
			}
		}
		row(w, named, candidate.GetZoneId(), weight, priority, price)
	}
	w.sayPrices()
}

// describeCapacity writes the target and what is there of it.
func describeCapacity(w pricedTable, group *groupv1.Group) {
	capacity, cost, target := group.GetCapacity(), group.GetCost(), group.GetSpec().GetTargetCapacity()
	wanted := fmt.Sprintf("%d units: at least %d pay-as-you-go, at least %d spot, the rest %s",
		target.GetTotal(), target.GetPayAsYouGo(), target.GetSpot(), word(target.GetDefaultType()))
	if target.GetMinimum() > 0 {
		wanted += fmt.Sprintf("; nothing below %d", target.GetMinimum())
	}
	row(w, "Target:", wanted)
	held := fmt.Sprintf("%s units: %s pay-as-you-go, %s spot; %s running", units(capacity.GetFulfilled()),
		units(capacity.GetFulfilledPayAsYouGo()), units(capacity.GetFulfilledSpot()), units(capacity.GetRunning()))
	if instead := capacity.GetPayAsYouGoForSpot(); instead > 0 {
		held += fmt.Sprintf("; %s of the pay-as-you-go stand in for spot", units(instead))
	}
	row(w, "Capacity:", held)
	instances := fmt.Sprintf("%d, of which %d have their interruption notice and %d are unhealthy",
		capacity.GetInstances(), capacity.GetNoticedInstances(), capacity.GetUnhealthyInstances())
	if stopped := capacity.GetStoppedInstances(); stopped > 0 {
		instances += fmt.Sprintf("; %d are stopped", stopped)
	}
	row(w, "Instances:", instances)
	paid := fmt.Sprintf("%s per hour; all pay-as-you-go it would be %s", money.FormatMicros(cost.GetMicrosPerHour()),
		money.FormatMicros(cost.GetAllPayAsYouGoMicrosPerHour()))
	if budget := group.GetSpec().GetBudget(); budget != nil {
		paid += fmt.Sprintf("; the budget is %s", money.FormatMicros(budget.GetMaxMicrosPerHour()))
		if budget.GetShed() {
			paid += ", and instances are given up for it: " + word(budget.GetShedOrder())
		}
	}
	row(w, "Cost:", paid)
}

// describeWishes writes how the target is to be met, as far as that says
// something.
func describeWishes(w pricedTable, spec *groupv1.GroupSpec) {
	strategies := fmt.Sprintf("pay-as-you-go %s, spot %s", word(spec.GetPayAsYouGo().GetAllocationStrategy()), spotStrategy(spec.GetSpot()))
	if shortfall := spec.GetSpot().GetShortfall(); shortfall > groupv1.SpotShortfall_SPOT_SHORTFALL_WAIT {
		strategies += "; spot that can not be had: " + word(shortfall)
	}
	row(w, "Strategies:", strategies)
	if spec.GetType() == groupv1.GroupType_GROUP_TYPE_MAINTAIN {
		row(w, "Replacement:", fmt.Sprintf("unhealthy %d %% of a target at a time, interrupted %s",
			spec.GetHealth().GetMaxUnhealthyReplacementPercent(), word(spec.GetSpot().GetInterruptionReplacement())))
	}
	if template := spec.GetLaunchTemplate(); template != nil {
		row(w, "Template:", fmt.Sprintf("%s, version %d", template.GetLaunchTemplateId(), template.GetVersion()))
	}
	if from, until := spec.GetValidFrom(), spec.GetValidUntil(); from != nil || until != nil {
		row(w, "Valid:", fmt.Sprintf("from %s until %s", stamp(from), stamp(until)))
	}
	if bounds := spec.GetScalingBounds(); bounds != nil {
		row(w, "Bounds:", fmt.Sprintf("scaling tasks keep the target between %d and %d", bounds.GetMinimum(), cmp.Or(bounds.GetMaximum(), 2000)))
	}
	if len(spec.GetTags()) > 0 {
		var tags []string
		for _, key := range slices.Sorted(maps.Keys(spec.GetTags())) {
			tags = append(tags, key+"="+spec.GetTags()[key])
		}
		row(w, "Tags:", strings.Join(tags, ", "))
	}
}

// activityTitle says whether an activity is the present or the past.
func activityTitle(activity *groupv1.Activity) string {
	if activity.GetStatus() == groupv1.ActivityStatus_ACTIVITY_STATUS_IN_PROGRESS {
		return "Doing now"
	}
	return "Last did"
}

// activityWords says what an activity is for and what came of it so far.
func activityWords(activity *groupv1.Activity) string {
	launched, restarted, failed := int32(0), 0, map[string]bool{}
	for _, result := range activity.GetLaunchResults() {
		launched += result.GetAmount()
		if code := result.GetErrorCode(); code != "" {
			failed[code] = true
		}
	}
	for _, restart := range activity.GetRestarts() {
		if restart.GetErrorCode() == "" {
			restarted++
		}
	}
	text := fmt.Sprintf("%s since %s: launched %d", activity.GetCause(), stamp(activity.GetStartTime()), launched)
	if restarted > 0 {
		text += fmt.Sprintf(", restarted %d", restarted)
	}
	if removed := len(activity.GetRemovals()); removed > 0 {
		text += fmt.Sprintf(", gave up %d", removed)
	}
	if len(failed) > 0 {
		text += "; pools refused: " + strings.Join(slices.Sorted(maps.Keys(failed)), ", ")
	}
	if activity.GetStatus() != groupv1.ActivityStatus_ACTIVITY_STATUS_IN_PROGRESS {
		text += "; " + word(activity.GetStatus())
	}
	return text + " (" + activity.GetActivityId() + ")"
}

// nextLook says when a group is looked at next, and whether it then tries again.
func nextLook(group *groupv1.Group) string {
	at := stamp(group.GetNextLookTime())
	switch {
	case group.GetNextLookTime() == nil:
		return "none"
	case group.GetFulfillment() == groupv1.Fulfillment_FULFILLMENT_ERROR:
		return at + ", to try again; earlier when stock is seen to return"
	default:
		return at + ", earlier when something happens to an instance"
	}
}
