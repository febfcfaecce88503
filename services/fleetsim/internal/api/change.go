package api

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// UpdateInstanceTags implements the contract. A key that is both removed and
// set is set.
func (f *fleet) UpdateInstanceTags(ctx context.Context, req *fleetv1.UpdateInstanceTagsRequest) (*fleetv1.UpdateInstanceTagsResponse, error) {
	account, ids := accountOf(ctx), req.GetInstanceIds()
	_, err := f.Engine.Apply(ctx, world.Retag{
		AccountID: account, Numbers: instanceNumbers(ids), Set: req.GetSetTags(), Remove: req.GetRemoveTagKeys(),
	})
	if err != nil {
		return nil, f.refuse(err, subject{account: account, instances: ids, tags: len(req.GetSetTags())})
	}
	return &fleetv1.UpdateInstanceTagsResponse{}, nil
}

// UpdateInstance implements the contract.
func (f *fleet) UpdateInstance(ctx context.Context, req *fleetv1.UpdateInstanceRequest) (*fleetv1.UpdateInstanceResponse, error) {
	account := accountOf(ctx)
	change := world.Describe{AccountID: account, Number: instanceNumber(req.GetInstanceId())}
	if err := readMask(&change, req); err != nil {
		return nil, err
	}
	of := subject{account: account, instances: []string{req.GetInstanceId()}}
	if _, err := f.Engine.Apply(ctx, change); err != nil {
		return nil, f.refuse(err, of)
	}
	page, err := look(ctx, f.Engine, func(w *world.World) world.Page {
		return w.List(world.Query{AccountID: account, ByNumber: true, Numbers: []uint64{change.Number}, Limit: 1})
	})
	if err != nil {
		return nil, err
	}
	if len(page.Listed) == 0 { // gone since
		return nil, f.refuse(&world.NotFoundError{}, of)
	}
	return &fleetv1.UpdateInstanceResponse{Instance: f.toListed(&page.Listed[0])}, nil
}

// readMask takes the new values of the fields that a mask names, or tells which
// can not be changed.
func readMask(change *world.Describe, req *fleetv1.UpdateInstanceRequest) error {
	to := req.GetAttributes()
	name, description, protection := to.GetInstanceName(), to.GetDescription(), to.GetDeletionProtection()
	var violations rpc.Violations
	immutable := false
	for i, path := range req.GetUpdateMask().GetPaths() {
		switch path {
		case "instance_name":
			change.Name = &name
		case "description":
			change.Description = &description
		case "deletion_protection":
			change.DeletionProtection = &protection
		default:
			immutable = immutable || isInstanceField(path)
			violations.Add(fmt.Sprintf("update_mask.paths[%d]", i), path,
				"must be instance_name, description or deletion_protection: nothing else of an instance can be changed")
		}
	}
	if immutable {
		return violations.ErrWithReason(fleetv1.ErrorReason_ERROR_REASON_IMMUTABLE_FIELD, nil)
	}
	return violations.Err()
}

// isInstanceField tells whether a path is, or begins with, a field of an
// instance.
func isInstanceField(path string) bool {
	name, _, _ := strings.Cut(path, ".")
	return (&fleetv1.Instance{}).ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(name)) != nil
}
