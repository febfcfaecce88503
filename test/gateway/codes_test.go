package gateway_test

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/gateway/auth"
	"github.com/seed-198b1370/muster/services/gateway/reference"
)

// A refusal is a call that is answered with an error.
type refusal struct {
	action string
	pairs  []string
	status int
	code   string
	// amid brings about the trouble in which the call is made, until the test
	// ends; nil for none.
	amid func(t *testing.T, d door)
	// send makes the call in another way than by its action and pairs.
	send func(d door) *http.Request
}

func (c refusal) in(d door) (int, map[string]any) {
	if c.send != nil {
		return d.do(c.send(d))
	}
	return d.call(c.action, c.pairs...)
}

// TestGateway_errorCodes provokes every error code that the API's reference has
// for what is implemented, but for those that are declared never to be given.
func TestGateway_errorCodes(t *testing.T) {
	answered := map[string]bool{}
	for _, scene := range []struct {
		name string
		set  func(t *testing.T) (door, []refusal)
	}{
		{"groups", groupRefusals},
		{"templates and tags", templateRefusals},
		{"launches", launchRefusals},
		{"instances", instanceRefusals},
		{"look-ups", lookUpRefusals},
		{"an overdue account", overdueRefusals},
		{"a cloud that fails", failingRefusals},
		{"who calls", callerRefusals},
	} {
		t.Run(scene.name, func(t *testing.T) {
			d, refusals := scene.set(t)
			for _, c := range refusals {
				t.Run(c.action+"/"+c.code, func(t *testing.T) {
					within := door{t: t, address: d.address, running: d.running}
					if c.amid != nil {
						c.amid(t, within)
					}
					status, answer := c.in(within)
					if status != c.status || text(answer, "Code") != c.code {
						t.Errorf("got %d %v, want %d %s", status, answer, c.status, c.code)
					}
					answered[fmt.Sprintf("%s %d %s", c.action, c.status, c.code)] = true
					answered[fmt.Sprintf(" %d %s", c.status, c.code)] = true
				})
			}
		})
	}
	for _, code := range reference.Codes() {
		name := fmt.Sprintf("%s %d %s", code.Operation, code.Status, code.Code)
		switch {
		case code.Never == "" && !answered[name]:
			t.Errorf("%s is in the reference, and nothing here provokes it", name)
		case code.Never != "" && answered[name]:
			t.Errorf("%s is declared never to be given, because %s; but it is", name, code.Never)
		}
	}
}

// configs are so many configs of a group.
func configs(count int) []string {
	var pairs []string
	for i := range count {
		at := fmt.Sprintf("LaunchTemplateConfig.%d.", i+1)
		pairs = append(pairs, at+"VSwitchId", "vsw-cn-shenzhen-d", at+"InstanceType", "ecs.c6.large")
	}
	return pairs
}

// numbered are so many items of a list.
func numbered(name, value string, count int) []string {
	var pairs []string
	for i := range count {
		number := fmt.Sprint(i + 1)
		pairs = append(pairs, strings.Replace(name, "N", number, 1), value+number)
	}
	return pairs
}

func with(pairs []string, more ...string) []string {
	return append(pairs[:len(pairs):len(pairs)], more...)
}

