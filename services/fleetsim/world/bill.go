package world

import "iter"

// BillsKept is how many bills of released instances are remembered.
const BillsKept = 100_000

// A Bill is what instances have cost and cost now.
type Bill struct {
	// ComputeMicros is what computing has cost so far, in micro-units of the
	// currency, rounded down.
	ComputeMicros int64
	// DiskMicros is what disks have cost so far, likewise.
	DiskMicros int64
	// TotalMicros is the sum of both, rounded down once.
	TotalMicros int64
	// PriceMicros is what they cost now, in micro-units of the currency per
	// hour, disks included.
	PriceMicros int64
	// Instances is how many there are now.
	Instances int64
	// AsOf is up to when cost is counted: whole seconds.
	AsOf Instant
}

// totals is charges for computing and for disks.
type totals struct{ compute, disks charge }

func (t totals) plus(other totals) totals {
	return totals{t.compute.plus(other.compute), t.disks.plus(other.disks)}
}

// micros is the sum, rounded down once.
func (t totals) micros() int64 { return t.compute.plus(t.disks).micros }

// closeCompute adds charges for computing that an instance is settled of.
func (h *holding) closeCompute(w *World, i *Instance, raw int64) {
	h.eachTotal(w, i, func(t *totals) { t.compute.add(raw) })
}

// closeDisks adds charges for disks of an instance.
func (h *holding) closeDisks(w *World, i *Instance, raw int64) {
	h.eachTotal(w, i, func(t *totals) { t.disks.add(raw) })
}

// eachTotal calls a function with each sum that an instance's charges are in.
func (h *holding) eachTotal(w *World, i *Instance, add func(*totals)) {
	add(&h.closed)
	add(totalOf(h.byPool, Pool{i.Offer, i.Spot}))
	for _, tag := range i.Tags.tags {
		if w.isCostTag(tag.Key) {
			add(totalOf(h.byCostTag, tag))
		}
	}
}

func totalOf[K comparable](of map[K]*totals, key K) *totals {
	total, ok := of[key]
	if !ok {
		total = &totals{}
		of[key] = total
	}
	return total
}

func (w *World) isCostTag(key string) bool {
	for _, cost := range w.costTags {
		if cost == key {
			return true
		}
	}
	return false
}

// open is what an instance owes beyond what its account's sums hold.
func (w *World) open(i *Instance) (t totals) {
	t.compute.add(w.unsettled(i))
	t.disks.add(w.unsettledDisks(i))
	return t
}

// bill adds up what is closed and what instances owe.
func (w *World) bill(closed totals, each iter.Seq[uint64]) Bill {
	bill := Bill{AsOf: w.asOf()}
	each(func(number uint64) bool {
		i := w.instances.at(number)
		closed = closed.plus(w.open(i))
		bill.PriceMicros += w.PriceOf(i) + i.Disks.price()
		bill.Instances++
		return true
	})
	return bill.of(closed)
}

func (b Bill) of(t totals) Bill {
	b.ComputeMicros, b.DiskMicros, b.TotalMicros = t.compute.micros, t.disks.micros, t.micros()
	return b
}

// asOf is the start of the present second of the clock.
func (w *World) asOf() Instant { return Instant(floorSecond(w.now) * 1_000_000_000) }

// BillOf tells the bill of one instance of an account, also of one of the last
// [BillsKept] that were released. Disks that were attached to it later are not
// in it. Its error: [*BillError].
func (w *World) BillOf(accountID string, number uint64) (Bill, error) {
	if i, ok := w.live(accountID, number); ok {
		var sum totals
		sum.compute.add(i.Charged + w.unsettled(i))
		sum.disks.add(w.diskCharge(i))
		return Bill{PriceMicros: w.PriceOf(i) + i.Disks.price(), Instances: 1, AsOf: w.asOf()}.of(sum), nil
	}
	final, ok := w.bills.find(number)
	if !ok || final.AccountID != accountID {
		return Bill{}, &BillError{}
	}
	var sum totals
	sum.compute.add(final.Compute)
	sum.disks.add(final.Disks)
	return Bill{AsOf: w.asOf()}.of(sum), nil
}

// BillOfPool tells the bill of an account's instances in a pool.
func (w *World) BillOfPool(accountID string, pool Pool) Bill {
	owner, ok := w.accounts[accountID]
	if !ok {
		return Bill{AsOf: w.asOf()}
	}
	return w.bill(valueOf(owner.byPool[pool]), func(yield func(uint64) bool) {
		w.stocks[pool.Offer].held.after(0, func(number uint64) bool {
			i := w.instances.at(number)
			return i.Spot != pool.Spot || i.Account.id != accountID || yield(number)
		})
	})
}

// BillOfTag tells the bill of an account's instances for as long as they
// carried a tag. Its error: [*BillError] for a key that is no cost tag.
func (w *World) BillOfTag(accountID string, tag Tag) (Bill, error) {
	if !w.isCostTag(tag.Key) {
		return Bill{}, &BillError{Key: tag.Key}
	}
	owner, ok := w.accounts[accountID]
	if !ok {
		return Bill{AsOf: w.asOf()}, nil
	}
	return w.bill(valueOf(owner.byCostTag[tag]), func(yield func(uint64) bool) {
		if index := owner.byTag[tag]; index != nil {
			index.set.after(0, yield)
		}
	}), nil
}

// BillOfAll tells the bill of everything that an account has had, disks that
// are attached to nothing included.
func (w *World) BillOfAll(accountID string) Bill {
	owner, ok := w.accounts[accountID]
	if !ok {
		return Bill{AsOf: w.asOf()}
	}
	price := owner.running.compute + owner.running.disks
	return Bill{PriceMicros: price, Instances: int64(owner.live.count), AsOf: w.asOf()}.of(w.chargedTo(owner))
}

func valueOf(t *totals) totals {
	if t == nil {
		return totals{}
	}
	return *t
}

// A FinalBill is what a released instance has cost, in micro-units of the
// currency per hour times seconds.
type FinalBill struct {
	// Number is the instance.
	Number uint64
	// AccountID is who paid.
	AccountID string
	// Compute is for computing, Disks for disks.
	Compute, Disks int64
}

func finalBill(w *World, i *Instance) FinalBill {
	return FinalBill{Number: i.Number, AccountID: i.Account.id, Compute: i.Charged, Disks: w.diskCharge(i)}
}

// billMemory is the last bills of released instances, in order of release.
type billMemory struct {
	queue  []FinalBill
	gone   uint64
	places map[uint64]uint64 // by instance: place in the order of all
}

func (m *billMemory) find(number uint64) (FinalBill, bool) {
	place, ok := m.places[number]
	if !ok {
		return FinalBill{}, false
	}
	return m.queue[place-m.gone], true
}

func (m *billMemory) add(bill FinalBill) {
	m.places[bill.Number] = m.gone + uint64(len(m.queue))
	m.queue = append(m.queue, bill)
	if len(m.queue) > BillsKept {
		delete(m.places, m.queue[0].Number)
		m.queue = m.queue[1:]
		m.gone++
	}
}
