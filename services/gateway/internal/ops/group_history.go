package ops

import (
	"context"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/gateway/internal/table"
	"github.com/seed-198b1370/muster/services/gateway/wire"
)

var errPeriod = bad("InvalidParameter.periodTime", "The specified period of time is not valid.")

func describeGroupHistory() Operation {
	return Operation{
		Operation: table.Operation{
			Name:    "DescribeAutoProvisioningGroupHistory",
			Summary: "Lists the scheduling tasks of a group, latest first; the last 200 are kept.",
			Params: append([]table.Param{
				region(errNoRegion),
				groupID(),
				{Name: "StartTime", Kind: table.Time, Wrong: errPeriod, Note: "Tasks that ended earlier are left out."},
				{Name: "EndTime", Kind: table.Time, Wrong: errPeriod, Note: "Tasks that started later are left out."},
			}, pageParams(100)...),
		},
		Run: func(ctx context.Context, call *Call) (wire.Object, error) {
			from, until := call.Time("StartTime"), call.Time("EndTime")
			if !from.IsZero() && !until.IsZero() && until.Before(from) {
				return nil, errPeriod.With("StartTime must not be later than EndTime.")
			}
			shown, list := pageOf(call.Values), []wire.Object{}
			request := &groupv1.ListActivitiesRequest{GroupId: call.Text("AutoProvisioningGroupId"), PageSize: backendPage}
			for {
				listed, err := call.Groups.ListActivities(ctx, request)
				if err != nil {
					return nil, err
				}
				for _, activity := range listed.GetActivities() {
					if within(activity, from, until) && shown.next() {
						list = append(list, activityObject(activity))
					}
				}
				if request.PageToken = listed.GetNextPageToken(); request.GetPageToken() == "" {
					return append(shown.members(), wire.List("AutoProvisioningGroupHistories", "AutoProvisioningGroupHistory", list)), nil
				}
			}
		},
	}
}

// within tells whether any of an activity was in a period, either end of which
// may be open.
func within(activity *groupv1.Activity, from, until time.Time) bool {
	ended := activity.GetEndTime()
	return (from.IsZero() || ended == nil || !ended.AsTime().Before(from)) &&
		(until.IsZero() || !activity.GetStartTime().AsTime().After(until))
}

var taskStatuses = words[groupv1.ActivityStatus]{
	groupv1.ActivityStatus_ACTIVITY_STATUS_IN_PROGRESS: "prepare",
	groupv1.ActivityStatus_ACTIVITY_STATUS_SUCCESSFUL:  "success",
	groupv1.ActivityStatus_ACTIVITY_STATUS_WARNING:     "success",
	groupv1.ActivityStatus_ACTIVITY_STATUS_FAILED:      "failed",
}

var detailStatuses = words[groupv1.ActivityStatus]{
	groupv1.ActivityStatus_ACTIVITY_STATUS_IN_PROGRESS: "InProgress",
	groupv1.ActivityStatus_ACTIVITY_STATUS_SUCCESSFUL:  "Successful",
	groupv1.ActivityStatus_ACTIVITY_STATUS_WARNING:     "Warning",
	groupv1.ActivityStatus_ACTIVITY_STATUS_FAILED:      "Failed",
}

func activityObject(activity *groupv1.Activity) wire.Object {
	last := activity.GetEndTime()
	if last == nil {
		last = activity.GetStartTime()
	}
	return wire.Object{
		wire.M("TaskId", activity.GetActivityId()),
		wire.M("Status", taskStatuses[activity.GetStatus()]),
		wire.M("StartTime", stamp(activity.GetStartTime(), toSeconds)),
		wire.M("LastEventTime", stamp(laterOf(last, activity.GetStartTime()), toSeconds)),
		wire.List("ActivityDetails", "ActivityDetail", activityDetails(activity)),
	}
}

func laterOf(a, b *timestamppb.Timestamp) *timestamppb.Timestamp {
	if a.AsTime().Before(b.AsTime()) {
		return b
	}
	return a
}

// activityDetails tell what an activity did: what it launched, what it could
// not, what it gave up. One that did nothing tells why it was started.
func activityDetails(activity *groupv1.Activity) []wire.Object {
	var details []wire.Object
	for _, result := range activity.GetLaunchResults() {
		if result.GetErrorCode() == "" {
			details = append(details, detail("Created ECS instances", "Successful", result.GetInstanceIds(), nil, nil))
			continue
		}
		text := "Could not create instances of " + result.GetInstanceType() + " in " + result.GetZoneId()
		details = append(details, detail(text, "Failed", nil, nil,
			wire.Object{wire.M("Code", result.GetErrorCode()), wire.M("Message", result.GetErrorMessage()), wire.List[string]("FailedInstanceIds", "FailedInstanceId", nil)}))
	}
	for _, restart := range activity.GetRestarts() {
		if restart.GetErrorCode() == "" {
			details = append(details, detail("Started the stopped instance "+restart.GetInstanceId(), "Successful", nil, nil, nil))
			continue
		}
		details = append(details, detail("Could not start the stopped instance "+restart.GetInstanceId(), "Failed", nil, nil,
			wire.Object{wire.M("Code", restart.GetErrorCode()), wire.M("Message", restart.GetErrorMessage()), wire.List("FailedInstanceIds", "FailedInstanceId", []string{restart.GetInstanceId()})}))
	}
	var released, left []string
	for _, removal := range activity.GetRemovals() {
		if removal.GetReleased() {
			released = append(released, removal.GetInstanceId())
		} else {
			left = append(left, removal.GetInstanceId())
		}
	}
	if len(released) > 0 {
		details = append(details, detail("Released ECS instances", "Successful", nil, released, nil))
	}
	if len(left) > 0 {
		details = append(details, detail("Removed from the group, running on: "+strings.Join(left, ","), "Successful", nil, nil, nil))
	}
	if attached := activity.GetAttachedInstanceIds(); len(attached) > 0 {
		details = append(details, detail("Added to the group: "+strings.Join(attached, ","), "Successful", nil, nil, nil))
	}
	if len(details) == 0 {
		details = append(details, detail(activity.GetCause(), detailStatuses[activity.GetStatus()], nil, nil, nil))
	}
	return details
}

func detail(text, status string, created, destroyed []string, failure wire.Object) wire.Object {
	if ids := append(created[:len(created):len(created)], destroyed...); len(ids) > 0 {
		text += ": " + strings.Join(ids, ",")
	}
	failures := []wire.Object{}
	if failure != nil {
		failures = append(failures, failure)
	}
	return wire.Object{
		wire.M("Detail", text),
		wire.M("Status", status),
		wire.List("CreatedInstanceIds", "CreatedInstanceId", created),
		wire.List("DestroyedInstanceIds", "DestroyedInstanceId", destroyed),
		wire.List("ErrorMessages", "ErrorMessage", failures),
	}
}
