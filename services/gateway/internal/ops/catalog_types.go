package ops

import (
	"cmp"
	"context"
	"slices"
	"strings"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/gateway/internal/table"
	"github.com/seed-198b1370/muster/services/gateway/wire"
)

func splitIDs(text string) []string { return strings.Split(text, ",") }

var cpuArchitectures = words[fleetv1.Architecture]{
	fleetv1.Architecture_ARCHITECTURE_X86: "X86",
	fleetv1.Architecture_ARCHITECTURE_ARM: "ARM",
}

func describeInstanceTypes() Operation {
	return Operation{
		Operation: table.Operation{
			Name: "DescribeInstanceTypes", Summary: "Lists instance types, by name.",
			Params: []table.Param{
				ids("InstanceTypes", 10),
				{Name: "InstanceTypeFamily", Max: 64},
				{Name: "InstanceFamilyLevel", OneOf: familyLevels.all()},
				{Name: "CpuArchitecture", OneOf: cpuArchitectures.all()},
				{Name: "MinimumCpuCoreCount", Kind: table.Integer, Max: 1024}, {Name: "MaximumCpuCoreCount", Kind: table.Integer, Max: 1024},
				{Name: "MinimumMemorySize", Kind: table.Number, Max: 16384, Note: "GiB."}, {Name: "MaximumMemorySize", Kind: table.Number, Max: 16384, Note: "GiB."},
				{Name: "MaxResults", Kind: table.Integer, Min: 1, Max: 1600, Note: "1600 by default."},
				{Name: "NextToken", Max: 64},
			},
		},
		Run: func(ctx context.Context, call *Call) (wire.Object, error) {
			places, err := call.Cloud.Places(ctx)
			if err != nil {
				return nil, err
			}
			limit, list, last, next := int(cmp.Or(call.Integer("MaxResults"), 1600)), []wire.Object{}, "", ""
			for _, kind := range places.Types { // by name, so that a name is a place to go on from
				if kind.GetInstanceType() <= call.Text("NextToken") || !typeWanted(call, kind) {
					continue
				}
				if len(list) == limit {
					next = last
					break
				}
				list, last = append(list, typeObject(kind)), kind.GetInstanceType()
			}
			return wire.Object{wire.M("NextToken", next), wire.List("InstanceTypes", "InstanceType", list)}, nil
		},
	}
}

func typeWanted(call *Call, kind *fleetv1.InstanceType) bool {
	if names := call.Texts("InstanceTypes"); len(names) > 0 && !slices.Contains(names, kind.GetInstanceType()) {
		return false
	}
	for name, value := range map[string]string{
		"InstanceTypeFamily": kind.GetFamily(), "InstanceFamilyLevel": familyLevels[kind.GetFamilyLevel()], "CpuArchitecture": cpuArchitectures[kind.GetArchitecture()],
	} {
		if wanted := call.Text(name); wanted != "" && wanted != value {
			return false
		}
	}
	cores, memory := int64(kind.GetVcpus()), float64(kind.GetMemoryMib())/1024
	return cores >= call.Integer("MinimumCpuCoreCount") && (!call.Has("MaximumCpuCoreCount") || cores <= call.Integer("MaximumCpuCoreCount")) &&
		memory >= call.Number("MinimumMemorySize") && (!call.Has("MaximumMemorySize") || memory <= call.Number("MaximumMemorySize"))
}

func typeObject(kind *fleetv1.InstanceType) wire.Object {
	return wire.Object{
		wire.M("InstanceTypeId", kind.GetInstanceType()), wire.M("InstanceTypeFamily", kind.GetFamily()),
		wire.M("InstanceFamilyLevel", familyLevels[kind.GetFamilyLevel()]), wire.M("InstanceCategory", architectures[kind.GetCategory()]),
		wire.M("CpuArchitecture", cpuArchitectures[kind.GetArchitecture()]),
		wire.M("CpuCoreCount", kind.GetVcpus()), wire.M("MemorySize", float64(kind.GetMemoryMib())/1024), wire.M("GPUAmount", kind.GetGpus()),
		wire.M("GPUSpec", ""), wire.M("EniQuantity", 2), wire.M("DiskQuantity", 17),
	}
}

func describeInstanceTypeFamilies() Operation {
	return Operation{
		Operation: table.Operation{
			Name: "DescribeInstanceTypeFamilies", Summary: "Lists the families of instance types, by name.",
			Params: []table.Param{regionParam(), {Name: "Generation", Max: 64, Note: "As in `ecs-6`."}},
		},
		Run: func(ctx context.Context, call *Call) (wire.Object, error) {
			if err := call.Cloud.CheckRegion(ctx, call.Text("RegionId"), errRegionID); err != nil {
				return nil, err
			}
			places, err := call.Cloud.Places(ctx)
			if err != nil {
				return nil, err
			}
			var names []string
			for _, kind := range places.Types {
				names = append(names, kind.GetFamily())
			}
			list := []wire.Object{}
			for _, name := range slices.Sorted(slices.Values(unique(names))) {
				if wanted := call.Text("Generation"); wanted == "" || wanted == generation(name) {
					list = append(list, wire.Object{wire.M("InstanceTypeFamilyId", name), wire.M("Generation", generation(name))})
				}
			}
			return wire.Object{wire.List("InstanceTypeFamilies", "InstanceTypeFamily", list)}, nil
		},
	}
}

// generation is that of a family: ecs-6 of ecs.c6e.
func generation(family string) string {
	_, name, _ := strings.Cut(family, ".")
	digits := strings.TrimFunc(name, func(r rune) bool { return r < '0' || r > '9' })
	if digits == "" {
		return "ecs-1"
	}
	return "ecs-" + digits[:1]
}

