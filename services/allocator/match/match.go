package match

import (
	"math"
	"slices"
)

// A Rule is one by which attributes choose types.
type Rule uint8

// Rules, in the order in which they are applied. The zero value is none.
const (
	// ZoneRule is that the zone sells the type.
	ZoneRule Rule = iota + 1
	// VCPURule is the numbers of vCPUs and their bounds.
	VCPURule
	// MemoryRule is the sizes of memory and their bounds.
	MemoryRule
	// GPURule is the bounds of GPUs.
	GPURule
	// CategoryRule is the kinds of family.
	CategoryRule
	// LevelRule is the levels of family.
	LevelRule
	// BurstableRule is whether burstable types may be used.
	BurstableRule
	// ExcludedRule is the types left out by name.
	ExcludedRule
	// WeightRule is that the weight is within MinWeight and MaxWeight.
	WeightRule
)

// A Match is a type that meets attributes.
type Match struct {
	// Type is the type, as it is in the catalog.
	Type *Type
	// Weight is what one instance weighs, in thousandths of a unit, MinWeight to
	// MaxWeight.
	Weight int64
}

// A Mismatch is a type that does not meet attributes.
type Mismatch struct {
	// Type is the type, as it is in the catalog.
	Type *Type
	// Rule is the first rule that it does not meet.
	Rule Rule
	// Has is what it has instead, in words: "8 vCPUs".
	Has string
}

// A Filter is attributes made ready to be held against types. Nothing of it
// changes, so any number may use it.
type Filter struct {
	attributes          Attributes
	vcpus, memory, gpus numbers
	categories, levels  set
	excluded            []wildcard
}

// NewFilter makes a filter of attributes, which must not be changed after.
func NewFilter(attributes Attributes) *Filter {
	f := &Filter{
		attributes: attributes,
		vcpus:      newNumbers(attributes.VCPUs, attributes.MinVCPUs, attributes.MaxVCPUs),
		memory:     newNumbers(attributes.MemoryMiB, attributes.MinMemoryMiB, attributes.MaxMemoryMiB),
		gpus:       newNumbers(nil, attributes.MinGPUs, attributes.MaxGPUs),
		categories: newSet(attributes.Categories),
		levels:     newSet(attributes.Levels),
	}
	for _, pattern := range attributes.Excluded {
		f.excluded = append(f.excluded, newWildcard(pattern))
	}
	return f
}

// AppendMatches appends the types of a zone that meet the attributes, in
// ascending order. It allocates nothing but room in what it appends to.
func (f *Filter) AppendMatches(to []Match, catalog *Catalog, zone string) []Match {
	for _, t := range catalog.byZone[zone] {
		weight := f.attributes.weigh(t)
		if f.broken(t, weight) == 0 {
			to = append(to, Match{Type: t, Weight: weight})
		}
	}
	return to
}

// Mismatches tells all other types of the catalog, in ascending order, and why
// each is not among the matches.
func (f *Filter) Mismatches(catalog *Catalog, zone string) []Mismatch {
	var all []Mismatch
	for i := range catalog.types {
		t := &catalog.types[i]
		weight, rule := f.attributes.weigh(t), ZoneRule
		if slices.Contains(t.Zones, zone) {
			rule = f.broken(t, weight)
		}
		if rule != 0 {
			all = append(all, Mismatch{Type: t, Rule: rule, Has: f.has(t, weight, rule)})
		}
	}
	return all
}

// broken tells the first rule after that of the zone which a type does not meet,
// 0 for none.
func (f *Filter) broken(t *Type, weight int64) Rule {
	switch {
	case !f.vcpus.has(int64(t.VCPUs)):
		return VCPURule
	case !f.memory.has(t.MemoryMiB):
		return MemoryRule
	case !f.gpus.has(int64(t.GPUs)):
		return GPURule
	case !f.categories.has(uint8(t.Category)):
		return CategoryRule
	case !f.levels.has(uint8(t.Level)):
		return LevelRule
	case f.attributes.Burstable == BurstableExcluded && t.Burstable, f.attributes.Burstable == BurstableRequired && !t.Burstable:
		return BurstableRule
	case f.excludes(t.Name) != "":
		return ExcludedRule
	case weight < MinWeight || weight > MaxWeight:
		return WeightRule
	default:
		return 0
	}
}

// excludes tells the first pattern that leaves a type out, empty for none.
func (f *Filter) excludes(name string) string {
	for i := range f.excluded {
		if f.excluded[i].matches(name) {
			return f.excluded[i].pattern
		}
	}
	return ""
}

// numbers are those that a type may have of something.
type numbers struct {
	min, max int64
	list     []int64 // empty for any
}

func newNumbers[N int32 | int64](list []N, least, most *N) numbers {
	n := numbers{min: math.MinInt64, max: math.MaxInt64}
	for _, number := range list {
		n.list = append(n.list, int64(number))
	}
	if least != nil {
		n.min = int64(*least)
	}
	if most != nil {
		n.max = int64(*most)
	}
	return n
}

func (n *numbers) has(number int64) bool {
	return number >= n.min && number <= n.max && (len(n.list) == 0 || slices.Contains(n.list, number))
}

// A set is a bit for each member; 0 has all there are.
type set uint8

func newSet[M Category | Level](members []M) set {
	var s set
	for _, member := range members {
		s |= 1 << member
	}
	return s
}

func (s set) has(member uint8) bool { return s == 0 || s&(1<<member) != 0 }
