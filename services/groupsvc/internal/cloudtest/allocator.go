package cloudtest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// Allocator places by ascending unit price, whatever strategy is asked for. Of
// attributes it knows numbers of vCPUs and types that are left out.
type Allocator struct {
	allocatorv1.UnimplementedAllocatorServiceServer
	// Cloud is where it looks prices and stock up.
	Cloud *Cloud
	// Blind makes it believe that every pool has endless stock.
	Blind bool
}

// Place implements AllocatorService.
func (a *Allocator) Place(ctx context.Context, req *allocatorv1.PlaceRequest) (*allocatorv1.PlaceResponse, error) {
	return do(ctx, a.Cloud, "Place", func() (*allocatorv1.PlaceResponse, error) {
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
	claimed := map[Pool]bool{}
	for i, candidate := range req.GetCandidates() {
		for _, instanceType := range a.typesOf(candidate) {
			pool := Pool{candidate.GetZoneId(), instanceType, demand.GetBillingMethod()}
			if claimed[pool] {
				continue
			}
			claimed[pool] = true
			price, weight := a.Cloud.price(pool), candidate.GetWeightMilliunits()
			if candidate.GetAttributes().GetCapacityUnit() == allocatorv1.CapacityUnit_CAPACITY_UNIT_VCPU {
				weight = int64(a.Cloud.vcpus[instanceType]) * 1000
			}
			placement.Pools = append(placement.Pools, &allocatorv1.PoolDecision{
				CandidateIndex: int32(i), ZoneId: pool.Zone, InstanceType: pool.Type, WeightMilliunits: weight,
				PriceMicrosPerHour: price, UnitPriceMicrosPerHour: price * 1000 / weight,
				Verdict: allocatorv1.Verdict_VERDICT_NOT_NEEDED, MaxPriceMicrosPerHour: maxPrice(candidate, demand),
			})
		}
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
	case a.excludes(req.GetExclusions(), pool):
		decision.Verdict = allocatorv1.Verdict_VERDICT_EXCLUDED
	case !a.Blind && decision.GetMaxPriceMicrosPerHour() > 0 && decision.GetMaxPriceMicrosPerHour() < decision.GetPriceMicrosPerHour():
		decision.Verdict = allocatorv1.Verdict_VERDICT_PRICE_TOO_HIGH
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

// typesOf are the types that a candidate stands for.
func (a *Allocator) typesOf(candidate *allocatorv1.Candidate) []string {
	if candidate.GetAttributes() == nil {
		return []string{candidate.GetInstanceType()}
	}
	match, _ := a.match(candidate.GetZoneId(), candidate.GetAttributes())
	return match
}

func (a *Allocator) match(zone string, attributes *allocatorv1.InstanceAttributes) (matched []string, unmatched []*allocatorv1.UnmatchedType) {
	for _, name := range slices.Sorted(maps.Keys(a.Cloud.prices)) {
		_, sold := a.Cloud.stock[Pool{zone, name, fleetv1.BillingMethod_BILLING_METHOD_SPOT}]
		vcpus, wanted := a.Cloud.vcpus[name], attributes.GetVcpus()
		switch {
		case !sold:
			unmatched = append(unmatched, &allocatorv1.UnmatchedType{InstanceType: name, Rule: allocatorv1.MatchRule_MATCH_RULE_ZONE, Has: "sold elsewhere"})
		case len(wanted) > 0 && !slices.Contains(wanted, vcpus):
			unmatched = append(unmatched, &allocatorv1.UnmatchedType{
				InstanceType: name, Rule: allocatorv1.MatchRule_MATCH_RULE_VCPUS, Has: fmt.Sprintf("%d vCPUs", vcpus),
			})
		case slices.Contains(attributes.GetExcludedInstanceTypes(), name):
			unmatched = append(unmatched, &allocatorv1.UnmatchedType{InstanceType: name, Rule: allocatorv1.MatchRule_MATCH_RULE_EXCLUDED, Has: "is left out"})
		default:
			matched = append(matched, name)
		}
	}
	return matched, unmatched
}

// MatchInstanceTypes implements AllocatorService.
func (a *Allocator) MatchInstanceTypes(ctx context.Context, req *allocatorv1.MatchInstanceTypesRequest) (*allocatorv1.MatchInstanceTypesResponse, error) {
	return do(ctx, a.Cloud, "MatchInstanceTypes", func() (*allocatorv1.MatchInstanceTypesResponse, error) {
		attributes := req.GetAttributes()
		if attributes.MinVcpus != nil && attributes.GetMinVcpus() > attributes.GetMaxVcpus() {
			var violations rpc.Violations
			violations.Add("attributes.min_vcpus", attributes.GetMinVcpus(), fmt.Sprintf("must be at most max_vcpus, %d", attributes.GetMaxVcpus()))
			return nil, violations.Err()
		}
		match := &allocatorv1.CandidateMatch{}
		match.InstanceTypes, match.Unmatched = a.match(req.GetZoneId(), attributes)
		return &allocatorv1.MatchInstanceTypesResponse{Match: match}, nil
	})
}

// excludes tells whether a pool refused, and has not been restocked since.
func (a *Allocator) excludes(exclusions []*allocatorv1.Exclusion, pool Pool) bool {
	return slices.ContainsFunc(exclusions, func(e *allocatorv1.Exclusion) bool {
		return Pool{e.GetZoneId(), e.GetInstanceType(), e.GetBillingMethod()} == pool &&
			(e.GetRefuseTime() == nil || !a.Cloud.restocked[pool].After(e.GetRefuseTime().AsTime()))
	})
}

var _ fleetv1.FleetServiceServer = (*Cloud)(nil)

// maxPrice is the lower of the maximum prices of a candidate and a demand; 0 when
// there is none.
func maxPrice(candidate *allocatorv1.Candidate, demand *allocatorv1.Demand) int64 {
	if demand.GetBillingMethod() != fleetv1.BillingMethod_BILLING_METHOD_SPOT {
		return 0
	}
	own, all := candidate.GetMaxPriceMicrosPerHour(), demand.GetMaxPriceMicrosPerHour()
	if own == 0 || all > 0 && all < own {
		return all
	}
	return own
}
