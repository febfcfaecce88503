package world

import (
	"iter"
	"maps"
	"slices"
)

// pageSize is how many instances one page of a table holds: those of numbers in
// a row. The larger it is, the less a table takes and the faster a launch fills
// it; the smaller, the less a lone survivor of many keeps for itself.
const pageSize = 32

// instanceTable is instances by number.
type instanceTable struct {
	pages map[uint64]*instancePage
	count int
}

type instancePage struct {
	slots [pageSize]*Instance
	count int
}

// at is the instance of a number; nil for none.
func (t *instanceTable) at(number uint64) *Instance {
	if page := t.pages[number/pageSize]; page != nil {
		return page.slots[number%pageSize]
	}
	return nil
}

// add puts instances in that are not there yet, in ascending order.
func (t *instanceTable) add(instances []*Instance) {
	var page *instancePage
	last := ^uint64(0)
	for _, i := range instances {
		if at := i.Number / pageSize; at != last {
			if page = t.pages[at]; page == nil {
				page = &instancePage{}
				t.pages[at] = page
			}
			last = at
		}
		page.slots[i.Number%pageSize] = i
		page.count++
	}
	t.count += len(instances)
}

// remove takes an instance out that is there.
func (t *instanceTable) remove(number uint64) {
	page := t.pages[number/pageSize]
	page.slots[number%pageSize] = nil
	page.count--
	t.count--
	if page.count == 0 {
		delete(t.pages, number/pageSize)
	}
}

// all is the instances, in ascending order.
func (t *instanceTable) all() iter.Seq[*Instance] {
	return func(yield func(*Instance) bool) {
		for _, at := range slices.Sorted(maps.Keys(t.pages)) {
			for _, i := range t.pages[at].slots {
				if i != nil && !yield(i) {
					return
				}
			}
		}
	}
}
