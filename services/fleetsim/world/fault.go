package world

import "time"

// MaxFaults is how many faults there can be at a time.
const MaxFaults = 1_000

// A Duration is a length of simulated time.
type Duration = time.Duration

// A Fault is trouble that the world is in until it ends.
type Fault struct {
	// ID names it.
	ID string
	// From is since when it lasts.
	From Instant
	// Until is when it ends by itself; 0 for never.
	Until Instant
	// Effect is what it does.
	Effect Effect
}

// An Effect is what a [Fault] does: [PriceShock], [ZoneOutage], [SlowLaunch],
// [LaunchRefusal], [DiskShortage], [CallTrouble] or [StreamTrouble]. The last
// two are only kept here, for those who serve calls.
type Effect interface{ isEffect() }

// A Selector names pools by what they have in common. Empty fields fit any.
type Selector struct {
	// ZoneID is their zone.
	ZoneID string
	// InstanceType is their type.
	InstanceType string
	// Billing is their billing method: spot (true), pay-as-you-go (false), or
	// nil for both.
	Billing *bool
}

// PriceShock multiplies the spot price of pools, which stays between a tenth of
// the list price and the list price.
type PriceShock struct {
	// Pools is which; their billing method does not matter.
	Pools Selector
	// Permille is the factor, in thousandths.
	Permille int64
}

// ZoneOutage makes a zone refuse launches and starts, and what runs in it
// impaired.
type ZoneOutage struct {
	// ZoneID is which.
	ZoneID string
}

// SlowLaunch makes instances take longer to come up.
type SlowLaunch struct {
	// Pools is in which.
	Pools Selector
	// Permille is the factor, in thousandths.
	Permille int64
}

// LaunchRefusal refuses launches.
type LaunchRefusal struct {
	// Pools is in which.
	Pools Selector
	// Refusal is why.
	Refusal Refusal
}

// DiskShortage takes a category of disks off offer.
type DiskShortage struct {
	// ZoneID is where; empty for everywhere.
	ZoneID string
	// Category is which.
	Category DiskCategory
}

// CallTrouble disturbs calls.
type CallTrouble struct {
	// Methods is the names of the methods; none for all.
	Methods []string
	// SharePermille is how many of a thousand calls.
	SharePermille int32
	// Latency is how long answers are held back, in real time.
	Latency time.Duration
	// Outcome is what else happens, by the numbers of the fleet's contract.
	Outcome int32
	// MaxCalls is after how many disturbed calls it stops; 0 for never.
	MaxCalls int32
}

// StreamTrouble disturbs streams of transitions.
type StreamTrouble struct {
	// DuplicatePermille is how many of a thousand entries come twice.
	DuplicatePermille int32
	// Delay is how long entries are held back, in real time.
	Delay time.Duration
}

func (PriceShock) isEffect()    {}
func (ZoneOutage) isEffect()    {}
func (SlowLaunch) isEffect()    {}
func (LaunchRefusal) isEffect() {}
func (DiskShortage) isEffect()  {}
func (CallTrouble) isEffect()   {}
func (StreamTrouble) isEffect() {}

// A Refusal says why a fault refuses a launch, by the numbers of the fleet's
// contract.
type Refusal int32

// A Failure is how an instance fails. The numbers are those of the fleet's
// contract.
type Failure uint8

// The failures.
const (
	// FailureCrash stops the instance; it goes on being charged for.
	FailureCrash Failure = 1
	// FailureHang makes nothing be heard from it.
	FailureHang Failure = 2
	// FailureImpair makes it impaired.
	FailureImpair Failure = 3
	// FailureSlow makes it slow.
	FailureSlow Failure = 4
	// FailureRecover makes it work again.
	FailureRecover Failure = 5
)
