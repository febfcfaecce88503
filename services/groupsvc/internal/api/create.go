package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	"github.com/seed-198b1370/muster/pkg/tracing"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/control"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// CreateGroup implements GroupService.
func (h *Handler) CreateGroup(ctx context.Context, req *groupv1.CreateGroupRequest) (*groupv1.CreateGroupResponse, error) {
	now := h.Clock.Now()
	if groupID, err := h.seen(ctx, methodCreate, req, now); err != nil || groupID != "" {
		if err != nil {
			return nil, err
		}
		return h.created(ctx, groupID, req.GetRequestId())
	}
	if err := h.checkCaller(ctx); err != nil {
		return nil, err
	}
	spec, configuration, err := h.completed(ctx, req.GetSpec(), nil)
	if err != nil {
		return nil, err
	}
	group, err := h.newGroup(rpc.AccountOf(ctx), spec, now)
	if err != nil {
		return nil, err
	}
	group.LaunchConfiguration, group.TraceParent = configuration, tracing.ParentOf(ctx)
	token, err := tokenOf(ctx, methodCreate, req, group.GetGroup().GetGroupId(), now)
	if err != nil {
		return nil, err
	}
	groupID, err := h.storeOrFind(ctx, req, group, token, now)
	if err != nil {
		return nil, err
	}
	return h.created(ctx, groupID, req.GetRequestId())
}

// storeOrFind stores a new group and tells its id, or that of the group that the
// same request has made meanwhile.
func (h *Handler) storeOrFind(ctx context.Context, req *groupv1.CreateGroupRequest, group *storagev1.StoredGroup, token *store.Token, now time.Time) (string, error) {
	groupID := group.GetGroup().GetGroupId()
	err := h.store(ctx, group, token, now)
	if missed := new(control.MinimumError); errors.As(err, &missed) {
		return "", minimumNotReached(group.GetGroup().GetSpec(), missed.Available, "")
	}
	switch {
	case missedMinimum(group): // it is being taken back, which trouble may only delay
		return groupID, nil
	case errors.Is(err, store.ErrTokenUsed):
		// The same request came twice at a time, and the other one was first.
		return h.seen(ctx, methodCreate, req, now)
	case errors.Is(err, control.ErrUnreachable) && group.GetVersion() > 0:
		return "", h.storedOnly(ctx, groupID, req.GetRequestId(), err)
	case errors.Is(err, control.ErrUnreachable):
		return "", h.unavailable(ctx, "the group can not be delivered now and was not stored", err)
	case err != nil && !errors.Is(err, store.ErrConflict): // somebody changes it already
		return "", fmt.Errorf("create group: %w", err)
	}
	return groupID, nil
}

// store stores a new group; an instant one is delivered on the way.
func (h *Handler) store(ctx context.Context, group *storagev1.StoredGroup, token *store.Token, now time.Time) error {
	if group.GetGroup().GetSpec().GetType() == groupv1.GroupType_GROUP_TYPE_INSTANT {
		return h.Control.Deliver(ctx, rpc.AccountOf(ctx), group, token)
	}
	err := h.Store.Save(ctx, store.Change{Account: rpc.AccountOf(ctx), Group: group, Token: token, Now: now, Wake: now})
	h.Control.Nudge()
	return err
}

func (h *Handler) newGroup(account string, spec *groupv1.GroupSpec, now time.Time) (*storagev1.StoredGroup, error) {
	id, err := h.IDs.Group(now)
	if err != nil {
		return nil, err
	}
	created := timestamppb.New(now)
	return &storagev1.StoredGroup{Group: &groupv1.Group{
		GroupId: id, AccountId: account, Spec: spec,
		Lifecycle:   groupv1.Lifecycle_LIFECYCLE_SUBMITTED,
		Fulfillment: groupv1.Fulfillment_FULFILLMENT_PENDING_FULFILLMENT,
		Capacity:    &groupv1.Capacity{}, Cost: &groupv1.Cost{},
		Conditions: []*groupv1.Condition{{
			Type: groupv1.ConditionType_CONDITION_TYPE_FULFILLED, Reason: "Submitted",
			Message: "nothing has been done for the group yet", LastTransitionTime: created,
		}},
		Generation: 1, CreateTime: created, UpdateTime: created,
	}}, nil
}

// created answers for a group that is stored: an instant one when its attempt
// is over, whoever made it.
func (h *Handler) created(ctx context.Context, groupID, requestID string) (*groupv1.CreateGroupResponse, error) {
	record, err := h.Control.Await(ctx, keyOf(ctx, groupID), 1)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, notFound(groupID)
	case err != nil:
		return nil, h.storedOnly(ctx, groupID, requestID, err)
	}
	if missedMinimum(record.Group) {
		return nil, minimumNotReached(record.Group.GetGroup().GetSpec(), record.Group.GetMinimumAvailableMilliunits(), groupID)
	}
	resp := &groupv1.CreateGroupResponse{Group: show(record)}
	if resp.GetGroup().GetSpec().GetType() == groupv1.GroupType_GROUP_TYPE_INSTANT {
		resp.LaunchResults, err = h.firstResults(ctx, record.Group)
	}
	return resp, err
}

// firstResults are the launch results of a group's first activity.
func (h *Handler) firstResults(ctx context.Context, group *storagev1.StoredGroup) ([]*groupv1.LaunchResult, error) {
	id := group.GetFirstActivityId()
	if id == "" {
		return nil, nil
	}
	if open := group.GetOpenActivity(); open.GetActivityId() == id {
		return open.GetLaunchResults(), nil
	}
	activity, err := h.Store.Activity(ctx, keyOf(ctx, group.GetGroup().GetGroupId()), id)
	if err != nil && !errors.Is(err, store.ErrNotFound) { // so old that it is no longer kept
		return nil, fmt.Errorf("read activity: %w", err)
	}
	return activity.GetLaunchResults(), nil
}
