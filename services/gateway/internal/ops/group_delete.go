package ops

import (
	"context"
	"net/http"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/gateway/internal/table"
	"github.com/seed-198b1370/muster/services/gateway/wire"
)

// groupOperations are those of auto provisioning groups.
func groupOperations() []Operation {
	return []Operation{
		deleteGroup(),
	}
}

// errGroupStatus is spelled as in the reference.
var errGroupStatus = wire.Error{Status: http.StatusForbidden, Code: "AutoProvisioningGroup.IncorrectStatus",
	Message: "Current status of AutoProvisioningGroup does not support curren action."}

func groupID() table.Param {
	return table.Param{Name: "AutoProvisioningGroupId", Required: true, Max: 64, Note: "Id of the group.", Absent: wire.Error{
		Status: http.StatusBadRequest, Code: "MissingParameter", Message: `The specified parameter "AutoProvisioningGroupId" should not be null.`,
	}}
}

func deleteGroup() Operation {
	return Operation{
		Operation: table.Operation{
			Name:    "DeleteAutoProvisioningGroup",
			Summary: "Deletes a group; its instances are released or leave it.",
			Params: []table.Param{
				{Name: "RegionId", Required: true, Note: "Region of the group."},
				groupID(),
				{Name: "TerminateInstances", Kind: table.Boolean, Note: "Whether the instances are released; as the group says when absent."},
			},
		},
		Run: func(ctx context.Context, call *Call) (wire.Object, error) {
			request := &groupv1.DeleteGroupRequest{GroupId: call.Text("AutoProvisioningGroupId")}
			if call.Has("TerminateInstances") {
				terminate := call.Flag("TerminateInstances")
				request.TerminateInstances = &terminate
			}
			_, err := call.Groups.DeleteGroup(ctx, request)
			return nil, err
		},
		Rules: []Rule{{Reason: "group.muster/GROUP_IS_BEING_DELETED", Error: errGroupStatus}},
	}
}
