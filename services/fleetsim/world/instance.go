package world

import (
	"iter"
	"time"
)

// Durations of an instance's life.
const (
	// Protection is how long a protected spot instance can not be reclaimed.
	Protection = time.Hour
	// NoticePeriod is the time between an interruption notice and the release.
	NoticePeriod = 5 * time.Minute
)

// An Instant is a moment of simulated time, in nanoseconds since 1970; 0 stands
// for none.
type Instant int64

// InstantOf converts a time.
func InstantOf(t time.Time) Instant { return Instant(t.UnixNano()) }

// Time converts an instant, to UTC.
func (i Instant) Time() time.Time { return time.Unix(0, int64(i)).UTC() }

// Add is the instant so much later.
func (i Instant) Add(d time.Duration) Instant { return i + Instant(d) }

// A Status is the state of an instance's life cycle. The numbers are those of
// the fleet's contract.
type Status uint8

// The states.
const (
	// Pending is accepted, being created.
	Pending Status = 1
	// Starting is booting.
	Starting Status = 2
	// Running is running.
	Running Status = 3
	// Stopping is shutting down.
	Stopping Status = 4
	// Stopped is shut down.
	Stopped Status = 5
	// Released is gone; seen in transitions only.
	Released Status = 6
)

// A Kind says what happened to an instance. The numbers are those of the
// fleet's contract.
type Kind uint8

// The kinds.
const (
	// KindCreated is an accepted launch.
	KindCreated Kind = 1
	// KindStarting is the begin of booting.
	KindStarting Kind = 2
	// KindRunning is the end of booting.
	KindRunning Kind = 3
	// KindStopping is the begin of shutting down.
	KindStopping Kind = 4
	// KindStopped is the end of shutting down.
	KindStopped Kind = 5
	// KindNotice is the announcement of a reclaim.
	KindNotice Kind = 6
	// KindReleased is the end.
	KindReleased Kind = 7
	// KindTagged is a change of tags.
	KindTagged Kind = 8
	// KindHealth is a change of health.
	KindHealth Kind = 9
	// KindUpdated is a change of attributes, disks or locks.
	KindUpdated Kind = 10
)

// A Reason says why something happened. The numbers are those of the fleet's
// contract.
type Reason uint8

// The reasons.
const (
	// ReasonNone has no more to say than the kind does.
	ReasonNone Reason = 0
	// ReasonRequested is a request.
	ReasonRequested Reason = 1
	// ReasonPriceAboveBid is a market price above the bid.
	ReasonPriceAboveBid Reason = 2
	// ReasonStockNeeded is demand of other tenants.
	ReasonStockNeeded Reason = 3
	// ReasonReclaimOrdered is an order of whoever runs the simulation.
	ReasonReclaimOrdered Reason = 4
	// ReasonOverdue is an account that owes.
	ReasonOverdue Reason = 5
	// ReasonFailure is a crash, a hang, an outage.
	ReasonFailure Reason = 6
	// ReasonRecovered is the end of a failure.
	ReasonRecovered Reason = 7
	// ReasonPaid is an account that owes no more.
	ReasonPaid Reason = 8
)

// Attributes is what people call an instance, whether they let it be deleted,
// and what else it was made with: all that nothing depends on.
type Attributes struct {
	// Name and Description are anything.
	Name, Description string
	// DeletionProtection is true while a release is refused.
	DeletionProtection bool
	// UniqueSuffix is true for names that end in a number; in launches only.
	UniqueSuffix bool
	// First is the number of the first instance of a launch that gives each a
	// name of its own, which follows from it; 0 when Name is the name. Set by the
	// world.
	First uint64
	// Options is what else it was made with.
	Options SharedOptions
}

// A Lock says why an instance can not be used as its owner likes. The numbers
// are those of the fleet's contract.
type Lock uint8

// The locks.
const (
	// LockNone is none; in a query, any or none.
	LockNone Lock = 0
	// LockRecycling is an instance that is about to be reclaimed.
	LockRecycling Lock = 1
	// LockFinancial is an instance of an account that owes.
	LockFinancial Lock = 2
)

// A StoppedMode says whether a stopped instance is charged for. The numbers are
// those of the fleet's contract.
type StoppedMode uint8

// The modes.
const (
	// KeepCharging keeps stock and price.
	KeepCharging StoppedMode = 1
	// StopCharging gives the stock back.
	StopCharging StoppedMode = 2
)

