package plan

import (
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// payAsYouGoOrder is the strategy's order, backwards.
func payAsYouGoOrder(spec *groupv1.GroupSpec) Order {
	if spec.GetPayAsYouGo().GetAllocationStrategy() == allocatorv1.PayAsYouGoAllocationStrategy_PAY_AS_YOU_GO_ALLOCATION_STRATEGY_PRIORITIZED {
		return LowestPriorityFirst
	}
	return DearestFirst
}

// spotOrder is the strategy's order, backwards.
func spotOrder(spec *groupv1.GroupSpec) Order {
	if spec.GetSpot().GetAllocationStrategy() == allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_DIVERSIFIED {
		return FullestZoneFirst
	}
	return DearestFirst
}
