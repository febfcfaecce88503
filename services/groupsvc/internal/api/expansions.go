package api

import (
	"context"
	"fmt"
	"slices"

	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/catalog"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

// A pool is an instance type in a zone.
type pool struct{ zone, instanceType string }

// expanded tells to which of a group's new candidates with attributes the types
// belong that it holds already, and what they count. It is told when the
// candidates change, and not when such a type is next launched: what an instance
// counts must not change on the way from one look to the next, or the group
// would launch for a need that it does not have (S3), or give up what it needs
// (S4). An instance of a pool that no new candidate stands for counts one unit.
func (h *Handler) expanded(ctx context.Context, stored *storagev1.StoredGroup, spec *groupv1.GroupSpec) ([]*storagev1.Expansion, error) {
	if !slices.ContainsFunc(spec.GetCandidates(), hasAttributes) {
		return nil, nil
	}
	held, err := h.poolsOf(ctx, stored)
	if err != nil {
		return nil, err
	}
	listing, err := h.Catalog.Get(ctx, func(*catalog.Listing) bool { return true })
	if err != nil {
		return nil, err
	}
	var expansions []*storagev1.Expansion
	claimed := map[pool]bool{}
	for i, candidate := range spec.GetCandidates() {
		types, err := h.typesOf(ctx, candidate)
		if err != nil {
			return nil, err
		}
		for _, instanceType := range types {
			key := pool{candidate.GetZoneId(), instanceType}
			if claimed[key] {
				continue // the first that has a type has it
			}
			claimed[key] = true
			if held[key] && hasAttributes(candidate) {
				expansions = append(expansions, &storagev1.Expansion{
					ZoneId: key.zone, InstanceType: key.instanceType, CandidateIndex: int32(i),
					WeightMilliunits: weightNow(stored, candidate, key, listing),
				})
			}
		}
	}
	return expansions, nil
}

// typesOf are the types that a candidate stands for.
func (h *Handler) typesOf(ctx context.Context, candidate *groupv1.Candidate) ([]string, error) {
	if !hasAttributes(candidate) {
		return []string{candidate.GetInstanceType()}, nil
	}
	answer, err := h.Allocator.MatchInstanceTypes(asCaller(ctx), &allocatorv1.MatchInstanceTypesRequest{
		ZoneId: candidate.GetZoneId(), Attributes: candidate.GetAttributes(),
	})
	if err != nil {
		return nil, fmt.Errorf("match instance types: %w", err)
	}
	return answer.GetMatch().GetInstanceTypes(), nil
}

// weightNow is what an instance of a pool counts under a candidate with
// attributes: what it did, when it was weighed in the same unit.
func weightNow(stored *storagev1.StoredGroup, candidate *groupv1.Candidate, key pool, listing *catalog.Listing) int64 {
	before := stored.GetGroup().GetSpec().GetCandidates()
	for _, known := range stored.GetExpansions() {
		if (pool{known.GetZoneId(), known.GetInstanceType()}) != key || !plan.ExpandsTo(stored.GetGroup().GetSpec(), int(known.GetCandidateIndex()), key.zone) {
			continue
		}
		if before[known.GetCandidateIndex()].GetAttributes().GetCapacityUnit() == candidate.GetAttributes().GetCapacityUnit() {
			return known.GetWeightMilliunits()
		}
	}
	sold := listing.Type(key.instanceType)
	switch candidate.GetAttributes().GetCapacityUnit() {
	case allocatorv1.CapacityUnit_CAPACITY_UNIT_VCPU:
		return int64(sold.GetVcpus()) * 1000
	case allocatorv1.CapacityUnit_CAPACITY_UNIT_MEMORY_GIB:
		return max(1, sold.GetMemoryMib()*1000/1024)
	default:
		return plan.WeightOf(candidate, 0)
	}
}

// poolsOf are those that a group has, or may come to have, instances of.
func (h *Handler) poolsOf(ctx context.Context, stored *storagev1.StoredGroup) (map[pool]bool, error) {
	held := map[pool]bool{}
	for _, launch := range stored.GetLaunches() {
		held[pool{launch.GetZoneId(), launch.GetInstanceType()}] = true
	}
	for _, joining := range stored.GetAttachments() {
		held[pool{joining.GetZoneId(), joining.GetInstanceType()}] = true
	}
	for _, known := range stored.GetExpansions() { // the fleet may be late to show them
		held[pool{known.GetZoneId(), known.GetInstanceType()}] = true
	}
	shown, err := h.members(ctx, stored.GetGroup().GetGroupId())
	for _, instance := range shown {
		held[pool{instance.GetZoneId(), instance.GetInstanceType()}] = true
	}
	return held, err
}
