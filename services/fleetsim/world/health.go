package world

// A Health is how an instance looks from outside. The numbers are those of the
// fleet's contract.
type Health uint8

// The healths.
const (
	// HealthOK works.
	HealthOK Health = 1
	// HealthImpaired does not work as it should.
	HealthImpaired Health = 2
	// HealthWarning is slow.
	HealthWarning Health = 3
	// HealthInitializing is not up yet.
	HealthInitializing Health = 5
	// HealthInsufficientData is not heard from.
	HealthInsufficientData Health = 6
	// HealthNotApplicable is stopped.
	HealthNotApplicable Health = 7
)