// eachPool visits pools.
func (c *Cloud) eachPool(ctx context.Context, request *fleetv1.ListPoolsRequest, visit func(*fleetv1.Pool)) error {
	request.PageSize = backendPage
	for {
		listed, err := c.ListPools(ctx, request)
		if err != nil {
			return err
		}
		for _, pool := range listed.GetPools() {
			visit(pool)
		}
		if request.PageToken = listed.GetNextPageToken(); request.GetPageToken() == "" {
			return nil
		}
	}
}

func describeAvailableResource() Operation {
	return Operation{
		Operation: table.Operation{
			Name: "DescribeAvailableResource", Summary: "Tells what is in stock in each zone.",
			Params: []table.Param{
				regionParam(),
				{Name: "DestinationResource", Required: true, OneOf: []string{"Zone", "IoOptimized", "InstanceType", "Network", "ddh", "SystemDisk", "DataDisk"}},
				{Name: "ZoneId", Max: 64}, {Name: "InstanceType", Max: 64},
				{Name: "InstanceChargeType", OneOf: []string{"PostPaid", "PrePaid"}, Note: "Nothing is in stock as `PrePaid`."},
				{Name: "SpotStrategy", OneOf: bids.all(), Note: "Tells the stock of spot instances when it is not `NoSpot`."},
				{Name: "Cores", Kind: table.Integer, Max: 1024}, {Name: "Memory", Kind: table.Number, Max: 16384, Note: "GiB."},
				{Name: "SpotDuration", Status: table.Ignored}, {Name: "IoOptimized", Status: table.Ignored}, {Name: "NetworkCategory", Status: table.Ignored},
				{Name: "SystemDiskCategory", Status: table.Ignored}, {Name: "DataDiskCategory", Status: table.Ignored},
				{Name: "ResourceType", OneOf: []string{"instance", "disk", "reservedinstance", "ddh"}, Status: table.Ignored}, {Name: "Scope", Status: table.Ignored},
			},
		},
		Run: runAvailable,
	}
}

func runAvailable(ctx context.Context, call *Call) (wire.Object, error) {
	if err := call.Cloud.CheckRegion(ctx, call.Text("RegionId"), errRegionID); err != nil {
		return nil, err
	}
	places, err := call.Cloud.Places(ctx)
	if err != nil {
		return nil, err
	}
	method := fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO
	if strategy := call.Text("SpotStrategy"); strategy != "" && strategy != "NoSpot" {
		method = fleetv1.BillingMethod_BILLING_METHOD_SPOT
	}
	pools := map[string][]*fleetv1.Pool{}
	request := &fleetv1.ListPoolsRequest{ZoneIds: one(call.Text("ZoneId")), InstanceTypes: one(call.Text("InstanceType")), BillingMethod: method}
	err = call.Cloud.eachPool(ctx, request, func(pool *fleetv1.Pool) {
		kind := places.TypeOf[pool.GetInstanceType()]
		if (!call.Has("Cores") || call.Integer("Cores") == int64(kind.GetVcpus())) &&
			(!call.Has("Memory") || call.Number("Memory") == float64(kind.GetMemoryMib())/1024) && call.Text("InstanceChargeType") != "PrePaid" {
			pools[pool.GetZoneId()] = append(pools[pool.GetZoneId()], pool)
		}
	})
	if err != nil {
		return nil, err
	}
	list := []wire.Object{}
	for _, zone := range places.Zones {
		if sold := pools[zone.GetZoneId()]; len(sold) > 0 && zone.GetRegionId() == call.Text("RegionId") {
			list = append(list, availableZone(call, zone, sold))
		}
	}
	return wire.Object{wire.List("AvailableZones", "AvailableZone", list)}, nil
}

func availableZone(call *Call, zone *fleetv1.Zone, pools []*fleetv1.Pool) wire.Object {
	best := fleetv1.StockStatus_STOCK_STATUS_WITHOUT_STOCK
	var types []wire.Object
	for _, pool := range pools {
		best = min(best, cmp.Or(pool.GetStockStatus(), best))
		status, category := stockWords(pool.GetStockStatus())
		types = append(types, wire.Object{wire.M("Value", pool.GetInstanceType()), wire.M("Status", status), wire.M("StatusCategory", category)})
	}
	status, category := stockWords(best)
	supported := func(values ...string) []wire.Object {
		list := make([]wire.Object, 0, len(values))
		for _, value := range values {
			list = append(list, wire.Object{wire.M("Value", value), wire.M("Status", status), wire.M("StatusCategory", category)})
		}
		return list
	}
	resources := types
	destination := call.Text("DestinationResource")
	switch destination {
	case "Zone":
		resources = supported(zone.GetZoneId())
	case "IoOptimized":
		resources = supported("optimized")
	case "Network":
		resources = supported("vpc")
	case "ddh":
		resources = nil
	case "SystemDisk", "DataDisk":
		resources = nil
		for _, disk := range supported(diskCategories.all()...) {
			resources = append(resources, append(disk, wire.M("Min", 20), wire.M("Max", 32768), wire.M("Unit", "GiB")))
		}
	}
	return wire.Object{
		wire.M("RegionId", zone.GetRegionId()), wire.M("ZoneId", zone.GetZoneId()), wire.M("Status", status), wire.M("StatusCategory", category),
		wire.List("AvailableResources", "AvailableResource", []wire.Object{{
			wire.M("Type", destination), wire.List("SupportedResources", "SupportedResource", resources),
		}}),
	}
}
