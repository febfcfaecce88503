package api

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/seed-198b1370/muster/pkg/money"
	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/catalog"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

// mibPerGiB is how many MiB a GiB has.
const mibPerGiB = 1024

// weighsByCatalog tells whether a group counts what its instance types have.
func weighsByCatalog(spec *groupv1.GroupSpec) bool {
	unit := spec.GetCapacityUnit()
	return unit == allocatorv1.CapacityUnit_CAPACITY_UNIT_VCPU || unit == allocatorv1.CapacityUnit_CAPACITY_UNIT_MEMORY_GIB
}

// fillUnits gives candidates without a weight what can be told without knowing
// what their types have: 1, or, with attributes, the unit that gives each of
// their types its weight.
func fillUnits(spec *groupv1.GroupSpec) {
	if spec.GetCapacityUnit() == allocatorv1.CapacityUnit_CAPACITY_UNIT_UNSPECIFIED {
		spec.CapacityUnit = allocatorv1.CapacityUnit_CAPACITY_UNIT_INSTANCE
	}
	for _, candidate := range spec.GetCandidates() {
		switch {
		case candidate.WeightedCapacity != nil || plan.WeighsByType(candidate):
		case !weighsByCatalog(spec):
			candidate.WeightedCapacity = proto.Float64(1)
		case hasAttributes(candidate):
			candidate.Attributes.CapacityUnit = spec.GetCapacityUnit()
		}
	}
}

// weigh gives candidates that name a type, and no weight, what the type has. So
// it is stored and shown, and what an instance counts does not change with what
// the cloud tells of its type.
func (h *Handler) weigh(ctx context.Context, spec *groupv1.GroupSpec, whatIf *allocatorv1.Market) error {
	if !weighsByCatalog(spec) {
		return nil
	}
	listing, err := h.Catalog.Get(ctx, func(*catalog.Listing) bool { return true })
	if err != nil {
		return h.unavailable(ctx, "what the cloud sells can not be read now", err)
	}
	imagined := map[string]*fleetv1.InstanceType{}
	for _, told := range whatIf.GetInstanceTypes() {
		imagined[told.GetInstanceType()] = told
	}
	var violations rpc.Violations
	for i, candidate := range spec.GetCandidates() {
		if candidate.WeightedCapacity != nil || hasAttributes(candidate) {
			continue
		}
		known := imagined[candidate.GetInstanceType()]
		if known == nil {
			known = listing.Type(candidate.GetInstanceType())
		}
		weight := milliunitsOf(known, spec.GetCapacityUnit())
		if weight < 1 || weight > plan.MaxMilliunits {
			violations.Add(fmt.Sprintf("spec.candidates[%d].weighted_capacity", i), rpc.Literal("nothing"),
				fmt.Sprintf("must be given, for %s has %v units by capacity_unit, and an instance counts 0.001 to 10,000",
					candidate.GetInstanceType(), money.UnitsOf(weight)))
			continue
		}
		candidate.WeightedCapacity = proto.Float64(money.UnitsOf(weight))
	}
	return violations.Err()
}

// milliunitsOf is what an instance of a type counts in a unit, rounded down.
func milliunitsOf(known *fleetv1.InstanceType, unit allocatorv1.CapacityUnit) int64 {
	if unit == allocatorv1.CapacityUnit_CAPACITY_UNIT_VCPU {
		return int64(known.GetVcpus()) * money.MilliunitsPerUnit
	}
	return known.GetMemoryMib() * money.MilliunitsPerUnit / mibPerGiB
}
