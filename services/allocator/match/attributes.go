package match

import "github.com/seed-198b1370/muster/pkg/money"

// Attributes are what a type must be like. The zero value is met by every type.
// Its owner has checked it: numbers are in the ranges that a type can have.
type Attributes struct {
	// VCPUs are the numbers of vCPUs of which a type must have one; nil for any.
	VCPUs []int32
	// MemoryMiB are the sizes of memory of which a type must have one; nil for
	// any. Any number of vCPUs goes with any size of memory.
	MemoryMiB []int64
	// MinVCPUs and MaxVCPUs bound the number of vCPUs; nil for no bound.
	MinVCPUs, MaxVCPUs *int32
	// MinMemoryMiB and MaxMemoryMiB bound the memory; nil for no bound.
	MinMemoryMiB, MaxMemoryMiB *int64
	// MinGPUs and MaxGPUs bound the number of GPUs; nil for no bound.
	MinGPUs, MaxGPUs *int32
	// Categories are the kinds of family that may be used; nil for any.
	Categories []Category
	// Levels are the levels of family that may be used; nil for any.
	Levels []Level
	// Burstable says whether burstable types may be used.
	Burstable Burstable
	// Excluded are names of types that are left out, in which an asterisk stands
	// for any characters, none included. Case matters: names are lower-case.
	Excluded []string
	// Unit is what capacity is counted in.
	Unit Unit
	// Weight is what an instance weighs under UnitGiven, in thousandths of a
	// unit.
	Weight int64
}

// A Burstable says whether burstable types may be used.
type Burstable uint8

// Whether burstable types may be used.
const (
	// BurstableIncluded uses them like all others.
	BurstableIncluded Burstable = iota
	// BurstableExcluded leaves them out.
	BurstableExcluded
	// BurstableRequired leaves out all others.
	BurstableRequired
)

// A Unit is what capacity is counted in: it gives a type its weight.
type Unit uint8

// Units of capacity.
const (
	// UnitGiven gives every type the weight that the attributes tell.
	UnitGiven Unit = iota
	// UnitInstance makes every instance weigh 1.
	UnitInstance
	// UnitVCPU makes an instance weigh its number of vCPUs.
	UnitVCPU
	// UnitMemoryGiB makes an instance weigh its memory in GiB, rounded down to a
	// thousandth, at least that.
	UnitMemoryGiB
)

// Bounds of the weight of a type, in thousandths of a unit.
const (
	// MinWeight is the smallest weight.
	MinWeight = 1
	// MaxWeight is the largest weight.
	MaxWeight = 10_000_000
)

const mibPerGiB = 1_024

// weigh tells the weight of a type, in thousandths of a unit, in bounds or not.
func (a *Attributes) weigh(t *Type) int64 {
	switch a.Unit {
	case UnitInstance:
		return money.MilliunitsPerUnit
	case UnitVCPU:
		return int64(t.VCPUs) * money.MilliunitsPerUnit
	case UnitMemoryGiB:
		return max(MinWeight, t.MemoryMiB*money.MilliunitsPerUnit/mibPerGiB)
	default:
		return a.Weight
	}
}
