package api

import (
	"context"
	"math"
	"math/bits"

	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	"github.com/seed-198b1370/muster/services/allocator/place"
)

// ScaleIn implements [allocatorv1.AllocatorServiceServer].
func (s *Server) ScaleIn(ctx context.Context, request *allocatorv1.ScaleInRequest) (*allocatorv1.ScaleInResponse, error) {
	if err := s.checked(ctx, request); err != nil {
		return nil, err
	}
	on, err := s.ground(request.GetWhatIf(), hasAttributes(request.GetCandidates()))
	if err != nil {
		return nil, err
	}
	keep := place.Keep{
		Candidates: candidatesOf(request.GetCandidates(), on.types),
		Demands:    demandsOf(request.GetDemands()),
		Held:       heldOf(request.GetHeld(), on.market),
	}
	decisions, err := place.ScaleIn(keep, on.market)
	if err != nil {
		return nil, refusal(err)
	}
	response := &allocatorv1.ScaleInResponse{ViewTime: on.viewTime()}
	for i := range decisions {
		decision := &decisions[i]
		held := &keep.Held[decision.Held]
		message := &allocatorv1.HeldDecision{
			HeldIndex: decision.Held, ZoneId: held.Key.Zone, InstanceType: held.Key.Type,
			BillingMethod:   request.GetHeld()[decision.Held].GetBillingMethod(),
			RemoveInstances: decision.Remove, KeepInstances: decision.Stay, Rank: decision.Rank, Reason: reasonOf(decision.Reason),
			PriceMicrosPerHour: held.Price, UnitPriceMicrosPerHour: decision.UnitPrice,
		}
		if decision.InterruptionPermille != place.Unknown {
			message.InterruptionPermille = new(decision.InterruptionPermille)
		}
		response.Decisions = append(response.Decisions, message)
		response.SavingMicrosPerHour = capped(response.GetSavingMicrosPerHour(), costOf(held.Price, decision.Remove))
	}
	return response, nil
}

// Rebalance implements [allocatorv1.AllocatorServiceServer].
func (s *Server) Rebalance(ctx context.Context, request *allocatorv1.RebalanceRequest) (*allocatorv1.RebalanceResponse, error) {
	if err := s.checked(ctx, request); err != nil {
		return nil, err
	}
	on, err := s.ground(request.GetWhatIf(), hasAttributes(request.GetCandidates()))
	if err != nil {
		return nil, err
	}
	wanted := place.Rebalancing{
		Candidates: candidatesOf(request.GetCandidates(), on.types),
		Demands:    demandsOf(request.GetDemands()),
		Held:       heldOf(request.GetHeld(), on.market),
		Exclusions: exclusionsOf(request.GetExclusions()),
		MaxRemoved: request.GetMaxRemovedInstances(),
	}
	if !on.told { // to the caller, too: what it has in flight is not free, and is held already
		wanted.Promised = s.book.Promised("", on.now, wanted.Candidates, on.market)
	}
	balanced, err := place.Rebalance(wanted, on.market)
	if err != nil {
		return nil, refusal(err)
	}
	left := wholeAnswer
	if err := left.takeMoves(balanced.Moves, &wanted); err != nil {
		return nil, err
	}
	response := &allocatorv1.RebalanceResponse{
		CostBeforeMicrosPerHour: balanced.CostBefore, CostAfterMicrosPerHour: balanced.CostAfter,
		ExpectedInterruptionsPerDayThousandthsBefore: balanced.InterruptionsBefore,
		ExpectedInterruptionsPerDayThousandthsAfter:  balanced.InterruptionsAfter,
		ViewTime: on.viewTime(),
	}
	for _, move := range balanced.Moves {
		held, candidate := &wanted.Held[move.Held], &wanted.Candidates[move.Candidate]
		response.Moves = append(response.Moves, &allocatorv1.Move{
			BillingMethod: request.GetHeld()[move.Held].GetBillingMethod(), HeldIndex: move.Held,
			FromZoneId: held.Key.Zone, FromInstanceType: held.Key.Type, RemoveInstances: move.Remove,
			CandidateIndex: candidate.Source, ToZoneId: candidate.Key.Zone, ToInstanceType: candidate.Key.Type,
			LaunchInstances: move.Launch, SavingMicrosPerHour: move.Saving,
			WeightMilliunits: candidate.Weight, PriceMicrosPerHour: on.market.Offer(candidate.Key).Pool(held.Billing).Price,
		})
	}
	return response, nil
}

// heldOf turns what is held. What the caller does not tell the price of costs
// what it costs in the market, or nothing if it is not sold any more.
func heldOf(asked []*allocatorv1.HeldPool, market place.Market) []place.HeldPool {
	held := make([]place.HeldPool, len(asked))
	for i, h := range asked {
		held[i] = place.HeldPool{
			Key:       place.Key{Zone: h.GetZoneId(), Type: h.GetInstanceType()},
			Billing:   billingOf(h.GetBillingMethod()),
			Instances: h.GetInstances(), Weight: h.GetWeightMilliunits(), Price: h.GetPriceMicrosPerHour(),
		}
		if h.PriceMicrosPerHour != nil {
			continue
		}
		if offer := market.Offer(held[i].Key); offer != nil {
			held[i].Price = offer.Pool(held[i].Billing).Price
		}
	}
	return held
}

// costOf is the price of some instances, or the largest number if it is beyond.
func costOf(price int64, instances int32) int64 {
	high, low := bits.Mul64(uint64(price), uint64(instances))
	if high > 0 || low > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(low)
}

func reasonOf(reason place.Reason) allocatorv1.RemovalReason {
	switch reason {
	case place.NoCandidate:
		return allocatorv1.RemovalReason_REMOVAL_REASON_NO_CANDIDATE
	case place.Dearest:
		return allocatorv1.RemovalReason_REMOVAL_REASON_DEAREST
	case place.LowestPriority:
		return allocatorv1.RemovalReason_REMOVAL_REASON_LOWEST_PRIORITY
	case place.FullestZone:
		return allocatorv1.RemovalReason_REMOVAL_REASON_FULLEST_ZONE
	case place.MostInterrupted:
		return allocatorv1.RemovalReason_REMOVAL_REASON_MOST_INTERRUPTED
	case place.LastInOrder:
		return allocatorv1.RemovalReason_REMOVAL_REASON_LAST_IN_ORDER
	case place.LeastCost:
		return allocatorv1.RemovalReason_REMOVAL_REASON_LEAST_COST
	default:
		return allocatorv1.RemovalReason_REMOVAL_REASON_UNSPECIFIED
	}
}
