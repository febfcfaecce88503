package ops

import (
	"cmp"
	"context"
	"strconv"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/gateway/internal/table"
	"github.com/seed-198b1370/muster/services/gateway/wire"
)

func describeGroups() Operation {
	return Operation{
		Operation: table.Operation{
			Name:    "DescribeAutoProvisioningGroups",
			Summary: "Lists groups; deleted ones only when their status is asked for.",
			Params: append([]table.Param{
				region(errNoRegion),
				{Name: "AutoProvisioningGroupId", List: true, Limit: 20, Max: 64},
				{Name: "AutoProvisioningGroupName", Max: 128},
				{Name: "AutoProvisioningGroupStatus", List: true, Limit: 10, OneOf: append(lifecycles.all(), "deleted-running"), Note: "`deleted-running` is the older word for `delete-running`."},
				{Name: "AutoProvisioningGroupTypes", List: true, Limit: 10, OneOf: groupTypes.all()},
				{Name: "ResourceGroupId", Max: 64},
				tagParams("Tag", 20, "Groups that have all of these."),
			}, pageParams(100)...),
		},
		Run: func(ctx context.Context, call *Call) (wire.Object, error) {
			tags, err := tagsOf(call.Values, "Tag")
			if err != nil {
				return nil, err
			}
			request := &groupv1.ListGroupsRequest{
				PageSize: backendPage, GroupIds: unique(call.Texts("AutoProvisioningGroupId")), Name: call.Text("AutoProvisioningGroupName"), Tags: tags,
			}
			for _, kind := range call.Texts("AutoProvisioningGroupTypes") {
				request.Types = append(request.Types, groupTypes.value(kind))
			}
			for _, status := range call.Texts("AutoProvisioningGroupStatus") {
				lifecycle := cmp.Or(lifecycles.value(status), groupv1.Lifecycle_LIFECYCLE_DELETE_RUNNING)
				request.Lifecycles = append(request.Lifecycles, lifecycle)
				request.ShowDeleted = request.GetShowDeleted() || lifecycle == groupv1.Lifecycle_LIFECYCLE_DELETED
			}
			return listGroups(ctx, call, request)
		},
	}
}

func listGroups(ctx context.Context, call *Call, request *groupv1.ListGroupsRequest) (wire.Object, error) {
	shown, list := pageOf(call.Values), []wire.Object{}
	for {
		listed, err := call.Groups.ListGroups(ctx, request)
		if err != nil {
			return nil, err
		}
		for _, group := range listed.GetGroups() {
			if wanted := call.Text("ResourceGroupId"); wanted != "" && wanted != group.GetSpec().GetResourceGroupId() {
				continue
			}
			if shown.next() {
				list = append(list, groupObject(group, call.Text("RegionId")))
			}
		}
		if request.PageToken = listed.GetNextPageToken(); request.GetPageToken() == "" {
			return append(shown.members(), wire.List("AutoProvisioningGroups", "AutoProvisioningGroup", list)), nil
		}
	}
}

// unique is a list without what is in it again.
func unique(list []string) []string {
	var out []string
	seen := make(map[string]bool, len(list))
	for _, item := range list {
		if !seen[item] {
			out = append(out, item)
		}
		seen[item] = true
	}
	return out
}

