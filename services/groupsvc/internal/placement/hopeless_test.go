package placement_test

import (
	"testing"

	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/placement"
)

func TestHopeless(t *testing.T) {
	const method = fleetv1.BillingMethod_BILLING_METHOD_SPOT
	dear := func(zone string, price int64) *allocatorv1.PoolDecision {
		return &allocatorv1.PoolDecision{
			ZoneId: zone, InstanceType: "t", Verdict: allocatorv1.Verdict_VERDICT_PRICE_TOO_HIGH,
			PriceMicrosPerHour: price, MaxPriceMicrosPerHour: 20_000,
		}
	}
	pool := func(zone string, verdict allocatorv1.Verdict) *allocatorv1.PoolDecision {
		return &allocatorv1.PoolDecision{ZoneId: zone, InstanceType: "t", Verdict: verdict}
	}
	excluded := pool("x", allocatorv1.Verdict_VERDICT_EXCLUDED)
	const hopeless = "no candidate pool can be launched from, whatever its stock: "
	for name, test := range map[string]struct {
		code            string
		pools           []*allocatorv1.PoolDecision
		reason, message string
	}{
		"priced out": {
			"", []*allocatorv1.PoolDecision{dear("a", 30_000), dear("b", 25_000)}, "PriceTooHigh",
			hopeless + "2 cost more than their maximum price, least of all b t: 0.025 against 0.02",
		},
		"each in its way": {
			placement.CodeQuota,
			[]*allocatorv1.PoolDecision{dear("a", 30_000), pool("b", allocatorv1.Verdict_VERDICT_NOT_ON_SALE), pool("c", allocatorv1.Verdict_VERDICT_NOT_ON_SALE), excluded},
			"NotOnSale",
			hopeless + "2 are not on sale; 1 cost more than their maximum price, least of all a t: 0.03 against 0.02; 1 refused: The vCPU quota of the account is used up.",
		},
		"nothing is sold":            {"", nil, "NotOnSale", "no candidate has a pool that is sold"},
		"one is sold out":            {"", []*allocatorv1.PoolDecision{dear("a", 30_000), pool("b", allocatorv1.Verdict_VERDICT_NO_STOCK)}, "", ""},
		"one refused for its stock":  {placement.CodeNoStock, []*allocatorv1.PoolDecision{dear("a", 30_000), excluded}, "", ""},
		"one gave what it had":       {"", []*allocatorv1.PoolDecision{dear("a", 30_000), pool("b", allocatorv1.Verdict_VERDICT_TAKEN)}, "", ""},
		"a limit leaves no room":     {"", []*allocatorv1.PoolDecision{pool("b", allocatorv1.Verdict_VERDICT_LIMIT_REACHED)}, "", ""},
		"one refused, and who knows": {placement.CodeInternal, []*allocatorv1.PoolDecision{excluded}, "", ""},
	} {
		answer := &allocatorv1.PlaceResponse{Placements: []*allocatorv1.DemandPlacement{{BillingMethod: method, WantedMilliunits: 2, PlacedMilliunits: 1, Pools: test.pools}}}
		reason, message, found := placement.Hopeless(answer, map[placement.Pool]string{{Zone: "x", Type: "t", Method: method}: test.code})
		if reason != test.reason || message != test.message || found != (test.reason != "") {
			t.Errorf("%s: %q %q %v", name, reason, message, found)
		}
		answer.Placements[0].PlacedMilliunits = 2
		if _, _, found := placement.Hopeless(answer, nil); found {
			t.Errorf("%s: hopeless when the need is met", name)
		}
	}
}
