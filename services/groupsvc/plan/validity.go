package plan

import (
	"time"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// A Phase is where a time lies in the validity of a group.
type Phase int

// Phases.
const (
	// Waiting is before it begins: nothing is launched.
	Waiting Phase = iota
	// Valid is while it lasts.
	Valid
	// Expired is from its end on: all that is there goes.
	Expired
)

// PhaseAt tells where a time lies in the validity of a group. It begins at its
// first moment and is over at its last.
func PhaseAt(spec *groupv1.GroupSpec, now time.Time) Phase {
	switch {
	case spec.ValidUntil != nil && !now.Before(spec.GetValidUntil().AsTime()):
		return Expired
	case spec.ValidFrom != nil && now.Before(spec.GetValidFrom().AsTime()):
		return Waiting
	default:
		return Valid
	}
}

// NextPhase tells when the next phase begins; zero when none does.
func NextPhase(spec *groupv1.GroupSpec, now time.Time) time.Time {
	switch phase := PhaseAt(spec, now); {
	case phase == Waiting:
		return spec.GetValidFrom().AsTime()
	case phase == Valid && spec.ValidUntil != nil:
		return spec.GetValidUntil().AsTime()
	default:
		return time.Time{}
	}
}
