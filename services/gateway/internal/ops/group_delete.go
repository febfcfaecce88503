package ops

import (
	"context"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/gateway/internal/table"
	"github.com/seed-198b1370/muster/services/gateway/wire"
)

// errTerminate has an odd code, as the reference has it.
var errTerminate = bad("MissingParameter.InstanceType", `The specified parameter "TerminateInstances" must not be empty.`)

func deleteGroup() Operation {
	return Operation{
		Operation: table.Operation{
			Name:    "DeleteAutoProvisioningGroup",
			Summary: "Deletes a group; its instances are released or leave it.",
			Params: []table.Param{
				region(wire.Error{}),
				groupID(),
				{Name: "TerminateInstances", Kind: table.Boolean, Blank: errTerminate, Note: "Whether the instances are released; as the group says when absent."},
			},
		},
		Run: func(ctx context.Context, call *Call) (wire.Object, error) {
			request := &groupv1.DeleteGroupRequest{GroupId: call.Text("AutoProvisioningGroupId")}
			if call.Has("TerminateInstances") {
				terminate := call.Flag("TerminateInstances")
				request.TerminateInstances = &terminate
			}
			return nil, deleteOnce(ctx, call, request)
		},
	}
}

// deleteOnce deletes a group. One that is deleted, or about to be, is in no
// status for it.
func deleteOnce(ctx context.Context, call *Call, request *groupv1.DeleteGroupRequest) error {
	found, err := call.Groups.GetGroup(ctx, &groupv1.GetGroupRequest{GroupId: request.GetGroupId()})
	if err != nil {
		return err
	}
	switch found.GetGroup().GetLifecycle() {
	case groupv1.Lifecycle_LIFECYCLE_DELETED:
		return errGroupNotFound
	case groupv1.Lifecycle_LIFECYCLE_DELETE_RUNNING:
		return errGroupStatus
	default:
	}
	_, err = call.Groups.DeleteGroup(ctx, request)
	return err
}
