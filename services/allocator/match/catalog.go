package match

import (
	"slices"
	"strings"
)

// A Category is a kind of instance family.
type Category uint8

// Categories. The zero value is one that the cloud does not tell; only
// attributes that ask for none are met by it.
const (
	// X86 is virtual machines on x86.
	X86 Category = iota + 1
	// Arm is virtual machines on Arm.
	Arm
	// Heterogeneous is virtual machines with GPUs or other accelerators.
	Heterogeneous
	// BareMetal is bare metal.
	BareMetal
	// SuperComputeCluster is super computing clusters.
	SuperComputeCluster
)

// A Level is a level of instance family.
type Level uint8

// Levels. The zero value is one that the cloud does not tell; only attributes
// that ask for none are met by it.
const (
	// Entry shares its CPUs.
	Entry Level = iota + 1
	// Enterprise has CPUs of its own.
	Enterprise
	// CreditEntry has burstable CPUs.
	CreditEntry
)

// A Type is what attributes can ask of an instance type.
type Type struct {
	// Name is the type, for example ecs.c6.large.
	Name string
	// Zones are the zones that sell it, in ascending order.
	Zones []string
	// VCPUs is how many vCPUs it has.
	VCPUs int32
	// GPUs is how many GPUs it has.
	GPUs int32
	// MemoryMiB is its memory.
	MemoryMiB int64
	// Category is the kind of its family.
	Category Category
	// Level is the level of its family.
	Level Level
	// Burstable tells whether its CPU gives full performance in bursts only.
	Burstable bool
}

// A Catalog is the types of a region. Nothing of it changes, so any number may
// read it.
type Catalog struct {
	types  []Type             // by name
	byZone map[string][]*Type // into types, by name
}

// NewCatalog makes a catalog of types in any order, no two of one name.
func NewCatalog(types []Type) *Catalog {
	c := &Catalog{types: slices.Clone(types), byZone: map[string][]*Type{}}
	slices.SortFunc(c.types, func(a, b Type) int { return strings.Compare(a.Name, b.Name) })
	for i := range c.types {
		for _, zone := range c.types[i].Zones {
			c.byZone[zone] = append(c.byZone[zone], &c.types[i])
		}
	}
	return c
}
