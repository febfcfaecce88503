package api

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/grpc/codes"

	"github.com/seed-198b1370/muster/pkg/rpc"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
)

// SetInstanceProtection implements GroupService.
func (h *Handler) SetInstanceProtection(ctx context.Context, req *groupv1.SetInstanceProtectionRequest) (*groupv1.SetInstanceProtectionResponse, error) {
	shown, err := h.instances(ctx, req.GetInstanceIds())
	if err != nil {
		return nil, err
	}
	record, err := h.rewrite(ctx, req.GetGroupId(), nil, func(stored *storagev1.StoredGroup) (bool, error) {
		if err := checkLiving(stored); err != nil {
			return false, err
		}
		for _, id := range req.GetInstanceIds() {
			if !isMember(stored, shown[id], id) {
				return false, noSuchMember(stored, id)
			}
		}
		next := protect(stored.GetProtectedInstanceIds(), req.GetInstanceIds(), req.GetProtected())
		if slices.Equal(next, stored.GetProtectedInstanceIds()) {
			return false, nil
		}
		stored.ProtectedInstanceIds = next
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	return &groupv1.SetInstanceProtectionResponse{Group: show(record)}, nil
}

// isProtected tells whether an id is among those that are protected, which are
// in order.
func isProtected(protected []string, id string) bool {
	_, found := slices.BinarySearch(protected, id)
	return found
}

// protect adds ids to those that are protected, or takes them out.
func protect(known, ids []string, protected bool) []string {
	next := slices.DeleteFunc(slices.Clone(known), func(id string) bool { return slices.Contains(ids, id) })
	if protected {
		next = append(next, ids...)
	}
	slices.Sort(next)
	return next
}

func noSuchMember(stored *storagev1.StoredGroup, id string) error {
	return rpc.Error(codes.NotFound, groupv1.ErrorReason_ERROR_REASON_INSTANCE_NOT_FOUND, map[string]string{"instance_id": id},
		fmt.Sprintf("instance %s is no member of group %s", rpc.Quote(id), stored.GetGroup().GetGroupId()))
}
