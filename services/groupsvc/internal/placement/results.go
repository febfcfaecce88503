package placement

import (
	"cmp"
	"fmt"

	"github.com/seed-198b1370/muster/pkg/money"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

// Error codes of launch results, in the cloud's words.
const (
	// CodeNoStock means that the pool is sold out.
	CodeNoStock = "NoInstanceStock"
	// CodePrice means that the market price is above the maximum price.
	CodePrice = "InvalidSpotPriceLimit.LowerThanPublicPrice"
	// CodeBalance means that the account owes money.
	CodeBalance = "InvalidAccountStatus.NotEnoughBalance"
	// CodeQuota means that the account may have no more vCPUs.
	CodeQuota = "QuotaExceed.ElasticQuota"
	// CodeZone means that the zone does not sell now.
	CodeZone = "Zone.NotOnSale"
	// CodeDisk means that the zone offers none of the categories that a disk
	// may have.
	CodeDisk = "InvalidDiskCategory.NotSupported"
	// CodeThrottled means that the account calls more often than it may.
	CodeThrottled = "Throttling"
	// CodeInternal means that the cloud refused for another reason.
	CodeInternal = "InternalError"
)

// MessageOf is the sentence that goes with an error code.
func MessageOf(code string) string {
	switch code {
	case CodeNoStock:
		return "The instanceTypes are out of usage."
	case CodePrice:
		return "The maximum price is below the market price."
	case CodeBalance:
		return "The account owes money."
	case CodeQuota:
		return "The vCPU quota of the account is used up."
	case CodeThrottled:
		return "The account calls the cloud more often than it may."
	case CodeZone:
		return "The zone does not sell now."
	case CodeDisk:
		return "The zone offers none of the categories named for a disk."
	default:
		return "The cloud refused the launch."
	}
}

// StrategyOf tells the spot strategy of launches from a pool at a bid.
func StrategyOf(method fleetv1.BillingMethod, maxPrice int64) groupv1.SpotStrategy {
	switch {
	case method == fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO:
		return groupv1.SpotStrategy_SPOT_STRATEGY_NO_SPOT
	case maxPrice > 0:
		return groupv1.SpotStrategy_SPOT_STRATEGY_SPOT_WITH_PRICE_LIMIT
	default:
		return groupv1.SpotStrategy_SPOT_STRATEGY_SPOT_AS_PRICE_GO
	}
}

// RuledOut gives a launch result without instances for each pool that an answer
// passed over for want of stock or for its price. Pools of candidates with
// attributes have results only when they are tried: there can be thousands.
func RuledOut(spec *groupv1.GroupSpec, answer *allocatorv1.PlaceResponse) []*groupv1.LaunchResult {
	var results []*groupv1.LaunchResult
	for _, demand := range answer.GetPlacements() {
		for _, decision := range demand.GetPools() {
			code, candidate := codeOf(decision.GetVerdict()), candidateOf(spec, decision)
			if code == "" || candidate == nil || candidate.GetAttributes() != nil {
				continue
			}
			message := MessageOf(code)
			if code == CodePrice {
				message = fmt.Sprintf("The maximum price %s is below the market price %s.",
					money.FormatMicros(decision.GetMaxPriceMicrosPerHour()), money.FormatMicros(decision.GetPriceMicrosPerHour()))
			}
			method := demand.GetBillingMethod()
			results = append(results, &groupv1.LaunchResult{
				ZoneId: decision.GetZoneId(), InstanceType: decision.GetInstanceType(),
				SpotStrategy: StrategyOf(method, maxPrice(spec, candidate, method)),
				ErrorCode:    code, ErrorMessage: message,
			})
		}
	}
	return results
}

func codeOf(verdict allocatorv1.Verdict) string {
	switch verdict {
	case allocatorv1.Verdict_VERDICT_NO_STOCK:
		return CodeNoStock
	case allocatorv1.Verdict_VERDICT_PRICE_TOO_HIGH:
		return CodePrice
	default:
		return ""
	}
}

// Merge adds a result to those of an activity: one result for each pool and
// bid, in order of first appearance, and an error only where nothing was
// launched.
func Merge(results []*groupv1.LaunchResult, added *groupv1.LaunchResult) []*groupv1.LaunchResult {
	for _, result := range results {
		if result.GetZoneId() != added.GetZoneId() || result.GetInstanceType() != added.GetInstanceType() ||
			result.GetSpotStrategy() != added.GetSpotStrategy() {
			continue
		}
		result.Amount += added.GetAmount()
		result.InstanceIds = append(result.InstanceIds, added.GetInstanceIds()...)
		if result.GetAmount() > 0 {
			result.ErrorCode, result.ErrorMessage = "", ""
		}
		return results
	}
	return append(results, added)
}

// WhyShort tells the most telling reason why an answer placed less than was
// wanted; false when it did not. The code is that of the latest refusal, for an
// answer does not tell why the pools that it leaves out refused.
func WhyShort(answer *allocatorv1.PlaceResponse, refused string) (reason, message string, short bool) {
	counts := map[allocatorv1.Verdict]int{}
	for _, demand := range answer.GetPlacements() {
		if demand.GetPlacedMilliunits() >= demand.GetWantedMilliunits() {
			continue
		}
		short = true
		for _, decision := range demand.GetPools() {
			counts[decision.GetVerdict()]++
		}
	}
	if !short {
		return "", "", false
	}
	excluded := fmt.Sprintf("candidate pools refused a short while ago (%d)", counts[allocatorv1.Verdict_VERDICT_EXCLUDED])
	if refused != "" {
		excluded += ". " + MessageOf(refused)
	}
	if (refused == CodeBalance || refused == CodeQuota) && counts[allocatorv1.Verdict_VERDICT_EXCLUDED] > 0 {
		return refused, excluded, true // no other pool would do
	}
	// From what binds a whole group to what binds one pool.
	for _, why := range []struct {
		verdict         allocatorv1.Verdict
		reason, message string
	}{
		{allocatorv1.Verdict_VERDICT_LIMIT_REACHED, plan.ReasonLimit, "the limits of a group leave no room in candidate pools"},
		{allocatorv1.Verdict_VERDICT_NO_STOCK, CodeNoStock, "candidate pools have no stock"},
		{allocatorv1.Verdict_VERDICT_EXCLUDED, cmp.Or(refused, CodeNoStock), excluded},
		{allocatorv1.Verdict_VERDICT_PRICE_TOO_HIGH, "PriceTooHigh", "candidate pools cost more than the maximum price"},
		{allocatorv1.Verdict_VERDICT_PRICE_PROTECTED, "PriceProtected", "candidate pools cost more per unit than price protection allows"},
		{allocatorv1.Verdict_VERDICT_NOT_ON_SALE, "NotOnSale", "candidate pools are not on sale"},
	} {
		switch count := counts[why.verdict]; {
		case count == 0:
		case why.verdict == allocatorv1.Verdict_VERDICT_EXCLUDED:
			return why.reason, why.message, true
		default:
			return why.reason, fmt.Sprintf("%s (%d)", why.message, count), true
		}
	}
	// Every pool gave what it had.
	return CodeNoStock, "the candidate pools have too little stock", true
}

// LacksSpot tells whether an answer has less spot capacity than was wanted.
func LacksSpot(answer *allocatorv1.PlaceResponse) bool {
	for _, demand := range answer.GetPlacements() {
		if demand.GetBillingMethod() == fleetv1.BillingMethod_BILLING_METHOD_SPOT && demand.GetPlacedMilliunits() < demand.GetWantedMilliunits() {
			return true
		}
	}
	return false
}

// Placed is the capacity that an answer has of what was wanted, in milliunits.
func Placed(answer *allocatorv1.PlaceResponse) int64 {
	placed := int64(0)
	for _, demand := range answer.GetPlacements() {
		placed += min(demand.GetPlacedMilliunits(), demand.GetWantedMilliunits())
	}
	return placed
}