func groupRefusals(t *testing.T) (door, []refusal) {
	d := open(t)
	template := text(d.must("CreateLaunchTemplate", "LaunchTemplateName", "bare", "InstanceType", "ecs.c6.large"), "LaunchTemplateId")
	full := text(d.must("CreateLaunchTemplate", "LaunchTemplateName", "full", "ImageId", "m-1", "SecurityGroupId", "sg-1"), "LaunchTemplateId")
	d.must("CreateAutoProvisioningGroup", small("ClientToken", "used")...)
	kept := text(d.must("CreateAutoProvisioningGroup", small("AutoProvisioningGroupType", "maintain")...), "AutoProvisioningGroupId")
	wide := text(d.must("CreateAutoProvisioningGroup", with(configs(2), "TotalTargetCapacity", "2", "SpotInstancePoolsToUseCount", "2",
		"LaunchTemplateConfig.2.VSwitchId", "vsw-cn-shenzhen-e")...), "AutoProvisioningGroupId")
	leaving := text(d.must("CreateAutoProvisioningGroup", small()...), "AutoProvisioningGroupId")
	gone := text(d.must("CreateAutoProvisioningGroup", small()...), "AutoProvisioningGroupId")
	d.must("DeleteAutoProvisioningGroup", "AutoProvisioningGroupId", gone, "TerminateInstances", "true")
	// The instances of one group can not be released, so that it stays about to be
	// deleted.
	stuck := func(t *testing.T, d door) {
		t.Helper()
		d.inject(disturbed("DeleteInstances", fleetv1.CallOutcome_CALL_OUTCOME_UNAVAILABLE_BEFORE))
		d.must("DeleteAutoProvisioningGroup", "AutoProvisioningGroupId", leaving, "TerminateInstances", "true")
	}

	create, modify, remove := "CreateAutoProvisioningGroup", "ModifyAutoProvisioningGroup", "DeleteAutoProvisioningGroup"
	history := "DescribeAutoProvisioningGroupHistory"
	return d, []refusal{
		{action: create, pairs: small("RegionId", "moon"), status: 400, code: "InvalidRegion.ValueNotSupported"},
		{action: create, pairs: small("AutoProvisioningGroupName", "1"), status: 400, code: "InvalidAutoProvisioningGroupName.Malformed"},
		{action: create, pairs: small("AutoProvisioningGroupType", "x"), status: 400, code: "InvalidAutoProvisioningGroupType.ValueNotSupported"},
		{action: create, pairs: small("ExcessCapacityTerminationPolicy", "x"), status: 400, code: "InvalidFleetExcessCapacityTerminationPolicy.ValueNotSupported"},
		{action: create, pairs: small("DefaultTargetCapacityType", "x"), status: 400, code: "InvalidDefaultTargetCapacityType.ValueNotSupported"},
		{action: create, pairs: small("SpotAllocationStrategy", "x"), status: 400, code: "InvalidSpotAllocationStrategy.ValueNotSupported"},
		{action: create, pairs: small("SpotAllocationStrategy", " "), status: 400, code: "MissingParameter.SpotAllocationStrategy"},
		{action: create, pairs: small("SpotInstanceInterruptionBehavior", "x"), status: 400, code: "InvalidSpotInstanceInterruptionBehavior.ValueNotSupported"},
		{action: create, pairs: small("PayAsYouGoAllocationStrategy", "x"), status: 400, code: "InvalidPayAsYouGoAllocationStrategy.ValueNotSupported"},
		{action: create, pairs: []string{"TotalTargetCapacity", "1"}, status: 400, code: "MissingParameter.LaunchTemplateConfigs"},
		{action: create, pairs: small("LaunchTemplateId", "lt-none"), status: 400, code: "MissingParameter"},
		{action: create, pairs: small("LaunchTemplateConfig.1.InstanceType", ""), status: 400, code: "MissingParameter"},
		{action: create, pairs: small("LaunchTemplateConfig.1.VSwitchId", ""), status: 400, code: "MissingParameter"},
		{action: create, pairs: small("LaunchTemplateConfig.1.WeightedCapacity", "1", "LaunchTemplateConfig.2.VSwitchId", "vsw-cn-shenzhen-e", "LaunchTemplateConfig.2.InstanceType", "ecs.c6.large"), status: 400, code: "MissingParameter.WeightedCapacity"},
		{action: create, pairs: small("ResourcePoolOptions", `{"Strategy":"PrivatePoolOnly"}`), status: 400, code: "MissingParameter.ResourcePoolOptions.PrivatePoolIds"},
		{action: create, pairs: small("ResourcePoolOptions.PrivatePoolIds.1", "eap-1"), status: 404, code: "InvalidResourcePoolOptionsPrivatePoolIds.NotFound"},
		{action: create, pairs: small("ResourcePoolOptions.PrivatePoolIds.1", "pool"), status: 400, code: "Invalid.ResourcePoolOptions.PrivatePoolIds"},
		{action: create, pairs: small("ResourcePoolOptions.Strategy", "x"), status: 400, code: "Invalid.ResourcePoolOptions.Strategy"},
		{action: create, pairs: small("ResourcePoolOptions", `{"PrivatePoolIds":[`+strings.Repeat(`"eap-1",`, 20)+`"eap-1"]}`), status: 400, code: "Invalid.ResourcePoolOptionsPrivatePoolIds.SizeExceed"},
		{action: create, pairs: small("ValidUntil", "x"), status: 400, code: "InvalidValidTime.MalFormed"},
		{action: create, pairs: small("ValidUntil", "2001-01-01T00:00:00Z"), status: 400, code: "InvalidValidTime.MalFormed"},
		{action: create, pairs: small("LaunchTemplateId", full, "LaunchTemplateVersion", "7"), status: 400, code: "InvalidLaunchTemplateVersion.ValueNotSupported"},
		{action: create, pairs: small("LaunchTemplateId", template), status: 400, code: "InvalidLaunchTemplate.ValueNotSupported"},
		{action: create, pairs: small("Description", "http://x"), status: 400, code: "InvalidDescription.ValueNotSupported"},
		{action: create, pairs: small("TotalTargetCapacity", "x"), status: 400, code: "InvalidCapacity.ValueNotSupported"},
		{action: create, pairs: small("TotalTargetCapacity", ""), status: 400, code: "InvalidParameter.TargetCapacity"},
		{action: create, pairs: small("SpotTargetCapacity", "3"), status: 400, code: "InvalidParameter.TargetCapacity"},
		{action: create, pairs: small("LaunchTemplateConfig.1.InstanceType", "ecs.none"), status: 400, code: "InvalidInstanceType.ValueNotSupported"},
		{action: create, pairs: small("SpotInstancePoolsToUseCount", "2"), status: 400, code: "InvalidParameter.SpotInstancePoolsToUseCount"},
		{action: create, pairs: small("ResourceGroupId", "?"), status: 400, code: "InvalidParameter.ResourceGroupId"},
		{action: create, pairs: small("LaunchTemplateConfig.1.WeightedCapacity", "0"), status: 400, code: "InvalidParameter.WeightedCapacityBeyondRange"},
		{action: create, pairs: small("MaxSpotPrice", "-1"), status: 400, code: "InvalidParameter.MaxPrice"},
		{action: create, pairs: small("LaunchTemplateConfig.1.MaxPrice", "0"), status: 400, code: "InvalidParameter.MaxPrice"},
		{action: create, pairs: small("SystemDiskConfig.1.DiskCategory", "cloud", "SystemDiskConfig.2.DiskCategory", "cloud"), status: 400, code: "Duplicate.DiskCategory"},
		{action: create, pairs: small("LaunchTemplateConfig.1.VSwitchId", "net-1"), status: 400, code: "InvalidVSwitchId.NotFound"},
		{action: create, pairs: small("LaunchConfiguration.ImageId", "m", "LaunchConfiguration.ImageFamily", "f"), status: 400, code: "InvalidImageFamily.Confict"},
		{action: create, pairs: small("LaunchConfiguration.SpotDuration", "2"), status: 400, code: "InvalidSpotDuration"},
		{action: create, pairs: small("LaunchConfiguration.SpotInterruptionBehavior", "x"), status: 400, code: "InvalidSpotInterruptionBehavior"},
		{action: create, pairs: small("ClientToken", "used", "TotalTargetCapacity", "1"), status: 400, code: "IdempotentParameterMismatch"},
		{action: create, pairs: small("ClientToken", strings.Repeat("x", 65)), status: 400, code: "InvalidParameter"},
		{action: create, pairs: small("TotalTargetCapacity", "2001"), status: 403, code: "TotalTargetCapacityLimitExceed"},
		{action: create, pairs: small("SpotTargetCapacity", "2001"), status: 403, code: "SpotTargetCapacityLimitExceed"},
		{action: create, pairs: small("PayAsYouGoTargetCapacity", "2001"), status: 403, code: "PayAsYouGoTargetCapacityLimitExceed"},
		{action: create, pairs: small("PrePaidOptions", "{}"), status: 400, code: "InvalidParameter"},
		{action: create, pairs: small("TotalTargetCapacity", "2000", "MinTargetCapacity", "2000"), status: 403, code: "OperationDenied.NoStock"},
		{action: modify, pairs: []string{"TotalTargetCapacity", "1"}, status: 400, code: "MissingParameter"},
		{action: modify, pairs: []string{"AutoProvisioningGroupId", kept}, status: 400, code: "MissingParameter"},
		{action: modify, pairs: []string{"AutoProvisioningGroupId", "apg-none", "TotalTargetCapacity", "1"}, status: 404, code: "InvalidAutoProvisioningGroupId.NotFound"},
		{action: modify, pairs: []string{"AutoProvisioningGroupId", kept, "AutoProvisioningGroupName", "1"}, status: 403, code: "InvalidName.Malformed"},
		{action: modify, pairs: []string{"AutoProvisioningGroupId", kept, "SpotTargetCapacity", "9"}, status: 403, code: "InvalidParameter.TargetCapacity"},
		{action: modify, pairs: []string{"AutoProvisioningGroupId", kept, "MaxSpotPrice", "0"}, status: 404, code: "InvalidParameter.MaxPrice"},
		{action: modify, pairs: []string{"AutoProvisioningGroupId", gone, "TotalTargetCapacity", "1"}, status: 403, code: "AutoProvisioningGroup.IncorrectStatus"},
		{action: remove, pairs: nil, status: 400, code: "MissingParameter"},
		{action: remove, pairs: []string{"AutoProvisioningGroupId", kept, "TerminateInstances", " "}, status: 400, code: "MissingParameter.InstanceType"},
		{action: remove, pairs: []string{"AutoProvisioningGroupId", "apg-none"}, status: 404, code: "InvalidAutoProvisioningGroupId.NotFound"},
		{action: "DescribeAutoProvisioningGroups", pairs: []string{"RegionId", ""}, status: 400, code: "MissingParamter.RegionId"},
		{action: "DescribeAutoProvisioningGroupInstances", pairs: []string{"RegionId", ""}, status: 400, code: "MissingParamter.RegionId"},
		{action: "DescribeAutoProvisioningGroupInstances", pairs: nil, status: 400, code: "MissingParameter"},
		{action: "DescribeAutoProvisioningGroupInstances", pairs: []string{"AutoProvisioningGroupId", "apg-none"}, status: 404, code: "InvalidAutoProvisioningGroupId.NotFound"},
		{action: history, pairs: []string{"AutoProvisioningGroupId", kept, "StartTime", "2026-01-02T00:00:00Z", "EndTime", "2026-01-01T00:00:00Z"}, status: 400, code: "InvalidParameter.periodTime"},
		{action: create, pairs: with(configs(21), "TotalTargetCapacity", "1"), status: 400, code: "InvalidLaunchTemplateConfigs.SizeExceed"},
		{action: modify, pairs: with(configs(21), "AutoProvisioningGroupId", kept), status: 400, code: "InvalidLaunchTemplateConfigs.SizeExceed"},
		{action: modify, pairs: with(configs(1), "AutoProvisioningGroupId", wide), status: 400, code: "OperationDenied"},
		{action: remove, pairs: []string{"AutoProvisioningGroupId", leaving}, status: 403, code: "AutoProvisioningGroup.IncorrectStatus", amid: stuck},
		{action: history, pairs: []string{"RegionId", ""}, status: 400, code: "MissingParamter.RegionId"},
		{action: history, status: 400, code: "MissingParameter"},
		{action: history, pairs: []string{"AutoProvisioningGroupId", "apg-none"}, status: 404, code: "InvalidAutoProvisioningGroupId.NotFound"},
	}
}

