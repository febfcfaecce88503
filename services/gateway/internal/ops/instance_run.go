package ops

import (
	"cmp"
	"context"
	"maps"
	"strconv"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/gateway/internal/table"
	"github.com/seed-198b1370/muster/services/gateway/wire"
)

// Errors of RunInstances.
var (
	errAmount       = denied("InvalidParam.Amount", "The specified parameter Amount is not valid.")
	errMinAmount    = bad("InvalidMinAmount.Malformed", "The specified parameter MinAmount is not valid.")
	errSpotStrategy = bad("InvalidSpotStrategy", "The specified SpotStrategy is not valid.")
	errSpotPrice    = bad("InvalidSpotPriceLimit", "The specified SpotPriceLimit is not valid.")
	errLowBid       = bad("InvalidSpotPriceLimit.LowerThanPublicPrice", "The specified parameter \"spotPriceLimit\" can't be lower than current public price.")
	errRunDuration  = bad("InvalidSpotDuration", "The specified SpotDuration is not valid.")
	errRunBehavior  = bad("InvalidSpotInterruptionBehavior", "The specified SpotInterruptionBehavior is not valid.")
	errSpotPrepaid  = bad("InvalidSpotPrepaid", "Spot instances can not be subscribed.")
	errTokenRule    = bad("InvalidClientToken.ValueNotSupported", "The ClientToken provided is invalid.")
	errDiskCategory = denied("InvalidDiskCategory.NotSupported", "The specified disk category is not supported.")
	errDryRun       = bad("DryRunOperation", "Request validation has been passed with DryRun flag set.")
	errTypeUnknown  = bad("InvalidInstanceType.ValueNotSupported", "The specified InstanceType does not exist.")
	errTypeNotThere = denied("InvalidInstanceType.ZoneNotSupported", "The specified zone does not support this instance type.")
)

// tokensRequired is the mode of metadata that asks for a token.
const tokensRequired = "required"

func diskParam(name string) table.Param {
	return table.Param{Name: name, Kind: table.Struct, Of: []table.Param{
		{Name: "Category", OneOf: diskCategories.all(), Wrong: errDiskCategory, Note: "`cloud_efficiency` by default."},
		{Name: "Size", Kind: table.Integer, Min: 20, Max: 32768, Note: "GiB; 40 by default."},
		{Name: "DeleteWithInstance", Kind: table.Boolean, Status: table.Ignored, Note: "The system disk goes with its instance."},
		{Name: "PerformanceLevel", Status: table.Ignored}, {Name: "DiskName", Status: table.Ignored}, {Name: "Description", Status: table.Ignored},
	}}
}

