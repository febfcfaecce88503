package engine

import (
	"encoding/binary"
	"slices"

	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// A block is a run of transitions in a packed form. A fleet makes several
// transitions for each of its instances, all of them are kept for a while, and
// few are read twice: so they are kept small.
type block struct {
	data     []byte
	ends     []uint32         // where in data each transition ends
	tags     []*world.TagSet  // tags of the transitions, without repeats in a row
	accounts []*world.Account // their owners, likewise
}

// len is how many transitions the block holds.
func (b *block) len() int { return len(b.ends) }

// seal frees what was reserved for transitions to come.
func (b *block) seal() {
	b.data, b.ends = slices.Clip(slices.Clone(b.data)), slices.Clip(slices.Clone(b.ends))
	b.tags, b.accounts = slices.Clip(slices.Clone(b.tags)), slices.Clip(slices.Clone(b.accounts))
}

// Bits of the first byte of a packed transition.
const (
	bitSpot = 1 << iota
	bitUnprotected
	bitProtected
	bitReclaimOrdered
	bitStarted // the instance has started: its start follows
	bitNoticed // it was noticed: the notice follows
)

// add packs one more transition. Times are written as what they are later than
// the creation of the instance, which none is before.
func (b *block) add(t *world.Transition) {
	i := &t.Instance
	flags := bits(i.Spot, bitSpot) | bits(i.Unprotected, bitUnprotected) | bits(i.Protected, bitProtected) |
		bits(i.ReclaimOrdered, bitReclaimOrdered) | bits(i.Started != 0, bitStarted) | bits(i.Noticed != 0, bitNoticed)
	b.data = append(b.data, flags, byte(i.Status)<<4|byte(t.Kind), byte(i.NoticeReason)<<4|byte(t.Reason))
	b.data = binary.AppendUvarint(b.data, i.Number)
	b.data = binary.AppendUvarint(b.data, uint64(i.Transitions))
	b.data = binary.AppendUvarint(b.data, uint64(i.Offer))
	b.data = binary.AppendVarint(b.data, int64(i.Created))
	b.data = binary.AppendVarint(b.data, int64(t.Time-i.Created))
	if i.Started != 0 {
		b.data = binary.AppendVarint(b.data, int64(i.Started-i.Created))
	}
	if i.Noticed != 0 {
		b.data = binary.AppendVarint(b.data, int64(i.Noticed-i.Created))
	}
	b.data = binary.AppendVarint(b.data, i.PurchasePrice)
	b.data = binary.AppendVarint(b.data, i.MaxPrice)
	b.data = binary.AppendVarint(b.data, t.Price)
	if last := len(b.tags) - 1; last < 0 || b.tags[last] != i.Tags {
		b.tags = append(b.tags, i.Tags)
	}
	if last := len(b.accounts) - 1; last < 0 || b.accounts[last] != i.Account {
		b.accounts = append(b.accounts, i.Account)
	}
	b.data = binary.AppendUvarint(b.data, uint64(len(b.tags)-1))
	b.data = binary.AppendUvarint(b.data, uint64(len(b.accounts)-1))
	b.ends = append(b.ends, uint32(len(b.data)))
}

func bits(set bool, bit byte) byte {
	if set {
		return bit
	}
	return 0
}

// read unpacks the transitions from one place in the block up to another.
func (b *block) read(from, to int) []world.Transition {
	transitions := make([]world.Transition, 0, to-from)
	at := uint32(0)
	if from > 0 {
		at = b.ends[from-1]
	}
	for n := from; n < to; n++ {
		transitions = append(transitions, b.unpack(b.data[at:b.ends[n]]))
		at = b.ends[n]
	}
	return transitions
}

func (b *block) unpack(data []byte) world.Transition {
	flags, states, reasons := data[0], data[1], data[2]
	r := reader(data[3:])
	var t world.Transition
	i := &t.Instance
	i.Spot, i.Unprotected = flags&bitSpot != 0, flags&bitUnprotected != 0
	i.Protected, i.ReclaimOrdered = flags&bitProtected != 0, flags&bitReclaimOrdered != 0
	i.Status, t.Kind = world.Status(states>>4), world.Kind(states&0xf)
	i.NoticeReason, t.Reason = world.Reason(reasons>>4), world.Reason(reasons&0xf)
	i.Number = r.unsigned()
	i.Transitions = uint32(r.unsigned())
	i.Offer = int32(r.unsigned())
	i.Created = world.Instant(r.signed())
	t.Time = i.Created + world.Instant(r.signed())
	if flags&bitStarted != 0 {
		i.Started = i.Created + world.Instant(r.signed())
	}
	if flags&bitNoticed != 0 {
		i.Noticed = i.Created + world.Instant(r.signed())
	}
	i.PurchasePrice, i.MaxPrice, t.Price = r.signed(), r.signed(), r.signed()
	i.Tags, i.Account = b.tags[r.unsigned()], b.accounts[r.unsigned()]
	return t
}

// A reader reads numbers that add wrote.
type reader []byte

func (r *reader) unsigned() uint64 {
	value, n := binary.Uvarint(*r)
	*r = (*r)[n:]
	return value
}

func (r *reader) signed() int64 {
	value, n := binary.Varint(*r)
	*r = (*r)[n:]
	return value
}
