package world

import (
	"cmp"
	"reflect"
	"slices"
	"time"
)

// How many price shocks are kept, and for how long those that are over, so that
// the history of prices can tell of them.
const (
	shocksKept  = 1_000
	shockMemory = 31 * 24 * time.Hour
)

func (w *World) injectFault(c InjectFault) (Answer, error) {
	at, known := w.findFault(c.ID)
	if known {
		if was := &w.faults[at]; w.durationOf(was) != c.Duration || !reflect.DeepEqual(was.Effect, c.Effect) {
			return Answer{}, &FaultExistsError{ID: c.ID}
		}
		return Answer{}, nil
	}
	if len(w.faults) >= MaxFaults {
		return Answer{}, &LimitError{What: "faults", Limit: MaxFaults}
	}
	fault := Fault{ID: c.ID, From: w.now, Effect: c.Effect}
	if c.Duration > 0 {
		fault.Until = w.now.Add(c.Duration)
	}
	w.faults = slices.Insert(w.faults, at, fault)
	if shock, ok := c.Effect.(PriceShock); ok {
		w.shocks = append(w.shocks, Shock{From: w.now, Effect: shock})
		w.lasting = append(w.lasting, shock)
	}
	w.facts = nil
	w.feel(c.Effect)
	return Answer{Changed: true}, nil
}

func (w *World) findFault(id string) (int, bool) {
	return slices.BinarySearchFunc(w.faults, id, func(f Fault, id string) int { return cmp.Compare(f.ID, id) })
}

func (w *World) durationOf(f *Fault) Duration {
	if f.Until == 0 {
		return 0
	}
	return Duration(f.Until - f.From)
}

func (w *World) clearFaults(c ClearFaults) (Answer, error) {
	for _, id := range c.IDs {
		if _, ok := w.findFault(id); !ok {
			return Answer{}, &FaultNotFoundError{ID: id}
		}
	}
	ended := w.dropFaults(func(f *Fault) bool { return len(c.IDs) == 0 || slices.Contains(c.IDs, f.ID) })
	return Answer{Changed: ended > 0, Affected: ended}, nil
}

// endFaults ends the faults whose time has come.
func (w *World) endFaults() {
	over := func(f *Fault) bool { return f.Until != 0 && f.Until <= w.now }
	if slices.ContainsFunc(w.faults, func(f Fault) bool { return over(&f) }) {
		w.dropFaults(over)
	}
}

func (w *World) dropFaults(ends func(*Fault) bool) (ended int) {
	var over []Fault
	w.faults = slices.DeleteFunc(slices.Clone(w.faults), func(f Fault) bool {
		if !ends(&f) {
			return false
		}
		over = append(over, f)
		return true
	})
	w.facts = nil
	for i := range over {
		w.endShock(&over[i])
	}
	for i := range over { // not before all have ended
		w.feel(over[i].Effect)
	}
	return len(over)
}

// endShock closes the entry of a price shock in the history.
func (w *World) endShock(f *Fault) {
	shock, ok := f.Effect.(PriceShock)
	if !ok {
		return
	}
	at := slices.IndexFunc(w.shocks, func(s Shock) bool {
		return s.Until == 0 && s.From == f.From && reflect.DeepEqual(s.Effect, shock)
	})
	w.shocks = slices.Clone(w.shocks)
	w.shocks[at].Until = w.now
	w.keepLasting()
	excess := len(w.shocks) - shocksKept
	w.shocks = slices.DeleteFunc(w.shocks, func(s Shock) bool {
		forget := s.Until != 0 && (excess > 0 || s.Until.Add(shockMemory) < w.now)
		if forget {
			excess--
		}
		return forget
	})
}

// keepLasting picks the shocks that last out of those that are remembered.
func (w *World) keepLasting() {
	w.lasting = nil
	for _, shock := range w.shocks {
		if shock.Until == 0 {
			w.lasting = append(w.lasting, shock.Effect)
		}
	}
}

