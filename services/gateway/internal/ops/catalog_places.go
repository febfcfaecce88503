package ops

import (
	"cmp"
	"context"
	"slices"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/gateway/internal/network"
	"github.com/seed-198b1370/muster/services/gateway/internal/table"
	"github.com/seed-198b1370/muster/services/gateway/wire"
)

// catalogOperations are those of what the cloud sells, where and for how much.
func catalogOperations() []Operation {
	return []Operation{
		describeRegions(), describeZones(),
		describeInstanceTypes(), describeInstanceTypeFamilies(), describeAvailableResource(),
		describeSpotPriceHistory(), describeSpotAdvice(), describePrice(),
		describeVSwitches(), describeSecurityGroups(), describeImages(),
	}
}

func describeRegions() Operation {
	return Operation{
		Operation: table.Operation{
			Name: "DescribeRegions", Summary: "Lists the regions of the cloud.",
			Params: []table.Param{
				{Name: "AcceptLanguage", Status: table.Ignored}, {Name: "InstanceChargeType", Status: table.Ignored}, {Name: "ResourceType", Status: table.Ignored},
			},
		},
		Run: func(ctx context.Context, call *Call) (wire.Object, error) {
			places, err := call.Cloud.Places(ctx)
			if err != nil {
				return nil, err
			}
			list := []wire.Object{}
			for _, region := range places.Regions {
				list = append(list, wire.Object{
					wire.M("RegionId", region.GetRegionId()), wire.M("LocalName", region.GetRegionId()),
					wire.M("RegionEndpoint", call.Host), wire.M("Status", "available"),
				})
			}
			return wire.Object{wire.List("Regions", "Region", list)}, nil
		},
	}
}

func describeZones() Operation {
	return Operation{
		Operation: table.Operation{
			Name: "DescribeZones", Summary: "Lists the zones of a region, with the types that are sold there.",
			Params: []table.Param{
				regionParam(), {Name: "AcceptLanguage", Status: table.Ignored}, {Name: "InstanceChargeType", Status: table.Ignored},
				{Name: "SpotStrategy", Status: table.Ignored}, {Name: "Verbose", Kind: table.Boolean, Status: table.Ignored},
			},
		},
		Run: func(ctx context.Context, call *Call) (wire.Object, error) {
			if err := call.Cloud.CheckRegion(ctx, call.Text("RegionId"), errRegionID); err != nil {
				return nil, err
			}
			places, err := call.Cloud.Places(ctx)
			if err != nil {
				return nil, err
			}
			list := []wire.Object{}
			for _, zone := range places.Zones {
				if zone.GetRegionId() == call.Text("RegionId") {
					list = append(list, zoneObject(places, zone.GetZoneId()))
				}
			}
			return wire.Object{wire.List("Zones", "Zone", list)}, nil
		},
	}
}

func zoneObject(places Places, zone string) wire.Object {
	var types, families []string
	for _, kind := range places.Types {
		if slices.Contains(kind.GetZoneIds(), zone) {
			types = append(types, kind.GetInstanceType())
			families = append(families, kind.GetFamily())
		}
	}
	disks := diskCategories.all()
	resources := wire.Object{
		wire.M("IoOptimized", true),
		wire.List("InstanceTypes", "supportedInstanceType", types),
		wire.List("InstanceTypeFamilies", "supportedInstanceTypeFamily", unique(families)),
		wire.List("NetworkTypes", "supportedNetworkCategory", []string{"vpc"}),
		wire.List("SystemDiskCategories", "supportedSystemDiskCategory", disks),
		wire.List("DataDiskCategories", "supportedDataDiskCategory", disks),
	}
	return wire.Object{
		wire.M("ZoneId", zone), wire.M("LocalName", zone), wire.M("ZoneType", "AvailabilityZone"),
		wire.List("AvailableResourceCreation", "ResourceTypes", []string{"Instance", "Disk", "VSwitch"}),
		wire.List("AvailableDiskCategories", "DiskCategories", disks),
		wire.List("AvailableInstanceTypes", "InstanceTypes", types),
		wire.List("AvailableResources", "ResourcesInfo", []wire.Object{resources}),
	}
}

func describeVSwitches() Operation {
	return Operation{
		Operation: table.Operation{
			Name: "DescribeVSwitches", Summary: "Lists vSwitches: one for each zone, or the one that is asked for.",
			Params: append([]table.Param{
				{Name: "RegionId", Max: 64}, {Name: "VSwitchId", Max: 64}, {Name: "ZoneId", Max: 64}, {Name: "VpcId", Max: 64},
				{Name: "VSwitchName", Status: table.Ignored}, {Name: "IsDefault", Status: table.Ignored},
			}, pageParams(50)...),
			Note: "There are no networks: a vSwitch only tells a zone. `vsw-<zone>` is in that zone; any other well-formed id is in one of the zones, always the same.",
		},
		Run: func(ctx context.Context, call *Call) (wire.Object, error) {
			places, err := call.Cloud.Places(ctx)
			if err != nil {
				return nil, err
			}
			shown, list := pageOf(call.Values), []wire.Object{}
			tell := func(id, zone string) {
				if wanted := call.Text("ZoneId"); (wanted == "" || wanted == zone) && shown.next() {
					list = append(list, wire.Object{
						wire.M("VSwitchId", id), wire.M("ZoneId", zone), wire.M("VpcId", cmp.Or(call.Text("VpcId"), network.VPC)),
						wire.M("Status", "Available"), wire.M("CidrBlock", "10.0.0.0/8"), wire.M("AvailableIpAddressCount", 1<<24),
						wire.M("VSwitchName", id), wire.M("Description", ""), wire.M("IsDefault", false),
					})
				}
			}
			if id := call.Text("VSwitchId"); id != "" {
				if zone, ok := network.ZoneOf(id, places.ZoneIDs); ok {
					tell(id, zone)
				}
			} else {
				for _, zone := range places.ZoneIDs {
					tell(vSwitchOf(zone), zone)
				}
			}
			return append(shown.members(), wire.List("VSwitches", "VSwitch", list)), nil
		},
	}
}

