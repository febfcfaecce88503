package ops

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/gateway/internal/table"
	"github.com/seed-198b1370/muster/services/gateway/wire"
)

// Errors of CreateAutoProvisioningGroup, in the order of the reference.
var (
	errGroupName = bad("InvalidAutoProvisioningGroupName.Malformed", `The specified parameter "AutoProvisioningGroupName" is not valid.`)
	errGroupType = unsupported("InvalidAutoProvisioningGroupType.ValueNotSupported", "AutoProvisioningGroupType")
	errExcess    = unsupported("InvalidFleetExcessCapacityTerminationPolicy.ValueNotSupported", "ExcessCapacityTerminationPolicy")
	errDefault   = unsupported("InvalidDefaultTargetCapacityType.ValueNotSupported", "DefaultTargetCapacityType")
	errSpot      = unsupported("InvalidSpotAllocationStrategy.ValueNotSupported", "SpotAllocationStrategy")
	errReclaim   = unsupported("InvalidSpotInstanceInterruptionBehavior.ValueNotSupported", "SpotInstanceInterruptionBehavior")
	errPAYG      = unsupported("InvalidPayAsYouGoAllocationStrategy.ValueNotSupported", "PayAsYouGoAllocationStrategy")
	errNoSpot    = bad("MissingParameter.SpotAllocationStrategy", `The specified parameter "SpotAllocationStrategy" is empty.`)
	errNoPools   = bad("MissingParameter.ResourcePoolOptions.PrivatePoolIds",
		"The specified ResourcePoolOptions.PrivatePoolIds should not be null when ResourcePoolOptions.Strategy is PrivatePoolOnly.")
	errValidTime   = bad("InvalidValidTime.MalFormed", `The specified parameter "ValidTime" is not supported.`)
	errVersion     = bad("InvalidLaunchTemplateVersion.ValueNotSupported", `The specified parameter "LaunchTemplateVersion" is not valid.`)
	errTemplate    = bad("InvalidLaunchTemplate.ValueNotSupported", "The SecurityGroupId or imageId in LaunchTemplate is not exists.")
	errNoTemplate  = bad("MissingParameter", "The specified launchTemplate does not exist.")
	errDescription = bad("InvalidDescription.ValueNotSupported", "The specified description is illegal.")
	errCapacity    = bad("InvalidCapacity.ValueNotSupported", "The Capacity is illegal, or the TargetCapacity is large than SpotCapacity + PayAsYouGoCapacity.")
	errTarget      = bad("InvalidParameter.TargetCapacity",
		"The Capacity is illegal; the TargetCapacity must be larger than or equal to the sum of SpotCapacity and OnDemandCapacity.")
	errPools         = bad("InvalidParameter.SpotInstancePoolsToUseCount", `The specified parameter "SpotInstancePoolsToUseCount" is not valid.`)
	errResourceGroup = bad("InvalidParameter.ResourceGroupId", `The specified parameter "ResourceGroupId" is not valid.`)
	errPoolIDs       = bad("Invalid.ResourcePoolOptions.PrivatePoolIds", "The specified ResourcePoolOptions.PrivatePoolIds are invalid.")
	errPoolStrategy  = bad("Invalid.ResourcePoolOptions.Strategy", "The specified ResourcePoolOptions.Strategy is invalid.")
	errPoolCount     = bad("Invalid.ResourcePoolOptionsPrivatePoolIds.SizeExceed", "The size of ResourcePoolOptions.PrivatePoolIds exceeds limit.")
	errPoolsNotFound = wire.Error{Status: http.StatusNotFound, Code: "InvalidResourcePoolOptionsPrivatePoolIds.NotFound",
		Message: "The ResourcePoolOptions.PrivatePoolIds do not exist."}
	errNoStock = wire.Error{Status: http.StatusForbidden, Code: "OperationDenied.NoStock",
		Message: "The stock is smaller than MinTargetCapacity; nothing was created."}
)

// maxTarget is the greatest target that the API promises.
const maxTarget = 2000

func targetParam(name string, absent bool) table.Param {
	return table.Param{
		Name: name, Kind: table.Integer, Required: absent, Max: maxTarget, Absent: errTarget.With(name + " must be given."), Wrong: errCapacity,
		Above: wire.Error{
			Status: http.StatusForbidden, Code: strings.TrimSuffix(name, "Capacity") + "CapacityLimitExceed",
			Message: "The " + name + " exceeds the limit[0-2000].",
		},
	}
}

