package match

import (
	"fmt"
	"strings"

	"github.com/seed-198b1370/muster/pkg/money"
)

// has tells in words what a type has of what a rule asks for.
func (f *Filter) has(t *Type, weight int64, rule Rule) string {
	switch rule {
	case ZoneRule:
		if len(t.Zones) == 0 {
			return "sold in no zone"
		}
		return "sold in " + strings.Join(t.Zones, ", ")
	case VCPURule:
		return counted(t.VCPUs, "vCPU")
	case MemoryRule:
		return memory(t.MemoryMiB)
	case GPURule:
		return counted(t.GPUs, "GPU")
	case CategoryRule:
		return "category " + t.Category.String()
	case LevelRule:
		return "level " + t.Level.String()
	case BurstableRule:
		if t.Burstable {
			return "burstable CPU"
		}
		return "CPU that is not burstable"
	case ExcludedRule:
		return "left out by " + f.excludes(t.Name)
	default:
		return fmt.Sprintf("weight %v", money.UnitsOf(weight))
	}
}

// counted tells a number of things.
func counted(number int32, thing string) string {
	switch number {
	case 0:
		return "no " + thing + "s"
	case 1:
		return "1 " + thing
	default:
		return fmt.Sprintf("%d %ss", number, thing)
	}
}

// memory tells a size in GiB if three decimals do for that, else in MiB.
func memory(mib int64) string {
	if mib%(mibPerGiB/8) != 0 {
		return fmt.Sprintf("%d MiB", mib)
	}
	return fmt.Sprintf("%v GiB", float64(mib)/mibPerGiB)
}

// String tells a category as people write it.
func (c Category) String() string {
	switch c {
	case X86:
		return "x86"
	case Arm:
		return "Arm"
	case Heterogeneous:
		return "heterogeneous"
	case BareMetal:
		return "bare metal"
	case SuperComputeCluster:
		return "super computing cluster"
	default:
		return "unknown"
	}
}

// String tells a level as people write it.
func (l Level) String() string {
	switch l {
	case Entry:
		return "entry"
	case Enterprise:
		return "enterprise"
	case CreditEntry:
		return "credit entry"
	default:
		return "unknown"
	}
}
