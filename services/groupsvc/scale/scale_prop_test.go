package scale

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// span is how long a drawn history is.
const span = 6 * time.Hour

func drawAdjustment(t *rapid.T) *groupv1.Adjustment {
	kind := rapid.SampledFrom([]groupv1.AdjustmentKind{change, percent, value}).Draw(t, "kind")
	low, high := int32(-2000), int32(2000)
	switch kind {
	case percent:
		low, high = -100, 10_000
	case value:
		low = 0
	default:
	}
	return &groupv1.Adjustment{Kind: kind, Value: rapid.Int32Range(low, high).Draw(t, "value"), MinChange: rapid.Int32Range(0, 20).Draw(t, "least")}
}

func drawTask(t *rapid.T) *groupv1.ScalingTaskSpec {
	switch rapid.IntRange(0, 3).Draw(t, "trigger") {
	case 0:
		return once(at(time.Duration(rapid.Int64Range(0, int64(span)).Draw(t, "start"))), drawAdjustment(t))
	case 1:
		spec := scheduled(rapid.SampledFrom([]string{"*/7 * * * *", "0 * * * *", "30 1-4 * * MON", "0 0 30 2 *"}).Draw(t, "cron"), drawAdjustment(t))
		spec.GetSchedule().MaxDelay = durationpb.New(time.Duration(rapid.IntRange(1, 90).Draw(t, "delay")) * time.Minute)
		return spec
	case 2:
		cooldown := time.Duration(rapid.IntRange(0, 20).Draw(t, "cooldown")) * time.Minute
		return beyond(rapid.Int32Range(1, 4).Draw(t, "count"), cooldown, drawAdjustment(t))
	default:
		cooldown := time.Duration(rapid.IntRange(0, 20).Draw(t, "cooldown")) * time.Minute
		return tracking(rapid.Int32Range(1, 4).Draw(t, "out"), rapid.Int32Range(1, 6).Draw(t, "in"), cooldown)
	}
}

func drawGroup(t *rapid.T) *group {
	specs := rapid.SliceOfN(rapid.Custom(drawTask), 1, 5).Draw(t, "tasks")
	g := newGroup(rapid.Int32Range(0, 2000).Draw(t, "total"), origin, specs...)
	low := rapid.Int32Range(0, 100).Draw(t, "minimum")
	g.spec.ScalingBounds = &groupv1.ScalingBounds{Minimum: low, Maximum: rapid.Int32Range(low, 200).Draw(t, "maximum")}
	return g
}

// An act is a report, or, without a value, a look.
type act struct {
	at    time.Time
	value *float64
}

// drawReports draws reports over the span, none after the last look.
func drawReports(t *rapid.T) []act {
	reports := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) act {
		value := rapid.Float64().Draw(t, "reported")
		if rapid.Bool().Draw(t, "usual") {
			value = float64(rapid.IntRange(0, 120).Draw(t, "cpu"))
		}
		return act{at: at(time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "when"))), value: &value}
	}), 0, 80).Draw(t, "reports")
	slices.SortStableFunc(reports, func(a, b act) int { return a.at.Compare(b.at) })
	return reports
}

// play reports, and looks at each due time and at all extra times.
func (g *group) play(reports, extra []act, until time.Time) {
	acts := append(slices.Clone(reports), extra...)
	slices.SortStableFunc(acts, func(a, b act) int { return a.at.Compare(b.at) })
	for _, act := range append(acts, act{at: until}) {
		for due := NextOf(g.tasks); !due.IsZero() && !due.After(act.at); due = NextOf(g.tasks) {
			g.look(due)
		}
		if act.value != nil {
			g.report(*act.value, act.at)
		} else {
			g.look(act.at)
		}
	}
}

func drawLooks(t *rapid.T) []act {
	var looks []act
	for _, after := range rapid.SliceOfN(rapid.Int64Range(0, int64(span)), 0, 60).Draw(t, "looks") {
		looks = append(looks, act{at: at(time.Duration(after))})
	}
	slices.SortStableFunc(looks, func(a, b act) int { return a.at.Compare(b.at) })
	return looks
}

// However often a group is looked at between the times that are due, its tasks
// do the same at the same times (L3).
func TestAdvance_moreLooksChangeNothing_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, reports, looks := drawGroup(t), drawReports(t), drawLooks(t)
		other := &group{spec: proto.CloneOf(g.spec), tasks: slices.Clone(g.tasks)}
		for i := range other.tasks {
			other.tasks[i] = proto.CloneOf(other.tasks[i])
		}
		g.play(reports, nil, at(span))
		other.play(reports, looks, at(span))
		if diff := cmp.Diff(g.runs, other.runs); diff != "" {
			t.Errorf("runs (-at due times +more often):\n%s", diff)
		}
		if diff := cmp.Diff(g.tasks, other.tasks, protocmp.Transform()); diff != "" {
			t.Errorf("tasks (-at due times +more often):\n%s", diff)
		}
	})
}

