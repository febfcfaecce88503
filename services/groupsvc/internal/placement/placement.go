// Package placement owns how a group's spec and need are put to the allocator,
// and how its answer reads as launches and launch results. It is pure. It must
// not know how either is called, nor what the group holds beyond the counts it
// is given.
package placement

import (
	"maps"
	"slices"

	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

// Request asks for pools that meet a need, within what a group may still hold.
// It is nil when nothing is needed.
func Request(spec *groupv1.GroupSpec, need plan.Amounts, observed plan.Observed, exclusions []*allocatorv1.Exclusion) *allocatorv1.PlaceRequest {
	demands := demandsOf(spec, need)
	if len(demands) == 0 {
		return nil
	}
	instances := int32(max(0, plan.MaxInstances-observed.ExpectedInstances()))
	milliunits := max(0, plan.MaxMilliunits-observed.Expected().Total())
	return &allocatorv1.PlaceRequest{
		Candidates: candidatesOf(spec), Demands: demands, Exclusions: exclusions,
		Existing: existingOf(observed), MaxInstances: &instances, MaxMilliunits: &milliunits,
	}
}

func candidatesOf(spec *groupv1.GroupSpec) []*allocatorv1.Candidate {
	candidates := make([]*allocatorv1.Candidate, len(spec.GetCandidates()))
	for i, candidate := range spec.GetCandidates() {
		candidates[i] = &allocatorv1.Candidate{
			ZoneId: candidate.GetZoneId(), InstanceType: candidate.GetInstanceType(), Attributes: candidate.GetAttributes(),
			// Where types have weights of their own, this one is not read.
			WeightMilliunits: plan.WeightOf(candidate, 1),
			Priority:         candidate.Priority, MaxPriceMicrosPerHour: candidate.GetMaxPriceMicrosPerHour(),
		}
	}
	return candidates
}

// demandsOf puts pay-as-you-go first: where both want the same stock, it takes
// precedence, as it does in the cloud.
func demandsOf(spec *groupv1.GroupSpec, need plan.Amounts) []*allocatorv1.Demand {
	var demands []*allocatorv1.Demand
	if need.PayAsYouGo > 0 {
		demands = append(demands, &allocatorv1.Demand{
			BillingMethod:      fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO,
			WantedMilliunits:   need.PayAsYouGo,
			PayAsYouGoStrategy: spec.GetPayAsYouGo().GetAllocationStrategy(),
			ZonePolicy:         spec.GetPayAsYouGo().GetZonePolicy(),
			TypePolicy:         spec.GetPayAsYouGo().GetTypePolicy(),
		})
	}
	if need.Spot > 0 {
		demands = append(demands, &allocatorv1.Demand{
			BillingMethod:         fleetv1.BillingMethod_BILLING_METHOD_SPOT,
			WantedMilliunits:      need.Spot,
			SpotStrategy:          spec.GetSpot().GetAllocationStrategy(),
			PoolsToUse:            spec.GetSpot().GetPoolsToUse(),
			MaxPriceMicrosPerHour: spec.GetSpot().GetMaxPriceMicrosPerHour(),
			ZonePolicy:            spec.GetSpot().GetZonePolicy(),
			TypePolicy:            spec.GetSpot().GetTypePolicy(),
		})
	}
	return demands
}

func existingOf(observed plan.Observed) []*allocatorv1.ZoneCapacity {
	held := observed.ByZone()
	var existing []*allocatorv1.ZoneCapacity
	for _, zone := range slices.Sorted(maps.Keys(held)) {
		existing = append(existing, &allocatorv1.ZoneCapacity{
			ZoneId: zone, SpotMilliunits: held[zone].SpotMilliunits, Instances: int32(held[zone].Instances),
		})
	}
	return existing
}

// A Pool is an instance type in a zone under a billing method.
type Pool struct {
	// Zone is the pool's zone.
	Zone string
	// Type is its instance type.
	Type string
	// Method is its billing method.
	Method fleetv1.BillingMethod
}

// A Take is a number of instances to launch from a pool.
type Take struct {
	// Pool is where from.
	Pool Pool
	// Instances is how many.
	Instances int
	// Weight is what one contributes, in milliunits.
	Weight int64
	// Price is what one is expected to cost, in micro-units of the currency per
	// hour.
	Price int64
	// MaxPrice is the bid, in micro-units of the currency per hour; 0 means the
	// market price.
	MaxPrice int64
	// Image is that of the candidate; empty for the group's.
	Image string
	// Expansion is what is to be remembered of the type when its candidate has
	// attributes; nil when its candidate names it.
	Expansion *plan.Expansion
}

// TakesOf reads what to launch out of an answer, in order. Nothing is launched
// outside the candidates (S5). Of a candidate that names its type that is seen
// here. Which types have a candidate's attributes is the allocator's to say:
// here is seen that the candidate it names has attributes and is of the zone.
func TakesOf(spec *groupv1.GroupSpec, answer *allocatorv1.PlaceResponse) []Take {
	var takes []Take
	for _, demand := range answer.GetPlacements() {
		for _, decision := range demand.GetPools() {
			if decision.GetVerdict() != allocatorv1.Verdict_VERDICT_TAKEN || decision.GetInstances() <= 0 {
				continue
			}
			candidate := candidateOf(spec, decision)
			if candidate == nil {
				continue
			}
			weight := plan.WeightOf(candidate, decision.GetWeightMilliunits())
			if weight < 1 || weight > plan.MaxMilliunits {
				continue // no instance can weigh that
			}
			take := Take{
				Pool:      Pool{decision.GetZoneId(), decision.GetInstanceType(), demand.GetBillingMethod()},
				Instances: int(decision.GetInstances()), Weight: weight,
				Price: decision.GetPriceMicrosPerHour(), MaxPrice: maxPrice(spec, candidate, demand.GetBillingMethod()),
				Image: candidate.GetImageId(),
			}
			if candidate.GetAttributes() != nil {
				take.Expansion = &plan.Expansion{
					Zone: take.Pool.Zone, Type: take.Pool.Type, Candidate: decision.GetCandidateIndex(), Weight: weight,
				}
			}
			takes = append(takes, take)
		}
	}
	return takes
}

// candidateOf is the candidate that a decision says its pool belongs to; nil
// when the pool can not be that candidate's.
func candidateOf(spec *groupv1.GroupSpec, decision *allocatorv1.PoolDecision) *groupv1.Candidate {
	candidates, index := spec.GetCandidates(), int(decision.GetCandidateIndex())
	switch {
	case index < 0 || index >= len(candidates) || decision.GetInstanceType() == "":
		return nil
	case plan.ExpandsTo(spec, index, decision.GetZoneId()):
		return candidates[index]
	case candidates[index].GetAttributes() == nil && candidates[index].GetZoneId() == decision.GetZoneId() &&
		candidates[index].GetInstanceType() == decision.GetInstanceType():
		return candidates[index]
	default:
		return nil
	}
}

// maxPrice tells the bid for a pool of a candidate: the lower of the maximum
// prices of the group and the candidate, 0 when there is none.
func maxPrice(spec *groupv1.GroupSpec, candidate *groupv1.Candidate, method fleetv1.BillingMethod) int64 {
	if method != fleetv1.BillingMethod_BILLING_METHOD_SPOT {
		return 0
	}
	price, own := spec.GetSpot().GetMaxPriceMicrosPerHour(), candidate.GetMaxPriceMicrosPerHour()
	if own > 0 && (price == 0 || own < price) {
		return own
	}
	return price
}