var (
	poolPattern    = regexp.MustCompile(`^(eap|crp)-[A-Za-z0-9]{1,60}$`)
	versionPattern = regexp.MustCompile(`^[1-9][0-9]{0,17}$`)
)

func createGroupParams() []table.Param {
	return []table.Param{
		region(errRegion.With(`"RegionId" must be given.`)),
		targetParam("TotalTargetCapacity", true),
		targetParam("PayAsYouGoTargetCapacity", false),
		targetParam("SpotTargetCapacity", false),
		{Name: "DefaultTargetCapacityType", OneOf: defaultTypes.all(), Wrong: errDefault, Note: "`Spot` by default."},
		{Name: "MinTargetCapacity", Kind: table.Integer, Min: 1, Max: maxTarget, Wrong: errCapacity, Note: "Only with the type `instant`; others ignore it."},
		{Name: "AutoProvisioningGroupName", Max: 128, Pattern: namePattern, Rule: nameRule, Wrong: errGroupName},
		{Name: "AutoProvisioningGroupType", OneOf: groupTypes.all(), Wrong: errGroupType, Note: "`maintain` by default."},
		{Name: "SpotAllocationStrategy", OneOf: spotStrategies.all(), Wrong: errSpot, Blank: errNoSpot, Note: "`lowest-price` by default."},
		{Name: "SpotInstancePoolsToUseCount", Kind: table.Integer, Min: 1, Max: 20, Wrong: errPools, Note: "At most as many as there are configs."},
		{Name: "SpotInstanceInterruptionBehavior", OneOf: groupInterruptions.all(), Wrong: errReclaim, Note: "`terminate` by default."},
		{Name: "PayAsYouGoAllocationStrategy", OneOf: payAsYouGoStrategies.all(), Wrong: errPAYG, Note: "`lowest-price` by default."},
		{Name: "ExcessCapacityTerminationPolicy", OneOf: excessPolicies.all(), Wrong: errExcess, Note: "`no-termination` by default."},
		{Name: "ValidFrom", Kind: table.Time, Wrong: errValidTime},
		{Name: "ValidUntil", Kind: table.Time, Wrong: errValidTime, Note: "2099-12-31T23:59:59Z by default."},
		{Name: "TerminateInstancesWithExpiration", Kind: table.Boolean},
		{Name: "TerminateInstances", Kind: table.Boolean},
		{Name: "MaxSpotPrice", Kind: table.Number, Min: minPrice, Max: maxPrice, Wrong: errMaxPrice},
		{Name: "LaunchTemplateId", Max: 64, Note: "Goes before LaunchConfiguration. Its version must have an image and a security group."},
		{Name: "LaunchTemplateVersion", Max: 18, Pattern: versionPattern, Rule: "be the number of a version", Wrong: errVersion, Note: "The default version when absent."},
		configParams(true, errMaxPrice),
		launchConfigurationParams(),
		diskConfig("SystemDiskConfig", "Categories of the system disk, best first."),
		diskConfig("DataDiskConfig", "Categories of all data disks, best first."),
		{Name: "PrePaidOptions", Status: table.Refused, Note: noSubscription},
		{Name: "ResourcePoolOptions", Kind: table.Struct, Note: "There are no private pools: none can be found.", Of: []table.Param{
			{Name: "Strategy", OneOf: []string{"PrivatePoolFirst", "PrivatePoolOnly", "PublicPoolOnly"}, Wrong: errPoolStrategy},
			{Name: "PrivatePoolIds", List: true, Limit: 20, Max: 64, Pattern: poolPattern, Rule: "be the id of a private pool, as in eap-bp67acfmxazb4", Wrong: errPoolIDs, TooMany: errPoolCount},
		}},
		{Name: "Description", Max: 256, Wrong: errDescription},
		{Name: "ClientToken", Max: 64, Pattern: tokenPattern, Rule: "be at most 64 characters of ASCII", Note: "Remembered for seven days of the cloud's clock at least."},
		{Name: "ResourceGroupId", Max: 64, Pattern: groupOfResources, Rule: "be letters, digits and hyphens", Wrong: errResourceGroup, Status: table.Stored},
		tagParams("Tag", 20, "Tags of the group itself."),
		{Name: "HibernationOptionsConfigured", Kind: table.Boolean, Status: table.Ignored, Note: "Nothing hibernates."},
		{Name: "ExecutionMode", Status: table.Ignored, Note: "Nothing is known of it."},
		{Name: "CandidateOptions", Kind: table.Struct, Status: table.Ignored, Note: "Nothing is known of it.", Of: []table.Param{
			{Name: "Evaluate", Kind: table.Boolean, Status: table.Ignored}, {Name: "TimeoutMinutes", Kind: table.Integer, Status: table.Ignored},
		}},
		{Name: "ResourcePlanningOnly", Kind: table.Boolean, Status: table.Refused, Note: "preview a group with PreviewGroup of GroupService"},
	}
}

