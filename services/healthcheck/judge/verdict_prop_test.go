package judge_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/healthcheck/judge"
)

// Whatever happens within the grace, an instance that was never well is not
// called unhealthy for its health, its probes, or for taking its time.
func TestJudge_graceIsKept_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newPatient()
		p.policy.Probes = []judge.ProbePolicy{{Name: "TCP port 80", UnhealthyThreshold: rapid.IntRange(1, 3).Draw(t, "threshold"), HealthyThreshold: 2}}
		p.policy.ImpairedAfter = time.Duration(rapid.IntRange(0, 120).Draw(t, "impaired_after")) * time.Second
		for {
			p.pass(time.Duration(rapid.IntRange(1, 60).Draw(t, "seconds")) * time.Second)
			if p.lived >= p.policy.Grace {
				return
			}
			word := rapid.SampledFrom([]string{"starts", "health impaired", "health insufficient_data", "health warning", "fails x", "clock 48h", "clock -48h"}).Draw(t, "what")
			if strings.HasPrefix(word, "fails") && !p.facts.Running() {
				continue // nobody asks it
			}
			p.do(nil, strings.Fields(word))
			if p.state.Verdict.Number != 0 {
				t.Fatalf("%v after its launch it is %+v", p.lived, p.state.Verdict)
			}
		}
	})
}

// An instance that flaps without end is told of as often as the documentation
// says: max_flaps times if that is odd, else once more; and once more when it has
// been well for a whole window.
func TestJudge_flapping_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newPatient()
		p.policy.MaxFlaps = rapid.IntRange(2, 20).Draw(t, "max_flaps")
		bad := p.policy.ImpairedAfter + time.Duration(rapid.IntRange(0, 60).Draw(t, "ill"))*time.Second
		good := time.Duration(rapid.IntRange(1, 120).Draw(t, "well")) * time.Second
		// So fast that as many changes as damp it come within one window.
		p.policy.FlapWindow = time.Duration(p.policy.MaxFlaps+2) * (bad + good)
		p.pass(time.Second)
		p.do(nil, []string{"runs"})
		for range rapid.IntRange(p.policy.MaxFlaps, 60).Draw(t, "cycles") {
			p.pass(good)
			p.do(nil, []string{"health", "impaired"})
			p.pass(bad)
			p.do(nil, []string{"health", "ok"})
		}
		want := p.policy.MaxFlaps | 1
		if len(p.told) != want {
			t.Fatalf("told %d times, want %d:\n%s", len(p.told), want, strings.Join(p.told, "\n"))
		}
		p.pass(p.policy.FlapWindow - time.Second)
		if len(p.told) != want {
			t.Fatalf("told before it was well for a window: %s", p.told[want])
		}
		p.pass(time.Second)
		if len(p.told) != want+1 || p.state.Verdict.Unhealthy {
			t.Fatalf("well for a window, it is %+v", p.state.Verdict)
		}
	})
}

// Held against a model that looks at the whole history each second: an instance
// is unhealthy if it is stopped, or has been ill for so long; numbers ascend by
// one, and verdicts alternate.
func TestJudge_likeTheModel_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newPatient()
		p.policy.MaxFlaps = 1000 // the model knows nothing of damping
		p.policy.ImpairedAfter = time.Duration(rapid.IntRange(1, 20).Draw(t, "impaired_after")) * time.Second
		p.pass(time.Second)
		p.do(nil, []string{"runs"})
		illFor := -1 // seconds; -1 for not ill
		number := int64(0)
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			last := rapid.SampledFrom([]string{"runs", "health ok", "health impaired", "stops requested", "stops stock_needed", "-"}).Draw(t, "what")
			if last != "-" {
				p.do(nil, strings.Fields(last))
				illFor = -1
				if last == "health impaired" {
					illFor = 0
				}
			}
			p.pass(time.Second)
			if illFor >= 0 {
				illFor++
			}
			unhealthy := p.state.Verdict.Unhealthy
			stopped := p.facts.Status() == fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPED
			ill := illFor >= 0 && time.Duration(illFor)*time.Second >= p.policy.ImpairedAfter
			crashed := stopped && p.facts.Why() == fleetv1.TransitionReason_TRANSITION_REASON_REQUESTED
			switch {
			case (crashed || ill) && !unhealthy:
				t.Fatalf("at %v, after %q, it is called healthy", p.lived, last)
			case !stopped && illFor < 0 && unhealthy:
				t.Fatalf("at %v, after %q, it is %+v", p.lived, last, p.state.Verdict)
			}
			if got := p.state.Verdict.Number; got < number || got > number+2 || unhealthy != (got%2 == 1) {
				t.Fatalf("verdict %d after %d, unhealthy: %v", got, number, unhealthy)
			}
			number = p.state.Verdict.Number
		}
	})
}

