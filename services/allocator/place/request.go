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
	// Only the Diversified strategy counts it.
	Existing []ZoneCapacity
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
)

// A Demand is capacity that is needed of one billing method.
type Demand struct {
	// Billing is the billing method.
	Billing Billing
	// Wanted is how much, in thousandths of a unit: 1 to 1,000,000,000,000.
	Wanted int64
	// Strategy is how to spread it.
	Strategy Strategy
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

// A ZoneCapacity is spot capacity held in a zone.
type ZoneCapacity struct {
	// Zone is the id of the zone.
	Zone string
	// Milliunits is how much, in thousandths of a unit: 0 to 1,000,000,000,000.
	Milliunits int64
}
