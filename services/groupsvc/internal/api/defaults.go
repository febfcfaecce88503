package api

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

// withDefaults is a spec with every default filled in, so that what is stored
// and shown says what is done.
func withDefaults(asked *groupv1.GroupSpec) *groupv1.GroupSpec {
	spec := proto.CloneOf(asked)
	if spec.GetType() == groupv1.GroupType_GROUP_TYPE_UNSPECIFIED {
		spec.Type = groupv1.GroupType_GROUP_TYPE_MAINTAIN
	}
	fillTarget(spec.GetTargetCapacity())
	fillValidity(spec)
	fillUnits(spec)
	if spec.PayAsYouGo == nil {
		spec.PayAsYouGo = &groupv1.PayAsYouGoOptions{}
	}
	fillPayAsYouGo(spec.GetPayAsYouGo())
	if spec.Spot == nil {
		spec.Spot = &groupv1.SpotOptions{}
	}
	fillSpot(spec.GetSpot())
	if spec.Health == nil {
		spec.Health = &groupv1.HealthOptions{}
	}
	if spec.GetHealth().GetMaxUnhealthyReplacementPercent() == 0 {
		spec.Health.MaxUnhealthyReplacementPercent = plan.DefaultReplacePercent
	}
	if spec.GetExcessCapacityTerminationPolicy() == groupv1.ExcessCapacityTerminationPolicy_EXCESS_CAPACITY_TERMINATION_POLICY_UNSPECIFIED {
		spec.ExcessCapacityTerminationPolicy = groupv1.ExcessCapacityTerminationPolicy_EXCESS_CAPACITY_TERMINATION_POLICY_NO_TERMINATION
	}
	return spec
}

func fillPayAsYouGo(options *groupv1.PayAsYouGoOptions) {
	switch options.GetAllocationStrategy() {
	case allocatorv1.PayAsYouGoAllocationStrategy_PAY_AS_YOU_GO_ALLOCATION_STRATEGY_UNSPECIFIED:
		options.AllocationStrategy = allocatorv1.PayAsYouGoAllocationStrategy_PAY_AS_YOU_GO_ALLOCATION_STRATEGY_LOWEST_PRICE
	case allocatorv1.PayAsYouGoAllocationStrategy_PAY_AS_YOU_GO_ALLOCATION_STRATEGY_ZONE_AND_TYPE:
		fillPolicies(&options.ZonePolicy, &options.TypePolicy)
	default:
	}
}

func fillSpot(options *groupv1.SpotOptions) {
	if options.GetPoolsToUse() == 0 {
		options.PoolsToUse = 1
	}
	if options.GetInterruptionBehavior() == fleetv1.InterruptionBehavior_INTERRUPTION_BEHAVIOR_UNSPECIFIED {
		options.InterruptionBehavior = fleetv1.InterruptionBehavior_INTERRUPTION_BEHAVIOR_TERMINATE
	}
	if options.GetStoppedRetention() == nil {
		options.StoppedRetention = durationpb.New(plan.DefaultStoppedRetention)
	}
	if options.GetInterruptionReplacement() == groupv1.InterruptionReplacement_INTERRUPTION_REPLACEMENT_UNSPECIFIED {
		options.InterruptionReplacement = groupv1.InterruptionReplacement_INTERRUPTION_REPLACEMENT_ON_NOTICE
	}
	if options.GetShortfall() == groupv1.SpotShortfall_SPOT_SHORTFALL_UNSPECIFIED {
		options.Shortfall = groupv1.SpotShortfall_SPOT_SHORTFALL_WAIT
	}
	switch options.GetAllocationStrategy() {
	case allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_UNSPECIFIED:
		options.AllocationStrategy = allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_LOWEST_PRICE
	case allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_ZONE_AND_TYPE:
		fillPolicies(&options.ZonePolicy, &options.TypePolicy)
	default:
	}
}

func fillPolicies(zones *allocatorv1.ZonePolicy, types *allocatorv1.TypePolicy) {
	if *zones == allocatorv1.ZonePolicy_ZONE_POLICY_UNSPECIFIED {
		*zones = allocatorv1.ZonePolicy_ZONE_POLICY_BALANCED
	}
	if *types == allocatorv1.TypePolicy_TYPE_POLICY_UNSPECIFIED {
		*types = allocatorv1.TypePolicy_TYPE_POLICY_SEQUENCED
	}
}

func fillTarget(target *groupv1.TargetCapacity) {
	if target.GetDefaultType() == groupv1.DefaultTargetCapacityType_DEFAULT_TARGET_CAPACITY_TYPE_UNSPECIFIED {
		target.DefaultType = groupv1.DefaultTargetCapacityType_DEFAULT_TARGET_CAPACITY_TYPE_SPOT
	}
}
