package api

import (
	"google.golang.org/protobuf/proto"

	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// withDefaults is a spec with every default filled in, so that what is stored
// and shown says what is done.
func withDefaults(asked *groupv1.GroupSpec) *groupv1.GroupSpec {
	spec := proto.CloneOf(asked)
	if spec.GetType() == groupv1.GroupType_GROUP_TYPE_UNSPECIFIED {
		spec.Type = groupv1.GroupType_GROUP_TYPE_MAINTAIN
	}
	fillTarget(spec.GetTargetCapacity())
	for _, candidate := range spec.GetCandidates() {
		if candidate.WeightedCapacity == nil {
			candidate.WeightedCapacity = proto.Float64(1)
		}
	}
	if spec.PayAsYouGo == nil {
		spec.PayAsYouGo = &groupv1.PayAsYouGoOptions{}
	}
	if spec.GetPayAsYouGo().GetAllocationStrategy() == allocatorv1.PayAsYouGoAllocationStrategy_PAY_AS_YOU_GO_ALLOCATION_STRATEGY_UNSPECIFIED {
		spec.PayAsYouGo.AllocationStrategy = allocatorv1.PayAsYouGoAllocationStrategy_PAY_AS_YOU_GO_ALLOCATION_STRATEGY_LOWEST_PRICE
	}
	if spec.Spot == nil {
		spec.Spot = &groupv1.SpotOptions{}
	}
	if spec.GetSpot().GetAllocationStrategy() == allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_UNSPECIFIED {
		spec.Spot.AllocationStrategy = allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_LOWEST_PRICE
	}
	if spec.GetSpot().GetPoolsToUse() == 0 {
		spec.Spot.PoolsToUse = 1
	}
	if spec.GetExcessCapacityTerminationPolicy() == groupv1.ExcessCapacityTerminationPolicy_EXCESS_CAPACITY_TERMINATION_POLICY_UNSPECIFIED {
		spec.ExcessCapacityTerminationPolicy = groupv1.ExcessCapacityTerminationPolicy_EXCESS_CAPACITY_TERMINATION_POLICY_NO_TERMINATION
	}
	return spec
}

func fillTarget(target *groupv1.TargetCapacity) {
	if target.GetDefaultType() == groupv1.DefaultTargetCapacityType_DEFAULT_TARGET_CAPACITY_TYPE_UNSPECIFIED {
		target.DefaultType = groupv1.DefaultTargetCapacityType_DEFAULT_TARGET_CAPACITY_TYPE_SPOT
	}
}
