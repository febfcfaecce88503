package allocator_test

import (
	"log/slog"
	"testing"

	"google.golang.org/grpc"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/allocator"
)

// stocked is a fleet with so much stock in one pool.
type stocked struct {
	fleet
	available int32
}

func (f *stocked) WatchPools(_ *fleetv1.WatchPoolsRequest, stream grpc.ServerStreamingServer[fleetv1.WatchPoolsResponse]) error {
	if err := stream.Send(&fleetv1.WatchPoolsResponse{Pools: []*fleetv1.Pool{spotPool("a", f.available)}, Complete: true, AsOfTime: at(1)}); err != nil {
		return err
	}
	<-stream.Context().Done()
	return stream.Context().Err()
}

// An allocator that is driven sees the market as it was at its last tick.
func TestTick(t *testing.T) {
	validator, err := rpc.NewValidator()
	if err != nil {
		t.Fatal(err)
	}
	conn := rpc.NewDirect(validator, slog.New(slog.DiscardHandler))
	market := &stocked{available: 1}
	fleetv1.RegisterFleetServiceServer(conn, market)
	service, err := allocator.New(allocator.Config{}, allocator.Deps{Fleet: fleetv1.NewFleetServiceClient(conn), Clock: clock.NewWall()})
	if err != nil {
		t.Fatal(err)
	}
	service.Register(conn)
	client := allocatorv1.NewAllocatorServiceClient(conn)
	for i, want := range []int32{1, 5} {
		if err := service.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		market.available = 5 // not seen until the next tick
		answer, err := client.Place(t.Context(), request(9, "a"))
		if got := answer.GetTotals().GetInstances(); err != nil || got != want {
			t.Errorf("after tick %d: %d instances, %v, want %d", i+1, got, err, want)
		}
	}
}
