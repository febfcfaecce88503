package place

import "time"

// A Request is what to place. Its owner has checked it: weights, prices and
// wanted capacity are in the ranges given here.
type Request struct {
	// Candidates are the pools that may be used. All ties are broken by their
	// order. Of two for the same zone and type the first counts.
	Candidates []Candidate
	// Demands are what is needed, each of a billing method of its own. A later
	// one sees the stock and the limits that an earlier one leaves.
	Demands []Demand
	// Exclusions are pools that refused a launch.
	Exclusions []Exclusion
	// Existing is what is held already; several entries for a zone add up.
	// Diversified counts its capacity, ZoneAndType its instances.
	Existing []ZoneCapacity
	// Promised is what other placements in flight have been promised of the
	// stock of a type in a zone, in instances; nil for nothing.
	Promised map[Key]int32
	// MaxInstances limits the instances over all demands; nil for no limit.
	MaxInstances *int32
	// MaxMilliunits limits the capacity over all demands, in thousandths of a
	// unit; nil for no limit.
	MaxMilliunits *int64
}

// A Candidate is an instance type in a zone that may be used.
type Candidate struct {
	// Key names the type and the zone.
	Key Key
	// Weight is what one instance contributes, in thousandths of a unit: 1 to
	// 10,000,000.
	Weight int64
	// Priority is the rank under Prioritized, 0 first; nil comes last.
	Priority *int32
	// MaxPrice is the highest price of one spot instance, in micro-units of the
	// currency per hour; 0 for none.
	MaxPrice int64
	// Source is the index of the caller's candidate that it stands for: one with
	// attributes stands for many.
	Source int32
	// PriceProtection leaves it out when its price per unit is more than so many
	// percent above the lowest among the candidates of one source that are on
	// sale under the billing method; nil for no comparison.
	PriceProtection *int32
}

// A Strategy says how capacity is spread over pools.
type Strategy uint8

// Strategies.
const (
	// LowestPrice takes pools by ascending price per unit.
	LowestPrice Strategy = iota
	// Prioritized takes pools by ascending priority of their candidates.
	Prioritized
	// Diversified spreads capacity evenly over zones, counting what is held
	// there; inside a zone it takes pools by ascending price per unit.
	Diversified
	// CapacityOptimized takes the least interrupted pools first, of those the
	// ones with the deepest stock, then by ascending price per unit.
	CapacityOptimized
	// CapacityOptimizedPrioritized is CapacityOptimized, but among pools that are
	// nearly as good the priority of the candidates decides.
	CapacityOptimizedPrioritized
	// PriceCapacityOptimized takes the pools that are good enough in
	// interruptions and stock by ascending price per unit, then the rest.
	PriceCapacityOptimized
	// LowestCost takes what costs least in all, found exactly.
	LowestCost
	// ZoneAndType takes a zone by a ZonePolicy and in it a type by a TypePolicy.
	ZoneAndType
)

// A ZonePolicy says in which order ZoneAndType goes through zones.
type ZonePolicy uint8

// Zone policies.
const (
	// ZonesBalanced gives each instance to the zone that holds fewest.
	ZonesBalanced ZonePolicy = iota
	// ZonesSequenced empties one zone after another in the order in which
	// candidates name them.
	ZonesSequenced
)

// A TypePolicy says in which order ZoneAndType goes through the types of a zone.
type TypePolicy uint8

// Type policies.
const (
	// TypesSequenced is the order of the candidates.
	TypesSequenced TypePolicy = iota
	// TypesCostCentered is ascending price of one instance.
	TypesCostCentered
)

// A Demand is capacity that is needed of one billing method.
type Demand struct {
	// Billing is the billing method.
	Billing Billing
	// Wanted is how much, in thousandths of a unit: 1 to 1,000,000,000,000.
	Wanted int64
	// Strategy is how to spread it. The ones that look at interruptions are for
	// spot.
	Strategy Strategy
	// ZonePolicy and TypePolicy are those of ZoneAndType.
	ZonePolicy ZonePolicy
	TypePolicy TypePolicy
	// PoolsToUse is over how many of the cheapest pools LowestPrice spreads
	// evenly; 0 means 1.
	PoolsToUse int
	// MaxPrice is the highest price of one spot instance of any candidate, in
	// micro-units of the currency per hour; 0 for none.
	MaxPrice int64
}

// An Exclusion is a pool that refused a launch.
type Exclusion struct {
	// Key names the type and the zone of the pool.
	Key Key
	// Billing is the billing method of the pool.
	Billing Billing
	// Refused is when. Stock that the pool gains after that lifts the
	// exclusion; zero means that nothing does.
	Refused time.Time
}

// A ZoneCapacity is what is held in a zone.
type ZoneCapacity struct {
	// Zone is the id of the zone.
	Zone string
	// Milliunits is how much spot capacity, in thousandths of a unit: 0 to
	// 1,000,000,000,000.
	Milliunits int64
	// Instances is how many instances, of either billing method: 0 to 1,000,000.
	Instances int64
}
