package api

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/grpc"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/wire"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// InjectFault implements the contract.
func (s *simulation) InjectFault(ctx context.Context, req *fleetv1.InjectFaultRequest) (*fleetv1.InjectFaultResponse, error) {
	if err := s.checkFault(req.GetFault()); err != nil {
		return nil, err
	}
	if err := checkTrouble(req.GetFault()); err != nil {
		return nil, err
	}
	order := wire.FromInjection(req.GetFault())
	if _, err := s.Engine.Apply(ctx, order); err != nil {
		return nil, s.refuse(err, subject{})
	}
	faults, err := s.faults(ctx)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(faults, func(f world.Fault) bool { return f.ID == order.ID })
	if at < 0 { // over already
		return &fleetv1.InjectFaultResponse{Fault: wire.ToInjection(order)}, nil
	}
	return &fleetv1.InjectFaultResponse{Fault: wire.ToFault(&faults[at])}, nil
}

// ListFaults implements the contract.
func (s *simulation) ListFaults(ctx context.Context, _ *fleetv1.ListFaultsRequest) (*fleetv1.ListFaultsResponse, error) {
	faults, err := s.faults(ctx)
	if err != nil {
		return nil, err
	}
	resp := &fleetv1.ListFaultsResponse{}
	for i := range faults {
		resp.Faults = append(resp.Faults, wire.ToFault(&faults[i]))
	}
	return resp, nil
}

// faults tells the faults that last. Those whose time has come are over.
func (s *simulation) faults(ctx context.Context) ([]world.Fault, error) {
	return look(ctx, s.Engine, func(w *world.World) []world.Fault { return w.Facts().Faults })
}

// ClearFaults implements the contract.
func (s *simulation) ClearFaults(ctx context.Context, req *fleetv1.ClearFaultsRequest) (*fleetv1.ClearFaultsResponse, error) {
	answer, err := s.Engine.Apply(ctx, world.ClearFaults{IDs: req.GetFaultIds()})
	if err != nil {
		return nil, s.refuse(err, subject{})
	}
	return &fleetv1.ClearFaultsResponse{ClearedFaults: int32(answer.Affected)}, nil
}

// checkFault holds the pools and zones that a fault names against the catalog.
func (s *simulation) checkFault(fault *fleetv1.Fault) error {
	var violations rpc.Violations
	switch effect := fault.GetEffect().(type) {
	case *fleetv1.Fault_PriceShock:
		checkSelector(s.Catalog, &violations, "fault.price_shock.pools", effect.PriceShock.GetPools())
	case *fleetv1.Fault_SlowLaunch:
		checkSelector(s.Catalog, &violations, "fault.slow_launch.pools", effect.SlowLaunch.GetPools())
	case *fleetv1.Fault_LaunchRefusal:
		checkSelector(s.Catalog, &violations, "fault.launch_refusal.pools", effect.LaunchRefusal.GetPools())
	case *fleetv1.Fault_ZoneOutage:
		checkZone(s.Catalog, &violations, "fault.zone_outage.zone_id", effect.ZoneOutage.GetZoneId())
	case *fleetv1.Fault_DiskShortage:
		if zone := effect.DiskShortage.GetZoneId(); zone != "" {
			checkZone(s.Catalog, &violations, "fault.disk_shortage.zone_id", zone)
		}
	}
	return violations.ErrWithReason(fleetv1.ErrorReason_ERROR_REASON_UNKNOWN_POOL, nil)
}

// checkTrouble refuses trouble with calls and streams that would be none: a
// mistyped method must not look like a cloud that copes.
func checkTrouble(fault *fleetv1.Fault) error {
	var violations rpc.Violations
	if calls := fault.GetCallTrouble(); calls != nil {
		for i, name := range calls.GetMethods() {
			if !slices.ContainsFunc(fleetv1.FleetService_ServiceDesc.Methods, func(m grpc.MethodDesc) bool { return m.MethodName == name }) {
				violations.Add(fmt.Sprintf("fault.call_trouble.methods[%d]", i), name, "must be a unary method of FleetService such as RunInstances")
			}
		}
		if calls.GetLatency().AsDuration() == 0 && calls.GetOutcome() == fleetv1.CallOutcome_CALL_OUTCOME_UNSPECIFIED {
			violations.Add("fault.call_trouble", rpc.Literal("neither"), "must have a latency, an outcome or both")
		}
	}
	if stream := fault.GetStreamTrouble(); stream != nil && stream.GetDuplicatePermille() == 0 && stream.GetDelay().AsDuration() == 0 {
		violations.Add("fault.stream_trouble", rpc.Literal("neither"), "must have duplicates, a delay or both")
	}
	return violations.Err()
}
