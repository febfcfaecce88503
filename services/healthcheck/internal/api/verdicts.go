package api

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/seed-198b1370/muster/pkg/events"
	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/healthcheck/storage/v1"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/records"
	"github.com/seed-198b1370/muster/services/healthcheck/judge"
)

// verdictTimeout bounds how long a call waits, in real time, until what a user
// said has become a verdict.
const verdictTimeout = 5 * time.Second

// ListVerdicts implements HealthService.
func (s *Server) ListVerdicts(ctx context.Context, req *healthv1.ListVerdictsRequest) (*healthv1.ListVerdictsResponse, error) {
	var violations rpc.Violations
	checkAccount(ctx, &violations)
	if req.GetGroupId() == "" && len(req.GetInstanceIds()) == 0 {
		violations.Add("group_id", req.GetGroupId(), "must be given unless instance_ids is")
	}
	if err := violations.Err(); err != nil {
		return nil, err
	}
	if err := s.awaitMirror(ctx); err != nil {
		return nil, err
	}
	account := accountOf(ctx)
	resp := &healthv1.ListVerdictsResponse{SuspectedZones: s.Suspected()}
	if len(req.GetInstanceIds()) == 0 {
		resp.Verdicts = s.Records.Unhealthy(records.Group{AccountID: account, GroupID: req.GetGroupId()})
		return resp, nil
	}
	for _, id := range sortedSet(req.GetInstanceIds()) {
		verdict := s.Records.Verdict(id).GetVerdict()
		if verdict.GetAccountId() == account && (req.GetGroupId() == "" || req.GetGroupId() == verdict.GetGroupId()) {
			resp.Verdicts = append(resp.Verdicts, verdict)
		}
	}
	return resp, nil
}

// SetInstanceHealth implements HealthService.
func (s *Server) SetInstanceHealth(ctx context.Context, req *healthv1.SetInstanceHealthRequest) (*healthv1.SetInstanceHealthResponse, error) {
	var violations rpc.Violations
	checkAccount(ctx, &violations)
	if err := violations.Err(); err != nil {
		return nil, err
	}
	if err := s.awaitMirror(ctx); err != nil {
		return nil, err
	}
	instance, err := s.find(ctx, req.GetInstanceId())
	if err != nil {
		return nil, err
	}
	id, unhealthy := req.GetInstanceId(), req.GetStatus() == healthv1.HealthStatus_HEALTH_STATUS_UNHEALTHY
	if !unhealthy && s.Records.Verdict(id).StoredVerdict == nil && s.Records.User(id).StoredUserHealth == nil {
		return &healthv1.SetInstanceHealthResponse{Verdict: healthy(instance)}, nil // nothing to take back
	}
	user := &storagev1.StoredUserHealth{AccountId: instance.GetAccountId(), Unhealthy: unhealthy}
	if unhealthy {
		user.Reason = req.GetReason()
	}
	revision, err := s.Records.PutUser(ctx, id, user)
	if err != nil {
		return nil, s.unavailable(ctx, err)
	}
	verdict, err := s.awaitVerdict(ctx, id, revision)
	if err != nil {
		return nil, err
	}
	return &healthv1.SetInstanceHealthResponse{Verdict: verdict}, nil
}

// find finds an instance of the caller.
func (s *Server) find(ctx context.Context, id string) (*fleetv1.Instance, error) {
	if events.IsToken(id) {
		found, err := s.Fleet.ListInstances(asCaller(ctx), &fleetv1.ListInstancesRequest{InstanceIds: []string{id}})
		if err != nil {
			return nil, s.unavailable(ctx, fmt.Errorf("find instance: %w", err))
		}
		for _, instance := range found.GetInstances() {
			if instance.GetInstanceId() == id && instance.GetAccountId() == accountOf(ctx) {
				return instance, nil
			}
		}
	}
	return nil, rpc.Error(codes.NotFound, healthv1.ErrorReason_ERROR_REASON_INSTANCE_NOT_FOUND, map[string]string{"instance_id": rpc.Cut(id)},
		"no instance of the account has the id "+rpc.Quote(id))
}

// healthy is the verdict on an instance that was never unhealthy.
func healthy(instance *fleetv1.Instance) *healthv1.HealthVerdict {
	return &healthv1.HealthVerdict{
		InstanceId: instance.GetInstanceId(), AccountId: instance.GetAccountId(), GroupId: judge.GroupOf(instance),
		ZoneId: instance.GetZoneId(), Status: healthv1.HealthStatus_HEALTH_STATUS_HEALTHY,
	}
}

// awaitVerdict waits until the verdict on an instance takes into account what a
// user said.
func (s *Server) awaitVerdict(ctx context.Context, id string, revision uint64) (*healthv1.HealthVerdict, error) {
	bounded, cancel := context.WithTimeout(ctx, verdictTimeout)
	defer cancel()
	for {
		changed := s.Records.Changed()
		if stored := s.Records.Verdict(id); stored.StoredVerdict != nil && stored.GetUserRevision() >= revision {
			return stored.GetVerdict(), nil
		}
		select {
		case <-changed:
		case <-bounded.Done():
			return nil, s.unavailable(ctx, fmt.Errorf("the verdict of instance %q did not come in time", id))
		}
	}
}

// awaitMirror waits a while until all verdicts are known.
func (s *Server) awaitMirror(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, verdictTimeout)
	defer cancel()
	select {
	case <-s.Records.Ready():
		return nil
	default:
	}
	select {
	case <-s.Records.Ready():
		return nil
	case <-bounded.Done():
		return s.unavailable(ctx, bounded.Err())
	}
}

// unavailable is the error of a call that needs what is away now.
func (s *Server) unavailable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.Log.WarnContext(ctx, "a call about verdicts can not be answered now", "error", err)
	return rpc.Error(codes.Unavailable, healthv1.ErrorReason_ERROR_REASON_STREAM_UNAVAILABLE, nil,
		"verdicts and policies can not be read or stored now", rpc.RetryAfter(retryAfter))
}
