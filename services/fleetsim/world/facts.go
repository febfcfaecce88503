package world

// Facts is what those who serve calls need to know at each of them. It never
// changes; when anything in it does, there is a new one.
type Facts struct {
	// Accounts is what each account may, by id.
	Accounts map[string]AccountSettings
	// CostTagKeys is the keys of tags by which charges are summed, in ascending
	// order.
	CostTagKeys []string
	// Faults is the faults that last, by id.
	Faults []Fault
	// Shocks is the price shocks of the last 31 days, by their beginning; those
	// that last have no end.
	Shocks []Shock
}

// A Shock is a price shock that was or is.
type Shock struct {
	// From is since when, Until up to when; 0 while it lasts.
	From, Until Instant
	// Effect is what it did.
	Effect PriceShock
}

// Facts is the facts of now.
func (w *World) Facts() *Facts { return &Facts{} }

// An AccountState is what there is to tell about an account.
type AccountState struct {
	// ID names it.
	ID string
	// Settings is what it may.
	Settings AccountSettings
	// HasBalance tells whether it has a balance; without, it is never overdue.
	HasBalance bool
	// BalanceMicros is what it has left, in micro-units of the currency.
	BalanceMicros int64
	// Overdue is true while it owes.
	Overdue bool
	// ChargedMicros is what it was charged so far, in the same unit.
	ChargedMicros int64
	// PayAsYouGoVCPUs and SpotVCPUs is how many vCPUs it has.
	PayAsYouGoVCPUs, SpotVCPUs int64
	// Instances is how many it has.
	Instances int64
}

// AccountOf tells about an account; false when there is none.
func (w *World) AccountOf(id string) (AccountState, bool) { return AccountState{}, false }

// Accounts tells about all accounts, by id.
func (w *World) Accounts() []AccountState { return nil }