// groupObject is a group as answers tell it.
func groupObject(group *groupv1.Group, region string) wire.Object {
	spec, target, capacity := group.GetSpec(), group.GetSpec().GetTargetCapacity(), group.GetCapacity()
	answer := wire.Object{
		wire.M("AutoProvisioningGroupId", group.GetGroupId()),
		wire.M("AutoProvisioningGroupName", cmp.Or(spec.GetName(), group.GetGroupId())),
		wire.M("AutoProvisioningGroupType", groupTypes[spec.GetType()]),
		wire.M("CreationTime", stamp(group.GetCreateTime(), toSeconds)),
		wire.M("Status", lifecycles[group.GetLifecycle()]),
		wire.M("State", fulfillments[group.GetFulfillment()]),
		wire.M("RegionId", region),
		wire.M("ResourceGroupId", spec.GetResourceGroupId()),
		wire.M("ExcessCapacityTerminationPolicy", excessPolicies[spec.GetExcessCapacityTerminationPolicy()]),
		wire.M("TerminateInstances", spec.GetTerminateInstances()),
		wire.M("TerminateInstancesWithExpiration", spec.GetTerminateInstancesWithExpiration()),
		wire.M("ValidFrom", cmp.Or(stamp(spec.GetValidFrom(), toSeconds), stamp(group.GetCreateTime(), toSeconds))),
		wire.M("ValidUntil", stamp(spec.GetValidUntil(), toSeconds)),
		wire.M("SpotOptions", wire.Object{
			wire.M("AllocationStrategy", spotStrategies[spec.GetSpot().GetAllocationStrategy()]+moreSpotStrategies[spec.GetSpot().GetAllocationStrategy()]),
			wire.M("InstanceInterruptionBehavior", groupInterruptions[spec.GetSpot().GetInterruptionBehavior()]),
			wire.M("InstancePoolsToUseCount", spec.GetSpot().GetPoolsToUse()),
		}),
		wire.M("PayAsYouGoOptions", wire.Object{
			wire.M("AllocationStrategy", payAsYouGoStrategies[spec.GetPayAsYouGo().GetAllocationStrategy()]+morePayAsYouGoStrategies[spec.GetPayAsYouGo().GetAllocationStrategy()]),
		}),
		wire.M("TargetCapacitySpecification", wire.Object{
			wire.M("TotalTargetCapacity", float64(target.GetTotal())),
			wire.M("PayAsYouGoTargetCapacity", float64(target.GetPayAsYouGo())),
			wire.M("SpotTargetCapacity", float64(target.GetSpot())),
			wire.M("DefaultTargetCapacityType", defaultTypes[target.GetDefaultType()]),
		}),
		wire.M("CapacitySpecification", wire.Object{
			wire.M("TotalCapacity", capacity.GetFulfilled()),
			wire.M("PayAsYouGoCapacity", capacity.GetFulfilledPayAsYouGo()),
			wire.M("SpotCapacity", capacity.GetFulfilledSpot()),
			wire.M("PrePaidCapacity", 0.0),
		}),
		wire.List("LaunchTemplateConfigs", "LaunchTemplateConfig", configList(spec.GetCandidates())),
		wire.List("SuspendedProcesses", "SuspendedProcess", processNames(group.GetSuspendedProcesses())),
		wire.List("Tags", "Tag", tagList(spec.GetTags(), "TagKey", "TagValue")),
	}
	if template := spec.GetLaunchTemplate(); template != nil {
		answer = append(answer, wire.M("LaunchTemplateId", template.GetLaunchTemplateId()),
			wire.M("LaunchTemplateVersion", strconv.FormatInt(template.GetVersion(), 10)))
	}
	if price := spec.GetSpot().GetMaxPriceMicrosPerHour(); price != 0 {
		answer = append(answer, wire.M("MaxSpotPrice", units(price)))
	}
	return answer
}

func processNames(processes []groupv1.Process) []string {
	names := make([]string, 0, len(processes))
	for _, process := range processes {
		names = append(names, processWords[process])
	}
	return names
}

var processWords = words[groupv1.Process]{
	groupv1.Process_PROCESS_LAUNCH:    "launch",
	groupv1.Process_PROCESS_TERMINATE: "terminate",
	groupv1.Process_PROCESS_REPLACE:   "replace",
	groupv1.Process_PROCESS_REBALANCE: "rebalance",
}

func describeGroupInstances() Operation {
	return Operation{
		Operation: table.Operation{
			Name:    "DescribeAutoProvisioningGroupInstances",
			Summary: "Lists the instances of a group.",
			Params:  append([]table.Param{region(errNoRegion), groupID()}, pageParams(100)...),
		},
		Run: func(ctx context.Context, call *Call) (wire.Object, error) {
			places, err := call.Cloud.Places(ctx)
			if err != nil {
				return nil, err
			}
			shown, list := pageOf(call.Values), []wire.Object{}
			request := &groupv1.ListGroupInstancesRequest{GroupId: call.Text("AutoProvisioningGroupId"), PageSize: backendPage}
			for {
				listed, err := call.Groups.ListGroupInstances(ctx, request)
				if err != nil {
					return nil, err
				}
				for _, member := range listed.GetInstances() {
					if shown.next() {
						list = append(list, memberObject(member.GetInstance(), places, call.Text("RegionId")))
					}
				}
				if request.PageToken = listed.GetNextPageToken(); request.GetPageToken() == "" {
					return append(shown.members(), wire.List("Instances", "Instance", list)), nil
				}
			}
		},
	}
}

var instanceStatuses = words[fleetv1.InstanceStatus]{
	fleetv1.InstanceStatus_INSTANCE_STATUS_PENDING:  "Pending",
	fleetv1.InstanceStatus_INSTANCE_STATUS_STARTING: "Starting",
	fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING:  "Running",
	fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPING: "Stopping",
	fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPED:  "Stopped",
}

// memberObject is an instance of a group as answers tell it. CPU is spelled so
// only here.
func memberObject(instance *fleetv1.Instance, places Places, region string) wire.Object {
	kind := places.TypeOf[instance.GetInstanceType()]
	return wire.Object{
		wire.M("InstanceId", instance.GetInstanceId()),
		wire.M("InstanceType", instance.GetInstanceType()),
		wire.M("Status", instanceStatuses[instance.GetStatus()]),
		wire.M("CreationTime", stamp(instance.GetCreateTime(), toMinutes)),
		wire.M("IsSpot", instance.GetBillingMethod() == fleetv1.BillingMethod_BILLING_METHOD_SPOT),
		wire.M("CPU", kind.GetVcpus()),
		wire.M("Memory", kind.GetMemoryMib()),
		wire.M("NetworkType", "vpc"),
		wire.M("OsType", "linux"),
		wire.M("RegionId", region),
		wire.M("ZoneId", instance.GetZoneId()),
		wire.M("IoOptimized", true),
	}
}
