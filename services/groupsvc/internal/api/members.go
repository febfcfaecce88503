package api

import (
	"context"
	"fmt"
	"slices"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/control"
)

// instances reads up to 100 instances by id. Those that are not there are left
// out.
func (h *Handler) instances(ctx context.Context, ids []string) (map[string]*fleetv1.Instance, error) {
	request := &fleetv1.ListInstancesRequest{InstanceIds: ids, PageSize: int32(len(ids))}
	found := map[string]*fleetv1.Instance{}
	for {
		page, err := h.Fleet.ListInstances(asCaller(ctx), request)
		if rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_ACCOUNT_NOT_FOUND) {
			return nil, noAccount(rpc.AccountOf(ctx))
		}
		if err != nil {
			return nil, h.unavailable(ctx, "instances can not be read now", err)
		}
		for _, instance := range page.GetInstances() {
			found[instance.GetInstanceId()] = instance
		}
		if page.GetNextPageToken() == "" {
			return found, nil
		}
		request.PageToken = page.GetNextPageToken()
	}
}

// members reads all instances that carry a group's tag.
func (h *Handler) members(ctx context.Context, groupID string) ([]*fleetv1.Instance, error) {
	request := &fleetv1.ListInstancesRequest{Tags: map[string]string{control.TagGroup: groupID}, PageSize: 250}
	var found []*fleetv1.Instance
	for {
		page, err := h.Fleet.ListInstances(asCaller(ctx), request)
		if err != nil {
			return nil, fmt.Errorf("list members: %w", err)
		}
		found = append(found, page.GetInstances()...)
		if page.GetNextPageToken() == "" {
			return found, nil
		}
		request.PageToken = page.GetNextPageToken()
	}
}

// isMember tells whether an instance is a member of a group: as the fleet shows
// it, or before the fleet does. Shown is nil when the fleet does not show it.
func isMember(stored *storagev1.StoredGroup, shown *fleetv1.Instance, id string) bool {
	leaves := slices.ContainsFunc(stored.GetDetachments(), func(d *storagev1.Detachment) bool { return d.GetInstanceId() == id })
	comes := slices.ContainsFunc(stored.GetAttachments(), func(a *storagev1.Attachment) bool { return a.GetInstanceId() == id })
	launched := slices.ContainsFunc(stored.GetLaunches(), func(l *storagev1.Launch) bool { return slices.Contains(l.GetInstanceIds(), id) })
	tagged := shown.GetTags()[control.TagGroup] == stored.GetGroup().GetGroupId()
	return comes || launched || tagged && !leaves
}