func runInstances() Operation {
	ignored := func(name, note string) table.Param { return table.Param{Name: name, Status: table.Ignored, Note: note} }
	return Operation{
		Operation: table.Operation{
			Name: "RunInstances", Summary: "Launches instances of one type in one zone.",
			Params: []table.Param{
				regionParam(),
				{Name: "ClientToken", Pattern: tokenPattern, Rule: "be 1 to 64 characters of ASCII", Wrong: errTokenRule},
				{Name: "LaunchTemplateId", Max: 64},
				{Name: "LaunchTemplateName", Max: 128},
				{Name: "LaunchTemplateVersion", Kind: table.Integer, Min: 1, Max: 1 << 31},
				{Name: "Amount", Kind: table.Integer, Min: 1, Max: 100, Wrong: errAmount, Note: "1 by default."},
				{Name: "MinAmount", Kind: table.Integer, Min: 1, Max: 100, Wrong: errMinAmount},
				{Name: "InstanceType", Max: 64},
				{Name: "ZoneId", Max: 64},
				{Name: "VSwitchId", Max: 64, Note: "Tells the zone."},
				{Name: "ImageId", Max: 64},
				{Name: "ImageFamily", Max: 64, Note: "Told as the image."},
				{Name: "SecurityGroupId", Max: 64},
				{Name: "SecurityGroupIds", List: true, Limit: 16, Max: 64},
				{Name: "InstanceChargeType", OneOf: []string{"PostPaid", "PrePaid"}, Note: "`PrePaid` is refused: " + noSubscription + "."},
				{Name: "SpotStrategy", OneOf: bids.all(), Wrong: errSpotStrategy},
				{Name: "SpotPriceLimit", Kind: table.Number, Min: minPrice, Max: maxPrice, Wrong: errSpotPrice},
				{Name: "SpotDuration", Kind: table.Integer, Max: 1, Wrong: errRunDuration},
				{Name: "SpotInterruptionBehavior", OneOf: interruptions.all(), Wrong: errRunBehavior},
				{Name: "InstanceName", Max: 128},
				{Name: "Description", Max: 256},
				{Name: "UniqueSuffix", Kind: table.Boolean},
				{Name: "DeletionProtection", Kind: table.Boolean},
				{Name: "DryRun", Kind: table.Boolean},
				diskParam("SystemDisk"),
				dataDiskParams(table.Ignored),
				tagParams("Tag", 20, "Tags of the instances."),
				{Name: "InternetMaxBandwidthOut", Kind: table.Integer, Max: 100},
				{Name: "KeyPairName", Max: 128},
				{Name: "RamRoleName", Max: 64},
				{Name: "ResourceGroupId", Max: 64},
				{Name: "UserData", Max: 43692, Pattern: base64Pattern, Rule: "be base64 of at most 32 KiB", Wrong: bad("InvalidUserData.SizeExceeded", "The specified UserData is not valid.")},
				ignored("HostName", noGuests), {Name: "HostNames", List: true, Limit: 100, Status: table.Ignored, Note: noGuests},
				ignored("Password", "Never kept."), ignored("PasswordInherit", noGuests), ignored("IoOptimized", "Everything is."),
				ignored("InternetChargeType", "Traffic costs nothing."), ignored("InternetMaxBandwidthIn", noNetworks),
				ignored("PrivateIpAddress", noNetworks), ignored("HttpEndpoint", "It is always there."),
				{Name: "HttpTokens", OneOf: []string{"optional", tokensRequired}, Note: "With `required` the metadata of the instances asks for a token."},
				ignored("SecurityEnhancementStrategy", noGuests), ignored("DeploymentSetId", "There are no hosts to spread over."),
				{Name: "NetworkInterface", Kind: table.Struct, List: true, Limit: 16, Status: table.Ignored, Note: noNetworks, Of: []table.Param{ignored("VSwitchId", noNetworks), ignored("SecurityGroupId", noNetworks)}},
				{Name: "AutoReleaseTime", Status: table.Refused, Note: "instances are released by a call or their group"},
				{Name: "DedicatedHostId", Status: table.Refused, Note: "there are no dedicated hosts here"},
			},
		},
		Run: run,
		Rules: append([]Rule{
			{Reason: "fleet.muster/UNKNOWN_POOL", Error: errTypeNotThere},
			{Reason: "fleet.muster/PRICE_BELOW_MARKET", Error: errLowBid},
			{Reason: "fleet.muster/DISK_CATEGORY_NOT_AVAILABLE", Error: denied("CategoryNotSupported", "The specified zone does not offer the specified disk category.")},
		}, powerRules()...),
	}
}

func run(ctx context.Context, call *Call) (wire.Object, error) {
	if err := call.Cloud.CheckRegion(ctx, call.Text("RegionId"), errRegionID); err != nil {
		return nil, err
	}
	template, err := launchedFrom(ctx, call)
	if err != nil {
		return nil, err
	}
	request, err := runRequest(ctx, call, template)
	if err != nil {
		return nil, err
	}
	launched, err := call.Cloud.RunInstances(ctx, request)
	if err != nil {
		return nil, err
	}
	if request.GetDryRun() {
		return nil, errDryRun
	}
	return wire.Object{wire.List("InstanceIdSets", "InstanceIdSet", launched.GetInstanceIds())}, nil
}

