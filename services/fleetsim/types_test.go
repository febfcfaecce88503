package fleetsim_test

import (
	"testing"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim"
	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
)

// What attributes can ask of a type is told of it, whatever its kind.
func TestInstanceTypes_tellTheirKind(t *testing.T) {
	kinds := map[string]struct {
		category  fleetv1.InstanceCategory
		level     fleetv1.FamilyLevel
		burstable bool
	}{
		"ecs.c6.large":          {fleetv1.InstanceCategory_INSTANCE_CATEGORY_X86, fleetv1.FamilyLevel_FAMILY_LEVEL_ENTERPRISE, false},
		"ecs.c8y.large":         {fleetv1.InstanceCategory_INSTANCE_CATEGORY_ARM, fleetv1.FamilyLevel_FAMILY_LEVEL_ENTERPRISE, false},
		"ecs.gn7i-c8g1.2xlarge": {fleetv1.InstanceCategory_INSTANCE_CATEGORY_HETEROGENEOUS, fleetv1.FamilyLevel_FAMILY_LEVEL_ENTERPRISE, false},
		"ecs.ebmg7.32xlarge":    {fleetv1.InstanceCategory_INSTANCE_CATEGORY_BARE_METAL, fleetv1.FamilyLevel_FAMILY_LEVEL_ENTERPRISE, false},
		"ecs.sccg5.24xlarge":    {fleetv1.InstanceCategory_INSTANCE_CATEGORY_SUPER_COMPUTE_CLUSTER, fleetv1.FamilyLevel_FAMILY_LEVEL_ENTERPRISE, false},
		"ecs.e-c1m1.large":      {fleetv1.InstanceCategory_INSTANCE_CATEGORY_X86, fleetv1.FamilyLevel_FAMILY_LEVEL_ENTRY, false},
		"ecs.t6-c1m1.large":     {fleetv1.InstanceCategory_INSTANCE_CATEGORY_X86, fleetv1.FamilyLevel_FAMILY_LEVEL_CREDIT_ENTRY, true},
	}
	shipped, err := catalog.Default()
	if err != nil {
		t.Fatal(err)
	}
	sold, err := catalog.New("", append([]catalog.Offer{{ // the one kind that the shipped catalog lacks
		ZoneID: "cn-shenzhen-d", InstanceType: "ecs.sccg5.24xlarge", Family: "ecs.sccg5", Architecture: catalog.X86, VCPUs: 96, MemoryMiB: 393_216,
		PayAsYouGoMicros: 30_000_000, SpotBasePermille: 200, Capacity: 8,
	}}, shipped.Offers()...))
	if err != nil {
		t.Fatal(err)
	}
	c := start(t, fleetsim.Config{Catalog: sold}, false)
	found := 0
	for token, pages := "", 0; pages == 0 || token != ""; pages++ {
		resp, err := c.fleet.ListInstanceTypes(t.Context(), &fleetv1.ListInstanceTypesRequest{PageSize: 100, PageToken: token})
		if err != nil {
			t.Fatal(err)
		}
		token = resp.GetNextPageToken()
		for _, one := range resp.GetInstanceTypes() {
			if one.GetCategory() == 0 || one.GetFamilyLevel() == 0 {
				t.Errorf("the kind of %s is not told", one.GetInstanceType())
			}
			want, known := kinds[one.GetInstanceType()]
			if !known {
				continue
			}
			found++
			if one.GetCategory() != want.category || one.GetFamilyLevel() != want.level || one.GetBurstable() != want.burstable {
				t.Errorf("got %v, want %v", one, want)
			}
		}
	}
	if found != len(kinds) {
		t.Errorf("%d of %d types are sold", found, len(kinds))
	}
}
