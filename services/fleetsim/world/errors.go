package world

import (
	"errors"
	"fmt"
)

// Errors without figures.
var (
	// ErrRequestMismatch is a request id that was used with other parameters.
	ErrRequestMismatch = errors.New("the request id was used before with other parameters")
	// ErrTooManyTags is a change that gives an instance more than [MaxTags].
	ErrTooManyTags = fmt.Errorf("an instance would have more than %d tags", MaxTags)
)

// A StockError is a launch or a start that the stock is too small for.
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
	// Pool is where.
	Pool Pool
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

// A StatusError is an instance in a status that a command can not start from.
type StatusError struct {
	// Place is the place of the instance in the command.
	Place int
	// Status is its status.
	Status Status
	// Wanted is the statuses that the command can start from.
	Wanted []Status
}

// Error implements error.
func (e *StatusError) Error() string {
	return fmt.Sprintf("instance %d has status %d, not one of %v", e.Place, e.Status, e.Wanted)
}

// A LockedError is an instance that a lock keeps from being started.
type LockedError struct {
	// Place is the place of the instance in the command.
	Place int
	// Lock is the lock.
	Lock Lock
}

// Error implements error.
func (e *LockedError) Error() string {
	return fmt.Sprintf("instance %d is under lock %d", e.Place, e.Lock)
}

// A ProtectedError is a release of an instance that is protected from deletion.
type ProtectedError struct {
	// Place is the place of the instance in the command.
	Place int
}

// Error implements error.
func (e *ProtectedError) Error() string {
	return fmt.Sprintf("instance %d is protected from deletion", e.Place)
}

// A QuotaError is a launch or a start that passes the account's quota.
type QuotaError struct {
	// Spot tells which quota: spot, or pay-as-you-go.
	Spot bool
	// Wanted is how many vCPUs were to be added.
	Wanted int64
	// Used is how many the account has.
	Used int64
	// Quota is how many it may have.
	Quota int64
}

// Error implements error.
func (e *QuotaError) Error() string {
	return fmt.Sprintf("%d vCPUs more than %d of %d", e.Wanted, e.Used, e.Quota)
}

// A BalanceError is a launch or a start of an account that is overdue.
type BalanceError struct {
	// Balance is what it has left, in micro-units of the currency.
	Balance int64
}

// Error implements error.
func (e *BalanceError) Error() string { return fmt.Sprintf("balance %d micros", e.Balance) }

// An AccountError is a command of an account that there is not.
type AccountError struct {
	// AccountID is the account.
	AccountID string
}

// Error implements error.
func (e *AccountError) Error() string { return fmt.Sprintf("there is no account %q", e.AccountID) }

// A ZoneError is a launch or a start in a zone that does not sell now.
type ZoneError struct {
	// ZoneID is the zone.
	ZoneID string
}

// Error implements error.
func (e *ZoneError) Error() string { return fmt.Sprintf("zone %s does not sell now", e.ZoneID) }

// A DiskCategoryError is a disk none of whose categories is on offer.
type DiskCategoryError struct {
	// ZoneID is the zone.
	ZoneID string
	// Disk is the place of the disk in the launch.
	Disk int
	// Categories is what was asked for.
	Categories []DiskCategory
}

// Error implements error.
func (e *DiskCategoryError) Error() string {
	return fmt.Sprintf("none of the categories %v of disk %d is on offer in %s", e.Categories, e.Disk, e.ZoneID)
}

// A RefusedError is a launch that a fault refuses.
type RefusedError struct {
	// FaultID is the fault.
	FaultID string
	// Refusal is why the launch is to look refused.
	Refusal Refusal
}

// Error implements error.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("fault %s refuses launches for reason %d", e.FaultID, e.Refusal)
}

// A DiskNotFoundError is a disk that is not there.
type DiskNotFoundError struct {
	// Disk is the disk.
	Disk DiskID
}

// Error implements error.
func (e *DiskNotFoundError) Error() string { return fmt.Sprintf("disk %v is not there", e.Disk) }

// A DiskStatusError is a disk that a command can not be obeyed on.
type DiskStatusError struct {
	// Disk is the disk.
	Disk DiskID
	// Why tells, in words, what is in the way.
	Why string
}

// Error implements error.
func (e *DiskStatusError) Error() string { return fmt.Sprintf("disk %v %s", e.Disk, e.Why) }

// A FaultExistsError is another fault under the same id.
type FaultExistsError struct {
	// ID is the id.
	ID string
}

// Error implements error.
func (e *FaultExistsError) Error() string { return fmt.Sprintf("there is another fault %q", e.ID) }

// A FaultNotFoundError is a fault that is not there.
type FaultNotFoundError struct {
	// ID is the id.
	ID string
}

// Error implements error.
func (e *FaultNotFoundError) Error() string { return fmt.Sprintf("there is no fault %q", e.ID) }

// A LimitError is more of something than there can be.
type LimitError struct {
	// What says of what, for example "faults".
	What string
	// Limit is how many there can be.
	Limit int
}

// Error implements error.
func (e *LimitError) Error() string { return fmt.Sprintf("there are %d %s already", e.Limit, e.What) }

// A BillError is a bill that can not be told.
type BillError struct {
	// Key is the tag key that is no cost tag; empty when the instance is not
	// there or was released too long ago.
	Key string
}

// Error implements error.
func (e *BillError) Error() string {
	if e.Key == "" {
		return "the instance has no bill"
	}
	return fmt.Sprintf("tag key %q is no cost tag", e.Key)
}
