package control

import (
	"context"
	"errors"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
	"github.com/seed-198b1370/muster/services/groupsvc/scale"
)

// originTask is what the origin of an activity that a scaling task brings about
// begins with.
const originTask = "scaling-task:"

// maxCause bounds, in characters, why an activity was started: one that trouble
// keeps open for long can see tasks act often.
const maxCause = 1_000

// maxReports bounds how often reports are taken over in one write.
const maxReports = 20

// scale lets scaling tasks that are due move the target. The new target, that it
// is one more scheduling task of the group, and up to when the tasks are dealt
// with are one write: whatever happens before or after it, a task acts once. An
// error means that another wrote the group, or that the store failed.
func (l *look) scale(ctx context.Context) error {
	if len(l.stored.GetScalingTasks()) == 0 || isEnding(l.stored) {
		return nil
	}
	group := l.stored.GetGroup()
	target := group.GetSpec().GetTargetCapacity()
	outcome := scale.Advance(l.stored.GetScalingTasks(), group.GetSpec(), l.now)
	l.stored.ScalingTasks = outcome.Tasks
	if outcome.Total == target.GetTotal() {
		return nil
	}
	group.Fulfillment = plan.Over.Fulfillment()
	if outcome.Total > target.GetTotal() {
		group.Fulfillment = plan.Underway.Fulfillment()
	}
	group.Spec.TargetCapacity, l.stored.ScaledParts = scale.Retarget(target, outcome.Total, l.stored.GetScaledParts())
	KeepMoves(l.stored)
	group.Generation++
	group.UpdateTime = timestamppb.New(l.now)
	group.Lifecycle = plan.Next(group.GetLifecycle(), plan.Changed)
	if err := l.openScaling(outcome.Runs); err != nil {
		return err
	}
	return l.save(ctx)
}

// openScaling begins the activity of a target that tasks have moved, or tells of
// it in the one that is under way.
func (l *look) openScaling(runs []scale.Run) error {
	l.stored.TaskOrigin = originTask + runs[len(runs)-1].TaskID
	causes := make([]string, 0, len(runs)+1)
	if open := l.stored.GetOpenActivity(); open != nil {
		causes = append(causes, open.GetCause())
	}
	for _, run := range runs {
		causes = append(causes, run.Cause)
	}
	if err := l.openActivity(""); err != nil {
		return err
	}
	cause := strings.Join(causes, "; ")
	if runes := []rune(cause); len(runes) > maxCause {
		cause = string(runes[:maxCause-1]) + "…"
	}
	l.stored.OpenActivity.Cause = cause
	l.stored.OpenActivity.Origin = l.stored.GetTaskOrigin()
	return nil
}

// byTask tells whether a scaling task brought an activity about: that is told
// even when there was nothing to launch or to give up.
func byTask(activity *groupv1.Activity) bool {
	return strings.HasPrefix(activity.GetOrigin(), originTask)
}

// nextTask is when a scaling task is due, unless that is later than a time.
func (l *look) nextTask(next time.Time) time.Time {
	if due := scale.NextOf(l.stored.GetScalingTasks()); !due.IsZero() && !isEnding(l.stored) {
		return earliest(next, due)
	}
	return next
}

// saved stores a change. Reports of metrics that were counted since the group
// was read are taken over: they come at any time, and what a look does has
// nothing to do with them. Anything else that another wrote is a conflict.
func (l *look) saved(ctx context.Context, change store.Change) error {
	for attempt := 1; ; attempt++ {
		err := l.c.Store.Save(ctx, change)
		if !errors.Is(err, store.ErrConflict) || l.last.GetVersion() == 0 || attempt == maxReports {
			return err
		}
		record, getErr := l.c.Store.Get(ctx, l.key)
		if getErr != nil || !takeReports(l.stored, l.last, record.Group) {
			return err
		}
		l.last = record.Group
	}
}

// takeReports takes what was reported since a group was read over to what is to
// be written, and tells whether nothing else was written in between.
func takeReports(writing, read, now *storagev1.StoredGroup) bool {
	if now.GetReportWrites()-read.GetReportWrites() != now.GetVersion()-read.GetVersion() || now.GetVersion() == read.GetVersion() {
		return false
	}
	reported := map[string]*storagev1.ScalingTaskState{}
	for _, state := range now.GetScalingTasks() {
		reported[state.GetTask().GetScalingTaskId()] = state
	}
	for _, state := range writing.GetScalingTasks() {
		if from := reported[state.GetTask().GetScalingTaskId()]; from != nil {
			scale.TakeOver(state, from)
		}
	}
	writing.Version, writing.ReportWrites, writing.ReportIds = now.GetVersion(), now.GetReportWrites(), now.GetReportIds()
	return true
}
