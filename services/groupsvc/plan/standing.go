package plan

import (
	"fmt"

	"github.com/seed-198b1370/muster/pkg/money"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// A Shortfall is why the last attempt did not meet the need.
type Shortfall struct {
	// Reason is one word for programs; empty when nothing came short.
	Reason string
	// Message is a sentence for people.
	Message string
	// Retrying is true when the attempt was not finished, so that nothing can
	// be said about the pools yet.
	Retrying bool
}

// A Standing is how a group stands.
type Standing struct {
	// Fulfillment is the state of fulfilment.
	Fulfillment groupv1.Fulfillment
	// Met is whether the target is met.
	Met bool
	// Reason says why, as one word for programs.
	Reason string
	// Message says why, as a sentence for people.
	Message string
}

// Stand tells how a group stands when a look is over: against its target, after
// what was tried.
func Stand(desired Desired, observed Observed, short Shortfall, removing bool) Standing {
	held := observed.Held()
	standIn := desired.StandIn(held)
	desired = desired.settledFor(standIn)
	have := Amounts{
		PayAsYouGo: min(held.PayAsYouGo, desired.Target.PayAsYouGo),
		Spot:       min(held.Spot, desired.Target.Spot),
	}
	if short.Reason == "" {
		short = suspension(desired, observed)
	}
	if short.Reason == "" && !desired.Replace && !desired.Attempt {
		short = Shortfall{Reason: "NotReplaced", Message: "a group of one attempt does not replace what it loses"}
	}
	if reason, message := onTheWay(desired, observed); short.Reason == "" && reason != "" {
		short = Shortfall{Reason: reason, Message: message, Retrying: true}
	}
	figures := fmt.Sprintf("%s of %s units", units(have.Total()), units(desired.Target.Total()))
	if standIn > 0 {
		figures += fmt.Sprintf(", %s of them pay-as-you-go for want of spot", units(standIn))
	}
	switch {
	case have != desired.Target && (short.Retrying || short.Reason == ""):
		reason, message := "Launching", figures
		if short.Message != "" {
			reason, message = short.Reason, figures+": "+short.Message
		}
		return Standing{Underway.Fulfillment(), false, reason, message}
	case have != desired.Target:
		return Standing{Stuck.Fulfillment(), false, short.Reason, figures + ": " + short.Message}
	case removing:
		return Standing{Over.Fulfillment(), true, "Fulfilled", figures + ", and more that is being removed"}
	default:
		return Standing{Met.Fulfillment(), true, "Fulfilled", figures + kept(desired, observed)}
	}
}

// onTheWay tells why a target that nothing stands in the way of is not met yet;
// nothing when instances are just being launched.
func onTheWay(desired Desired, observed Observed) (reason, message string) {
	ill := observed.Unhealthy()
	switch {
	case ill > 0 && observed.Stale:
		return "Unhealthy", fmt.Sprintf("%d instances were unhealthy when the health service was last asked", ill)
	case ill > 0:
		return "Unhealthy", fmt.Sprintf("%d instances are unhealthy and are being replaced", ill)
	case desired.KeepNoticed && observed.Noticed().Total() > 0:
		return "Interrupted", "what has its interruption notice is replaced when it is gone"
	default:
		return "", ""
	}
}

// CapacityOf sums up what a group holds, as clients see it.
func CapacityOf(observed Observed) *groupv1.Capacity {
	var running int64
	result := &groupv1.Capacity{}
	for _, instance := range observed.Instances {
		result.Instances++
		if instance.Noticed {
			result.NoticedInstances++
		}
		if instance.Healthy() && instance.Status == fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING {
			running += instance.Class.Weight
		}
		switch instance.Status {
		case fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPING, fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPED:
			result.StoppedInstances++
		default:
		}
	}
	for _, pending := range observed.Pending {
		if pending.Answered {
			result.Instances += int32(pending.Count)
		}
	}
	result.UnhealthyInstances = int32(observed.Unhealthy())
	held := observed.Held()
	result.Fulfilled = money.UnitsOf(held.Total())
	result.FulfilledPayAsYouGo = money.UnitsOf(held.PayAsYouGo)
	result.FulfilledSpot = money.UnitsOf(held.Spot)
	result.Running = money.UnitsOf(running)
	return result
}

// units writes milliunits as units, without a fraction when there is none.
func units(milliunits int64) string {
	return fmt.Sprint(money.UnitsOf(milliunits))
}

// TargetNotMet says what is missing, for the cause of an activity.
func TargetNotMet(desired Desired, observed Observed) string {
	expected := observed.Healthy().Plus(observed.pending())
	desired = desired.settledFor(desired.StandIn(expected))
	have := min(expected.PayAsYouGo, desired.Target.PayAsYouGo) + min(expected.Spot, desired.Target.Spot)
	text := fmt.Sprintf("target not met: %s of %s units", units(have), units(desired.Target.Total()))
	if ill := observed.Unhealthy(); ill > 0 {
		text += fmt.Sprintf(", %d instances are unhealthy", ill)
	}
	return text
}

// Delivered tells how much of the target is held.
func Delivered(desired Desired, observed Observed) int64 {
	held := observed.Held()
	desired = desired.settledFor(desired.StandIn(held))
	return min(held.PayAsYouGo, desired.Target.PayAsYouGo) + min(held.Spot, desired.Target.Spot)
}
