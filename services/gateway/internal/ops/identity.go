package ops

import (
	"context"

	"github.com/seed-198b1370/muster/services/gateway/internal/table"
	"github.com/seed-198b1370/muster/services/gateway/wire"
)

// identityOperations are those of other products that clients ask on their way.
func identityOperations() []Operation {
	return []Operation{
		{
			Operation: table.Operation{
				Product: "Sts", Version: "2015-04-01", Name: "GetCallerIdentity",
				Summary: "Tells whose the access key is.",
			},
			Run: func(_ context.Context, call *Call) (wire.Object, error) {
				return wire.Object{
					wire.M("IdentityType", "Account"), wire.M("AccountId", call.AccountID), wire.M("UserId", call.AccountID),
					wire.M("PrincipalId", call.AccountID), wire.M("Arn", "acs:ram::"+call.AccountID+":root"),
				}, nil
			},
		},
		{
			Operation: table.Operation{
				Product: "Location", Version: "2015-06-12", Name: "DescribeEndpoints",
				Summary: "Tells where a service is: here.",
				Params: []table.Param{
					{Name: "Id", Max: 64, Note: "The region."}, {Name: "ServiceCode", Max: 64}, {Name: "Type", Max: 64, Note: "`openAPI` by default."},
					{Name: "Namespace", Max: 64, Status: table.Ignored},
				},
			},
			Run: func(_ context.Context, call *Call) (wire.Object, error) {
				kind := call.Text("Type")
				if kind == "" {
					kind = "openAPI"
				}
				endpoint := wire.Object{
					wire.M("Type", kind), wire.M("Namespace", ""), wire.M("Id", call.Text("Id")),
					wire.M("SerivceCode", call.Text("ServiceCode")), // spelled so by the real one
					wire.M("Endpoint", call.Host), wire.List("Protocols", "Protocols", []string{"HTTP"}),
				}
				return wire.Object{wire.M("Success", true), wire.List("Endpoints", "Endpoint", []wire.Object{endpoint})}, nil
			},
		},
	}
}
