package api

import (
	"cmp"
	"fmt"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// A check holds requests against what the contract's rules can not say. It is
// done here and not by expressions in the contract because each of those costs
// a tenth of a whole placement.
type check struct {
	violations *rpc.Violations
	// within is the path of the message that is checked, as in `requests[3].`.
	within string
}

func (c check) add(field string, value any, rule string) {
	c.violations.Add(c.within+field, value, rule)
}

func (c check) in(format string, args ...any) check {
	c.within += fmt.Sprintf(format, args...)
	return c
}

func (c check) place(request *allocatorv1.PlaceRequest) {
	c.candidates(request.GetCandidates())
	c.demands(request.GetDemands())
	c.exclusions(request.GetExclusions())
	c.market(request.GetWhatIf())
}

func (c check) placeMany(request *allocatorv1.PlaceManyRequest) {
	for i, one := range request.GetRequests() {
		inner := c.in("requests[%d].", i)
		inner.candidates(one.GetCandidates())
		inner.demands(one.GetDemands())
		inner.exclusions(one.GetExclusions())
		if one.GetWhatIf() != nil {
			inner.add("what_if", rpc.Literal("one"), "must not be given here, only once for all requests")
		}
	}
	c.market(request.GetWhatIf())
}

func (c check) candidates(candidates []*allocatorv1.Candidate) {
	for i, candidate := range candidates {
		switch named, attributes := candidate.GetInstanceType() != "", candidate.GetAttributes() != nil; {
		case !named && !attributes:
			c.in("candidates[%d].", i).add("instance_type", "", "must not be empty when no attributes are given")
		case named && attributes:
			c.in("candidates[%d].", i).add("instance_type", candidate.GetInstanceType(), "must be empty when attributes are given")
		}
		if candidate.GetAttributes() != nil {
			c.in("candidates[%d].attributes.", i).attributes(candidate.GetAttributes())
		}
	}
}

func (c check) attributes(a *allocatorv1.InstanceAttributes) {
	if a == nil { // where they are required, the contract says so
		return
	}
	checkBounds(c, "vcpus", a.MinVcpus, a.MaxVcpus)
	checkBounds(c, "memory_mib", a.MinMemoryMib, a.MaxMemoryMib)
	checkBounds(c, "gpus", a.MinGpus, a.MaxGpus)
}

// checkBounds refuses bounds that nothing is within.
func checkBounds[N cmp.Ordered](c check, of string, least, most *N) {
	if least != nil && most != nil && *least > *most {
		c.add("max_"+of, *most, fmt.Sprintf("must not be below min_%s, which is %v", of, *least))
	}
}

func (c check) demands(demands []*allocatorv1.Demand) {
	if len(demands) == 2 && demands[0].GetBillingMethod() == demands[1].GetBillingMethod() {
		c.add("demands[1].billing_method", int32(demands[1].GetBillingMethod()), "must differ from the first demand's")
	}
	for i, demand := range demands {
		if isZoneAndType(demand) {
			continue
		}
		if demand.GetZonePolicy() != 0 {
			c.in("demands[%d].", i).add("zone_policy", demand.GetZonePolicy(), "must not be given but with the strategy zone-and-type")
		}
		if demand.GetTypePolicy() != 0 {
			c.in("demands[%d].", i).add("type_policy", demand.GetTypePolicy(), "must not be given but with the strategy zone-and-type")
		}
	}
}

func isZoneAndType(demand *allocatorv1.Demand) bool {
	if demand.GetBillingMethod() == fleetv1.BillingMethod_BILLING_METHOD_SPOT {
		return demand.GetSpotStrategy() == allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_ZONE_AND_TYPE
	}
	return demand.GetPayAsYouGoStrategy() == allocatorv1.PayAsYouGoAllocationStrategy_PAY_AS_YOU_GO_ALLOCATION_STRATEGY_ZONE_AND_TYPE
}

func (c check) exclusions(exclusions []*allocatorv1.Exclusion) {
	for i, exclusion := range exclusions {
		if exclusion.GetRefuseTime() != nil {
			c.time(fmt.Sprintf("exclusions[%d].refuse_time", i), exclusion.GetRefuseTime())
		}
	}
}

func (c check) time(field string, at *timestamppb.Timestamp) {
	if at != nil && !at.IsValid() {
		c.add(field, rpc.Literal(fmt.Sprintf("%d s, %d ns", at.GetSeconds(), at.GetNanos())), "must be a time of the years 1 to 9999")
	}
}