func templateRefusals(t *testing.T) (door, []refusal) {
	d := open(t)
	bare := text(d.must("CreateLaunchTemplate", "LaunchTemplateName", "bare"), "LaunchTemplateId")
	full := text(d.must("CreateLaunchTemplate", with(numbered("TemplateTag.N.Key", "k", 20), "LaunchTemplateName", "full")...), "LaunchTemplateId")
	for range 29 {
		d.must("CreateLaunchTemplateVersion", "LaunchTemplateId", full)
	}
	group := text(d.must("CreateAutoProvisioningGroup", small(numbered("Tag.N.Key", "k", 20)...)...), "AutoProvisioningGroupId")
	instance := d.launch(numbered("Tag.N.Key", "k", 20)...)
	crowded := func(t *testing.T, d door) {
		t.Helper()
		for i := range 98 {
			d.must("CreateLaunchTemplate", "LaunchTemplateName", fmt.Sprintf("crowd-%d", i))
		}
	}
	tagged := func(kind, id string) []string {
		return []string{"ResourceType", kind, "ResourceId.1", id, "Tag.1.Key", "more"}
	}

	create, version, tag := "CreateLaunchTemplate", "CreateLaunchTemplateVersion", "TagResources"
	refusals := []refusal{
		{action: create, pairs: []string{"LaunchTemplateName", "x1", "RegionId", "moon"}, status: 400, code: "InvalidRegion.NotExist"},
		{action: create, pairs: []string{"LaunchTemplateName", "1"}, status: 400, code: "InvalidLaunchTemplateName.Malformed"},
		{action: create, pairs: []string{"LaunchTemplateName", "bare"}, status: 403, code: "LaunchTemplateName.Duplicated"},
		{action: create, pairs: []string{"LaunchTemplateName", "x1", "UserData", "?"}, status: 400, code: "InvalidUserData.Base64FormatInvalid"},
		{action: "ModifyLaunchTemplateDefaultVersion", pairs: []string{"LaunchTemplateId", full, "DefaultVersionNumber", "99"}, status: 404, code: "InvalidLaunchTemplateVersion.NotFound"},
		{action: tag, pairs: []string{"ResourceType", "launchtemplate", "ResourceId.1", full}, status: 404, code: "MissingParameter.Tags"},
		{action: tag, pairs: []string{"ResourceType", "launchtemplate", "ResourceId.1", "lt-none", "Tag.1.Key", "k"}, status: 404, code: "InvalidResourceId.NotFound"},
		{action: tag, pairs: []string{"ResourceType", "launchtemplate", "ResourceId.1", full, "Tag.1.Key", "k", "Tag.2.Key", "k"}, status: 400, code: "Duplicate.TagKey"},
		{action: version, pairs: []string{"LaunchTemplateId", bare, "UserData", "?"}, status: 400, code: "InvalidUserData.Base64FormatInvalid"},
		{action: version, pairs: []string{"LaunchTemplateId", full}, status: 403, code: "LaunchTemplateVersionLimitExceed"},
		{action: create, pairs: []string{"LaunchTemplateName", "one-more"}, status: 403, code: "LaunchTemplateLimitExceed", amid: crowded},
		{action: "DeleteLaunchTemplateVersion", pairs: []string{"LaunchTemplateId", full, "DeleteVersion.1", "1"}, status: 403, code: "OperationDenied.DefaultVersion"},
		{action: "DescribeLaunchTemplates", pairs: []string{"RegionId", "moon"}, status: 400, code: "InvalidRegion.NotExist"},
		{action: tag, pairs: tagged("launchtemplate", full), status: 403, code: "QuotaExceed.Tags"},
		{action: tag, pairs: tagged("autoprovisioninggroup", group), status: 403, code: "QuotaExceed.Tags"},
		{action: tag, pairs: tagged("instance", instance), status: 403, code: "QuotaExceed.Tags"},
		{action: tag, pairs: with(numbered("Tag.N.Key", "t", 21), "ResourceType", "launchtemplate", "ResourceId.1", bare), status: 400, code: "NumberExceed.Tags"},
		{action: "UntagResources", pairs: with(numbered("TagKey.N", "t", 21), "ResourceType", "launchtemplate", "ResourceId.1", bare), status: 400, code: "NumberExceed.Tags"},
		{action: "UntagResources", pairs: []string{"ResourceType", "launchtemplate", "ResourceId.1", bare}, status: 404, code: "MissingParameter.Tags"},
		{action: "UntagResources", pairs: []string{"ResourceType", "launchtemplate", "ResourceId.1", "lt-none", "All", "true"}, status: 404, code: "InvalidResourceId.NotFound"},
	}
	for _, action := range []string{version, "DescribeLaunchTemplateVersions", "ModifyLaunchTemplateDefaultVersion", "DeleteLaunchTemplateVersion", "DeleteLaunchTemplate"} {
		named := []string{"DefaultVersionNumber", "1", "DeleteVersion.1", "1"}
		refusals = append(refusals,
			refusal{action: action, pairs: with(named, "LaunchTemplateId", "lt-none"), status: 404, code: "InvalidLaunchTemplate.NotFound"},
			refusal{action: action, pairs: with(named, "LaunchTemplateId", bare, "RegionId", "moon"), status: 400, code: "InvalidRegion.NotExist"})
	}
	for _, action := range []string{tag, "UntagResources", "ListTagResources"} {
		refusals = append(refusals,
			refusal{action: action, pairs: []string{"RegionId", ""}, status: 404, code: "MissingParameter.RegionId"},
			refusal{action: action, pairs: []string{"ResourceId.1", bare}, status: 404, code: "MissingParameter.ResourceType"},
			refusal{action: action, pairs: []string{"ResourceType", "moon", "ResourceId.1", bare, "Tag.1.Key", "k"}, status: 404, code: "InvalidResourceType.NotFound"},
			refusal{action: action, pairs: with(numbered("ResourceId.N", "lt-", 51), "ResourceType", "launchtemplate", "Tag.1.Key", "k"), status: 400, code: "NumberExceed.ResourceIds"})
	}
	return d, refusals
}

