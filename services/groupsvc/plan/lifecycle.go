package plan

import (
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// An Event is something that may move a group on in its life.
type Event int

// Events.
const (
	// Launched means that something was launched for the group.
	Launched Event = iota
	// Attempted means that a look did all that there was to do or to try.
	Attempted
	// Changed means that a user, or a scaling task, changed what is wanted.
	Changed
	// DeleteAsked means that a user asked for the group's end.
	DeleteAsked
	// ValidityOver means that the group's validity is over.
	ValidityOver
	// MinimumMissed means that the one attempt of an instant group delivered less
	// than its minimum target capacity.
	MinimumMissed
	// Emptied means that nothing is left of a group that ends.
	Emptied
)

// String is the event in words.
func (e Event) String() string {
	return [...]string{
		"something is launched", "a look did all there was to do", "a change of what is wanted", "DeleteGroup",
		"the validity is over", "the minimum was not reached", "no instance is left",
	}[e]
}

// A Transition is a step in the life of a group.
type Transition struct {
	// From is where the group is.
	From groupv1.Lifecycle
	// On is what happens.
	On Event
	// To is where it is then.
	To groupv1.Lifecycle
}

const (
	submitted = groupv1.Lifecycle_LIFECYCLE_SUBMITTED
	active    = groupv1.Lifecycle_LIFECYCLE_ACTIVE
	modifying = groupv1.Lifecycle_LIFECYCLE_MODIFYING
	ending    = groupv1.Lifecycle_LIFECYCLE_DELETE_RUNNING
	deleted   = groupv1.Lifecycle_LIFECYCLE_DELETED
)

// Transitions are all the steps that there are. An event that is not listed for
// where a group is leaves it there.
func Transitions() []Transition {
	return []Transition{
		{submitted, Launched, active},
		{submitted, Attempted, active},
		{submitted, DeleteAsked, ending},
		{submitted, ValidityOver, ending},
		{submitted, MinimumMissed, ending},
		{active, Changed, modifying},
		{active, DeleteAsked, ending},
		{active, ValidityOver, ending},
		{active, MinimumMissed, ending},
		{modifying, Attempted, active},
		{modifying, DeleteAsked, ending},
		{modifying, ValidityOver, ending},
		{modifying, MinimumMissed, ending},
		{ending, Emptied, deleted},
	}
}

// Next tells where a group is in its life after an event.
func Next(lifecycle groupv1.Lifecycle, on Event) groupv1.Lifecycle {
	for _, step := range Transitions() {
		if step.From == lifecycle && step.On == on {
			return step.To
		}
	}
	return lifecycle
}

// A Situation is how what a group holds compares with what it wants.
type Situation int

// Situations.
const (
	// Met means that the target is met.
	Met Situation = iota
	// Over means that it is met, and more is held that is to go.
	Over
	// Underway means that it is not met, and that something is done about it or
	// waited for.
	Underway
	// Stuck means that it is not met and nothing is under way to meet it.
	Stuck
	// Ending means that the group ends and has instances left.
	Ending
	// Gone means that the group is deleted.
	Gone
)

// Situations are all of them.
func Situations() []Situation { return []Situation{Met, Over, Underway, Stuck, Ending, Gone} }

// String is the situation in words.
func (s Situation) String() string {
	return [...]string{
		"the target is met", "it is met, and more is to go", "it is not met, and is being met or waited for",
		"it is not met, and nothing can be done now", "the group ends", "the group is deleted",
	}[s]
}

// Fulfillment is what a group in the situation says of its capacity.
func (s Situation) Fulfillment() groupv1.Fulfillment {
	switch s {
	case Met:
		return groupv1.Fulfillment_FULFILLMENT_FULFILLED
	case Over, Ending:
		return groupv1.Fulfillment_FULFILLMENT_PENDING_TERMINATION
	case Underway:
		return groupv1.Fulfillment_FULFILLMENT_PENDING_FULFILLMENT
	case Stuck:
		return groupv1.Fulfillment_FULFILLMENT_ERROR
	default:
		return groupv1.Fulfillment_FULFILLMENT_UNSPECIFIED
	}
}
