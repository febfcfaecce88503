package plan

import (
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// An Order says which instances of a billing method go first when there are
// too many: those that the strategy would have taken last. The zero value takes
// the dearest per unit, wherever they are.
type Order struct {
	// Zones says from which zone.
	Zones ZoneOrder
	// Pools says which of that zone.
	Pools PoolOrder
	// First are pools of which some instances go before all others, in this order
	// whatever the above says: advice of who knows the market. None: there is
	// no such advice.
	First []Share
	// FirstReason says why they do, for people.
	FirstReason string
}

// A Share is a number of instances of a pool that are to go.
type Share struct {
	// Zone and Type name the pool.
	Zone, Type string
	// Count is how many.
	Count int
}

// A ZoneOrder says from which zone instances go first.
type ZoneOrder int

// Orders of zones.
const (
	// AnyZone does not look at zones.
	AnyZone ZoneOrder = iota
	// MostCapacityZone is the zone with most capacity of the billing method.
	MostCapacityZone
	// MostInstancesZone is the zone with most instances of either billing
	// method; of several the one that candidates name last.
	MostInstancesZone
	// LastZone is the zone that candidates name last.
	LastZone
)

// A PoolOrder says which instances go first, all else being equal.
type PoolOrder int

// Orders of pools.
const (
	// DearestPool is the dearest per unit.
	DearestPool PoolOrder = iota
	// LowestPriorityPool is that of the candidate ranked last.
	LowestPriorityPool
	// LastPool is that of the last candidate.
	LastPool
	// DearestInstance is the one whose instances cost most each.
	DearestInstance
)

// reason says why instances go in this order, for people.
func (o Order) reason() string {
	switch {
	case o.Zones == MostCapacityZone, o.Zones == MostInstancesZone:
		return "excess: fullest zone"
	case o.Zones == LastZone:
		return "excess: last zone in order"
	case o.Pools == LowestPriorityPool:
		return "excess: lowest priority"
	default:
		return "excess: dearest unit price"
	}
}

// payAsYouGoOrder is the strategy's order, backwards.
func payAsYouGoOrder(options *groupv1.PayAsYouGoOptions) Order {
	switch options.GetAllocationStrategy() {
	case allocatorv1.PayAsYouGoAllocationStrategy_PAY_AS_YOU_GO_ALLOCATION_STRATEGY_PRIORITIZED:
		return Order{Pools: LowestPriorityPool}
	case allocatorv1.PayAsYouGoAllocationStrategy_PAY_AS_YOU_GO_ALLOCATION_STRATEGY_ZONE_AND_TYPE:
		return zoneAndTypeOrder(options.GetZonePolicy(), options.GetTypePolicy())
	default:
		return Order{}
	}
}

// spotOrder is the strategy's order, backwards. How often pools are interrupted
// is not known here, so that the strategies that look at it give up what costs
// most.
func spotOrder(options *groupv1.SpotOptions) Order {
	switch options.GetAllocationStrategy() {
	case allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_DIVERSIFIED:
		return Order{Zones: MostCapacityZone}
	case allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_CAPACITY_OPTIMIZED_PRIORITIZED:
		return Order{Pools: LowestPriorityPool}
	case allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_ZONE_AND_TYPE:
		return zoneAndTypeOrder(options.GetZonePolicy(), options.GetTypePolicy())
	default:
		return Order{}
	}
}

// zoneAndTypeOrder is the order of zone-and-type, backwards: zones and types
// each by its policy.
func zoneAndTypeOrder(zones allocatorv1.ZonePolicy, types allocatorv1.TypePolicy) Order {
	order := Order{Zones: MostInstancesZone, Pools: LastPool}
	if zones == allocatorv1.ZonePolicy_ZONE_POLICY_SEQUENCED {
		order.Zones = LastZone
	}
	if types == allocatorv1.TypePolicy_TYPE_POLICY_COST_CENTERED {
		order.Pools = DearestInstance
	}
	return order
}