func describeSecurityGroups() Operation {
	return Operation{
		Operation: table.Operation{
			Name: "DescribeSecurityGroups", Summary: "Tells of the security groups that are asked for: any id is one.",
			Params: append([]table.Param{
				regionParam(), ids("SecurityGroupIds", 100), {Name: "SecurityGroupId", Max: 64}, {Name: "VpcId", Max: 64},
				{Name: "SecurityGroupName", Status: table.Ignored}, {Name: "NetworkType", Status: table.Ignored},
			}, pageParams(100)...),
			Note: "There are no networks: `sg-muster` is told when none is asked for.",
		},
		Run: func(ctx context.Context, call *Call) (wire.Object, error) {
			if err := call.Cloud.CheckRegion(ctx, call.Text("RegionId"), errRegionID); err != nil {
				return nil, err
			}
			groups := unique(append(one(call.Text("SecurityGroupId")), call.Texts("SecurityGroupIds")...))
			if len(groups) == 0 {
				groups = []string{"sg-muster"}
			}
			shown, list := pageOf(call.Values), []wire.Object{}
			for _, id := range groups {
				if shown.next() {
					list = append(list, wire.Object{
						wire.M("SecurityGroupId", id), wire.M("SecurityGroupName", id), wire.M("VpcId", cmp.Or(call.Text("VpcId"), network.VPC)),
						wire.M("SecurityGroupType", "normal"), wire.M("Description", ""), wire.List("Tags", "Tag", []wire.Object{}),
					})
				}
			}
			return append(wire.Object{wire.M("RegionId", call.Text("RegionId"))}, append(shown.members(), wire.List("SecurityGroups", "SecurityGroup", list))...), nil
		},
	}
}

func describeImages() Operation {
	return Operation{
		Operation: table.Operation{
			Name: "DescribeImages", Summary: "Tells of the images that are asked for: any id is one.",
			Params: append([]table.Param{
				regionParam(), {Name: "ImageId", Max: 4096, Note: "Several are separated by commas."}, {Name: "ImageFamily", Max: 64},
				{Name: "ImageOwnerAlias", Status: table.Ignored}, {Name: "ImageName", Status: table.Ignored}, {Name: "OSType", Status: table.Ignored},
				{Name: "Architecture", Status: table.Ignored}, {Name: "Status", Status: table.Ignored}, {Name: "InstanceType", Status: table.Ignored},
			}, pageParams(100)...),
			Note: "Instances have no operating system: `img-muster` is told when none is asked for.",
		},
		Run: func(ctx context.Context, call *Call) (wire.Object, error) {
			if err := call.Cloud.CheckRegion(ctx, call.Text("RegionId"), errRegionID); err != nil {
				return nil, err
			}
			shown, list := pageOf(call.Values), []wire.Object{}
			for _, id := range unique(splitIDs(cmp.Or(call.Text("ImageId"), call.Text("ImageFamily"), "img-muster"))) {
				if shown.next() {
					list = append(list, wire.Object{
						wire.M("ImageId", id), wire.M("ImageName", id), wire.M("ImageOwnerAlias", "system"), wire.M("Status", "Available"),
						wire.M("OSType", "linux"), wire.M("OSName", "none"), wire.M("Architecture", "x86_64"), wire.M("Size", 20),
						wire.M("IsSupportIoOptimized", true), wire.M("IsSupportCloudinit", true),
						wire.List("DiskDeviceMappings", "DiskDeviceMapping", []wire.Object{}), wire.List("Tags", "Tag", []wire.Object{}),
					})
				}
			}
			return append(wire.Object{wire.M("RegionId", call.Text("RegionId"))}, append(shown.members(), wire.List("Images", "Image", list))...), nil
		},
	}
}

// stockWords are how stock is told: whether there is some, and how much.
func stockWords(status fleetv1.StockStatus) (available, category string) {
	switch status {
	case fleetv1.StockStatus_STOCK_STATUS_WITH_STOCK:
		return "Available", "WithStock"
	case fleetv1.StockStatus_STOCK_STATUS_CLOSED_WITH_STOCK:
		return "Available", "ClosedWithStock"
	default:
		return "SoldOut", "WithoutStock"
	}
}
