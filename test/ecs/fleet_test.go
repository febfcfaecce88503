package ecs_test

import (
	"errors"
	"strconv"
	"testing"
)

// instances calls what starts, tells of and ends instances.
func instances(t *testing.T, s *system, call client) {
	t.Helper()
	region := params{"RegionId": s.region}
	launch := region.with("InstanceType", "ecs.c6.large", "VSwitchId", "vsw-"+s.zone, "ImageId", "img-1", "SecurityGroupId", "sg-1")
	launched := must(t, call, "RunInstances", launch.with("Amount", "3", "InstanceName", "web", "UniqueSuffix", "true",
		"SpotStrategy", "SpotWithPriceLimit", "SpotPriceLimit", "9.5", "SystemDisk.Category", "cloud_essd", "Tag.1.Key", "role", "Tag.1.Value", "a b*~"))
	ids := list(launched, "InstanceIdSets", "InstanceIdSet")
	if len(ids) != 3 {
		t.Fatalf("launched %v", launched)
	}
	first, third := ids[0].(string), ids[2].(string)
	await(t, "three that run", func() bool {
		found := must(t, call, "DescribeInstances", region.with("InstanceIds", `["`+first+`","`+ids[1].(string)+`","`+third+`"]`, "Status", "Running"))
		return at(found, "TotalCount") == 3.0
	})
	found := must(t, call, "DescribeInstances", region.with("InstanceName", "web001", "Tag.1.Key", "role", "Tag.1.Value", "a b*~", "ImageId", "img-1", "VSwitchId", "vsw-"+s.zone))
	for _, want := range []struct {
		name  string
		value any
	}{
		{"InstanceId", first}, {"ZoneId", s.zone}, {"RegionId", s.region}, {"Cpu", 2.0}, {"Memory", 4096.0}, {"SpotStrategy", "SpotWithPriceLimit"},
		{"SpotPriceLimit", 9.5}, {"InstanceChargeType", "PostPaid"}, {"StoppedMode", "Not-applicable"},
	} {
		if got := at(found, "Instances", "Instance", 0, want.name); got != want.value {
			t.Errorf("%s: %v, want %v", want.name, got, want.value)
		}
	}
	if got := text(must(t, call, "DescribeInstanceAttribute", params{"InstanceId": first}), "InstanceName"); got != "web001" {
		t.Errorf("attribute: %v", got)
	}
	if got := must(t, call, "DescribeInstances", region.with("InstanceName", "web*", "MaxResults", "10")); len(list(got, "Instances", "Instance")) < 3 {
		t.Errorf("by token: %v", got)
	}
	if got := text(must(t, call, "DescribeInstanceStatus", region.with("InstanceId.1", first)), "InstanceStatuses", "InstanceStatus", 0, "Status"); got != "Running" {
		t.Errorf("status: %v", got)
	}
	full := must(t, call, "DescribeInstancesFullStatus", region.with("InstanceId.1", first))
	if at(full, "InstanceFullStatusSet", "InstanceFullStatusType", 0, "Status", "Code") != 1.0 || text(full, "InstanceFullStatusSet", "InstanceFullStatusType", 0, "HealthStatus", "Name") != "Ok" {
		t.Errorf("full status: %v", full)
	}
	must(t, call, "ModifyInstanceAttribute", params{"InstanceId": third, "InstanceName": "renamed", "DeletionProtection": "true"})
	refused(t, call, "DeleteInstance", params{"InstanceId": third, "Force": "true"}, 403, "InvalidOperation.DeletionProtection")
	must(t, call, "ModifyInstanceAttribute", params{"InstanceId": third, "DeletionProtection": "false"})
	must(t, call, "RebootInstance", params{"InstanceId": first})
	await(t, "one that runs again", func() bool {
		return text(must(t, call, "DescribeInstanceAttribute", params{"InstanceId": first}), "Status") == "Running"
	})
	stopped := must(t, call, "StopInstances", region.with("InstanceId.1", first, "StoppedMode", "StopCharging"))
	if got := text(stopped, "InstanceResponses", "InstanceResponse", 0, "Code"); got != "200" {
		t.Errorf("stopped: %v", stopped)
	}
	await(t, "one that is stopped", func() bool {
		return text(must(t, call, "DescribeInstanceAttribute", params{"InstanceId": first}), "Status") == "Stopped"
	})
	refused(t, call, "StopInstance", params{"InstanceId": first}, 403, "IncorrectInstanceStatus")
	refused(t, call, "StartInstance", params{"InstanceId": first, "DryRun": "true"}, 400, "DRYRUN.SUCCESS")
	some := must(t, call, "StartInstances", region.with("InstanceId.1", first, "InstanceId.2", "i-none", "BatchOptimization", "SuccessFirst"))
	if text(some, "InstanceResponses", "InstanceResponse", 0, "Code") != "200" || text(some, "InstanceResponses", "InstanceResponse", 1, "Code") != "InvalidInstanceId.NotFound" {
		t.Errorf("started: %v", some)
	}
	became := func(status string) {
		t.Helper()
		await(t, status, func() bool {
			return text(must(t, call, "DescribeInstanceAttribute", params{"InstanceId": first}), "Status") == status
		})
	}
	became("Running")
	must(t, call, "StopInstance", params{"InstanceId": first})
	became("Stopped")
	must(t, call, "StartInstance", params{"InstanceId": first})
	became("Running")
	must(t, call, "RebootInstances", region.with("InstanceId.1", first))
	became("Running")
	refused(t, call, "DeleteInstance", params{"InstanceId": third}, 403, "IncorrectInstanceStatus")
	must(t, call, "DeleteInstances", region.with("InstanceId.1", first, "InstanceId.2", ids[1].(string), "Force", "true"))
	must(t, call, "DeleteInstance", params{"InstanceId": third, "Force": "true"})
	if got := must(t, call, "DescribeInstances", region.with("InstanceIds", `["`+first+`"]`)); at(got, "TotalCount") != 0.0 {
		t.Errorf("released: %v", got)
	}
}