func createGroup() Operation {
	return Operation{
		Operation: table.Operation{
			Name:    "CreateAutoProvisioningGroup",
			Summary: "Creates a group; one of the type `instant` answers after its one attempt, with what was launched.",
			Params:  createGroupParams(),
		},
		Run: func(ctx context.Context, call *Call) (wire.Object, error) {
			spec, err := specOf(ctx, call)
			if err != nil {
				return nil, err
			}
			created, err := call.Groups.CreateGroup(ctx, &groupv1.CreateGroupRequest{RequestId: requestID(call), Spec: spec})
			if err != nil {
				return nil, err
			}
			answer := wire.Object{wire.M("AutoProvisioningGroupId", created.GetGroup().GetGroupId())}
			if spec.GetType() == groupv1.GroupType_GROUP_TYPE_INSTANT {
				answer = append(answer, wire.List("LaunchResults", "LaunchResult", launchResults(created.GetLaunchResults())))
			}
			return answer, nil
		},
		Rules: append(configRules(errMaxPrice),
			Rule{Reason: "group.muster/ACCOUNT_NOT_FOUND", Error: errNoPermission},
			Rule{Reason: "fleet.muster/ACCOUNT_NOT_FOUND", Error: errNoPermission},
			Rule{Reason: "group.muster/MINIMUM_NOT_REACHED", Error: errNoStock},
			Rule{Field: "spec.launch_template.launch_template_id", Error: errNoTemplate},
			Rule{Field: "spec.launch_template.version", Error: errVersion},
			Rule{Field: "spec.valid_", Error: errValidTime},
			Rule{Field: "spec.spot.pools_to_use", Error: errPools},
			Rule{Field: "spec.target_capacity", Error: errTarget},
			Rule{Field: "spec.resource_group_id", Error: errResourceGroup},
			Rule{Field: "spec.description", Error: errDescription},
			Rule{Field: "spec.candidates", Error: bad("InvalidParameter", "")},
		),
	}
}

// specOf turns a call into what is wanted of a group, or tells what is wrong
// with it as far as it can be told here.
func specOf(ctx context.Context, call *Call) (*groupv1.GroupSpec, error) {
	if isLink(call.Text("Description")) {
		return nil, errDescription
	}
	target := &groupv1.TargetCapacity{
		Total: int32(call.Integer("TotalTargetCapacity")), PayAsYouGo: int32(call.Integer("PayAsYouGoTargetCapacity")),
		Spot: int32(call.Integer("SpotTargetCapacity")), DefaultType: defaultTypes.value(call.Text("DefaultTargetCapacityType")),
	}
	kind := groupTypes.value(call.Text("AutoProvisioningGroupType"))
	if kind == groupv1.GroupType_GROUP_TYPE_INSTANT {
		target.Minimum = int32(call.Integer("MinTargetCapacity"))
	}
	if target.GetTotal() < target.GetPayAsYouGo()+target.GetSpot() || target.GetMinimum() > target.GetTotal() {
		return nil, errTarget
	}
	if err := call.Cloud.CheckRegion(ctx, call.Text("RegionId"), errRegion); err != nil {
		return nil, err
	}
	if err := checkResourcePool(call.In("ResourcePoolOptions")); err != nil {
		return nil, err
	}
	tags, err := tagsOf(call.Values, "Tag")
	if err != nil {
		return nil, err
	}
	configuration, err := launchConfigurationOf(call)
	if err != nil {
		return nil, err
	}
	template, err := templateOf(ctx, call)
	if err != nil {
		return nil, err
	}
	candidates, err := candidatesOf(ctx, call, template != nil)
	if err != nil {
		return nil, err
	}
	if len(candidates) == 0 && template == nil {
		return nil, errConfigs
	}
	return &groupv1.GroupSpec{
		Name: call.Text("AutoProvisioningGroupName"), Type: kind, TargetCapacity: target, Candidates: candidates,
		PayAsYouGo: &groupv1.PayAsYouGoOptions{AllocationStrategy: payAsYouGoStrategies.value(call.Text("PayAsYouGoAllocationStrategy"))},
		Spot: &groupv1.SpotOptions{
			AllocationStrategy: spotStrategies.value(call.Text("SpotAllocationStrategy")), PoolsToUse: int32(call.Integer("SpotInstancePoolsToUseCount")),
			MaxPriceMicrosPerHour: micros(call.Number("MaxSpotPrice")), InterruptionBehavior: interruptionOf(call, kind),
		},
		ExcessCapacityTerminationPolicy: excessPolicies.value(call.Text("ExcessCapacityTerminationPolicy")),
		TerminateInstances:              call.Flag("TerminateInstances"), TerminateInstancesWithExpiration: call.Flag("TerminateInstancesWithExpiration"),
		ValidFrom: moment(call.Time("ValidFrom")), ValidUntil: moment(call.Time("ValidUntil")),
		LaunchTemplate: template, LaunchConfiguration: configuration,
		Tags: tags, Description: call.Text("Description"), ResourceGroupId: call.Text("ResourceGroupId"),
	}, nil
}

