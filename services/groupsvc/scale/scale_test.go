package scale

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
)

var origin = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC) // a Monday

const (
	change  = groupv1.AdjustmentKind_ADJUSTMENT_KIND_CHANGE
	percent = groupv1.AdjustmentKind_ADJUSTMENT_KIND_PERCENT_CHANGE
	value   = groupv1.AdjustmentKind_ADJUSTMENT_KIND_VALUE
)

// at is a time so long after the origin.
func at(after time.Duration) time.Time { return origin.Add(after) }

func by(kind groupv1.AdjustmentKind, value int32) *groupv1.Adjustment {
	return &groupv1.Adjustment{Kind: kind, Value: value}
}

func scheduled(cron string, adjustment *groupv1.Adjustment) *groupv1.ScalingTaskSpec {
	return &groupv1.ScalingTaskSpec{Trigger: &groupv1.ScalingTaskSpec_Schedule{Schedule: &groupv1.Schedule{Cron: cron}}, Adjustment: adjustment}
}

func once(start time.Time, adjustment *groupv1.Adjustment) *groupv1.ScalingTaskSpec {
	spec := scheduled("", adjustment)
	spec.GetSchedule().StartTime = timestamppb.New(start)
	return spec
}

// beyond acts when cpu is at least 80 on average over minutes.
func beyond(count int32, cooldown time.Duration, adjustment *groupv1.Adjustment) *groupv1.ScalingTaskSpec {
	return &groupv1.ScalingTaskSpec{Adjustment: adjustment, Trigger: &groupv1.ScalingTaskSpec_Threshold{Threshold: &groupv1.MetricThreshold{
		Metric: "cpu", Threshold: 80, Period: durationpb.New(time.Minute), EvaluationCount: count, Cooldown: durationpb.New(cooldown),
	}}}
}

// tracking keeps cpu at 50.
func tracking(out, in int32, cooldown time.Duration) *groupv1.ScalingTaskSpec {
	return &groupv1.ScalingTaskSpec{Trigger: &groupv1.ScalingTaskSpec_TargetTracking{TargetTracking: &groupv1.TargetTracking{
		Metric: "cpu", TargetValue: 50, ScaleOutEvaluationCount: out, ScaleInEvaluationCount: in, Cooldown: durationpb.New(cooldown),
	}}}
}

// A group is what tasks are played on.
type group struct {
	spec  *groupv1.GroupSpec
	tasks []*storagev1.ScalingTaskState
	runs  []string
}

func newGroup(total int32, created time.Time, specs ...*groupv1.ScalingTaskSpec) *group {
	g := &group{spec: &groupv1.GroupSpec{TargetCapacity: &groupv1.TargetCapacity{Total: total}}}
	for i, spec := range specs {
		state := &storagev1.ScalingTaskState{Task: &groupv1.ScalingTask{ScalingTaskId: fmt.Sprint("st-", i), Spec: WithDefaults(spec)}}
		Renew(state, created)
		g.tasks = append(g.tasks, state)
	}
	return g
}

// look advances the group and tells its total.
func (g *group) look(now time.Time) int32 {
	outcome := Advance(g.tasks, g.spec, now)
	g.tasks, g.spec.TargetCapacity.Total = outcome.Tasks, outcome.Total
	for _, run := range outcome.Runs {
		g.runs = append(g.runs, fmt.Sprintf("%s %s", now.Format("15:04:05"), run.Cause))
	}
	return outcome.Total
}

func (g *group) report(value float64, when time.Time) {
	for _, task := range g.tasks {
		if name, _ := MetricOf(task.GetTask()); name == "cpu" {
			Observe(task, value, when, when)
		}
	}
}

// minutes reports a value in the middle of each of so many minutes, and looks
// when each is judged.
func (g *group) minutes(from time.Time, values ...float64) []int32 {
	var totals []int32
	for i, value := range values {
		begun := from.Add(time.Duration(i) * time.Minute)
		g.report(value, begun.Add(30*time.Second))
		totals = append(totals, g.look(begun.Add(time.Minute+Lateness)))
	}
	return totals
}

