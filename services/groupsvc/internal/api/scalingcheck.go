package api

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/scale"
)

// checkTask tells what is wrong with a task, whose fields may have any value,
// besides what its contract says.
func checkTask(violations *rpc.Violations, spec *groupv1.ScalingTaskSpec, now time.Time) {
	if spec.GetTrigger() == nil {
		violations.Add("spec.trigger", rpc.Literal("none"), "must be one of schedule, threshold, target_tracking")
	}
	if spec.GetSchedule() != nil {
		checkSchedule(violations, spec.GetSchedule(), now)
	}
	switch {
	case spec.GetTargetTracking() != nil && spec.GetAdjustment() != nil:
		violations.Add("spec.adjustment", rpc.Literal(spec.GetAdjustment().String()), "must be left out with target_tracking, which says what the total is to be")
	case spec.GetTargetTracking() == nil && spec.GetAdjustment() == nil:
		violations.Add("spec.adjustment", rpc.Literal("nothing"), "must be given unless there is target_tracking")
	case spec.GetAdjustment() != nil:
		checkAdjustment(violations, spec)
	}
}

// checkSchedule tells of schedules that never come about.
func checkSchedule(violations *rpc.Violations, schedule *groupv1.Schedule, now time.Time) {
	const field = "spec.schedule"
	start, end := schedule.GetStartTime(), schedule.GetEndTime()
	if !checkRule(violations, field, schedule) || !scale.NextRun(schedule, now).IsZero() {
		return
	}
	switch unbounded := (&groupv1.Schedule{Cron: schedule.GetCron(), StartTime: start}); {
	case schedule.GetCron() == "" && !start.AsTime().After(now):
		violations.Add(field+".start_time", rpc.Literal(timeText(start)), "must be later than now, which is "+now.Format(time.RFC3339))
	case scale.NextRun(unbounded, now).IsZero():
		violations.Add(field+".cron", schedule.GetCron(), "must name a date that there is")
	default:
		violations.Add(field+".end_time", rpc.Literal(timeText(end)),
			"must not be before the first time, which is "+scale.NextRun(unbounded, now).Format(time.RFC3339))
	}
}

// checkRule tells of a schedule whose times can not be read, and whether they can.
func checkRule(violations *rpc.Violations, field string, schedule *groupv1.Schedule) bool {
	readable := len(schedule.GetCron()) <= maxCron
	wrong := func(name string, value any, rule string) {
		violations.Add(field+"."+name, value, rule)
		readable = false
	}
	const years = "must be a time of the years 1 to 9999"
	start, end := schedule.GetStartTime(), schedule.GetEndTime()
	if start != nil && !start.IsValid() {
		wrong("start_time", rpc.Literal(start.String()), years)
	}
	if end != nil && !end.IsValid() {
		wrong("end_time", rpc.Literal(end.String()), years)
	}
	if schedule.GetCron() == "" {
		if start == nil {
			wrong("start_time", rpc.Literal("nothing"), "must be given unless there is a cron expression")
		}
	} else if _, err := scale.ParseCron(schedule.GetCron()); err != nil {
		wrong("cron", schedule.GetCron(),
			`must be minute, hour, day of month, month and day of week, such as "0 22 * * 1-5": `+rpc.Cut(err.Error()))
	}
	return readable
}

// maxCron is how many characters of a cron expression the contract allows.
const maxCron = 128

func timeText(at *timestamppb.Timestamp) string { return at.AsTime().Format(time.RFC3339) }

// valuesOf are the values that an adjustment of a kind can have.
func valuesOf(kind groupv1.AdjustmentKind) (low, high int32) {
	switch kind {
	case groupv1.AdjustmentKind_ADJUSTMENT_KIND_PERCENT_CHANGE:
		return -100, 10_000
	case groupv1.AdjustmentKind_ADJUSTMENT_KIND_VALUE:
		return 0, scale.MaxTotal
	default:
		return -scale.MaxTotal, scale.MaxTotal
	}
}

// checkAdjustment tells of values and steps that do not go with the kind of an
// adjustment, or with what sets it off.
func checkAdjustment(violations *rpc.Violations, spec *groupv1.ScalingTaskSpec) {
	const field = "spec.adjustment"
	adjustment := spec.GetAdjustment()
	kind, value, steps := adjustment.GetKind(), adjustment.GetValue(), adjustment.GetSteps()
	sets := kind == groupv1.AdjustmentKind_ADJUSTMENT_KIND_VALUE
	switch {
	case len(steps) > 0 && value != 0:
		violations.Add(field+".value", value, "must be left out with steps")
	case len(steps) == 0:
		checkValue(violations, field+".value", kind, value)
	}
	if least := adjustment.GetMinChange(); least != 0 && kind != groupv1.AdjustmentKind_ADJUSTMENT_KIND_PERCENT_CHANGE {
		violations.Add(field+".min_change", least, "must be left out unless kind is percent-change, and it is "+enumWord(kind))
	}
	if len(steps) > 0 && (sets || spec.GetThreshold() == nil) {
		violations.Add(field+".steps", rpc.Literal(fmt.Sprintf("%d items", len(steps))), "must be left out unless there is a threshold and kind is a change")
		return
	}
	for i, step := range steps {
		checkStep(violations, fmt.Sprintf("%s.steps[%d]", field, i), kind, steps[:i], step)
	}
}