// launchedFrom is what the launch template of a call says; empty without one.
func launchedFrom(ctx context.Context, call *Call) (*groupv1.LaunchConfiguration, error) {
	id := call.Text("LaunchTemplateId")
	if name := call.Text("LaunchTemplateName"); id == "" && name != "" {
		listed, err := call.Templates.ListLaunchTemplates(ctx, &groupv1.ListLaunchTemplatesRequest{Names: []string{name}})
		if err != nil {
			return nil, err
		}
		if len(listed.GetLaunchTemplates()) == 0 {
			return nil, errTemplateNotFound.With("There is no template of the name " + wire.Quote(name) + ".")
		}
		id = listed.GetLaunchTemplates()[0].GetLaunchTemplateId()
	}
	if id == "" {
		return new(groupv1.LaunchConfiguration), nil
	}
	request := &groupv1.ListLaunchTemplateVersionsRequest{LaunchTemplateId: id, PageSize: backendPage}
	if call.Has("LaunchTemplateVersion") {
		request.Versions = []int64{call.Integer("LaunchTemplateVersion")}
	}
	for {
		listed, err := call.Templates.ListLaunchTemplateVersions(ctx, request)
		if err != nil {
			return nil, err
		}
		for _, version := range listed.GetVersions() {
			if version.GetVersion() == call.Integer("LaunchTemplateVersion") || version.GetIsDefault() && !call.Has("LaunchTemplateVersion") {
				return version.GetConfiguration(), nil
			}
		}
		if request.PageToken = listed.GetNextPageToken(); request.GetPageToken() == "" {
			return nil, errTemplateVersionNotFound.With("The template has no version " + strconv.FormatInt(call.Integer("LaunchTemplateVersion"), 10) + ".")
		}
	}
}

// runRequest is the launch of a call: what it says itself goes before what its
// template says.
func runRequest(ctx context.Context, call *Call, template *groupv1.LaunchConfiguration) (*fleetv1.RunInstancesRequest, error) {
	tags, err := tagsOf(call.Values, "Tag")
	if err != nil {
		return nil, err
	}
	all := maps.Clone(template.GetTags())
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, tags)
	request := &fleetv1.RunInstancesRequest{
		RequestId: cmp.Or(requestID(call), call.RequestID), Tags: all, DryRun: call.Flag("DryRun"),
		Amount: int32(max(1, call.Integer("Amount"))), MinAmount: int32(call.Integer("MinAmount")),
		InstanceType: cmp.Or(call.Text("InstanceType"), template.GetInstanceType()),
		InstanceName: cmp.Or(call.Text("InstanceName"), template.GetInstanceName()), Description: cmp.Or(call.Text("Description"), template.GetDescription()),
		UniqueSuffix: call.Flag("UniqueSuffix"), DeletionProtection: call.Flag("DeletionProtection"),
		UserData: cmp.Or(call.Text("UserData"), template.GetUserData()), SystemDisk: template.GetSystemDisk(), DataDisks: template.GetDataDisks(),
		Options: &fleetv1.InstanceOptions{
			ImageId: cmp.Or(call.Text("ImageId")+call.Text("ImageFamily"), template.GetImageId()), SecurityGroupIds: unique(securityGroups(call.Values)),
			KeyPairName: cmp.Or(call.Text("KeyPairName"), template.GetKeyPairName()), RamRoleName: cmp.Or(call.Text("RamRoleName"), template.GetRamRoleName()),
			ResourceGroupId:             cmp.Or(call.Text("ResourceGroupId"), template.GetResourceGroupId()),
			InternetMaxBandwidthOutMbps: cmp.Or(int32(call.Integer("InternetMaxBandwidthOut")), template.GetInternetMaxBandwidthOutMbps()),
			MetadataTokensRequired:      template.GetMetadataTokensRequired(),
		},
	}
	if len(request.GetOptions().GetSecurityGroupIds()) == 0 {
		request.Options.SecurityGroupIds = template.GetSecurityGroupIds()
	}
	if call.Has("HttpTokens") {
		request.Options.MetadataTokensRequired = call.Text("HttpTokens") == tokensRequired
	}
	if request.GetMinAmount() > request.GetAmount() {
		return nil, errMinAmount.With("MinAmount must be at most Amount.")
	}
	if err := disksOf(call, request); err != nil {
		return nil, err
	}
	if err := bidOf(call, template, request); err != nil {
		return nil, err
	}
	return request, place(ctx, call, template, request)
}

