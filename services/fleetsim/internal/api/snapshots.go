package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// ErrNoSnapshot is a snapshot that is not there.
var ErrNoSnapshot = errors.New("there is no such snapshot")

// A SnapshotError is a snapshot that can not be restored.
type SnapshotError struct {
	// Difference says what is wrong with it, or in what it differs from the
	// cloud.
	Difference string
}

// Error implements error.
func (e *SnapshotError) Error() string { return "the snapshot can not be used: " + e.Difference }

// A Snapshot is the state of the cloud at a time.
type Snapshot struct {
	// ID names it.
	ID string
	// Time is the simulated time of the state.
	Time time.Time
	// Instances is how many there were.
	Instances int64
	// Bytes is how large it is.
	Bytes int64
}

// Snapshots keeps states of the cloud under names.
type Snapshots interface {
	// Create keeps the state of now. Its error: [*world.LimitError].
	Create(ctx context.Context, id string) (Snapshot, error)
	// List tells all, by id.
	List(ctx context.Context) ([]Snapshot, error)
	// Restore puts a state in place of the present one. Its errors:
	// [ErrNoSnapshot], [*SnapshotError], [engine.ErrFixedClock].
	Restore(ctx context.Context, id string) (Snapshot, error)
	// Delete drops one; [ErrNoSnapshot] when it is not there.
	Delete(ctx context.Context, id string) error
}

// CreateSnapshot implements the contract.
func (s *simulation) CreateSnapshot(ctx context.Context, req *fleetv1.CreateSnapshotRequest) (*fleetv1.CreateSnapshotResponse, error) {
	snapshot, err := s.Snapshots.Create(ctx, req.GetSnapshotId())
	if err != nil {
		return nil, s.refusedSnapshot(req.GetSnapshotId(), err)
	}
	return &fleetv1.CreateSnapshotResponse{Snapshot: toSnapshot(snapshot)}, nil
}

// ListSnapshots implements the contract.
func (s *simulation) ListSnapshots(ctx context.Context, _ *fleetv1.ListSnapshotsRequest) (*fleetv1.ListSnapshotsResponse, error) {
	snapshots, err := s.Snapshots.List(ctx)
	if err != nil {
		return nil, s.refusedSnapshot("", err)
	}
	resp := &fleetv1.ListSnapshotsResponse{}
	for _, snapshot := range snapshots {
		resp.Snapshots = append(resp.Snapshots, toSnapshot(snapshot))
	}
	return resp, nil
}

// RestoreSnapshot implements the contract.
func (s *simulation) RestoreSnapshot(ctx context.Context, req *fleetv1.RestoreSnapshotRequest) (*fleetv1.RestoreSnapshotResponse, error) {
	snapshot, err := s.Snapshots.Restore(ctx, req.GetSnapshotId())
	if err != nil {
		return nil, s.refusedSnapshot(req.GetSnapshotId(), err)
	}
	return &fleetv1.RestoreSnapshotResponse{Snapshot: toSnapshot(snapshot)}, nil
}

// DeleteSnapshot implements the contract.
func (s *simulation) DeleteSnapshot(ctx context.Context, req *fleetv1.DeleteSnapshotRequest) (*fleetv1.DeleteSnapshotResponse, error) {
	if err := s.Snapshots.Delete(ctx, req.GetSnapshotId()); err != nil && !errors.Is(err, ErrNoSnapshot) {
		return nil, s.refusedSnapshot(req.GetSnapshotId(), err)
	}
	return &fleetv1.DeleteSnapshotResponse{}, nil
}

func toSnapshot(s Snapshot) *fleetv1.Snapshot {
	return &fleetv1.Snapshot{SnapshotId: s.ID, Time: timestamppb.New(s.Time), Instances: s.Instances, SizeBytes: s.Bytes}
}

// refusedSnapshot turns a refusal about a snapshot into an error of the
// contract.
func (s *simulation) refusedSnapshot(id string, err error) error {
	var unusable *SnapshotError
	switch {
	case errors.Is(err, ErrNoSnapshot):
		return rpc.Error(codes.NotFound, fleetv1.ErrorReason_ERROR_REASON_SNAPSHOT_NOT_FOUND, map[string]string{"snapshot_id": id},
			fmt.Sprintf("there is no snapshot %s; ListSnapshots tells which there are", rpc.Quote(id)))
	case errors.As(err, &unusable):
		return rpc.Error(codes.FailedPrecondition, fleetv1.ErrorReason_ERROR_REASON_SNAPSHOT_UNUSABLE,
			map[string]string{"snapshot_id": id, "difference": unusable.Difference},
			fmt.Sprintf("snapshot %s can not be restored: %s", rpc.Quote(id), unusable.Difference))
	default:
		return s.refuse(refusedClock(err), subject{})
	}
}
