package judge

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

// Reasons of verdicts, as words for programs.
const (
	// ReasonSetByUser is what a user said.
	ReasonSetByUser = "SetByUser"
	// ReasonStopped is an instance that does not run, and that no reclaim
	// stopped.
	ReasonStopped = "Stopped"
	// ReasonInitializing is one that does not come up.
	ReasonInitializing = "Initializing"
	// ReasonImpaired and ReasonInsufficientData are what the cloud says of its
	// health.
	ReasonImpaired         = "Impaired"
	ReasonInsufficientData = "InsufficientData"
	// ReasonProbeFailed is a probe without a good answer.
	ReasonProbeFailed = "ProbeFailed"
	// ReasonWell is the reason of a verdict that takes an earlier one back.
	ReasonWell = "Well"
	// ReasonCheckerNetworkSuspected is why probes of a zone tell nothing now.
	ReasonCheckerNetworkSuspected = "CheckerNetworkSuspected"
)

// A Verdict is what is thought of an instance.
type Verdict struct {
	// Unhealthy is true when it can not be counted on.
	Unhealthy bool
	// Reason is why, as one word.
	Reason string
	// Message is what was seen, in words.
	Message string
	// Number counts the verdicts: 0 for an instance that was always well.
	Number int64
	// ByUser is true when a user said so.
	ByUser bool
}

// A State is what is remembered of an instance beside its facts. The zero value
// is that of an instance of which nothing bad was ever seen.
type State struct {
	// Verdict is the latest.
	Verdict Verdict
	// UserUnhealthy is true when a user calls it unhealthy; UserReason is what
	// they said.
	UserUnhealthy bool
	UserReason    string
	// Probes are the answers so far, one for each probe of the policy.
	Probes []Answers
	// Changes are when the verdict changed, not longer ago than the flap
	// window, oldest first.
	Changes []Instant
	// Damped is true for an unhealthy instance whose verdict has changed too
	// often: it stays so until the instance has been well for a flap window.
	Damped bool
	// wellSince is since when nothing speaks against an instance that is still
	// called unhealthy; 0 for none.
	wellSince Instant
}

// Answers are those of an instance to one probe.
type Answers struct {
	// Failures and Successes are how many came in a row; one of the two is 0.
	Failures, Successes int
	// Failed is true from UnhealthyThreshold failures in a row to
	// HealthyThreshold successes in a row.
	Failed bool
	// WasOK is true once there were HealthyThreshold successes in a row.
	WasOK bool
	// Error is what the latest failure was.
	Error string
}

// Take adds an answer: the text of an error, empty for a success.
func (a Answers) Take(policy ProbePolicy, failure string) Answers {
	if failure != "" {
		a.Failures, a.Successes, a.Error = a.Failures+1, 0, failure
		a.Failed = a.Failed || a.Failures >= policy.UnhealthyThreshold
		return a
	}
	a.Failures, a.Successes, a.Error = 0, a.Successes+1, ""
	if a.Successes >= policy.HealthyThreshold {
		a.Failed, a.WasOK = false, true
	}
	return a
}

// A Zone is what is to be known of the zone of a probed instance.
type Zone struct {
	// Suspected is true while the checker takes its own network there for
	// broken: then no probe makes an instance unhealthy.
	Suspected bool
	// Guarded is true when the zone has so many probed instances that it can
	// be suspected. One failure is then never enough: the others must have been
	// asked, too.
	Guarded bool
}

// never is the look at an instance of which only another sighting can change
// what is thought.
const never Instant = 0

// Judge judges an instance at a time of steady time. It returns the state to
// remember, and when to look again if nothing else happens before; 0 for never.
// The verdict has changed if its number has.
func Judge(facts *Facts, state State, policy *Policy, zone Zone, now Instant) (State, Instant) {
	byUser := state.UserUnhealthy || state.Verdict.ByUser
	if facts.Noticed() && !byUser || facts.Status() == fleetv1.InstanceStatus_INSTANCE_STATUS_RELEASED {
		return state, never // it is about to go, whatever it looks like
	}
	found, next := evidence(facts, &state, policy, zone, now)
	if found.Reason != "" {
		state.wellSince = never
		if !state.Verdict.Unhealthy {
			state = state.change(found, policy, now)
		} else if found.ByUser != state.Verdict.ByUser || found.ByUser {
			// A user's word shows at once, and so does what is left without it.
			found.Number, found.Unhealthy = state.Verdict.Number, true
			state.Verdict = found
		}
		return state, next
	}
	well := Verdict{Reason: ReasonWell, Message: "nothing speaks against it any more"}
	if state.Verdict.ByUser { // a user's word is not a symptom: taken back, it is gone
		return state.change(well, policy, now), next
	}
	if !state.Verdict.Unhealthy || !isWell(facts, &state, policy) {
		state.wellSince = never
		return state, next
	}
	if state.wellSince == never {
		state.wellSince = now
	}
	if quiet := state.wellSince.Add(policy.FlapWindow); state.Damped && now < quiet {
		return state, sooner(next, quiet)
	}
	state.wellSince = never
	return state.change(well, policy, now), next
}

