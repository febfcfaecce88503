package api

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/grpc/codes"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/control"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

// maxTags is how many tags an instance can have.
const maxTags = 20

// AttachInstances implements GroupService. It only stores what is to be done; the
// group's next look does it.
func (h *Handler) AttachInstances(ctx context.Context, req *groupv1.AttachInstancesRequest) (*groupv1.AttachInstancesResponse, error) {
	shown, err := h.instances(ctx, req.GetInstanceIds())
	if err != nil {
		return nil, err
	}
	record, err := h.rewrite(ctx, req.GetGroupId(), nil, func(stored *storagev1.StoredGroup) (bool, error) {
		if err := checkLiving(stored); err != nil {
			return false, err
		}
		joining, err := joiningOf(stored, shown, req.GetInstanceIds())
		if err != nil || len(joining) == 0 {
			return false, err
		}
		if err := h.checkRoom(ctx, stored, joining); err != nil {
			return false, err
		}
		attach(stored, joining)
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	return &groupv1.AttachInstancesResponse{Group: show(record)}, nil
}

// joiningOf are those of instances that are no members yet. It refuses all when
// one of them can not be.
func joiningOf(stored *storagev1.StoredGroup, shown map[string]*fleetv1.Instance, ids []string) ([]*fleetv1.Instance, error) {
	var joining []*fleetv1.Instance
	for _, id := range ids {
		instance := shown[id]
		if isMember(stored, instance, id) {
			continue
		}
		if err := checkJoining(stored, instance, id); err != nil {
			return nil, err
		}
		joining = append(joining, instance)
	}
	return joining, nil
}

// checkJoining tells why an instance can not be made a member.
func checkJoining(stored *storagev1.StoredGroup, instance *fleetv1.Instance, id string) error {
	about := map[string]string{"instance_id": id}
	owner := instance.GetTags()[control.TagGroup]
	own := owner == stored.GetGroup().GetGroupId() // it is just leaving
	switch {
	case instance == nil:
		return rpc.Error(codes.NotFound, groupv1.ErrorReason_ERROR_REASON_INSTANCE_NOT_FOUND, about,
			fmt.Sprintf("there is no instance %s", rpc.Quote(id)))
	case owner != "" && !own:
		about["group_id"] = owner
		return rpc.Error(codes.FailedPrecondition, groupv1.ErrorReason_ERROR_REASON_INSTANCE_IN_OTHER_GROUP, about,
			fmt.Sprintf("instance %s is a member of group %s: detach it there first", id, owner))
	case !plan.Counts(instance.GetStatus(), instance.GetInterruptionNoticeTime() != nil):
		return rpc.Error(codes.FailedPrecondition, groupv1.ErrorReason_ERROR_REASON_INSTANCE_NOT_USABLE, about,
			fmt.Sprintf("instance %s is %s: it must be pending, starting or running, without an interruption notice", id, statusOf(instance)))
	case !own && len(instance.GetTags()) >= maxTags:
		return rpc.Error(codes.FailedPrecondition, groupv1.ErrorReason_ERROR_REASON_INSTANCE_NOT_USABLE, about,
			fmt.Sprintf("instance %s has %d tags, and one more marks it as a member: take one off first", id, len(instance.GetTags())))
	default:
		return nil
	}
}

func statusOf(instance *fleetv1.Instance) string {
	if instance.GetInterruptionNoticeTime() != nil {
		return "about to be interrupted"
	}
	return instance.GetStatus().String()
}

// checkRoom refuses members beyond the limits of a group. What it finds holds for
// the group as it was read: a write since then makes the call try again.
func (h *Handler) checkRoom(ctx context.Context, stored *storagev1.StoredGroup, joining []*fleetv1.Instance) error {
	held, err := h.Control.Observe(ctx, keyOf(ctx, stored.GetGroup().GetGroupId()), stored)
	if err != nil {
		return h.unavailable(ctx, "instances can not be read now", err)
	}
	known := control.ClassesOf(stored)
	classes := make([]plan.Class, len(joining))
	for i, instance := range joining {
		classes[i] = known.Of(instance.GetZoneId(), instance.GetInstanceType())
	}
	if plan.HasRoom(held, classes) {
		return nil
	}
	return rpc.Error(codes.ResourceExhausted, groupv1.ErrorReason_ERROR_REASON_GROUP_IS_FULL,
		map[string]string{"group_id": stored.GetGroup().GetGroupId()},
		fmt.Sprintf("with %d more the group would hold more than %d instances or %d units", len(joining), plan.MaxInstances, plan.MaxMilliunits/1000))
}

// attach notes instances that are to become members.
func attach(stored *storagev1.StoredGroup, joining []*fleetv1.Instance) {
	for _, instance := range joining {
		id := instance.GetInstanceId()
		stored.Detachments = slices.DeleteFunc(stored.Detachments, func(d *storagev1.Detachment) bool { return d.GetInstanceId() == id })
		stored.Attachments = append(stored.Attachments, &storagev1.Attachment{
			InstanceId: id, ZoneId: instance.GetZoneId(), InstanceType: instance.GetInstanceType(),
			BillingMethod: instance.GetBillingMethod(), PriceMicrosPerHour: instance.GetPriceMicrosPerHour(),
		})
	}
}
