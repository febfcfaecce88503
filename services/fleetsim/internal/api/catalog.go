package api

import (
	"context"
	"slices"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
)

// typeList is the kind of list that page tokens of instance types name.
const typeList = "fleet.instance_types"

// ListRegions implements the contract.
func (f *fleet) ListRegions(context.Context, *fleetv1.ListRegionsRequest) (*fleetv1.ListRegionsResponse, error) {
	return &fleetv1.ListRegionsResponse{Regions: []*fleetv1.Region{
		{RegionId: f.Catalog.RegionID(), ZoneIds: slices.Clone(f.Catalog.ZoneIDs()), Currency: f.Currency},
	}}, nil
}

// ListZones implements the contract.
func (f *fleet) ListZones(context.Context, *fleetv1.ListZonesRequest) (*fleetv1.ListZonesResponse, error) {
	resp := &fleetv1.ListZonesResponse{}
	for _, id := range f.Catalog.ZoneIDs() {
		resp.Zones = append(resp.Zones, &fleetv1.Zone{ZoneId: id, RegionId: f.Catalog.RegionID()})
	}
	return resp, nil
}

// ListInstanceTypes implements the contract.
func (f *fleet) ListInstanceTypes(_ context.Context, req *fleetv1.ListInstanceTypesRequest) (*fleetv1.ListInstanceTypesResponse, error) {
	last, ok := rpc.DecodePageToken(typeList, req.GetPageToken())
	if !ok {
		return nil, invalidToken("page_token", req.GetPageToken())
	}
	types := f.Catalog.InstanceTypes()
	start, found := slices.BinarySearch(types, last)
	if found {
		start++
	}
	resp := &fleetv1.ListInstanceTypesResponse{}
	for _, name := range types[start:] {
		t := toInstanceType(f.Catalog, name)
		if req.GetFamily() != "" && t.GetFamily() != req.GetFamily() {
			continue
		}
		if size := len(resp.GetInstanceTypes()); size == rpc.PageSize(req.GetPageSize()) {
			resp.NextPageToken = rpc.EncodePageToken(typeList, resp.GetInstanceTypes()[size-1].GetInstanceType())
			break
		}
		resp.InstanceTypes = append(resp.InstanceTypes, t)
	}
	return resp, nil
}

func toInstanceType(c *catalog.Catalog, instanceType string) *fleetv1.InstanceType {
	first, end := c.OffersOf(instanceType)
	offer := &c.Offers()[first]
	t := &fleetv1.InstanceType{
		InstanceType: offer.InstanceType, Family: offer.Family, Architecture: fleetv1.Architecture_ARCHITECTURE_X86,
		Vcpus: offer.VCPUs, MemoryMib: offer.MemoryMiB, Gpus: offer.GPUs,
		PayAsYouGoPriceMicrosPerHour: offer.PayAsYouGoMicros,
		Category:                     toCategory(offer.Category), FamilyLevel: toLevel(offer.Level), Burstable: offer.Burstable(),
	}
	if offer.Architecture == catalog.ARM {
		t.Architecture = fleetv1.Architecture_ARCHITECTURE_ARM
	}
	for _, offer := range c.Offers()[first:end] {
		t.ZoneIds = append(t.ZoneIds, offer.ZoneID)
	}
	return t
}

func toCategory(c catalog.Category) fleetv1.InstanceCategory {
	switch c {
	case catalog.CategoryX86:
		return fleetv1.InstanceCategory_INSTANCE_CATEGORY_X86
	case catalog.CategoryARM:
		return fleetv1.InstanceCategory_INSTANCE_CATEGORY_ARM
	case catalog.CategoryHeterogeneous:
		return fleetv1.InstanceCategory_INSTANCE_CATEGORY_HETEROGENEOUS
	case catalog.CategoryBareMetal:
		return fleetv1.InstanceCategory_INSTANCE_CATEGORY_BARE_METAL
	case catalog.CategorySuperComputeCluster:
		return fleetv1.InstanceCategory_INSTANCE_CATEGORY_SUPER_COMPUTE_CLUSTER
	default:
		return fleetv1.InstanceCategory_INSTANCE_CATEGORY_UNSPECIFIED
	}
}

func toLevel(l catalog.Level) fleetv1.FamilyLevel {
	switch l {
	case catalog.LevelEntry:
		return fleetv1.FamilyLevel_FAMILY_LEVEL_ENTRY
	case catalog.LevelEnterprise:
		return fleetv1.FamilyLevel_FAMILY_LEVEL_ENTERPRISE
	case catalog.LevelCreditEntry:
		return fleetv1.FamilyLevel_FAMILY_LEVEL_CREDIT_ENTRY
	default:
		return fleetv1.FamilyLevel_FAMILY_LEVEL_UNSPECIFIED
	}
}