// lookUps calls what tells of the cloud.
func lookUps(t *testing.T, s *system, call client) {
	t.Helper()
	region := params{"RegionId": s.region}
	for _, c := range []struct {
		action string
		p      params
		path   []any // to what must be there
	}{
		{"DescribeRegions", nil, []any{"Regions", "Region", 0, "RegionEndpoint"}},
		{"DescribeZones", region, []any{"Zones", "Zone", 0, "AvailableResources", "ResourcesInfo", 0, "InstanceTypes", "supportedInstanceType", 0}},
		{"DescribeInstanceTypes", params{"InstanceTypes.1": "ecs.c6.large"}, []any{"InstanceTypes", "InstanceType", 0, "InstanceTypeFamily"}},
		{"DescribeInstanceTypes", params{"MinimumCpuCoreCount": "8", "MaxResults": "1"}, []any{"NextToken"}},
		{"DescribeInstanceTypeFamilies", region, []any{"InstanceTypeFamilies", "InstanceTypeFamily", 0, "Generation"}},
		{"DescribeAvailableResource", region.with("DestinationResource", "InstanceType", "InstanceType", "ecs.c6.large"),
			[]any{"AvailableZones", "AvailableZone", 0, "AvailableResources", "AvailableResource", 0, "SupportedResources", "SupportedResource", 0, "StatusCategory"}},
		{"DescribeAvailableResource", region.with("DestinationResource", "SystemDisk", "SpotStrategy", "SpotAsPriceGo"),
			[]any{"AvailableZones", "AvailableZone", 0, "AvailableResources", "AvailableResource", 0, "SupportedResources", "SupportedResource", 0, "Unit"}},
		{"DescribeSpotPriceHistory", region.with("InstanceType", "ecs.c6.large", "NetworkType", "vpc"), []any{"SpotPrices", "SpotPriceType", 0, "Timestamp"}},
		{"DescribeSpotAdvice", region.with("InstanceTypes.1", "ecs.c6.large"), []any{"AvailableSpotZones", "AvailableSpotZone", 0, "AvailableSpotResources", "AvailableSpotResource", 0, "InterruptRateDesc"}},
		{"DescribeSpotAdvice", region.with("MinCores", "2", "InstanceTypeFamily", "ecs.c6"), []any{"AvailableSpotZones", "AvailableSpotZone", 0, "ZoneId"}},
		{"DescribePrice", region.with("InstanceType", "ecs.c6.large", "SpotStrategy", "SpotAsPriceGo"), []any{"PriceInfo", "Price", "Currency"}},
		{"DescribeVSwitches", region, []any{"VSwitches", "VSwitch", 0, "VSwitchId"}},
		{"DescribeVSwitches", params{"VSwitchId": "vsw-bp1abc"}, []any{"VSwitches", "VSwitch", 0, "ZoneId"}},
		{"DescribeSecurityGroups", region.with("SecurityGroupIds", `["sg-1"]`), []any{"SecurityGroups", "SecurityGroup", 0, "SecurityGroupId"}},
		{"DescribeImages", region.with("ImageId", "img-1,img-2"), []any{"Images", "Image", 1, "ImageId"}},
	} {
		if answer := must(t, call, c.action, c.p); text(answer, c.path...) == "" {
			t.Errorf("%s %v: nothing at %v: %v", c.action, c.p, c.path, answer)
		}
	}
	if answer, err := call("GetCallerIdentity", "2015-04-01", nil); err != nil || text(answer, "AccountId") != "default" {
		t.Errorf("identity: %v %v", answer, err)
	}
	answer, err := call("DescribeEndpoints", "2015-06-12", params{"Id": s.region, "ServiceCode": "ecs", "Type": "openAPI"})
	if err != nil || text(answer, "Endpoints", "Endpoint", 0, "Endpoint") != s.ECSAddr() || text(answer, "Endpoints", "Endpoint", 0, "SerivceCode") != "ecs" {
		t.Errorf("endpoints: %v %v", answer, err)
	}
}

