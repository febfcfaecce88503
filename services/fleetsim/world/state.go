package world

import (
	"cmp"
	"maps"
	"slices"
)

// State is a world without what follows from it and from its [Config]: what a
// snapshot holds.
type State struct {
	// Now is the time up to which everything has happened.
	Now Instant
	// LastNumber is the number of the instance that was created last.
	LastNumber uint64
	// Sequence is the number of the transition that happened last.
	Sequence uint64
	// Drained is the pools that refuse launches.
	Drained []Pool
	// Instances is the instances, in order of creation.
	Instances []Instance
	// Requests is the requests that are remembered, oldest first.
	Requests []Request
	// Accounts is the accounts, by id.
	Accounts []AccountRecord
	// Disks is the disks that have left the instance that they were created
	// with, by id.
	Disks []DiskRecord
	// Bills is the bills of released instances that are remembered, in order of
	// release.
	Bills []FinalBill
	// Faults is the faults that last, by id.
	Faults []Fault
	// Shocks is the price shocks that are remembered, by their beginning.
	Shocks []Shock
}

// An AccountRecord is an account in a [State].
type AccountRecord struct {
	// ID names it.
	ID string
	// Settings is what it may.
	Settings AccountSettings
	// HasBalance tells whether it has a balance.
	HasBalance bool
	// GivenMicros is what it was given, in micro-units of the currency.
	GivenMicros int64
	// Overdue is true while it owes.
	Overdue bool
	// Charges is sums of what it was charged: of everything, then by pool, then
	// by cost tag.
	Charges []ChargeRecord
}

// A ChargeRecord is one of the sums of what an account was charged.
type ChargeRecord struct {
	// Pool is the pool that it is for; nil for none.
	Pool *Pool
	// Tag is the cost tag that it is for; nil for none. With neither it is the
	// sum of everything.
	Tag *Tag
	// ComputeMicros and ComputeParts is for computing, in micro-units of the
	// currency and 3,600th parts of one; the others are for disks.
	ComputeMicros, ComputeParts, DiskMicros, DiskParts int64
}

// A DiskRecord is a disk in a [State].
type DiskRecord struct {
	// Disk is the disk.
	Disk Disk
	// From is the second, since the origin, from which on it is not charged for
	// yet.
	From int64
	// Attached is its place among the disks that were attached to its instance
	// later.
	Attached int
}

// A DiskSetRecord is a [DiskSet] in a [State].
type DiskSetRecord struct {
	// Disks is the disks.
	Disks []HeldDisk
	// From is the second, since the origin, from which on they are not charged
	// for yet; nil for the creation of their instance.
	From *int64
	// Base is what the instance was charged for disks before, in micro-units of
	// the currency per hour times seconds.
	Base int64
}

// Record is the set as a record.
func (s *DiskSet) Record() DiskSetRecord {
	record := DiskSetRecord{Disks: s.disks, Base: s.base}
	if s.from != fromCreation {
		record.From = &s.from
	}
	return record
}

// Set is the set of a record.
func (r DiskSetRecord) Set() *DiskSet {
	set := &DiskSet{disks: r.Disks, from: fromCreation, base: r.Base}
	if r.From != nil {
		set.from = *r.From
	}
	return set
}

// State copies the state out. All instances are settled up to now, which
// changes no bill.
func (w *World) State() State {
	state := State{
		Now: w.now, LastNumber: w.lastNumber, Sequence: w.sequence,
		Requests: slices.Clone(w.requests.queue), Bills: slices.Clone(w.bills.queue),
		Faults: slices.Clone(w.faults), Shocks: slices.Clone(w.shocks),
	}
	for offer := range w.stocks {
		for _, spot := range []bool{false, true} {
			if w.stocks[offer].drained[flag(spot)] {
				state.Drained = append(state.Drained, Pool{int32(offer), spot})
			}
		}
	}
	state.Instances = make([]Instance, 0, w.instances.count)
	for _, id := range slices.Sorted(maps.Keys(w.accounts)) {
		owner := w.accounts[id]
		owner.live.after(0, func(number uint64) bool {
			i := w.instances.at(number)
			w.settle(i)
			state.Instances = append(state.Instances, *i)
			return true
		})
		state.Accounts = append(state.Accounts, owner.record())
	}
	if len(w.accounts) > 1 {
		slices.SortFunc(state.Instances, func(a, b Instance) int { return cmp.Compare(a.Number, b.Number) })
	}
	state.Disks = w.disks.records()
	return state
}

