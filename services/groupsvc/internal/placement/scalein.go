package placement

import (
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

// ScaleInRequest asks which instances to give up of the billing methods whose
// strategy looks at what only the market knows: how often pools are interrupted,
// and what together costs least. Of instances that stay anyway, the target is
// asked for without what they make. It is nil when no strategy does.
func ScaleInRequest(spec *groupv1.GroupSpec, desired plan.Desired, observed plan.Observed) *allocatorv1.ScaleInRequest {
	var wanted plan.Amounts
	for _, method := range []fleetv1.BillingMethod{fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO, fleetv1.BillingMethod_BILLING_METHOD_SPOT} {
		if needsMarket(spec, method) {
			wanted = wanted.Plus(plan.AmountOf(method, desired.Target.Of(method)))
		}
	}
	var held []plan.Instance
	for _, instance := range observed.Instances {
		switch {
		case !instance.Healthy() || !needsMarket(spec, instance.Method):
		case instance.Protected:
			wanted = wanted.Less(plan.AmountOf(instance.Method, instance.Class.Weight))
		default:
			held = append(held, instance)
		}
	}
	demands, pools := demandsOf(spec, wanted), HeldOf(held)
	if len(demands) == 0 || len(pools) == 0 {
		return nil
	}
	return &allocatorv1.ScaleInRequest{Candidates: candidatesOf(spec), Demands: demands, Held: pools}
}

func needsMarket(spec *groupv1.GroupSpec, method fleetv1.BillingMethod) bool {
	if method == fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO {
		return spec.GetPayAsYouGo().GetAllocationStrategy() == allocatorv1.PayAsYouGoAllocationStrategy_PAY_AS_YOU_GO_ALLOCATION_STRATEGY_LOWEST_COST
	}
	switch spec.GetSpot().GetAllocationStrategy() {
	case allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_CAPACITY_OPTIMIZED,
		allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_PRICE_CAPACITY_OPTIMIZED,
		allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_LOWEST_COST:
		return true
	default:
		return false
	}
}

// Advised is an order of removal that follows advice, as far as that goes.
func Advised(order plan.Order, method fleetv1.BillingMethod, advice *allocatorv1.ScaleInResponse) plan.Order {
	for _, decision := range advice.GetDecisions() {
		if decision.GetBillingMethod() != method || decision.GetRemoveInstances() < 1 {
			continue
		}
		order.First = append(order.First, plan.Share{
			Zone: decision.GetZoneId(), Type: decision.GetInstanceType(), Count: int(decision.GetRemoveInstances()),
		})
		if order.FirstReason == "" {
			order.FirstReason = "excess: " + whyFirst(decision.GetReason())
		}
	}
	return order
}

func whyFirst(reason allocatorv1.RemovalReason) string {
	switch reason {
	case allocatorv1.RemovalReason_REMOVAL_REASON_NO_CANDIDATE:
		return "no candidate any more"
	case allocatorv1.RemovalReason_REMOVAL_REASON_MOST_INTERRUPTED:
		return "interrupted most often"
	case allocatorv1.RemovalReason_REMOVAL_REASON_LEAST_COST:
		return "what is left costs least"
	default:
		return "dearest unit price"
	}
}
