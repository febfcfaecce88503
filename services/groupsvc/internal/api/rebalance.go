package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/control"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/placement"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// RebalanceGroup implements GroupService. The moves are stored; looks make them.
func (h *Handler) RebalanceGroup(ctx context.Context, req *groupv1.RebalanceGroupRequest) (*groupv1.RebalanceGroupResponse, error) {
	now := h.Clock.Now()
	if resp, err := h.rebalanced(ctx, req, now); err != nil || resp != nil {
		return resp, err
	}
	token, err := tokenOf(ctx, methodRebalance, req, req.GetGroupId(), now)
	if err != nil {
		return nil, err
	}
	resp := &groupv1.RebalanceGroupResponse{}
	record, err := h.rewrite(ctx, req.GetGroupId(), token, func(stored *storagev1.StoredGroup) (bool, error) {
		if err := checkRebalance(stored, req.GetDryRun()); err != nil {
			return false, err
		}
		moves, answer, err := h.movesOf(ctx, stored, req.GetMaxMovedInstances())
		if err != nil {
			return false, err
		}
		if resp = answer; req.GetDryRun() || len(moves) == 0 {
			return false, nil
		}
		if resp.ActivityId, err = h.begin(stored, moves, now); err != nil {
			return false, err
		}
		return true, keepAnswer(token, resp)
	})
	if errors.Is(err, store.ErrTokenUsed) {
		// The same request came twice at a time, and the other one was first.
		return h.rebalanced(ctx, req, now)
	}
	if err != nil {
		return nil, err
	}
	resp.Group = show(record)
	return resp, nil
}

// rebalanced answers a request again that was answered before; nil when it was
// not.
func (h *Handler) rebalanced(ctx context.Context, req *groupv1.RebalanceGroupRequest, now time.Time) (*groupv1.RebalanceGroupResponse, error) {
	token, err := h.recall(ctx, methodRebalance, req, now)
	if err != nil || token == nil {
		return nil, err
	}
	resp := &groupv1.RebalanceGroupResponse{}
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

// checkRebalance tells why a group can not be rebalanced now. What is only to be
// told can be, whatever is suspended or under way.
func checkRebalance(stored *storagev1.StoredGroup, dryRun bool) error {
	if err := checkLiving(stored); err != nil {
		return err
	}
	group := stored.GetGroup()
	if kind := group.GetSpec().GetType(); kind != groupv1.GroupType_GROUP_TYPE_MAINTAIN {
		return rpc.Error(codes.FailedPrecondition, groupv1.ErrorReason_ERROR_REASON_GROUP_NOT_MAINTAINED,
			map[string]string{"type": kind.String()}, "only a maintain group can be rebalanced")
	}
	if dryRun {
		return nil
	}
	for _, process := range group.GetSuspendedProcesses() {
		if process != groupv1.Process_PROCESS_REPLACE {
			return rpc.Error(codes.FailedPrecondition, groupv1.ErrorReason_ERROR_REASON_PROCESS_SUSPENDED,
				map[string]string{"process": process.String()}, fmt.Sprintf("%v is suspended, which rebalancing needs: resume it first", process))
		}
	}
	if under := stored.GetRebalance(); under != nil {
		id := under.GetActivity().GetActivityId()
		return rpc.Error(codes.FailedPrecondition, groupv1.ErrorReason_ERROR_REASON_REBALANCE_UNDER_WAY,
			map[string]string{"activity_id": id}, fmt.Sprintf("the group is being rebalanced already, by %s", id))
	}
	return nil
}

// movesOf asks what to move, and answers with that.
func (h *Handler) movesOf(ctx context.Context, stored *storagev1.StoredGroup, most int32) ([]*storagev1.Move, *groupv1.RebalanceGroupResponse, error) {
	request, err := h.Control.RebalanceRequest(ctx, keyOf(ctx, stored.GetGroup().GetGroupId()), stored, most)
	if err != nil {
		return nil, nil, h.unavailable(ctx, "instances can not be read now", err)
	}
	if request == nil {
		return nil, &groupv1.RebalanceGroupResponse{}, nil
	}
	answer, err := h.Allocator.Rebalance(asCaller(ctx), request)
	if err != nil {
		return nil, nil, h.notDecided(ctx, err)
	}
	moves, told := placement.MovesOf(stored.GetGroup().GetSpec(), answer)
	return moves, &groupv1.RebalanceGroupResponse{
		Moves: told, SavingMicrosPerHour: answer.GetCostBeforeMicrosPerHour() - answer.GetCostAfterMicrosPerHour(),
		ExpectedInterruptionsPerDayThousandthsBefore: answer.GetExpectedInterruptionsPerDayThousandthsBefore(),
		ExpectedInterruptionsPerDayThousandthsAfter:  answer.GetExpectedInterruptionsPerDayThousandthsAfter(),
	}, nil
}

// begin notes a rebalancing that is to be made, and tells its activity.
func (h *Handler) begin(stored *storagev1.StoredGroup, moves []*storagev1.Move, now time.Time) (string, error) {
	h.IDs.Follow(stored.GetLastActivityId())
	id, err := h.IDs.Activity(now)
	if err != nil {
		return "", err
	}
	stored.LastActivityId = id
	instances := int32(0)
	for _, move := range moves {
		instances += move.GetRemoveInstances()
	}
	stored.Rebalance = &storagev1.Rebalance{
		Generation: stored.GetGroup().GetGeneration(), Moves: moves,
		Activity: &groupv1.Activity{
			ActivityId: id, GroupId: stored.GetGroup().GetGroupId(), Status: groupv1.ActivityStatus_ACTIVITY_STATUS_IN_PROGRESS,
			Cause: fmt.Sprintf("asked for: %d instances to move", instances), StartTime: timestamppb.New(now), LastEventTime: timestamppb.New(now), Origin: control.OriginRebalance,
		},
	}
	return id, nil
}

// withOpen adds to a page of activities, latest first, those that are under way
// and precede an id, or any for "". One may have been stored since.
func withOpen(stored *storagev1.StoredGroup, page []*groupv1.Activity, before string) []*groupv1.Activity {
	for _, open := range []*groupv1.Activity{stored.GetOpenActivity(), stored.GetRebalance().GetActivity()} {
		id := open.GetActivityId()
		known := slices.ContainsFunc(page, func(a *groupv1.Activity) bool { return a.GetActivityId() == id })
		if open != nil && !known && (before == "" || id < before) {
			page = append(page, open)
		}
	}
	slices.SortStableFunc(page, func(a, b *groupv1.Activity) int { return cmp.Compare(b.GetActivityId(), a.GetActivityId()) })
	return page
}
