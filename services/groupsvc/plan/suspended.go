package plan

import (
	"fmt"
	"strings"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// ReasonSuspended is the reason of a shortfall that lasts until a user resumes
// what was suspended.
const ReasonSuspended = "Suspended"

// Suspended is what a group does not do until it is resumed.
type Suspended struct {
	// Launch is launching and restarting, whatever for.
	Launch bool
	// Terminate is giving up instances, whatever for.
	Terminate bool
	// Replace is making up for instances that are unhealthy or stopped.
	Replace bool
	// Rebalance is moving instances toward what the strategy would choose.
	Rebalance bool
}

func suspendedOf(processes []groupv1.Process) Suspended {
	var suspended Suspended
	for _, process := range processes {
		switch process {
		case groupv1.Process_PROCESS_LAUNCH:
			suspended.Launch = true
		case groupv1.Process_PROCESS_TERMINATE:
			suspended.Terminate = true
		case groupv1.Process_PROCESS_REPLACE:
			suspended.Replace = true
		case groupv1.Process_PROCESS_REBALANCE:
			suspended.Rebalance = true
		default:
		}
	}
	return suspended
}

// replaces tells whether unhealthy instances are replaced, which is to launch
// and then to give up.
func (s Suspended) replaces() bool { return !s.Launch && !s.Terminate && !s.Replace }

// String names what is suspended.
func (s Suspended) String() string {
	var names []string
	for _, process := range []struct {
		is   bool
		name string
	}{{s.Launch, "launching"}, {s.Terminate, "terminating"}, {s.Replace, "replacing"}, {s.Rebalance, "rebalancing"}} {
		if process.is {
			names = append(names, process.name)
		}
	}
	return strings.Join(names, ", ")
}

// kept says what stays only because terminating is suspended; nothing when it is
// not, or nothing does.
func kept(desired Desired, observed Observed) string {
	if !desired.Suspended.Terminate {
		return ""
	}
	count := len(excess(desired, observed))
	if count == 0 {
		return ""
	}
	return fmt.Sprintf(", and %d instances more that stay while terminating is suspended", count)
}

// withhold takes out of a plan what is suspended.
func (p *Plan) withhold(suspended Suspended) {
	if suspended.Launch {
		p.Withheld, p.Need, p.Restarts = p.Need, Amounts{}, nil
	}
	if suspended.Terminate {
		p.Removals, p.AwaitShown = nil, false
	}
}

// keepingPlace is the capacity of stopped instances that are not made up for
// while replacing is suspended.
func keepingPlace(desired Desired, observed Observed) Amounts {
	var sum Amounts
	if !desired.Suspended.Replace {
		return sum
	}
	for _, instance := range observed.Instances {
		if instance.isBroken() {
			sum.add(instance.Method, instance.Class.Weight)
		}
	}
	return sum
}

// isBroken tells whether the instance has stopped for a reason of its own: by a
// crash, or by somebody's hand.
func (i Instance) isBroken() bool {
	return !i.Noticed && !i.Reclaimed &&
		(i.Status == fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPING || i.Status == fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPED)
}

// suspension is why a target is not met that would be if nothing were
// suspended; no reason when that is not why.
func suspension(desired Desired, observed Observed) Shortfall {
	suspended, lost := desired.Suspended, observed.Unhealthy()
	if suspended.Replace {
		for _, instance := range observed.Instances {
			if instance.isBroken() {
				lost++
			}
		}
	}
	missing := expectedOf(desired, observed)
	switch {
	case suspended.Launch && (missing.PayAsYouGo < desired.Target.PayAsYouGo || missing.Spot < desired.Target.Spot),
		desired.Replace && lost > 0 && !suspended.replaces():
		return Shortfall{Reason: ReasonSuspended, Message: "suspended: " + suspended.String() + "; ResumeProcesses ends that"}
	default:
		return Shortfall{}
	}
}
