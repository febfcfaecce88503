package view

import (
	"maps"
	"slices"

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
}

func newBook(before *Snapshot) *book {
	b := &book{before: before, own: map[int32]struct{}{}}
	b.now.index = map[place.Key]int32{}
	return b
}

// publish makes a snapshot of the book.
func (b *book) publish() *Snapshot {
	b.indexShared = true
	clear(b.own)
	return &Snapshot{index: b.now.index, pages: slices.Clone(b.now.pages), asOf: b.now.asOf}
}

// apply notes what a response of the stream tells.
func (b *book) apply(response *fleetv1.WatchPoolsResponse) {
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
		e := b.entry(key)
		e.offer.ListPrice = max(0, told.GetPayAsYouGoPriceMicrosPerHour())
		e.stock[billing] = told.GetStockStatus()
		pool := e.offer.Pool(billing)
		*pool = place.Pool{OnSale: true, Available: availableOf(told), Price: max(0, told.GetPriceMicrosPerHour()), Restocked: last.Restocked}
		if last.OnSale && gained(last.Available, pool.Available, lastStock, told.GetStockStatus()) {
			pool.Restocked = b.now.asOf
		}
	}
}

// last tells what was known of a pool, on this stream or before it.
func (b *book) last(key place.Key, billing place.Billing) (place.Pool, fleetv1.StockStatus) {
	for _, known := range []*Snapshot{&b.now, b.before} {
		if known == nil {
			continue
		}
		if e := known.entry(key); e != nil && e.offer.Pool(billing).OnSale {
			return *e.offer.Pool(billing), e.stock[billing]
		}
	}
	return place.Pool{}, fleetv1.StockStatus_STOCK_STATUS_UNSPECIFIED
}

// entry gives the entry of an offer, on a page that no snapshot uses.
func (b *book) entry(key place.Key) *entry {
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
	return &b.now.pages[number][at%pageSize]
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
