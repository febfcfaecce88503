package judge_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/healthcheck/judge"
)

var origin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// A patient is an instance that things happen to, with a clock and a zone.
type patient struct {
	now    time.Time // what the clock shows
	lived  time.Duration
	steady judge.Steady
	begun  judge.Instant // its launch
	facts  judge.Facts
	number int64
	state  judge.State
	policy judge.Policy
	zone   judge.Zone
	look   judge.Instant
	status fleetv1.InstanceStatus
	health fleetv1.InstanceHealth
	notice bool
	told   []string
}

func newPatient() *patient {
	p := &patient{now: origin, policy: judge.Policy{
		Grace: 5 * time.Minute, ImpairedAfter: time.Minute, MaxFlaps: 4, FlapWindow: 10 * time.Minute, ZonePercent: 50,
	}}
	p.steady.Advance(p.now, 0)
	p.begun = p.steady.Now()
	p.see(fleetv1.TransitionKind_TRANSITION_KIND_CREATED, 0, fleetv1.InstanceStatus_INSTANCE_STATUS_PENDING,
		fleetv1.InstanceHealth_INSTANCE_HEALTH_INITIALIZING)
	return p
}

// see takes a transition that happens now, and judges.
func (p *patient) see(kind fleetv1.TransitionKind, why fleetv1.TransitionReason, status fleetv1.InstanceStatus, health fleetv1.InstanceHealth) {
	p.number++
	p.status, p.health = status, health
	p.facts.Take(judge.Sighting{
		Number: p.number, Kind: kind, Why: why, Status: status, Health: health, Noticed: p.notice,
		Created: p.begun, At: p.steady.Now(),
	})
	p.judge()
}

func (p *patient) judge() {
	before := p.state.Verdict.Number
	p.state, p.look = judge.Judge(&p.facts, p.state, &p.policy, p.zone, p.steady.Now())
	if v := p.state.Verdict; v.Number != before {
		word := "healthy"
		if v.Unhealthy {
			word = "unhealthy"
		}
		p.told = append(p.told, fmt.Sprintf("%v: %s #%d %s: %s", p.lived, word, v.Number, v.Reason, v.Message))
	}
}

// pass lets time pass, and looks when it is time to.
func (p *patient) pass(d time.Duration) {
	for end := p.lived + d; ; {
		step := end - p.lived
		if p.look != 0 {
			step = min(step, time.Duration(p.look-p.steady.Now()))
		}
		p.now, p.lived = p.now.Add(step), p.lived+step
		p.steady.Advance(p.now, step)
		if p.look == 0 || p.steady.Now() < p.look {
			return
		}
		p.judge()
	}
}

func (p *patient) answer(failure string) {
	if len(p.state.Probes) == 0 {
		p.state.Probes = make([]judge.Answers, len(p.policy.Probes))
	}
	p.state.Probes[0] = p.state.Probes[0].Take(p.policy.Probes[0], failure)
	p.judge()
}

// do obeys a line of a scenario.
func (p *patient) do(t *testing.T, words []string) {
	rest := strings.Join(words[1:], " ")
	running := fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING
	switch words[0] {
	case "runs":
		p.see(fleetv1.TransitionKind_TRANSITION_KIND_RUNNING, 0, running, fleetv1.InstanceHealth_INSTANCE_HEALTH_OK)
	case "starts":
		p.see(fleetv1.TransitionKind_TRANSITION_KIND_STARTING, 0, fleetv1.InstanceStatus_INSTANCE_STATUS_STARTING, fleetv1.InstanceHealth_INSTANCE_HEALTH_INITIALIZING)
	case "stops":
		why := fleetv1.TransitionReason(fleetv1.TransitionReason_value["TRANSITION_REASON_"+strings.ToUpper(rest)])
		p.notice = false
		p.see(fleetv1.TransitionKind_TRANSITION_KIND_STOPPED, why, fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPED, fleetv1.InstanceHealth_INSTANCE_HEALTH_NOT_APPLICABLE)
	case "health":
		health := fleetv1.InstanceHealth(fleetv1.InstanceHealth_value["INSTANCE_HEALTH_"+strings.ToUpper(rest)])
		p.see(fleetv1.TransitionKind_TRANSITION_KIND_HEALTH, 0, running, health)
	case "noticed":
		p.notice = true
		p.see(fleetv1.TransitionKind_TRANSITION_KIND_INTERRUPTION_NOTICE, 0, p.status, p.health)
	case "answers":
		p.answer("")
	case "fails":
		p.answer(rest)
	case "user-unhealthy":
		p.state.UserUnhealthy, p.state.UserReason = true, rest
		p.judge()
	case "user-healthy":
		p.state.UserUnhealthy, p.state.UserReason = false, ""
		p.judge()
	case "zone":
		p.zone = judge.Zone{Guarded: true, Suspected: rest == "suspected"}
		p.judge()
	case "clock":
		by, err := time.ParseDuration(rest)
		if err != nil {
			t.Fatal(err)
		}
		p.now = p.now.Add(by)
		if !p.steady.Advance(p.now, time.Second) {
			t.Fatalf("a jump by %v was not seen", by)
		}
		p.judge()
	case "policy":
		p.set(t, words[1:])
	default:
		t.Fatalf("nothing does %q", words[0])
	}
}

func (p *patient) set(t *testing.T, words []string) {
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		duration, _ := time.ParseDuration(value)
		number, _ := strconv.Atoi(value)
		switch name {
		case "grace":
			p.policy.Grace = duration
		case "impaired-after":
			p.policy.ImpairedAfter = duration
		case "flap-window":
			p.policy.FlapWindow = duration
		case "max-flaps":
			p.policy.MaxFlaps = number
		case "probe":
			p.policy.Probes = []judge.ProbePolicy{{Name: "TCP port 80", UnhealthyThreshold: number, HealthyThreshold: 2}}
		default:
			t.Fatalf("a policy has no %q", name)
		}
	}
}

// Each file is the life of some instances. A block is one life: lines of how
// much time passes and what then happens; its result is every verdict, at the
// time that had been lived through.
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata/verdicts", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			p := newPatient()
			for line := range strings.SplitSeq(d.Input, "\n") {
				line, _, _ = strings.Cut(line, "#")
				words := strings.Fields(line)
				if len(words) == 0 {
					continue
				}
				if passes, ok := strings.CutPrefix(words[0], "+"); ok {
					by, err := time.ParseDuration(passes)
					if err != nil {
						t.Fatal(err)
					}
					p.pass(by)
					words = words[1:]
				}
				if len(words) > 0 {
					p.do(t, words)
				}
			}
			next := "never"
			if p.look != 0 {
				next = (p.lived + time.Duration(p.look-p.steady.Now())).String()
			}
			return strings.Join(append(p.told, "next look: "+next), "\n") + "\n"
		})
	})
}