// Whenever a group is looked at, late or twice, the total that a task leaves is
// within the bounds, no time is acted on twice or before it has come, and a
// cooldown is kept.
func TestAdvance_keepsItsRules_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, reports, looks := drawGroup(t), drawReports(t), drawLooks(t)
		acts := append(slices.Clone(reports), looks...)
		slices.SortStableFunc(acts, func(a, b act) int { return a.at.Compare(b.at) })
		changed := map[string]time.Time{}
		previous := origin
		for _, act := range acts {
			if act.value != nil {
				g.report(*act.value, act.at)
				continue
			}
			outcome := Advance(g.tasks, g.spec, act.at)
			if again := Advance(outcome.Tasks, withTotal(g.spec, outcome.Total), act.at); len(again.Runs) > 0 {
				t.Fatalf("at %v the same look again does %v", act.at, again.Runs)
			}
			bounds := g.spec.GetScalingBounds()
			if most := max(bounds.GetMaximum(), 0); len(outcome.Runs) > 0 && (outcome.Total < bounds.GetMinimum() || most > 0 && outcome.Total > most) {
				t.Fatalf("total %d out of bounds %v", outcome.Total, bounds)
			}
			for _, run := range outcome.Runs {
				spec := taskOf(g, run.TaskID).GetSpec()
				if last, ok := changed[run.TaskID]; ok && act.at.Before(last.Add(cooldownOf(spec))) {
					t.Fatalf("%s acts at %v, in the cooldown since %v", run.TaskID, act.at, last)
				}
				if schedule := spec.GetSchedule(); schedule != nil && latestRun(schedule, latest(previous, act.at.Add(-schedule.GetMaxDelay().AsDuration()-1)), act.at).IsZero() {
					t.Fatalf("%s acts at %v without a time of its own since %v", run.TaskID, act.at, previous)
				}
				changed[run.TaskID] = act.at
			}
			g.tasks, g.spec.TargetCapacity.Total, previous = outcome.Tasks, outcome.Total, act.at
			if next := NextOf(g.tasks); !next.IsZero() && !next.After(act.at) {
				t.Fatalf("at %v it is due at %v, again", act.at, next)
			}
		}
	})
}

func withTotal(spec *groupv1.GroupSpec, total int32) *groupv1.GroupSpec {
	spec = proto.CloneOf(spec)
	spec.TargetCapacity.Total = total
	return spec
}

func taskOf(g *group, id string) *groupv1.ScalingTask {
	for _, task := range g.tasks {
		if task.GetTask().GetScalingTaskId() == id {
			return task.GetTask()
		}
	}
	return nil
}

// Parts are never more than the total, and come back with it.
func TestRetarget_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		payAsYouGo, spot := rapid.Int32Range(0, 1000).Draw(t, "payg"), rapid.Int32Range(0, 1000).Draw(t, "spot")
		asked := &groupv1.TargetCapacity{Total: payAsYouGo + spot, PayAsYouGo: payAsYouGo, Spot: spot}
		target, parts := Retarget(asked, asked.GetTotal(), nil)
		for _, total := range rapid.SliceOf(rapid.Int32Range(0, MaxTotal)).Draw(t, "totals") {
			target, parts = Retarget(target, total, parts)
			if target.GetPayAsYouGo() < 0 || target.GetSpot() < 0 || target.GetPayAsYouGo()+target.GetSpot() > total {
				t.Fatalf("target %v", target)
			}
		}
		if target, parts = Retarget(target, asked.GetTotal(), parts); !proto.Equal(target, asked) || parts != nil {
			t.Errorf("target %v, want %v; parts %v", target, asked, parts)
		}
	})
}

func FuzzParseCron(f *testing.F) {
	for _, text := range []string{"0 9 * * 1-5", "*/15 * * * *", "0 0 29 2 *", "0 0 31 4 *", "TZ=UTC * * * * *", "59 23 31 12 7", "5-1 0 1,15 JAN-MAR ?"} {
		f.Add(text, int64(0))
	}
	f.Fuzz(func(t *testing.T, text string, after int64) {
		times, err := ParseCron(text)
		if err != nil || len(text) > 128 {
			return
		}
		from := time.Unix(after%(1<<36), 0)
		next := times.Next(from)
		if !next.IsZero() && (!next.After(from) || next.Location() != time.UTC || next.Second() != 0 || next.Nanosecond() != 0) {
			t.Errorf("%q after %v: %v", text, from, next)
		}
	})
}

func FuzzAdjust(f *testing.F) {
	f.Add(int32(1), int32(10), int32(0), int32(50), 1.5, 80.0)
	f.Add(int32(2), int32(10_000), int32(2000), int32(2000), -1e308, 1e-308)
	f.Fuzz(func(t *testing.T, kind, value, least, total int32, metric, target float64) {
		if value < -2000 || value > 10_000 || least < 0 || least > 2000 || total < 0 || total > MaxTotal {
			return
		}
		spec := &groupv1.GroupSpec{}
		adjustment := &groupv1.Adjustment{Kind: groupv1.AdjustmentKind(kind), Value: value, MinChange: least}
		for name, got := range map[string]int32{
			"adjusted": hold(spec, adjust(adjustment, total, metric)), "tracked": hold(spec, track(total, metric, target)),
		} {
			if got < 0 || got > MaxTotal {
				t.Errorf("%s to %d", name, got)
			}
		}
		if grown := track(total, metric, target); target > 0 && metric > 0 && metric >= target && grown < int64(total) {
			t.Errorf("%v over %v shrinks %s", metric, target, fmt.Sprint(total, " -> ", grown))
		}
	})
}