// isWell tells whether an unhealthy instance against which nothing speaks has
// shown that it works, and is not just on its way up or too new to be judged.
func isWell(facts *Facts, state *State, policy *Policy) bool {
	if !facts.Running() || isBad(facts.Health()) {
		return false
	}
	for i := range policy.Probes {
		if i >= len(state.Probes) || !state.Probes[i].WasOK || state.Probes[i].Failed {
			return false
		}
	}
	return true
}

// change makes a new verdict.
func (s State) change(to Verdict, policy *Policy, now Instant) State {
	to.Unhealthy, to.Number = !s.Verdict.Unhealthy, s.Verdict.Number+1
	s.Verdict = to
	begin := now.Add(-policy.FlapWindow)
	s.Changes = append(slices.DeleteFunc(slices.Clone(s.Changes), func(at Instant) bool { return at <= begin }), now)
	s.Damped = to.Unhealthy && len(s.Changes) >= policy.MaxFlaps
	return s
}

// evidence is what speaks against an instance, the strongest first; no reason
// when nothing does. It also tells when that may change by time alone.
func evidence(facts *Facts, state *State, policy *Policy, zone Zone, now Instant) (Verdict, Instant) {
	if state.UserUnhealthy {
		message := "a user called it unhealthy"
		if state.UserReason != "" {
			message += ": " + state.UserReason
		}
		return Verdict{Reason: ReasonSetByUser, Message: message, ByUser: true}, never
	}
	switch facts.Status() {
	case fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPED:
		return stopped(facts), never
	case fleetv1.InstanceStatus_INSTANCE_STATUS_PENDING, fleetv1.InstanceStatus_INSTANCE_STATUS_STARTING:
		return starting(facts, policy, now)
	case fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING:
		found, next := ill(facts, policy, now)
		if found.Reason == "" {
			var after Instant
			found, after = unanswered(facts, state, policy, zone, now)
			next = sooner(next, after)
		}
		return found, next
	default:
		return Verdict{}, never
	}
}

// stopped is the evidence of an instance that is stopped: none if a reclaim
// stopped it, which is how it was meant to end.
func stopped(facts *Facts) Verdict {
	by := ""
	switch facts.Why() {
	case fleetv1.TransitionReason_TRANSITION_REASON_PRICE_ABOVE_BID,
		fleetv1.TransitionReason_TRANSITION_REASON_STOCK_NEEDED,
		fleetv1.TransitionReason_TRANSITION_REASON_RECLAIM_ORDERED:
		return Verdict{}
	case fleetv1.TransitionReason_TRANSITION_REASON_REQUESTED:
		by = ": a request asked for it"
	case fleetv1.TransitionReason_TRANSITION_REASON_FAILURE:
		by = ": it crashed"
	case fleetv1.TransitionReason_TRANSITION_REASON_ACCOUNT_OVERDUE:
		by = ": its account owes"
	default:
	}
	return Verdict{Reason: ReasonStopped, Message: "it is stopped" + by}
}

// Presumed is why a listed instance is as it is. Where the list does not tell, one
// that a reclaim may have stopped is taken for one that it has: a spot instance
// that is to stop when it is reclaimed, and that gave its stock back.
func Presumed(instance *fleetv1.Instance) fleetv1.TransitionReason {
	if told := instance.GetStatusReason(); told != fleetv1.TransitionReason_TRANSITION_REASON_UNSPECIFIED {
		return told
	}
	if instance.GetStatus() == fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPED &&
		instance.GetInterruptionBehavior() == fleetv1.InterruptionBehavior_INTERRUPTION_BEHAVIOR_STOP &&
		instance.GetStoppedMode() == fleetv1.StoppedMode_STOPPED_MODE_STOP_CHARGING {
		return fleetv1.TransitionReason_TRANSITION_REASON_RECLAIM_ORDERED
	}
	return fleetv1.TransitionReason_TRANSITION_REASON_UNSPECIFIED
}

