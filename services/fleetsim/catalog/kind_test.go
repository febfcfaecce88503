package catalog_test

import (
	"strings"
	"testing"

	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
)

// kindOf is what a catalog tells of an offer that does not say it itself.
func kindOf(t *testing.T, family string, architecture catalog.Architecture, gpus int32) (catalog.Category, catalog.Level, bool) {
	t.Helper()
	offer := goodOffer("cn-shenzhen-d")
	offer.Family, offer.Architecture, offer.GPUs = family, architecture, gpus
	c, err := catalog.New("", []catalog.Offer{offer})
	if err != nil {
		t.Fatal(err)
	}
	told := &c.Offers()[0]
	return told.Category, told.Level, told.Burstable()
}

func TestKind_isToldByTheFamily(t *testing.T) {
	for _, test := range []struct {
		families     string
		architecture catalog.Architecture
		gpus         int32
		category     catalog.Category
		level        catalog.Level
	}{
		{"ecs.c6 ecs.g7 ecs.r8i ecs.hfc7 ecs.u1 ecs.i2g ecs.sn1ne ecs.se1", catalog.X86, 0, catalog.CategoryX86, catalog.LevelEnterprise},
		{"ecs.c6r ecs.g8y", catalog.ARM, 0, catalog.CategoryARM, catalog.LevelEnterprise},
		{"ecs.gn7i ecs.sgn7i-vws-m2 ecs.vgn6i-m4-vws", catalog.X86, 1, catalog.CategoryHeterogeneous, catalog.LevelEnterprise},
		{"ecs.gn5 ecs.vgn5i ecs.f1 ecs.f3", catalog.X86, 0, catalog.CategoryHeterogeneous, catalog.LevelEnterprise},
		{"ecs.ebmc6 ecs.ebmgn7e ecs.ebmhfg5", catalog.X86, 8, catalog.CategoryBareMetal, catalog.LevelEnterprise},
		{"ecs.ebmg8y", catalog.ARM, 0, catalog.CategoryBareMetal, catalog.LevelEnterprise},
		{"ecs.sccg5 ecs.scchfc6 ecs.sccgn6", catalog.X86, 8, catalog.CategorySuperComputeCluster, catalog.LevelEnterprise},
		{"ecs.t5 ecs.t6", catalog.X86, 0, catalog.CategoryX86, catalog.LevelCreditEntry},
		{"ecs.e ecs.s6 ecs.v5 ecs.n1 ecs.n2 ecs.n4 ecs.mn4 ecs.xn4 ecs.e3 ecs.e4 ecs.t1 ecs.s1 ecs.c2 ecs.m1", catalog.X86, 0, catalog.CategoryX86, catalog.LevelEntry},
		// Names that mean something else elsewhere mean nothing here.
		{"t3 m1 c1 ebm scc f1", catalog.X86, 0, catalog.CategoryX86, catalog.LevelEnterprise},
		{"p3 g5", catalog.X86, 4, catalog.CategoryHeterogeneous, catalog.LevelEnterprise},
		{"m6g", catalog.ARM, 0, catalog.CategoryARM, catalog.LevelEnterprise},
	} {
		for family := range strings.FieldsSeq(test.families) {
			category, level, burstable := kindOf(t, family, test.architecture, test.gpus)
			if category != test.category || level != test.level || burstable != (level == catalog.LevelCreditEntry) {
				t.Errorf("%s: category %s, level %s, burstable %v; want %s, %s", family, category, level, burstable, test.category, test.level)
			}
		}
	}
}

// What a catalog says of a type wins over what its family is called, and an empty
// field says nothing.
func TestKind_isWhatTheCatalogSays(t *testing.T) {
	const line = "cn-shenzhen-d,ecs.t6.large,ecs.t6,x86,2,4096,0,390000,200,100"
	for text, want := range map[string][2]string{
		header + line + "\n":                              {"x86", "credit-entry"},
		fullHeader + line + ",,\n":                        {"x86", "credit-entry"},
		fullHeader + line + ",bare-metal,\n":              {"bare-metal", "credit-entry"},
		fullHeader + line + ",,enterprise\n":              {"x86", "enterprise"},
		fullHeader + line + ",heterogeneous,entry\n":      {"heterogeneous", "entry"},
		fullHeader + line + ",super-compute-cluster,\n":   {"super-compute-cluster", "credit-entry"},
		fullHeader + line + ",arm,credit-entry\n":         {"arm", "credit-entry"},
		fullHeader + line + ",x86,credit-entry\n":         {"x86", "credit-entry"},
		fullHeader + line + ",heterogeneous,enterprise\n": {"heterogeneous", "enterprise"},
	} {
		c, err := catalog.Parse(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if o := &c.Offers()[0]; string(o.Category) != want[0] || string(o.Level) != want[1] {
			t.Errorf("%q: category %s, level %s; want %v", text, o.Category, o.Level, want)
		}
	}
}

// The shipped catalog has types of every kind that its region sells.
func TestDefault_tellsItsKinds(t *testing.T) {
	c, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	categories, levels := map[catalog.Category]int{}, map[catalog.Level]int{}
	for i := range c.Offers() {
		o := &c.Offers()[i]
		categories[o.Category]++
		levels[o.Level]++
		if o.GPUs > 0 && o.Category != catalog.CategoryHeterogeneous && o.Category != catalog.CategoryBareMetal {
			t.Errorf("%s has GPUs and is %s", o.InstanceType, o.Category)
		}
		if o.Category == catalog.CategoryARM && o.Architecture != catalog.ARM {
			t.Errorf("%s runs on %s and is %s", o.InstanceType, o.Architecture, o.Category)
		}
	}
	for _, category := range []catalog.Category{catalog.CategoryX86, catalog.CategoryARM, catalog.CategoryHeterogeneous, catalog.CategoryBareMetal} {
		if categories[category] < 10 {
			t.Errorf("%d offers are %s", categories[category], category)
		}
	}
	for _, level := range catalog.Levels() {
		if levels[level] < 10 {
			t.Errorf("%d offers are of level %s", levels[level], level)
		}
	}
}
