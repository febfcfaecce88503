package catalog_test

import (
	"slices"
	"testing"

	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
)

func goodOffer(zone string) catalog.Offer {
	return catalog.Offer{
		ZoneID: zone, InstanceType: "ecs.a.large", Family: "ecs.a", Architecture: catalog.X86, VCPUs: 2, MemoryMiB: 4096,
		PayAsYouGoMicros: 390_000, SpotBasePermille: 200, Capacity: 100,
	}
}

func TestNew_isWhatParseReads(t *testing.T) {
	shipped, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	offers := slices.Clone(shipped.Offers())
	slices.Reverse(offers)
	for _, region := range []string{"cn-shenzhen", ""} {
		c, err := catalog.New(region, offers)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(c.Offers(), shipped.Offers()) || !slices.Equal(c.ZoneIDs(), shipped.ZoneIDs()) ||
			!slices.Equal(c.InstanceTypes(), shipped.InstanceTypes()) || c.RegionID() != "cn-shenzhen" {
			t.Error("the same offers give another catalog")
		}
	}
	if offers[0] == shipped.Offers()[0] {
		t.Error("New changed the order of what it was given")
	}
}

func TestNew_tellsAllThatIsWrong(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(*catalog.Offer)
		want  string
	}{
		"zone":         {func(o *catalog.Offer) { o.ZoneID = "shenzhen" }, `offer 1, zone_id: must be a region and a letter, like cn-shenzhen-d, got "shenzhen"`},
		"other region": {func(o *catalog.Offer) { o.ZoneID = "eu-central-1a" }, `offer 1, zone_id: must be a zone of region cn-shenzhen, got "eu-central-1a"`},
		"twice":        {func(o *catalog.Offer) { o.ZoneID = "cn-shenzhen-d" }, `offer 1, zone_id: must be another zone than before: the type is listed there already, got "cn-shenzhen-d"`},
		"name":         {func(o *catalog.Offer) { o.Family = "" }, "offer 1, family: must be 1 to 64 lower-case letters, digits, dots and hyphens, got \"\"\noffer 1, family: must be the same in all zones, as in cn-shenzhen-d, got \"\""},
		"several":      {func(o *catalog.Offer) { o.Capacity, o.SpotBasePermille = 0, 99 }, "offer 1, spot_base_permille: must be a whole number from 100 to 1000, got \"99\"\noffer 1, capacity_instances: must be a whole number from 1 to 1000000, got \"0\""},
		"architecture": {func(o *catalog.Offer) { o.InstanceType, o.Architecture = "ecs.b.large", "" }, `offer 1, architecture: must be x86 or arm, got ""`},
		"category":     {func(o *catalog.Offer) { o.InstanceType, o.Category = "ecs.b.large", "gpu" }, `offer 1, category: must be one of x86, arm, heterogeneous, bare-metal, super-compute-cluster, got "gpu"`},
		"level":        {func(o *catalog.Offer) { o.Level = catalog.LevelEntry }, `offer 1, family_level: must be the same in all zones, as in cn-shenzhen-d, got "entry"`},
		"differs":      {func(o *catalog.Offer) { o.VCPUs = 4 }, `offer 1, vcpus: must be the same in all zones, as in cn-shenzhen-d, got "4"`},
	} {
		t.Run(name, func(t *testing.T) {
			offers := []catalog.Offer{goodOffer("cn-shenzhen-d"), goodOffer("cn-shenzhen-e")}
			test.spoil(&offers[1])
			if _, err := catalog.New("cn-shenzhen", offers); err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
	if _, err := catalog.New("cn-shenzhen", nil); err == nil {
		t.Error("a region without offers was made")
	}
}
