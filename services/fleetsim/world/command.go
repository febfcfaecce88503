package world

// A Pool is an offer under a billing method.
type Pool struct {
	// Offer is the index of type and zone in the catalog.
	Offer int32
	// Spot is true for spot, false for pay-as-you-go.
	Spot bool
}

// A Command is what a [World] can be told to do.
type Command interface{ isCommand() }

// Launch creates instances. Its errors: [ErrRequestMismatch], [*AccountError],
// [*RefusedError], [*BalanceError], [*ZoneError], [*DiskCategoryError],
// [*PriceError], [*QuotaError], [*StockError]. A refused launch is not
// remembered; one that delivered is answered the same way again.
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
	// StopOnReclaim is true for spot instances that a reclaim stops in
	// economical mode instead of releasing them.
	StopOnReclaim bool
	// Tags is the instances' tags, at most [MaxTags].
	Tags map[string]string
	// Attributes is what people call them.
	Attributes Attributes
	// Disks is the disks of each instance, the system disk first, at most
	// [MaxDisks].
	Disks []DiskRequest
	// DryRun is true to find out what the launch would do and not do it.
	DryRun bool
}

// Release ends instances at once, all of them or none. Instances that are not
// there are no error: the answer tells which. Its errors: [*ProtectedError],
// [*StatusError].
type Release struct {
	// AccountID is the owner.
	AccountID string
	// Numbers is the instances; 0 is one that is never there.
	Numbers []uint64
	// OnlyStopped is true to refuse instances that are not stopped.
	OnlyStopped bool
	// DryRun is true to find out what would happen and not do it.
	DryRun bool
}

// A Batch says on which instances a [Start], [Stop] or [Reboot] is to act.
type Batch struct {
	// AccountID is the owner.
	AccountID string
	// RequestID makes the command idempotent in the account; empty for none.
	RequestID string
	// Numbers is the instances; 0 is one that is never there.
	Numbers []uint64
	// BestEffort is true to act on those that allow it, false to act on all or
	// none.
	BestEffort bool
	// DryRun is true to find out what would happen and not do it.
	DryRun bool
}

// Start starts stopped instances. Its errors: [ErrRequestMismatch],
// [*AccountError], and without BestEffort that of the first instance that can
// not be started: [*NotFoundError], [*StatusError], [*BalanceError],
// [*LockedError], [*ZoneError], [*PriceError], [*QuotaError], [*StockError].
type Start struct{ Batch }

// Stop stops running or starting instances. Its errors: [ErrRequestMismatch],
// [*AccountError], and without BestEffort that of the first instance that can
// not be stopped: [*NotFoundError], [*StatusError].
type Stop struct {
	Batch
	// Economical is true to give the stock back once stopped.
	Economical bool
}

// Reboot starts running instances anew. Its errors are those of [Stop].
type Reboot struct{ Batch }

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

// Describe changes what people call an instance. Its error: [*NotFoundError].
type Describe struct {
	// AccountID is the owner.
	AccountID string
	// Number is the instance.
	Number uint64
	// Name, Description, DeletionProtection are the new values; nil leaves one
	// as it is.
	Name               *string
	Description        *string
	DeletionProtection *bool
}

// AttachDisk attaches a disk that is attached to nothing. Its errors:
// [*DiskNotFoundError], [*NotFoundError], [*DiskStatusError], [*LimitError].
type AttachDisk struct {
	// AccountID is the owner.
	AccountID string
	// Disk is the disk.
	Disk DiskID
	// Number is the instance.
	Number uint64
	// Keep is true to keep the disk when the instance is released.
	Keep bool
}

// DetachDisk detaches a disk, which stays until it is deleted. Its errors:
// [*DiskNotFoundError], [*DiskStatusError].
type DetachDisk struct {
	// AccountID is the owner.
	AccountID string
	// Disk is the disk.
	Disk DiskID
}

// DeleteDisk deletes a disk that is attached to nothing; one that is not there
// is no error. Its error: [*DiskStatusError].
type DeleteDisk struct {
	// AccountID is the owner.
	AccountID string
	// Disk is the disk.
	Disk DiskID
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

// Fail makes running instances fail, or work again, whoever owns them. It has
// no errors.
type Fail struct {
	// Numbers is the instances, when ByPool is false. Others than running ones
	// are passed over.
	Numbers []uint64
	// ByPool is true when the running instances of Pools are meant.
	ByPool bool
	// Pools is which pools, when ByPool is true.
	Pools []Pool
	// Max is at most how many, oldest first; 0 for all.
	Max int32
	// Failure is how.
	Failure Failure
}

// InjectFault brings the world into trouble. The same fault under the same id
// changes nothing. Its errors: [*FaultExistsError], [*LimitError].
type InjectFault struct {
	// ID names the fault.
	ID string
	// Duration is how long it lasts; 0 for until it is cleared.
	Duration Duration
	// Effect is what it does.
	Effect Effect
}

// ClearFaults ends faults, all or none. Its error: [*FaultNotFoundError].
type ClearFaults struct {
	// IDs is which; none for all.
	IDs []string
}

// SetAccount makes an account, or changes what it may. Its error:
// [*LimitError].
type SetAccount struct {
	// AccountID is the account.
	AccountID string
	// Settings is what it may from now on.
	Settings AccountSettings
}

// Deposit gives money to an account, which has a balance from then on. Its
// errors: [*AccountError], [ErrRequestMismatch].
type Deposit struct {
	// AccountID is the account.
	AccountID string
	// RequestID makes the deposit idempotent in the account.
	RequestID string
	// Micros is how much, in micro-units of the currency; it can be less than
	// nothing.
	Micros int64
}

func (Launch) isCommand()      {}
func (Release) isCommand()     {}
func (Start) isCommand()       {}
func (Stop) isCommand()        {}
func (Reboot) isCommand()      {}
func (Retag) isCommand()       {}
func (Describe) isCommand()    {}
func (AttachDisk) isCommand()  {}
func (DetachDisk) isCommand()  {}
func (DeleteDisk) isCommand()  {}
func (Reclaim) isCommand()     {}
func (SetDrained) isCommand()  {}
func (Fail) isCommand()        {}
func (InjectFault) isCommand() {}
func (ClearFaults) isCommand() {}
func (SetAccount) isCommand()  {}
func (Deposit) isCommand()     {}

// An Answer tells what a command did.
type Answer struct {
	// Changed tells whether it changed anything. A refused launch can have: the
	// demand that was not met makes the market reclaim spot instances.
	Changed bool
	// First is the number of the first instance launched; the others follow it.
	First uint64
	// Launched is how many were launched, or would be in a dry run.
	Launched int
	// Missing is the places, in the command, of instances that were not there
	// to release, to reclaim or to fail.
	Missing []int
	// Noticed is how many instances a reclaim noticed now.
	Noticed int
	// Deferred is how many are to be noticed when their protection ends.
	Deferred int
	// Affected is how many instances failed or recovered, or how many faults
	// were cleared.
	Affected int
	// Outcomes is what became of each instance of a [Batch], in its order.
	Outcomes []Outcome
}

// An Outcome is what became of one instance of a [Batch].
type Outcome struct {
	// Before and After is the status before and after; 0 when the instance is
	// not there.
	Before, After Status
	// Err is why nothing was done; nil when it was.
	Err error
}
