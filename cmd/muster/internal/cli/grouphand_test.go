package cli

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

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

func groupReplies() map[string][]reply {
	full := fullGroup()
	return map[string][]reply{
		"GetGroup": {answer(&groupv1.GetGroupResponse{Group: illGroup(timestamppb.New(at(12, 0).AsTime()))}), answer(&groupv1.GetGroupResponse{Group: full})},
		"ListActivities": {
			answer(&groupv1.ListActivitiesResponse{}),
			answer(&groupv1.ListActivitiesResponse{Activities: []*groupv1.Activity{{
				ActivityId: "apg-task-1", Status: groupv1.ActivityStatus_ACTIVITY_STATUS_IN_PROGRESS, Cause: "target not met: 35 of 40 units", StartTime: at(12, 0),
				LaunchResults: []*groupv1.LaunchResult{{Amount: 3}, {ErrorCode: "NoInstanceStock"}}, Removals: []*groupv1.Removal{{InstanceId: "i-1"}},
				Restarts: []*groupv1.Restart{{InstanceId: "i-2"}, {InstanceId: "i-3", ErrorCode: "NoInstanceStock"}},
			}}}),
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
