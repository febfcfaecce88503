package rpc_test

import (
	"context"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// The policy that clients are told of is the one that is tested.
func TestServiceConfig_isDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "```json\n"+rpc.ServiceConfig+"\n```\n") {
		t.Error("docs/operations.md does not show rpc.ServiceConfig as it is")
	}
}

// unsteady is a fleet that can not answer at first, and whose streams are endless.
type unsteady struct {
	fleetv1.UnimplementedFleetServiceServer
	refusals chan struct{} // one for each call to refuse
	opened   chan struct{}
}

func (u *unsteady) ListZones(context.Context, *fleetv1.ListZonesRequest) (*fleetv1.ListZonesResponse, error) {
	select {
	case <-u.refusals:
		return nil, status.Error(codes.Unavailable, "not now")
	default:
		return &fleetv1.ListZonesResponse{}, nil
	}
}

func (u *unsteady) WatchPools(_ *fleetv1.WatchPoolsRequest, stream grpc.ServerStreamingServer[fleetv1.WatchPoolsResponse]) error {
	u.opened <- struct{}{}
	<-stream.Context().Done()
	return stream.Context().Err()
}

func serveUnsteady(t *testing.T, u *unsteady) (address string, stop func() error) {
	t.Helper()
	validator, err := rpc.NewValidator()
	if err != nil {
		t.Fatal(err)
	}
	server := rpc.NewServer(validator, slog.New(slog.DiscardHandler))
	fleetv1.RegisterFleetServiceServer(server, u)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, time.Hour, listener) }()
	t.Cleanup(cancel)
	return listener.Addr().String(), func() error {
		cancel()
		return <-ended
	}
}

// A call that could not be done is made again, and goes past a process that is
// away.
func TestDialReplicas(t *testing.T) {
	u := &unsteady{refusals: make(chan struct{}, 2)}
	first, stopFirst := serveUnsteady(t, u)
	second, stopSecond := serveUnsteady(t, u)
	conn, err := rpc.DialReplicas([]string{first, second})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client := fleetv1.NewFleetServiceClient(conn)
	u.refusals <- struct{}{}
	u.refusals <- struct{}{}
	for range 4 {
		if _, err := client.ListZones(t.Context(), &fleetv1.ListZonesRequest{}); err != nil {
			t.Errorf("while calls are refused at first: %v", err)
		}
	}
	if len(u.refusals) != 0 {
		t.Error("no call was refused")
	}
	if err := stopFirst(); err != nil {
		t.Error(err)
	}
	for range 4 {
		if _, err := client.ListZones(t.Context(), &fleetv1.ListZonesRequest{}); err != nil {
			t.Errorf("while one process is away: %v", err)
		}
	}
	if err := stopSecond(); err != nil {
		t.Error(err)
	}
}

// A server that stops does not wait for endless streams, however long its grace.
func TestServer_endsStreamsWhenItStops(t *testing.T) {
	u := &unsteady{opened: make(chan struct{}, 1)}
	address, stop := serveUnsteady(t, u)
	conn, err := rpc.Dial(address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stream, err := fleetv1.NewFleetServiceClient(conn).WatchPools(t.Context(), &fleetv1.WatchPoolsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	<-u.opened
	if err := stop(); err != nil {
		t.Error(err)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "the server is stopping") {
		t.Errorf("the stream ended with %v, want UNAVAILABLE", err)
	}
}
