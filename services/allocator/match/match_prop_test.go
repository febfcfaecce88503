package match_test

import (
	"path"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/seed-198b1370/muster/services/allocator/match"
)

// naive is what a matcher is held against: every rule spelt out, nothing made
// ready. It tells the first rule that a type does not meet.
func naive(a match.Attributes, t match.Type, zone string) (rule match.Rule, weight int64) {
	weight = a.Weight
	if a.Unit == match.UnitInstance {
		weight = 1000
	}
	if a.Unit == match.UnitVCPU {
		weight = int64(t.VCPUs) * 1000
	}
	if a.Unit == match.UnitMemoryGiB {
		weight = t.MemoryMiB * 1000 / 1024
		if weight == 0 {
			weight = 1
		}
	}
	sold := false
	for _, z := range t.Zones {
		sold = sold || z == zone
	}
	excluded := false
	for _, pattern := range a.Excluded {
		// Names have no slashes and patterns no brackets: an asterisk is all
		// that is special.
		matches, err := path.Match(pattern, t.Name)
		excluded = excluded || err != nil || matches
	}
	for _, one := range []struct {
		rule match.Rule
		met  bool
	}{
		{match.ZoneRule, sold},
		{match.VCPURule, within(t.VCPUs, a.VCPUs, a.MinVCPUs, a.MaxVCPUs)},
		{match.MemoryRule, within(t.MemoryMiB, a.MemoryMiB, a.MinMemoryMiB, a.MaxMemoryMiB)},
		{match.GPURule, within(t.GPUs, nil, a.MinGPUs, a.MaxGPUs)},
		{match.CategoryRule, len(a.Categories) == 0 || slices.Contains(a.Categories, t.Category)},
		{match.LevelRule, len(a.Levels) == 0 || slices.Contains(a.Levels, t.Level)},
		{match.BurstableRule, a.Burstable == match.BurstableIncluded || (a.Burstable == match.BurstableRequired) == t.Burstable},
		{match.ExcludedRule, !excluded},
		{match.WeightRule, weight >= 1 && weight <= 10_000_000},
	} {
		if !one.met {
			return one.rule, weight
		}
	}
	return 0, weight
}

func within[N int32 | int64](number N, list []N, least, most *N) bool {
	return (len(list) == 0 || slices.Contains(list, number)) &&
		(least == nil || number >= *least) && (most == nil || number <= *most)
}

func drawTypes(t *rapid.T) []match.Type {
	return rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) match.Type {
		return match.Type{
			Name:      rapid.StringMatching(`ecs\.[cgt][5-8]e?\.(2x|x)?large`).Draw(t, "name"),
			Zones:     rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 3, rapid.ID).Draw(t, "zones"),
			VCPUs:     rapid.SampledFrom([]int32{0, 1, 2, 4, 8, 1024}).Draw(t, "vcpus"),
			MemoryMiB: rapid.SampledFrom([]int64{0, 1, 512, 1536, 4096, 8192, 10_240_000, 10_240_001, 16 << 20}).Draw(t, "memory"),
			GPUs:      rapid.Int32Range(0, 3).Draw(t, "gpus"),
			Category:  match.Category(rapid.Uint8Range(0, 5).Draw(t, "category")),
			Level:     match.Level(rapid.Uint8Range(0, 3).Draw(t, "level")),
			Burstable: rapid.Bool().Draw(t, "burstable"),
		}
	}), 0, 12, func(t match.Type) string { return t.Name }).Draw(t, "types")
}

