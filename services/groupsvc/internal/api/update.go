package api

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	"github.com/seed-198b1370/muster/pkg/tracing"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/control"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

// originUpdate is the origin of what an update makes a group do.
const originUpdate = "update"

// maxAttempts bounds how often a change is made anew on a group that another
// wrote meanwhile.
const maxAttempts = 20

// UpdateGroup implements GroupService.
func (h *Handler) UpdateGroup(ctx context.Context, req *groupv1.UpdateGroupRequest) (*groupv1.UpdateGroupResponse, error) {
	now := h.Clock.Now()
	if groupID, err := h.seen(ctx, methodUpdate, req, now); err != nil || groupID != "" {
		if err != nil {
			return nil, err
		}
		record, err := h.read(ctx, groupID)
		if err != nil {
			return nil, err
		}
		return &groupv1.UpdateGroupResponse{Group: show(record)}, nil
	}
	token, err := tokenOf(ctx, methodUpdate, req, req.GetGroupId(), now)
	if err != nil {
		return nil, err
	}
	record, err := h.change(ctx, req.GetGroupId(), token, func(stored *storagev1.StoredGroup) (bool, error) {
		return true, h.update(ctx, stored, req)
	})
	if errors.Is(err, store.ErrTokenUsed) {
		// The same request came twice at a time, and the other one was first.
		if _, err = h.seen(ctx, methodUpdate, req, now); err == nil {
			record, err = h.read(ctx, req.GetGroupId())
		}
	}
	if err != nil {
		return nil, err
	}
	return &groupv1.UpdateGroupResponse{Group: show(record)}, nil
}

// update makes the change that a request asks for, or tells why not.
func (h *Handler) update(ctx context.Context, stored *storagev1.StoredGroup, req *groupv1.UpdateGroupRequest) error {
	if err := checkLiving(stored); err != nil {
		return err
	}
	if err := checkEtag(stored, req.GetEtag()); err != nil {
		return err
	}
	spec, err := h.changed(ctx, stored, req)
	if err != nil {
		return err
	}
	group, paths := stored.GetGroup(), req.GetUpdateMask().GetPaths()
	if slices.Contains(paths, "candidates") {
		if stored.Expansions, err = h.expanded(ctx, stored, spec); err != nil {
			return h.unavailable(ctx, "what the group holds can not be read now", err)
		}
	}
	group.Spec = spec
	forgetParts(stored, paths)
	if !endsMoves(paths) {
		control.KeepMoves(stored)
	}
	if makesTask(paths) {
		group.Lifecycle = plan.Next(group.GetLifecycle(), plan.Changed)
		group.Fulfillment = towards(group)
		stored.TaskOrigin = originUpdate
	} else {
		passOver(stored)
	}
	return nil
}

// changed is the spec as a request wants it, with defaults filled in, or tells
// all that is wrong with it.
func (h *Handler) changed(ctx context.Context, stored *storagev1.StoredGroup, req *groupv1.UpdateGroupRequest) (*groupv1.GroupSpec, error) {
	var violations rpc.Violations
	checkMask(&violations, req)
	paths := req.GetUpdateMask().GetPaths()
	spec := merged(stored.GetGroup().GetSpec(), req.GetSpec(), paths)
	if slices.Contains(paths, "candidates") {
		fillCandidates(spec, control.ConfigurationOf(stored))
		checkImages(&violations, spec)
		if err := h.choiceViolations(ctx, spec, nil, &violations); err != nil {
			return nil, h.unavailable(ctx, "what the cloud sells can not be read now", err)
		}
	}
	if err := h.Rules.AddTo(&violations, "spec", spec); err != nil {
		return nil, err
	}
	if err := violations.Err(); err != nil {
		return nil, err
	}
	spec = withDefaults(spec)
	return spec, h.weigh(ctx, spec, nil)
}

