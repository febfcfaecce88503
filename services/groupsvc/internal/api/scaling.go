package api

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
	"github.com/seed-198b1370/muster/services/groupsvc/scale"
)

// maxScalingTasks is how many scaling tasks a group may have.
const maxScalingTasks = 20

const methodCreateTask = "CreateScalingTask"

// scaling implements muster.group.v1.ScalingService.
type scaling struct {
	groupv1.UnimplementedScalingServiceServer
	*Handler
}

// Scaling is the handler of scaling tasks.
func (h *Handler) Scaling() groupv1.ScalingServiceServer { return &scaling{Handler: h} }

// Check implements rpc.Checker.
func (s *scaling) Check(_ context.Context, request proto.Message, violations *rpc.Violations) {
	switch req := request.(type) {
	case *groupv1.CreateScalingTaskRequest:
		if req.GetSpec() != nil {
			checkTask(violations, req.GetSpec(), s.Clock.Now())
		}
	case *groupv1.UpdateScalingTaskRequest:
		checkTaskMask(violations, req)
	}
}

// CreateScalingTask implements ScalingService.
func (s *scaling) CreateScalingTask(ctx context.Context, req *groupv1.CreateScalingTaskRequest) (*groupv1.CreateScalingTaskResponse, error) {
	now := s.Clock.Now()
	if earlier, err := s.recall(ctx, methodCreateTask, req, now); err != nil || earlier != nil {
		return s.createdTask(ctx, earlier, err)
	}
	id, err := s.IDs.ScalingTask(now)
	if err != nil {
		return nil, err
	}
	token, err := tokenOf(ctx, methodCreateTask, req, req.GetGroupId(), now)
	if err != nil {
		return nil, err
	}
	if token != nil {
		token.Value.ScalingTaskId = id
	}
	record, err := s.rewrite(ctx, req.GetGroupId(), token, func(stored *storagev1.StoredGroup) (bool, error) {
		if err := checkLiving(stored); err != nil {
			return false, err
		}
		var violations rpc.Violations
		checkTask(&violations, req.GetSpec(), now)
		if err := violations.Err(); err != nil {
			return false, err
		}
		if len(stored.GetScalingTasks()) >= maxScalingTasks {
			return false, limitExceeded("scaling tasks of the group", maxScalingTasks)
		}
		state := &storagev1.ScalingTaskState{Task: &groupv1.ScalingTask{
			ScalingTaskId: id, Spec: scale.WithDefaults(req.GetSpec()), CreateTime: timestamppb.New(now),
		}}
		scale.Renew(state, now)
		stored.ScalingTasks = append(stored.ScalingTasks, state)
		return true, nil
	})
	if errors.Is(err, store.ErrTokenUsed) {
		// The same request came twice at a time, and the other one was first.
		return s.createdTask(s.again(ctx, req))
	}
	if err != nil {
		return nil, err
	}
	task, err := taskOf(record.Group, id)
	if err != nil {
		return nil, err
	}
	return &groupv1.CreateScalingTaskResponse{ScalingTask: showTask(record.Group, task)}, nil
}

// again recalls a token that another call has just used.
func (s *scaling) again(ctx context.Context, req *groupv1.CreateScalingTaskRequest) (context.Context, *storagev1.StoredToken, error) {
	token, err := s.recall(ctx, methodCreateTask, req, s.Clock.Now())
	return ctx, token, err
}

// createdTask answers a repeated call by what its token remembers.
func (s *scaling) createdTask(ctx context.Context, token *storagev1.StoredToken, err error) (*groupv1.CreateScalingTaskResponse, error) {
	if err != nil {
		return nil, err
	}
	got, err := s.GetScalingTask(ctx, &groupv1.GetScalingTaskRequest{GroupId: token.GetGroupId(), ScalingTaskId: token.GetScalingTaskId()})
	if err != nil {
		return nil, err
	}
	return &groupv1.CreateScalingTaskResponse{ScalingTask: got.GetScalingTask()}, nil
}

