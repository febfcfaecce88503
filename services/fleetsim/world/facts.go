package world

import "slices"

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
	// Shocks is the price shocks of the last 31 days, at most 1,000 of those that
	// are over, by their beginning; those that last have no end. The spot price
	// is what they make, one after the other, of the market's.
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
func (w *World) Facts() *Facts {
	if w.facts == nil {
		w.facts = &Facts{
			Accounts: make(map[string]AccountSettings, len(w.accounts)), CostTagKeys: w.costTags,
			Faults: slices.Clone(w.faults), Shocks: slices.Clone(w.shocks),
		}
		for id, owner := range w.accounts {
			w.facts.Accounts[id] = owner.settings
		}
	}
	return w.facts
}
