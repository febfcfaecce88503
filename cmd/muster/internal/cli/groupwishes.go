package cli

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seed-198b1370/muster/pkg/money"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// What a spec says when nobody has chosen.
const (
	usualReplacePercent = 20
	usualRetention      = 24 * time.Hour
	mostCapacity        = 2000
	endlessYear         = 2099
)

// addWishes adds how the target is to be met, as far as that is not what every
// group does.
func (s standing) addWishes(f *facts) {
	spec := s.GetGroup().GetSpec()
	f.add("Strategy", strategyText(spec))
	f.add("Replacement", replacementText(spec))
	f.add("Releases", releaseText(spec))
	if template := spec.GetLaunchTemplate(); template != nil {
		f.add("Template", fmt.Sprintf("%s, version %d", template.GetLaunchTemplateId(), template.GetVersion()))
	}
	f.add("Valid", validText(spec))
	if bounds := spec.GetScalingBounds(); bounds != nil {
		f.add("Bounds", fmt.Sprintf("scaling tasks keep the target between %d and %d", bounds.GetMinimum(), cmp.Or(bounds.GetMaximum(), mostCapacity)))
	}
	var tags []string
	for _, key := range slices.Sorted(maps.Keys(spec.GetTags())) {
		tags = append(tags, key+"="+spec.GetTags()[key])
	}
	f.add("Tags", strings.Join(tags, ", "))
}

// strategyText says how pools are chosen, for the billing methods that are
// wanted.
func strategyText(spec *groupv1.GroupSpec) string {
	var parts []string
	target := spec.GetTargetCapacity()
	rest := target.GetTotal() > target.GetPayAsYouGo()+target.GetSpot()
	paid := rest && target.GetDefaultType() == groupv1.DefaultTargetCapacityType_DEFAULT_TARGET_CAPACITY_TYPE_PAY_AS_YOU_GO
	if strategy := spec.GetPayAsYouGo().GetAllocationStrategy(); strategy > 0 && (target.GetPayAsYouGo() > 0 || paid) {
		parts = append(parts, "pay-as-you-go "+word(strategy))
	}
	if spot := spec.GetSpot(); spot.GetAllocationStrategy() > 0 && (target.GetSpot() > 0 || rest && !paid) {
		text := "spot " + spotStrategy(spot)
		if limit := spot.GetMaxPriceMicrosPerHour(); limit > 0 {
			text += " at most " + money.FormatMicros(limit)
		}
		parts = append(parts, text)
	}
	text := strings.Join(parts, ", ")
	if shortfall := spec.GetSpot().GetShortfall(); shortfall > groupv1.SpotShortfall_SPOT_SHORTFALL_WAIT {
		instead := "pay-as-you-go takes the place of spot that can not be had"
		if shortfall == groupv1.SpotShortfall_SPOT_SHORTFALL_PAY_AS_YOU_GO_UNTIL_SPOT_RETURNS {
			instead += ", until it returns"
		}
		text = strings.TrimPrefix(text+"; "+instead, "; ")
	}
	return text
}

