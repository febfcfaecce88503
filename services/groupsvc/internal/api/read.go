package api

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seed-198b1370/muster/pkg/money"
	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/control"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/placement"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

// GetGroup implements GroupService.
func (h *Handler) GetGroup(ctx context.Context, req *groupv1.GetGroupRequest) (*groupv1.GetGroupResponse, error) {
	record, err := h.read(ctx, req.GetGroupId())
	if err != nil {
		return nil, err
	}
	return &groupv1.GetGroupResponse{
		Group:                show(record),
		RefusedPools:         h.Control.Refused(ctx, keyOf(ctx, req.GetGroupId()), record.Group),
		Rebalancing:          control.RebalancingOf(record.Group),
		ProtectedInstanceIds: record.Group.GetProtectedInstanceIds(),
	}, nil
}

// ListActivities implements GroupService.
func (h *Handler) ListActivities(ctx context.Context, req *groupv1.ListActivitiesRequest) (*groupv1.ListActivitiesResponse, error) {
	list := "activities/" + req.GetGroupId()
	before, ok := rpc.DecodePageToken(list, req.GetPageToken())
	if !ok {
		return nil, invalidToken(req.GetPageToken())
	}
	record, err := h.read(ctx, req.GetGroupId())
	if err != nil {
		return nil, err
	}
	size := rpc.PageSize(req.GetPageSize())
	read := size + 1
	if req.GetStartedFrom() != nil || req.GetStartedBefore() != nil {
		read = store.KeptActivities // which of them it is about shows when they are read
	}
	activities, err := h.Store.Activities(ctx, keyOf(ctx, req.GetGroupId()), before, read)
	if err != nil {
		return nil, fmt.Errorf("list activities: %w", err)
	}
	activities = slices.DeleteFunc(withOpen(record.Group, activities, before), func(a *groupv1.Activity) bool { return !isWithin(req, a) })
	resp := &groupv1.ListActivitiesResponse{Activities: activities[:min(size, len(activities))]}
	if len(activities) > size {
		resp.NextPageToken = rpc.EncodePageToken(list, activities[size-1].GetActivityId())
	}
	return resp, nil
}

// isWithin tells whether an activity started when a request asks for.
func isWithin(req *groupv1.ListActivitiesRequest, activity *groupv1.Activity) bool {
	at := activity.GetStartTime().AsTime()
	return (req.GetStartedFrom() == nil || !at.Before(req.GetStartedFrom().AsTime())) &&
		(req.GetStartedBefore() == nil || at.Before(req.GetStartedBefore().AsTime()))
}

// ListGroupInstances implements GroupService.
func (h *Handler) ListGroupInstances(ctx context.Context, req *groupv1.ListGroupInstancesRequest) (*groupv1.ListGroupInstancesResponse, error) {
	list := "group-instances/" + req.GetGroupId()
	token, ok := rpc.DecodePageToken(list, req.GetPageToken())
	if !ok {
		return nil, invalidToken(req.GetPageToken())
	}
	record, err := h.read(ctx, req.GetGroupId())
	if err != nil {
		return nil, err
	}
	page, err := h.Fleet.ListInstances(asCaller(ctx), &fleetv1.ListInstancesRequest{
		Tags: map[string]string{control.TagGroup: req.GetGroupId()}, PageSize: req.GetPageSize(), PageToken: token,
	})
	if rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_INVALID_TOKEN) {
		return nil, invalidToken(req.GetPageToken())
	}
	if err != nil {
		return nil, h.unavailable(ctx, "instances can not be read now", err)
	}
	resp := &groupv1.ListGroupInstancesResponse{}
	classes := control.ClassesOf(record.Group)
	protected := record.Group.GetProtectedInstanceIds()
	for _, instance := range page.GetInstances() {
		resp.Instances = append(resp.Instances, &groupv1.GroupInstance{
			Instance:         instance,
			WeightedCapacity: money.UnitsOf(classes.Of(instance.GetZoneId(), instance.GetInstanceType()).Weight),
			Counts:           plan.Counts(instance.GetStatus(), instance.GetInterruptionNoticeTime() != nil),
			Protected:        isProtected(protected, instance.GetInstanceId()),
		})
	}
	if page.GetNextPageToken() != "" {
		resp.NextPageToken = rpc.EncodePageToken(list, page.GetNextPageToken())
	}
	return resp, nil
}

// PreviewGroup implements GroupService. It promises nothing to anybody: the
// request has no promise key.
func (h *Handler) PreviewGroup(ctx context.Context, req *groupv1.PreviewGroupRequest) (*groupv1.PreviewGroupResponse, error) {
	if err := h.checkCaller(ctx); err != nil {
		return nil, err
	}
	spec, _, err := h.completed(ctx, req.GetSpec(), req.GetWhatIf())
	if err != nil {
		return nil, err
	}
	resp := &groupv1.PreviewGroupResponse{Spec: spec}
	need := plan.Make(plan.DesiredOf(&groupv1.Group{Spec: spec}, true), plan.Observed{}).Need
	request := placement.Request(spec, need, plan.Observed{}, nil)
	if request == nil {
		return resp, nil // nothing is wanted, so there is nothing to place
	}
	request.WhatIf, request.Explanation, request.Summarize = req.GetWhatIf(), req.GetExplanation(), true
	answer, err := h.Allocator.Place(asCaller(ctx), request)
	if err != nil {
		return nil, h.notPreviewed(ctx, err)
	}
	resp.Placements, resp.Totals, resp.ViewTime = answer.GetPlacements(), answer.GetTotals(), answer.GetViewTime()
	resp.Matches, resp.Summary = answer.GetMatches(), answer.GetSummary()
	return resp, nil
}

// notPreviewed is the answer when the allocator does not place: what it says of
// fields that are the caller's, and of requests that are too large, is for the
// caller; anything else means that it can not be asked now.
func (h *Handler) notPreviewed(ctx context.Context, cause error) error {
	var violations rpc.Violations
	for _, violation := range rpc.FieldViolations(cause) {
		if field := violation.GetField(); strings.HasPrefix(field, "candidates[") {
			violations.Pass("spec."+field, violation.GetDescription())
		} else if strings.HasPrefix(field, "what_if") {
			violations.Pass(field, violation.GetDescription())
		}
	}
	if err := violations.Err(); err != nil {
		return err
	}
	return h.notDecided(ctx, cause)
}

// notDecided is the answer when the allocator does not decide: what it says of
// requests that are too large is for the caller; anything else means that it can
// not be asked now.
func (h *Handler) notDecided(ctx context.Context, cause error) error {
	for _, reason := range []allocatorv1.ErrorReason{
		allocatorv1.ErrorReason_ERROR_REASON_ANSWER_TOO_LARGE, allocatorv1.ErrorReason_ERROR_REASON_SEARCH_TOO_LARGE,
	} {
		if rpc.HasReason(cause, reason) {
			return rpc.Error(codes.ResourceExhausted, reason, nil, status.Convert(cause).Message())
		}
	}
	return h.unavailable(ctx, "a placement can not be made now", cause)
}

func invalidToken(token string) error {
	var violations rpc.Violations
	violations.Add("page_token", token, "must be a next_page_token of the same list")
	return violations.ErrWithReason(groupv1.ErrorReason_ERROR_REASON_INVALID_TOKEN, nil)
}
