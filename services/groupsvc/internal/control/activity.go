package control

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/placement"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/tell"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

// openActivity begins an activity, unless one is under way that this can be a
// part of: of the same origin, or, for what the group does of itself, of any. It is written with the group's next write, so that what a crash cuts short is
// told as one activity.
func (l *look) openActivity(cause string) error {
	origin := l.origin()
	if open := l.stored.GetOpenActivity(); open != nil {
		if origin == "" || open.GetOrigin() == origin {
			return nil
		}
		l.cutActivity()
	}
	l.c.IDs.Follow(l.stored.GetLastActivityId())
	id, err := l.c.IDs.Activity(l.now)
	if err != nil {
		return err
	}
	l.stored.LastActivityId = id
	l.stored.OpenActivity = &groupv1.Activity{
		ActivityId: id, GroupId: l.key.GroupID, Status: groupv1.ActivityStatus_ACTIVITY_STATUS_IN_PROGRESS,
		Cause: cause, StartTime: timestamppb.New(l.now), LastEventTime: timestamppb.New(l.now), Origin: origin,
	}
	if l.stored.GetFirstActivityId() == "" {
		l.stored.FirstActivityId = id
	}
	return nil
}

// origin tells what the look works for: the group's end, the change of the spec
// that is not carried out yet, or, empty, the group of itself.
func (l *look) origin() string {
	if isEnding(l.stored) {
		origin, _ := whyItEnds(l.stored)
		return origin
	}
	if attempted := l.stored.GetAttemptedGeneration(); attempted > 0 && attempted < l.stored.GetGroup().GetGeneration() {
		return l.stored.GetTaskOrigin()
	}
	return ""
}

// cutActivity ends the activity that is under way because something else has
// come up. One that did nothing is not told of.
func (l *look) cutActivity() {
	activity := l.stored.GetOpenActivity()
	l.stored.OpenActivity = nil
	if !tell.HasDone(activity) {
		if l.stored.GetFirstActivityId() == activity.GetActivityId() {
			l.stored.FirstActivityId = ""
		}
		return
	}
	activity.Status, activity.EndTime = groupv1.ActivityStatus_ACTIVITY_STATUS_WARNING, timestamppb.New(l.now)
	l.closed = append(l.closed, activity)
}

// report adds what came of a pool to the activity that is under way.
func (l *look) report(result *groupv1.LaunchResult) {
	if activity := l.told(); activity != nil {
		activity.LaunchResults = placement.Merge(activity.LaunchResults, result)
		l.touch(activity)
	}
}

func (l *look) reportRemoval(removal *groupv1.Removal) {
	if activity := l.told(); activity != nil {
		activity.Removals = append(activity.Removals, removal)
		l.touch(activity)
	}
}

// touch notes that something of an activity was done just now, or could not be.
func (l *look) touch(activity *groupv1.Activity) { activity.LastEventTime = timestamppb.New(l.now) }

// closeActivity ends the activity that is under way, if the look is complete,
// and tells what to keep of it. The same shortfall is told once, not at every
// look that finds it again.
func (l *look) closeActivity() []*groupv1.Activity {
	activity := l.stored.GetOpenActivity()
	if activity == nil || l.trouble != nil && !l.isLong(activity) {
		return nil
	}
	l.stored.OpenActivity = nil
	delivered := tell.HasDone(activity)
	shortfall := ""
	if l.short.Reason != "" {
		shortfall = fmt.Sprintf("%d %s %s", l.stored.GetGroup().GetGeneration(), l.short.Reason, plan.TargetNotMet(l.desired(), l.observed()))
	}
	repeated, refused := shortfall == l.stored.GetLastShortfall(), len(activity.GetAttachFailures()) > 0
	l.stored.LastShortfall = shortfall
	switch {
	case !delivered && repeated && !byTask(activity) && !refused:
		return nil
	case shortfall == "" && !l.removing && l.trouble == nil && !refused:
		activity.Status = groupv1.ActivityStatus_ACTIVITY_STATUS_SUCCESSFUL
	case delivered:
		activity.Status = groupv1.ActivityStatus_ACTIVITY_STATUS_WARNING
	default:
		activity.Status = groupv1.ActivityStatus_ACTIVITY_STATUS_FAILED
	}
	activity.EndTime = timestamppb.New(l.now)
	return []*groupv1.Activity{activity}
}

// Bounds of an activity that trouble keeps open: a new one is begun behind it.
const (
	maxActivityTime = time.Hour
	maxActivityIDs  = 2000
)

func (l *look) isLong(activity *groupv1.Activity) bool {
	ids := len(activity.GetRemovals())
	for _, result := range activity.GetLaunchResults() {
		ids += len(result.GetInstanceIds())
	}
	return ids > maxActivityIDs || l.now.Sub(activity.GetStartTime().AsTime()) > maxActivityTime
}