// An Instance is one instance. The order of its fields keeps it small: there
// can be millions.
type Instance struct {
	// Number is the place in the order of creation, from 1.
	Number uint64
	// Account is the owner.
	Account *Account
	// Tags is the tags; never nil.
	Tags *TagSet
	// Attributes is what people call it; nil for nothing.
	Attributes *Attributes
	// Disks is the disks that it was created with and still has; nil for none.
	Disks *DiskSet
	// Created is when the launch was accepted.
	Created Instant
	// Started is when it first ran, 0 before that.
	Started Instant
	// Noticed is when its interruption was announced, 0 if it was not.
	Noticed Instant
	// Since is when it came to its status.
	Since Instant
	// Due is when its status passes by itself, 0 for never; 0 in lists and
	// transitions.
	Due Instant
	// PurchasePrice is the market price at creation, in micro-units of the
	// currency per hour: what a protected instance pays.
	PurchasePrice int64
	// MaxPrice is the bid, in micro-units of the currency per hour; 0 for none.
	MaxPrice int64
	// Charged is what computing has cost up to mark, in micro-units of the
	// currency per hour times seconds; 0 in lists and transitions.
	Charged int64
	// mark is what the meter showed when Charged was right.
	mark int64
	// Offer is the index of type and zone in the catalog.
	Offer int32
	// Transitions is how many it has made.
	Transitions uint32
	// Status is the state of its life cycle.
	Status Status
	// Why is the reason for its status.
	Why Reason
	// NoticeReason is why its interruption was announced.
	NoticeReason Reason
	// Health is how it looks from outside; inside the world, 0 for well.
	Health Health
	meter  meter
	// Spot is true for a spot instance, false for pay-as-you-go.
	Spot bool
	// Unprotected is true for a spot instance bought without protection.
	Unprotected bool
	// Protected is true until the protection of a protected instance ends.
	Protected bool
	// ReclaimOrdered is true when an order to reclaim it waits for the end of
	// its protection.
	ReclaimOrdered bool
	// StopOnReclaim is true when a reclaim stops it instead of releasing it.
	StopOnReclaim bool
	// Economical is true when, once stopped, it holds no stock. It is false
	// while it is to run.
	Economical bool
	// FinancialLock is true while its account owes.
	FinancialLock bool
}

// set brings the instance into a status.
func (i *Instance) set(status Status, why Reason, since, due Instant) {
	i.Status, i.Why, i.Since, i.Due = status, why, since, due
}

// holds tells whether the instance holds stock.
func (i *Instance) holds() bool { return i.Status != Stopped || !i.Economical }

// Describe is what people call the instance, with the name that is its own.
func (i *Instance) Describe() Attributes {
	if i.Attributes == nil {
		return Attributes{}
	}
	told := *i.Attributes
	if told.First != 0 {
		told.Name = told.nameAt(i.Number - told.First)
		told.First, told.UniqueSuffix = 0, false
	}
	return told
}

// StoppedMode tells whether the instance is charged for while it is stopped or
// stopping; 0 while it is neither.
func (i *Instance) StoppedMode() StoppedMode {
	switch {
	case i.Status != Stopping && i.Status != Stopped:
		return 0
	case i.Economical:
		return StopCharging
	default:
		return KeepCharging
	}
}

// Locks is the locks that the instance is under.
func (i *Instance) Locks() []Lock {
	var locks []Lock
	if i.Noticed != 0 {
		locks = append(locks, LockRecycling)
	}
	if i.FinancialLock {
		locks = append(locks, LockFinancial)
	}
	return locks
}

// ProtectionEnd is until when the instance can not be reclaimed; 0 when it was
// never protected.
func (i *Instance) ProtectionEnd() Instant {
	if !i.Spot || i.Unprotected {
		return 0
	}
	return i.Created.Add(Protection)
}

// ReleaseAt is when a noticed instance will be released; 0 for others.
func (i *Instance) ReleaseAt() Instant {
	if i.Noticed == 0 {
		return 0
	}
	return i.Noticed.Add(NoticePeriod)
}

// A Transition is one step in the life of an instance.
type Transition struct {
	// Instance is the instance as it was right after the step.
	Instance Instance
	// Price is what it cost then, in micro-units of the currency per hour.
	Price int64
	// Time is when.
	Time Instant
	// Alike is how many more instances, of the numbers that follow, made the
	// same step together with it. Each is a transition of its own.
	Alike uint32
	// Kind is what happened.
	Kind Kind
	// Reason is why.
	Reason Reason
}

// Each is the transition and those that are alike, one by one.
func (t Transition) Each() iter.Seq[Transition] {
	return func(yield func(Transition) bool) {
		last := t.Instance.Number + uint64(t.Alike)
		for t.Alike = 0; t.Instance.Number <= last && yield(t); t.Instance.Number++ {
		}
	}
}

// How long an instance takes to begin booting, to boot and to shut down: whole
// tenths of a second, so that the instances of one launch share few moments.
// Later boots of an instance draw anew.
func (w *World) pendingFor(i *Instance) time.Duration {
	return time.Second + time.Duration(draw(w.seed, i.Number, 1, 21))*(100*time.Millisecond)
}

func (w *World) startingFor(i *Instance) time.Duration {
	purpose := uint64(2)
	if i.Started != 0 {
		purpose = 1<<32 | uint64(i.Transitions)
	}
	return 5*time.Second + time.Duration(draw(w.seed, i.Number, purpose, 151))*(100*time.Millisecond)
}

func (w *World) stoppingFor(i *Instance) time.Duration {
	return 2*time.Second + time.Duration(draw(w.seed, i.Number, 2<<32|uint64(i.Transitions), 81))*(100*time.Millisecond)
}

// draw is a number below n that seed, instance and purpose decide.
func draw(seed, number, purpose, n uint64) uint64 {
	x := seed ^ number*0x9e3779b97f4a7c15 ^ purpose*0xd1b54a32d192ed03
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return (x ^ x>>31) % n
}

// dueAt is when something is next to happen to an instance by itself; 0 for
// never.
func (i *Instance) dueAt() Instant {
	due := i.Due
	consider := func(at Instant) {
		if at != 0 && (due == 0 || at < due) {
			due = at
		}
	}
	consider(i.ReleaseAt())
	if i.Protected {
		consider(i.ProtectionEnd())
	}
	return due
}
