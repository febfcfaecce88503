package catalog

import (
	"slices"
	"strings"
)

// A Category is the kind of an instance family.
type Category string

// The categories.
const (
	// CategoryX86 is virtual machines on x86.
	CategoryX86 Category = "x86"
	// CategoryARM is virtual machines on Arm.
	CategoryARM Category = "arm"
	// CategoryHeterogeneous is virtual machines with GPUs or other accelerators.
	CategoryHeterogeneous Category = "heterogeneous"
	// CategoryBareMetal is bare metal.
	CategoryBareMetal Category = "bare-metal"
	// CategorySuperComputeCluster is super computing clusters.
	CategorySuperComputeCluster Category = "super-compute-cluster"
)

// Categories is all categories.
func Categories() []Category {
	return []Category{CategoryX86, CategoryARM, CategoryHeterogeneous, CategoryBareMetal, CategorySuperComputeCluster}
}

// A Level is the level of an instance family.
type Level string

// The levels.
const (
	// LevelEntry shares its CPUs.
	LevelEntry Level = "entry"
	// LevelEnterprise has CPUs of its own.
	LevelEnterprise Level = "enterprise"
	// LevelCreditEntry has CPUs that give full performance in bursts only, paid
	// for with credits.
	LevelCreditEntry Level = "credit-entry"
)

// Levels is all levels.
func Levels() []Level { return []Level{LevelEntry, LevelEnterprise, LevelCreditEntry} }

// tellKind fills in what an offer does not say of its category and its level,
// from the rest of it. The category is that of [knownPrefixes], else
// heterogeneous with GPUs, else the architecture's. The level is that of the
// families that are known to share CPUs, else enterprise.
func (o *Offer) tellKind() {
	if o.Category == "" {
		o.Category = categoryOf(o)
	}
	if o.Level == "" {
		o.Level = levelOf(o.Family)
	}
}

func categoryOf(o *Offer) Category {
	for _, known := range knownPrefixes() {
		if strings.HasPrefix(o.Family, known.prefix) {
			return known.category
		}
	}
	switch {
	case o.GPUs > 0:
		return CategoryHeterogeneous
	case o.Architecture == ARM:
		return CategoryARM
	default:
		return CategoryX86
	}
}

type knownPrefix struct {
	prefix   string
	category Category
}

// knownPrefixes is how Alibaba Cloud begins the names of families that are more
// than virtual machines of an architecture.
func knownPrefixes() []knownPrefix {
	return []knownPrefix{
		{"ecs.scc", CategorySuperComputeCluster},
		{"ecs.ebm", CategoryBareMetal},
		{"ecs.gn", CategoryHeterogeneous}, {"ecs.vgn", CategoryHeterogeneous}, {"ecs.sgn", CategoryHeterogeneous}, // GPUs
		{"ecs.f1", CategoryHeterogeneous}, {"ecs.f2", CategoryHeterogeneous}, {"ecs.f3", CategoryHeterogeneous}, // FPGAs
	}
}

func levelOf(family string) Level {
	switch {
	case slices.Contains(burstableFamilies(), family):
		return LevelCreditEntry
	case slices.Contains(sharedFamilies(), family):
		return LevelEntry
	default:
		return LevelEnterprise
	}
}

// burstableFamilies is the families whose CPUs live on credits.
func burstableFamilies() []string { return []string{"ecs.t5", "ecs.t6"} }

// sharedFamilies is the families whose vCPUs have no hyperthread of their own.
func sharedFamilies() []string {
	return []string{
		"ecs.e", "ecs.s6", "ecs.v5", // sold now
		"ecs.xn4", "ecs.n4", "ecs.mn4", "ecs.e4", "ecs.n1", "ecs.n2", "ecs.e3", // before
		"ecs.t1", "ecs.s1", "ecs.s2", "ecs.s3", "ecs.c1", "ecs.c2", "ecs.m1", "ecs.m2", // the first generation
	}
}
