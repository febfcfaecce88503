package view

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/allocator/place"
)

// pageSize is how many offers lie on a page. A change copies the pages that it
// touches and no others.
const pageSize = 32

type page [pageSize]entry

// An entry is an offer and what the fleet told of its stock.
type entry struct {
	offer place.Offer
	stock [2]fleetv1.StockStatus // by place.Billing
	// stocked is the stock in the last snapshot, or place.Unknown; gone is how
	// many instances it has lost from one snapshot to the next in all.
	stocked int32
	gone    int64
}

// settle counts what the stock has lost since the last snapshot.
func (e *entry) settle() {
	now := place.Unknown
	for _, billing := range []place.Billing{place.PayAsYouGo, place.Spot} {
		if pool := e.offer.Pool(billing); pool.OnSale {
			now = max(now, pool.Available)
		}
	}
	if now != place.Unknown {
		e.gone += int64(max(0, e.stocked-now))
	}
	e.stocked = now
}

// A Snapshot is the market at one time. It never changes, so any number may
// read it, and what it gives out stays as it is. It implements [place.Market].
type Snapshot struct {
	index map[place.Key]int32
	pages []*page
	asOf  time.Time
	heard time.Time
}

var _ place.Market = (*Snapshot)(nil)

// Offer implements [place.Market].
func (s *Snapshot) Offer(key place.Key) *place.Offer {
	if e := s.entry(key); e != nil {
		return &e.offer
	}
	return nil
}

// AsOf tells the time of the cloud's clock up to which the snapshot is current.
func (s *Snapshot) AsOf() time.Time { return s.asOf }

// Heard tells when the fleet last said anything, by the view's clock.
func (s *Snapshot) Heard() time.Time { return s.heard }

// Gone tells how many instances the stock of a type in a zone has lost in all,
// from one snapshot to the next, since the view began: launches, but also what
// the cloud takes away. What it gains in between is not made up for.
func (s *Snapshot) Gone(key place.Key) int64 {
	if e := s.entry(key); e != nil {
		return e.gone
	}
	return 0
}

// entry is that of an offer, or nil. No snapshot has none.
func (s *Snapshot) entry(key place.Key) *entry {
	if s == nil {
		return nil
	}
	at, known := s.index[key]
	if !known {
		return nil
	}
	return s.at(at)
}

func (s *Snapshot) at(at int32) *entry { return &s.pages[at/pageSize][at%pageSize] }

// Told is the market of which pools tell at a time.
func Told(pools []*fleetv1.Pool, asOf *timestamppb.Timestamp) *Snapshot {
	b := newBook(nil)
	b.apply(&fleetv1.WatchPoolsResponse{Pools: pools, AsOfTime: asOf})
	return b.publish(time.Time{})
}
