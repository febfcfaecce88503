package api

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/seed-198b1370/muster/pkg/rpc"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// A change is what naming a path in an update mask means.
type change struct {
	path string
	// task tells whether it is one scheduling task, whatever the group's type.
	task bool
}

// changeable are the paths that an update mask may name.
var changeable = []change{
	{"target_capacity", true}, {"target_capacity.total", true}, {"target_capacity.pay_as_you_go", true},
	{"target_capacity.spot", true}, {"target_capacity.default_type", true},
	{"candidates", true}, {"spot.max_price_micros_per_hour", true}, {"budget", true},
	{"name", false}, {"excess_capacity_termination_policy", false}, {"terminate_instances_with_expiration", false},
	{"scaling_bounds", false}, {"tags", false},
}

// maxPaths is how many paths the contract allows; those beyond are not looked
// at.
const maxPaths = 20

// changeOf finds what a path means.
func changeOf(path string) (change, bool) {
	at := slices.IndexFunc(changeable, func(c change) bool { return c.path == path })
	if at < 0 {
		return change{}, false
	}
	return changeable[at], true
}

func changeablePaths() string {
	paths := make([]string, len(changeable))
	for i, change := range changeable {
		paths[i] = change.path
	}
	return strings.Join(paths, ", ")
}

// makesTask tells whether an update is one scheduling task.
func makesTask(paths []string) bool {
	return slices.ContainsFunc(paths, func(path string) bool {
		change, _ := changeOf(path)
		return change.task
	})
}

// endsMoves tells whether an update ends a rebalancing: its moves may lead to where
// nothing may be launched any more (S5).
func endsMoves(paths []string) bool {
	return slices.Contains(paths, "candidates") || slices.Contains(paths, "spot.max_price_micros_per_hour")
}

// checkMask tells what is wrong with an update, whatever the group is.
func checkMask(violations *rpc.Violations, req *groupv1.UpdateGroupRequest) {
	paths := req.GetUpdateMask().GetPaths()
	if len(paths) == 0 {
		violations.Add("update_mask", rpc.Literal("no paths"), "must name what to change: "+changeablePaths())
	}
	for i, path := range paths[:min(maxPaths, len(paths))] {
		if _, ok := changeOf(path); ok {
			continue
		}
		field := fmt.Sprintf("update_mask.paths[%d]", i)
		if isSpecPath(path) {
			violations.Add(field, path, "can not be changed; what can is "+changeablePaths())
		} else {
			violations.Add(field, path, "must be a field of the spec that can be changed: "+changeablePaths())
		}
	}
	if req.GetSpec().GetTargetCapacity() == nil && slices.Contains(paths, "target_capacity") {
		violations.Add("spec.target_capacity", rpc.Literal("nothing"), "must be there when update_mask names it")
	}
}

// isSpecPath tells whether a path names a field of a spec, or of a message in it.
func isSpecPath(path string) bool {
	message := (&groupv1.GroupSpec{}).ProtoReflect().Descriptor()
	for _, name := range strings.Split(path, ".") {
		if message == nil {
			return false
		}
		field := message.Fields().ByName(protoreflect.Name(name))
		if field == nil {
			return false
		}
		message = nil
		if !field.IsList() && !field.IsMap() {
			message = field.Message()
		}
	}
	return true
}

// merged is a copy of a spec with the fields that an update names taken from what
// it asks for. What is unset there is unset after it.
func merged(current, asked *groupv1.GroupSpec, paths []string) *groupv1.GroupSpec {
	spec := proto.CloneOf(current)
	asked = cmp.Or(proto.CloneOf(asked), &groupv1.GroupSpec{})
	for _, path := range paths {
		if path == "target_capacity" { // its minimum is none of it
			minimum := spec.GetTargetCapacity().GetMinimum()
			if spec.TargetCapacity = asked.GetTargetCapacity(); spec.TargetCapacity != nil {
				spec.TargetCapacity = proto.CloneOf(spec.TargetCapacity)
				spec.TargetCapacity.Minimum = minimum
			}
			continue
		}
		if _, ok := changeOf(path); ok {
			copyField(spec.ProtoReflect(), asked.ProtoReflect(), strings.Split(path, "."))
		}
	}
	return spec
}

// copyField makes one field of a message what it is in another.
func copyField(to, from protoreflect.Message, path []string) {
	field := to.Descriptor().Fields().ByName(protoreflect.Name(path[0]))
	switch {
	case len(path) > 1:
		copyField(to.Mutable(field).Message(), from.Get(field).Message(), path[1:])
	case from.Has(field):
		to.Set(field, from.Get(field))
	default:
		to.Clear(field)
	}
}
