package cli

import (
	"fmt"
	"io"

	"github.com/seed-198b1370/muster/pkg/money"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// groupTable writes groups, a row each.
func groupTable(w io.Writer, groups ...*groupv1.Group) {
	row(w, "GROUP", "NAME", "TYPE", "LIFECYCLE", "STATE", "CAPACITY", "PAY-AS-YOU-GO", "SPOT", "COST/H")
	for _, group := range groups {
		capacity, target := group.GetCapacity(), group.GetSpec().GetTargetCapacity()
		row(w, group.GetGroupId(), orDash(group.GetSpec().GetName()), word(group.GetSpec().GetType()),
			word(group.GetLifecycle()), word(group.GetFulfillment()),
			fmt.Sprintf("%s/%d", units(capacity.GetFulfilled()), target.GetTotal()),
			units(capacity.GetFulfilledPayAsYouGo()), units(capacity.GetFulfilledSpot()),
			money.FormatMicros(group.GetCost().GetMicrosPerHour()))
	}
}

// describeGroup writes everything about a group.
func describeGroup(w io.Writer, group *groupv1.Group) {
	spec, capacity, cost := group.GetSpec(), group.GetCapacity(), group.GetCost()
	target := spec.GetTargetCapacity()
	row(w, "Group:", group.GetGroupId())
	row(w, "Name:", orDash(spec.GetName()))
	row(w, "Type:", word(spec.GetType()))
	row(w, "Lifecycle:", word(group.GetLifecycle()))
	row(w, "State:", word(group.GetFulfillment()))
	row(w, "Target:", fmt.Sprintf("%d units: at least %d pay-as-you-go, at least %d spot, the rest %s",
		target.GetTotal(), target.GetPayAsYouGo(), target.GetSpot(), word(target.GetDefaultType())))
	row(w, "Capacity:", fmt.Sprintf("%s units: %s pay-as-you-go, %s spot; %s running", units(capacity.GetFulfilled()),
		units(capacity.GetFulfilledPayAsYouGo()), units(capacity.GetFulfilledSpot()), units(capacity.GetRunning())))
	row(w, "Instances:", fmt.Sprintf("%d, of which %d have their interruption notice", capacity.GetInstances(), capacity.GetNoticedInstances()))
	row(w, "Cost:", fmt.Sprintf("%s per hour; all pay-as-you-go it would be %s", money.FormatMicros(cost.GetMicrosPerHour()),
		money.FormatMicros(cost.GetAllPayAsYouGoMicrosPerHour())))
	row(w, "Strategies:", fmt.Sprintf("pay-as-you-go %s, spot %s over %d pools", word(spec.GetPayAsYouGo().GetAllocationStrategy()),
		word(spec.GetSpot().GetAllocationStrategy()), spec.GetSpot().GetPoolsToUse()))
	for _, condition := range group.GetConditions() {
		holds := "no"
		if condition.GetHolds() {
			holds = "yes"
		}
		row(w, fmt.Sprintf("%s:", title(word(condition.GetType()))), fmt.Sprintf("%s since %s: %s: %s", holds,
			stamp(condition.GetLastTransitionTime()), condition.GetReason(), condition.GetMessage()))
	}
	row(w, "Generation:", fmt.Sprintf("%d, observed %d", group.GetGeneration(), group.GetObservedGeneration()))
	row(w, "Created:", stamp(group.GetCreateTime()))
	row(w, "Next look:", stamp(group.GetNextLookTime()))
	row(w, "Etag:", group.GetEtag())
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
		row(w, candidate.GetInstanceType(), candidate.GetZoneId(), units(candidate.GetWeightedCapacity()), priority, price)
	}
}

// title writes a word with a capital first letter.
func title(word string) string {
	if word == "" {
		return word
	}
	return string(word[0]-'a'+'A') + word[1:]
}

// launchTable writes launch results, a row each.
func launchTable(w io.Writer, results []*groupv1.LaunchResult) {
	row(w, "POOL", "ZONE", "BILLING", "LAUNCHED", "ERROR")
	for _, result := range results {
		problem := "-"
		if result.GetErrorCode() != "" {
			problem = result.GetErrorCode() + ": " + result.GetErrorMessage()
		}
		row(w, result.GetInstanceType(), result.GetZoneId(), word(result.GetSpotStrategy()), result.GetAmount(), problem)
	}
}
