package cli

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// fullGroup is a group of which there is much to tell.
func fullGroup() *groupv1.Group {
	return &groupv1.Group{
		GroupId: "apg-full", Lifecycle: groupv1.Lifecycle_LIFECYCLE_ACTIVE, Fulfillment: groupv1.Fulfillment_FULFILLMENT_ERROR,
		SuspendedProcesses: []groupv1.Process{groupv1.Process_PROCESS_TERMINATE, groupv1.Process_PROCESS_REBALANCE},
		Spec: &groupv1.GroupSpec{
			Type:           groupv1.GroupType_GROUP_TYPE_MAINTAIN,
			TargetCapacity: &groupv1.TargetCapacity{Total: 40, PayAsYouGo: 10, Spot: 30, DefaultType: groupv1.DefaultTargetCapacityType_DEFAULT_TARGET_CAPACITY_TYPE_SPOT},
			Spot:           &groupv1.SpotOptions{Shortfall: groupv1.SpotShortfall_SPOT_SHORTFALL_PAY_AS_YOU_GO_UNTIL_SPOT_RETURNS},
			Budget:         &groupv1.Budget{MaxMicrosPerHour: 5_000_000, Shed: true, ShedOrder: groupv1.ShedOrder_SHED_ORDER_SPOT_FIRST},
			ScalingBounds:  &groupv1.ScalingBounds{Minimum: 10}, LaunchTemplate: &groupv1.LaunchTemplateReference{LaunchTemplateId: "lt-1", Version: 3},
			ValidFrom: at(9, 0), ValidUntil: at(18, 0), Tags: map[string]string{"team": "web", "env": "test"},
			Candidates: []*groupv1.Candidate{{ZoneId: "cn-shenzhen-d", InstanceType: "ecs.c6.large"}, {
				ZoneId: "cn-shenzhen-e", Attributes: &allocatorv1.InstanceAttributes{CapacityUnit: allocatorv1.CapacityUnit_CAPACITY_UNIT_VCPU},
			}},
		},
		Capacity: &groupv1.Capacity{Fulfilled: 38, FulfilledPayAsYouGo: 13, FulfilledSpot: 25, Running: 38, Instances: 40, StoppedInstances: 2, PayAsYouGoForSpot: 3},
		Cost:     &groupv1.Cost{MicrosPerHour: 4_900_000, AllPayAsYouGoMicrosPerHour: 9_800_000},
		Conditions: []*groupv1.Condition{{
			Type: groupv1.ConditionType_CONDITION_TYPE_FULFILLED, Reason: "BudgetReached", LastTransitionTime: at(12, 0),
			Message: "38 of 40 units: another instance would take the group above its budget",
		}},
		NextLookTime: at(12, 5),
	}
}