// launched are the pairs of a launch.
func launched(pairs ...string) []string {
	return append([]string{"InstanceType", "ecs.c6.large", "VSwitchId", "vsw-cn-shenzhen-d", "ImageId", "m-1", "SecurityGroupId", "sg-1"}, pairs...)
}

// launch launches an instance.
func (d door) launch(pairs ...string) string {
	d.t.Helper()
	sets, _ := d.must("RunInstances", launched(pairs...)...)["InstanceIdSets"].(map[string]any)
	ids, _ := sets["InstanceIdSet"].([]any)
	if len(ids) != 1 {
		d.t.Fatalf("launched %v", ids)
	}
	return fmt.Sprint(ids[0])
}

func (d door) cloud() fleetv1.SimulationServiceClient {
	return fleetv1.NewSimulationServiceClient(d.running.Conn())
}

// inject brings the cloud into trouble, until the test ends.
func (d door) inject(fault *fleetv1.Fault) {
	d.t.Helper()
	fault.FaultId = "trouble"
	if _, err := d.cloud().InjectFault(d.t.Context(), &fleetv1.InjectFaultRequest{Fault: fault}); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() {
		if _, err := d.cloud().ClearFaults(context.WithoutCancel(d.t.Context()), &fleetv1.ClearFaultsRequest{}); err != nil {
			d.t.Error(err)
		}
	})
}