// 50,000 entries of a stream that repeats, delays and reorders give the same
// facts and verdicts as one that does not.
func TestFacts_anyOrder(t *testing.T) {
	const instances, each = 500, 100
	random := rand.New(rand.NewPCG(1, 2))
	kinds := []fleetv1.TransitionKind{
		fleetv1.TransitionKind_TRANSITION_KIND_RUNNING, fleetv1.TransitionKind_TRANSITION_KIND_HEALTH, fleetv1.TransitionKind_TRANSITION_KIND_STOPPED,
		fleetv1.TransitionKind_TRANSITION_KIND_TAGGED, fleetv1.TransitionKind_TRANSITION_KIND_UPDATED, fleetv1.TransitionKind_TRANSITION_KIND_STARTING,
	}
	type entry struct {
		of   int
		seen judge.Sighting
	}
	var stream []entry
	for number := range each {
		for of := range instances {
			s := judge.Sighting{
				Number: int64(number + 1), Kind: kinds[random.IntN(len(kinds))], Why: fleetv1.TransitionReason(random.IntN(7)),
				Status: fleetv1.InstanceStatus(1 + random.IntN(5)), Health: fleetv1.InstanceHealth(1 + random.IntN(7)),
				Noticed: random.IntN(10) == 0, Created: 1, At: judge.Instant(number+1) * judge.Instant(time.Second),
			}
			if number == 0 {
				s.Kind = fleetv1.TransitionKind_TRANSITION_KIND_CREATED
			}
			stream = append(stream, entry{of, s})
		}
	}
	if len(stream) != 50_000 {
		t.Fatal(len(stream))
	}
	read := func(stream []entry) []judge.Facts {
		facts := make([]judge.Facts, instances)
		for _, e := range stream {
			facts[e.of].Take(e.seen)
		}
		return facts
	}
	want := read(stream)
	disturbed := slices.Clone(stream)
	for range len(stream) / 2 { // half of them come again, anywhere
		disturbed = append(disturbed, stream[random.IntN(len(stream))])
	}
	random.Shuffle(len(disturbed), func(i, j int) { disturbed[i], disturbed[j] = disturbed[j], disturbed[i] })
	policy := judge.PolicyOf(judge.Fill(nil))
	now := judge.Instant(each+1) * judge.Instant(time.Second)
	for i, got := range read(disturbed) {
		if got != want[i] {
			t.Fatalf("instance %d: %+v, want %+v", i, got, want[i])
		}
		a, lookA := judge.Judge(&got, judge.State{}, policy, judge.Zone{}, now)
		b, lookB := judge.Judge(&want[i], judge.State{}, policy, judge.Zone{}, now)
		if a.Verdict != b.Verdict || lookA != lookB {
			t.Fatalf("instance %d: %+v, want %+v", i, a.Verdict, b.Verdict)
		}
	}
}

// Steady time passes like the clock between jumps, and not at all in them.
func TestSteady_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var steady judge.Steady
		now, lived := origin, time.Duration(0)
		steady.Advance(now, 0)
		begin := steady.Now()
		mark, markedAt := now, lived // a moment, and when it was lived
		jumpedSince := false
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			by := time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "by"))
			jump := time.Duration(0)
			if rapid.IntRange(0, 9).Draw(t, "jumps") == 0 {
				jump = time.Duration(rapid.SampledFrom([]int{-1000, -1, 1, 1000}).Draw(t, "hours")) * time.Hour
			}
			if jump == 0 {
				lived += by
				now = now.Add(by)
			} else {
				now = now.Add(jump)
				jumpedSince = true
			}
			if jumped := steady.Advance(now, time.Minute); jumped != (jump != 0) {
				t.Fatalf("a step of %v and a jump of %v: %v", by, jump, jumped)
			}
			if got := time.Duration(steady.Now() - begin); got != lived {
				t.Fatalf("%v lived, want %v", got, lived)
			}
			if !jumpedSince {
				if age := time.Duration(steady.Now() - steady.Of(mark)); age != lived-markedAt {
					t.Fatalf("something is %v old, want %v", age, lived-markedAt)
				}
			} else if age := steady.Now() - steady.Of(now); age != 0 {
				t.Fatalf("what happens now is %v old", age)
			}
			if rapid.Bool().Draw(t, "mark") {
				mark, markedAt, jumpedSince = now, lived, false
			}
		}
	})
}

func TestSuspectNetwork(t *testing.T) {
	for name, test := range map[string]struct {
		counts    judge.ZoneCounts
		suspected bool
		want      bool
	}{
		"all of two":                          {judge.ZoneCounts{Probed: 2, Failing: 2, Began: 2}, false, false},
		"all of three":                        {judge.ZoneCounts{Probed: 3, Failing: 3, Began: 3}, false, true},
		"half is not more than half":          {judge.ZoneCounts{Probed: 4, Failing: 2, Began: 2}, false, false},
		"one after the other":                 {judge.ZoneCounts{Probed: 10, Failing: 9, Began: 1}, false, false},
		"suspected, and they still fail":      {judge.ZoneCounts{Probed: 10, Failing: 9, Began: 0}, true, true},
		"suspected, and the share has fallen": {judge.ZoneCounts{Probed: 10, Failing: 5, Began: 0}, true, false},
		"suspected, and nobody is left":       {judge.ZoneCounts{}, true, false},
	} {
		if got := judge.SuspectNetwork(test.counts, 50, test.suspected); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
