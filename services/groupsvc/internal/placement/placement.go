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
			ZoneId: candidate.GetZoneId(), InstanceType: candidate.GetInstanceType(),
			WeightMilliunits: plan.ClassOf(spec, candidate.GetZoneId(), candidate.GetInstanceType()).Weight,
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
		})
	}
	if need.Spot > 0 {
		demands = append(demands, &allocatorv1.Demand{
			BillingMethod:         fleetv1.BillingMethod_BILLING_METHOD_SPOT,
			WantedMilliunits:      need.Spot,
			SpotStrategy:          spec.GetSpot().GetAllocationStrategy(),
			PoolsToUse:            spec.GetSpot().GetPoolsToUse(),
			MaxPriceMicrosPerHour: spec.GetSpot().GetMaxPriceMicrosPerHour(),
		})
	}
	return demands
}

func existingOf(observed plan.Observed) []*allocatorv1.ZoneCapacity {
	held := observed.SpotByZone()
	var existing []*allocatorv1.ZoneCapacity
	for _, zone := range slices.Sorted(maps.Keys(held)) {
		existing = append(existing, &allocatorv1.ZoneCapacity{ZoneId: zone, SpotMilliunits: held[zone]})
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
}

// TakesOf reads what to launch out of an answer, in order.
func TakesOf(spec *groupv1.GroupSpec, answer *allocatorv1.PlaceResponse) []Take {
	var takes []Take
	for _, demand := range answer.GetPlacements() {
		for _, decision := range demand.GetPools() {
			if decision.GetVerdict() != allocatorv1.Verdict_VERDICT_TAKEN || decision.GetInstances() <= 0 {
				continue
			}
			pool := Pool{decision.GetZoneId(), decision.GetInstanceType(), demand.GetBillingMethod()}
			if !isCandidate(spec, pool) {
				continue // nothing is launched outside the candidates (S5)
			}
			takes = append(takes, Take{
				Pool: pool, Instances: int(decision.GetInstances()),
				Weight: plan.ClassOf(spec, pool.Zone, pool.Type).Weight,
				Price:  decision.GetPriceMicrosPerHour(), MaxPrice: MaxPrice(spec, pool),
			})
		}
	}
	return takes
}

func isCandidate(spec *groupv1.GroupSpec, pool Pool) bool {
	return slices.ContainsFunc(spec.GetCandidates(), func(candidate *groupv1.Candidate) bool {
		return candidate.GetZoneId() == pool.Zone && candidate.GetInstanceType() == pool.Type
	})
}

// MaxPrice tells the bid for a pool: the lower of the maximum prices of the
// group and the candidate, 0 when there is none.
func MaxPrice(spec *groupv1.GroupSpec, pool Pool) int64 {
	if pool.Method != fleetv1.BillingMethod_BILLING_METHOD_SPOT {
		return 0
	}
	price := spec.GetSpot().GetMaxPriceMicrosPerHour()
	for _, candidate := range spec.GetCandidates() {
		own := candidate.GetMaxPriceMicrosPerHour()
		if candidate.GetZoneId() == pool.Zone && candidate.GetInstanceType() == pool.Type && own > 0 && (price == 0 || own < price) {
			price = own
		}
	}
	return price
}
