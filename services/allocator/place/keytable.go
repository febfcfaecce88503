package place

import (
	"hash/maphash"
	"math/bits"
)

// A keyTable finds pools by key. It is a map that knows how many there will be,
// takes one look to find or add, and keeps no keys of its own: with thousands
// of candidates a plain map takes longer than the rest of a placement. Its hash
// differs from process to process, what it finds does not.
type keyTable struct {
	seed  maphash.Seed
	slots []keySlot
}

// A keySlot is empty, or holds the index of a pool plus 1 and some bits of the
// hash of its key.
type keySlot struct {
	hash  uint32
	after int32
}

func newKeyTable(count int) keyTable {
	size := 1 << bits.Len(uint(2*count)) // at most half full
	return keyTable{seed: maphash.MakeSeed(), slots: make([]keySlot, size)}
}

// find gives the slot of a key: the one that holds it, or the empty one where
// it belongs.
func (t *keyTable) find(key *Key, candidates []Candidate, pools []candidatePool) *keySlot {
	hash := maphash.Comparable(t.seed, *key)
	mask := len(t.slots) - 1
	for at := int(hash) & mask; ; at = (at + 1) & mask {
		slot := &t.slots[at]
		if slot.after == 0 {
			slot.hash = uint32(hash >> 32)
			return slot
		}
		if slot.hash == uint32(hash>>32) && candidates[pools[slot.after-1].index].Key == *key {
			return slot
		}
	}
}
