package fleetsim_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// as makes calls for an account.
func as(ctx context.Context, account string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "muster-account", account)
}

// methods is the names of all RPCs of the contract, as Service/Method.
func methods(t testing.TB) map[string]protoreflect.MethodDescriptor {
	t.Helper()
	all := map[string]protoreflect.MethodDescriptor{}
	for _, desc := range []grpc.ServiceDesc{fleetv1.FleetService_ServiceDesc, fleetv1.BillingService_ServiceDesc, fleetv1.SimulationService_ServiceDesc} {
		found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(desc.ServiceName))
		if err != nil {
			t.Fatal(err)
		}
		service := found.(protoreflect.ServiceDescriptor)
		for i := range service.Methods().Len() {
			method := service.Methods().Get(i)
			all[string(service.Name())+"/"+string(method.Name())] = method
		}
	}
	return all
}

// invoke calls an RPC by its name. Of a stream it waits for the first response.
func (c *cloud) invoke(ctx context.Context, name string, req proto.Message) (proto.Message, error) {
	c.t.Helper()
	method, ok := methods(c.t)[name]
	if !ok {
		c.t.Fatalf("there is no RPC %s", name)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	path, resp := "/muster.fleet.v1."+name, dynamicpb.NewMessage(method.Output())
	if !method.IsStreamingServer() {
		return resp, c.conn.Invoke(ctx, path, req, resp)
	}
	stream, err := c.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, path)
	if err != nil {
		return nil, err
	}
	// The end of a stream that was refused at once is told by what it receives.
	if err := stream.SendMsg(req); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err := stream.CloseSend(); err != nil {
		return nil, err
	}
	return resp, stream.RecvMsg(resp)
}

// refused holds an error against what the contract says it must be. Without a
// reason there must be none.
func refused(t testing.TB, err error, code codes.Code, reason fleetv1.ErrorReason) {
	t.Helper()
	want := strings.TrimPrefix(reason.String(), "ERROR_REASON_")
	if reason == fleetv1.ErrorReason_ERROR_REASON_UNSPECIFIED {
		want = ""
	}
	if got := rpc.ReasonOf(err); status.Code(err) != code || got != want {
		t.Errorf("%s %s was expected, got: %v (%s)", code, want, err, got)
	}
}

// state is all that can be seen of a cloud, for two accounts.
func (c *cloud) state(accounts ...string) []proto.Message {
	c.t.Helper()
	ask := map[string]proto.Message{
		"SimulationService/ListAccounts": &fleetv1.ListAccountsRequest{}, "SimulationService/ListFaults": &fleetv1.ListFaultsRequest{},
		"SimulationService/GetClock": &fleetv1.GetClockRequest{}, "SimulationService/ListSnapshots": &fleetv1.ListSnapshotsRequest{},
		"SimulationService/GetScenario": &fleetv1.GetScenarioRequest{}, "SimulationService/Audit": &fleetv1.AuditRequest{},
		"FleetService/ListPools": &fleetv1.ListPoolsRequest{PageSize: 250},
	}
	var all []proto.Message
	add := func(ctx context.Context, name string, req proto.Message) {
		resp, err := c.invoke(ctx, name, req)
		if err != nil {
			c.t.Fatalf("%s: %v", name, err)
		}
		all = append(all, resp)
	}
	for _, name := range []string{
		"SimulationService/ListAccounts", "SimulationService/ListFaults", "SimulationService/GetClock",
		"SimulationService/ListSnapshots", "SimulationService/GetScenario", "SimulationService/Audit", "FleetService/ListPools",
	} {
		add(c.t.Context(), name, ask[name])
	}
	for _, account := range accounts {
		ctx := as(c.t.Context(), account)
		add(ctx, "FleetService/ListInstances", &fleetv1.ListInstancesRequest{PageSize: 250}) // its cursor counts transitions
		add(ctx, "FleetService/CountInstances", &fleetv1.CountInstancesRequest{})
		add(ctx, "FleetService/ListInstanceStatuses", &fleetv1.ListInstanceStatusesRequest{PageSize: 250})
		add(ctx, "FleetService/ListDisks", &fleetv1.ListDisksRequest{PageSize: 250})
		add(ctx, "BillingService/GetBill", &fleetv1.GetBillRequest{})
	}
	return all
}

// unchanged holds that a cloud looks as it did.
func unchanged(t testing.TB, before, after []proto.Message) {
	t.Helper()
	if diff := cmp.Diff(before, after, protocmp.Transform()); diff != "" {
		t.Errorf("something changed (-before +after):\n%s", diff)
	}
}
