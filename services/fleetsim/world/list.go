package world

import (
	"slices"

	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
)

// A Query says which instances to list. All that it gives must match.
type Query struct {
	// AccountID is the owner.
	AccountID string
	// Numbers is the instances, when ByNumber is true.
	Numbers []uint64
	// ByNumber tells that only Numbers are meant.
	ByNumber bool
	// Tags is tags that they carry.
	Tags []Tag
	// Offers tells which offers they are of; nil for all.
	Offers func(catalog.Offer) bool
	// Billing limits the list to spot (true) or pay-as-you-go (false); nil for
	// both.
	Billing *bool
	// After is the number that the listed ones are greater than.
	After uint64
	// Limit is at most how many.
	Limit int
}

// A Listed is an instance and what it costs now.
type Listed struct {
	// Instance is the instance.
	Instance Instance
	// Price is what it costs, in micro-units of the currency per hour.
	Price int64
}

// List tells instances in order of creation, and whether there are more. It
// looks only at those that carry the rarest of the query's tags; without tags,
// at all of the account's.
func (w *World) List(q Query) (page []Listed, more bool) {
	owner, ok := w.accounts[q.AccountID]
	if !ok {
		return nil, false
	}
	add := func(number uint64) bool {
		i, ok := w.live(q.AccountID, number)
		if !ok || number <= q.After || !w.matches(q, i) {
			return true
		}
		if len(page) == q.Limit {
			more = true
			return false
		}
		page = append(page, Listed{*i, w.PriceOf(i)})
		return true
	}
	if q.ByNumber {
		numbers := slices.Clone(q.Numbers)
		slices.Sort(numbers)
		for _, number := range slices.Compact(numbers) {
			if !add(number) {
				break
			}
		}
		return page, more
	}
	smallest := &owner.live
	for _, tag := range q.Tags {
		set, ok := owner.byTag[tag]
		if !ok {
			return nil, false
		}
		if set.count < smallest.count {
			smallest = set
		}
	}
	smallest.after(q.After, add)
	return page, more
}

func (w *World) matches(q Query, i *Instance) bool {
	return (q.Billing == nil || *q.Billing == i.Spot) &&
		(q.Offers == nil || q.Offers(w.catalog.Offers()[i.Offer])) &&
		i.Tags.HasAll(q.Tags)
}
