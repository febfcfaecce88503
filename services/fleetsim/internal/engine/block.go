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
	data       []byte
	starts     []uint32 // where in data each transition is; those alike share a place
	tags       shared[*world.TagSet]
	accounts   shared[*world.Account]
	attributes shared[*world.Attributes]
	disks      shared[*world.DiskSet]
}

// shared is values that transitions point to, without repeats in a row.
type shared[T comparable] []T

// place is where a value is, at the end; it is put there if it is not.
func (s *shared[T]) place(value T) uint64 {
	if last := len(*s) - 1; last < 0 || (*s)[last] != value {
		*s = append(*s, value)
	}
	return uint64(len(*s) - 1)
}

// len is how many transitions the block holds.
func (b *block) len() int { return len(b.starts) }

// seal frees what was reserved for transitions to come.
func (b *block) seal() {
	b.data, b.starts = tight(b.data), tight(b.starts)
	b.tags, b.accounts = tight(b.tags), tight(b.accounts)
	b.attributes, b.disks = tight(b.attributes), tight(b.disks)
}

func tight[S ~[]E, E any](s S) S { return slices.Clip(slices.Clone(s)) }

// Bits of the first two bytes of a packed transition.
const (
	bitSpot = 1 << iota
	bitUnprotected
	bitProtected
	bitReclaimOrdered
	bitStarted // the instance has started: its start follows
	bitNoticed // it was noticed: the notice follows
	bitDue     // its status passes by itself: when follows
	bitStopOnReclaim
	bitEconomical
	bitFinancialLock
)

// add packs one more transition, and so many that are alike but for the number of
// the instance, which goes up by one. Times are written as what they are later
// than the creation of the instance, which none is before.
func (b *block) add(t *world.Transition, alike int) {
	i := &t.Instance
	first, start := uint64(len(b.starts)), uint32(len(b.data))
	flags := bits(i.Spot, bitSpot) | bits(i.Unprotected, bitUnprotected) | bits(i.Protected, bitProtected) |
		bits(i.ReclaimOrdered, bitReclaimOrdered) | bits(i.Started != 0, bitStarted) | bits(i.Noticed != 0, bitNoticed) |
		bits(i.Due != 0, bitDue) | bits(i.StopOnReclaim, bitStopOnReclaim) | bits(i.Economical, bitEconomical) |
		bits(i.FinancialLock, bitFinancialLock)
	b.data = binary.LittleEndian.AppendUint16(b.data, flags)
	b.data = append(b.data, byte(i.Status)<<4|byte(t.Kind), byte(i.NoticeReason)<<4|byte(t.Reason), byte(i.Why)<<4|byte(i.Health))
	for _, number := range []uint64{first, i.Number, uint64(i.Transitions), uint64(i.Offer)} {
		b.data = binary.AppendUvarint(b.data, number)
	}
	b.data = binary.AppendVarint(b.data, int64(i.Created))
	b.data = binary.AppendVarint(b.data, int64(t.Time-i.Created))
	b.data = binary.AppendVarint(b.data, int64(i.Since-i.Created))
	for _, at := range []world.Instant{i.Started, i.Noticed, i.Due} {
		if at != 0 {
			b.data = binary.AppendVarint(b.data, int64(at-i.Created))
		}
	}
	for _, micros := range []int64{i.PurchasePrice, i.MaxPrice, t.Price} {
		b.data = binary.AppendVarint(b.data, micros)
	}
	for _, place := range []uint64{b.tags.place(i.Tags), b.accounts.place(i.Account), b.attributes.place(i.Attributes), b.disks.place(i.Disks)} {
		b.data = binary.AppendUvarint(b.data, place)
	}
	for range 1 + alike {
		b.starts = append(b.starts, start)
	}
}

func bits(set bool, bit uint16) uint16 {
	if set {
		return bit
	}
	return 0
}

// read unpacks the transitions from one place in the block up to another.
func (b *block) read(from, to int) []world.Transition {
	transitions := make([]world.Transition, 0, to-from)
	for place := from; place < to; place++ {
		transitions = append(transitions, b.unpack(place))
	}
	return transitions
}

func (b *block) unpack(place int) world.Transition {
	data := b.data[b.starts[place]:]
	flags := binary.LittleEndian.Uint16(data)
	states, reasons, health := data[2], data[3], data[4]
	r := reader(data[5:])
	var t world.Transition
	i := &t.Instance
	i.Spot, i.Unprotected = flags&bitSpot != 0, flags&bitUnprotected != 0
	i.Protected, i.ReclaimOrdered = flags&bitProtected != 0, flags&bitReclaimOrdered != 0
	i.StopOnReclaim, i.Economical, i.FinancialLock = flags&bitStopOnReclaim != 0, flags&bitEconomical != 0, flags&bitFinancialLock != 0
	i.Status, t.Kind = world.Status(states>>4), world.Kind(states&0xf)
	i.NoticeReason, t.Reason = world.Reason(reasons>>4), world.Reason(reasons&0xf)
	i.Why, i.Health = world.Reason(health>>4), world.Health(health&0xf)
	first := r.unsigned()
	i.Number = r.unsigned() + uint64(place) - first
	i.Transitions = uint32(r.unsigned())
	i.Offer = int32(r.unsigned())
	i.Created = world.Instant(r.signed())
	t.Time = i.Created + world.Instant(r.signed())
	i.Since = i.Created + world.Instant(r.signed())
	if flags&bitStarted != 0 {
		i.Started = i.Created + world.Instant(r.signed())
	}
	if flags&bitNoticed != 0 {
		i.Noticed = i.Created + world.Instant(r.signed())
	}
	if flags&bitDue != 0 {
		i.Due = i.Created + world.Instant(r.signed())
	}
	i.PurchasePrice, i.MaxPrice, t.Price = r.signed(), r.signed(), r.signed()
	i.Tags, i.Account = b.tags[r.unsigned()], b.accounts[r.unsigned()]
	i.Attributes, i.Disks = b.attributes[r.unsigned()], b.disks[r.unsigned()]
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