// amid is the trouble of a fault.
func amid(fault *fleetv1.Fault) func(t *testing.T, d door) {
	return func(t *testing.T, d door) {
		t.Helper()
		d.inject(fault)
	}
}

// disturbed is the fault of all calls of a method.
func disturbed(method string, outcome fleetv1.CallOutcome) *fleetv1.Fault {
	return &fleetv1.Fault{Effect: &fleetv1.Fault_CallTrouble{CallTrouble: &fleetv1.CallTrouble{Methods: []string{method}, SharePermille: 1000, Outcome: outcome}}}
}

// soldOut is the trouble of pools that are sold out.
func soldOut(t *testing.T, d door) {
	t.Helper()
	if _, err := d.cloud().DrainPools(t.Context(), &fleetv1.DrainPoolsRequest{Pools: &fleetv1.PoolSelector{}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := d.cloud().RestorePools(context.WithoutCancel(t.Context()), &fleetv1.RestorePoolsRequest{Pools: &fleetv1.PoolSelector{}}); err != nil {
			t.Error(err)
		}
	})
}

// noVCPUs is the trouble of an account whose quota is used up.
func noVCPUs(t *testing.T, d door) {
	t.Helper()
	none := int64(0)
	set := func(ctx context.Context, settings *fleetv1.AccountSettings) error {
		_, err := d.cloud().SetAccount(ctx, &fleetv1.SetAccountRequest{AccountId: "default", Settings: settings})
		return err
	}
	if err := set(t.Context(), &fleetv1.AccountSettings{PayAsYouGoVcpuQuota: &none, SpotVcpuQuota: &none}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := set(context.WithoutCancel(t.Context()), nil); err != nil {
			t.Error(err)
		}
	})
}

func outage() *fleetv1.Fault {
	return &fleetv1.Fault{Effect: &fleetv1.Fault_ZoneOutage{ZoneOutage: &fleetv1.ZoneOutage{ZoneId: "cn-shenzhen-d"}}}
}

