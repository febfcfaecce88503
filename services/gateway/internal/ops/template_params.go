package ops

import (
	"context"
	"net/http"
	"strconv"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/gateway/internal/network"
	"github.com/seed-198b1370/muster/services/gateway/internal/table"
	"github.com/seed-198b1370/muster/services/gateway/wire"
)

// Errors of launch templates.
var (
	errTemplateRegion = bad("InvalidRegion.NotExist", "The specified Region does not exist.")
	errTemplateName   = bad("InvalidLaunchTemplateName.Malformed", "The specified LaunchTemplateName is not valid.")
	errUserData       = bad("InvalidUserData.Base64FormatInvalid", "The specified UserData is not valid base64.")
	errTemplateLimit  = wire.Error{Status: http.StatusForbidden, Code: "LaunchTemplateLimitExceed", Message: "The number of launch templates exceeds the limit."}
	errVersionLimit   = wire.Error{Status: http.StatusForbidden, Code: "LaunchTemplateVersionLimitExceed", Message: "The number of launch template versions exceeds the limit."}
	errNameTaken      = wire.Error{Status: http.StatusForbidden, Code: "LaunchTemplateName.Duplicated", Message: "The specified LaunchTemplateName is used already."}
	errDefaultVersion = wire.Error{Status: http.StatusForbidden, Code: "OperationDenied.DefaultVersion", Message: "The default version of a launch template can not be deleted."}
)

func templateName(required bool) table.Param {
	return table.Param{Name: "LaunchTemplateName", Required: required, Max: 128, Pattern: namePattern, Rule: nameRule, Wrong: errTemplateName}
}

// whichTemplate names a template by its id or its name.
func whichTemplate() []table.Param {
	return []table.Param{
		region(wire.Error{}),
		{Name: "LaunchTemplateId", Max: 64, Note: "This or LaunchTemplateName."},
		{Name: "LaunchTemplateName", Max: 128},
	}
}

