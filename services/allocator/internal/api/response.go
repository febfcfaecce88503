package api

import (
	"math"

	"google.golang.org/protobuf/types/known/durationpb"

	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	"github.com/seed-198b1370/muster/services/allocator/place"
)

// toProto turns a placement into the answer. Messages of one kind are made
// together: an answer has dozens, and one allocation each would cost more than
// the decision itself.
func toProto(request *allocatorv1.PlaceRequest, candidates []place.Candidate, placement *place.Placement, on *ground) *allocatorv1.PlaceResponse {
	count := 0
	for i := range placement.Demands {
		count += len(placement.Demands[i].Decisions)
	}
	pools := poolMessages{
		candidates: candidates,
		messages:   make([]allocatorv1.PoolDecision, count),
		pointers:   make([]*allocatorv1.PoolDecision, 0, count),
		numbers:    make([]int32, 2*count),
	}
	placements := make([]allocatorv1.DemandPlacement, len(placement.Demands))
	response := &allocatorv1.PlaceResponse{
		Placements: make([]*allocatorv1.DemandPlacement, len(placements)),
		Totals: &allocatorv1.PlacementTotals{
			Instances:                              placement.Instances,
			PlacedMilliunits:                       placement.Placed,
			CostMicrosPerHour:                      placement.Cost,
			PayAsYouGoCostMicrosPerHour:            placement.ListCost,
			ExpectedInterruptionsPerDayThousandths: placement.Interruptions,
		},
		ViewTime: on.viewTime(),
	}
	if !on.told {
		response.ViewAge = durationpb.New(on.age())
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

// addTotals adds the totals of one placement to those of many. They stay at the
// largest number when they would be beyond.
func addTotals(sum, one *allocatorv1.PlacementTotals) {
	sum.Instances = int32(min(int64(sum.GetInstances())+int64(one.GetInstances()), math.MaxInt32))
	sum.PlacedMilliunits = capped(sum.GetPlacedMilliunits(), one.GetPlacedMilliunits())
	sum.CostMicrosPerHour = capped(sum.GetCostMicrosPerHour(), one.GetCostMicrosPerHour())
	sum.PayAsYouGoCostMicrosPerHour = capped(sum.GetPayAsYouGoCostMicrosPerHour(), one.GetPayAsYouGoCostMicrosPerHour())
	sum.ExpectedInterruptionsPerDayThousandths = capped(
		sum.GetExpectedInterruptionsPerDayThousandths(), one.GetExpectedInterruptionsPerDayThousandths())
}

// capped adds two numbers that are not below 0, up to the largest there is.
func capped(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// poolMessages is a supply of messages.
type poolMessages struct {
	candidates []place.Candidate
	messages   []allocatorv1.PoolDecision
	pointers   []*allocatorv1.PoolDecision
	numbers    []int32 // what the messages' optional fields point to
}

// of turns decisions into messages.
func (p *poolMessages) of(decisions []place.Decision) []*allocatorv1.PoolDecision {
	from := len(p.pointers)
	for i := range decisions {
		decision, message := &decisions[i], &p.messages[len(p.pointers)]
		candidate := &p.candidates[decision.Candidate]
		message.CandidateIndex = candidate.Source
		message.ZoneId = decision.Key.Zone
		message.InstanceType = decision.Key.Type
		message.Verdict = verdictOf(decision.Verdict)
		message.Rank = decision.Rank
		message.Instances = decision.Instances
		message.WeightMilliunits = decision.Weight
		message.PriceMicrosPerHour = decision.Price
		message.UnitPriceMicrosPerHour = decision.UnitPrice
		message.MaxPriceMicrosPerHour = decision.MaxPrice
		message.AvailableInstances = p.known(decision.Available)
		message.PromisedInstances = decision.Promised
		message.SharePermille = decision.SharePermille
		message.InterruptionPermille = p.known(decision.InterruptionPermille)
		message.Priority = candidate.Priority
		message.ProtectedUnitPriceMicrosPerHour = decision.ProtectedUnitPrice
		p.pointers = append(p.pointers, message)
	}
	return p.pointers[from:len(p.pointers):len(p.pointers)]
}

// known is a number as an optional field, absent when it is not known.
func (p *poolMessages) known(number int32) *int32 {
	if number == place.Unknown {
		return nil
	}
	at := &p.numbers[0]
	p.numbers = p.numbers[1:]
	*at = number
	return at
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
	case place.PriceProtected:
		return allocatorv1.Verdict_VERDICT_PRICE_PROTECTED
	default:
		return allocatorv1.Verdict_VERDICT_UNSPECIFIED
	}
}