func TestSchedule_actsAtItsTimes(t *testing.T) {
	night := scheduled("0 22 * * MON-FRI", by(value, 5))
	bounded := scheduled("0 * * * *", by(change, 1))
	bounded.GetSchedule().StartTime, bounded.GetSchedule().EndTime = timestamppb.New(at(2*time.Hour)), timestamppb.New(at(4*time.Hour))
	for name, test := range map[string]struct {
		spec *groupv1.ScalingTaskSpec
		want string // hours after the origin at which it acts within a week
	}{
		"once":                  {once(at(3*time.Hour), by(change, 1)), "[3]"},
		"once, before creation": {once(at(-time.Hour), by(change, 1)), "[]"},
		"on working days":       {night, "[22 46 70 94 118]"},
		"from start to end":     {bounded, "[2 3 4]"},
		"day of month or week":  {scheduled("0 6 7 * SUN", by(change, 1)), "[54 150]"},
		"at no date":            {scheduled("0 0 30 2 *", by(change, 1)), "[]"},
	} {
		g, times := newGroup(10, origin, test.spec), []int{}
		for due := NextOf(g.tasks); !due.IsZero() && due.Before(at(7*24*time.Hour)); due = NextOf(g.tasks) {
			g.look(due.Add(-1))
			if run := g.tasks[0].GetTask().GetLastRunTime(); run != nil && run.AsTime().Equal(due.Add(-1)) {
				t.Fatalf("%s: acted before %v", name, due)
			}
			g.look(due)
			times = append(times, int(due.Sub(origin).Hours()))
		}
		if fmt.Sprint(times) != test.want {
			t.Errorf("%s: acts after hours %v, want %s", name, times, test.want)
		}
	}
}

// Leap days are found over a century without one (2100).
func TestCron_findsRareDates(t *testing.T) {
	times, err := ParseCron("0 0 29 2 *")
	if err != nil {
		t.Fatal(err)
	}
	if got := times.Next(time.Date(2096, 3, 1, 0, 0, 0, 0, time.UTC)); got.Year() != 2104 {
		t.Errorf("got %v", got)
	}
}