func disksOf(call *Call, request *fleetv1.RunInstancesRequest) error {
	if disk := call.In("SystemDisk"); call.Has("SystemDisk") {
		category := cmp.Or(diskCategories.value(disk.Text("Category")), fleetv1.DiskCategory_DISK_CATEGORY_CLOUD_EFFICIENCY)
		request.SystemDisk = &fleetv1.DiskRequest{Categories: []fleetv1.DiskCategory{category}, SizeGib: sizeOf(disk, "Size")}
	}
	if !call.Has("DataDisk") {
		return nil
	}
	var err error
	request.DataDisks, err = dataDisksOf(call.Structs("DataDisk"), nil)
	return err
}

// bidOf says how the instances are paid for.
func bidOf(call *Call, template *groupv1.LaunchConfiguration, request *fleetv1.RunInstancesRequest) error {
	strategy := call.Text("SpotStrategy")
	if strategy == "" || strategy == "NoSpot" {
		if call.Text("InstanceChargeType") == "PrePaid" {
			return bad("InvalidParameter", "The parameter \"InstanceChargeType\" must be PostPaid: "+noSubscription+".")
		}
		request.BillingMethod = fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO
		return nil
	}
	if call.Text("InstanceChargeType") == "PrePaid" {
		return errSpotPrepaid
	}
	request.BillingMethod = fleetv1.BillingMethod_BILLING_METHOD_SPOT
	request.SpotProtection = cmp.Or(protectionOf(call.Values), template.GetSpotProtection())
	request.InterruptionBehavior = cmp.Or(interruptions.value(call.Text("SpotInterruptionBehavior")), fleetv1.InterruptionBehavior_INTERRUPTION_BEHAVIOR_TERMINATE)
	if strategy == "SpotWithPriceLimit" {
		if !call.Has("SpotPriceLimit") {
			return errSpotPrice.With("SpotWithPriceLimit needs a SpotPriceLimit.")
		}
		request.MaxPriceMicrosPerHour = micros(call.Number("SpotPriceLimit"))
	}
	return nil
}

// place says where the instances are, and of which type.
func place(ctx context.Context, call *Call, template *groupv1.LaunchConfiguration, request *fleetv1.RunInstancesRequest) error {
	places, err := call.Cloud.Places(ctx)
	if err != nil {
		return err
	}
	if request.GetInstanceType() == "" {
		return absentParam("InstanceType")
	}
	if places.TypeOf[request.GetInstanceType()] == nil {
		return errTypeUnknown.With("There is no type " + wire.Quote(request.GetInstanceType()) + ".")
	}
	request.ZoneId = call.Text("ZoneId")
	if id := call.Text("VSwitchId"); id != "" {
		zone, err := call.Cloud.ZoneOf(ctx, id, errVSwitchID)
		if err != nil {
			return err
		}
		if request.ZoneId = cmp.Or(request.GetZoneId(), zone); request.GetZoneId() != zone {
			return bad("InvalidParameter.Mismatch", "The vSwitch "+wire.Quote(id)+" is in the zone "+zone+", not in "+wire.Quote(request.GetZoneId())+".")
		}
	}
	request.ZoneId = cmp.Or(request.GetZoneId(), template.GetZoneId())
	if request.GetZoneId() == "" {
		return absentParam("VSwitchId")
	}
	if regionOf(places, request.GetZoneId()) == "" {
		return errZoneID.With("There is no zone " + wire.Quote(request.GetZoneId()) + ".")
	}
	return nil
}

// absentParam is the error for what neither a call nor its template says.
func absentParam(name string) error {
	return bad("MissingParameter", "The input parameter \""+name+"\" that is mandatory for processing this request is not supplied.")
}
