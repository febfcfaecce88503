package api

import (
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	"github.com/seed-198b1370/muster/services/allocator/internal/view"
	"github.com/seed-198b1370/muster/services/allocator/match"
)

// hasAttributes tells whether any candidate stands for the types with certain
// attributes.
func hasAttributes(candidates []*allocatorv1.Candidate) bool {
	for _, candidate := range candidates {
		if candidate.GetAttributes() != nil {
			return true
		}
	}
	return false
}

// filterOf makes a filter of attributes, with the weight of an instance that
// counts when they tell no unit.
func filterOf(a *allocatorv1.InstanceAttributes, weight int64) *match.Filter {
	attributes := match.Attributes{
		VCPUs: a.GetVcpus(), MinVCPUs: a.MinVcpus, MaxVCPUs: a.MaxVcpus,
		MemoryMiB: a.GetMemoryMib(), MinMemoryMiB: a.MinMemoryMib, MaxMemoryMiB: a.MaxMemoryMib,
		MinGPUs: a.MinGpus, MaxGPUs: a.MaxGpus,
		Excluded: a.GetExcludedInstanceTypes(), Weight: weight,
		Burstable: burstableOf(a.GetBurstablePerformance()), Unit: unitOf(a.GetCapacityUnit()),
	}
	for _, category := range a.GetCategories() {
		attributes.Categories = append(attributes.Categories, view.CategoryOf(category))
	}
	for _, level := range a.GetFamilyLevels() {
		attributes.Levels = append(attributes.Levels, view.LevelOf(level))
	}
	return match.NewFilter(attributes)
}

// burstableOf turns a choice; unspecified is include.
func burstableOf(burstable allocatorv1.BurstablePerformance) match.Burstable {
	switch burstable {
	case allocatorv1.BurstablePerformance_BURSTABLE_PERFORMANCE_EXCLUDE:
		return match.BurstableExcluded
	case allocatorv1.BurstablePerformance_BURSTABLE_PERFORMANCE_REQUIRE:
		return match.BurstableRequired
	default:
		return match.BurstableIncluded
	}
}

// unitOf turns a unit; unspecified is whatever the weight says.
func unitOf(unit allocatorv1.CapacityUnit) match.Unit {
	switch unit {
	case allocatorv1.CapacityUnit_CAPACITY_UNIT_INSTANCE:
		return match.UnitInstance
	case allocatorv1.CapacityUnit_CAPACITY_UNIT_VCPU:
		return match.UnitVCPU
	case allocatorv1.CapacityUnit_CAPACITY_UNIT_MEMORY_GIB:
		return match.UnitMemoryGiB
	default:
		return match.UnitGiven
	}
}

// matchesOf tells what each candidate with attributes stands for.
func matchesOf(candidates []*allocatorv1.Candidate, types *match.Catalog) []*allocatorv1.CandidateMatch {
	var matches []*allocatorv1.CandidateMatch
	for i, c := range candidates {
		if c.GetAttributes() != nil {
			matches = append(matches, matchOf(int32(i), filterOf(c.GetAttributes(), c.GetWeightMilliunits()), types, c.GetZoneId()))
		}
	}
	return matches
}

// matchOf tells which types of a zone pass a filter, and why the others do not.
func matchOf(index int32, filter *match.Filter, types *match.Catalog, zone string) *allocatorv1.CandidateMatch {
	answer := &allocatorv1.CandidateMatch{CandidateIndex: index}
	for _, matched := range filter.AppendMatches(nil, types, zone) {
		answer.InstanceTypes = append(answer.InstanceTypes, matched.Type.Name)
	}
	for _, mismatch := range filter.Mismatches(types, zone) {
		answer.Unmatched = append(answer.Unmatched, &allocatorv1.UnmatchedType{
			InstanceType: mismatch.Type.Name, Rule: allocatorv1.MatchRule(mismatch.Rule), Has: mismatch.Has,
		})
	}
	return answer
}
