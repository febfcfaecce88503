package control

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/protobuf/types/known/timestamppb"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
)

// Origins of activities, for programs.
const (
	// originAttach is a call that made instances members.
	originAttach = "attach"
	// OriginDetach is a call that made instances leave.
	OriginDetach = "detach"
)

// carryOut does what calls have asked for: it takes the group's tags off
// instances that leave, and puts them on those that join. All of it can be done
// again, so a crash on the way does no harm. An error means that another wrote
// the group, or that the store failed.
func (l *look) carryOut(ctx context.Context) error {
	leaving := l.leaving()
	if len(leaving) == 0 && len(l.stored.GetAttachments()) == 0 {
		return nil
	}
	origin := OriginDetach
	if len(leaving) == 0 {
		origin = originAttach
	}
	if err := l.openActivity(fmt.Sprintf("asked for: %d instances to leave, %d to join", len(leaving), len(l.stored.GetAttachments()))); err != nil {
		return err
	}
	if l.stored.OpenActivity.Origin == "" {
		l.stored.OpenActivity.Origin = origin
	}
	// As before a removal: what was read must still be what is wanted.
	if err := l.save(ctx); err != nil {
		return err
	}
	l.takeOut(ctx, leaving)
	l.takeIn(ctx)
	return nil
}

// leaving are instances whose tags are to be taken off.
func (l *look) leaving() []string {
	var ids []string
	for _, detachment := range l.stored.GetDetachments() {
		if detachment.LeaveTime == nil {
			ids = append(ids, detachment.GetInstanceId())
		}
	}
	return ids
}

// takeOut takes the group's tags off instances. One that another group has by now
// left before, in a look that could not record it: its tag is not this group's to
// take.
func (l *look) takeOut(ctx context.Context, ids []string) {
	shown, err := l.read(ctx, ids)
	if err != nil {
		l.fail(err)
		return
	}
	isOthers := func(id string) bool { return l.ownedByOther(shown[id]) }
	gone := l.inBatches(ctx, slices.DeleteFunc(slices.Clone(ids), isOthers), l.detachBatch)
	for _, detachment := range l.stored.GetDetachments() {
		id := detachment.GetInstanceId()
		if detachment.LeaveTime == nil && (gone[id] || isOthers(id)) {
			detachment.LeaveTime = timestamppb.New(l.now)
			l.reportRemoval(&groupv1.Removal{InstanceId: id, Reason: "detached, as asked for"})
		}
	}
}

// ownedByOther tells whether an instance is shown as a member of another group.
func (l *look) ownedByOther(instance *fleetv1.Instance) bool {
	owner := instance.GetTags()[TagGroup]
	return owner != "" && owner != l.key.GroupID
}

// takeIn makes instances members. One that is gone, or that another group has
// taken meanwhile, is left alone, and told of.
func (l *look) takeIn(ctx context.Context) {
	joining := l.stored.GetAttachments()
	for batch := range slices.Chunk(slices.Clone(joining), maxBatch) {
		ids := make([]string, len(batch))
		for i, attachment := range batch {
			ids[i] = attachment.GetInstanceId()
		}
		shown, err := l.read(ctx, ids)
		if err != nil {
			l.fail(err)
			return
		}
		members, err := l.tag(ctx, slices.DeleteFunc(ids, func(id string) bool { return shown[id] == nil || l.ownedByOther(shown[id]) }), tagOf(l.key.GroupID))
		if err != nil {
			l.fail(err)
			return
		}
		for _, attachment := range batch {
			id := attachment.GetInstanceId()
			member := slices.Contains(members, id)
			l.settleAttachment(attachment, member)
			if !member {
				l.reportAttachFailure(id, shown[id])
			}
		}
	}
}

// tagOf are the tags that make an instance a member of a group.
func tagOf(groupID string) map[string]string { return map[string]string{TagGroup: groupID} }

// reportAttachFailure tells that an instance did not become a member, or is none
// any more when it was about to be shown as one.
func (l *look) reportAttachFailure(id string, shown *fleetv1.Instance) {
	activity := l.told()
	if activity == nil {
		return
	}
	failure := &groupv1.AttachFailure{InstanceId: id, ErrorCode: codeGone, ErrorMessage: "The instance is gone."}
	if l.ownedByOther(shown) {
		failure.ErrorCode = codeOthers
		failure.ErrorMessage = fmt.Sprintf("Group %s attached the instance at the same time, and has it.", shown.GetTags()[TagGroup])
	}
	activity.AttachedInstanceIds = slices.DeleteFunc(activity.AttachedInstanceIds, func(other string) bool { return other == id })
	activity.AttachFailures = append(activity.AttachFailures, failure)
	l.touch(activity)
}

