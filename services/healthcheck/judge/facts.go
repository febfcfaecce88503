package judge

import (
	"math"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// Facts are what the cloud has told of an instance, as far as it matters to a
// verdict. They are small: there can be millions. They are a function of the set
// of sightings that were taken: order, delays and repetitions change nothing.
type Facts struct {
	// Created is when its launch was accepted.
	Created Instant
	// Changed is when status and health became what they are.
	Changed Instant
	// number is that of the latest transition seen, change that of the latest
	// that changed status or health.
	number, change uint32
	status, health uint8
	why            uint8 // reason of the latest change
	flags          uint8
}

const (
	flagNoticed = 1 << iota // it will be reclaimed
	flagWasOK               // it has run, and was well
)

// A Sighting is what one entry of the fleet's stream, or of its list, tells.
type Sighting struct {
	// Number is that of the transition.
	Number int64
	// Kind is what happened; unspecified in a list, which tells how things are
	// and not since when.
	Kind fleetv1.TransitionKind
	// Why is the reason; unspecified in a list.
	Why fleetv1.TransitionReason
	// Status and Health are how it was right after.
	Status fleetv1.InstanceStatus
	// Health is how it looked from outside right after.
	Health fleetv1.InstanceHealth
	// Noticed tells that its interruption was announced.
	Noticed bool
	// Created is when its launch was accepted.
	Created Instant
	// At is when it happened; of a list, when it was asked for.
	At Instant
}

// Take adds a sighting.
func (f *Facts) Take(s Sighting) {
	number := clamp(s.Number)
	f.Created = s.Created
	if s.Status == fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING && s.Health == fleetv1.InstanceHealth_INSTANCE_HEALTH_OK {
		f.flags |= flagWasOK
	}
	listedAnew := s.Kind == fleetv1.TransitionKind_TRANSITION_KIND_UNSPECIFIED && number >= f.number &&
		(uint8(s.Status) != f.status || uint8(s.Health) != f.health)
	if number >= f.change && (listedAnew || changes(s.Kind)) {
		f.change, f.Changed, f.why = number, s.At, uint8(s.Why)
	}
	if number < f.number {
		return
	}
	f.number, f.status, f.health = number, uint8(s.Status), uint8(s.Health)
	f.flags &^= flagNoticed
	if s.Noticed {
		f.flags |= flagNoticed
	}
}

// changes tells whether a kind of transition changes status or health.
func changes(kind fleetv1.TransitionKind) bool {
	switch kind {
	case fleetv1.TransitionKind_TRANSITION_KIND_UNSPECIFIED,
		fleetv1.TransitionKind_TRANSITION_KIND_INTERRUPTION_NOTICE,
		fleetv1.TransitionKind_TRANSITION_KIND_TAGGED,
		fleetv1.TransitionKind_TRANSITION_KIND_UPDATED:
		return false
	default:
		return true
	}
}

// clamp keeps numbers of transitions small: no instance makes four billion.
func clamp(number int64) uint32 { return uint32(min(max(number, 0), math.MaxUint32)) }

// Number is that of the latest transition seen.
func (f *Facts) Number() int64 { return int64(f.number) }

// Status is the state of its life cycle.
func (f *Facts) Status() fleetv1.InstanceStatus { return fleetv1.InstanceStatus(f.status) }

// Health is how it looks from outside.
func (f *Facts) Health() fleetv1.InstanceHealth { return fleetv1.InstanceHealth(f.health) }

// Why is the reason of the latest change of status or health.
func (f *Facts) Why() fleetv1.TransitionReason { return fleetv1.TransitionReason(f.why) }

// Noticed tells whether it will be reclaimed.
func (f *Facts) Noticed() bool { return f.flags&flagNoticed != 0 }

// WasOK tells whether it has run, and was well, before.
func (f *Facts) WasOK() bool { return f.flags&flagWasOK != 0 }

// Running tells whether it runs, so that it can be asked.
func (f *Facts) Running() bool { return f.Status() == fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING }

// Ill tells whether it runs and the cloud says that it does not work.
func (f *Facts) Ill() bool { return f.Running() && isBad(f.Health()) }

// Recall tells what was known before a list showed the instance as it is: since
// when status and health are so, and whether it had run, and was well, before.
func (f *Facts) Recall(changed Instant, wasOK bool) {
	f.Changed = min(f.Changed, changed)
	if wasOK {
		f.flags |= flagWasOK
	}
}

// Plain tells whether there is nothing about the facts that could ever become a
// verdict without another sighting.
func (f *Facts) Plain() bool {
	return f.Noticed() || f.Running() && !isBad(f.Health()) ||
		f.Status() == fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPING || f.Status() == fleetv1.InstanceStatus_INSTANCE_STATUS_RELEASED
}