// feel makes the world follow the begin or the end of an effect.
func (w *World) feel(effect Effect) {
	switch e := effect.(type) {
	case PriceShock:
		for offer := range w.stocks {
			if e.Pools.hasOffer(w, int32(offer)) {
				w.reprice(int32(offer))
			}
		}
	case ZoneOutage:
		w.feelOutage(e.ZoneID)
	case SlowLaunch, LaunchRefusal, DiskShortage, CallTrouble, StreamTrouble:
		// Looked up when it matters.
	}
}

func (s Selector) hasOffer(w *World, offer int32) bool {
	s.Billing = nil
	return s.has(&w.catalog.Offers()[offer], true)
}

// reprice looks the price of an offer up anew, in the middle of a tick. What it
// was before is not known of every offer.
func (w *World) reprice(offer int32) {
	known := w.stocks[offer].tick == w.tick
	s := w.stock(offer)
	price := w.shocked(offer, w.market.Price(int(offer), w.tick))
	if known && price == s.price {
		return
	}
	w.setPrice(offer, price)
	w.touch(offer)
	if s.spot > 0 {
		w.reclaimByMarket(offer)
	}
}

// shocked is the market price of an offer after the shocks that last, in order
// of their beginning.
func (w *World) shocked(offer int32, price int64) int64 {
	list := w.catalog.Offers()[offer].PayAsYouGoMicros
	for i := range w.lasting {
		if e := &w.lasting[i]; e.Pools.hasOffer(w, offer) {
			price = e.Price(price, list)
		}
	}
	return price
}

// Price is what a shock makes of a market price, given the list price.
func (e PriceShock) Price(price, list int64) int64 {
	return min(max(mulDiv(price, e.Permille, 1000), (list+9)/10), list)
}

// feelOutage puts the offers of a zone into an outage or out of it, by the
// faults that last, and tells of the health of what runs there.
func (w *World) feelOutage(zoneID string) {
	outage := slices.ContainsFunc(w.faults, func(f Fault) bool {
		e, ok := f.Effect.(ZoneOutage)
		return ok && e.ZoneID == zoneID
	})
	var running []uint64
	for offer := range w.stocks {
		s := &w.stocks[offer]
		if w.catalog.Offers()[offer].ZoneID != zoneID || s.outage == outage {
			continue
		}
		numbers := s.held.all()
		for _, number := range numbers {
			w.uncount(w.instances.at(number))
		}
		s.outage = outage
		for _, number := range numbers {
			i := w.instances.at(number)
			w.count(i)
			if i.Status == Running && i.Health != HealthImpaired {
				running = append(running, number)
			}
		}
		w.touch(int32(offer))
	}
	slices.Sort(running)
	for _, number := range running {
		w.record(w.instances.at(number), KindHealth, failureReason(!outage))
	}
}

// longest is how long coming up can take, however many faults add up: as good
// as for ever.
const longest = 365 * 24 * time.Hour

// slowed is how long coming up takes, by the faults that last.
func (w *World) slowed(i *Instance, usual Duration) Duration {
	for at := range w.faults {
		e, ok := w.faults[at].Effect.(SlowLaunch)
		if !ok || !e.Pools.has(&w.catalog.Offers()[i.Offer], i.Spot) {
			continue
		}
		if usual >= Duration(mulDiv(int64(longest), 1000, e.Permille)) {
			return longest
		}
		usual = Duration(mulDiv(int64(usual), e.Permille, 1000))
	}
	return usual
}

// refusalOf is the error of the first fault, by id, that refuses launches in a
// pool.
func (w *World) refusalOf(pool Pool) error {
	for i := range w.faults {
		if e, ok := w.faults[i].Effect.(LaunchRefusal); ok && e.Pools.has(&w.catalog.Offers()[pool.Offer], pool.Spot) {
			return &RefusedError{FaultID: w.faults[i].ID, Refusal: e.Refusal}
		}
	}
	return nil
}

// onOffer tells whether a zone offers a category of disks.
func (w *World) onOffer(zoneID string, category DiskCategory) bool {
	return !slices.ContainsFunc(w.faults, func(f Fault) bool {
		e, ok := f.Effect.(DiskShortage)
		return ok && e.Category == category && (e.ZoneID == "" || e.ZoneID == zoneID)
	})
}
