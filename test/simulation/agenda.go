package simulation

import (
	"slices"
	"time"
)

// An agenda is what is to happen when.
type agenda struct {
	items []item // in order
}

type item struct {
	at time.Time
	do func()
}

// add plans something; of what is planned for the same time, what was planned
// first comes first.
func (a *agenda) add(at time.Time, do func()) {
	place, _ := slices.BinarySearchFunc(a.items, at, func(i item, at time.Time) int {
		if i.at.After(at) {
			return 1
		}
		return -1
	})
	a.items = slices.Insert(a.items, place, item{at, do})
}

// take takes what is to happen by a time; nil when nothing is.
func (a *agenda) take(now time.Time) func() {
	if len(a.items) == 0 || a.items[0].at.After(now) {
		return nil
	}
	do := a.items[0].do
	a.items = a.items[1:]
	return do
}

// next is when something is next to happen; false when nothing is.
func (a *agenda) next() (time.Time, bool) {
	if len(a.items) == 0 {
		return time.Time{}, false
	}
	return a.items[0].at, true
}