// replacementText says how lost instances are replaced, where that is not as
// usual.
func replacementText(spec *groupv1.GroupSpec) string {
	var parts []string
	if percent := spec.GetHealth().GetMaxUnhealthyReplacementPercent(); percent > 0 && percent != usualReplacePercent {
		parts = append(parts, fmt.Sprintf("of unhealthy ones at most %d %% of a target at a time", percent))
	}
	if spec.GetSpot().GetInterruptionReplacement() == groupv1.InterruptionReplacement_INTERRUPTION_REPLACEMENT_ON_RELEASE {
		parts = append(parts, "of interrupted ones when they are released, not at their notice")
	}
	if spec.GetSpot().GetInterruptionBehavior() == fleetv1.InterruptionBehavior_INTERRUPTION_BEHAVIOR_STOP {
		text := "interrupted ones are stopped, and started again"
		if kept := spec.GetSpot().GetStoppedRetention(); kept != nil && kept.AsDuration() != usualRetention {
			text += " within " + kept.AsDuration().String()
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

// releaseText says which instances the group releases that other groups would
// let run on.
func releaseText(spec *groupv1.GroupSpec) string {
	var when []string
	if spec.GetExcessCapacityTerminationPolicy() == groupv1.ExcessCapacityTerminationPolicy_EXCESS_CAPACITY_TERMINATION_POLICY_TERMINATION {
		when = append(when, "those above the target")
	}
	if spec.GetTerminateInstances() {
		when = append(when, "all when it is deleted")
	}
	if spec.GetTerminateInstancesWithExpiration() {
		when = append(when, "all when its validity ends")
	}
	return strings.Join(when, ", ")
}

// validText says when capacity is provided, unless that is always.
func validText(spec *groupv1.GroupSpec) string {
	var parts []string
	if from := spec.GetValidFrom(); from != nil {
		parts = append(parts, "from "+stamp(from))
	}
	if until := spec.GetValidUntil(); until != nil && until.AsTime().Year() < endlessYear {
		parts = append(parts, "until "+stamp(until))
	}
	return strings.Join(parts, " ")
}

// mostRefused is how many refusals are shown.
const mostRefused = 20

// refusedTable writes what refused launches, why, and when it is tried again: at
// a time of its own, or, where the last attempt found it so, at the next look.
func (s standing) refusedTable(w table) {
	var rows [][]any
	known := map[string]bool{}
	for _, pool := range s.GetRefusedPools() {
		method := "any"
		if pool.GetBillingMethod() != fleetv1.BillingMethod_BILLING_METHOD_UNSPECIFIED {
			method = word(pool.GetBillingMethod())
		}
		known[poolWords(pool.GetInstanceType(), pool.GetZoneId(), method)] = true
		rows = append(rows, []any{cmp.Or(pool.GetInstanceType(), "any"), cmp.Or(pool.GetZoneId(), "any"), method, stamp(pool.GetRetryTime()), pool.GetErrorCode()})
	}
	for _, result := range s.lastResults() {
		if result.GetErrorCode() != "" && !known[resultPool(result)] {
			rows = append(rows, []any{result.GetInstanceType(), result.GetZoneId(), methodOf(result), "next look", result.GetErrorCode()})
		}
	}
	if len(rows) == 0 {
		return
	}
	row(w)
	row(w, "REFUSED", "ZONE", "BILLING", "NEXT TRY", "WHY")
	for _, cells := range rows[:min(mostRefused, len(rows))] {
		row(w, cells...)
	}
	if more := len(rows) - mostRefused; more > 0 {
		w.say(fmt.Sprintf("and %d more; -o json has them", more))
	}
}

// lastResults are the launch results of the latest attempt, while the group is
// short and goes on trying.
func (s standing) lastResults() []*groupv1.LaunchResult {
	group := s.GetGroup()
	if short(group) == "" || group.GetSpec().GetType() != groupv1.GroupType_GROUP_TYPE_MAINTAIN {
		return nil
	}
	for _, activity := range s.latest {
		if len(activity.GetLaunchResults()) > 0 {
			return activity.GetLaunchResults()
		}
	}
	return nil
}

// movesTable writes the moves of a rebalancing that are not over.
func movesTable(w table, under *groupv1.Rebalancing) {
	if len(under.GetMoves()) == 0 {
		return
	}
	row(w)
	row(w, "REBALANCING", "FROM", "IN", "LAUNCHED", "TO", "IN")
	for _, move := range under.GetMoves() {
		row(w, word(move.GetBillingMethod()), fmt.Sprintf("%d %s", move.GetRemoveInstances(), move.GetFromInstanceType()), move.GetFromZoneId(),
			fmt.Sprintf("%d of %d", move.GetLaunchedInstances(), move.GetLaunchInstances()), move.GetToInstanceType(), move.GetToZoneId())
	}
}

// tasksTable writes the scaling tasks.
func (s standing) tasksTable(w table) {
	if len(s.tasks) == 0 {
		return
	}
	row(w)
	taskRows(w, "SCALING TASK", s.tasks)
}

// candidateTable writes the candidates, with the columns that say something.
func candidateTable(w table, candidates []*groupv1.Candidate) {
	if len(candidates) == 0 {
		return
	}
	columns := []struct {
		name string
		none string                          // in place of an empty cell
		cell func(*groupv1.Candidate) string // empty where there is nothing to say
	}{
		{"CANDIDATE", "-", candidateName},
		{"ZONE", "-", (*groupv1.Candidate).GetZoneId},
		{"WEIGHT", "1", candidateWeight},
		{"PRIORITY", "-", func(c *groupv1.Candidate) string {
			if c.Priority == nil {
				return ""
			}
			return fmt.Sprint(c.GetPriority())
		}},
		{"MAX PRICE/H", "-", func(c *groupv1.Candidate) string {
			if c.GetMaxPriceMicrosPerHour() == 0 {
				return ""
			}
			return money.FormatMicros(c.GetMaxPriceMicrosPerHour())
		}},
		{"IMAGE", "-", (*groupv1.Candidate).GetImageId},
	}
	rows := make([][]any, len(candidates)+1)
	for _, column := range columns {
		if !slices.ContainsFunc(candidates, func(c *groupv1.Candidate) bool { return column.cell(c) != "" }) {
			continue
		}
		rows[0] = append(rows[0], column.name)
		for i, candidate := range candidates {
			rows[i+1] = append(rows[i+1], cmp.Or(column.cell(candidate), column.none))
		}
	}
	for _, cells := range rows {
		row(w, cells...)
	}
}

// candidateName is the instance type of a candidate, or what is in its place.
func candidateName(candidate *groupv1.Candidate) string {
	if candidate.GetAttributes() != nil {
		return "by attributes"
	}
	return candidate.GetInstanceType()
}

// candidateWeight is what an instance of a candidate counts; empty for one unit.
func candidateWeight(candidate *groupv1.Candidate) string {
	if unit := candidate.GetAttributes().GetCapacityUnit(); unit > allocatorv1.CapacityUnit_CAPACITY_UNIT_INSTANCE {
		return "by " + word(unit)
	}
	if candidate.WeightedCapacity == nil || candidate.GetWeightedCapacity() == 1 {
		return ""
	}
	return units(candidate.GetWeightedCapacity())
}
