package place

import "time"

// A Billing is how an instance is paid for.
type Billing uint8

// Billing methods.
const (
	// PayAsYouGo is billed at the list price and never reclaimed.
	PayAsYouGo Billing = iota
	// Spot is billed at the market price and can be reclaimed.
	Spot
)

// A Key names an instance type in a zone. Together with a billing method it
// names a pool.
type Key struct {
	// Zone is the id of the zone.
	Zone string
	// Type is the name of the instance type.
	Type string
}

// A Market tells what is for sale.
type Market interface {
	// Offer tells how a type is sold in a zone, or nil when it is not. The
	// offer must not change while a placement is made.
	Offer(key Key) *Offer
}

// An Offer is how a cloud sells one instance type in one zone. Its pools share
// the stock of the zone.
type Offer struct {
	// ListPrice is the pay-as-you-go price of one instance, in micro-units of
	// the currency per hour.
	ListPrice int64
	// PayAsYouGo is the pay-as-you-go pool.
	PayAsYouGo Pool
	// Spot is the spot pool.
	Spot Pool
}

// Pool tells the pool of a billing method.
func (o *Offer) Pool(billing Billing) *Pool {
	if billing == Spot {
		return &o.Spot
	}
	return &o.PayAsYouGo
}

// Unknown stands for a number of available instances, or a rate of
// interruptions, that the cloud does not tell.
const Unknown int32 = -1

// A Pool is what has a price and a stock.
type Pool struct {
	// OnSale is false when the type is not sold under the billing method.
	OnSale bool
	// Available is how many instances a launch could get, or Unknown; 0 also
	// when the cloud tells no number but that the stock is empty.
	Available int32
	// Price is the price of one instance, in micro-units of the currency per
	// hour.
	Price int64
	// InterruptionPermille is how many of a thousand instances are interrupted
	// within an hour, 0 to 1,000, or Unknown.
	InterruptionPermille int32
	// Restocked is when the pool was last seen to gain stock; zero when never.
	Restocked time.Time
}
