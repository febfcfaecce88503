package view

import (
	"time"

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
}

// A Snapshot is the market at one time. It never changes, so any number may
// read it, and what it gives out stays as it is. It implements [place.Market].
type Snapshot struct {
	index map[place.Key]int32
	pages []*page
	asOf  time.Time
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

func (s *Snapshot) entry(key place.Key) *entry {
	at, known := s.index[key]
	if !known {
		return nil
	}
	return &s.pages[at/pageSize][at%pageSize]
}
