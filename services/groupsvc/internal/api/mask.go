package api

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/seed-198b1370/muster/pkg/rpc"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// changeable are the paths that an update mask may name.
var changeable = []string{
	"target_capacity", "target_capacity.total", "target_capacity.pay_as_you_go",
	"target_capacity.spot", "target_capacity.default_type",
}

// maxTarget is the highest target that the contract allows.
const maxTarget = 2000

// applyMask gives the targets that an update asks for, with defaults filled in,
// or tells all that is wrong with it.
func applyMask(current *groupv1.TargetCapacity, req *groupv1.UpdateGroupRequest) (*groupv1.TargetCapacity, error) {
	var violations rpc.Violations
	checkMask(&violations, req)
	paths := req.GetUpdateMask().GetPaths()
	target := proto.CloneOf(current)
	for _, path := range paths {
		setPath(target, req.GetSpec().GetTargetCapacity(), path)
	}
	checkTarget(&violations, target, paths)
	fillTarget(target)
	return target, violations.Err()
}

// maxPaths is how many paths the contract allows; those beyond are not looked
// at.
const maxPaths = 10

// checkMask tells what is wrong with an update, whatever the group is.
func checkMask(violations *rpc.Violations, req *groupv1.UpdateGroupRequest) {
	paths := req.GetUpdateMask().GetPaths()
	if len(paths) == 0 {
		violations.Add("update_mask", rpc.Literal("no paths"), "must name what to change: "+strings.Join(changeable, ", "))
	}
	for i, path := range paths[:min(maxPaths, len(paths))] {
		if !slices.Contains(changeable, path) {
			violations.Add(fmt.Sprintf("update_mask.paths[%d]", i), path, "must be one of "+strings.Join(changeable, ", "))
		}
	}
	if req.GetSpec().GetTargetCapacity() == nil && slices.Contains(paths, "target_capacity") {
		violations.Add("spec.target_capacity", rpc.Literal("nothing"), "must be there when update_mask names it")
	}
}

func setPath(target, asked *groupv1.TargetCapacity, path string) {
	switch path {
	case "target_capacity":
		target.Total, target.PayAsYouGo, target.Spot = asked.GetTotal(), asked.GetPayAsYouGo(), asked.GetSpot()
		target.DefaultType = asked.GetDefaultType()
	case "target_capacity.total":
		target.Total = asked.GetTotal()
	case "target_capacity.pay_as_you_go":
		target.PayAsYouGo = asked.GetPayAsYouGo()
	case "target_capacity.spot":
		target.Spot = asked.GetSpot()
	case "target_capacity.default_type":
		target.DefaultType = asked.GetDefaultType()
	}
}

// checkTarget holds the outcome of an update against the rules of
// TargetCapacity. What the mask does not name keeps them already.
func checkTarget(violations *rpc.Violations, target *groupv1.TargetCapacity, paths []string) {
	if len(paths) == 0 {
		return
	}
	inRange := true
	for _, field := range []struct {
		name  string
		value int32
	}{{"total", target.GetTotal()}, {"pay_as_you_go", target.GetPayAsYouGo()}, {"spot", target.GetSpot()}} {
		if field.value < 0 || field.value > maxTarget {
			violations.Add("spec.target_capacity."+field.name, field.value, fmt.Sprintf("must be between 0 and %d", maxTarget))
			inRange = false
		}
	}
	if _, defined := groupv1.DefaultTargetCapacityType_name[int32(target.GetDefaultType())]; !defined {
		violations.Add("spec.target_capacity.default_type", int32(target.GetDefaultType()), "must be a defined value")
	}
	if inRange && target.GetTotal() < target.GetPayAsYouGo()+target.GetSpot() {
		violations.Add("spec.target_capacity", rpc.Literal(fmt.Sprintf("%d < %d + %d", target.GetTotal(), target.GetPayAsYouGo(), target.GetSpot())),
			"total must be at least pay_as_you_go + spot after the change")
	}
}
