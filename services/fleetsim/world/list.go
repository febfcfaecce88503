package world

import (
	"slices"
	"strings"
)

// scanLimit is how many instances one page looks at: so that a page takes no
// longer for a large fleet than for a small one.
const scanLimit = 5_000

// A Query says which instances to list. All that it gives must match.
type Query struct {
	// AccountID is the owner.
	AccountID string
	// AllAccounts tells that instances of any owner are meant.
	AllAccounts bool
	// Numbers is the instances, when ByNumber is true.
	Numbers []uint64
	// ByNumber tells that only Numbers are meant.
	ByNumber bool
	// Tags is tags that they carry.
	Tags []Tag
	// Pools is the pools that they are of.
	Pools Selector
	// Family is the family of their type; empty for any.
	Family string
	// Statuses is statuses of which they have one; none for any.
	Statuses []Status
	// Health is their health; 0 for any.
	Health Health
	// Lock is a lock that they are under; [LockNone] for any or none.
	Lock Lock
	// NamePattern is what their name looks like: * stands for any characters.
	// Empty for anything.
	NamePattern string
	// After is the number that the listed ones are greater than.
	After uint64
	// Limit is at most how many.
	Limit int
}

// A Page is a part of a list.
type Page struct {
	// Listed is the instances, in order of creation.
	Listed []Listed
	// Next is the number to go on after; 0 when there are no more. There can be
	// a next page though this one is short of its limit, or empty.
	Next uint64
}

// A Listed is an instance and what it costs now.
type Listed struct {
	// Instance is the instance.
	Instance Instance
	// Price is what it costs without its disks, in micro-units of the currency
	// per hour.
	Price int64
	// Disks is its disks.
	Disks []Disk
}

// List tells instances in order of creation. It looks only at those that carry
// the rarest of the query's tags, or are of its pool if it names zone and type;
// and never at more than some thousand, so that a page can be short.
func (w *World) List(q Query) Page {
	var page Page
	if w.accounts[q.AccountID] == nil && !q.AllAccounts {
		return page
	}
	if q.ByNumber {
		for _, number := range ascending(slices.Clone(q.Numbers)) {
			if !w.offerTo(&page, &q, number) {
				break
			}
		}
		return page
	}
	looked := 0
	w.candidates(&q).after(q.After, func(number uint64) bool {
		if looked == scanLimit {
			page.Next = number - 1
			return false
		}
		looked++
		return w.offerTo(&page, &q, number)
	})
	return page
}

// offerTo puts an instance on a page if it matches. It returns false when the
// page is full.
func (w *World) offerTo(page *Page, q *Query, number uint64) bool {
	i := w.instances.at(number)
	if i == nil || !q.AllAccounts && i.Account.id != q.AccountID || number <= q.After || !w.matches(q, i) {
		return true
	}
	if len(page.Listed) == q.Limit {
		page.Next = page.Listed[len(page.Listed)-1].Instance.Number
		return false
	}
	page.Listed = append(page.Listed, Listed{w.seen(i), w.PriceOf(i), w.DisksOf(i)})
	return true
}

// candidates is sets in which all that a query asks for are.
func (w *World) candidates(q *Query) numberSets {
	if !q.AllAccounts {
		if among := w.among(w.accounts[q.AccountID], q); among != nil {
			return numberSets{among}
		}
		return nil
	}
	var all numberSets
	for _, owner := range w.accounts {
		among := w.among(owner, q)
		if among != nil && !slices.Contains(all, among) { // all can be those of one pool
			all = append(all, among)
		}
	}
	return all
}

// among is the smallest set in which all that a query asks for are; nil for
// none.
func (w *World) among(owner *holding, q *Query) *numberSet {
	smallest := &owner.live
	if len(q.Tags) > 0 {
		rarest := owner.rarest(q.Tags)
		if rarest == nil {
			return nil
		}
		smallest = &rarest.set
	}
	if q.Pools.ZoneID == "" || q.Pools.InstanceType == "" {
		return smallest
	}
	offer, sold := w.catalog.Find(q.Pools.ZoneID, q.Pools.InstanceType)
	if !sold {
		return nil
	}
	if held := &w.stocks[offer].held; held.count < smallest.count {
		smallest = held
	}
	return smallest
}

func (w *World) matches(q *Query, i *Instance) bool {
	offer := &w.catalog.Offers()[i.Offer]
	return q.Pools.has(offer, i.Spot) &&
		(q.Family == "" || q.Family == offer.Family) &&
		(len(q.Statuses) == 0 || slices.Contains(q.Statuses, i.Status)) &&
		(q.Health == 0 || q.Health == w.healthOf(i)) &&
		(q.Lock == LockNone || q.Lock == LockRecycling && i.Noticed != 0 || q.Lock == LockFinancial && i.FinancialLock) &&
		i.Tags.HasAll(q.Tags) &&
		(q.NamePattern == "" || like(q.NamePattern, i.Describe().Name))
}

// like tells whether a name looks like a pattern, in which * stands for any
// characters.
func like(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == name
	}
	rest, ok := strings.CutPrefix(name, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(rest, part)
		if at < 0 {
			return false
		}
		rest = rest[at+len(part):]
	}
	return strings.HasSuffix(rest, parts[len(parts)-1])
}