// pastOf is all that can have been done for a group, latest first.
func pastOf(id string) []*groupv1.Activity {
	const spot = groupv1.SpotStrategy_SPOT_STRATEGY_SPOT_AS_PRICE_GO
	return []*groupv1.Activity{
		{
			ActivityId: "apg-task-3", GroupId: id, Status: groupv1.ActivityStatus_ACTIVITY_STATUS_IN_PROGRESS, Cause: "target not met: 35 of 40 units", StartTime: at(12, 0),
			LaunchResults: []*groupv1.LaunchResult{
				{InstanceType: "ecs.c6.xlarge", ZoneId: "cn-shenzhen-e", SpotStrategy: spot, Amount: 3},
				{InstanceType: "ecs.c6.large", ZoneId: "cn-shenzhen-e", SpotStrategy: spot, ErrorCode: "NoInstanceStock", ErrorMessage: "The instanceTypes are out of usage."},
				{
					InstanceType: "ecs.c6.large", ZoneId: "cn-shenzhen-f", SpotStrategy: groupv1.SpotStrategy_SPOT_STRATEGY_SPOT_WITH_PRICE_LIMIT,
					ErrorCode: "InvalidSpotPriceLimit.LowerThanPublicPrice", ErrorMessage: "The maximum price is below the market price.",
				},
			},
			Removals: []*groupv1.Removal{{InstanceId: "i-1", Reason: "interrupted"}},
			Restarts: []*groupv1.Restart{{InstanceId: "i-2"}, {InstanceId: "i-3", ErrorCode: "NoInstanceStock", ErrorMessage: "The instanceTypes are out of usage."}},
		},
		{
			ActivityId: "apg-task-2", GroupId: id, Status: groupv1.ActivityStatus_ACTIVITY_STATUS_IN_PROGRESS, Cause: "rebalancing: 1 move", StartTime: at(11, 55), Origin: "rebalance",
		},
		{
			ActivityId: "apg-task-1", GroupId: id, Status: groupv1.ActivityStatus_ACTIVITY_STATUS_WARNING, Cause: "excess: 47 of 40 units", StartTime: at(11, 0), EndTime: at(11, 2),
			Origin: "scaling-task:st-1", AttachedInstanceIds: []string{"i-8"}, Removals: []*groupv1.Removal{
				{InstanceId: "i-10", Released: true, Reason: "excess: dearest unit price"}, {InstanceId: "i-11", Released: true, Reason: "unhealthy"},
				{InstanceId: "i-12", Released: true, Reason: "excess: dearest unit price"}, {InstanceId: "i-13", Released: true, Reason: "excess: dearest unit price"},
				{InstanceId: "i-14", Released: true, Reason: "excess: dearest unit price"}, {InstanceId: "i-15", Released: true, Reason: "excess: dearest unit price"},
				{InstanceId: "i-16", Released: true, Reason: "excess: dearest unit price"}, {InstanceId: "i-17", Released: true, Reason: "excess: dearest unit price"},
			},
		},
	}
}

// groupLists are the groups that a list finds: of a name that one has, none and
// two have, then a page of several.
func groupLists() []reply {
	web := illGroup(at(12, 0))
	long := fullGroup()
	long.Spec.Name, long.GroupId = "a-name-that-is-longer-than-others-are", "apg-01m8gtjgy1992n8g8ts1gfx3nq"
	long.Fulfillment, long.Capacity.Fulfilled, long.Spec.TargetCapacity.Total = groupv1.Fulfillment_FULFILLMENT_PENDING_TERMINATION, 1999.5, 2000
	gone := illGroup(at(12, 0))
	gone.Lifecycle = groupv1.Lifecycle_LIFECYCLE_DELETED
	return []reply{
		answer(&groupv1.ListGroupsResponse{Groups: []*groupv1.Group{web}}),
		answer(&groupv1.ListGroupsResponse{}),
		answer(&groupv1.ListGroupsResponse{NextPageToken: "p1"}), answer(&groupv1.ListGroupsResponse{Groups: []*groupv1.Group{web, long}}),
		answer(&groupv1.ListGroupsResponse{Groups: []*groupv1.Group{web, long, gone}}),
		answer(&groupv1.ListGroupsResponse{}),
	}
}

// groupMembers are members of which there is something to tell.
func groupMembers() reply {
	member := func(id string) *groupv1.GroupInstance {
		return &groupv1.GroupInstance{WeightedCapacity: 2, Counts: true, Instance: &fleetv1.Instance{
			InstanceId: id, InstanceType: "ecs.c6.xlarge", ZoneId: "cn-shenzhen-e", BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT,
			Status: fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING, PriceMicrosPerHour: 180_000,
		}}
	}
	noticed, protected := member("i-0000000000002"), member("i-0000000000003")
	noticed.Instance.ReleaseTime, protected.Protected = at(12, 7), true
	return answer(&groupv1.ListGroupInstancesResponse{Instances: []*groupv1.GroupInstance{member("i-0000000000001"), noticed, protected}})
}

// refusedSpec is the refusal of a spec for each of the fields.
func refusedSpec(fields ...string) reply {
	var wrong rpc.Violations
	for _, field := range fields {
		wrong.Add(field, "so", "must be otherwise")
	}
	return refuse(wrong.Err())
}

