package place

// A Move is a number of instances to launch in one pool and then to give up in
// another of the same billing method.
type Move struct {
	// Billing is the billing method.
	Billing Billing
	// Held is the index of the entry that is given up from.
	Held int32
	// Candidate is the index of the candidate to launch.
	Candidate int32
	// Remove is how many are given up, Launch how many are launched.
	Remove, Launch int32
	// Saving is what the move saves, in micro-units of the currency per hour;
	// below 0 for one that costs more.
	Saving int64
}
