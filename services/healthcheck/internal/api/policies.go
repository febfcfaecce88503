package api

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/seed-198b1370/muster/pkg/events"
	"github.com/seed-198b1370/muster/pkg/rpc"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/records"
	"github.com/seed-198b1370/muster/services/healthcheck/judge"
)

// SetHealthPolicy implements HealthService.
func (s *Server) SetHealthPolicy(ctx context.Context, req *healthv1.SetHealthPolicyRequest) (*healthv1.SetHealthPolicyResponse, error) {
	group, err := s.groupOf(ctx, req.GetGroupId(), req.GetPolicy())
	if err != nil {
		return nil, err
	}
	if err := s.awaitMirror(ctx); err != nil {
		return nil, err
	}
	policy := judge.Fill(req.GetPolicy())
	if req.GetPolicy() == nil {
		err = s.Records.RemovePolicy(ctx, group)
	} else {
		err = s.Records.PutPolicy(ctx, group, policy)
	}
	if err != nil {
		return nil, s.unavailable(ctx, err)
	}
	return &healthv1.SetHealthPolicyResponse{Policy: policy}, s.awaitPolicy(ctx, group, req.GetPolicy() != nil, policy)
}

// awaitPolicy waits until a policy is the one that is told, so that whoever has
// set it reads it.
func (s *Server) awaitPolicy(ctx context.Context, group records.Group, own bool, policy *healthv1.HealthPolicy) error {
	bounded, cancel := context.WithTimeout(ctx, verdictTimeout)
	defer cancel()
	for {
		changed := s.Records.Changed()
		if known := s.Records.Policy(group); !own && known == nil || own && proto.Equal(known, policy) {
			return nil
		}
		select {
		case <-changed:
		case <-bounded.Done():
			return s.unavailable(ctx, fmt.Errorf("the policy of group %q did not come back in time", group.GroupID))
		}
	}
}

// GetHealthPolicy implements HealthService.
func (s *Server) GetHealthPolicy(ctx context.Context, req *healthv1.GetHealthPolicyRequest) (*healthv1.GetHealthPolicyResponse, error) {
	if req.GetGroupId() == "" {
		return &healthv1.GetHealthPolicyResponse{Policy: judge.Fill(nil)}, nil
	}
	group, err := s.groupOf(ctx, req.GetGroupId(), nil)
	if err != nil {
		return nil, err
	}
	if err := s.awaitMirror(ctx); err != nil {
		return nil, err
	}
	if policy := s.Records.Policy(group); policy != nil {
		return &healthv1.GetHealthPolicyResponse{Policy: policy, Own: true}, nil
	}
	return &healthv1.GetHealthPolicyResponse{Policy: judge.Fill(nil)}, nil
}

// groupOf is the group of the caller that a request names. It holds against the
// contract what its rules do not.
func (s *Server) groupOf(ctx context.Context, id string, policy *healthv1.HealthPolicy) (records.Group, error) {
	var violations rpc.Violations
	if !events.IsToken(id) {
		violations.Add("group_id", id, "must be an id")
	}
	checkAccount(ctx, &violations)
	for i, probe := range policy.GetProbes() {
		if status := probe.GetHttp().GetExpectedStatus(); status > 0 && status < 100 {
			violations.Add(fmt.Sprintf("policy.probes[%d].http.expected_status", i), status, "must be 100 to 599, or 0 for any from 200 to 399")
		}
	}
	return records.Group{AccountID: accountOf(ctx), GroupID: id}, violations.Err()
}

// sortedSet is texts in order, each once.
func sortedSet(texts []string) []string {
	sorted := slices.Sorted(slices.Values(texts))
	return slices.Compact(sorted)
}