// TestTemporaryKey calls with a key that has a token.
func TestTemporaryKey(t *testing.T) {
	s := start(t)
	must(t, s.temporary, "DescribeRegions", nil)
}

func refused(t *testing.T, call client, action string, p params, status int, code string) {
	t.Helper()
	_, err := call(action, ecsVersion, p)
	var told refusal
	if !errors.As(err, &told) || told != (refusal{status, code}) {
		t.Errorf("%s %v: %v, want %d %s", action, p, err, status, code)
	}
}

// refusals provokes the error codes of instances and of what the cloud sells.
func refusals(t *testing.T, s *system, call client) {
	t.Helper()
	region := params{"RegionId": s.region}
	launch := region.with("InstanceType", "ecs.c6.large", "VSwitchId", "vsw-"+s.zone)
	spot := launch.with("SpotStrategy", "SpotWithPriceLimit", "SpotPriceLimit", "9")
	many := region.with("InstanceId.1", "i-0")
	ids, events := region.with(), region.with()
	for i := range 101 {
		ids["InstanceId."+strconv.Itoa(i+1)], events["EventId."+strconv.Itoa(i+1)] = "i-"+strconv.Itoa(i), "e-"+strconv.Itoa(i)
	}
	must(t, call, "RunInstances", launch.with("ClientToken", "t", "Amount", "1"))
	for _, c := range []struct {
		action string
		p      params
		status int
		code   string
	}{
		{"FlyToTheMoon", region, 404, "InvalidAction.NotFound"},
		{"RunInstances", nil, 400, "MissingParameter"},
		{"RunInstances", params{"RegionId": "mars-1"}, 404, "InvalidRegionId.NotFound"},
		{"RunInstances", region.with("VSwitchId", "vsw-1"), 400, "MissingParameter"},
		{"RunInstances", region.with("InstanceType", "ecs.c6.large"), 400, "MissingParameter"},
		{"RunInstances", launch.with("InstanceType", "ecs.x1.none"), 400, "InvalidInstanceType.ValueNotSupported"},
		{"RunInstances", launch.with("VSwitchId", "VSW"), 404, "InvalidVSwitchId.NotFound"},
		{"RunInstances", region.with("InstanceType", "ecs.c6.large", "ZoneId", "mars-1-a"), 404, "InvalidZoneId.NotFound"},
		{"RunInstances", launch.with("ZoneId", "mars-1-a"), 400, "InvalidParameter.Mismatch"},
		{"RunInstances", launch.with("Amount", "101"), 403, "InvalidParam.Amount"},
		{"RunInstances", launch.with("MinAmount", "0"), 400, "InvalidMinAmount.Malformed"},
		{"RunInstances", launch.with("Amount", "1", "MinAmount", "2"), 400, "InvalidMinAmount.Malformed"},
		{"RunInstances", launch.with("SpotStrategy", "Cheap"), 400, "InvalidSpotStrategy"},
		{"RunInstances", spot.with("SpotPriceLimit", "-1"), 400, "InvalidSpotPriceLimit"},
		{"RunInstances", launch.with("SpotStrategy", "SpotWithPriceLimit"), 400, "InvalidSpotPriceLimit"},
		{"RunInstances", spot.with("SpotPriceLimit", "0.000001"), 400, "InvalidSpotPriceLimit.LowerThanPublicPrice"},
		{"RunInstances", spot.with("SpotDuration", "2"), 400, "InvalidSpotDuration"},
		{"RunInstances", spot.with("SpotInterruptionBehavior", "Sleep"), 400, "InvalidSpotInterruptionBehavior"},
		{"RunInstances", spot.with("InstanceChargeType", "PrePaid"), 400, "InvalidSpotPrepaid"},
		{"RunInstances", launch.with("InstanceChargeType", "PrePaid"), 400, "InvalidParameter"},
		{"RunInstances", launch.with("SystemDisk.Category", "floppy"), 403, "InvalidDiskCategory.NotSupported"},
		{"RunInstances", launch.with("ClientToken", "ключ"), 400, "InvalidClientToken.ValueNotSupported"},
		{"RunInstances", launch.with("ClientToken", "t", "Amount", "2"), 400, "IdempotentParameterMismatch"},
		{"RunInstances", launch.with("Tag.1.Key", "a", "Tag.2.Key", "a"), 400, "Duplicate.TagKey"},
		{"RunInstances", launch.with("UserData", "no base64"), 400, "InvalidUserData.SizeExceeded"},
		{"RunInstances", launch.with("LaunchTemplateId", "lt-none"), 404, "InvalidLaunchTemplate.NotFound"},
		{"RunInstances", launch.with("LaunchTemplateName", "none"), 404, "InvalidLaunchTemplate.NotFound"},
		{"RunInstances", launch.with("DryRun", "true"), 400, "DryRunOperation"},
		{"DescribeInstances", region.with("Status", "Asleep"), 404, "InvalidStatus.NotFound"},
		{"DescribeInstances", region.with("LockReason", "None"), 404, "InvalidLockReason.NotFound"},
		{"DescribeInstances", region.with("InstanceChargeType", "Free"), 404, "InvalidInstanceChargeType.NotFound"},
		{"DescribeInstances", region.with("InstanceNetworkType", "token-ring"), 404, "InvalidNetworkType.NotFound"},
		{"DescribeInstances", region.with("Filter.1.Key", "Colour", "Filter.1.Value", "2026-01-02T15:04Z"), 404, "InvalidFilterKey.NotFound"},
		{"DescribeInstances", region.with("NextToken", "none"), 400, "InvalidParameter"},
		{"DescribeInstances", region.with("VSwitchId", "VSW"), 404, "InvalidVSwitchId.NotFound"},
		{"DescribeInstanceStatus", ids, 403, "InstanceIdLimitExceeded"},
		{"DescribeInstancesFullStatus", ids, 403, "InstanceIdLimitExceeded"},
		{"DescribeInstancesFullStatus", events, 403, "EventIdLimitExceeded"},
		{"DescribeInstancesFullStatus", region.with("NotBefore.Start", "2026-01-02T00:00:00Z", "NotBefore.End", "2026-01-01T00:00:00Z"), 403, "InvalidParameter.TimeEndBeforeStart"},
		{"DescribeInstanceAttribute", params{"InstanceId": "i-none"}, 404, "InvalidInstanceId.NotFound"},
		{"ModifyInstanceAttribute", params{"InstanceId": "i-none", "InstanceName": "web"}, 404, "InvalidInstanceId.NotFound"},
		{"StartInstance", params{"InstanceId": "i-none"}, 404, "InvalidInstanceId.NotFound"},
		{"StartInstances", many, 404, "InvalidInstanceId.NotFound"},
		{"StopInstances", many, 404, "InvalidInstanceId.NotFound"},
		{"RebootInstances", many, 404, "InvalidInstanceId.NotFound"},
		{"DeleteInstances", many, 404, "InvalidInstanceId.NotFound"},
		{"DeleteInstance", params{"InstanceId": "i-none"}, 404, "InvalidInstanceId.NotFound"},
		{"DescribeZones", params{"RegionId": "mars-1"}, 404, "InvalidRegionId.NotFound"},
		{"DescribeAvailableResource", region.with("DestinationResource", "Moon"), 400, "InvalidParameter"},
		{"DescribeSpotPriceHistory", region.with("InstanceType", "ecs.c6.large"), 400, "MissingParameter"},
		{"DescribeSpotPriceHistory", region.with("InstanceType", "ecs.c6.large", "NetworkType", "ring"), 400, "InvalidParams.NetworkType"},
		{"DescribeSpotPriceHistory", region.with("InstanceType", "ecs.x1.none", "NetworkType", "vpc"), 400, "InvalidInstanceType.ValueNotSupported"},
		{"DescribeSpotPriceHistory", region.with("InstanceType", "ecs.c6.large", "NetworkType", "vpc", "StartTime", "2026-01-01T00:00:00Z", "EndTime", "2026-03-01T00:00:00Z"), 400, "InvalidParams.Time"},
		{"DescribeSpotAdvice", region, 403, "InvalidParam.TypeAndCpuMem.Conflict"},
		{"DescribeSpotAdvice", region.with("InstanceTypes.1", "ecs.c6.large", "Cores", "2"), 403, "InvalidParam.TypeAndCpuMem.Conflict"},
		{"DescribeInstanceTypes", params{"InstanceFamilyLevel": "Best"}, 400, "InvalidParameter"},
		{"DescribeInstanceTypeFamilies", params{"RegionId": "mars-1"}, 404, "InvalidRegionId.NotFound"},
		{"DescribeVSwitches", region.with("PageSize", "all"), 400, "InvalidParameter"},
		{"DescribeSecurityGroups", params{"RegionId": "mars-1"}, 404, "InvalidRegionId.NotFound"},
		{"DescribeImages", params{"RegionId": "mars-1"}, 404, "InvalidRegionId.NotFound"},
		{"RebootInstance", params{"InstanceId": "i-none"}, 404, "InvalidInstanceId.NotFound"},
		{"DescribePrice", region.with("InstanceType", "ecs.x1.none"), 400, "InvalidInstanceType.ValueNotSupported"},
	} {
		refused(t, call, c.action, c.p, c.status, c.code)
	}
}
