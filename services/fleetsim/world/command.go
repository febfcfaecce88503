package world

import (
	"errors"
	"fmt"
)

// A Pool is an offer under a billing method.
type Pool struct {
	// Offer is the index of type and zone in the catalog.
	Offer int32
	// Spot is true for spot, false for pay-as-you-go.
	Spot bool
}

// A Command is what a [World] can be told to do: [Launch], [Release], [Retag],
// [Reclaim] or [SetDrained].
type Command interface{ isCommand() }

// Launch creates instances. Its errors: [ErrRequestMismatch], [*PriceError],
// [*StockError]. A refused launch is not remembered; one that delivered is
// answered the same way again.
type Launch struct {
	// AccountID is the owner to be.
	AccountID string
	// RequestID makes the launch idempotent in the account.
	RequestID string
	// Pool is where.
	Pool Pool
	// Amount is how many, at least 1.
	Amount int32
	// MinAmount is the least number worth launching, 1 to Amount.
	MinAmount int32
	// MaxPrice is the bid of spot instances, in micro-units of the currency per
	// hour; 0 for none.
	MaxPrice int64
	// Unprotected is true for spot instances that can be reclaimed at once.
	Unprotected bool
	// Tags is the instances' tags, at most [MaxTags].
	Tags map[string]string
}

// Release ends instances at once. It has no errors: the answer tells which were
// not there.
type Release struct {
	// AccountID is the owner.
	AccountID string
	// Numbers is the instances; 0 is one that is never there.
	Numbers []uint64
}

// Retag changes the tags of instances, all or none. Its errors:
// [*NotFoundError], [ErrTooManyTags]. An instance whose tags stay the same
// makes no transition.
type Retag struct {
	// AccountID is the owner.
	AccountID string
	// Numbers is the instances; 0 is one that is never there.
	Numbers []uint64
	// Set is the tags to set, after the removal.
	Set map[string]string
	// Remove is the keys of tags to remove.
	Remove []string
}

// Reclaim orders spot instances back, whoever owns them: those that can be are
// noticed now, protected ones at the end of their protection. Those noticed
// before count toward Max but are left as they are, so that the same order
// twice reclaims no more. It has no errors.
type Reclaim struct {
	// Numbers is the instances, when ByPool is false. Others than live spot
	// instances are passed over.
	Numbers []uint64
	// ByPool is true when all spot instances of Offers are meant.
	ByPool bool
	// Offers is the indexes of offers, when ByPool is true.
	Offers []int32
	// Max is at most how many, oldest first; 0 for all.
	Max int32
}

// SetDrained makes pools refuse launches, or lets them deliver again. It has no
// errors.
type SetDrained struct {
	// Pools is which.
	Pools []Pool
	// Drained is true to drain, false to restore.
	Drained bool
}

func (Launch) isCommand()     {}
func (Release) isCommand()    {}
func (Retag) isCommand()      {}
func (Reclaim) isCommand()    {}
func (SetDrained) isCommand() {}

// An Answer tells what a command did.
type Answer struct {
	// Changed tells whether it changed anything.
	Changed bool
	// First is the number of the first instance launched; the others follow it.
	First uint64
	// Launched is how many were launched.
	Launched int
	// Missing is the places, in the command, of instances that were not there
	// to release or to reclaim.
	Missing []int
	// Noticed is how many instances a reclaim noticed now.
	Noticed int
	// Deferred is how many are to be noticed when their protection ends.
	Deferred int
}

// Errors without figures.
var (
	// ErrRequestMismatch is a request id that was used with other parameters.
	ErrRequestMismatch = errors.New("the request id was used before with other parameters")
	// ErrTooManyTags is a change that gives an instance more than [MaxTags].
	ErrTooManyTags = fmt.Errorf("an instance would have more than %d tags", MaxTags)
)

// A StockError is a launch that the stock is too small for.
type StockError struct {
	// Pool is where.
	Pool Pool
	// Wanted is the least number that was worth launching.
	Wanted int64
	// Available is how many could be had.
	Available int64
}

// Error implements error.
func (e *StockError) Error() string {
	return fmt.Sprintf("stock for %d instances, %d wanted", e.Available, e.Wanted)
}

// A PriceError is a bid below the market price.
type PriceError struct {
	// Bid is the bid, in micro-units of the currency per hour.
	Bid int64
	// Market is the market price, in the same unit.
	Market int64
}

// Error implements error.
func (e *PriceError) Error() string {
	return fmt.Sprintf("bid %d is below the market price %d", e.Bid, e.Market)
}

// A NotFoundError is an instance that is not there.
type NotFoundError struct {
	// Place is the place of the instance in the command.
	Place int
}

// Error implements error.
func (e *NotFoundError) Error() string { return fmt.Sprintf("instance %d is not there", e.Place) }
