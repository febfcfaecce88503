package match_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/cockroachdb/datadriven"

	"github.com/seed-198b1370/muster/pkg/money"
	"github.com/seed-198b1370/muster/services/allocator/match"
)

// TestScenarios runs the scripts in testdata/scenarios. `go test -run TestScenarios
// -rewrite` writes what comes out into them; commit only what you understand.
//
// A `types` block says what is sold, one type a line:
//
//	TYPE vCPUs MEMORY-GIB zones=ZONE,... [gpus=N] [category=WORD] [level=WORD] [burstable]
//
// A `match ZONE` block is attributes, one a line, and tells what matches and
// what does not:
//
//	vcpus|memory|category|level|exclude VALUE...
//	min|max vcpus|memory|gpus NUMBER
//	burstable exclude|include|require
//	unit instance|vcpu|memory
//	weight UNITS
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata/scenarios", func(t *testing.T, path string) {
		var catalog *match.Catalog
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s := script{t: t, at: d.Pos}
			switch d.Cmd {
			case "types":
				types := s.types(d.Input)
				catalog = match.NewCatalog(types)
				return fmt.Sprintf("%d types", len(types))
			case "match":
				return show(match.NewFilter(s.attributes(d.Input)), catalog, d.CmdArgs[0].Key)
			default:
				t.Fatalf("%s: command %q is not known", d.Pos, d.Cmd)
				return ""
			}
		})
	})
}

func show(filter *match.Filter, catalog *match.Catalog, zone string) string {
	var out strings.Builder
	table := tabwriter.NewWriter(&out, 0, 1, 2, ' ', 0)
	for _, one := range filter.AppendMatches(nil, catalog, zone) {
		fmt.Fprintf(table, "%s\tweighs %v\n", one.Type.Name, money.UnitsOf(one.Weight))
	}
	for _, one := range filter.Mismatches(catalog, zone) {
		fmt.Fprintf(table, "%s\t- %s: %s\n", one.Type.Name, ruleNames[one.Rule], one.Has)
	}
	table.Flush()
	return out.String()
}

var (
	ruleNames = map[match.Rule]string{
		match.ZoneRule: "zone", match.VCPURule: "vCPUs", match.MemoryRule: "memory", match.GPURule: "GPUs", match.CategoryRule: "category",
		match.LevelRule: "family level", match.BurstableRule: "burstable", match.ExcludedRule: "excluded", match.WeightRule: "weight",
	}
	categories = map[string]match.Category{
		"x86": match.X86, "arm": match.Arm, "heterogeneous": match.Heterogeneous, "bare-metal": match.BareMetal,
		"super-compute-cluster": match.SuperComputeCluster,
	}
	levels    = map[string]match.Level{"entry": match.Entry, "enterprise": match.Enterprise, "credit-entry": match.CreditEntry}
	burstable = map[string]match.Burstable{
		"exclude": match.BurstableExcluded, "include": match.BurstableIncluded, "require": match.BurstableRequired,
	}
	units = map[string]match.Unit{"instance": match.UnitInstance, "vcpu": match.UnitVCPU, "memory": match.UnitMemoryGiB}
)

// A script reads the blocks of a scenario.
type script struct {
	t  *testing.T
	at string
}

func (s script) types(input string) []match.Type {
	var all []match.Type
	for line := range strings.Lines(input) {
		words := strings.Fields(line)
		one := match.Type{
			Name: words[0], VCPUs: int32(s.number(words[1])), MemoryMiB: int64(s.number(words[2]) * 1024),
			Category: match.X86, Level: match.Enterprise,
		}
		for _, word := range words[3:] {
			switch key, value, _ := strings.Cut(word, "="); key {
			case "zones":
				one.Zones = strings.Split(value, ",")
			case "gpus":
				one.GPUs = int32(s.number(value))
			case "category":
				one.Category = known(s, categories, value)
			case "level":
				one.Level = known(s, levels, value)
			case "burstable":
				one.Burstable = true
			default:
				s.t.Fatalf("%s: %q is not known", s.at, word)
			}
		}
		all = append(all, one)
	}
	return all
}

func (s script) attributes(input string) match.Attributes {
	a := match.Attributes{Weight: 1000}
	for line := range strings.Lines(input) {
		words := strings.Fields(line)
		switch values := words[1:]; words[0] {
		case "vcpus":
			for _, value := range values {
				a.VCPUs = append(a.VCPUs, int32(s.number(value)))
			}
		case "memory":
			for _, value := range values {
				a.MemoryMiB = append(a.MemoryMiB, int64(s.number(value)*1024))
			}
		case "min":
			s.bound(values, &a.MinVCPUs, &a.MinMemoryMiB, &a.MinGPUs)
		case "max":
			s.bound(values, &a.MaxVCPUs, &a.MaxMemoryMiB, &a.MaxGPUs)
		case "category":
			for _, value := range values {
				a.Categories = append(a.Categories, known(s, categories, value))
			}
		case "level":
			for _, value := range values {
				a.Levels = append(a.Levels, known(s, levels, value))
			}
		case "burstable":
			a.Burstable = known(s, burstable, values[0])
		case "exclude":
			a.Excluded = slices.Concat(a.Excluded, values)
		case "unit":
			a.Unit = known(s, units, values[0])
		case "weight":
			a.Weight = money.MilliunitsOf(s.number(values[0]))
		default:
			s.t.Fatalf("%s: %q is not known", s.at, line)
		}
	}
	return a
}

func (s script) bound(values []string, vcpus **int32, memory **int64, gpus **int32) {
	number := s.number(values[1])
	switch values[0] {
	case "vcpus":
		*vcpus = new(int32(number))
	case "memory":
		*memory = new(int64(number * 1024))
	case "gpus":
		*gpus = new(int32(number))
	default:
		s.t.Fatalf("%s: %q has no bounds", s.at, values[0])
	}
}

func (s script) number(text string) float64 {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		s.t.Fatalf("%s: %v", s.at, err)
	}
	return value
}

func known[V any](s script, words map[string]V, word string) V {
	value, ok := words[word]
	if !ok {
		s.t.Fatalf("%s: %q is not known", s.at, word)
	}
	return value
}
