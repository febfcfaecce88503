package api

import (
	"context"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/engine"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// Simulation serves SimulationService.
type Simulation struct {
	fleetv1.UnimplementedSimulationServiceServer
	engine  *engine.Engine
	catalog *catalog.Catalog
}

// NewSimulation makes the handlers of SimulationService.
func NewSimulation(e *engine.Engine, c *catalog.Catalog) *Simulation {
	return &Simulation{engine: e, catalog: c}
}

// GetClock implements the contract.
func (s *Simulation) GetClock(context.Context, *fleetv1.GetClockRequest) (*fleetv1.GetClockResponse, error) {
	pace := s.engine.Pace()
	return &fleetv1.GetClockResponse{Time: timestamppb.New(pace.Now()), Speed: pace.Speed(), Paused: pace.Paused()}, nil
}

// WatchClock implements the contract.
func (s *Simulation) WatchClock(_ *fleetv1.WatchClockRequest, stream grpc.ServerStreamingServer[fleetv1.WatchClockResponse]) error {
	pace := s.engine.Pace()
	for {
		timer, changed := pace.After(clockEvery), pace.Changed()
		err := stream.Send(&fleetv1.WatchClockResponse{Time: timestamppb.New(pace.Now()), Speed: pace.Speed(), Paused: pace.Paused()})
		if err != nil {
			timer.Stop()
			return err
		}
		select {
		case <-timer.C:
		case <-changed:
		case <-stream.Context().Done():
			err = ended(stream.Context())
		case <-s.engine.Done():
			err = ended(stream.Context())
		}
		timer.Stop()
		if err != nil {
			return err
		}
	}
}

// SetClockSpeed implements the contract. It is refused when the clock was given
// to the service, because then others run by it.
func (s *Simulation) SetClockSpeed(_ context.Context, req *fleetv1.SetClockSpeedRequest) (*fleetv1.SetClockSpeedResponse, error) {
	at, err := s.engine.Pace().SetSpeed(req.GetSpeed())
	if errors.Is(err, engine.ErrFixedClock) {
		return nil, status.Error(codes.FailedPrecondition, "the clock of this simulated cloud was given to it and its speed can not be changed")
	}
	if err != nil {
		return nil, err
	}
	return &fleetv1.SetClockSpeedResponse{Time: timestamppb.New(at)}, nil
}

// ReclaimInstances implements the contract.
func (s *Simulation) ReclaimInstances(ctx context.Context, req *fleetv1.ReclaimInstancesRequest) (*fleetv1.ReclaimInstancesResponse, error) {
	order := world.Reclaim{Max: req.GetMaxInstances()}
	if req.GetPools() != nil {
		pools, err := s.poolsOf(req.GetPools(), "pools")
		if err != nil {
			return nil, err
		}
		order.ByPool = true
		for _, pool := range pools {
			if pool.Spot {
				order.Offers = append(order.Offers, pool.Offer)
			}
		}
	} else {
		order.Numbers = instanceNumbers(req.GetInstances().GetInstanceIds())
	}
	answer, err := s.engine.Apply(ctx, order)
	if err != nil {
		return nil, stopping(err)
	}
	resp := &fleetv1.ReclaimInstancesResponse{NoticedInstances: int32(answer.Noticed), DeferredInstances: int32(answer.Deferred)}
	for _, place := range answer.Missing {
		resp.MissingInstanceIds = append(resp.MissingInstanceIds, req.GetInstances().GetInstanceIds()[place])
	}
	return resp, nil
}

// DrainPools implements the contract.
func (s *Simulation) DrainPools(ctx context.Context, req *fleetv1.DrainPoolsRequest) (*fleetv1.DrainPoolsResponse, error) {
	matched, err := s.setDrained(ctx, req.GetPools(), true)
	if err != nil {
		return nil, err
	}
	return &fleetv1.DrainPoolsResponse{MatchedPools: matched}, nil
}

// RestorePools implements the contract.
func (s *Simulation) RestorePools(ctx context.Context, req *fleetv1.RestorePoolsRequest) (*fleetv1.RestorePoolsResponse, error) {
	matched, err := s.setDrained(ctx, req.GetPools(), false)
	if err != nil {
		return nil, err
	}
	return &fleetv1.RestorePoolsResponse{MatchedPools: matched}, nil
}

func (s *Simulation) setDrained(ctx context.Context, selector *fleetv1.PoolSelector, drained bool) (matched int32, err error) {
	pools, err := s.poolsOf(selector, "pools")
	if err != nil {
		return 0, err
	}
	if _, err := s.engine.Apply(ctx, world.SetDrained{Pools: pools, Drained: drained}); err != nil {
		return 0, stopping(err)
	}
	return int32(len(pools)), nil
}

// poolsOf tells the pools that a selector names, or what is wrong with it.
func (s *Simulation) poolsOf(selector *fleetv1.PoolSelector, field string) ([]world.Pool, error) {
	zone, instanceType := selector.GetZoneId(), selector.GetInstanceType()
	var violations rpc.Violations
	if zone != "" {
		checkZone(s.catalog, &violations, field+".zone_id", zone)
	}
	if instanceType != "" {
		checkType(s.catalog, &violations, field+".instance_type", instanceType)
	}
	if zone != "" && instanceType != "" && violations.Err() == nil {
		if _, sold := s.catalog.Find(zone, instanceType); !sold {
			refuseZoneOfType(s.catalog, &violations, field+".zone_id", zone, instanceType)
		}
	}
	if err := violations.ErrWithReason(fleetv1.ErrorReason_ERROR_REASON_UNKNOWN_POOL, nil); err != nil {
		return nil, err
	}
	var pools []world.Pool
	for index, offer := range s.catalog.Offers() {
		if zone != "" && offer.ZoneID != zone || instanceType != "" && offer.InstanceType != instanceType {
			continue
		}
		for _, spot := range []bool{false, true} {
			if matchesBilling(selector.GetBillingMethod(), spot) {
				pools = append(pools, world.Pool{Offer: int32(index), Spot: spot})
			}
		}
	}
	return pools, nil
}
