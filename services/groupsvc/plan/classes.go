package plan

import (
	"math"

	"github.com/seed-198b1370/muster/pkg/money"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// defaultWeight is what an instance contributes that belongs to no candidate.
const defaultWeight = money.MilliunitsPerUnit

// A Class is what the instances of a type in a zone have in common.
type Class struct {
	// Weight is what an instance contributes, in milliunits.
	Weight int64
	// Priority ranks the candidate, 0 first.
	Priority int32
	// Candidate is the index of the candidate, which is its place in the order
	// of the user.
	Candidate int32
	// ZoneRank is the place of the zone in the order in which candidates name
	// zones, from 0.
	ZoneRank int32
}

// An Expansion is a type that belongs to a candidate with attributes. Which
// types have them is not known here; it is told when one is launched, and
// remembered with the group, for the answer must stay the same for as long as
// the spec does.
type Expansion struct {
	// Zone is the candidate's zone.
	Zone string
	// Type is the instance type.
	Type string
	// Candidate is the index of the candidate.
	Candidate int32
	// Weight is what an instance contributes, in milliunits. It counts only
	// where the attributes say how types are weighed; else the candidate's does.
	Weight int64
}

// Classes tells the class of each instance of a group.
type Classes struct {
	classes map[pool]Class
	zones   map[string]int32
}

// A pool is an instance type in a zone.
type pool struct{ zone, instanceType string }

// ClassesOf tells the classes of a spec, given the types that its candidates
// with attributes are known to stand for.
func ClassesOf(spec *groupv1.GroupSpec, expansions []Expansion) Classes {
	c := Classes{classes: map[pool]Class{}, zones: map[string]int32{}}
	candidates := spec.GetCandidates()
	for i, candidate := range candidates {
		if _, named := c.zones[candidate.GetZoneId()]; !named {
			c.zones[candidate.GetZoneId()] = int32(len(c.zones))
		}
		key := pool{candidate.GetZoneId(), candidate.GetInstanceType()}
		if _, named := c.classes[key]; !named && candidate.GetAttributes() == nil {
			c.classes[key] = c.classOf(candidates, i, WeightOf(candidate, 0))
		}
	}
	for _, expansion := range expansions {
		i := int(expansion.Candidate)
		if !ExpandsTo(spec, i, expansion.Zone) {
			continue // the spec has changed since
		}
		c.classes[pool{expansion.Zone, expansion.Type}] = c.classOf(candidates, i, WeightOf(candidates[i], expansion.Weight))
	}
	return c
}

// Of tells the class of an instance of a type in a zone. One that belongs to no
// candidate contributes one unit and ranks last.
func (c Classes) Of(zoneID, instanceType string) Class {
	if class, known := c.classes[pool{zoneID, instanceType}]; known {
		return class
	}
	class := Class{Weight: defaultWeight, Priority: math.MaxInt32, Candidate: math.MaxInt32, ZoneRank: math.MaxInt32}
	if rank, named := c.zones[zoneID]; named {
		class.ZoneRank = rank
	}
	return class
}

func (c Classes) classOf(candidates []*groupv1.Candidate, index int, weight int64) Class {
	candidate := candidates[index]
	class := Class{Weight: weight, Priority: math.MaxInt32, Candidate: int32(index), ZoneRank: c.zones[candidate.GetZoneId()]}
	if candidate.Priority != nil {
		class.Priority = candidate.GetPriority()
	}
	return class
}

// ExpandsTo tells whether a spec's candidate stands for types of a zone by their
// attributes.
func ExpandsTo(spec *groupv1.GroupSpec, candidate int, zoneID string) bool {
	candidates := spec.GetCandidates()
	return candidate >= 0 && candidate < len(candidates) &&
		candidates[candidate].GetAttributes() != nil && candidates[candidate].GetZoneId() == zoneID
}

// WeighsByType tells whether the types of a candidate have weights of their own.
func WeighsByType(candidate *groupv1.Candidate) bool {
	return candidate.GetAttributes().GetCapacityUnit() != allocatorv1.CapacityUnit_CAPACITY_UNIT_UNSPECIFIED
}

// WeightOf tells what an instance of a candidate contributes, given the weight
// of its type, which counts only where types have their own.
func WeightOf(candidate *groupv1.Candidate, ofType int64) int64 {
	switch {
	case WeighsByType(candidate):
		return ofType
	case candidate.WeightedCapacity != nil:
		return money.MilliunitsOf(candidate.GetWeightedCapacity())
	default:
		return defaultWeight
	}
}

// leastWeight is the least that an instance of a candidate can contribute.
func leastWeight(candidate *groupv1.Candidate) int64 {
	if candidate.GetAttributes().GetCapacityUnit() == allocatorv1.CapacityUnit_CAPACITY_UNIT_MEMORY_GIB {
		return 1
	}
	return WeightOf(candidate, money.MilliunitsPerUnit) // one instance, or one vCPU
}
