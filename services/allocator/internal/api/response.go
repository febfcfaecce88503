package api

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	"github.com/seed-198b1370/muster/services/allocator/place"
)

// toProto turns a placement into the answer. Messages of one kind are made
// together: an answer has dozens, and one allocation each would cost more than
// the decision itself.
func toProto(request *allocatorv1.PlaceRequest, placement place.Placement, asOf time.Time) *allocatorv1.PlaceResponse {
	count := 0
	for i := range placement.Demands {
		count += len(placement.Demands[i].Decisions)
	}
	pools := poolMessages{
		messages:  make([]allocatorv1.PoolDecision, count),
		pointers:  make([]*allocatorv1.PoolDecision, 0, count),
		available: make([]int32, count),
	}
	placements := make([]allocatorv1.DemandPlacement, len(placement.Demands))
	response := &allocatorv1.PlaceResponse{
		Placements: make([]*allocatorv1.DemandPlacement, len(placements)),
		Totals: &allocatorv1.PlacementTotals{
			Instances:                   placement.Instances,
			PlacedMilliunits:            placement.Placed,
			CostMicrosPerHour:           placement.Cost,
			PayAsYouGoCostMicrosPerHour: placement.ListCost,
		},
		ViewTime: timestamppb.New(asOf),
	}
	for i := range placement.Demands {
		demand, message := &placement.Demands[i], &placements[i]
		message.BillingMethod = request.GetDemands()[i].GetBillingMethod()
		message.WantedMilliunits = request.GetDemands()[i].GetWantedMilliunits()
		message.PlacedMilliunits = demand.Placed
		message.Pools = pools.of(demand.Decisions)
		response.Placements[i] = message
	}
	return response
}

// poolMessages is a supply of messages.
type poolMessages struct {
	messages  []allocatorv1.PoolDecision
	pointers  []*allocatorv1.PoolDecision
	available []int32
}

// of turns decisions into messages.
func (p *poolMessages) of(decisions []place.Decision) []*allocatorv1.PoolDecision {
	from := len(p.pointers)
	for i := range decisions {
		decision, message := &decisions[i], &p.messages[len(p.pointers)]
		message.CandidateIndex = decision.Candidate
		message.ZoneId = decision.Key.Zone
		message.InstanceType = decision.Key.Type
		message.Verdict = verdictOf(decision.Verdict)
		message.Rank = decision.Rank
		message.Instances = decision.Instances
		message.WeightMilliunits = decision.Weight
		message.PriceMicrosPerHour = decision.Price
		message.UnitPriceMicrosPerHour = decision.UnitPrice
		message.MaxPriceMicrosPerHour = decision.MaxPrice
		if decision.Available != place.Unknown {
			available := &p.available[len(p.pointers)]
			*available = decision.Available
			message.AvailableInstances = available
		}
		p.pointers = append(p.pointers, message)
	}
	return p.pointers[from:len(p.pointers):len(p.pointers)]
}

func verdictOf(verdict place.Verdict) allocatorv1.Verdict {
	switch verdict {
	case place.Taken:
		return allocatorv1.Verdict_VERDICT_TAKEN
	case place.NotNeeded:
		return allocatorv1.Verdict_VERDICT_NOT_NEEDED
	case place.NotOnSale:
		return allocatorv1.Verdict_VERDICT_NOT_ON_SALE
	case place.Excluded:
		return allocatorv1.Verdict_VERDICT_EXCLUDED
	case place.PriceTooHigh:
		return allocatorv1.Verdict_VERDICT_PRICE_TOO_HIGH
	case place.NoStock:
		return allocatorv1.Verdict_VERDICT_NO_STOCK
	case place.LimitReached:
		return allocatorv1.Verdict_VERDICT_LIMIT_REACHED
	default:
		return allocatorv1.Verdict_VERDICT_UNSPECIFIED
	}
}
