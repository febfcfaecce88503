package trace

import (
	"fmt"
	"math"
	"time"

	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/market"
)

// A Binding gives an offer its series.
type Binding struct {
	// Offer is the index of the offer in the catalog.
	Offer int
	// Stock is how many instances can be had; nil leaves demand to the base
	// market.
	Stock *Series
	// Price is the spot price, in micro-units per hour; nil leaves it to the
	// base market.
	Price *Series
}

// A Config says what is replayed, for what, and when.
type Config struct {
	// Catalog is the offers.
	Catalog *catalog.Catalog
	// Base is the market of offers without series; nil stands still.
	Base market.Source
	// StartUnixNanos is the time that second 0 of the series falls on.
	StartUnixNanos int64
	// Tick is how long a tick is, whole seconds. 0 takes the longest at which
	// each row begins a tick, or that of the seeded market if no series has
	// rows at a step.
	Tick time.Duration
	// Repeat begins the trace anew whenever it is over, and lets it have been
	// so before. Otherwise the first and the last values hold.
	Repeat bool
	// Series is the series of the offers, each offer at most once.
	Series []Binding
}

// A Replay is a market that follows a trace.
type Replay struct {
	offers        []catalog.Offer
	base          market.Source
	start         int64
	seconds       int64 // of a tick
	from, period  int64 // what is repeated, in seconds; period 0: nothing
	stock, price  []*Series
	baseStart     int64
	baseNanos     int64
	clampedPrices int
}

// New makes a replay. It refuses more stock than an offer's capacity, and a
// tick at which rows would be passed over.
func New(config Config) (*Replay, error) {
	offers := config.Catalog.Offers()
	r := &Replay{
		offers: offers, base: config.Base, start: config.StartUnixNanos,
		stock: make([]*Series, len(offers)), price: make([]*Series, len(offers)),
	}
	if r.base == nil {
		still, err := market.New(config.Catalog, 0, 0)
		if err != nil {
			return nil, err
		}
		r.base = still
	}
	start, length := r.base.Ticks()
	r.baseStart, r.baseNanos = start, int64(length)
	for _, b := range config.Series {
		if err := r.bind(b); err != nil {
			return nil, err
		}
	}
	if err := r.setTick(config.Tick, config.Series); err != nil {
		return nil, err
	}
	if config.Repeat && len(config.Series) > 0 {
		r.setPeriod(config.Series)
	}
	return r, nil
}

// bind gives an offer its series.
func (r *Replay) bind(b Binding) error {
	if b.Offer < 0 || b.Offer >= len(r.offers) {
		return fmt.Errorf("offer must be an index of the catalog, 0 to %d, got %d", len(r.offers)-1, b.Offer)
	}
	offer := r.offers[b.Offer]
	name := offerName(offer.InstanceType, offer.ZoneID)
	if r.stock[b.Offer] != nil || r.price[b.Offer] != nil {
		return fmt.Errorf("%s must be given series once only", name)
	}
	if b.Stock == nil && b.Price == nil {
		return fmt.Errorf("%s must be given a stock series, a price series, or both", name)
	}
	if b.Stock != nil {
		for i, count := range b.Stock.values {
			if count > offer.Capacity {
				return fmt.Errorf("%s: stock at second %d must be at most the offer's capacity, %d, got %d", name, b.Stock.at[i], offer.Capacity, count)
			}
		}
	}
	if b.Price != nil {
		for _, price := range b.Price.values {
			if clamped(price, offer) != price {
				r.clampedPrices++
			}
		}
	}
	r.stock[b.Offer], r.price[b.Offer] = b.Stock, b.Price
	return nil
}

// maxTickSeconds is a day.
const maxTickSeconds = 24 * 60 * 60

