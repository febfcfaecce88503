package place

// A HeldPool is a number of alike instances that are held.
type HeldPool struct {
	// Key names the type and the zone of the pool.
	Key Key
	// Billing is the billing method.
	Billing Billing
	// Instances is how many.
	Instances int32
	// Weight is what each contributes, in thousandths of a unit: 1 to 10,000,000.
	Weight int64
	// Price is what each costs, in micro-units of the currency per hour.
	Price int64
}

// A Keep is what is to be decided about what is held.
type Keep struct {
	// Candidates are the pools that may be used.
	Candidates []Candidate
	// Demands are what must stay, each of a billing method of its own. Of a
	// billing method that none names nothing is given up.
	Demands []Demand
	// Held is what there is.
	Held []HeldPool
}

// A Reason says by what a pool is ranked for removal.
type Reason uint8

// Reasons.
const (
	// NoCandidate means that no candidate names the pool any more.
	NoCandidate Reason = iota + 1
	// Dearest means that its price per unit is high.
	Dearest
	// LowestPriority means that its candidate comes last.
	LowestPriority
	// FullestZone means that its zone holds much.
	FullestZone
	// MostInterrupted means that it is interrupted often, or its stock is low.
	MostInterrupted
	// LastInOrder means that its zone or type comes last.
	LastInOrder
	// LeastCost means that what is left costs least.
	LeastCost
)

// A HeldDecision is what was decided about one entry of what is held.
type HeldDecision struct {
	// Held is the index of the entry.
	Held int32
	// Remove is how many to give up, Stay how many are left.
	Remove, Stay int32
	// Rank is its place in the order of removal, from 1.
	Rank int32
	// Reason is by what it is ranked.
	Reason Reason
	// UnitPrice is the price of one unit of capacity, rounded down, in
	// micro-units of the currency per hour.
	UnitPrice int64
	// InterruptionPermille is the pool's, or Unknown.
	InterruptionPermille int32
}
