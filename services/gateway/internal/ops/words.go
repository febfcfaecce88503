package ops

import (
	"maps"
	"math"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/gateway/wire"
)

// words are the values of an enum as the API spells them.
type words[E ~int32] map[E]string

// value is the value of a word; the zero value for one that there is not.
func (w words[E]) value(word string) E {
	for value, spelled := range w {
		if spelled == word {
			return value
		}
	}
	return 0
}

// all are the words, in the order of their values.
func (w words[E]) all() []string {
	out := make([]string, 0, len(w))
	for _, value := range slices.Sorted(maps.Keys(w)) {
		out = append(out, w[value])
	}
	return out
}

var (
	groupTypes = words[groupv1.GroupType]{
		groupv1.GroupType_GROUP_TYPE_REQUEST:  "request",
		groupv1.GroupType_GROUP_TYPE_INSTANT:  "instant",
		groupv1.GroupType_GROUP_TYPE_MAINTAIN: "maintain",
	}
	defaultTypes = words[groupv1.DefaultTargetCapacityType]{
		groupv1.DefaultTargetCapacityType_DEFAULT_TARGET_CAPACITY_TYPE_SPOT:          "Spot",
		groupv1.DefaultTargetCapacityType_DEFAULT_TARGET_CAPACITY_TYPE_PAY_AS_YOU_GO: "PayAsYouGo",
	}
	spotStrategies = words[allocatorv1.SpotAllocationStrategy]{
		allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_LOWEST_PRICE:       "lowest-price",
		allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_DIVERSIFIED:        "diversified",
		allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_CAPACITY_OPTIMIZED: "capacity-optimized",
	}
	payAsYouGoStrategies = words[allocatorv1.PayAsYouGoAllocationStrategy]{
		allocatorv1.PayAsYouGoAllocationStrategy_PAY_AS_YOU_GO_ALLOCATION_STRATEGY_LOWEST_PRICE: "lowest-price",
		allocatorv1.PayAsYouGoAllocationStrategy_PAY_AS_YOU_GO_ALLOCATION_STRATEGY_PRIORITIZED:  "prioritized",
	}
	// What the API has no word for is told all the same, to whom knows it.
	moreSpotStrategies = words[allocatorv1.SpotAllocationStrategy]{
		allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_CAPACITY_OPTIMIZED_PRIORITIZED: "capacity-optimized-prioritized",
		allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_PRICE_CAPACITY_OPTIMIZED:       "price-capacity-optimized",
		allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_LOWEST_COST:                    "lowest-cost",
		allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_ZONE_AND_TYPE:                  "zone-and-type",
	}
	morePayAsYouGoStrategies = words[allocatorv1.PayAsYouGoAllocationStrategy]{
		allocatorv1.PayAsYouGoAllocationStrategy_PAY_AS_YOU_GO_ALLOCATION_STRATEGY_LOWEST_COST:   "lowest-cost",
		allocatorv1.PayAsYouGoAllocationStrategy_PAY_AS_YOU_GO_ALLOCATION_STRATEGY_ZONE_AND_TYPE: "zone-and-type",
	}
	groupInterruptions = words[fleetv1.InterruptionBehavior]{
		fleetv1.InterruptionBehavior_INTERRUPTION_BEHAVIOR_STOP:      "stop",
		fleetv1.InterruptionBehavior_INTERRUPTION_BEHAVIOR_TERMINATE: "terminate",
	}
	excessPolicies = words[groupv1.ExcessCapacityTerminationPolicy]{
		groupv1.ExcessCapacityTerminationPolicy_EXCESS_CAPACITY_TERMINATION_POLICY_NO_TERMINATION: "no-termination",
		groupv1.ExcessCapacityTerminationPolicy_EXCESS_CAPACITY_TERMINATION_POLICY_TERMINATION:    "termination",
	}
	lifecycles = words[groupv1.Lifecycle]{
		groupv1.Lifecycle_LIFECYCLE_SUBMITTED:      "submitted",
		groupv1.Lifecycle_LIFECYCLE_ACTIVE:         "active",
		groupv1.Lifecycle_LIFECYCLE_MODIFYING:      "modifying",
		groupv1.Lifecycle_LIFECYCLE_DELETE_RUNNING: "delete-running",
		groupv1.Lifecycle_LIFECYCLE_DELETED:        "deleted",
	}
	fulfillments = words[groupv1.Fulfillment]{
		groupv1.Fulfillment_FULFILLMENT_FULFILLED:           "fulfilled",
		groupv1.Fulfillment_FULFILLMENT_PENDING_FULFILLMENT: "pending-fulfillment",
		groupv1.Fulfillment_FULFILLMENT_PENDING_TERMINATION: "pending-termination",
		groupv1.Fulfillment_FULFILLMENT_ERROR:               "error",
	}
	bids = words[groupv1.SpotStrategy]{
		groupv1.SpotStrategy_SPOT_STRATEGY_NO_SPOT:               "NoSpot",
		groupv1.SpotStrategy_SPOT_STRATEGY_SPOT_AS_PRICE_GO:      "SpotAsPriceGo",
		groupv1.SpotStrategy_SPOT_STRATEGY_SPOT_WITH_PRICE_LIMIT: "SpotWithPriceLimit",
	}
	diskCategories = words[fleetv1.DiskCategory]{
		fleetv1.DiskCategory_DISK_CATEGORY_CLOUD:            "cloud",
		fleetv1.DiskCategory_DISK_CATEGORY_CLOUD_EFFICIENCY: "cloud_efficiency",
		fleetv1.DiskCategory_DISK_CATEGORY_CLOUD_SSD:        "cloud_ssd",
		fleetv1.DiskCategory_DISK_CATEGORY_CLOUD_ESSD:       "cloud_essd",
	}
	familyLevels = words[fleetv1.FamilyLevel]{
		fleetv1.FamilyLevel_FAMILY_LEVEL_ENTRY:        "EntryLevel",
		fleetv1.FamilyLevel_FAMILY_LEVEL_ENTERPRISE:   "EnterpriseLevel",
		fleetv1.FamilyLevel_FAMILY_LEVEL_CREDIT_ENTRY: "CreditEntryLevel",
	}
	architectures = words[fleetv1.InstanceCategory]{
		fleetv1.InstanceCategory_INSTANCE_CATEGORY_X86:                   "X86",
		fleetv1.InstanceCategory_INSTANCE_CATEGORY_HETEROGENEOUS:         "Heterogeneous",
		fleetv1.InstanceCategory_INSTANCE_CATEGORY_BARE_METAL:            "BareMetal",
		fleetv1.InstanceCategory_INSTANCE_CATEGORY_ARM:                   "Arm",
		fleetv1.InstanceCategory_INSTANCE_CATEGORY_SUPER_COMPUTE_CLUSTER: "SuperComputeCluster",
	}
	burstables = words[allocatorv1.BurstablePerformance]{
		allocatorv1.BurstablePerformance_BURSTABLE_PERFORMANCE_EXCLUDE: "Exclude",
		allocatorv1.BurstablePerformance_BURSTABLE_PERFORMANCE_INCLUDE: "Include",
		allocatorv1.BurstablePerformance_BURSTABLE_PERFORMANCE_REQUIRE: "Required",
	}
)

// microsPerUnit is how many micro-units a unit of the currency has.
const microsPerUnit = 1e6

// Bounds of prices, in units of the currency an hour.
const (
	minPrice = 0.000001
	maxPrice = 1e9
)

// micros is a price in micro-units.
func micros(price float64) int64 { return int64(math.Round(price * microsPerUnit)) }

// units is a price in units of the currency.
func units(micros int64) float64 { return float64(micros) / microsPerUnit }

// Layouts of times in answers.
const (
	toSeconds = "2006-01-02T15:04:05Z"
	toMinutes = "2006-01-02T15:04Z"
)

// stamp is a time as answers tell it; "" for none.
func stamp(moment *timestamppb.Timestamp, layout string) string {
	if moment == nil {
		return ""
	}
	return moment.AsTime().UTC().Format(layout)
}

// moment is a time for a request; nil for none.
func moment(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// tagList are tags as answers tell them, in the order of their keys.
func tagList(tags map[string]string, keyName, valueName string) []wire.Object {
	if len(tags) == 0 {
		return nil
	}
	list := make([]wire.Object, 0, len(tags))
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, wire.Object{wire.T(keyName, key), wire.T(valueName, tags[key])})
	}
	return list
}