// starting is the evidence of an instance that does not run yet: it is given the
// grace period for each step, and never less than an ill one.
func starting(facts *Facts, policy *Policy, now Instant) (Verdict, Instant) {
	due := max(facts.Created, facts.Changed).Add(max(policy.Grace, policy.ImpairedAfter))
	if now < due {
		return Verdict{}, due
	}
	return Verdict{
		Reason:  ReasonInitializing,
		Message: fmt.Sprintf("it has not come up for %v", span(now-max(facts.Created, facts.Changed))),
	}, never
}

// isBad tells whether a health is one that speaks against an instance if it
// lasts.
func isBad(health fleetv1.InstanceHealth) bool {
	return health == fleetv1.InstanceHealth_INSTANCE_HEALTH_IMPAIRED || health == fleetv1.InstanceHealth_INSTANCE_HEALTH_INSUFFICIENT_DATA
}

// ill is the evidence of an instance that the cloud says does not work.
func ill(facts *Facts, policy *Policy, now Instant) (Verdict, Instant) {
	if !isBad(facts.Health()) {
		return Verdict{}, never
	}
	due := facts.Changed.Add(policy.ImpairedAfter)
	if !facts.WasOK() {
		due = max(due, facts.Created.Add(policy.Grace))
	}
	if now < due {
		return Verdict{}, due
	}
	lasted := span(now - facts.Changed)
	if facts.Health() == fleetv1.InstanceHealth_INSTANCE_HEALTH_IMPAIRED {
		return Verdict{Reason: ReasonImpaired, Message: fmt.Sprintf("the cloud has called it impaired for %v", lasted)}, never
	}
	return Verdict{Reason: ReasonInsufficientData, Message: fmt.Sprintf("the cloud has heard nothing from it for %v", lasted)}, never
}

// unanswered is the evidence of probes. A zone that is suspected takes nothing
// back: what was called unhealthy before stays so until its probes succeed.
func unanswered(facts *Facts, state *State, policy *Policy, zone Zone, now Instant) (Verdict, Instant) {
	next := never
	for i, probe := range policy.Probes {
		if i >= len(state.Probes) || !state.Probes[i].Failed {
			continue
		}
		answers := &state.Probes[i]
		if grace := facts.Created.Add(policy.Grace); !answers.WasOK && now < grace {
			next = sooner(next, grace)
			continue
		}
		needed := probe.UnhealthyThreshold
		if zone.Guarded {
			needed = max(needed, 2)
		}
		if !state.Verdict.Unhealthy && (zone.Suspected || answers.Failures < needed) {
			continue
		}
		return Verdict{
			Reason:  ReasonProbeFailed,
			Message: fmt.Sprintf("the probe %s failed %s", probe.Name, failures(answers)),
		}, next
	}
	return Verdict{}, next
}

// failures writes the latest failures of a probe.
func failures(answers *Answers) string {
	switch answers.Failures {
	case 0:
		return "before, and has not succeeded often enough since"
	case 1:
		return "once: " + answers.Error
	default:
		return strconv.Itoa(answers.Failures) + " times in a row: " + answers.Error
	}
}

// span writes how long something has lasted.
func span(lasted Instant) time.Duration { return time.Duration(lasted).Round(time.Second) }

// sooner is the earlier of two looks.
func sooner(a, b Instant) Instant {
	if a == never || b != never && b < a {
		return b
	}
	return a
}

// nameOf says what a probe asks.
func nameOf(probe *healthv1.Probe) string {
	port := strconv.Itoa(int(probe.GetPort()))
	switch {
	case probe.GetHttp() != nil:
		return "HTTP port " + port + " " + probe.GetHttp().GetPath()
	case probe.GetGrpc() != nil && probe.GetGrpc().GetService() != "":
		return "gRPC port " + port + " " + probe.GetGrpc().GetService()
	case probe.GetGrpc() != nil:
		return "gRPC port " + port
	default:
		return "TCP port " + port
	}
}
