package trouble

import "github.com/seed-198b1370/muster/services/fleetsim/world"

// A Budget counts the calls that limited faults have disturbed. A fault that is
// injected again under its old id begins anew. It is used by one goroutine at a
// time.
type Budget struct{ used map[budgetKey]int32 }

type budgetKey struct {
	id   string
	from world.Instant
}

// NewBudget makes a budget of which nothing is used.
func NewBudget() *Budget { return &Budget{used: map[budgetKey]int32{}} }

// Take counts one call more for a fault and tells whether that is within its
// limit.
func (b *Budget) Take(fault *world.Fault, limit int32) bool {
	key := budgetKey{fault.ID, fault.From}
	if b.used[key] >= limit {
		return false
	}
	b.used[key]++
	return true
}

// Forget drops the counts of all faults but those that last, once there are
// more than there can be faults.
func (b *Budget) Forget(lasting []world.Fault) {
	if len(b.used) <= world.MaxFaults {
		return
	}
	kept := make(map[budgetKey]int32, len(lasting))
	for i := range lasting {
		key := budgetKey{lasting[i].ID, lasting[i].From}
		if used, ok := b.used[key]; ok {
			kept[key] = used
		}
	}
	b.used = kept
}
