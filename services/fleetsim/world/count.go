package world

import (
	"cmp"
	"slices"

	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
)

// A CountQuery says which instances to count. All that it gives must match.
type CountQuery struct {
	// AccountID is the owner.
	AccountID string
	// Tags is tags that they carry.
	Tags []Tag
	// Pools is the pools that they are of.
	Pools Selector
}

// A CountKey is what counted instances have in common.
type CountKey struct {
	// Pool is their pool.
	Pool Pool
	// Status is their status.
	Status Status
	// Health is their health.
	Health Health
	// Noticed is whether their interruption was announced.
	Noticed bool
}

// A Count is how many instances have something in common.
type Count struct {
	CountKey
	// Instances is how many, at least 1.
	Instances int64
}

// Count counts instances, by the fields of [CountKey] in ascending order. It
// takes no longer for a large fleet than for a small one, but with several tags
// at once, when it looks at each instance of the rarest.
func (w *World) Count(q CountQuery) []Count {
	found := w.tallied(q.AccountID, q.Tags)
	if found == nil {
		return nil
	}
	counts := make([]Count, 0, len(found))
	for key, instances := range found {
		if q.Pools.has(&w.catalog.Offers()[key.Pool.Offer], key.Pool.Spot) {
			counts = append(counts, Count{key, instances})
		}
	}
	slices.SortFunc(counts, func(a, b Count) int { return a.compare(b.CountKey) })
	return counts
}

// tallied are the tallies of an account's instances that carry some tags.
func (w *World) tallied(accountID string, tags []Tag) map[CountKey]int64 {
	owner, ok := w.accounts[accountID]
	if !ok {
		return nil
	}
	if len(tags) == 0 {
		return owner.tallies
	}
	rarest := owner.rarest(tags)
	if rarest == nil {
		return nil
	}
	if rarest.tallies == nil || len(tags) > 1 {
		return w.tallyOf(rarest, tags)
	}
	return rarest.tallies
}

// Total tells how many instances a query is about, on all pages. It does not
// look at each: the second result is false for a query that would need that, by
// number, name or lock, or for all accounts.
func (w *World) Total(q Query) (total int64, known bool) {
	if q.ByNumber || q.NamePattern != "" || q.Lock != LockNone || q.AllAccounts {
		return 0, false
	}
	for key, instances := range w.tallied(q.AccountID, q.Tags) {
		offer := &w.catalog.Offers()[key.Pool.Offer]
		if q.Pools.has(offer, key.Pool.Spot) && (q.Family == "" || q.Family == offer.Family) &&
			(len(q.Statuses) == 0 || slices.Contains(q.Statuses, key.Status)) && (q.Health == 0 || q.Health == key.Health) {
			total += instances
		}
	}
	return total, true
}

func (k CountKey) compare(other CountKey) int {
	return cmp.Or(
		k.Pool.compare(other.Pool),
		cmp.Compare(k.Status, other.Status), cmp.Compare(k.Health, other.Health), cmp.Compare(flag(k.Noticed), flag(other.Noticed)),
	)
}

// has tells whether a pool is one that the selector names.
func (s Selector) has(offer *catalog.Offer, spot bool) bool {
	return (s.ZoneID == "" || s.ZoneID == offer.ZoneID) && (s.InstanceType == "" || s.InstanceType == offer.InstanceType) &&
		(s.Billing == nil || *s.Billing == spot)
}

// countKey is what an instance is counted under.
func (w *World) countKey(i *Instance) CountKey {
	return CountKey{Pool{i.Offer, i.Spot}, i.Status, w.healthOf(i), i.Noticed != 0}
}

// A tally counts instances by what they have in common. It holds no zeros.
type tally map[CountKey]int64

func (t tally) add(key CountKey, by int64) {
	if now := t[key] + by; now != 0 {
		t[key] = now
	} else {
		delete(t, key)
	}
}

// tallyFrom is how many instances a tag must have for them to be counted as
// they change instead of when they are asked for.
const tallyFrom = 1024

// tagIndex is the instances that carry a tag.
type tagIndex struct {
	set     numberSet
	tallies tally // nil for few
}

// tally counts an instance of the account in or out.
func (h *holding) tally(key CountKey, tags *TagSet, by int64) {
	h.tallies.add(key, by)
	for _, tag := range tags.tags {
		if index := h.byTag[tag]; index != nil && index.tallies != nil {
			index.tallies.add(key, by)
		}
	}
}

// indexes is the indexes of some tags; those that there are not yet are made.
func (h *holding) indexes(tags *TagSet) []*tagIndex {
	indexes := make([]*tagIndex, len(tags.tags))
	for at, tag := range tags.tags {
		index, ok := h.byTag[tag]
		if !ok {
			index = &tagIndex{}
			h.byTag[tag] = index
		}
		indexes[at] = index
	}
	return indexes
}

func (w *World) untag(owner *holding, i *Instance) {
	for _, tag := range i.Tags.tags {
		index := owner.byTag[tag]
		index.set.remove(i.Number)
		if index.set.count == 0 {
			delete(owner.byTag, tag)
		}
	}
}

// rarest is the index of the rarest of some tags; nil when nothing carries one.
func (h *holding) rarest(tags []Tag) *tagIndex {
	var rarest *tagIndex
	for _, tag := range tags {
		index, ok := h.byTag[tag]
		if !ok {
			return nil
		}
		if rarest == nil || index.set.count < rarest.set.count {
			rarest = index
		}
	}
	return rarest
}

// tallyOf counts the instances of an index that carry all of some tags, and
// keeps the count if it is one to keep.
func (w *World) tallyOf(index *tagIndex, tags []Tag) tally {
	counted := tally{}
	index.set.after(0, func(number uint64) bool {
		if i := w.instances.at(number); i.Tags.HasAll(tags) {
			counted[w.countKey(i)]++
		}
		return true
	})
	if len(tags) == 1 && index.set.count >= tallyFrom {
		index.tallies = counted
	}
	return counted
}
