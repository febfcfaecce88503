// Package ops owns what each operation of the ECS API does: which calls of
// Muster's services it becomes, and how their answers and errors are told in
// the words of the API. Each is a table of parameters and a mapping. It must
// not know how requests are read, proved or answered.
package ops

import (
	"context"
	"slices"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/gateway/internal/table"
	"github.com/seed-198b1370/muster/services/gateway/wire"
)

// Backends are the services that operations call.
type Backends struct {
	Groups    groupv1.GroupServiceClient
	Templates groupv1.LaunchTemplateServiceClient
	// Cloud is the cloud, with what it sells remembered.
	Cloud *Cloud
}

// A Call is one call of an operation.
type Call struct {
	*Backends
	// Values are its parameters, all as the operation's table wants them.
	table.Values
	// RequestID is the id of the call, which the answer repeats.
	RequestID string
	// AccountID is for whom it is made; calls to services go out for it.
	AccountID string
	// AccessKeyID is the key it was signed with; empty for an unsigned one.
	AccessKeyID string
	// Host is the host that was called, as the client named it.
	Host string
}

// An Operation is one that can be called.
type Operation struct {
	table.Operation
	// Run makes the call and returns the answer without its RequestId. Errors
	// are of type [wire.Error], or those of the services, which Rules and the
	// common rules put into the API's words.
	Run func(ctx context.Context, call *Call) (wire.Object, error)
	// Rules are how errors of services are told by this operation.
	Rules []Rule
}

// All are the operations, in the order in which the document shows them.
func All() []Operation {
	return slices.Concat(
		groupOperations(),
		templateOperations(),
		tagOperations(),
		instanceOperations(),
		catalogOperations(),
		identityOperations(),
	)
}
