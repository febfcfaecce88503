package world

import (
	"slices"

	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/market"
)

// RulesVersion numbers the rules of this package and of the market. It goes up
// whenever the same commands would lead to another world, so that a journal of
// other rules is not replayed to something that never was.
const RulesVersion = 1

// A Market tells prices and demand of offers, by their index in the catalog,
// for ticks of [market.Tick] since 1970. The same question must always get the
// same answer.
type Market interface {
	// Price is the spot price in micro-units of the currency per hour.
	Price(offer int, tick int64) int64
	// Demand is how many instances other tenants want.
	Demand(offer int, tick int64) int64
}

// A World is the state of the simulated cloud.
type World struct {
	catalog *catalog.Catalog
	market  Market
	seed    uint64

	now        Instant
	tick       int64
	lastNumber uint64
	sequence   uint64

	accounts  map[string]*holding
	instances map[uint64]*Instance
	tags      tagTable
	stocks    []stock // by index of offer
	spotHeld  int     // spot instances that are not released
	timers    timers
	requests  requestMemory

	effects Effects
}

// holding is what an account holds, for lists.
type holding struct {
	account *Account
	live    numberSet
	byTag   map[Tag]*numberSet
}

// Effects is what happened since it was last asked for.
type Effects struct {
	// Transitions is the transitions, in order. The number of the last is
	// [World.Sequence].
	Transitions []Transition
	// Offers is the indexes of offers whose stock changed, in no order.
	Offers []int32
	// Ticked tells that the market has moved: any price or stock may have
	// changed.
	Ticked bool
}

// New makes a world without instances.
func New(c *catalog.Catalog, m Market, seed uint64, now Instant) *World {
	w := &World{
		catalog: c, market: m, seed: seed, now: now, tick: market.TickOf(int64(now)),
		accounts: map[string]*holding{}, instances: map[uint64]*Instance{}, tags: tagTable{},
		stocks:   make([]stock, len(c.Offers())),
		requests: requestMemory{places: map[RequestKey]uint64{}},
	}
	for i := range w.stocks {
		w.stocks[i].tick = w.tick - 1
	}
	return w
}

// Now is the time up to which everything has happened.
func (w *World) Now() Instant { return w.now }

// Sequence is the number of the transition that happened last, 0 for none.
func (w *World) Sequence() uint64 { return w.sequence }

// LastNumber is the number of the instance that was created last, 0 for none.
func (w *World) LastNumber() uint64 { return w.lastNumber }

// Live is how many instances there are.
func (w *World) Live() int { return len(w.instances) }

// Take hands out what happened since the last call.
func (w *World) Take() Effects {
	effects := w.effects
	w.effects = Effects{}
	for _, offer := range effects.Offers {
		w.stocks[offer].touched = false
	}
	return effects
}

// NextDue is when something may next happen by itself: the next tick of the
// market, or before it.
func (w *World) NextDue() Instant {
	next := tickStart(w.tick + 1)
	if len(w.timers) > 0 && w.timers[0].at < next {
		return w.timers[0].at
	}
	return next
}

// Advance lets time pass. All that is due by then happens, in order of time; at
// one moment the market moves first, then the instances in order of creation.
// A time in the past changes nothing.
func (w *World) Advance(to Instant) {
	for {
		next, isTick := w.nextStep(to)
		if next > to {
			break
		}
		if isTick {
			w.enterTick(market.TickOf(int64(next)))
			continue
		}
		t := w.timers.pop()
		if instance, ok := w.instances[t.number]; ok && w.dueOf(instance) == t.at {
			w.now = t.at
			w.step(instance)
		}
	}
	if to > w.now {
		w.now = to
	}
}

// nextStep tells when to stop next on the way: at a timer, or at a tick if the
// market can do something to an instance then. Ticks that can not are passed
// over, but the last one.
func (w *World) nextStep(to Instant) (at Instant, isTick bool) {
	at = to + 1
	if len(w.timers) > 0 {
		at = w.timers[0].at
	}
	tick := w.tick + 1
	if w.spotHeld == 0 {
		// A timer needs the prices of its own time.
		tick = max(tick, market.TickOf(int64(min(at, to))))
	}
	if start := tickStart(tick); start <= at && start <= to {
		return start, true
	}
	return at, false
}

// enterTick moves the market.
func (w *World) enterTick(tick int64) {
	w.tick = tick
	w.effects.Ticked = true
	if start := tickStart(tick); start > w.now {
		w.now = start
	}
	if w.spotHeld == 0 {
		return
	}
	for offer := range w.stocks {
		if w.stocks[offer].spot > 0 {
			w.reclaimByMarket(int32(offer))
		}
	}
}