// UpdateScalingTask implements ScalingService.
func (s *scaling) UpdateScalingTask(ctx context.Context, req *groupv1.UpdateScalingTaskRequest) (*groupv1.UpdateScalingTaskResponse, error) {
	now := s.Clock.Now()
	var changed *storagev1.ScalingTaskState
	record, err := s.rewrite(ctx, req.GetGroupId(), nil, func(stored *storagev1.StoredGroup) (bool, error) {
		if err := checkLiving(stored); err != nil {
			return false, err
		}
		state, err := taskOf(stored, req.GetScalingTaskId())
		if err != nil {
			return false, err
		}
		changed = state
		spec, err := updatedTask(state.GetTask().GetSpec(), req, now)
		if err != nil || proto.Equal(spec, state.GetTask().GetSpec()) {
			return false, err
		}
		state.Task.Spec = spec
		if slices.ContainsFunc(req.GetUpdateMask().GetPaths(), renews) {
			scale.Renew(state, now)
		}
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	// What the group's next look has made of it meanwhile is told, unless another
	// has deleted it.
	if state, err := taskOf(record.Group, req.GetScalingTaskId()); err == nil {
		changed = state
	}
	return &groupv1.UpdateScalingTaskResponse{ScalingTask: showTask(record.Group, changed)}, nil
}

// GetScalingTask implements ScalingService.
func (s *scaling) GetScalingTask(ctx context.Context, req *groupv1.GetScalingTaskRequest) (*groupv1.GetScalingTaskResponse, error) {
	record, err := s.read(ctx, req.GetGroupId())
	if err != nil {
		return nil, err
	}
	task, err := taskOf(record.Group, req.GetScalingTaskId())
	if err != nil {
		return nil, err
	}
	return &groupv1.GetScalingTaskResponse{ScalingTask: showTask(record.Group, task)}, nil
}

// ListScalingTasks implements ScalingService.
func (s *scaling) ListScalingTasks(ctx context.Context, req *groupv1.ListScalingTasksRequest) (*groupv1.ListScalingTasksResponse, error) {
	record, err := s.read(ctx, req.GetGroupId())
	if err != nil {
		return nil, err
	}
	resp := &groupv1.ListScalingTasksResponse{}
	for _, task := range record.Group.GetScalingTasks() {
		resp.ScalingTasks = append(resp.ScalingTasks, showTask(record.Group, task))
	}
	return resp, nil
}

// DeleteScalingTask implements ScalingService.
func (s *scaling) DeleteScalingTask(ctx context.Context, req *groupv1.DeleteScalingTaskRequest) (*groupv1.DeleteScalingTaskResponse, error) {
	_, err := s.rewrite(ctx, req.GetGroupId(), nil, func(stored *storagev1.StoredGroup) (bool, error) {
		if err := checkLiving(stored); err != nil {
			return false, err
		}
		before := len(stored.GetScalingTasks())
		stored.ScalingTasks = slices.DeleteFunc(stored.ScalingTasks, func(state *storagev1.ScalingTaskState) bool {
			return state.GetTask().GetScalingTaskId() == req.GetScalingTaskId()
		})
		return len(stored.GetScalingTasks()) < before, nil
	})
	if err != nil {
		return nil, err
	}
	return &groupv1.DeleteScalingTaskResponse{}, nil
}

// taskOf finds a scaling task of a group, or tells that there is none.
func taskOf(stored *storagev1.StoredGroup, taskID string) (*storagev1.ScalingTaskState, error) {
	for _, state := range stored.GetScalingTasks() {
		if state.GetTask().GetScalingTaskId() == taskID {
			return state, nil
		}
	}
	groupID := stored.GetGroup().GetGroupId()
	return nil, rpc.Error(codes.NotFound, groupv1.ErrorReason_ERROR_REASON_SCALING_TASK_NOT_FOUND,
		map[string]string{"group_id": groupID, "scaling_task_id": taskID},
		fmt.Sprintf("group %s has no scaling task %s", groupID, rpc.Quote(taskID)))
}

// showTask is a scaling task as clients see it.
func showTask(stored *storagev1.StoredGroup, state *storagev1.ScalingTaskState) *groupv1.ScalingTask {
	task := proto.CloneOf(state.GetTask())
	task.GroupId = stored.GetGroup().GetGroupId()
	if next := scale.Next(state); !next.IsZero() {
		if checkLiving(stored) == nil { // the tasks of a group that ends do nothing more
			task.NextRunTime = timestamppb.New(next)
		}
	}
	return task
}

// forgetParts makes the parts of the target that an update names those that
// somebody has asked for, in place of any that scaling tasks made smaller.
func forgetParts(stored *storagev1.StoredGroup, paths []string) {
	for _, path := range []string{"target_capacity", "target_capacity.pay_as_you_go", "target_capacity.spot"} {
		if slices.Contains(paths, path) {
			stored.ScaledParts = nil
		}
	}
}
