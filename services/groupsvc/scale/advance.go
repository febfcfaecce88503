package scale

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
)

// An Outcome is what the tasks of a group bring about.
type Outcome struct {
	// Tasks are the tasks as they are now.
	Tasks []*storagev1.ScalingTaskState
	// Total is the total target that results.
	Total int32
	// Runs are the tasks that changed the total, in the order in which they did.
	Runs []Run
}

// A Run is one task that changed the total.
type Run struct {
	// TaskID is the task's id.
	TaskID string
	// Cause says what happened, for people, for example `scheduled task
	// "nightly": total 40 -> 60`.
	Cause string
}

// Advance brings the tasks of a group, in order of creation, up to a time. Tasks
// that are due act in order of their times, those of one time in order of
// creation, each on the total that the one before left.
func Advance(tasks []*storagev1.ScalingTaskState, spec *groupv1.GroupSpec, now time.Time) Outcome {
	outcome := Outcome{Total: spec.GetTargetCapacity().GetTotal()}
	var firings []*firing
	for i, task := range tasks {
		task = proto.CloneOf(task)
		outcome.Tasks = append(outcome.Tasks, task)
		if firing := judge(task, now); firing != nil {
			firing.task = i
			firings = append(firings, firing)
		}
	}
	slices.SortStableFunc(firings, func(a, b *firing) int { return a.due.Compare(b.due) })
	for _, firing := range firings {
		outcome.act(firing, spec, now)
	}
	return outcome
}

// judge brings a task up to a time, and tells how it acts; nil when it does not.
func judge(state *storagev1.ScalingTaskState, now time.Time) *firing {
	spec := state.GetTask().GetSpec()
	forgetFuture(state, now)
	if end := state.GetTask().GetCooldownEndTime(); end != nil && !now.Before(end.AsTime()) {
		state.Task.CooldownEndTime = nil
	}
	switch {
	case spec.GetDisabled():
		return nil
	case spec.GetSchedule() != nil:
		return judgeSchedule(state, now)
	default:
		return judgeMetric(state, now)
	}
}

// act carries out a firing.
func (o *Outcome) act(firing *firing, spec *groupv1.GroupSpec, now time.Time) {
	task := o.Tasks[firing.task].GetTask()
	before := o.Total
	o.Total = hold(spec, firing.change(before))
	task.LastRunTime = stamp(now)
	if o.Total == before {
		task.LastOutcome = fmt.Sprintf("total stays %d", before)
		return
	}
	task.LastOutcome = fmt.Sprintf("total %d -> %d", before, o.Total)
	if cooldown := cooldownOf(task.GetSpec()); cooldown > 0 {
		task.CooldownEndTime = stamp(now.Add(cooldown))
	}
	cause := firing.kind + " " + strconv.Quote(cmp.Or(task.GetSpec().GetName(), task.GetScalingTaskId()))
	if firing.why != "" {
		cause += " (" + firing.why + ")"
	}
	o.Runs = append(o.Runs, Run{TaskID: task.GetScalingTaskId(), Cause: cause + ": " + task.GetLastOutcome()})
}

// Next tells when a task acts, or judges its metric, next; zero when it does
// not.
func Next(state *storagev1.ScalingTaskState) time.Time {
	spec := state.GetTask().GetSpec()
	switch {
	case spec.GetDisabled():
		return time.Time{}
	case spec.GetSchedule() != nil:
		return NextRun(spec.GetSchedule(), timeOf(state.GetHandledTime()))
	case len(state.GetPeriods()) > 0:
		_, period := MetricOf(state.GetTask())
		return judgedAt(state.GetPeriods()[0], period)
	default:
		return time.Time{}
	}
}

// NextOf tells when the first of some tasks is due; zero when none is.
func NextOf(tasks []*storagev1.ScalingTaskState) time.Time {
	var next time.Time
	for _, task := range tasks {
		if at := Next(task); !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// Renew lets a task begin anew: nothing before a time makes it act, and nothing
// that was reported counts.
func Renew(state *storagev1.ScalingTaskState, now time.Time) {
	task := state.GetTask()
	task.CooldownEndTime = nil
	proto.Reset(state)
	state.Task = task
	if task.GetSpec().GetSchedule() != nil {
		state.HandledTime = stamp(now)
	}
}

// forgetFuture brings a task back to now that comes from a time that is still to
// come: the clock was set back since, and what waits for such a time would wait
// until it has come again.
func forgetFuture(state *storagev1.ScalingTaskState, now time.Time) {
	if timeOf(state.GetHandledTime()).After(now) {
		state.HandledTime = stamp(now)
	}
	if timeOf(state.GetJudgedTime()).After(now) {
		state.JudgedTime, state.BeyondPeriods, state.LowPeriods = nil, 0, 0
	}
	state.Periods = slices.DeleteFunc(state.Periods, func(p *storagev1.MetricPeriod) bool {
		return timeOf(p.GetStartTime()).After(now)
	})
	task := state.GetTask()
	if timeOf(task.GetCooldownEndTime()).After(now.Add(cooldownOf(task.GetSpec()))) {
		task.CooldownEndTime = nil
	}
}

func timeOf(stored *timestamppb.Timestamp) time.Time {
	if stored == nil {
		return time.Time{}
	}
	return stored.AsTime()
}

func stamp(at time.Time) *timestamppb.Timestamp { return timestamppb.New(at) }

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