func launchRefusals(t *testing.T) (door, []refusal) {
	d := open(t)
	bare := text(d.must("CreateLaunchTemplate", "LaunchTemplateName", "bare"), "LaunchTemplateId")
	d.launch("ClientToken", "used")
	const run = "RunInstances"
	shortage := &fleetv1.Fault{Effect: &fleetv1.Fault_DiskShortage{DiskShortage: &fleetv1.DiskShortage{Category: fleetv1.DiskCategory_DISK_CATEGORY_CLOUD_SSD}}}
	return d, []refusal{
		{action: run, pairs: launched("InstanceType", "ecs.none"), status: 400, code: "InvalidInstanceType.ValueNotSupported"},
		{action: run, pairs: launched("SpotStrategy", "x"), status: 400, code: "InvalidSpotStrategy"},
		{action: run, pairs: launched("SpotStrategy", "SpotWithPriceLimit"), status: 400, code: "InvalidSpotPriceLimit"},
		{action: run, pairs: launched("SpotStrategy", "SpotWithPriceLimit", "SpotPriceLimit", "-1"), status: 400, code: "InvalidSpotPriceLimit"},
		{action: run, pairs: launched("SpotStrategy", "SpotWithPriceLimit", "SpotPriceLimit", "0.001"), status: 400, code: "InvalidSpotPriceLimit.LowerThanPublicPrice"},
		{action: run, pairs: launched("SpotDuration", "2"), status: 400, code: "InvalidSpotDuration"},
		{action: run, pairs: launched("SpotStrategy", "SpotAsPriceGo", "InstanceChargeType", "PrePaid"), status: 400, code: "InvalidSpotPrepaid"},
		{action: run, pairs: launched("SpotInterruptionBehavior", "x"), status: 400, code: "InvalidSpotInterruptionBehavior"},
		{action: run, pairs: launched("MinAmount", "0"), status: 400, code: "InvalidMinAmount.Malformed"},
		{action: run, pairs: launched("Amount", "1", "MinAmount", "2"), status: 400, code: "InvalidMinAmount.Malformed"},
		{action: run, pairs: launched("InstanceType", ""), status: 400, code: "MissingParameter"},
		{action: run, pairs: launched("VSwitchId", ""), status: 400, code: "MissingParameter"},
		{action: run, pairs: launched("ZoneId", "cn-shenzhen-e"), status: 400, code: "InvalidParameter.Mismatch"},
		{action: run, pairs: launched("ClientToken", strings.Repeat("x", 65)), status: 400, code: "InvalidClientToken.ValueNotSupported"},
		{action: run, pairs: launched("ClientToken", "used", "Amount", "2"), status: 400, code: "IdempotentParameterMismatch"},
		{action: run, pairs: launched("Tag.1.Key", "k", "Tag.2.Key", "k"), status: 400, code: "Duplicate.TagKey"},
		{action: run, pairs: launched("UserData", strings.Repeat("YWFh", 20000)), status: 400, code: "InvalidUserData.SizeExceeded"},
		{action: run, pairs: launched("DryRun", "true"), status: 400, code: "DryRunOperation"},
		{action: run, pairs: launched(), status: 403, code: "OperationDenied.NoStock", amid: soldOut},
		{action: run, pairs: launched(), status: 403, code: "Zone.NotOnSale", amid: amid(outage())},
		{action: run, pairs: launched("InstanceType", "ecs.ebmgn7e.32xlarge", "VSwitchId", "vsw-cn-shenzhen-c"), status: 403, code: "InvalidInstanceType.ZoneNotSupported"},
		{action: run, pairs: launched(), status: 403, code: "QuotaExceed.ElasticQuota", amid: noVCPUs},
		{action: run, pairs: launched("Amount", "101"), status: 403, code: "InvalidParam.Amount"},
		{action: run, pairs: launched("SystemDisk.Category", "cloud_ssd"), status: 403, code: "CategoryNotSupported", amid: amid(shortage)},
		{action: run, pairs: launched("SystemDisk.Category", "x"), status: 403, code: "InvalidDiskCategory.NotSupported"},
		{action: run, pairs: launched("VSwitchId", "net-1"), status: 404, code: "InvalidVSwitchId.NotFound"},
		{action: run, pairs: launched("VSwitchId", "", "ZoneId", "moon"), status: 404, code: "InvalidZoneId.NotFound"},
		{action: run, pairs: launched("LaunchTemplateId", "lt-none"), status: 404, code: "InvalidLaunchTemplate.NotFound"},
		{action: run, pairs: launched("LaunchTemplateName", "none"), status: 404, code: "InvalidLaunchTemplate.NotFound"},
		{action: run, pairs: launched("LaunchTemplateId", bare, "LaunchTemplateVersion", "9"), status: 404, code: "InvalidLaunchTemplateVersion.NotFound"},
		{action: run, pairs: launched(), status: 500, code: "InternalError", amid: amid(disturbed(run, fleetv1.CallOutcome_CALL_OUTCOME_INTERNAL_BEFORE))},
	}
}

// still stops the cloud's clock, which then moves by the function it returns
// alone.
func (d door) still() (advance func(time.Duration)) {
	d.t.Helper()
	stood, err := d.cloud().PauseClock(d.t.Context(), &fleetv1.PauseClockRequest{})
	if err != nil {
		d.t.Fatal(err)
	}
	now := stood.GetTime().AsTime()
	return func(by time.Duration) {
		d.t.Helper()
		now = now.Add(by)
		_, err := d.cloud().AdvanceClock(d.t.Context(), &fleetv1.AdvanceClockRequest{Target: &fleetv1.AdvanceClockRequest_To{To: timestamppb.New(now)}})
		if err != nil {
			d.t.Fatal(err)
		}
	}
}

