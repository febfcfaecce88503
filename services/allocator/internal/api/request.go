package api

import (
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/allocator/match"
	"github.com/seed-198b1370/muster/services/allocator/place"
)

// fromProto turns a validated request into what is to be placed.
func fromProto(request *allocatorv1.PlaceRequest, types *match.Catalog) place.Request {
	return place.Request{
		Candidates:    candidatesOf(request.GetCandidates(), types),
		Demands:       demandsOf(request.GetDemands()),
		Exclusions:    exclusionsOf(request.GetExclusions()),
		Existing:      existingOf(request.GetExisting()),
		MaxInstances:  request.MaxInstances,
		MaxMilliunits: request.MaxMilliunits,
	}
}

// candidatesOf turns candidates, and for each with attributes the types that it
// stands for.
func candidatesOf(asked []*allocatorv1.Candidate, types *match.Catalog) []place.Candidate {
	candidates := make([]place.Candidate, 0, len(asked))
	var matches []match.Match
	for i, c := range asked {
		candidate := place.Candidate{
			Key:      place.Key{Zone: c.GetZoneId(), Type: c.GetInstanceType()},
			Weight:   c.GetWeightMilliunits(),
			Priority: c.Priority,
			MaxPrice: c.GetMaxPriceMicrosPerHour(),
			Source:   int32(i),
		}
		if c.GetAttributes() == nil {
			candidates = append(candidates, candidate)
			continue
		}
		candidate.PriceProtection = c.GetAttributes().PriceProtectionPercent
		matches = filterOf(c.GetAttributes(), c.GetWeightMilliunits()).AppendMatches(matches[:0], types, c.GetZoneId())
		for _, matched := range matches {
			candidate.Key.Type, candidate.Weight = matched.Type.Name, matched.Weight
			candidates = append(candidates, candidate)
		}
	}
	return candidates
}

func demandsOf(asked []*allocatorv1.Demand) []place.Demand {
	demands := make([]place.Demand, len(asked))
	for i, d := range asked {
		demands[i] = place.Demand{Billing: billingOf(d.GetBillingMethod()), Wanted: d.GetWantedMilliunits()}
		if demands[i].Billing == place.Spot {
			demands[i].Strategy = spotStrategy(d.GetSpotStrategy())
			demands[i].PoolsToUse = int(d.GetPoolsToUse())
			demands[i].MaxPrice = d.GetMaxPriceMicrosPerHour()
		} else {
			demands[i].Strategy = payAsYouGoStrategy(d.GetPayAsYouGoStrategy())
		}
		if d.GetZonePolicy() == allocatorv1.ZonePolicy_ZONE_POLICY_SEQUENCED {
			demands[i].ZonePolicy = place.ZonesSequenced
		}
		if d.GetTypePolicy() == allocatorv1.TypePolicy_TYPE_POLICY_COST_CENTERED {
			demands[i].TypePolicy = place.TypesCostCentered
		}
	}
	return demands
}

func exclusionsOf(asked []*allocatorv1.Exclusion) []place.Exclusion {
	exclusions := make([]place.Exclusion, len(asked))
	for i, e := range asked {
		exclusions[i] = place.Exclusion{
			Key:     place.Key{Zone: e.GetZoneId(), Type: e.GetInstanceType()},
			Billing: billingOf(e.GetBillingMethod()),
		}
		if e.GetRefuseTime() != nil {
			exclusions[i].Refused = e.GetRefuseTime().AsTime()
		}
	}
	return exclusions
}

func existingOf(asked []*allocatorv1.ZoneCapacity) []place.ZoneCapacity {
	existing := make([]place.ZoneCapacity, len(asked))
	for i, z := range asked {
		existing[i] = place.ZoneCapacity{Zone: z.GetZoneId(), Milliunits: z.GetSpotMilliunits(), Instances: int64(z.GetInstances())}
	}
	return existing
}

// billingOf turns one of the two billing methods that validation lets pass.
func billingOf(method fleetv1.BillingMethod) place.Billing {
	if method == fleetv1.BillingMethod_BILLING_METHOD_SPOT {
		return place.Spot
	}
	return place.PayAsYouGo
}

// spotStrategy turns a strategy; unspecified is lowest-price.
func spotStrategy(strategy allocatorv1.SpotAllocationStrategy) place.Strategy {
	switch strategy {
	case allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_DIVERSIFIED:
		return place.Diversified
	case allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_CAPACITY_OPTIMIZED:
		return place.CapacityOptimized
	case allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_CAPACITY_OPTIMIZED_PRIORITIZED:
		return place.CapacityOptimizedPrioritized
	case allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_PRICE_CAPACITY_OPTIMIZED:
		return place.PriceCapacityOptimized
	case allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_LOWEST_COST:
		return place.LowestCost
	case allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_ZONE_AND_TYPE:
		return place.ZoneAndType
	default:
		return place.LowestPrice
	}
}

// payAsYouGoStrategy turns a strategy; unspecified is lowest-price.
func payAsYouGoStrategy(strategy allocatorv1.PayAsYouGoAllocationStrategy) place.Strategy {
	switch strategy {
	case allocatorv1.PayAsYouGoAllocationStrategy_PAY_AS_YOU_GO_ALLOCATION_STRATEGY_PRIORITIZED:
		return place.Prioritized
	case allocatorv1.PayAsYouGoAllocationStrategy_PAY_AS_YOU_GO_ALLOCATION_STRATEGY_LOWEST_COST:
		return place.LowestCost
	case allocatorv1.PayAsYouGoAllocationStrategy_PAY_AS_YOU_GO_ALLOCATION_STRATEGY_ZONE_AND_TYPE:
		return place.ZoneAndType
	default:
		return place.LowestPrice
	}
}
