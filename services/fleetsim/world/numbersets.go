package world

import (
	"cmp"
	"slices"
)

// numberSets are sets that are walked through together. A number can be in
// several: it comes once.
type numberSets []*numberSet

// after calls yield for each number greater than a bound, in ascending order,
// until it returns false. The sets must not change meanwhile.
func (s numberSets) after(bound uint64, yield func(uint64) bool) {
	if len(s) == 1 {
		s[0].after(bound, yield)
		return
	}
	// The next of each set, the smallest last.
	var heads []head
	for _, set := range s {
		heads = set.push(heads, bound)
	}
	for len(heads) > 0 {
		first := heads[len(heads)-1]
		heads = heads[:len(heads)-1]
		if first.number > bound {
			if !yield(first.number) {
				return
			}
			bound = first.number
		}
		heads = first.set.push(heads, bound)
	}
}

// A head is the next number of a set.
type head struct {
	number uint64
	set    *numberSet
}

// push puts the next number of a set that is greater than a bound among the
// heads, if there is one.
func (s *numberSet) push(heads []head, bound uint64) []head {
	next, ok := s.next(bound)
	if !ok {
		return heads
	}
	at, _ := slices.BinarySearchFunc(heads, next, func(one head, number uint64) int { return cmp.Compare(number, one.number) })
	return slices.Insert(heads, at, head{next, s})
}

// next is the smallest number greater than a bound, if there is one.
func (s *numberSet) next(bound uint64) (next uint64, ok bool) {
	s.after(bound, func(number uint64) bool {
		next, ok = number, true
		return false
	})
	return next, ok
}