func (h *holding) record() AccountRecord {
	record := AccountRecord{
		ID: h.account.id, Settings: h.settings, HasBalance: h.hasBalance, GivenMicros: h.given, Overdue: h.overdue,
		Charges: []ChargeRecord{h.closed.record(nil, nil)},
	}
	for _, pool := range slices.SortedFunc(maps.Keys(h.byPool), Pool.compare) {
		record.Charges = append(record.Charges, h.byPool[pool].record(&pool, nil))
	}
	for _, tag := range slices.SortedFunc(maps.Keys(h.byCostTag), Tag.compare) {
		record.Charges = append(record.Charges, h.byCostTag[tag].record(nil, &tag))
	}
	return record
}

func (p Pool) compare(other Pool) int {
	return cmp.Or(cmp.Compare(p.Offer, other.Offer), cmp.Compare(flag(p.Spot), flag(other.Spot)))
}

func (t Tag) compare(other Tag) int {
	return cmp.Or(cmp.Compare(t.Key, other.Key), cmp.Compare(t.Value, other.Value))
}

func (t *totals) record(pool *Pool, tag *Tag) ChargeRecord {
	return ChargeRecord{pool, tag, t.compute.micros, t.compute.parts, t.disks.micros, t.disks.parts}
}

func (t *diskTable) records() []DiskRecord {
	records := make([]DiskRecord, 0, len(t.loose))
	for _, disk := range t.loose {
		records = append(records, DiskRecord{disk.Disk, disk.from, slices.Index(t.attached[disk.Instance], disk.ID)})
	}
	slices.SortFunc(records, func(a, b DiskRecord) int { return a.Disk.ID.compare(b.Disk.ID) })
	return records
}

// Restore makes the world that a state was copied out of, with the same
// configuration.
func Restore(c Config, state State) *World {
	w := empty(c, state.Now)
	w.lastNumber, w.sequence = state.LastNumber, state.Sequence
	w.faults, w.shocks = slices.Clone(state.Faults), slices.Clone(state.Shocks)
	w.keepLasting()
	w.agenda = w.agenda[len(w.agenda)-remaining(w.agenda, state.Now):]
	for _, fault := range w.faults {
		if e, ok := fault.Effect.(ZoneOutage); ok {
			w.feelOutage(e.ZoneID) // nothing runs there yet
		}
	}
	for _, pool := range state.Drained {
		w.stocks[pool.Offer].drained[flag(pool.Spot)] = true
	}
	for _, record := range state.Accounts {
		w.restoreAccount(record)
	}
	for at := range state.Instances {
		i := state.Instances[at]
		i.Protected = i.Spot && !i.Unprotected && i.ProtectionEnd() > w.now
		w.insert(&i)
		w.accounts[i.Account.id].running.sum.disks.add(w.unsettledDisks(&i))
	}
	w.restoreDisks(state.Disks)
	for _, request := range state.Requests {
		w.requests.add(request)
	}
	for _, bill := range state.Bills {
		w.bills.add(bill)
	}
	w.planSettlement()
	w.Take()
	return w
}

// remaining is how many planned commands are still to come: all that were due
// by then have been obeyed.
func remaining(agenda []Planned, now Instant) (count int) {
	for _, planned := range agenda {
		if planned.At > now {
			count++
		}
	}
	return count
}

func (w *World) restoreAccount(record AccountRecord) {
	owner := w.addAccount(record.ID, record.Settings)
	owner.hasBalance, owner.given, owner.overdue = record.HasBalance, record.GivenMicros, record.Overdue
	for _, c := range record.Charges {
		total := &owner.closed
		switch {
		case c.Pool != nil:
			total = totalOf(owner.byPool, *c.Pool)
		case c.Tag != nil:
			total = totalOf(owner.byCostTag, *c.Tag)
		}
		*total = totals{charge{c.ComputeMicros, c.ComputeParts}, charge{c.DiskMicros, c.DiskParts}}
	}
	owner.running.sum = owner.closed
}

func (w *World) restoreDisks(records []DiskRecord) {
	// Those of one instance in the order in which they were attached.
	records = slices.Clone(records)
	slices.SortStableFunc(records, func(a, b DiskRecord) int { return cmp.Compare(a.Attached, b.Attached) })
	for _, record := range records {
		w.disks.add(&looseDisk{record.Disk, record.From})
		owner := w.accounts[record.Disk.AccountID]
		w.runDisks(owner, record.Disk.PriceMicros)
		owner.running.sum.disks.addFor(record.Disk.PriceMicros, w.second()-record.From)
	}
}

func (d DiskID) compare(other DiskID) int {
	return cmp.Or(cmp.Compare(d.Number, other.Number), cmp.Compare(d.Place, other.Place))
}