func groupReplies() map[string][]reply {
	full := fullGroup()
	return map[string][]reply{
		"GetGroup": {answer(&groupv1.GetGroupResponse{Group: illGroup(timestamppb.New(at(12, 0).AsTime()))}), answer(&groupv1.GetGroupResponse{
			Group: full, ProtectedInstanceIds: []string{"i-1", "i-2", "i-3", "i-4", "i-5", "i-6", "i-7"}, RefusedPools: []*groupv1.RefusedPool{
				{
					ZoneId: "cn-shenzhen-d", InstanceType: "ecs.c6.large", BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT,
					ErrorCode: "NoInstanceStock", RetryTime: at(12, 6),
				},
				{BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO, ErrorCode: "QuotaExceed.ElasticQuota", RetryTime: at(12, 20)},
			},
			Rebalancing: &groupv1.Rebalancing{ActivityId: "apg-task-2", Moves: []*groupv1.OpenMove{{
				BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT, FromZoneId: "cn-shenzhen-d", FromInstanceType: "ecs.c6.large", RemoveInstances: 4,
				ToZoneId: "cn-shenzhen-e", ToInstanceType: "ecs.c6.xlarge", LaunchInstances: 2, LaunchedInstances: 1,
			}}},
		})},
		"ListActivities": {
			answer(&groupv1.ListActivitiesResponse{}),
			answer(&groupv1.ListActivitiesResponse{Activities: pastOf("apg-full")}),
		},
		"ListGroups":         groupLists(),
		"ListGroupInstances": {groupMembers(), answer(&groupv1.ListGroupInstancesResponse{})},
		"UpdateGroup": {
			answer(&groupv1.UpdateGroupResponse{Group: full}), answer(&groupv1.UpdateGroupResponse{Group: full}), answer(&groupv1.UpdateGroupResponse{Group: full}),
			refusedSpec("spec.target_capacity", "spec.budget.max_micros_per_hour", "spec.candidates[1].zone_id", "spec.tags[\"a\"]", "etag"),
			refusedSpec("update_mask.paths[0]"),
		},
		"CreateGroup": {
			answer(&groupv1.CreateGroupResponse{Group: illGroup(at(12, 0))}), answer(&groupv1.CreateGroupResponse{Group: illGroup(at(12, 0))}),
			answer(&groupv1.CreateGroupResponse{Group: illGroup(at(12, 0))}),
			refusedSpec("spec.target_capacity.total", "spec.candidates[0].weighted_capacity", "spec.valid_until", "spec.health.max_unhealthy_replacement_percent"),
			refusedSpec("spec.target_capacity.total", "spec.spot.pools_to_use"),
			refusedSpec("spec.candidates"),
		},
		"SuspendProcesses":      {answer(&groupv1.SuspendProcessesResponse{Group: full})},
		"ResumeProcesses":       {answer(&groupv1.ResumeProcessesResponse{Group: illGroup(at(12, 0))})},
		"SetInstanceProtection": {answer(&groupv1.SetInstanceProtectionResponse{Group: full})},
		"AttachInstances": {
			answer(&groupv1.AttachInstancesResponse{Group: full}),
			refusal(codes.FailedPrecondition, groupv1.ErrorReason_ERROR_REASON_INSTANCE_IN_OTHER_GROUP,
				map[string]string{"instance_id": "i-1", "group_id": "apg-other"}, `instance "i-1" is a member of group "apg-other"`),
		},
		"DetachInstances": {answer(&groupv1.DetachInstancesResponse{Group: full, MissingInstanceIds: []string{"i-9"}})},
		"RebalanceGroup": {
			answer(&groupv1.RebalanceGroupResponse{Group: full, SavingMicrosPerHour: 120_000, ExpectedInterruptionsPerDayThousandthsBefore: 1500,
				ExpectedInterruptionsPerDayThousandthsAfter: 900, Moves: []*groupv1.RebalanceMove{{
					BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT, FromZoneId: "cn-shenzhen-d", FromInstanceType: "ecs.c6.large", RemoveInstances: 4,
					ToZoneId: "cn-shenzhen-e", ToInstanceType: "ecs.c6.xlarge", LaunchInstances: 2, SavingMicrosPerHour: 120_000,
				}}}),
			answer(&groupv1.RebalanceGroupResponse{Group: full}),
		},
	}
}
