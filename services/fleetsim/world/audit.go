package world

import (
	"fmt"
	"maps"
)

// A Finding is something that must always be true and is not.
type Finding struct {
	// Invariant is its number, for example S9.
	Invariant string
	// Message says what does not hold, with the figures.
	Message string
}

// audit collects findings.
type audit struct {
	w        *World
	limit    int
	findings []Finding
}

// hold notes a finding unless something holds.
func (a *audit) hold(invariant string, holds bool, format string, args ...any) {
	if !holds && len(a.findings) < a.limit {
		a.findings = append(a.findings, Finding{invariant, fmt.Sprintf(format, args...)})
	}
}

// Audit recounts everything and tells what does not hold, at most limit
// findings.
func (w *World) Audit(limit int) []Finding {
	a := &audit{w: w, limit: limit}
	recount := make([]stock, len(w.stocks))
	vcpus, tallies := map[string][2]int64{}, map[string]tally{}
	for i := range w.instances.all() {
		a.instance(i)
		id := i.Account.id
		if tallies[id] == nil {
			tallies[id] = tally{}
		}
		tallies[id].add(w.countKey(i), 1)
		if i.holds() {
			used := vcpus[id]
			used[flag(i.Spot)] += int64(w.catalog.Offers()[i.Offer].VCPUs)
			vcpus[id] = used
			recount[i.Offer].countHolder(i)
		}
	}
	for offer := range w.stocks {
		a.stock(int32(offer), &recount[offer])
	}
	for id, owner := range w.accounts {
		a.hold("S9", owner.vcpus == vcpus[id], "account %s uses %v vCPUs, its instances have %v", id, owner.vcpus, vcpus[id])
		a.charges(owner)
		a.hold("S9", maps.Equal(owner.tallies, tallies[id]), "account %s counts its instances other than they are", id)
	}
	return a.findings
}

// charges holds what an account was charged against what its instances and
// disks were (S9).
func (a *audit) charges(owner *holding) {
	sum, price := a.w.looseCharges(owner.account.id)
	sum = sum.plus(owner.closed)
	owner.live.after(0, func(number uint64) bool {
		i := a.w.instances.at(number)
		sum = sum.plus(a.w.open(i))
		price += a.w.PriceOf(i) + i.Disks.price()
		return true
	})
	charged, runs := a.w.chargedTo(owner), owner.running
	a.hold("S9", charged == sum && runs.compute+runs.disks == price,
		"account %s was charged %v at %d an hour, its instances and disks %v at %d", owner.account.id, charged, runs.compute+runs.disks, sum, price)
}

func (s *stock) countHolder(i *Instance) {
	s.used++
	if !i.Spot {
		return
	}
	s.spot++
	if i.Noticed != 0 {
		s.noticed++
	}
	if i.exposed() {
		s.exposed++
		s.lower(i.MaxPrice)
	}
}

// stock holds the stock of an offer against what its instances come to (S9) and
// its price against its bounds (S10).
func (a *audit) stock(offer int32, counted *stock) {
	s, shown, sold := a.w.stock(offer), a.w.Stock(offer), &a.w.catalog.Offers()[offer]
	name := sold.InstanceType + " in " + sold.ZoneID
	a.hold("S9", shown.Used+shown.Free+shown.Others == sold.Capacity && shown.Free >= 0 && shown.Others >= 0,
		"%s: %d used, %d of others and %d free are not the capacity %d", name, shown.Used, shown.Others, shown.Free, sold.Capacity)
	a.hold("S9", s.used == counted.used && s.spot == counted.spot && s.noticed == counted.noticed && s.exposed == counted.exposed,
		"%s: counted %d used, %d spot, %d noticed, %d exposed; there are %d, %d, %d, %d", name,
		s.used, s.spot, s.noticed, s.exposed, counted.used, counted.spot, counted.noticed, counted.exposed)
	a.hold("S10", counted.lowest == 0 || s.lowest != 0 && s.lowest <= counted.lowest && s.price <= counted.lowest,
		"%s: the lowest bid that can be reclaimed is %d, thought to be no less than %d, at a price of %d", name, counted.lowest, s.lowest, s.price)
	a.hold("S10", s.exposed == 0 || a.w.shortOf(offer) <= 0,
		"%s: others lack %d, and %d spot instances are not noticed", name, a.w.shortOf(offer), s.exposed)
	a.hold("S10", 10*s.price >= sold.PayAsYouGoMicros && s.price <= sold.PayAsYouGoMicros,
		"%s: spot price %d is not between a tenth of the list price %d and that", name, s.price, sold.PayAsYouGoMicros)
}

// instance holds one instance against the rules of spot (S10) and of bills (S9).
func (a *audit) instance(i *Instance) {
	w := a.w
	a.hold("S10", i.Noticed == 0 || i.Spot && !i.Protected && (i.Unprotected || i.Noticed >= i.ProtectionEnd()) && w.now < i.ReleaseAt(),
		"instance %d was noticed at %v and is there at %v, protected until %v", i.Number, i.Noticed.Time(), w.now.Time(), i.ProtectionEnd().Time())
	a.hold("S10", !i.Protected || w.now < i.ProtectionEnd(), "instance %d is protected beyond %v", i.Number, i.ProtectionEnd().Time())
	charged := i.Charged + w.unsettled(i)
	most := w.catalog.Offers()[i.Offer].PayAsYouGoMicros * (w.second() - w.secondOf(i.Created))
	a.hold("S9", charged >= 0 && charged <= most,
		"instance %d was charged %d micro-units an hour times seconds, at the list price it would be %d", i.Number, charged, most)
	a.hold("S9", i.meter == i.meterOf() && (i.MaxPrice == 0 || w.PriceOf(i) <= i.MaxPrice),
		"instance %d is charged %d an hour, its bid is %d", i.Number, w.PriceOf(i), i.MaxPrice)
}
