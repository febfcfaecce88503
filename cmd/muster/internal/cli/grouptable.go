package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/seed-198b1370/muster/pkg/money"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// How wide cells with others' words may be, for a table to fit [widestText].
const (
	widestName = 16 // names of groups
	widestTask = 12 // names of scaling tasks
	widestWhen = 22 // when a scaling task acts
	widestSeen = 40 // what was seen of an unhealthy instance
)

// groupTable writes groups, a row each. Names that are longer than the others
// are cut; -o json has them in full.
func groupTable(w pricedTable, groups ...*groupv1.Group) {
	row(w, "GROUP", "NAME", "TYPE", "STATE", "CAPACITY", "COST/H")
	for _, group := range groups {
		row(w, group.GetGroupId(), orDash(cut(tame(group.GetSpec().GetName()), widestName)), word(group.GetSpec().GetType()), groupState(group),
			fmt.Sprintf("%s/%d", units(group.GetCapacity().GetFulfilled()), group.GetSpec().GetTargetCapacity().GetTotal()),
			money.FormatMicros(group.GetCost().GetMicrosPerHour()))
	}
	if len(groups) > 0 {
		w.sayPrices()
	}
}

// groupState is in one word how a living group stands to its target, and of
// others where they are in their life.
func groupState(group *groupv1.Group) string {
	switch group.GetLifecycle() {
	case groupv1.Lifecycle_LIFECYCLE_DELETE_RUNNING, groupv1.Lifecycle_LIFECYCLE_DELETED:
		return word(group.GetLifecycle())
	default:
		if group.GetFulfillment() == groupv1.Fulfillment_FULFILLMENT_UNSPECIFIED {
			return word(group.GetLifecycle())
		}
		return word(group.GetFulfillment())
	}
}

// unhealthyTable writes who is unhealthy, and what is being done about it.
func unhealthyTable(w table, group *groupv1.Group) {
	unhealthy := group.GetUnhealthyInstances()
	if len(unhealthy) == 0 {
		return
	}
	row(w)
	row(w, "UNHEALTHY", "SINCE", "REASON", "REPLACED", "WHAT WAS SEEN")
	for _, instance := range unhealthy {
		replacement := "no"
		switch {
		case instance.GetBeingReplaced():
			replacement = "now"
		case group.GetSpec().GetType() == groupv1.GroupType_GROUP_TYPE_MAINTAIN:
			replacement = "waits"
		}
		row(w, instance.GetInstanceId(), stamp(instance.GetSinceTime()), orDash(instance.GetReason()), replacement,
			orDash(cut(tame(instance.GetMessage()), widestSeen)))
	}
	if more := int(group.GetCapacity().GetUnhealthyInstances()) - len(unhealthy); more > 0 {
		row(w, fmt.Sprintf("and %d more", more))
	}
}

// spotStrategy says how spot capacity is chosen.
func spotStrategy(spot *groupv1.SpotOptions) string {
	strategy := word(spot.GetAllocationStrategy())
	switch {
	case spot.GetAllocationStrategy() != allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_LOWEST_PRICE:
		return strategy // only that one counts pools
	case spot.GetPoolsToUse() <= 1:
		return strategy + " over the cheapest pool"
	default:
		return fmt.Sprintf("%s over %d pools", strategy, spot.GetPoolsToUse())
	}
}

// holding says whether a condition holds, since when and why. A reason that only
// repeats the name of the condition is left out.
func holding(condition *groupv1.Condition) string {
	holds := "no"
	if condition.GetHolds() {
		holds = "yes"
	}
	text := holds + " since " + stamp(condition.GetLastTransitionTime())
	if reason := condition.GetReason(); reason != "" && !strings.EqualFold(reason, strings.ReplaceAll(word(condition.GetType()), "-", "")) {
		text += ": " + reason
	}
	return text + ": " + condition.GetMessage()
}

// title writes a word with a capital first letter.
func title(word string) string {
	if word == "" || word == "-" {
		return word
	}
	return string(word[0]-'a'+'A') + word[1:]
}

// launchTable writes launch results, a row each.
func launchTable(w io.Writer, spec *groupv1.GroupSpec, results []*groupv1.LaunchResult) {
	row(w, "TYPE", "ZONE", "BILLING", "LAUNCHED", "ERROR")
	for _, result := range results {
		problem := "-"
		if result.GetErrorCode() != "" {
			problem = result.GetErrorCode() + ": " + result.GetErrorMessage()
		}
		row(w, result.GetInstanceType(), result.GetZoneId(), billing(spec, result), result.GetAmount(), problem)
	}
}

// billing says how what was launched is paid for, with the bid if there is one.
func billing(spec *groupv1.GroupSpec, result *groupv1.LaunchResult) string {
	switch result.GetSpotStrategy() {
	case groupv1.SpotStrategy_SPOT_STRATEGY_NO_SPOT:
		return word(fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO)
	case groupv1.SpotStrategy_SPOT_STRATEGY_SPOT_WITH_PRICE_LIMIT:
		return word(fleetv1.BillingMethod_BILLING_METHOD_SPOT) + ", bid " + money.FormatMicros(bid(spec, result))
	case groupv1.SpotStrategy_SPOT_STRATEGY_SPOT_AS_PRICE_GO:
		return word(fleetv1.BillingMethod_BILLING_METHOD_SPOT)
	default:
		return word(result.GetSpotStrategy())
	}
}

// bid is the lower of the maximum prices that apply to a pool; 0 when none does.
func bid(spec *groupv1.GroupSpec, result *groupv1.LaunchResult) int64 {
	limit := spec.GetSpot().GetMaxPriceMicrosPerHour()
	for _, candidate := range spec.GetCandidates() {
		own := candidate.GetMaxPriceMicrosPerHour()
		if candidate.GetZoneId() == result.GetZoneId() && candidate.GetInstanceType() == result.GetInstanceType() && own > 0 && (limit == 0 || own < limit) {
			limit = own
		}
	}
	return limit
}
