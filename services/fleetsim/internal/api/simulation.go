package api

import (
	"context"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// ReclaimInstances implements the contract.
func (s *simulation) ReclaimInstances(ctx context.Context, req *fleetv1.ReclaimInstancesRequest) (*fleetv1.ReclaimInstancesResponse, error) {
	ids := req.GetInstances().GetInstanceIds()
	order := world.Reclaim{Max: req.GetMaxInstances(), ByPool: req.GetPools() != nil, Numbers: instanceNumbers(ids)}
	if order.ByPool {
		pools, err := s.poolsOf(req.GetPools(), "pools")
		if err != nil {
			return nil, err
		}
		for _, pool := range pools {
			if pool.Spot {
				order.Offers = append(order.Offers, pool.Offer)
			}
		}
	}
	answer, err := s.Engine.Apply(ctx, order)
	if err != nil {
		return nil, stopping(err)
	}
	return &fleetv1.ReclaimInstancesResponse{
		NoticedInstances: int32(answer.Noticed), DeferredInstances: int32(answer.Deferred), MissingInstanceIds: missingOf(ids, answer.Missing),
	}, nil
}

// FailInstances implements the contract.
func (s *simulation) FailInstances(ctx context.Context, req *fleetv1.FailInstancesRequest) (*fleetv1.FailInstancesResponse, error) {
	ids := req.GetInstances().GetInstanceIds()
	order := world.Fail{
		Max: req.GetMaxInstances(), ByPool: req.GetPools() != nil, Numbers: instanceNumbers(ids),
		Failure: world.Failure(req.GetFailure()),
	}
	if order.ByPool {
		pools, err := s.poolsOf(req.GetPools(), "pools")
		if err != nil {
			return nil, err
		}
		order.Pools = pools
	}
	answer, err := s.Engine.Apply(ctx, order)
	if err != nil {
		return nil, stopping(err)
	}
	return &fleetv1.FailInstancesResponse{ChangedInstances: int32(answer.Affected), MissingInstanceIds: missingOf(ids, answer.Missing)}, nil
}

// DrainPools implements the contract.
func (s *simulation) DrainPools(ctx context.Context, req *fleetv1.DrainPoolsRequest) (*fleetv1.DrainPoolsResponse, error) {
	matched, err := s.setDrained(ctx, req.GetPools(), true)
	if err != nil {
		return nil, err
	}
	return &fleetv1.DrainPoolsResponse{MatchedPools: matched}, nil
}

// RestorePools implements the contract.
func (s *simulation) RestorePools(ctx context.Context, req *fleetv1.RestorePoolsRequest) (*fleetv1.RestorePoolsResponse, error) {
	matched, err := s.setDrained(ctx, req.GetPools(), false)
	if err != nil {
		return nil, err
	}
	return &fleetv1.RestorePoolsResponse{MatchedPools: matched}, nil
}

func (s *simulation) setDrained(ctx context.Context, selector *fleetv1.PoolSelector, drained bool) (matched int32, err error) {
	pools, err := s.poolsOf(selector, "pools")
	if err != nil {
		return 0, err
	}
	if _, err := s.Engine.Apply(ctx, world.SetDrained{Pools: pools, Drained: drained}); err != nil {
		return 0, stopping(err)
	}
	return int32(len(pools)), nil
}

// poolsOf tells the pools that a selector names, or what is wrong with it.
func (s *simulation) poolsOf(selector *fleetv1.PoolSelector, field string) ([]world.Pool, error) {
	var violations rpc.Violations
	checkSelector(s.Catalog, &violations, field, selector)
	if err := violations.ErrWithReason(fleetv1.ErrorReason_ERROR_REASON_UNKNOWN_POOL, nil); err != nil {
		return nil, err
	}
	zone, instanceType := selector.GetZoneId(), selector.GetInstanceType()
	var pools []world.Pool
	for index, offer := range s.Catalog.Offers() {
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
