package rpc_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

func direct(t *testing.T, f *fleet) fleetv1.FleetServiceClient {
	t.Helper()
	validator, err := rpc.NewValidator()
	if err != nil {
		t.Fatal(err)
	}
	conn := rpc.NewDirect(validator, slog.New(slog.DiscardHandler))
	fleetv1.RegisterFleetServiceServer(conn, f)
	return fleetv1.NewFleetServiceClient(conn)
}

// A direct connection does to a call what a server does.
func TestDirect_isAServer(t *testing.T) {
	account := ""
	f := &fleet{listZones: func(ctx context.Context) error {
		account = rpc.AccountOf(ctx)
		return errors.New("a secret")
	}}
	client := direct(t, f)
	_, err := client.ListZones(rpc.WithAccount(t.Context(), "shop"), &fleetv1.ListZonesRequest{})
	if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "secret") || account != "shop" {
		t.Errorf("got %v for account %q", err, account)
	}
	launch := &fleetv1.RunInstancesRequest{
		RequestId: "r", ZoneId: "z", InstanceType: "t", BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT, Amount: 1,
	}
	if _, err := client.RunInstances(t.Context(), launch); status.Code(err) != codes.Internal {
		t.Errorf("a panic is %v", err)
	}
	launch.Amount = 101
	if _, err := client.RunInstances(t.Context(), launch); len(rpc.FieldViolations(err)) != 1 {
		t.Errorf("a request that breaks the contract: %v", err)
	}
	if _, err := client.StopInstances(t.Context(), &fleetv1.StopInstancesRequest{InstanceIds: []string{"i-1"}}); status.Code(err) != codes.Unimplemented {
		t.Errorf("what is not implemented: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.ListZones(ended, &fleetv1.ListZonesRequest{}); status.Code(err) != codes.Canceled {
		t.Errorf("a call that has ended: %v", err)
	}
}

// A stream tells what there is to tell, and ends.
func TestDirect_streamsEnd(t *testing.T) {
	stream, err := direct(t, &fleet{}).WatchPools(t.Context(), &fleetv1.WatchPoolsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Errorf("the first response: %v", err)
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("then: %v, want the end", err)
	}
}