// instanceParams say how the instances of a template are made.
func instanceParams() []table.Param {
	stored := func(name string, kind table.Kind) table.Param {
		return table.Param{Name: name, Kind: kind, Status: table.Stored, Max: storedMax(kind)}
	}
	return []table.Param{
		{Name: "ImageId", Max: 64},
		stored("ImageOwnerAlias", table.Text),
		{Name: "InstanceType", Max: 64},
		{Name: "SecurityGroupId", Max: 64},
		{Name: "SecurityGroupIds", List: true, Limit: 16, Max: 64},
		stored("VpcId", table.Text),
		{Name: "VSwitchId", Max: 64, Status: table.Stored, Note: "Tells the zone, too."},
		{Name: "ZoneId", Max: 64},
		stored("NetworkType", table.Text),
		stored("PrivateIpAddress", table.Text),
		{Name: "InstanceName", Max: 128},
		stored("HostName", table.Text),
		{Name: "Description", Max: 256},
		stored("InstanceChargeType", table.Text),
		stored("Period", table.Integer),
		stored("PeriodUnit", table.Text),
		stored("AutoRenew", table.Boolean),
		stored("AutoRenewPeriod", table.Integer),
		stored("SpotStrategy", table.Text),
		stored("SpotPriceLimit", table.Number),
		{Name: "SpotDuration", Kind: table.Integer, Status: table.Stored, Max: 6, Note: "0 means that spot instances are not protected; all else that they are, for an hour."},
		stored("InternetChargeType", table.Text),
		{Name: "InternetMaxBandwidthOut", Kind: table.Integer, Max: 100},
		stored("InternetMaxBandwidthIn", table.Integer),
		stored("IoOptimized", table.Text),
		{Name: "SystemDisk", Kind: table.Struct, Of: []table.Param{
			{Name: "Category", OneOf: diskCategories.all()},
			{Name: "Size", Kind: table.Integer, Min: 20, Max: 32768, Note: "GiB; 40 by default."},
			{Name: "DeleteWithInstance", Kind: table.Boolean, Note: "True by default."},
			stored("DiskName", table.Text), stored("Description", table.Text), stored("Iops", table.Integer), stored("PerformanceLevel", table.Text),
			stored("AutoSnapshotPolicyId", table.Text), stored("ProvisionedIops", table.Integer), stored("BurstingEnabled", table.Boolean),
			stored("Encrypted", table.Boolean), stored("KMSKeyId", table.Text),
		}},
		dataDiskParams(table.Stored),
		{Name: "NetworkInterface", Kind: table.Struct, List: true, Limit: 8, Note: "The vSwitch of the first tells the zone where nothing else does.", Of: []table.Param{
			stored("PrimaryIpAddress", table.Text), stored("VSwitchId", table.Text), stored("SecurityGroupId", table.Text),
			stored("NetworkInterfaceName", table.Text), stored("Description", table.Text), stored("InstanceType", table.Text),
			stored("NetworkInterfaceTrafficMode", table.Text), stored("DeleteOnRelease", table.Boolean),
		}},
		tagParams("Tag", 18, "Tags of the instances."),
		{Name: "UserData", Max: 43692, Pattern: base64Pattern, Rule: "be base64 of at most 32 KiB", Wrong: errUserData},
		{Name: "KeyPairName", Max: 128},
		{Name: "RamRoleName", Max: 64},
		stored("PasswordInherit", table.Boolean),
		stored("EnableVmOsConfig", table.Boolean),
		stored("SecurityEnhancementStrategy", table.Text),
		{Name: "ResourceGroupId", Max: 64},
		stored("AutoReleaseTime", table.Text),
		stored("DeploymentSetId", table.Text),
		stored("CreditSpecification", table.Text),
		stored("Ipv6AddressCount", table.Integer),
		stored("DeletionProtection", table.Boolean),
		stored("HttpEndpoint", table.Text),
		{Name: "HttpTokens", Max: 256, Status: table.Stored, Note: "With `required` the metadata of instances asks for a token."},
		stored("HttpPutResponseHopLimit", table.Integer),
		{Name: "ImageOptions", Kind: table.Struct, Of: []table.Param{stored("LoginAsNonRoot", table.Boolean)}},
		{Name: "SecurityOptions", Kind: table.Struct, Of: []table.Param{stored("TrustedSystemMode", table.Text)}},
	}
}

// storedMax bounds what is stored, as the service does: 512 characters.
func storedMax(kind table.Kind) float64 {
	if kind == table.Text {
		return 256
	}
	return 0
}

// configurationOf turns the instance fields of a call into a launch
// configuration. Ids are not held against anything: that is done when the
// template is used.
func configurationOf(ctx context.Context, call *Call) (*groupv1.LaunchConfiguration, error) {
	tags, err := tagsOf(call.Values, "Tag")
	if err != nil {
		return nil, err
	}
	places, err := call.Cloud.Places(ctx)
	if err != nil {
		return nil, err
	}
	out := &groupv1.LaunchConfiguration{
		ZoneId: templateZone(call, places.ZoneIDs), InstanceType: call.Text("InstanceType"), ImageId: call.Text("ImageId"),
		SecurityGroupIds: unique(securityGroups(call.Values)), InternetMaxBandwidthOutMbps: int32(call.Integer("InternetMaxBandwidthOut")),
		KeyPairName: call.Text("KeyPairName"), RamRoleName: call.Text("RamRoleName"), UserData: call.Text("UserData"), Tags: tags,
		ResourceGroupId: call.Text("ResourceGroupId"), InstanceName: call.Text("InstanceName"), Description: call.Text("Description"),
		SpotProtection: protectionOf(call.Values), MetadataTokensRequired: call.Text("HttpTokens") == tokensRequired, Kept: table.Keep(instanceParams(), call.Values),
	}
	if call.Has("SystemDisk") {
		disk := call.In("SystemDisk")
		categories, err := categoriesOf(nil, disk.Text("Category"))
		if err != nil {
			return nil, err
		}
		out.SystemDisk = &fleetv1.DiskRequest{
			Categories: categories, SizeGib: sizeOf(disk, "Size"), KeepAfterRelease: disk.Has("DeleteWithInstance") && !disk.Flag("DeleteWithInstance"),
		}
	}
	out.DataDisks, err = dataDisksOf(call.Structs("DataDisk"), nil)
	return out, err
}

