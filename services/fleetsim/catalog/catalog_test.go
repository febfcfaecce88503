package catalog_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
)

const (
	header     = "zone_id,instance_type,family,architecture,vcpus,memory_mib,gpus,pay_as_you_go_micros_per_hour,spot_base_permille,capacity_instances\n"
	fullHeader = "zone_id,instance_type,family,architecture,vcpus,memory_mib,gpus,pay_as_you_go_micros_per_hour,spot_base_permille,capacity_instances,category,family_level\n"
)

func TestDefault_holdsTheRegion(t *testing.T) {
	c, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"cn-shenzhen-c", "cn-shenzhen-d", "cn-shenzhen-e", "cn-shenzhen-f"}; !slices.Equal(c.ZoneIDs(), want) || c.RegionID() != "cn-shenzhen" {
		t.Errorf("region %s, zones %v", c.RegionID(), c.ZoneIDs())
	}
	index, ok := c.Find("cn-shenzhen-d", "ecs.c6.xlarge")
	if !ok {
		t.Fatal("no ecs.c6.xlarge in cn-shenzhen-d")
	}
	got := c.Offers()[index]
	got.Capacity = 0
	if diff := cmp.Diff(catalog.Offer{
		ZoneID: "cn-shenzhen-d", InstanceType: "ecs.c6.xlarge", Family: "ecs.c6", Architecture: catalog.X86,
		VCPUs: 4, MemoryMiB: 8192, PayAsYouGoMicros: 780_000, SpotBasePermille: 191,
		Category: catalog.CategoryX86, Level: catalog.LevelEnterprise,
	}, got); diff != "" {
		t.Error(diff)
	}
	if first, end := c.OffersOf("ecs.s6-c1m1.small"); end-first != 4 {
		t.Errorf("ecs.s6-c1m1.small is sold in %d zones", end-first)
	}
	if first, end := c.OffersOf("ecs.nothing"); end != first || c.HasType("ecs.nothing") || !c.HasType("ecs.c6.large") || c.HasZone("cn-shenzhen-b") {
		t.Error("unknown names were found")
	}
	for _, o := range c.Offers() {
		if arm := strings.HasSuffix(o.Family, "8y") || strings.HasSuffix(o.Family, "6r") && o.Family != "ecs.r6"; arm != (o.Architecture == catalog.ARM) {
			t.Errorf("%s runs on %s", o.InstanceType, o.Architecture)
		}
		classic := slices.Contains([]string{"ecs.c6", "ecs.g6", "ecs.r6", "ecs.c7", "ecs.g7", "ecs.r7"}, o.Family)
		if classic && o.VCPUs <= 8 && o.Capacity < 400 {
			t.Errorf("%s in %s holds only %d", o.InstanceType, o.ZoneID, o.Capacity)
		}
	}
}

func TestParse_namesLineColumnValueAndRule(t *testing.T) {
	const (
		good = "cn-shenzhen-d,ecs.a.large,ecs.a,x86,2,4096,0,390000,200,100\n"
		full = "cn-shenzhen-d,ecs.a.large,ecs.a,x86,2,4096,0,390000,200,100,bare-metal,entry\n"
	)
	for name, test := range map[string]struct{ text, want string }{
		"empty":             {"", "line 1: must hold a header and at least one offer"},
		"header only":       {header, "line 1: must hold a header and at least one offer"},
		"wrong header":      {"zone,type\n", "line 1: must be the header zone_id,"},
		"half a kind":       {strings.Replace(fullHeader, ",family_level", "", 1), "capacity_instances,category,family_level, of which the last two can be left out"},
		"no CSV":            {"\"zone", "line 1: must be CSV: "},
		"too many columns":  {header + full, "line 2: must be CSV with 10 columns"},
		"kind left out":     {fullHeader + good, "line 2: must be CSV with 12 columns"},
		"category":          {fullHeader + strings.Replace(full, "bare-metal", "metal", 1), `line 2, column category: must be one of x86, arm, heterogeneous, bare-metal, super-compute-cluster, got "metal"`},
		"level":             {fullHeader + strings.Replace(full, "entry", "EntryLevel", 1), `line 2, column family_level: must be one of entry, enterprise, credit-entry, got "EntryLevel"`},
		"differs in kind":   {fullHeader + full + strings.Replace(strings.Replace(full, "-d,", "-e,", 1), "entry", "", 1), "type ecs.a.large differs between its zones"},
		"too few columns":   {header + "a,b\n", "line 2: must be CSV with 10 columns"},
		"no number":         {header + strings.Replace(good, "4096", "4 GiB", 1), `line 2, column memory_mib: must be a whole number from 1 to 16777216, got "4 GiB"`},
		"price too low":     {header + strings.Replace(good, "390000", "-1", 1), `line 2, column pay_as_you_go_micros_per_hour: must be a whole number from 1000 to 10000000000, got "-1"`},
		"spot above list":   {header + good + strings.Replace(good, ",200,", ",1250,", 1), `line 3, column spot_base_permille: must be a whole number from 100 to 1000, got "1250"`},
		"architecture":      {header + strings.Replace(good, "x86", "amd64", 1), `line 2, column architecture: must be x86 or arm, got "amd64"`},
		"zone":              {header + strings.Replace(good, "cn-shenzhen-d", "shenzhen", 1), `line 2, column zone_id: must be a region and a letter, like cn-shenzhen-d, got "shenzhen"`},
		"zone of elsewhere": {header + good + strings.Replace(good, "cn-shenzhen-d", "eu-central-1a", 1), `line 3, column zone_id: must be a zone of region cn-shenzhen, got "eu-central-1a"`},
		"name":              {header + strings.Replace(good, "ecs.a.large", "ecs a", 1), `line 2, column instance_type: must be 1 to 64 lower-case`},
		"twice":             {header + good + good, "type ecs.a.large is listed twice in zone cn-shenzhen-d"},
		"differs":           {header + good + strings.Replace(strings.Replace(good, "-d,", "-e,", 1), "4096", "2048", 1), "type ecs.a.large differs between its zones"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := catalog.Parse(strings.NewReader(test.text))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestParse_refusesWhatIsTooLarge(t *testing.T) {
	big := strings.NewReader(header + strings.Repeat("x", catalog.MaxBytes))
	if _, err := catalog.Parse(big); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("got %v", err)
	}
	if _, err := catalog.Parse(failing{}); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
}

var errBroken = errors.New("broken")

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errBroken }

func FuzzParse(f *testing.F) {
	f.Add(header + "cn-shenzhen-d,ecs.a.large,ecs.a,x86,2,4096,0,390000,200,100\n")
	f.Add(header + "eu-central-1a,ecs.a.large,ecs.a,arm,2,4096,8,1000,1000,1\n\"")
	f.Add(fullHeader + "eu-central-1a,ecs.a.large,ecs.a,arm,2,4096,8,1000,1000,1,bare-metal,\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := catalog.Parse(strings.NewReader(text))
		if err != nil {
			return
		}
		var written bytes.Buffer
		if err := c.Write(&written); err != nil {
			t.Fatal(err)
		}
		again, err := catalog.Parse(&written)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(c.Offers(), again.Offers()) || c.RegionID() != again.RegionID() || !slices.Equal(c.ZoneIDs(), again.ZoneIDs()) {
			t.Error("what was written is not what was read")
		}
		for i, o := range c.Offers() {
			if at, ok := c.Find(o.ZoneID, o.InstanceType); !ok || at != i {
				t.Errorf("offer %d is found at %d, %v", i, at, ok)
			}
		}
	})
}
