package place

// A Placement is what came out for a request.
type Placement struct {
	// Demands are the outcomes, in the order of the request.
	Demands []DemandPlacement
	// Instances is how many to launch in all.
	Instances int32
	// Placed is the capacity that they add, in thousandths of a unit.
	Placed int64
	// Cost is what they cost, in micro-units of the currency per hour. It stays
	// at the largest number when it would be beyond.
	Cost int64
	// ListCost is what they would cost as pay-as-you-go, likewise.
	ListCost int64
}

// A DemandPlacement is what came out for one demand.
type DemandPlacement struct {
	// Placed is the capacity that the launches add, in thousandths of a unit.
	Placed int64
	// Decisions are what was decided about every pool: those taken first, in
	// the order in which to launch from them, then the rest in the order of the
	// candidates.
	Decisions []Decision
}

// A Verdict is what was decided about a pool: that it is taken, or the first
// rule that ruled it out.
type Verdict uint8

// Verdicts.
const (
	// Taken means that there is something to launch from the pool.
	Taken Verdict = iota + 1
	// NotNeeded means that the demand was met without it.
	NotNeeded
	// NotOnSale means that the cloud does not sell it.
	NotOnSale
	// Excluded means that it refused a launch and has not been restocked since.
	Excluded
	// PriceTooHigh means that it costs more than the maximum price that applies.
	PriceTooHigh
	// NoStock means that it is known to be empty.
	NoStock
	// LimitReached means that a limit of the request left no room for one
	// instance of it.
	LimitReached
)

// A Decision is what was decided about one pool, with the figures compared.
type Decision struct {
	// Key names the type and the zone of the pool.
	Key Key
	// Candidate is the index of its candidate.
	Candidate int32
	// Verdict is the decision.
	Verdict Verdict
	// Rank is its place in the order of the strategy, from 1; 0 when it was
	// ruled out before.
	Rank int32
	// Instances is how many to launch.
	Instances int32
	// Available is the stock that the demand saw, or Unknown.
	Available int32
	// Weight is what one instance contributes, in thousandths of a unit.
	Weight int64
	// Price is the price of one instance, in micro-units of the currency per
	// hour.
	Price int64
	// UnitPrice is the price of one unit of capacity, rounded down, in
	// micro-units of the currency per hour.
	UnitPrice int64
	// MaxPrice is the lower of the maximum prices that apply; 0 for none.
	MaxPrice int64
}