// templateZone is the zone that a template tells in any way; "" for none.
func templateZone(call *Call, zones []string) string {
	vSwitches := []string{call.Text("VSwitchId")}
	for _, face := range call.Structs("NetworkInterface") {
		vSwitches = append(vSwitches, face.Text("VSwitchId"))
	}
	for i, vSwitch := range vSwitches {
		if zone, ok := network.ZoneOf(vSwitch, zones); ok {
			return zone
		}
		if i == 0 && call.Text("ZoneId") != "" {
			return call.Text("ZoneId")
		}
	}
	return ""
}

// templateData is a version's configuration as answers tell it. The system disk
// is told both in dotted names, which older clients read, and as a structure.
func templateData(configuration *groupv1.LaunchConfiguration) wire.Object {
	params, kept := instanceParams(), configuration.GetKept()
	data := append(wire.Object{
		wire.Some("ImageId", configuration.GetImageId()),
		wire.Some("InstanceType", configuration.GetInstanceType()),
		wire.Some("ZoneId", configuration.GetZoneId()),
		wire.Some("InstanceName", configuration.GetInstanceName()),
		wire.Some("Description", configuration.GetDescription()),
		wire.Some("UserData", configuration.GetUserData()),
		wire.Some("KeyPairName", configuration.GetKeyPairName()),
		wire.Some("RamRoleName", configuration.GetRamRoleName()),
		wire.Some("ResourceGroupId", configuration.GetResourceGroupId()),
		wire.M("InternetMaxBandwidthOut", configuration.GetInternetMaxBandwidthOutMbps()),
	}, table.Told(params, kept, "")...)
	groups := configuration.GetSecurityGroupIds()
	if len(groups) == 1 {
		data = append(data, wire.M("SecurityGroupId", groups[0]))
	}
	if disk := configuration.GetSystemDisk(); disk != nil {
		members := append(diskMembers(disk), table.Told(paramsIn(params, "SystemDisk"), kept, "SystemDisk.")...)
		for _, member := range members {
			member.Name = "SystemDisk." + member.Name
			data = append(data, member)
		}
		data = append(data, wire.M("SystemDisk", members))
	}
	disks := []wire.Object{}
	for i, disk := range configuration.GetDataDisks() {
		at := "DataDisk." + strconv.Itoa(i+1) + "."
		disks = append(disks, append(diskMembers(disk), table.Told(paramsIn(params, "DataDisk"), kept, at)...))
	}
	faces := []wire.Object{}
	for i := 1; ; i++ {
		face := table.Told(paramsIn(params, "NetworkInterface"), kept, "NetworkInterface."+strconv.Itoa(i)+".")
		if len(face) == 0 {
			break
		}
		faces = append(faces, face)
	}
	return append(data,
		wire.List("SecurityGroupIds", "SecurityGroupId", groups),
		wire.List("DataDisks", "DataDisk", disks),
		wire.List("NetworkInterfaces", "NetworkInterface", faces),
		wire.List("Tags", "InstanceTag", tagList(configuration.GetTags(), "Key", "Value")))
}

func diskMembers(disk *fleetv1.DiskRequest) wire.Object {
	members := wire.Object{}
	if len(disk.GetCategories()) > 0 {
		members = append(members, wire.M("Category", diskCategories[disk.GetCategories()[0]]))
	}
	return append(members, wire.M("Size", disk.GetSizeGib()), wire.M("DeleteWithInstance", !disk.GetKeepAfterRelease()))
}

// paramsIn are the members of a structure of a table.
func paramsIn(params []table.Param, name string) []table.Param {
	for i := range params {
		if params[i].Name == name {
			return params[i].Of
		}
	}
	return nil
}
