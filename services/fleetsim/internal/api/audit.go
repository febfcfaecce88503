package api

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// maxFindings is how many findings an audit tells of at most.
const maxFindings = 100

// Audit implements the contract.
func (s *simulation) Audit(ctx context.Context, _ *fleetv1.AuditRequest) (*fleetv1.AuditResponse, error) {
	return look(ctx, s.Engine, func(w *world.World) *fleetv1.AuditResponse {
		resp := &fleetv1.AuditResponse{
			Instances: int64(w.Live()), Stocks: int64(len(s.Catalog.Offers())), Time: toTime(w.Now()),
		}
		for _, finding := range w.Audit(maxFindings) {
			resp.Findings = append(resp.Findings, &fleetv1.AuditFinding{Invariant: finding.Invariant, Message: finding.Message})
		}
		return resp
	})
}

// GetScenario implements the contract.
func (s *simulation) GetScenario(context.Context, *fleetv1.GetScenarioRequest) (*fleetv1.GetScenarioResponse, error) {
	return &fleetv1.GetScenarioResponse{Yaml: s.Scenario.YAML, StartTime: timestamppb.New(s.Scenario.Start)}, nil
}