func checkValue(violations *rpc.Violations, field string, kind groupv1.AdjustmentKind, value int32) {
	low, high := valuesOf(kind)
	switch {
	case value < low || value > high:
		violations.Add(field, value, fmt.Sprintf("must be %d to %d for %s", low, high, enumWord(kind)))
	case value == 0 && kind != groupv1.AdjustmentKind_ADJUSTMENT_KIND_VALUE:
		violations.Add(field, value, "must not be 0 for "+enumWord(kind))
	}
}

// checkStep tells what is wrong with a step that follows others.
func checkStep(violations *rpc.Violations, field string, kind groupv1.AdjustmentKind, before []*groupv1.AdjustmentStep, step *groupv1.AdjustmentStep) {
	checkValue(violations, field+".value", kind, step.GetValue())
	if step.From != nil && step.To != nil && !(step.GetFrom() < step.GetTo()) {
		violations.Add(field+".to", step.GetTo(), fmt.Sprintf("must be greater than from, which is %v", step.GetFrom()))
	}
	if len(before) == 0 {
		return
	}
	last := before[len(before)-1]
	switch {
	case last.To == nil:
		violations.Add(field, rpc.Literal("one step more"), "must not follow a step without to, which goes on for ever")
	case step.From == nil:
		violations.Add(field+".from", rpc.Literal("nothing"), fmt.Sprintf("must be where the step before ends, %v", last.GetTo()))
	case step.GetFrom() != last.GetTo():
		violations.Add(field+".from", step.GetFrom(), fmt.Sprintf("must be where the step before ends, %v", last.GetTo()))
	}
}

// Paths of a task that an update mask may name.
var taskPaths = []string{"name", "disabled", "schedule", "threshold", "target_tracking", "adjustment"}

// renews tells whether a task begins anew when a path is changed.
func renews(path string) bool { return path != "name" && path != "adjustment" }

// checkTaskMask tells what is wrong with an update, whatever the task is.
func checkTaskMask(violations *rpc.Violations, req *groupv1.UpdateScalingTaskRequest) {
	paths := req.GetUpdateMask().GetPaths()
	if len(paths) == 0 {
		violations.Add("update_mask", rpc.Literal("no paths"), "must name what to change: "+strings.Join(taskPaths, ", "))
	}
	for i, path := range paths[:min(maxPaths, len(paths))] {
		if !slices.Contains(taskPaths, path) {
			violations.Add(fmt.Sprintf("update_mask.paths[%d]", i), path, "must be one of "+strings.Join(taskPaths, ", "))
		}
	}
}

// updatedTask is what an update makes of a task, with defaults filled in; or all
// that is wrong with it.
func updatedTask(current *groupv1.ScalingTaskSpec, req *groupv1.UpdateScalingTaskRequest, now time.Time) (*groupv1.ScalingTaskSpec, error) {
	var violations rpc.Violations
	checkTaskMask(&violations, req)
	next := proto.CloneOf(current)
	for _, path := range req.GetUpdateMask().GetPaths() {
		setTaskPath(next, proto.CloneOf(req.GetSpec()), path)
	}
	// A schedule whose time has passed is no reason not to rename a task.
	if next.GetSchedule() != nil && proto.Equal(next.GetSchedule(), current.GetSchedule()) {
		now = time.Time{}
	}
	checkTask(&violations, next, now)
	if err := violations.Err(); err != nil {
		return nil, err
	}
	return scale.WithDefaults(next), nil
}

func setTaskPath(next, asked *groupv1.ScalingTaskSpec, path string) {
	switch path {
	case "name":
		next.Name = asked.GetName()
	case "disabled":
		next.Disabled = asked.GetDisabled()
	case "adjustment":
		next.Adjustment = asked.GetAdjustment()
	case "schedule":
		if asked.GetSchedule() != nil {
			next.Trigger = asked.GetTrigger()
		} else if next.GetSchedule() != nil {
			next.Trigger = nil
		}
	case "threshold":
		if asked.GetThreshold() != nil {
			next.Trigger = asked.GetTrigger()
		} else if next.GetThreshold() != nil {
			next.Trigger = nil
		}
	case "target_tracking":
		if asked.GetTargetTracking() != nil {
			next.Trigger = asked.GetTrigger()
		} else if next.GetTargetTracking() != nil {
			next.Trigger = nil
		}
	}
}
