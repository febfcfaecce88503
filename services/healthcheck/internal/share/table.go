package share

import (
	"cmp"
	"hash/fnv"
	"math/bits"
	"slices"
)

// Partitions is how many shares the instances fall into. More replicas than
// that are idle.
const Partitions = 64

// A Set is a set of partitions.
type Set uint64

const everything = ^Set(0)

// Has tells whether the events of an instance are in the set.
func (s Set) Has(instanceID string) bool { return s&(1<<partitionOf(instanceID)) != 0 }

func (s Set) len() int { return bits.OnesCount64(uint64(s)) }

// first is the first so many partitions of a set.
func (s Set) first(count int) Set {
	for s.len() > max(count, 0) {
		s &^= 1 << (bits.Len64(uint64(s)) - 1)
	}
	return s
}

// partitionOf is the partition of an instance. It is part of what is kept: all
// replicas of all versions must agree on it.
func partitionOf(instanceID string) uint64 {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(instanceID)) // never fails
	return hash.Sum64() % Partitions
}

// A Place is a point in the fleet's stream.
type Place struct {
	// Cursor of the fleet; empty for its beginning.
	Cursor string `json:"cursor"`
	// Position of the cursor, to compare it with others; 0 when the fleet did
	// not tell.
	Position int64 `json:"position,omitempty"`
	// History that the position counts in; empty when the fleet did not tell.
	History string `json:"history,omitempty"`
}

// older compares places. One without a position may be anywhere, so it is taken
// for the oldest.
func older(a, b Place) int { return cmp.Compare(a.Position, b.Position) }

// A table says who owns which partitions and how far each is published.
type table struct {
	Replicas []replica `json:"replicas"`
	Places   []placed  `json:"places"`
}

// A replica is one that takes part.
type replica struct {
	// Name that no other running replica has.
	Name string `json:"name"`
	// Incarnation ascends with each start under the name.
	Incarnation int64 `json:"incarnation"`
	// Beat ascends with each renewal.
	Beat int64 `json:"beat"`
	// Owns is the partitions it publishes.
	Owns Set `json:"owns"`
}

// placed is a place and the partitions that are published up to it.
type placed struct {
	Place
	Of Set `json:"of"`
}

// newTable is a table without replicas, every partition at one place.
func newTable(at Place) table { return table{Places: []placed{{at, everything}}} }

// find tells the entry of a replica.
func (t table) find(name string) (replica, bool) {
	for _, one := range t.Replicas {
		if one.Name == name {
			return one, true
		}
	}
	return replica{}, false
}

// oldest is the oldest place among those of a set.
func (t table) oldest(of Set) Place {
	var found []Place
	for _, one := range t.Places {
		if one.Of&of != 0 {
			found = append(found, one.Place)
		}
	}
	// Which of two histories is the present one is not known here: only the
	// fleet's beginning is before everything.
	if len(found) == 0 || slices.ContainsFunc(found, func(p Place) bool { return p.History != found[0].History }) {
		return Place{}
	}
	return slices.MinFunc(found, older)
}

// reached moves partitions to a place.
func (t table) reached(at Place, of Set) table {
	moved := table{Replicas: t.Replicas}
	for _, one := range t.Places {
		if one.Place == at {
			of |= one.Of
			continue
		}
		if one.Of &^= of; one.Of != 0 {
			moved.Places = append(moved.Places, one)
		}
	}
	// What was merged in above may stand in an entry before it.
	for i := range moved.Places {
		moved.Places[i].Of &^= of
	}
	moved.Places = slices.DeleteFunc(moved.Places, func(p placed) bool { return p.Of == 0 })
	if of != 0 {
		moved.Places = append(moved.Places, placed{at, of})
	}
	return moved
}

// renewed is the table once a replica has renewed its part: without the dead,
// whose partitions are free, and with its fair share and no more for itself.
// What it gives up others take when they renew theirs.
func (t table) renewed(name string, incarnation int64, dead func(replica) bool) table {
	me := replica{Name: name}
	next := table{Places: t.Places}
	free := everything
	for _, one := range t.Replicas {
		switch {
		case one.Name == name:
			me = one
		case !dead(one):
			next.Replicas = append(next.Replicas, one)
			free &^= one.Owns
		}
	}
	fair := fairShare(len(next.Replicas) + 1)
	me.Owns = (me.Owns & free).first(fair)
	me.Owns |= (free &^ me.Owns).first(fair - me.Owns.len())
	me.Incarnation, me.Beat = incarnation, me.Beat+1
	next.Replicas = append(next.Replicas, me)
	return next
}

// without is the table once a replica has left.
func (t table) without(name string) table {
	left := table{Places: t.Places}
	for _, one := range t.Replicas {
		if one.Name != name {
			left.Replicas = append(left.Replicas, one)
		}
	}
	return left
}

// fairShare is the most that each of so many replicas owns.
func fairShare(replicas int) int { return (Partitions + replicas - 1) / replicas }
