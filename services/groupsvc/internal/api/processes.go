package api

import (
	"context"
	"slices"

	"google.golang.org/grpc/codes"

	"github.com/seed-198b1370/muster/pkg/rpc"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// SuspendProcesses implements GroupService.
func (h *Handler) SuspendProcesses(ctx context.Context, req *groupv1.SuspendProcessesRequest) (*groupv1.SuspendProcessesResponse, error) {
	record, err := h.setProcesses(ctx, req.GetGroupId(), func(suspended []groupv1.Process) []groupv1.Process {
		return append(suspended, req.GetProcesses()...)
	})
	if err != nil {
		return nil, err
	}
	return &groupv1.SuspendProcessesResponse{Group: show(record)}, nil
}

// ResumeProcesses implements GroupService.
func (h *Handler) ResumeProcesses(ctx context.Context, req *groupv1.ResumeProcessesRequest) (*groupv1.ResumeProcessesResponse, error) {
	record, err := h.setProcesses(ctx, req.GetGroupId(), func(suspended []groupv1.Process) []groupv1.Process {
		return slices.DeleteFunc(suspended, func(p groupv1.Process) bool { return slices.Contains(req.GetProcesses(), p) })
	})
	if err != nil {
		return nil, err
	}
	return &groupv1.ResumeProcessesResponse{Group: show(record)}, nil
}

// setProcesses changes what is suspended of a living group.
func (h *Handler) setProcesses(ctx context.Context, groupID string, change func([]groupv1.Process) []groupv1.Process) (store.Record, error) {
	return h.rewrite(ctx, groupID, nil, func(stored *storagev1.StoredGroup) (bool, error) {
		if err := checkLiving(stored); err != nil {
			return false, err
		}
		group := stored.GetGroup()
		next := change(slices.Clone(group.GetSuspendedProcesses()))
		slices.Sort(next)
		next = slices.Compact(next)
		if slices.Equal(next, group.GetSuspendedProcesses()) {
			return false, nil
		}
		group.SuspendedProcesses = next
		return true, nil
	})
}

// checkLiving refuses a change to a group that is being deleted.
func checkLiving(stored *storagev1.StoredGroup) error {
	switch lifecycle := stored.GetGroup().GetLifecycle(); lifecycle {
	case groupv1.Lifecycle_LIFECYCLE_DELETE_RUNNING, groupv1.Lifecycle_LIFECYCLE_DELETED:
		return rpc.Error(codes.FailedPrecondition, groupv1.ErrorReason_ERROR_REASON_GROUP_IS_BEING_DELETED,
			map[string]string{"lifecycle": lifecycle.String()}, "a group that is being deleted can not be changed")
	default:
		return nil
	}
}