func drawAttributes(t *rapid.T) match.Attributes {
	categories := rapid.Map(rapid.Uint8Range(1, 5), func(c uint8) match.Category { return match.Category(c) })
	levels := rapid.Map(rapid.Uint8Range(1, 3), func(l uint8) match.Level { return match.Level(l) })
	vcpus := rapid.SampledFrom([]int32{1, 2, 4, 8, 16})
	memory := rapid.SampledFrom([]int64{512, 1536, 4096, 8192})
	return match.Attributes{
		VCPUs:        sometimes(t, rapid.SliceOfN(vcpus, 0, 4), "vcpus"),
		MemoryMiB:    sometimes(t, rapid.SliceOfN(memory, 0, 4), "memory"),
		MinVCPUs:     sometimes(t, rapid.Ptr(vcpus, true), "min vcpus"),
		MaxVCPUs:     sometimes(t, rapid.Ptr(vcpus, true), "max vcpus"),
		MinMemoryMiB: sometimes(t, rapid.Ptr(memory, true), "min memory"),
		MaxMemoryMiB: sometimes(t, rapid.Ptr(memory, true), "max memory"),
		MinGPUs:      sometimes(t, rapid.Ptr(rapid.Int32Range(0, 3), true), "min gpus"),
		MaxGPUs:      sometimes(t, rapid.Ptr(rapid.Int32Range(0, 3), true), "max gpus"),
		Categories:   sometimes(t, rapid.SliceOfN(categories, 0, 5), "categories"),
		Levels:       sometimes(t, rapid.SliceOfN(levels, 0, 3), "levels"),
		Burstable:    match.Burstable(rapid.Uint8Range(0, 2).Draw(t, "burstable")),
		Excluded:     sometimes(t, rapid.SliceOfN(rapid.StringMatching(`\*?(ecs\.)?[cgt]?\*?[5-8]?\*?(\.xlarge)?`), 0, 3), "excluded"),
		Unit:         match.Unit(rapid.Uint8Range(0, 3).Draw(t, "unit")),
		Weight:       rapid.SampledFrom([]int64{0, 1, 1000, 10_000_000, 10_000_001}).Draw(t, "weight"),
	}
}

// sometimes draws in one of three cases, so that most rules are not asked for
// and types meet many of them.
func sometimes[V any](t *rapid.T, of *rapid.Generator[V], label string) V {
	if rapid.IntRange(0, 2).Draw(t, label+" asked") > 0 {
		return *new(V)
	}
	return of.Draw(t, label)
}

// A type matches or not, and for the reason, that the rules spelt out say; both
// lists ascend, and together they are the catalog.
func TestFilter_isTheRulesSpeltOut_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		types, attributes := drawTypes(t), drawAttributes(t)
		zone := rapid.SampledFrom([]string{"a", "b", "z"}).Draw(t, "zone")
		var matched, unmatched []string
		weights, rules := map[string]int64{}, map[string]match.Rule{}
		for _, one := range types {
			rule, weight := naive(attributes, one, zone)
			if rule == 0 {
				matched, weights[one.Name] = append(matched, one.Name), weight
			} else {
				unmatched, rules[one.Name] = append(unmatched, one.Name), rule
			}
		}
		slices.Sort(matched)
		slices.Sort(unmatched)

		catalog, filter := match.NewCatalog(types), match.NewFilter(attributes)
		var gotMatched, gotUnmatched []string
		for _, one := range filter.AppendMatches(nil, catalog, zone) {
			gotMatched = append(gotMatched, one.Type.Name)
			if one.Weight != weights[one.Type.Name] {
				t.Errorf("%s weighs %d, want %d", one.Type.Name, one.Weight, weights[one.Type.Name])
			}
		}
		for _, one := range filter.Mismatches(catalog, zone) {
			gotUnmatched = append(gotUnmatched, one.Type.Name)
			if one.Rule != rules[one.Type.Name] || one.Has == "" {
				t.Errorf("%s breaks rule %d (%q), want %d", one.Type.Name, one.Rule, one.Has, rules[one.Type.Name])
			}
		}
		if diff := cmp.Diff(matched, gotMatched); diff != "" {
			t.Errorf("matches: %s", diff)
		}
		if diff := cmp.Diff(unmatched, gotUnmatched); diff != "" {
			t.Errorf("mismatches: %s", diff)
		}
	})
}

// Asking for more never brings a type back, and leaving out every type leaves
// none.
func TestFilter_moreRulesMatchLess_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		catalog, attributes := match.NewCatalog(drawTypes(t)), drawAttributes(t)
		all := match.NewFilter(attributes).AppendMatches(nil, catalog, "a")
		more := attributes
		more.Excluded = append(slices.Clone(attributes.Excluded), rapid.SampledFrom([]string{"*5*", "ecs.c*", "*.large", "*"}).Draw(t, "also excluded"))
		left := match.NewFilter(more).AppendMatches(nil, catalog, "a")
		for _, one := range left {
			if !slices.Contains(all, one) {
				t.Errorf("%s matches only with more left out", one.Type.Name)
			}
		}
		if slices.Contains(more.Excluded, "*") && len(left) > 0 {
			t.Errorf("%d types match although all are left out", len(left))
		}
	})
}