// setTick settles how long a tick is.
func (r *Replay) setTick(wanted time.Duration, bound []Binding) error {
	common := int64(0)
	for _, b := range bound {
		for _, s := range []*Series{b.Stock, b.Price} {
			if s != nil && s.step > 0 {
				common = gcd(common, gcd(s.step, s.first-floorDiv(s.first, s.step)*s.step))
			}
		}
	}
	switch {
	case wanted < 0 || wanted%time.Second != 0 || wanted > maxTickSeconds*time.Second:
		return fmt.Errorf("tick must be whole seconds, at most a day, got %v", wanted)
	case wanted > 0 && common%int64(wanted/time.Second) != 0:
		return fmt.Errorf("tick must divide %d s, so that each row of the trace begins a tick, got %v", common, wanted)
	case wanted > 0:
		r.seconds = int64(wanted / time.Second)
	case common > maxTickSeconds:
		return fmt.Errorf("tick must be given, at most a day: the rows of the trace are %d s apart", common)
	case common > 0:
		r.seconds = common
	default:
		r.seconds = int64(market.Tick / time.Second)
	}
	return nil
}

// setPeriod settles what is repeated: whole ticks that hold all series.
func (r *Replay) setPeriod(bound []Binding) {
	from, end := int64(math.MaxInt64), int64(0)
	for _, b := range bound {
		for _, s := range []*Series{b.Stock, b.Price} {
			if s != nil {
				from, end = min(from, s.first), max(end, s.end())
			}
		}
	}
	r.from = floorDiv(from, r.seconds) * r.seconds
	r.period = (end - r.from + r.seconds - 1) / r.seconds * r.seconds
}

// ClampedPrices is how many steps of the price series are less than 10 % or
// more than 100 % of the offer's pay-as-you-go price; the nearer bound stands
// in for them.
func (r *Replay) ClampedPrices() int { return r.clampedPrices }

// Ticks implements [market.Source].
func (r *Replay) Ticks() (startUnixNanos int64, length time.Duration) {
	return r.start, time.Duration(r.seconds) * time.Second
}

// Price implements [market.Source].
func (r *Replay) Price(offer int, tick int64) int64 {
	if s := r.price[offer]; s != nil {
		return clamped(s.At(r.second(tick)), r.offers[offer])
	}
	return r.base.Price(offer, r.baseTick(tick))
}

// Demand implements [market.Source]: what the trace says can be had is what
// others leave.
func (r *Replay) Demand(offer int, tick int64) int64 {
	if s := r.stock[offer]; s != nil {
		return r.offers[offer].Capacity - s.At(r.second(tick))
	}
	return r.base.Demand(offer, r.baseTick(tick))
}

// MostDemand implements [market.Bounded]. Where a trace begins anew between the
// two ticks, others may want all.
func (r *Replay) MostDemand(offer int, from, until int64) int64 {
	s, last := r.stock[offer], until-1
	if s == nil {
		base, ok := r.base.(market.Bounded)
		if !ok {
			return math.MaxInt64
		}
		return base.MostDemand(offer, r.baseTick(from), r.baseTick(last)+1)
	}
	begin, end := r.second(from), r.second(last)
	if end-begin != (last-from)*r.seconds {
		return r.offers[offer].Capacity
	}
	return r.offers[offer].Capacity - s.least(begin, end)
}

// second is the second of the trace that a tick begins at.
func (r *Replay) second(tick int64) int64 {
	second := bounded(tick, r.seconds) * r.seconds
	if r.period > 0 {
		second -= floorDiv(second-r.from, r.period) * r.period
	}
	return second
}

// baseTick is the tick of the base market when a tick begins.
func (r *Replay) baseTick(tick int64) int64 {
	nanos := r.seconds * int64(time.Second)
	return floorDiv(bounded(tick, nanos)*nanos+(r.start-r.baseStart), r.baseNanos)
}

// bounded keeps a number of ticks from leaving the range of times.
func bounded(tick, length int64) int64 {
	most := int64(math.MaxInt64) / 4 / length
	return min(max(tick, -most), most)
}

// clamped is the price that rule S10 allows: from a tenth of the list price to
// the list price.
func clamped(price int64, offer catalog.Offer) int64 {
	return min(max(price, (offer.PayAsYouGoMicros+9)/10), offer.PayAsYouGoMicros)
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func floorDiv(a, b int64) int64 {
	quotient := a / b
	if a%b < 0 {
		quotient--
	}
	return quotient
}
