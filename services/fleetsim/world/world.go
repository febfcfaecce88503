package world

import (
	"iter"
	"slices"
	"time"

	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
)

// RulesVersion numbers the rules of this package and of the market. It goes up
// whenever the same commands would lead to another world, so that a journal of
// other rules is not replayed to something that never was.
const RulesVersion = 4

// A Market tells prices and demand of offers, by their index in the catalog,
// for ticks. The same question must always get the same answer.
type Market interface {
	// Ticks tells when prices and demand can change: at start, in nanoseconds
	// since 1970, and whole multiples of a length before and after it. Both are
	// whole seconds.
	Ticks() (startUnixNanos int64, length time.Duration)
	// Price is the spot price in micro-units of the currency per hour, during
	// the tick that begins so many lengths after start.
	Price(offer int, tick int64) int64
	// Demand is how many instances other tenants want then.
	Demand(offer int, tick int64) int64
}

// A World is the state of the simulated cloud.
type World struct {
	catalog  *catalog.Catalog
	market   Market
	seed     uint64
	origin   Instant
	ticks    ticks
	costTags []string // ascending

	now        Instant
	tick       int64
	lastNumber uint64
	sequence   uint64

	accounts  map[string]*holding
	instances instanceTable
	tags      tagTable
	stocks    []stock // by index of offer
	spotHeld  int     // spot instances that hold stock
	timers    timers
	bare      []*Instance // whose protection ended now, the market not yet asked
	requests  requestMemory
	disks     diskTable
	bills     billMemory
	faults    []Fault      // by id
	shocks    []Shock      // by their beginning
	lasting   []PriceShock // of shocks, those that last
	agenda    []Planned
	settles   bool    // whether an account has a balance
	settleAt  Instant // when accounts are settled next, if one has
	facts     *Facts  // nil when out of date

	effects Effects
}

// Effects is what happened since it was last asked for.
type Effects struct {
	// Transitions is the transitions, in order, those that are alike together.
	// The number of the last is [World.Sequence].
	Transitions []Transition
	// Offers is the indexes of offers whose stock changed, in no order.
	Offers []int32
	// Ticked tells that the market has moved: any price or stock may have
	// changed.
	Ticked bool
}

// New makes a world without instances.
func New(c Config) *World {
	w := empty(c, c.Origin)
	w.Advance(c.Origin) // obeys what is planned for the very beginning
	return w
}

// empty makes a world at a time, with nothing on its agenda done.
func empty(c Config, now Instant) *World {
	start, length := c.Market.Ticks()
	w := &World{
		catalog: c.Catalog, market: c.Market, seed: c.Seed, origin: c.Origin, ticks: ticks{start, int64(length)},
		costTags: slices.Sorted(slices.Values(c.CostTagKeys)), now: now,
		accounts: map[string]*holding{}, instances: instanceTable{pages: map[uint64]*instancePage{}}, tags: tagTable{},
		stocks:   make([]stock, len(c.Catalog.Offers())),
		requests: requestMemory{places: map[RequestKey]uint64{}},
		disks:    newDiskTable(), bills: billMemory{places: map[uint64]uint64{}}, agenda: c.Agenda,
	}
	w.tick = w.ticks.of(now)
	for i := range w.stocks {
		w.stocks[i].tick = w.tick - 1
	}
	w.addAccount(DefaultAccountID, Unlimited())
	for _, setup := range c.Accounts {
		owner := w.addAccount(setup.ID, setup.Settings)
		if setup.BalanceMicros != nil {
			owner.hasBalance, owner.given = true, *setup.BalanceMicros
		}
	}
	w.planSettlement()
	return w
}

// Now is the time up to which everything has happened.
func (w *World) Now() Instant { return w.now }

// Sequence is the number of the transition that happened last, 0 for none.
func (w *World) Sequence() uint64 { return w.sequence }

// At is an instance as it looks from outside, whoever owns it; false when there
// is none of the number.
func (w *World) At(number uint64) (Instance, bool) {
	i := w.instances.at(number)
	if i == nil {
		return Instance{}, false
	}
	return w.seen(i), true
}

// LastNumber is the number of the instance that was created last, 0 for none.
func (w *World) LastNumber() uint64 { return w.lastNumber }