func instanceRefusals(t *testing.T) (door, []refusal) {
	d := open(t)
	advance := d.still()
	paid := d.launch()
	bidding := d.launch("SpotStrategy", "SpotWithPriceLimit", "SpotPriceLimit", bid(d), "SpotDuration", "0")
	recycled := d.launch("SpotStrategy", "SpotAsPriceGo", "SpotDuration", "0", "InstanceType", "ecs.g6.large")
	running, protected := d.launch(), d.launch("DeletionProtection", "true")
	advance(10 * time.Minute)
	d.must("StopInstances", "InstanceId.1", paid, "InstanceId.2", bidding, "StoppedMode", "StopCharging")
	d.must("StopInstances", "InstanceId.1", recycled, "StoppedMode", "KeepCharging")
	advance(10 * time.Minute)
	pending := d.launch()
	noticed := func(t *testing.T, d door) {
		t.Helper()
		_, err := d.cloud().ReclaimInstances(t.Context(), &fleetv1.ReclaimInstancesRequest{
			Target: &fleetv1.ReclaimInstancesRequest_Instances{Instances: &fleetv1.InstanceIds{InstanceIds: []string{recycled}}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	dear := &fleetv1.Fault{Effect: &fleetv1.Fault_PriceShock{PriceShock: &fleetv1.PriceShock{Pools: &fleetv1.PoolSelector{}, FactorPermille: 10_000}}}

	var refusals []refusal
	one := func(action, id string, status int, code string, amid func(*testing.T, door), more ...string) {
		refusals = append(refusals,
			refusal{action: action, pairs: append([]string{"InstanceId", id}, more...), status: status, code: code, amid: amid},
			refusal{action: action + "s", pairs: append([]string{"InstanceId.1", id}, more...), status: status, code: code, amid: amid})
	}
	for action, able := range map[string]string{"StartInstance": paid, "StopInstance": running, "RebootInstance": running, "DeleteInstance": paid} {
		one(action, "i-none", 404, "InvalidInstanceId.NotFound", nil)
		one(action, able, 400, "DRYRUN.SUCCESS", nil, "DryRun", "true")
	}
	one("StartInstance", running, 403, "IncorrectInstanceStatus", nil)
	one("StartInstance", paid, 403, "OperationDenied.NoStock", soldOut)
	one("StartInstance", paid, 403, "QuotaExceed.ElasticQuota", noVCPUs)
	one("StartInstance", paid, 403, "Zone.NotOnSale", amid(outage()))
	one("StartInstance", bidding, 403, "OperationDenied.SpotPriceLowerThanPublicPrice", amid(dear))
	one("StartInstance", recycled, 403, "InstanceLockedForSecurity", noticed)
	one("StopInstance", paid, 403, "IncorrectInstanceStatus", nil)
	one("RebootInstance", paid, 403, "IncorrectInstanceStatus", nil)
	one("DeleteInstance", running, 403, "IncorrectInstanceStatus", nil)
	one("DeleteInstance", pending, 403, "IncorrectInstanceStatus.Initializing", nil)
	one("DeleteInstance", protected, 403, "InvalidOperation.DeletionProtection", nil, "Force", "true")
	return d, refusals
}

// bid is twice the market price of the type that is launched, in the zone where
// it is.
func bid(d door) string {
	d.t.Helper()
	listed, err := fleetv1.NewFleetServiceClient(d.running.Conn()).ListPools(d.t.Context(), &fleetv1.ListPoolsRequest{
		InstanceTypes: []string{"ecs.c6.large"}, ZoneIds: []string{"cn-shenzhen-d"}, BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT,
	})
	if err != nil || len(listed.GetPools()) != 1 {
		d.t.Fatal(listed, err)
	}
	return fmt.Sprintf("%.6f", 2e-6*float64(listed.GetPools()[0].GetPriceMicrosPerHour()))
}

func lookUpRefusals(t *testing.T) (door, []refusal) {
	const describe, full = "DescribeInstances", "DescribeInstancesFullStatus"
	return open(t), []refusal{
		{action: describe, pairs: []string{"Status", "x"}, status: 404, code: "InvalidStatus.NotFound"},
		{action: describe, pairs: []string{"LockReason", "x"}, status: 404, code: "InvalidLockReason.NotFound"},
		{action: describe, pairs: []string{"InstanceChargeType", "x"}, status: 404, code: "InvalidInstanceChargeType.NotFound"},
		{action: describe, pairs: []string{"InstanceNetworkType", "x"}, status: 404, code: "InvalidNetworkType.NotFound"},
		{action: describe, pairs: []string{"Filter.1.Key", "x", "Filter.1.Value", "2026-01-01T00:00Z"}, status: 404, code: "InvalidFilterKey.NotFound"},
		{action: full, pairs: numbered("InstanceId.N", "i-", 101), status: 403, code: "InstanceIdLimitExceeded"},
		{action: full, pairs: numbered("EventId.N", "e-", 101), status: 403, code: "EventIdLimitExceeded"},
		{action: full, pairs: []string{"Status", "x"}, status: 403, code: "InvalidParameter"},
		{action: full, pairs: []string{"NotBefore.Start", "x"}, status: 403, code: "InvalidParameter"},
		{action: full, pairs: []string{"NotBefore.Start", "2026-01-02T00:00:00Z", "NotBefore.End", "2026-01-01T00:00:00Z"}, status: 403, code: "InvalidParameter.TimeEndBeforeStart"},
		{action: full, pairs: []string{"RegionId", ""}, status: 404, code: "MissingParameter"},
		{action: "DescribeSpotPriceHistory", pairs: []string{"InstanceType", "ecs.c6.large", "NetworkType", "x"}, status: 400, code: "InvalidParams.NetworkType"},
		{action: "DescribeSpotPriceHistory", pairs: []string{"InstanceType", "ecs.c6.large", "NetworkType", "vpc", "StartTime", "2026-01-02T00:00:00Z", "EndTime", "2026-01-01T00:00:00Z"},
			status: 400, code: "InvalidParams.Time"},
		{action: "DescribeSpotAdvice", pairs: []string{"InstanceTypes.1", "ecs.c6.large", "Cores", "2"}, status: 403, code: "InvalidParam.TypeAndCpuMem.Conflict"},
	}
}

func overdueRefusals(t *testing.T) (door, []refusal) {
	d := open(t)
	advance := d.still()
	stopped := d.launch()
	advance(10 * time.Minute)
	d.must("StopInstance", "InstanceId", stopped)
	advance(10 * time.Minute)
	_, err := d.cloud().Deposit(t.Context(), &fleetv1.DepositRequest{RequestId: "debt", AccountId: "default", AmountMicros: -1_000_000})
	if err != nil {
		t.Fatal(err)
	}
	return d, []refusal{
		{action: "RunInstances", pairs: launched(), status: 403, code: "InsufficientBalance"},
		{action: "StartInstance", pairs: []string{"InstanceId", stopped}, status: 403, code: "InsufficientBalance"},
		{action: "StartInstances", pairs: []string{"InstanceId.1", stopped}, status: 403, code: "InsufficientBalance"},
	}
}

// failingRefusals are answered by a gateway that has not yet learnt what the
// cloud sells.
func failingRefusals(t *testing.T) (door, []refusal) {
	var refusals []refusal
	for outcome, c := range map[fleetv1.CallOutcome]refusal{
		fleetv1.CallOutcome_CALL_OUTCOME_INTERNAL_BEFORE:    {status: 500, code: "InternalError"},
		fleetv1.CallOutcome_CALL_OUTCOME_UNAVAILABLE_BEFORE: {status: 503, code: "ServiceUnavailable"},
		fleetv1.CallOutcome_CALL_OUTCOME_THROTTLED:          {status: 400, code: "Throttling.User"},
	} {
		c.action, c.pairs, c.amid = "CreateAutoProvisioningGroup", small(), amid(disturbed("ListRegions", outcome))
		refusals = append(refusals, c)
	}
	return open(t), refusals
}

// Keys of the door that callerRefusals opens.
const (
	knownKey   = "ak"
	strangeKey = "ghost"  // of an account that the cloud does not know
	narrowKey  = "narrow" // that may next to nothing
)

// signed is a call with the older signature, but for what pairs say.
func (d door) signed(key, action string, pairs ...string) *http.Request {
	d.t.Helper()
	params := url.Values{
		"Action": {action}, "Version": {"2014-05-26"}, "RegionId": {"cn-shenzhen"}, "Format": {"JSON"}, "AccessKeyId": {key},
		"SignatureNonce": {fmt.Sprint(action, key, time.Now().UnixNano())}, "SignatureMethod": {"HMAC-SHA1"}, "SignatureVersion": {"1.0"},
		"Timestamp": {time.Now().UTC().Format("2006-01-02T15:04:05Z")},
	}
	for i := 0; i < len(pairs); i += 2 {
		params.Set(pairs[i], pairs[i+1])
	}
	secret := cmp.Or(params.Get("secret"), "sk")
	params.Del("secret")
	mac := hmac.New(sha1.New, []byte(secret+"&"))
	_, _ = mac.Write([]byte("GET&%2F&" + url.QueryEscape(strings.ReplaceAll(params.Encode(), "+", "%20"))))
	params.Set("Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return d.request(http.MethodGet, d.address+"?"+params.Encode())
}

func (d door) request(method, address string) *http.Request {
	d.t.Helper()
	request, err := http.NewRequestWithContext(d.t.Context(), method, address, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	return request
}

func callerRefusals(t *testing.T) (door, []refusal) {
	keys, err := auth.NewKeys(
		auth.Key{ID: knownKey, Secret: "sk", AccountID: "default"},
		auth.Key{ID: strangeKey, Secret: "sk", AccountID: "ghost"},
		auth.Key{ID: narrowKey, Secret: "sk", AccountID: "default", Actions: []string{"GetCallerIdentity", "DescribeZ*"}},
	)
	if err != nil {
		t.Fatal(err)
	}
	d := openWith(t, stack.Config{ECSVerifier: auth.NewVerifier(keys, auth.NewMemory(nil, 1000), nil, "default")})
	if status, answer := d.do(d.signed(narrowKey, "DescribeZones")); status != http.StatusOK {
		t.Fatalf("what a key may is refused: %v", answer)
	}
	const look = "DescribeRegions"
	by := func(key, action string, pairs ...string) func(d door) *http.Request {
		return func(d door) *http.Request { return d.signed(key, action, pairs...) }
	}
	twice := func(t *testing.T, d door) {
		t.Helper()
		if status, answer := d.do(d.signed(knownKey, look, "SignatureNonce", "once")); status != http.StatusOK {
			t.Fatal(answer)
		}
	}
	refusals := []refusal{
		{action: "DescribeInstances", status: 404, code: "InvalidAccessKeyId.NotFound", send: by("nobody", "DescribeInstances")},
		{action: look, status: 400, code: "SignatureDoesNotMatch", send: by(knownKey, look, "secret", "other")},
		{action: look, status: 400, code: "IncompleteSignature", send: by(knownKey, look, "SignatureMethod", "HMAC-MD5")},
		{action: look, status: 400, code: "IllegalTimestamp", send: by(knownKey, look, "Timestamp", "yesterday")},
		{action: look, status: 400, code: "InvalidTimeStamp.Expired", send: by(knownKey, look, "Timestamp", "2001-01-01T00:00:00Z")},
		{action: look, status: 400, code: "SignatureNonceUsed", send: by(knownKey, look, "SignatureNonce", "once"), amid: twice},
		{action: look, status: 400, code: "MissingParameter", send: by(knownKey, look, "SignatureNonce", "")},
		{action: look, status: 400, code: "InvalidVersion", pairs: []string{"Version", "2013-01-01"}},
		{action: look, status: 403, code: "UnsupportedHTTPMethod", send: func(d door) *http.Request { return d.request(http.MethodPut, d.address) }},
		{action: "FlyToTheMoon", status: 404, code: "InvalidAction.NotFound"},
		{action: "CreateAutoProvisioningGroup", status: 400, code: "NoPermission", send: by(strangeKey, "CreateAutoProvisioningGroup", small()...)},
		{action: "RunInstances", status: 403, code: "Forbidden.RAM", send: by(strangeKey, "RunInstances", launched()...)},
	}
	for _, action := range []string{
		"ModifyAutoProvisioningGroup", "DeleteAutoProvisioningGroup", "DescribeAutoProvisioningGroupInstances",
		"DescribeAutoProvisioningGroupHistory", "DescribeInstances",
	} {
		refusals = append(refusals, refusal{action: action, status: 403, code: "Forbidden.RAM", send: by(narrowKey, action)})
	}
	return d, refusals
}
