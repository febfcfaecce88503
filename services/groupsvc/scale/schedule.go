package scale

import (
	"fmt"
	"time"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
)

// NextRun is the first time of a schedule after another; zero when there is
// none.
func NextRun(schedule *groupv1.Schedule, after time.Time) time.Time {
	next := nextRun(schedule, after)
	if end := timeOf(schedule.GetEndTime()); !end.IsZero() && next.After(end) {
		return time.Time{}
	}
	return next
}

func nextRun(schedule *groupv1.Schedule, after time.Time) time.Time {
	start := timeOf(schedule.GetStartTime())
	if schedule.GetCron() == "" {
		if start.After(after) {
			return start
		}
		return time.Time{}
	}
	times, err := ParseCron(schedule.GetCron())
	if err != nil {
		return time.Time{} // it was refused when the task was made
	}
	if start.After(after) {
		after = start.Add(-1) // the start itself may be one of its times
	}
	return times.Next(after)
}

// judgeSchedule tells what a schedule brings about now. Of the times that have
// passed only the latest counts, so that a group that was not looked at for a
// while catches up with one change, and with none when that is too late.
func judgeSchedule(state *storagev1.ScalingTaskState, now time.Time) *firing {
	schedule := state.GetTask().GetSpec().GetSchedule()
	handled := timeOf(state.GetHandledTime())
	missed := NextRun(schedule, handled)
	if missed.IsZero() || missed.After(now) {
		return nil
	}
	delay := schedule.GetMaxDelay().AsDuration()
	due := latestRun(schedule, latest(handled, now.Add(-delay-1)), now)
	if due.IsZero() {
		state.HandledTime = stamp(now)
		state.Task.LastRunTime = stamp(now)
		state.Task.LastOutcome = fmt.Sprintf("missed %s: the group was not looked at within %v", missed.Format(time.RFC3339), delay)
		return nil
	}
	state.HandledTime = stamp(due)
	return &firing{due: due, kind: "scheduled task", change: func(total int32) int64 {
		return adjust(state.GetTask().GetSpec().GetAdjustment(), total, 0)
	}}
}

// latestRun is the last time of a schedule after one time and not after another;
// zero when there is none.
func latestRun(schedule *groupv1.Schedule, after, until time.Time) time.Time {
	var last time.Time
	for next := NextRun(schedule, after); !next.IsZero() && !next.After(until); next = NextRun(schedule, next) {
		last = next
	}
	return last
}