// Live is how many instances there are.
func (w *World) Live() int { return w.instances.count }

// Take hands out what happened since the last call.
func (w *World) Take() Effects {
	effects := w.effects
	w.effects = Effects{}
	for _, offer := range effects.Offers {
		w.stocks[offer].touched = false
	}
	return effects
}

// maxSpare is how many transitions the room that is used again can have.
const maxSpare = 1 << 15

// Reuse takes back what [World.Take] handed out, and uses its room for what
// happens next. The caller must have kept nothing of it but copies.
func (w *World) Reuse(effects Effects) {
	if len(w.effects.Transitions) > 0 || cap(effects.Transitions) > maxSpare {
		return
	}
	clear(effects.Transitions) // so that nothing is held that it points to
	w.effects.Transitions = effects.Transitions[:0]
}

// seen is an instance as the world shows it: with the health that it has for
// those outside, and without its charges, of which bills tell, and what is due
// for it.
func (w *World) seen(i *Instance) Instance {
	shown := *i
	shown.Health = w.healthOf(i)
	shown.Charged, shown.mark, shown.Due = 0, 0, 0
	return shown
}

// All is the transitions, one by one.
func (e Effects) All() iter.Seq[Transition] {
	return func(yield func(Transition) bool) {
		for _, together := range e.Transitions {
			for transition := range together.Each() {
				if !yield(transition) {
					return
				}
			}
		}
	}
}

// record numbers and keeps a transition of an instance, or of instances that
// are alike and whose numbers follow each other.
func (w *World) record(i *Instance, kind Kind, reason Reason) {
	w.recordAlike([]*Instance{i}, kind, reason)
}

func (w *World) recordAlike(alike []*Instance, kind Kind, reason Reason) {
	for _, i := range alike {
		i.Transitions++
	}
	w.sequence += uint64(len(alike))
	first := alike[0]
	w.effects.Transitions = append(w.effects.Transitions, Transition{
		Instance: w.seen(first), Price: w.PriceOf(first), Time: w.now, Alike: uint32(len(alike) - 1), Kind: kind, Reason: reason,
	})
}

// change changes an instance that is in the world. Whatever is counted or
// charged by its state is before and after it.
func (w *World) change(i *Instance, mutate func()) {
	w.uncount(i)
	mutate()
	w.count(i)
	w.remeter(i)
}

// insert puts instances in, wherever they are looked for. They are alike: of one
// account, offer, state and set of tags.
func (w *World) insert(alike ...*Instance) {
	first := alike[0]
	owner := w.accounts[first.Account.id]
	tags := w.tags.take(first.Tags, len(alike))
	indexes := owner.indexes(tags)
	held := &w.stocks[first.Offer].held
	first.meter = first.meterOf()
	mark := w.reading(first)
	numbers := make([]uint64, len(alike))
	for at, i := range alike {
		i.Account, i.Tags, i.meter, i.mark = owner.account, tags, first.meter, mark
		numbers[at] = i.Number
	}
	w.instances.add(alike)
	for _, i := range alike {
		w.arm(i) // which looks at all that are in
	}
	held.addAll(numbers)
	owner.live.addAll(numbers)
	for _, index := range indexes {
		index.set.addAll(numbers)
	}
	w.countBy(first, int64(len(alike)))
	w.run(first, int64(len(alike)))
	w.runDisks(owner, int64(len(alike))*first.Disks.price())
}

// release ends an instance.
func (w *World) release(i *Instance, reason Reason) {
	w.settle(i)
	w.run(i, -1)
	w.bills.add(finalBill(w, i))
	w.keepDisks(i)
	w.uncount(i)
	w.stocks[i.Offer].held.remove(i.Number)
	owner := w.accounts[i.Account.id]
	owner.live.remove(i.Number)
	w.untag(owner, i)
	w.tags.drop(i.Tags)
	w.instances.remove(i.Number)
	i.set(Released, reason, w.now, 0)
	i.meter = meterOff
	w.record(i, KindReleased, reason)
}

// live finds an account's instance.
func (w *World) live(accountID string, number uint64) (*Instance, bool) {
	i := w.instances.at(number)
	if i == nil || i.Account.id != accountID {
		return nil, false
	}
	return i, true
}
