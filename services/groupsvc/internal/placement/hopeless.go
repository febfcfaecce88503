package placement

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-198b1370/muster/pkg/money"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
)

// Hopeless tells why nothing of what an answer leaves unmet could be launched
// whatever stock there were: every pool is too dear, not sold, or refused for a
// reason that stock does not end. It is false when something could, and when
// nothing is left unmet. The code of a pool is why it refused.
func Hopeless(answer *allocatorv1.PlaceResponse, codes map[Pool]string) (reason, message string, hopeless bool) {
	counts, unmet := map[string]int{}, false
	var nearest *allocatorv1.PoolDecision // to its maximum price
	for _, demand := range answer.GetPlacements() {
		if demand.GetPlacedMilliunits() >= demand.GetWantedMilliunits() {
			continue
		}
		unmet = true
		for _, decision := range demand.GetPools() {
			why := obstacle(decision, codes[Pool{decision.GetZoneId(), decision.GetInstanceType(), demand.GetBillingMethod()}])
			if why == "" {
				return "", "", false
			}
			counts[why]++
			if why == reasonPrice && (nearest == nil || beyond(decision) < beyond(nearest)) {
				nearest = decision
			}
		}
	}
	if !unmet {
		return "", "", false
	}
	return mostly(counts), sentence(counts, nearest), true
}

// Reasons of pools that nothing can be launched from.
const (
	reasonPrice     = "PriceTooHigh"
	reasonProtected = "PriceProtected"
	reasonNotOnSale = "NotOnSale"
)

// obstacle is why no stock would let a pool be launched from; empty when it
// would, or might.
func obstacle(decision *allocatorv1.PoolDecision, code string) string {
	switch decision.GetVerdict() {
	case allocatorv1.Verdict_VERDICT_PRICE_TOO_HIGH:
		return reasonPrice
	case allocatorv1.Verdict_VERDICT_PRICE_PROTECTED:
		return reasonProtected
	case allocatorv1.Verdict_VERDICT_NOT_ON_SALE:
		return reasonNotOnSale
	case allocatorv1.Verdict_VERDICT_EXCLUDED:
		switch code {
		case CodePrice, CodeBalance, CodeQuota, CodeZone, CodeDisk:
			return code
		default:
			return ""
		}
	default:
		return ""
	}
}

func beyond(decision *allocatorv1.PoolDecision) int64 {
	return decision.GetPriceMicrosPerHour() - decision.GetMaxPriceMicrosPerHour()
}

// mostly is the reason of most pools, by name among equals.
func mostly(counts map[string]int) string {
	reasons := byCount(counts)
	if len(reasons) == 0 {
		return reasonNotOnSale
	}
	return reasons[0]
}

func byCount(counts map[string]int) []string {
	var reasons []string
	for reason := range counts {
		reasons = append(reasons, reason)
	}
	slices.SortFunc(reasons, func(a, b string) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
	return reasons
}

// sentence tells what is wrong with how many pools.
func sentence(counts map[string]int, nearest *allocatorv1.PoolDecision) string {
	var parts []string
	for _, reason := range byCount(counts) {
		switch reason {
		case reasonPrice:
			parts = append(parts, fmt.Sprintf("%d cost more than their maximum price, least of all %s %s: %s against %s", counts[reason],
				nearest.GetZoneId(), nearest.GetInstanceType(), money.FormatMicros(nearest.GetPriceMicrosPerHour()), money.FormatMicros(nearest.GetMaxPriceMicrosPerHour())))
		case reasonProtected:
			parts = append(parts, fmt.Sprintf("%d cost more than price protection allows", counts[reason]))
		case reasonNotOnSale:
			parts = append(parts, fmt.Sprintf("%d are not on sale", counts[reason]))
		default:
			parts = append(parts, fmt.Sprintf("%d refused: %s", counts[reason], MessageOf(reason)))
		}
	}
	if len(parts) == 0 {
		return "no candidate has a pool that is sold"
	}
	return "no candidate pool can be launched from, whatever its stock: " + strings.Join(parts, "; ")
}
