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
	// Interruptions is how many interruptions to expect of them in a day, in
	// thousandths. Pools whose rate is not known are left out.
	Interruptions int64
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
	// PriceProtected means that its price per unit is too far above the lowest of
	// its source.
	PriceProtected
)

// A Decision is what was decided about one pool, with the figures compared.
type Decision struct {
	// Key names the type and the zone of the pool.
	Key Key
	// Candidate is the index of its candidate.
	Candidate int32
	// Source is that of its candidate.
	Source int32
	// Verdict is the decision.
	Verdict Verdict
	// Rank is its place in the order of the strategy, from 1; 0 when it was
	// ruled out before.
	Rank int32
	// Instances is how many to launch.
	Instances int32
	// Available is the stock that the demand saw, or Unknown; what others have
	// been promised is taken off.
	Available int32
	// Promised is what others have been promised.
	Promised int32
	// SharePermille is what it adds of all that the demand places, in
	// thousandths, rounded down.
	SharePermille int32
	// InterruptionPermille is the pool's, or Unknown.
	InterruptionPermille int32
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
	// ProtectedUnitPrice is the highest price per unit that price protection
	// allows, rounded down; 0 for none.
	ProtectedUnitPrice int64
}
