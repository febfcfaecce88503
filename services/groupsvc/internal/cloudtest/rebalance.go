package cloudtest

import (
	"cmp"
	"context"
	"slices"

	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
)

// Rebalance implements AllocatorService: what is dearest moves to the cheapest
// candidate that has stock, one for one, where that saves something.
func (a *Allocator) Rebalance(ctx context.Context, req *allocatorv1.RebalanceRequest) (*allocatorv1.RebalanceResponse, error) {
	return do(ctx, a.Cloud, "Rebalance", func() (*allocatorv1.RebalanceResponse, error) {
		response, budget := &allocatorv1.RebalanceResponse{}, req.GetMaxRemovedInstances()
		order := make([]int, len(req.GetHeld()))
		for i, held := range req.GetHeld() {
			order[i] = i
			response.CostBeforeMicrosPerHour += int64(held.GetInstances()) * held.GetPriceMicrosPerHour()
		}
		response.CostAfterMicrosPerHour = response.GetCostBeforeMicrosPerHour()
		slices.SortStableFunc(order, func(x, y int) int {
			return cmp.Compare(req.GetHeld()[y].GetPriceMicrosPerHour(), req.GetHeld()[x].GetPriceMicrosPerHour())
		})
		for _, i := range order {
			if move := a.move(req, int32(i), budget); move != nil {
				budget -= move.GetRemoveInstances()
				response.CostAfterMicrosPerHour -= move.GetSavingMicrosPerHour()
				response.Moves = append(response.Moves, move)
			}
		}
		return response, nil
	})
}

func (a *Allocator) move(req *allocatorv1.RebalanceRequest, index, budget int32) *allocatorv1.Move {
	held := req.GetHeld()[index]
	var best *allocatorv1.Move
	for i, candidate := range req.GetCandidates() {
		pool := Pool{candidate.GetZoneId(), candidate.GetInstanceType(), held.GetBillingMethod()}
		stock, saving := int32(a.Cloud.stock[pool]), held.GetPriceMicrosPerHour()-a.Cloud.price(pool)
		if a.Blind {
			stock = 1 << 20
		}
		count := min(budget, held.GetInstances(), stock)
		if count < 1 || saving <= 0 || candidate.GetWeightMilliunits() != held.GetWeightMilliunits() || best != nil && a.Cloud.price(pool) >= best.GetPriceMicrosPerHour() {
			continue
		}
		best = &allocatorv1.Move{
			BillingMethod: held.GetBillingMethod(), HeldIndex: index, FromZoneId: held.GetZoneId(), FromInstanceType: held.GetInstanceType(), RemoveInstances: count,
			CandidateIndex: int32(i), ToZoneId: pool.Zone, ToInstanceType: pool.Type, LaunchInstances: count,
			SavingMicrosPerHour: int64(count) * saving, WeightMilliunits: candidate.GetWeightMilliunits(), PriceMicrosPerHour: a.Cloud.price(pool),
		}
	}
	return best
}

// ScaleIn implements AllocatorService, as if the cheapest were interrupted most.
func (a *Allocator) ScaleIn(ctx context.Context, req *allocatorv1.ScaleInRequest) (*allocatorv1.ScaleInResponse, error) {
	return do(ctx, a.Cloud, "ScaleIn", func() (*allocatorv1.ScaleInResponse, error) {
		response := &allocatorv1.ScaleInResponse{}
		for _, demand := range req.GetDemands() {
			spare := -demand.GetWantedMilliunits()
			var own []*allocatorv1.HeldPool
			for _, held := range req.GetHeld() {
				if held.GetBillingMethod() == demand.GetBillingMethod() {
					own = append(own, held)
					spare += int64(held.GetInstances()) * held.GetWeightMilliunits()
				}
			}
			slices.SortStableFunc(own, func(x, y *allocatorv1.HeldPool) int {
				return cmp.Compare(x.GetPriceMicrosPerHour(), y.GetPriceMicrosPerHour())
			})
			for _, held := range own {
				count := min(int64(held.GetInstances()), max(0, spare)/held.GetWeightMilliunits())
				spare -= count * held.GetWeightMilliunits()
				response.Decisions = append(response.Decisions, &allocatorv1.HeldDecision{
					ZoneId: held.GetZoneId(), InstanceType: held.GetInstanceType(), BillingMethod: held.GetBillingMethod(),
					RemoveInstances: int32(count), Reason: allocatorv1.RemovalReason_REMOVAL_REASON_MOST_INTERRUPTED,
				})
			}
		}
		return response, nil
	})
}
