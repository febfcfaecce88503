package match_test

import (
	"fmt"
	"testing"

	"github.com/seed-198b1370/muster/services/allocator/match"
)

// What is appended to is kept, and room that is there is used.
func TestAppendMatches_appendsWithoutAllocating(t *testing.T) {
	catalog, filters := region(), candidates()
	matches := filters[0].AppendMatches(nil, catalog, zone(0))
	first := len(matches)
	matches = filters[1].AppendMatches(matches, catalog, zone(1))
	if first == 0 || len(matches) == first {
		t.Fatalf("%d and %d types match", first, len(matches)-first)
	}
	again := filters[0].AppendMatches(nil, catalog, zone(0))
	for i, one := range again {
		if matches[i] != one {
			t.Errorf("match %d was %s, then %s", i, one.Type.Name, matches[i].Type.Name)
		}
	}
	allocations := testing.AllocsPerRun(10, func() {
		matches = matches[:0]
		for i, filter := range filters {
			matches = filter.AppendMatches(matches[:0], catalog, zone(i))
		}
	})
	if allocations > 0 {
		t.Errorf("%v allocations, with room for all", allocations)
	}
}

// A type of which the cloud does not tell all is found by what it does tell.
func TestFilter_doesNotGuessWhatIsUnknown(t *testing.T) {
	catalog := match.NewCatalog([]match.Type{{Name: "ecs.new.large", Zones: []string{"a"}, VCPUs: 2, MemoryMiB: 4096}})
	for name, test := range map[string]struct {
		attributes match.Attributes
		want       int
	}{
		"size":     {match.Attributes{VCPUs: []int32{2}, Unit: match.UnitVCPU}, 1},
		"category": {match.Attributes{Categories: []match.Category{1, 2, 3, 4, 5}, Unit: match.UnitVCPU}, 0},
		"level":    {match.Attributes{Levels: []match.Level{1, 2, 3}, Unit: match.UnitVCPU}, 0},
	} {
		if got := match.NewFilter(test.attributes).AppendMatches(nil, catalog, "a"); len(got) != test.want {
			t.Errorf("%s: %d types match, want %d", name, len(got), test.want)
		}
	}
}

// manyTypes is how many types a large region has.
const manyTypes = 2_000

func types() []match.Type {
	all := make([]match.Type, manyTypes)
	for i := range all {
		all[i] = match.Type{
			Name:  fmt.Sprintf("ecs.%c%d.%dxlarge", 'a'+i%26, i/26%10, i/260),
			Zones: []string{zone(0), zone(1), zone(2), zone(3)}[:1+i%4],
			VCPUs: 1 << (i % 8), MemoryMiB: 1024 << (i % 9), GPUs: int32(i % 7 / 6),
			Category: match.Category(1 + i%5), Level: match.Level(1 + i%3), Burstable: i%3 == 2,
		}
	}
	return all
}

func region() *match.Catalog { return match.NewCatalog(types()) }

func zone(i int) string { return "cn-shenzhen-" + string(rune('c'+i%4)) }

// asked is what 20 candidates ask for: from next to nothing to much.
func asked() []match.Attributes {
	all := make([]match.Attributes, 20)
	for i := range all {
		all[i] = match.Attributes{Unit: match.UnitVCPU, Excluded: []string{"ecs.c6.*", "*7*", "ecs.e1.1xlarge", "*.5xlarge", "ecs.z*.*"}}
		if i%2 == 0 {
			all[i].VCPUs, all[i].MemoryMiB = []int32{2, 4, 8, 16}, []int64{4096, 8192, 16384}
		}
		if i%3 == 0 {
			all[i].MinVCPUs, all[i].MaxGPUs = new(int32(2)), new(int32(0))
		}
		if i%4 == 0 {
			all[i].Categories, all[i].Burstable = []match.Category{match.X86, match.Arm}, match.BurstableExcluded
		}
	}
	return all
}

func candidates() []*match.Filter {
	var all []*match.Filter
	for _, attributes := range asked() {
		all = append(all, match.NewFilter(attributes))
	}
	return all
}