// interruptionOf is what becomes of spot instances that are reclaimed: as the
// group says, or, in an instant one, as its launch configuration does.
func interruptionOf(call *Call, kind groupv1.GroupType) fleetv1.InterruptionBehavior {
	if own := call.In("LaunchConfiguration").Text("SpotInterruptionBehavior"); own != "" && kind == groupv1.GroupType_GROUP_TYPE_INSTANT {
		return groupInterruptions.value(strings.ToLower(own))
	}
	return groupInterruptions.value(call.Text("SpotInstanceInterruptionBehavior"))
}

// checkResourcePool refuses private pools, of which there are none.
func checkResourcePool(options table.Values) error {
	ids := options.Texts("PrivatePoolIds")
	if len(ids) > 0 {
		return errPoolsNotFound.With("There are no private pools here.")
	}
	if options.Text("Strategy") == "PrivatePoolOnly" {
		return errNoPools
	}
	return nil
}

// templateOf is the launch template that a call names, nil for none. It must
// have what instances can not do without.
func templateOf(ctx context.Context, call *Call) (*groupv1.LaunchTemplateReference, error) {
	id := call.Text("LaunchTemplateId")
	if id == "" {
		return nil, nil //nolint:nilnil // none is named
	}
	number, _ := parseVersion(call.Text("LaunchTemplateVersion"))
	versions, err := call.Templates.ListLaunchTemplateVersions(ctx, &groupv1.ListLaunchTemplateVersionsRequest{LaunchTemplateId: id, Versions: []int64{number}})
	if isNotFound(err) {
		return nil, errNoTemplate
	}
	if err != nil {
		return nil, err
	}
	if len(versions.GetVersions()) == 0 {
		return nil, errVersion.With("The launch template has no version " + wire.Quote(call.Text("LaunchTemplateVersion")) + ".")
	}
	version := versions.GetVersions()[0]
	if version.GetConfiguration().GetImageId() == "" || len(version.GetConfiguration().GetSecurityGroupIds()) == 0 {
		return nil, errTemplate
	}
	if !call.Has("LaunchTemplateConfig") && (version.GetConfiguration().GetInstanceType() == "" || version.GetConfiguration().GetZoneId() == "") {
		return nil, errConfigs.With("The launch template has no instance type or no vSwitch.")
	}
	return &groupv1.LaunchTemplateReference{LaunchTemplateId: id, Version: version.GetVersion()}, nil
}

func launchResults(results []*groupv1.LaunchResult) []wire.Object {
	list := make([]wire.Object, 0, len(results))
	for _, result := range results {
		line := wire.Object{
			wire.M("Amount", result.GetAmount()),
			wire.Some("ErrorCode", result.GetErrorCode()),
			wire.Some("ErrorMsg", result.GetErrorMessage()),
			wire.M("InstanceType", result.GetInstanceType()),
			wire.M("SpotStrategy", bids[result.GetSpotStrategy()]),
			wire.M("ZoneId", result.GetZoneId()),
		}
		if len(result.GetInstanceIds()) > 0 {
			line = append(line, wire.List("InstanceIds", "InstanceId", result.GetInstanceIds()))
		}
		list = append(list, line)
	}
	return list
}

// isNotFound tells that a service has no such thing.
func isNotFound(err error) bool {
	var told wire.Error
	return err != nil && !errors.As(err, &told) && codeOf(err) == notFoundCode
}
