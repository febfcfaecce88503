package scale

import (
	"math"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
)

const (
	// Lateness is how late a report of a metric may come: how long after its end
	// a period is judged.
	Lateness = 15 * time.Second
	// maxPeriods bounds how many periods wait to be judged. It is more than any
	// task asks for in a row, so the oldest of more decide nothing.
	maxPeriods = 61
)

// MetricOf is the name and the period of the metric that a task follows; no name
// for a task that follows none, or rests.
func MetricOf(task *groupv1.ScalingTask) (name string, period time.Duration) {
	spec := task.GetSpec()
	switch trigger := spec.GetTrigger().(type) {
	case *groupv1.ScalingTaskSpec_Threshold:
		name, period = trigger.Threshold.GetMetric(), trigger.Threshold.GetPeriod().AsDuration()
	case *groupv1.ScalingTaskSpec_TargetTracking:
		name, period = trigger.TargetTracking.GetMetric(), trigger.TargetTracking.GetPeriod().AsDuration()
	}
	if spec.GetDisabled() || period <= 0 {
		return "", 0
	}
	return name, period
}

// TakesFrom is the earliest time of which a report still counts for a task that
// follows a metric.
func TakesFrom(task *groupv1.ScalingTask, now time.Time) time.Time {
	_, period := MetricOf(task)
	// The earliest period that is not judged yet ends after this.
	return startOf(now.Add(-Lateness), period)
}

// Observe counts a value for a task that follows its metric. A value that was
// measured before [TakesFrom], or later than now, is not for it.
func Observe(state *storagev1.ScalingTaskState, value float64, at, now time.Time) {
	_, period := MetricOf(state.GetTask())
	start := startOf(at, period)
	forgetFuture(state, now)
	place, found := slices.BinarySearchFunc(state.GetPeriods(), start, func(p *storagev1.MetricPeriod, start time.Time) int {
		return timeOf(p.GetStartTime()).Compare(start)
	})
	if !found {
		state.Periods = slices.Insert(state.Periods, place, &storagev1.MetricPeriod{
			StartTime: stamp(start), Minimum: value, Maximum: value,
		})
	}
	in := state.GetPeriods()[place]
	in.Count++
	// A sum of finite values need not be one.
	in.Sum = min(max(in.GetSum()+value, -math.MaxFloat64), math.MaxFloat64)
	in.Minimum, in.Maximum = min(in.GetMinimum(), value), max(in.GetMaximum(), value)
	if extra := len(state.GetPeriods()) - maxPeriods; extra > 0 {
		state.Periods = slices.Delete(state.Periods, 0, extra)
	}
}

// startOf is when the period began that a time is in.
func startOf(at time.Time, period time.Duration) time.Time {
	since := at.UnixNano()
	begun := since % int64(period)
	if begun < 0 {
		begun += int64(period)
	}
	return at.Add(-time.Duration(begun)).UTC()
}

// judgedAt is when a period is judged.
func judgedAt(p *storagev1.MetricPeriod, period time.Duration) time.Time {
	return timeOf(p.GetStartTime()).Add(period + Lateness)
}

// judgeMetric tells what a metric brings about now. Periods that ended some time
// ago count, but only the one that was judged last makes the task act: what was
// measured before is no longer true.
func judgeMetric(state *storagev1.ScalingTaskState, now time.Time) *firing {
	_, period := MetricOf(state.GetTask())
	var last *storagev1.MetricPeriod
	for len(state.GetPeriods()) > 0 && !judgedAt(state.GetPeriods()[0], period).After(now) {
		last = state.GetPeriods()[0]
		state.Periods = state.GetPeriods()[1:]
		if start := timeOf(last.GetStartTime()); start.After(timeOf(state.GetJudgedTime())) {
			state.BeyondPeriods, state.LowPeriods = 0, 0 // a period without a report lies between
		}
		count(state, last)
		state.JudgedTime = stamp(timeOf(last.GetStartTime()).Add(period))
	}
	if last == nil || !now.Before(judgedAt(last, period).Add(period)) || now.Before(timeOf(state.GetTask().GetCooldownEndTime())) {
		return nil
	}
	firing := fire(state, last)
	if firing != nil {
		firing.due = judgedAt(last, period)
	}
	return firing
}

// maxRow bounds how far rows of periods are counted. No task asks for more.
const maxRow = 60

// count adds a period to the rows that it goes on, and ends the others.
func count(state *storagev1.ScalingTaskState, period *storagev1.MetricPeriod) {
	beyond, low := false, false
	switch trigger := state.GetTask().GetSpec().GetTrigger().(type) {
	case *groupv1.ScalingTaskSpec_Threshold:
		beyond = holds(trigger.Threshold, statistic(period, trigger.Threshold.GetStatistic()))
	case *groupv1.ScalingTaskSpec_TargetTracking:
		average := statistic(period, groupv1.Statistic_STATISTIC_AVERAGE)
		beyond = average > trigger.TargetTracking.GetTargetValue()
		low = average < scaleInBelow*trigger.TargetTracking.GetTargetValue()
	}
	state.BeyondPeriods, state.LowPeriods = row(state.GetBeyondPeriods(), beyond), row(state.GetLowPeriods(), low)
}

func row(length int32, goesOn bool) int32 {
	if !goesOn {
		return 0
	}
	return min(maxRow, length+1)
}

func statistic(period *storagev1.MetricPeriod, which groupv1.Statistic) float64 {
	switch which {
	case groupv1.Statistic_STATISTIC_MINIMUM:
		return period.GetMinimum()
	case groupv1.Statistic_STATISTIC_MAXIMUM:
		return period.GetMaximum()
	default:
		return period.GetSum() / float64(period.GetCount())
	}
}

func holds(threshold *groupv1.MetricThreshold, value float64) bool {
	switch threshold.GetComparison() {
	case groupv1.Comparison_COMPARISON_AT_MOST:
		return value <= threshold.GetThreshold()
	case groupv1.Comparison_COMPARISON_ABOVE:
		return value > threshold.GetThreshold()
	case groupv1.Comparison_COMPARISON_BELOW:
		return value < threshold.GetThreshold()
	default:
		return value >= threshold.GetThreshold()
	}
}

// TakeOver takes reports over from what a task is stored as, which were counted
// since the task was read. Periods that were judged since are not judged again.
func TakeOver(state, stored *storagev1.ScalingTaskState) {
	_, period := MetricOf(state.GetTask())
	judged := timeOf(state.GetJudgedTime())
	state.Periods = nil
	for _, p := range stored.GetPeriods() {
		if timeOf(p.GetStartTime()).Add(period).After(judged) {
			state.Periods = append(state.Periods, proto.CloneOf(p))
		}
	}
}
