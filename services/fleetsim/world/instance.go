package world

import "time"

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
	// KindNotice is the announcement of a reclaim.
	KindNotice Kind = 6
	// KindReleased is the end.
	KindReleased Kind = 7
	// KindTagged is a change of tags.
	KindTagged Kind = 8
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
)

// Attributes is what people call an instance, and whether they let it be
// deleted.
type Attributes struct {
	// Name and Description are anything.
	Name, Description string
	// DeletionProtection is true while a release is refused.
	DeletionProtection bool
}

// An Instance is one instance. The order of its fields keeps it small: there
// can be millions.
type Instance struct {
	// Number is the place in the order of creation, from 1.
	Number uint64
	// Account is the owner.
	Account *Account
	// Tags is the tags; never nil.
	Tags *TagSet
	// Created is when the launch was accepted.
	Created Instant
	// Started is when it first ran, 0 before that.
	Started Instant
	// Noticed is when its interruption was announced, 0 if it was not.
	Noticed Instant
	// PurchasePrice is the market price at creation, in micro-units of the
	// currency per hour: what a protected instance pays.
	PurchasePrice int64
	// MaxPrice is the bid, in micro-units of the currency per hour; 0 for none.
	MaxPrice int64
	// Offer is the index of type and zone in the catalog.
	Offer int32
	// Transitions is how many it has made.
	Transitions uint32
	// Status is the state of its life cycle.
	Status Status
	// NoticeReason is why its interruption was announced.
	NoticeReason Reason
	// Spot is true for a spot instance, false for pay-as-you-go.
	Spot bool
	// Unprotected is true for a spot instance bought without protection.
	Unprotected bool
	// Protected is true until the protection of a protected instance ends.
	Protected bool
	// ReclaimOrdered is true when an order to reclaim it waits for the end of
	// its protection.
	ReclaimOrdered bool
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
	// Kind is what happened.
	Kind Kind
	// Reason is why.
	Reason Reason
}

// pendingFor and startingFor are how long an instance takes to begin booting,
// and to boot. They are whole tenths of a second, so that the instances of one
// launch share few moments.
func (w *World) pendingFor(number uint64) time.Duration {
	return time.Second + time.Duration(draw(w.seed, number, 1, 21))*(100*time.Millisecond)
}

func (w *World) startingFor(number uint64) time.Duration {
	return 5*time.Second + time.Duration(draw(w.seed, number, 2, 151))*(100*time.Millisecond)
}

// draw is a number below n that seed, instance and purpose decide.
func draw(seed, number, purpose, n uint64) uint64 {
	x := seed ^ number*0x9e3779b97f4a7c15 ^ purpose*0xd1b54a32d192ed03
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return (x ^ x>>31) % n
}

// dueOf is when something is next to happen to an instance by itself; 0 for
// never.
func (w *World) dueOf(i *Instance) Instant {
	switch {
	case i.Status == Pending:
		return i.Created.Add(w.pendingFor(i.Number))
	case i.Status == Starting:
		return i.Created.Add(w.pendingFor(i.Number) + w.startingFor(i.Number))
	case i.Noticed != 0:
		return i.ReleaseAt()
	case i.Protected:
		return i.ProtectionEnd()
	default:
		return 0
	}
}
