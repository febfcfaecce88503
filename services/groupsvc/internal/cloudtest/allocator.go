package cloudtest

import (
	"cmp"
	"context"
	"slices"

	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// Allocator places by ascending unit price, whatever strategy is asked for.
type Allocator struct {
	allocatorv1.UnimplementedAllocatorServiceServer
	// Cloud is where it looks prices and stock up.
	Cloud *Cloud
	// Blind makes it believe that every pool has endless stock.
	Blind bool
}

// Place implements AllocatorService.
func (a *Allocator) Place(_ context.Context, req *allocatorv1.PlaceRequest) (*allocatorv1.PlaceResponse, error) {
	return do(a.Cloud, "Place", func() (*allocatorv1.PlaceResponse, error) {
		response := &allocatorv1.PlaceResponse{Totals: &allocatorv1.PlacementTotals{}}
		room := req.GetMaxInstances()
		for _, demand := range req.GetDemands() {
			placed := a.place(req, demand, &room)
			response.Placements = append(response.Placements, placed)
			response.Totals.PlacedMilliunits += placed.GetPlacedMilliunits()
		}
		return response, nil
	})
}

func (a *Allocator) place(req *allocatorv1.PlaceRequest, demand *allocatorv1.Demand, room *int32) *allocatorv1.DemandPlacement {
	placement := &allocatorv1.DemandPlacement{BillingMethod: demand.GetBillingMethod(), WantedMilliunits: demand.GetWantedMilliunits()}
	for i, candidate := range req.GetCandidates() {
		pool := Pool{candidate.GetZoneId(), candidate.GetInstanceType(), demand.GetBillingMethod()}
		price := a.Cloud.price(pool)
		placement.Pools = append(placement.Pools, &allocatorv1.PoolDecision{
			CandidateIndex: int32(i), ZoneId: pool.Zone, InstanceType: pool.Type, WeightMilliunits: candidate.GetWeightMilliunits(),
			PriceMicrosPerHour: price, UnitPriceMicrosPerHour: price * 1000 / candidate.GetWeightMilliunits(),
			Verdict: allocatorv1.Verdict_VERDICT_NOT_NEEDED,
		})
	}
	slices.SortStableFunc(placement.Pools, func(x, y *allocatorv1.PoolDecision) int {
		return cmp.Compare(x.GetUnitPriceMicrosPerHour(), y.GetUnitPriceMicrosPerHour())
	})
	for _, decision := range placement.GetPools() {
		a.decide(req, placement, decision, room)
	}
	return placement
}

func (a *Allocator) decide(req *allocatorv1.PlaceRequest, placement *allocatorv1.DemandPlacement, decision *allocatorv1.PoolDecision, room *int32) {
	pool := Pool{decision.GetZoneId(), decision.GetInstanceType(), placement.GetBillingMethod()}
	stock := a.Cloud.stock[pool]
	if a.Blind {
		stock = 1 << 20
	}
	left := placement.GetWantedMilliunits() - placement.GetPlacedMilliunits()
	count := (left + decision.GetWeightMilliunits() - 1) / decision.GetWeightMilliunits()
	switch {
	case excludes(req.GetExclusions(), pool):
		decision.Verdict = allocatorv1.Verdict_VERDICT_EXCLUDED
	case stock == 0:
		decision.Verdict = allocatorv1.Verdict_VERDICT_NO_STOCK
	case left <= 0:
	case *room == 0:
		decision.Verdict = allocatorv1.Verdict_VERDICT_LIMIT_REACHED
	default:
		decision.Verdict = allocatorv1.Verdict_VERDICT_TAKEN
		decision.Instances = min(int32(count), int32(stock), *room)
		*room -= decision.GetInstances()
		placement.PlacedMilliunits += int64(decision.GetInstances()) * decision.GetWeightMilliunits()
	}
}

func excludes(exclusions []*allocatorv1.Exclusion, pool Pool) bool {
	return slices.ContainsFunc(exclusions, func(e *allocatorv1.Exclusion) bool {
		return Pool{e.GetZoneId(), e.GetInstanceType(), e.GetBillingMethod()} == pool
	})
}

var _ fleetv1.FleetServiceServer = (*Cloud)(nil)
