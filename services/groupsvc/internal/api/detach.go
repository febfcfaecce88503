package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/control"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

// DetachInstances implements GroupService. What leaves, and the target without
// it, are stored in one write, and count from then on; the group's next look
// takes the tags off.
func (h *Handler) DetachInstances(ctx context.Context, req *groupv1.DetachInstancesRequest) (*groupv1.DetachInstancesResponse, error) {
	now := h.Clock.Now()
	if resp, err := h.detached(ctx, req, now); err != nil || resp != nil {
		return resp, err
	}
	shown, err := h.instances(ctx, req.GetInstanceIds())
	if err != nil {
		return nil, err
	}
	token, err := tokenOf(ctx, methodDetach, req, req.GetGroupId(), now)
	if err != nil {
		return nil, err
	}
	write := h.rewrite
	if req.GetDecrementTarget() {
		write = h.change
	}
	resp := &groupv1.DetachInstancesResponse{}
	record, err := write(ctx, req.GetGroupId(), token, func(stored *storagev1.StoredGroup) (bool, error) {
		if err := checkLiving(stored); err != nil {
			return false, err
		}
		resp = detach(stored, shown, req, now)
		return len(resp.GetMissingInstanceIds()) < len(req.GetInstanceIds()), keepAnswer(token, resp)
	})
	if errors.Is(err, store.ErrTokenUsed) {
		// The same request came twice at a time, and the other one was first.
		return h.detached(ctx, req, now)
	}
	if err != nil {
		return nil, err
	}
	resp.Group = show(record)
	return resp, nil
}

// detached answers a request again that was answered before; nil when it was
// not.
func (h *Handler) detached(ctx context.Context, req *groupv1.DetachInstancesRequest, now time.Time) (*groupv1.DetachInstancesResponse, error) {
	token, err := h.recall(ctx, methodDetach, req, now)
	if err != nil || token == nil {
		return nil, err
	}
	resp := &groupv1.DetachInstancesResponse{}
	if err := proto.Unmarshal(token.GetAnswer(), resp); err != nil {
		return nil, fmt.Errorf("read an answer: %w", err)
	}
	record, err := h.read(ctx, token.GetGroupId())
	if err != nil {
		return nil, err
	}
	resp.Group = show(record)
	return resp, nil
}

// keepAnswer makes a token remember what was answered besides the group.
func keepAnswer(token *store.Token, answer proto.Message) error {
	if token == nil {
		return nil
	}
	raw, err := proto.Marshal(answer)
	if err != nil {
		return fmt.Errorf("keep an answer: %w", err)
	}
	token.Value.Answer = raw
	return nil
}

// detach notes the members that leave a group, and tells which are none.
func detach(stored *storagev1.StoredGroup, shown map[string]*fleetv1.Instance, req *groupv1.DetachInstancesRequest, now time.Time) *groupv1.DetachInstancesResponse {
	resp := &groupv1.DetachInstancesResponse{}
	var left plan.Amounts
	for _, id := range req.GetInstanceIds() {
		if !isMember(stored, shown[id], id) {
			resp.MissingInstanceIds = append(resp.MissingInstanceIds, id)
			continue
		}
		left = left.Plus(contribution(stored, shown[id], id))
		leave(stored, id, now)
	}
	group := stored.GetGroup()
	if req.GetDecrementTarget() && len(resp.GetMissingInstanceIds()) < len(req.GetInstanceIds()) {
		group.Spec.TargetCapacity = plan.Decrement(group.GetSpec().GetTargetCapacity(), left)
		group.Lifecycle = plan.Next(group.GetLifecycle(), plan.Changed)
		control.KeepMoves(stored)
		stored.TaskOrigin = control.OriginDetach
	}
	return resp
}

// contribution is what a member counts. Shown is nil when the fleet does not show
// it yet.
func contribution(stored *storagev1.StoredGroup, shown *fleetv1.Instance, id string) plan.Amounts {
	for _, launch := range stored.GetLaunches() {
		if slices.Contains(launch.GetInstanceIds(), id) {
			return plan.AmountOf(launch.GetBillingMethod(), launch.GetWeightMilliunits())
		}
	}
	if !plan.Counts(shown.GetStatus(), shown.GetInterruptionNoticeTime() != nil) {
		return plan.Amounts{}
	}
	return plan.AmountOf(shown.GetBillingMethod(), control.ClassesOf(stored).Of(shown.GetZoneId(), shown.GetInstanceType()).Weight)
}

// leave notes that a member leaves. It counts no more from then on.
func leave(stored *storagev1.StoredGroup, id string, now time.Time) {
	stored.Attachments = slices.DeleteFunc(stored.Attachments, func(a *storagev1.Attachment) bool { return a.GetInstanceId() == id })
	for _, launch := range stored.GetLaunches() {
		launch.InstanceIds = slices.DeleteFunc(launch.InstanceIds, func(other string) bool { return other == id })
	}
	stored.Launches = slices.DeleteFunc(stored.Launches, func(l *storagev1.Launch) bool { return l.AnswerTime != nil && len(l.GetInstanceIds()) == 0 })
	stored.ProtectedInstanceIds = protect(stored.GetProtectedInstanceIds(), []string{id}, false)
	stored.Detachments = append(stored.Detachments, &storagev1.Detachment{InstanceId: id, CreateTime: timestamppb.New(now)})
}