func TestCron_refusals(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "empty spec string",
		"0 9 * *":                 "expected exactly 5 fields, found 4: [0 9 * *]",
		"0 0 9 * * *":             "expected exactly 5 fields, found 6: [0 0 9 * * *]",
		"60 * * * *":              `end of range (60) above maximum (59): "60"`,
		"@daily":                  `parser does not accept descriptors: "@daily"`,
		"TZ=Asia/Tokyo 0 9 * * *": "has no time zone: times are in UTC",
		"a * * * *":               `failed to parse int from "a": strconv.Atoi: parsing "a": invalid syntax`,
	} {
		if _, err := ParseCron(text); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestSchedule_catchesUpOnce(t *testing.T) {
	every := func(delay time.Duration) *groupv1.ScalingTaskSpec {
		spec := scheduled("*/5 * * * *", by(change, 1))
		spec.GetSchedule().MaxDelay = durationpb.New(delay)
		return spec
	}
	for name, test := range map[string]struct {
		spec    *groupv1.ScalingTaskSpec
		late    time.Duration
		total   int32
		outcome string
	}{
		"many missed":         {every(time.Hour), 4*time.Hour + 3*time.Minute, 11, "total 10 -> 11"},
		"just in time":        {once(at(time.Hour), by(change, 1)), time.Hour + 10*time.Minute, 11, "total 10 -> 11"},
		"too late":            {once(at(time.Hour), by(change, 1)), time.Hour + 10*time.Minute + 1, 10, "missed 2026-01-05T01:00:00Z: the group was not looked at within 10m0s"},
		"too late for latest": {every(time.Minute), 4*time.Minute + 5*time.Hour, 10, "missed 2026-01-05T00:05:00Z: the group was not looked at within 1m0s"},
	} {
		g := newGroup(10, origin, test.spec)
		g.look(at(test.late))
		g.look(at(test.late)) // as another replica would, or after a crash
		g.look(at(test.late + time.Second))
		if got := g.tasks[0].GetTask(); g.spec.GetTargetCapacity().GetTotal() != test.total || got.GetLastOutcome() != test.outcome {
			t.Errorf("%s: total %d, %q", name, g.spec.GetTargetCapacity().GetTotal(), got.GetLastOutcome())
		}
	}
}

// Two tasks of one moment act in order of creation, of two moments in order of
// time, each on what the one before left.
func TestTasks_actInOrder(t *testing.T) {
	add, set := scheduled("0 1 * * *", by(change, 5)), scheduled("0 1 * * *", by(value, 30))
	add.Name = "add"
	g := newGroup(10, origin, add, set)
	g.look(at(time.Hour))
	want := `[01:00:00 scheduled task "add": total 10 -> 15 01:00:00 scheduled task "st-1": total 15 -> 30]`
	if fmt.Sprint(g.runs) != want {
		t.Errorf("runs %v, want %s", g.runs, want)
	}
	later := newGroup(10, origin, once(at(time.Hour+time.Minute), by(change, 5)), once(at(time.Hour), by(value, 30)))
	if got := later.look(at(time.Hour + 2*time.Minute)); got != 35 {
		t.Errorf("total %d, want 35", got)
	}
}

func TestThreshold_needsARowOfPeriods(t *testing.T) {
	for name, test := range map[string]struct {
		values []float64
		want   string
	}{
		"three in a row":      {[]float64{80, 90, 81}, "[10 10 15]"},
		"a low one between":   {[]float64{90, 79.9, 90, 90, 90}, "[10 10 10 10 15]"},
		"for as long as held": {[]float64{90, 90, 90, 90, 10, 90}, "[10 10 15 20 20 20]"},
	} {
		g := newGroup(10, origin, beyond(3, 0, by(change, 5)))
		if got := fmt.Sprint(g.minutes(origin, test.values...)); got != test.want {
			t.Errorf("%s: totals %s, want %s", name, got, test.want)
		}
	}
}

func TestThreshold_aGapEndsTheRow(t *testing.T) {
	g := newGroup(10, origin, beyond(3, 0, by(change, 5)))
	g.minutes(origin, 90, 90)
	if got := fmt.Sprint(g.minutes(at(3*time.Minute), 90, 90, 90)); got != "[10 10 15]" {
		t.Errorf("totals %s", got)
	}
}

func TestThreshold_statisticsAndComparisons(t *testing.T) {
	for _, test := range []struct {
		statistic  groupv1.Statistic
		comparison groupv1.Comparison
		threshold  float64
		acts       bool
	}{
		{groupv1.Statistic_STATISTIC_AVERAGE, groupv1.Comparison_COMPARISON_AT_LEAST, 20, true},
		{groupv1.Statistic_STATISTIC_AVERAGE, groupv1.Comparison_COMPARISON_ABOVE, 20, false},
		{groupv1.Statistic_STATISTIC_AVERAGE, groupv1.Comparison_COMPARISON_AT_MOST, 20, true},
		{groupv1.Statistic_STATISTIC_AVERAGE, groupv1.Comparison_COMPARISON_BELOW, 20, false},
		{groupv1.Statistic_STATISTIC_MINIMUM, groupv1.Comparison_COMPARISON_BELOW, 11, true},
		{groupv1.Statistic_STATISTIC_MINIMUM, groupv1.Comparison_COMPARISON_AT_LEAST, 11, false},
		{groupv1.Statistic_STATISTIC_MAXIMUM, groupv1.Comparison_COMPARISON_ABOVE, 29, true},
		{groupv1.Statistic_STATISTIC_MAXIMUM, groupv1.Comparison_COMPARISON_AT_MOST, 29, false},
	} {
		spec := beyond(1, 0, by(change, 1))
		threshold := spec.GetThreshold()
		threshold.Statistic, threshold.Comparison, threshold.Threshold = test.statistic, test.comparison, test.threshold
		g := newGroup(10, origin, spec)
		for _, value := range []float64{30, 10, 20} {
			g.report(value, at(time.Second))
		}
		if got := g.look(at(time.Minute+Lateness)) == 11; got != test.acts {
			t.Errorf("%v %v %v: acts %v", test.statistic, test.comparison, test.threshold, got)
		}
	}
}

// A period is judged when its end has passed by what reports may be late, and
// not before.
func TestMetric_waitsForLateReports(t *testing.T) {
	g := newGroup(10, origin, beyond(1, 0, by(change, 1)))
	g.report(70, at(time.Second))
	late := at(time.Minute + Lateness - 1)
	if got := g.look(late); got != 10 {
		t.Fatalf("judged early: total %d", got)
	}
	if got := TakesFrom(g.tasks[0].GetTask(), late); !got.Equal(origin) {
		t.Errorf("takes reports from %v on", got)
	}
	Observe(g.tasks[0], 90, at(59*time.Second), late)
	if due := NextOf(g.tasks); !due.Equal(at(time.Minute+Lateness)) || g.look(due) != 11 {
		t.Errorf("due %v, total %d, want the average of 80 to count", due, g.spec.GetTargetCapacity().GetTotal())
	}
	if got := TakesFrom(g.tasks[0].GetTask(), at(time.Minute+Lateness)); !got.Equal(at(time.Minute)) {
		t.Errorf("takes reports from %v on", got)
	}
}

// What ended long ago moves nothing, whatever it was: only the period that was
// judged last does, and not when that was more than a period ago.
func TestMetric_oldPeriodsOnlyCount(t *testing.T) {
	g := newGroup(10, origin, tracking(2, 15, 0))
	for minute := range 10 {
		g.report(100, at(time.Duration(minute)*time.Minute))
	}
	if got := g.look(at(10*time.Minute + Lateness)); got != 20 {
		t.Errorf("total %d, want one doubling", got)
	}
	stale := newGroup(10, origin, beyond(1, 0, by(change, 1)))
	stale.report(90, origin)
	if got := stale.look(at(2*time.Minute + Lateness)); got != 10 {
		t.Errorf("total %d by a period that ended a minute ago", got)
	}
	if got := fmt.Sprint(stale.minutes(at(3*time.Minute), 90)); got != "[11]" {
		t.Errorf("totals %s", got)
	}
}

func TestCooldown(t *testing.T) {
	g := newGroup(10, origin, beyond(1, 3*time.Minute, by(change, 5)), scheduled("3 * * * *", by(change, 100)))
	// A change that changes nothing begins no cooldown; a scheduled task neither
	// heeds one nor begins one.
	g.spec.ScalingBounds = &groupv1.ScalingBounds{Maximum: 10}
	g.minutes(origin, 90)
	g.spec.ScalingBounds = nil
	if got := fmt.Sprint(g.minutes(at(time.Minute), 90, 90, 90, 90, 90)); got != "[15 115 115 120 120]" {
		t.Errorf("totals %s", got)
	}
	if got := g.tasks[1].GetTask().GetCooldownEndTime(); got != nil {
		t.Errorf("the scheduled task has a cooldown until %v", got.AsTime())
	}
}

func TestTracking(t *testing.T) {
	for name, test := range map[string]struct {
		total  int32
		values []float64
		want   int32
	}{
		"out, proportionally":      {10, []float64{75, 75}, 15},
		"out, rounded up":          {10, []float64{51, 51}, 11},
		"not after one period":     {10, []float64{75}, 10},
		"at the target":            {10, []float64{50, 50, 50}, 10},
		"in, after three":          {10, []float64{25, 25, 25}, 5},
		"in, rounded up":           {10, []float64{44, 44, 44}, 9},
		"not in above 90 %":        {100, []float64{45, 45, 45, 45}, 100},
		"in to nothing":            {10, []float64{0, 0, 0}, 0},
		"out of nothing":           {0, []float64{120, 120}, 3},
		"a negative metric":        {10, []float64{-5, -5, -5}, 0},
		"a metric out of measure":  {10, []float64{1e300, 1e300}, 2000},
		"one that sums up to more": {10, []float64{1.7e308, 1.7e308}, 2000},
	} {
		g := newGroup(test.total, origin, tracking(2, 3, time.Hour))
		totals := g.minutes(origin, test.values...)
		if got := totals[len(totals)-1]; got != test.want {
			t.Errorf("%s: total %d, want %d", name, got, test.want)
		}
	}
	never := tracking(2, 3, 0)
	never.GetTargetTracking().DisableScaleIn = true
	if got := fmt.Sprint(newGroup(10, origin, never).minutes(origin, 1, 1, 1, 1)); got != "[10 10 10 10]" {
		t.Errorf("it scaled in: %s", got)
	}
}

func TestAdjust(t *testing.T) {
	step := func(from, to *float64, value int32) *groupv1.AdjustmentStep {
		return &groupv1.AdjustmentStep{From: from, To: to, Value: value}
	}
	steps := &groupv1.Adjustment{Kind: change, Steps: []*groupv1.AdjustmentStep{
		step(proto.Float64(0), proto.Float64(10), 1), step(proto.Float64(10), nil, 5),
	}}
	least := by(percent, -1)
	least.MinChange = 3
	for name, test := range map[string]struct {
		adjustment *groupv1.Adjustment
		distance   float64
		want       int64
	}{
		"change": {by(change, -7), 0, 43}, "below nothing": {by(change, -70), 0, -20}, "value": {by(value, 7), 0, 7},
		"percent": {by(percent, 10), 0, 55}, "percent, away from 0": {by(percent, 1), 0, 51}, "percent down": {by(percent, -1), 0, 49},
		"at least": {least, 0, 47}, "all of it": {by(percent, -100), 0, 0}, "most": {by(percent, 10000), 0, 5050},
		"first step": {steps, 9.9, 51}, "second step": {steps, 10, 55}, "beside the steps": {steps, -1, 50},
	} {
		if got := adjust(test.adjustment, 50, test.distance); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

func TestRetarget_partsComeBack(t *testing.T) {
	target, parts := &groupv1.TargetCapacity{Total: 40, PayAsYouGo: 8, Spot: 20}, (*storagev1.ScaledParts)(nil)
	for _, test := range []struct{ total, payAsYouGo, spot int32 }{
		{60, 8, 20}, {28, 8, 20}, {20, 8, 12}, {8, 8, 0}, {5, 5, 0}, {0, 0, 0}, {10, 8, 2}, {40, 8, 20},
	} {
		target, parts = Retarget(target, test.total, parts)
		if target.GetTotal() != test.total || target.GetPayAsYouGo() != test.payAsYouGo || target.GetSpot() != test.spot {
			t.Errorf("to %d: %v", test.total, target)
		}
	}
	if parts != nil {
		t.Errorf("parts %v are remembered, which are there", parts)
	}
	target, parts = Retarget(target, 5, nil)
	target.PayAsYouGo = 2 // somebody asks for another part
	if target, parts = Retarget(target, 40, parts); target.GetPayAsYouGo() != 2 || target.GetSpot() != 0 || parts != nil {
		t.Errorf("target %v, parts %v", target, parts)
	}
}

// When the clock is set back, what waits for a time of before does not wait
// until that has come again.
func TestAdvance_theClockIsSetBack(t *testing.T) {
	g := newGroup(10, origin, scheduled("0 * * * *", by(change, 1)), beyond(1, time.Hour, by(change, 10)))
	g.look(at(5 * time.Hour))
	g.minutes(at(5*time.Hour), 90)
	g.report(90, at(5*time.Hour+2*time.Minute))
	g.look(at(30 * time.Minute))
	if due := NextOf(g.tasks); !due.Equal(at(time.Hour)) {
		t.Errorf("due %v, want an hour after the origin", due)
	}
	if got := g.minutes(at(30*time.Minute), 90)[0]; got != 31 {
		t.Errorf("total %d, want the metric to act again", got)
	}
	row := newGroup(10, origin, beyond(2, 0, by(change, 5)))
	row.minutes(at(5*time.Hour), 90)
	if got := fmt.Sprint(row.minutes(origin, 90, 90)); got != "[10 15]" {
		t.Errorf("totals %s, want what was measured later to count no more", got)
	}
}

func TestDisabled_restsAndForgets(t *testing.T) {
	spec := scheduled("0 * * * *", by(change, 1))
	spec.Disabled = true
	g := newGroup(10, origin, spec)
	if got := g.look(at(90 * time.Minute)); got != 10 || !NextOf(g.tasks).IsZero() {
		t.Errorf("total %d, due %v", got, NextOf(g.tasks))
	}
	g.tasks[0].Task.Spec.Disabled = false
	Renew(g.tasks[0], at(91*time.Minute))
	if got := g.look(at(92 * time.Minute)); got != 10 {
		t.Errorf("total %d, by a time at which it rested", got)
	}
}