// step does what is due for an instance now.
func (w *World) step(i *Instance) {
	switch {
	case i.Status == Pending:
		i.Status = Starting
		w.record(i, KindStarting, ReasonNone)
	case i.Status == Starting:
		i.Status = Running
		i.Started = w.now
		w.record(i, KindRunning, ReasonNone)
	case i.Noticed != 0:
		w.release(i, i.NoticeReason)
		return
	default:
		w.endProtection(i)
		return // a notice has set its own timer
	}
	w.arm(i)
}

// arm sets the timer of an instance.
func (w *World) arm(i *Instance) {
	if due := w.dueOf(i); due != 0 {
		w.timers.push(timer{due, i.Number})
	}
}

// record numbers and keeps a transition of an instance.
func (w *World) record(i *Instance, kind Kind, reason Reason) {
	i.Transitions++
	w.sequence++
	w.effects.Transitions = append(w.effects.Transitions, Transition{
		Instance: *i, Price: w.PriceOf(i), Time: w.now, Kind: kind, Reason: reason,
	})
}

// release ends an instance.
func (w *World) release(i *Instance, reason Reason) {
	i.Status = Released
	s := w.stock(i.Offer)
	s.used--
	s.held.remove(i.Number)
	if i.Spot {
		w.spotHeld--
		s.spot--
		if i.MaxPrice > 0 {
			s.bids--
		}
		if i.Noticed != 0 {
			s.noticed--
		}
	}
	w.touch(i.Offer)
	owner := w.accounts[i.Account.id]
	owner.live.remove(i.Number)
	owner.untag(i)
	w.tags.drop(i.Tags)
	delete(w.instances, i.Number)
	w.record(i, KindReleased, reason)
}

// insert puts an instance in, wherever it is looked for.
func (w *World) insert(i *Instance) {
	w.instances[i.Number] = i
	s := w.stock(i.Offer)
	s.used++
	s.held.add(i.Number)
	if i.Spot {
		w.spotHeld++
		s.spot++
		if i.MaxPrice > 0 {
			s.bids++
		}
		if i.Noticed != 0 {
			s.noticed++
		}
	}
	w.touch(i.Offer)
	owner := w.holding(i.Account.id)
	i.Account = owner.account
	i.Tags = w.tags.take(i.Tags)
	owner.live.add(i.Number)
	owner.tag(i)
	w.arm(i)
}

// holding is what an account holds; a new account holds nothing.
func (w *World) holding(accountID string) *holding {
	owner, ok := w.accounts[accountID]
	if !ok {
		owner = &holding{account: &Account{id: accountID}, byTag: map[Tag]*numberSet{}}
		w.accounts[accountID] = owner
	}
	return owner
}

func (h *holding) tag(i *Instance) {
	for _, tag := range i.Tags.tags {
		set, ok := h.byTag[tag]
		if !ok {
			set = &numberSet{}
			h.byTag[tag] = set
		}
		set.add(i.Number)
	}
}

func (h *holding) untag(i *Instance) {
	for _, tag := range i.Tags.tags {
		set := h.byTag[tag]
		set.remove(i.Number)
		if set.count == 0 {
			delete(h.byTag, tag)
		}
	}
}

func tickStart(tick int64) Instant { return Instant(tick * int64(market.Tick)) }

// live finds an account's instance.
func (w *World) live(accountID string, number uint64) (*Instance, bool) {
	i, ok := w.instances[number]
	if !ok || i.Account.id != accountID {
		return nil, false
	}
	return i, true
}

// State is a world without what follows from it: what a snapshot holds.
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
	// Requests is the launches that are remembered, oldest first.
	Requests []Request
}

// State copies the state out.
func (w *World) State() State {
	state := State{Now: w.now, LastNumber: w.lastNumber, Sequence: w.sequence, Requests: slices.Clone(w.requests.queue)}
	for offer := range w.stocks {
		for _, spot := range []bool{false, true} {
			if w.stocks[offer].drained[flag(spot)] {
				state.Drained = append(state.Drained, Pool{int32(offer), spot})
			}
		}
	}
	state.Instances = make([]Instance, 0, len(w.instances))
	for _, i := range w.instances {
		state.Instances = append(state.Instances, *i)
	}
	slices.SortFunc(state.Instances, func(a, b Instance) int {
		if a.Number < b.Number {
			return -1
		}
		return 1
	})
	return state
}

// Restore makes the world that a state was copied out of, with the same
// catalog, market and seed.
func Restore(c *catalog.Catalog, m Market, seed uint64, state State) *World {
	w := New(c, m, seed, state.Now)
	w.lastNumber, w.sequence = state.LastNumber, state.Sequence
	for _, pool := range state.Drained {
		w.stocks[pool.Offer].drained[flag(pool.Spot)] = true
	}
	for at := range state.Instances {
		i := state.Instances[at]
		i.Protected = i.Spot && !i.Unprotected && i.ProtectionEnd() > w.now
		w.insert(&i)
	}
	for _, request := range state.Requests {
		w.requests.add(request)
	}
	w.Take()
	return w
}