// passOver makes the change of a spec that is about to be stored one that no
// scheduling task is made for: what was under way goes on, and what was done
// counts for the new generation, too.
func passOver(stored *storagev1.StoredGroup) {
	generation := stored.GetGroup().GetGeneration()
	if stored.GetAttemptedGeneration() == generation {
		stored.AttemptedGeneration++
	}
}

// towards tells which way a group has to go to its new target, until a look
// knows more.
func towards(group *groupv1.Group) groupv1.Fulfillment {
	target, capacity := group.GetSpec().GetTargetCapacity(), group.GetCapacity()
	switch {
	case capacity.GetFulfilled() < float64(target.GetTotal()), capacity.GetFulfilledSpot() < float64(target.GetSpot()),
		capacity.GetFulfilledPayAsYouGo() < float64(target.GetPayAsYouGo()):
		return plan.Underway.Fulfillment()
	case capacity.GetFulfilled() > float64(target.GetTotal()):
		return plan.Over.Fulfillment()
	default:
		return group.GetFulfillment()
	}
}

// DeleteGroup implements GroupService.
func (h *Handler) DeleteGroup(ctx context.Context, req *groupv1.DeleteGroupRequest) (*groupv1.DeleteGroupResponse, error) {
	record, err := h.change(ctx, req.GetGroupId(), nil, func(stored *storagev1.StoredGroup) (bool, error) {
		group := stored.GetGroup()
		switch group.GetLifecycle() {
		case groupv1.Lifecycle_LIFECYCLE_DELETE_RUNNING, groupv1.Lifecycle_LIFECYCLE_DELETED:
			return false, nil // as it was asked for first
		default:
		}
		if err := checkEtag(stored, req.GetEtag()); err != nil {
			return false, err
		}
		stored.TerminateInstances = group.GetSpec().GetTerminateInstances()
		if req.TerminateInstances != nil {
			stored.TerminateInstances = req.GetTerminateInstances()
		}
		group.Lifecycle = plan.Next(group.GetLifecycle(), plan.DeleteAsked)
		group.Fulfillment = plan.Ending.Fulfillment()
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	return &groupv1.DeleteGroupResponse{Group: show(record)}, nil
}

// change changes what is wanted of a group, which makes it a new generation, and
// makes it due.
func (h *Handler) change(ctx context.Context, groupID string, token *store.Token, change func(*storagev1.StoredGroup) (bool, error)) (store.Record, error) {
	return h.rewrite(ctx, groupID, token, func(stored *storagev1.StoredGroup) (bool, error) {
		changed, err := change(stored)
		if err != nil || !changed {
			return false, err
		}
		group := stored.GetGroup()
		group.Generation++
		stored.TraceParent = tracing.ParentOf(ctx)
		if group.GetLifecycle() != groupv1.Lifecycle_LIFECYCLE_DELETE_RUNNING {
			group.UpdateTime = timestamppb.New(h.Clock.Now())
		}
		return true, nil
	})
}

// rewrite changes a group and makes it due. When another wrote it meanwhile, the
// change is made again on what is there then.
func (h *Handler) rewrite(ctx context.Context, groupID string, token *store.Token, change func(*storagev1.StoredGroup) (bool, error)) (store.Record, error) {
	for range maxAttempts {
		record, err := h.read(ctx, groupID)
		if err != nil {
			return store.Record{}, err
		}
		changed, err := change(record.Group)
		if err != nil || !changed {
			return record, err
		}
		now := h.Clock.Now()
		err = h.Store.Save(ctx, store.Change{Account: rpc.AccountOf(ctx), Group: record.Group, Token: token, Now: now, Wake: now})
		switch {
		case err == nil:
			h.Control.Nudge()
			return h.read(ctx, groupID)
		case errors.Is(err, store.ErrTokenUsed):
			return store.Record{}, err
		case !errors.Is(err, store.ErrConflict):
			return store.Record{}, fmt.Errorf("change group: %w", err)
		}
	}
	return store.Record{}, status.Error(codes.Aborted, "the group is being changed by others all the time; try again")
}
