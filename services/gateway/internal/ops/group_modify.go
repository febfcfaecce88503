package ops

import (
	"context"
	"net/http"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/gateway/internal/table"
	"github.com/seed-198b1370/muster/services/gateway/wire"
)

// Errors of ModifyAutoProvisioningGroup: some have another status than at
// creation.
var (
	errModifyName   = wire.Error{Status: http.StatusForbidden, Code: "InvalidName.Malformed", Message: `The specified parameter "AutoProvisioningGroupName" is not valid.`}
	errModifyTarget = wire.Error{Status: http.StatusForbidden, Code: errTarget.Code, Message: errTarget.Message}
	errModifyPrice  = wire.Error{Status: http.StatusNotFound, Code: errMaxPrice.Code, Message: errMaxPrice.Message}
	errNoChange     = bad("MissingParameter", `The specified parameter "AutoProvisioningGroupConfig" should not be null.`)
)

func modifyGroup() Operation {
	target := func(name string) table.Param {
		return table.Param{Name: name, Kind: table.Integer, Max: maxTarget, Wrong: errModifyTarget}
	}
	return Operation{
		Operation: table.Operation{
			Name:    "ModifyAutoProvisioningGroup",
			Summary: "Changes a group. A change of targets, configs or prices is one scheduling task, whatever the type.",
			Params: []table.Param{
				region(wire.Error{}),
				groupID(),
				{Name: "AutoProvisioningGroupName", Max: 128, Pattern: namePattern, Rule: nameRule, Wrong: errModifyName},
				target("TotalTargetCapacity"), target("PayAsYouGoTargetCapacity"), target("SpotTargetCapacity"),
				{Name: "DefaultTargetCapacityType", OneOf: defaultTypes.all()},
				{Name: "ExcessCapacityTerminationPolicy", OneOf: excessPolicies.all()},
				{Name: "TerminateInstancesWithExpiration", Kind: table.Boolean},
				{Name: "MaxSpotPrice", Kind: table.Number, Min: minPrice, Max: maxPrice, Wrong: errModifyPrice},
				configParams(false, errModifyPrice),
			},
		},
		Run: func(ctx context.Context, call *Call) (wire.Object, error) {
			request, err := updateOf(ctx, call)
			if err != nil {
				return nil, err
			}
			_, err = call.Groups.UpdateGroup(ctx, request)
			return nil, err
		},
		Rules: append(configRules(errModifyPrice),
			Rule{Reason: "group.muster/GROUP_IS_BEING_DELETED", Error: errGroupStatus},
			Rule{Field: "spec.target_capacity", Error: errModifyTarget},
			Rule{Field: "spec.spot.pools_to_use", Error: bad("OperationDenied", "The group uses more pools than that.")},
		),
	}
}

// updateOf turns a call into a change of a group: of all that it names.
func updateOf(ctx context.Context, call *Call) (*groupv1.UpdateGroupRequest, error) {
	candidates, err := candidatesOf(ctx, call, false)
	if err != nil {
		return nil, err
	}
	paths := pathsOf(call)
	if len(paths) == 0 {
		return nil, errNoChange
	}
	return &groupv1.UpdateGroupRequest{
		GroupId: call.Text("AutoProvisioningGroupId"), UpdateMask: &fieldmaskpb.FieldMask{Paths: paths},
		Spec: &groupv1.GroupSpec{
			Name: call.Text("AutoProvisioningGroupName"),
			TargetCapacity: &groupv1.TargetCapacity{
				Total: int32(call.Integer("TotalTargetCapacity")), PayAsYouGo: int32(call.Integer("PayAsYouGoTargetCapacity")),
				Spot: int32(call.Integer("SpotTargetCapacity")), DefaultType: defaultTypes.value(call.Text("DefaultTargetCapacityType")),
			},
			Candidates: candidates, Spot: &groupv1.SpotOptions{MaxPriceMicrosPerHour: micros(call.Number("MaxSpotPrice"))},
			ExcessCapacityTerminationPolicy:  excessPolicies.value(call.Text("ExcessCapacityTerminationPolicy")),
			TerminateInstancesWithExpiration: call.Flag("TerminateInstancesWithExpiration"),
		},
	}, nil
}

// pathsOf are the fields of a group that a call names.
func pathsOf(call *Call) []string {
	var paths []string
	for _, field := range []struct{ param, path string }{
		{"AutoProvisioningGroupName", "name"},
		{"TotalTargetCapacity", "target_capacity.total"},
		{"PayAsYouGoTargetCapacity", "target_capacity.pay_as_you_go"},
		{"SpotTargetCapacity", "target_capacity.spot"},
		{"DefaultTargetCapacityType", "target_capacity.default_type"},
		{"ExcessCapacityTerminationPolicy", "excess_capacity_termination_policy"},
		{"TerminateInstancesWithExpiration", "terminate_instances_with_expiration"},
		{"MaxSpotPrice", "spot.max_price_micros_per_hour"},
		{"LaunchTemplateConfig", "candidates"},
	} {
		if call.Has(field.param) {
			paths = append(paths, field.path)
		}
	}
	return paths
}
