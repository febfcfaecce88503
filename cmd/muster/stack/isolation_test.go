package stack_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
	"github.com/seed-198b1370/muster/pkg/access"
	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

// TestIsolation is S8 over the whole system: two accounts with tokens, every call
// of every contract. Nothing is answered without a token or in another account's
// name, and nothing of one account is seen by the other.
func TestIsolation(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens.yaml")
	var lines strings.Builder
	lines.WriteString("tokens:\n")
	for _, name := range []string{"one", "two"} {
		fmt.Fprintf(&lines, "  - {name: %s, account: %s, role: operator, hash: %q}\n", name, name, access.HashOf("token of "+name))
	}
	if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	running, err := stack.Start(t.Context(), stack.Config{Listen: "127.0.0.1:0", CalmMarket: true, Grace: time.Second, TokensFile: file})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := running.Stop(); err != nil {
			t.Error(err)
		}
	})
	conn, err := rpc.Dial(running.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	as := func(name, account string) context.Context {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer token of "+name)
		if account != "" {
			ctx = rpc.WithAccount(ctx, account)
		}
		return ctx
	}
	inside := fleetv1.NewSimulationServiceClient(running.Conn())
	for _, name := range []string{"one", "two"} {
		if _, err := inside.SetAccount(t.Context(), &fleetv1.SetAccountRequest{AccountId: name}); err != nil {
			t.Fatal(err)
		}
	}
	calls := 0
	everyMethod(func(method protoreflect.MethodDescriptor) {
		calls++
		if code := status.Code(call(t.Context(), conn, method)); code != codes.Unauthenticated {
			t.Errorf("%s without a token gives %v", method.FullName(), code)
		}
		if code := status.Code(call(as("one", "two"), conn, method)); code != codes.PermissionDenied {
			t.Errorf("%s with the token of one in the name of two gives %v", method.FullName(), code)
		}
	})
	if calls < 80 {
		t.Fatalf("only %d calls were tried", calls)
	}
	seesOnlyItsOwn(t, conn, as)
}

// seesOnlyItsOwn gives one account instances, and looks for them as the other.
func seesOnlyItsOwn(t *testing.T, conn *grpc.ClientConn, as func(name, account string) context.Context) {
	t.Helper()
	fleet, health := fleetv1.NewFleetServiceClient(conn), healthv1.NewHealthServiceClient(conn)
	launched, err := fleet.RunInstances(as("one", ""), &fleetv1.RunInstancesRequest{
		RequestId: "once", ZoneId: "cn-shenzhen-d", InstanceType: "ecs.c6.large", Amount: 2,
		BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO,
	})
	if err != nil {
		t.Fatal(err)
	}
	// To two they are as good as gone, which is no error.
	if _, err = fleet.DeleteInstances(as("two", ""), &fleetv1.DeleteInstancesRequest{InstanceIds: launched.GetInstanceIds()}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"one": 2, "two": 0} {
		listed, err := fleet.ListInstances(as(name, ""), &fleetv1.ListInstancesRequest{InstanceIds: launched.GetInstanceIds()})
		if err != nil || len(listed.GetInstances()) != want {
			t.Errorf("S8: %s sees %d of one's instances, %v", name, len(listed.GetInstances()), err)
		}
	}
	watchTwo, stop := context.WithCancel(as("two", ""))
	defer stop()
	two, err := health.WatchInstanceEvents(watchTwo, &healthv1.WatchInstanceEventsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = fleet.RunInstances(as("two", ""), &fleetv1.RunInstancesRequest{
		RequestId: "once", ZoneId: "cn-shenzhen-d", InstanceType: "ecs.c6.large", Amount: 1,
		BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO,
	})
	if err != nil {
		t.Fatal(err)
	}
	for { // what two is told first may be where the stream begins
		told, err := two.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if event := told.GetEvent(); event != nil {
			if event.GetAccountId() != "two" {
				t.Errorf("S8: two is told %v", event)
			}
			return
		}
	}
}

func everyMethod(do func(protoreflect.MethodDescriptor)) {
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for k := 0; k < methods.Len() && strings.HasPrefix(string(file.Package()), "muster."); k++ {
				do(methods.Get(k))
			}
		}
		return true
	})
}

// call makes a call with an empty request and returns how it ended.
func call(ctx context.Context, conn *grpc.ClientConn, method protoreflect.MethodDescriptor) error {
	name := fmt.Sprintf("/%s/%s", method.Parent().FullName(), method.Name())
	var request, answer proto.Message = dynamicpb.NewMessage(method.Input()), dynamicpb.NewMessage(method.Output())
	if !method.IsStreamingServer() {
		return conn.Invoke(ctx, name, request, answer)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, name)
	if err != nil {
		return err
	}
	if err := stream.SendMsg(request); err != nil {
		return stream.RecvMsg(answer)
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	return stream.RecvMsg(answer)
}
