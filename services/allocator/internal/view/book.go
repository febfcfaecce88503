package view

import (
	"maps"
	"slices"
	"time"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/allocator/place"
)

// A book is the market as one stream tells it. It shares with the snapshots
// that it publishes what has not changed since.
type book struct {
	// before is what was known when the stream began; nil for nothing.
	before *Snapshot
	now    Snapshot
	// indexShared tells that a snapshot uses the index, too; own lists the pages
	// that no snapshot uses.
	indexShared bool
	own         map[int32]struct{}
	// touched lists the entries that were told of since the last snapshot.
	touched []int32
}

func newBook(before *Snapshot) *book {
	b := &book{before: before, own: map[int32]struct{}{}}
	b.now.index = map[place.Key]int32{}
	return b
}

// publish makes a snapshot of the book, last heard of at a time.
func (b *book) publish(heard time.Time) *Snapshot {
	for _, at := range b.touched {
		b.now.at(at).settle()
	}
	b.touched = b.touched[:0]
	b.indexShared = true
	clear(b.own)
	return &Snapshot{index: b.now.index, pages: slices.Clone(b.now.pages), asOf: b.now.asOf, heard: heard}
}

// apply notes what a response of the stream tells. It gives the types that the
// stream had not told of before.
func (b *book) apply(response *fleetv1.WatchPoolsResponse) (news []place.Key) {
	if response.GetAsOfTime() != nil {
		b.now.asOf = response.GetAsOfTime().AsTime()
	}
	for _, told := range response.GetPools() {
		billing, known := billingOf(told.GetBillingMethod())
		if !known { // one that a later fleet sells and nobody here asks for
			continue
		}
		key := place.Key{Zone: told.GetZoneId(), Type: told.GetInstanceType()}
		last, lastStock := b.last(key, billing)
		e, isNew := b.entry(key)
		if isNew {
			news = append(news, key)
		}
		if list := max(0, told.GetPayAsYouGoPriceMicrosPerHour()); list > 0 {
			e.offer.ListPrice = list
		} else if billing == place.PayAsYouGo { // its price is the list price
			e.offer.ListPrice = max(0, told.GetPriceMicrosPerHour())
		}
		e.stock[billing] = told.GetStockStatus()
		pool := e.offer.Pool(billing)
		*pool = place.Pool{
			OnSale: true, Available: availableOf(told), Price: max(0, told.GetPriceMicrosPerHour()), Restocked: last.Restocked,
			InterruptionPermille: interruptionOf(told),
		}
		if last.OnSale && gained(last.Available, pool.Available, lastStock, told.GetStockStatus()) {
			pool.Restocked = b.now.asOf
		}
	}
	return news
}

// last tells what was known of a pool, on this stream or before it.
func (b *book) last(key place.Key, billing place.Billing) (place.Pool, fleetv1.StockStatus) {
	for _, known := range [...]*Snapshot{&b.now, b.before} {
		if e := known.entry(key); e != nil && e.offer.Pool(billing).OnSale {
			return *e.offer.Pool(billing), e.stock[billing]
		}
	}
	return place.Pool{}, fleetv1.StockStatus_STOCK_STATUS_UNSPECIFIED
}

// entry gives the entry of an offer, on a page that no snapshot uses, and tells
// whether the stream had not told of the offer before.
func (b *book) entry(key place.Key) (_ *entry, isNew bool) {
	at, known := b.now.index[key]
	if !known {
		at = int32(len(b.now.index))
		if b.indexShared {
			b.now.index, b.indexShared = maps.Clone(b.now.index), false
		}
		b.now.index[key] = at
	}
	number := at / pageSize
	if int(number) == len(b.now.pages) {
		b.now.pages = append(b.now.pages, new(page))
		b.own[number] = struct{}{}
	}
	if _, own := b.own[number]; !own {
		b.now.pages[number] = new(*b.now.pages[number])
		b.own[number] = struct{}{}
	}
	e := b.now.at(at)
	if !known {
		e.stocked = place.Unknown
		if before := b.before.entry(key); before != nil {
			e.stocked, e.gone = before.stocked, before.gone
		}
	}
	b.touched = append(b.touched, at)
	return e, !known
}

// gained tells whether a pool has more stock than before.
func gained(before, now int32, stockBefore, stockNow fleetv1.StockStatus) bool {
	if before == 0 || before != place.Unknown && now != place.Unknown {
		return now != 0 && (now > before || now == place.Unknown)
	}
	return fullness(stockBefore) > 0 && fullness(stockNow) > fullness(stockBefore)
}

// fullness orders the categories of stock; 0 for one that is not known.
func fullness(status fleetv1.StockStatus) int {
	switch status {
	case fleetv1.StockStatus_STOCK_STATUS_WITHOUT_STOCK:
		return 1
	case fleetv1.StockStatus_STOCK_STATUS_CLOSED_WITH_STOCK:
		return 2
	case fleetv1.StockStatus_STOCK_STATUS_WITH_STOCK:
		return 3
	default:
		return 0
	}
}

// availableOf tells the stock of a pool: the number if there is one, else that
// it is empty or not known.
func availableOf(told *fleetv1.Pool) int32 {
	switch {
	case told.AvailableInstances != nil:
		return max(0, told.GetAvailableInstances())
	case told.GetStockStatus() == fleetv1.StockStatus_STOCK_STATUS_WITHOUT_STOCK:
		return 0
	default:
		return place.Unknown
	}
}

// interruptionOf tells how often a pool is interrupted. Pay-as-you-go is never,
// and nobody tells so.
func interruptionOf(told *fleetv1.Pool) int32 {
	if told.InterruptionPermille == nil || told.GetBillingMethod() != fleetv1.BillingMethod_BILLING_METHOD_SPOT {
		return place.Unknown
	}
	return min(max(0, told.GetInterruptionPermille()), 1_000)
}

func billingOf(method fleetv1.BillingMethod) (place.Billing, bool) {
	switch method {
	case fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO:
		return place.PayAsYouGo, true
	case fleetv1.BillingMethod_BILLING_METHOD_SPOT:
		return place.Spot, true
	default:
		return 0, false
	}
}
