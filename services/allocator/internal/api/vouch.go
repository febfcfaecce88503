package api

import (
	"google.golang.org/protobuf/proto"

	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// Bounds of the contract. They may be tighter here than there, never wider.
const (
	maxCandidates   = 20
	maxDemands      = 2
	maxExclusions   = 40
	maxExisting     = 64
	maxRequests     = 1_000
	maxPools        = 20
	maxWeight       = 10_000_000
	maxInstances    = 100_000
	maxHeld         = 1_000_000
	maxMilliunits   = 1_000_000_000_000
	maxNameBytes    = 64 // the contract counts characters, of which there are no more
	maxKeyBytes     = 128
	maxZonePolicy   = allocatorv1.ZonePolicy_ZONE_POLICY_SEQUENCED
	maxTypePolicy   = allocatorv1.TypePolicy_TYPE_POLICY_COST_CENTERED
	maxSpot         = allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_ZONE_AND_TYPE
	maxPayAsYouGo   = allocatorv1.PayAsYouGoAllocationStrategy_PAY_AS_YOU_GO_ALLOCATION_STRATEGY_ZONE_AND_TYPE
	maxExplanations = allocatorv1.Explanation_EXPLANATION_POOLS_AND_TYPES
)

var _ rpc.Voucher = (*Server)(nil)

// Vouches implements [rpc.Voucher] for placements that name their types.
func (s *Server) Vouches(request proto.Message) bool {
	switch request := request.(type) {
	case *allocatorv1.PlaceRequest:
		return vouchesPlace(request)
	case *allocatorv1.PlaceManyRequest:
		requests := request.GetRequests()
		return within(len(requests), 1, maxRequests) && request.GetWhatIf() == nil && all(requests, vouchesPlace)
	default:
		return false
	}
}

func vouchesPlace(r *allocatorv1.PlaceRequest) bool {
	return r.GetWhatIf() == nil &&
		within(len(r.GetCandidates()), 1, maxCandidates) && all(r.GetCandidates(), vouchesCandidate) &&
		within(len(r.GetDemands()), 1, maxDemands) && all(r.GetDemands(), vouchesDemand) &&
		len(r.GetExclusions()) <= maxExclusions && all(r.GetExclusions(), vouchesExclusion) &&
		len(r.GetExisting()) <= maxExisting && all(r.GetExisting(), vouchesExisting) &&
		within(r.GetMaxInstances(), 0, maxInstances) && within(r.GetMaxMilliunits(), 0, maxMilliunits) &&
		len(r.GetPromiseKey()) <= maxKeyBytes && within(r.GetExplanation(), 0, maxExplanations)
}

func vouchesCandidate(c *allocatorv1.Candidate) bool {
	return c.GetAttributes() == nil && isName(c.GetZoneId()) && isName(c.GetInstanceType()) &&
		within(c.GetWeightMilliunits(), 1, maxWeight) && c.GetPriority() >= 0 && c.GetMaxPriceMicrosPerHour() >= 0
}

func vouchesDemand(d *allocatorv1.Demand) bool {
	return isBilling(d.GetBillingMethod()) && within(d.GetWantedMilliunits(), 1, maxMilliunits) &&
		within(d.GetPayAsYouGoStrategy(), 0, maxPayAsYouGo) && within(d.GetSpotStrategy(), 0, maxSpot) &&
		within(d.GetPoolsToUse(), 0, maxPools) && d.GetMaxPriceMicrosPerHour() >= 0 &&
		within(d.GetZonePolicy(), 0, maxZonePolicy) && within(d.GetTypePolicy(), 0, maxTypePolicy)
}

func vouchesExclusion(e *allocatorv1.Exclusion) bool {
	return isName(e.GetZoneId()) && isName(e.GetInstanceType()) && isBilling(e.GetBillingMethod())
}

func vouchesExisting(z *allocatorv1.ZoneCapacity) bool {
	return isName(z.GetZoneId()) && within(z.GetSpotMilliunits(), 0, maxMilliunits) && within(z.GetInstances(), 0, maxHeld)
}

func isName(name string) bool { return name != "" && len(name) <= maxNameBytes }

func isBilling(method fleetv1.BillingMethod) bool {
	return method == fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO || method == fleetv1.BillingMethod_BILLING_METHOD_SPOT
}

func within[N ~int | ~int32 | ~int64](number, least, most N) bool {
	return least <= number && number <= most
}

func all[M any](messages []M, holds func(M) bool) bool {
	for _, message := range messages {
		if !holds(message) {
			return false
		}
	}
	return true
}