// settleAttachment forgets an attachment that came to its end. A member counts,
// as if it had been launched just now, until the fleet shows it.
func (l *look) settleAttachment(attachment *storagev1.Attachment, member bool) {
	l.stored.Attachments = slices.DeleteFunc(l.stored.Attachments, func(other *storagev1.Attachment) bool { return other == attachment })
	if !member {
		return
	}
	id := attachment.GetInstanceId()
	l.stored.Launches = append(l.stored.Launches, &storagev1.Launch{
		Amount: 1, ZoneId: attachment.GetZoneId(), InstanceType: attachment.GetInstanceType(), BillingMethod: attachment.GetBillingMethod(),
		WeightMilliunits:   ClassesOf(l.stored).Of(attachment.GetZoneId(), attachment.GetInstanceType()).Weight,
		PriceMicrosPerHour: attachment.GetPriceMicrosPerHour(), CreateTime: timestamppb.New(l.now), AnswerTime: timestamppb.New(l.now),
		InstanceIds: []string{id},
	})
	if activity := l.stored.GetOpenActivity(); activity != nil && !slices.Contains(activity.GetAttachedInstanceIds(), id) {
		activity.AttachedInstanceIds = append(activity.AttachedInstanceIds, id)
		l.touch(activity)
	}
}

// read reads instances by id.
func (l *look) read(ctx context.Context, ids []string) (map[string]*fleetv1.Instance, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	shown := map[string]*fleetv1.Instance{}
	for batch := range slices.Chunk(ids, maxBatch) {
		for request := (&fleetv1.ListInstancesRequest{InstanceIds: batch, PageSize: maxBatch}); ; {
			page, err := l.c.Fleet.ListInstances(ctx, request)
			if err != nil {
				return nil, fmt.Errorf("list instances by id: %w", err)
			}
			for _, instance := range page.GetInstances() {
				shown[instance.GetInstanceId()] = instance
			}
			if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
				break
			}
		}
	}
	return shown, nil
}

// tag puts tags on instances, leaving out those that are gone, and tells which
// have them.
func (l *look) tag(ctx context.Context, ids []string, tags map[string]string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := l.mayAct(ctx); err != nil {
		return nil, err
	}
	left := slices.Clone(ids)
	for len(left) > 0 {
		_, err := l.c.Fleet.UpdateInstanceTags(ctx, &fleetv1.UpdateInstanceTagsRequest{InstanceIds: left, SetTags: tags})
		if err == nil {
			return left, nil
		}
		missing := slices.Index(left, instanceOf(err, fleetv1.ErrorReason_ERROR_REASON_INSTANCE_NOT_FOUND))
		if missing < 0 {
			return nil, fmt.Errorf("tag instances: %w", err)
		}
		left = slices.Delete(left, missing, missing+1)
	}
	return nil, nil
}

// dropLeft takes instances that have left out of what the fleet shows, and
// forgets them once it no longer shows them, or can not be late any more.
func (l *look) dropLeft() {
	leaving := map[string]bool{}
	for _, detachment := range l.stored.GetDetachments() {
		leaving[detachment.GetInstanceId()] = true
	}
	if len(leaving) == 0 {
		return
	}
	l.crossOff(leaving) // or else a launch waits for them to be shown, and takes them back when they are not
	shown := map[string]bool{}
	l.instances = slices.DeleteFunc(l.instances, func(i *fleetv1.Instance) bool {
		shown[i.GetInstanceId()] = true
		return leaving[i.GetInstanceId()]
	})
	isLate := func(at *timestamppb.Timestamp) bool { return !l.now.Before(at.AsTime().Add(l.c.LaunchGrace)) }
	l.stored.Detachments = slices.DeleteFunc(l.stored.Detachments, func(d *storagev1.Detachment) bool {
		switch {
		case d.LeaveTime != nil:
			return !shown[d.GetInstanceId()] || isLate(d.GetLeaveTime())
		default: // it is gone, unless the fleet is late to show it
			return !shown[d.GetInstanceId()] && isLate(d.GetCreateTime())
		}
	})
}

// unsettled tells whether calls have asked for something that is not done.
func (l *look) unsettled() bool {
	return len(l.stored.GetAttachments()) > 0 || len(l.stored.GetDetachments()) > 0
}

// forgetGone drops what is remembered of instances that are members no more.
func (l *look) forgetGone() {
	present := map[string]bool{}
	for _, instance := range l.instances {
		present[instance.GetInstanceId()] = true
	}
	for _, launch := range l.stored.GetLaunches() {
		for _, id := range launch.GetInstanceIds() {
			present[id] = true
		}
	}
	for _, attachment := range l.stored.GetAttachments() {
		present[attachment.GetInstanceId()] = true
	}
	l.stored.ProtectedInstanceIds = slices.DeleteFunc(l.stored.ProtectedInstanceIds, func(id string) bool { return !present[id] })
}

// isProtected tells whether an instance is not to be given up.
func (l *look) isProtected(id string) bool {
	_, found := slices.BinarySearch(l.stored.GetProtectedInstanceIds(), id)
	return found
}

// forgetFutureByHand brings the times of detachments that have not come yet back to now.
func (l *look) forgetFutureByHand() {
	for _, detachment := range l.stored.GetDetachments() {
		detachment.CreateTime = l.notAfterNow(detachment.GetCreateTime())
		detachment.LeaveTime = l.notAfterNow(detachment.LeaveTime)
	}
}
