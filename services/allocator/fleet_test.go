package allocator_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/rpc/rpctest"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/allocator"
)

// A fleet is a cloud whose stream of pools the test writes.
type fleet struct {
	fleetv1.UnimplementedFleetServiceServer
	// streams hands out each stream that is opened.
	streams chan *poolStream
	// listTypes answers each request for instance types; nil for one without.
	listTypes func(*fleetv1.ListInstanceTypesRequest) (*fleetv1.ListInstanceTypesResponse, error)
}

// ListInstanceTypes implements [fleetv1.FleetServiceServer].
func (f *fleet) ListInstanceTypes(_ context.Context, r *fleetv1.ListInstanceTypesRequest) (*fleetv1.ListInstanceTypesResponse, error) {
	if f.listTypes == nil {
		return &fleetv1.ListInstanceTypesResponse{}, nil
	}
	return f.listTypes(r)
}

// A poolStream is one open stream.
type poolStream struct {
	opened    time.Time
	responses chan *fleetv1.WatchPoolsResponse
	broken    chan error
}

// WatchPools implements [fleetv1.FleetServiceServer].
func (f *fleet) WatchPools(_ *fleetv1.WatchPoolsRequest, server grpc.ServerStreamingServer[fleetv1.WatchPoolsResponse]) error {
	stream := &poolStream{opened: time.Now(), responses: make(chan *fleetv1.WatchPoolsResponse), broken: make(chan error)}
	select {
	case f.streams <- stream:
	case <-server.Context().Done():
		return server.Context().Err()
	}
	for {
		select {
		case response := <-stream.responses:
			if err := server.Send(response); err != nil {
				return err
			}
		case err := <-stream.broken:
			return err
		case <-server.Context().Done():
			return server.Context().Err()
		}
	}
}

// tell sends pools as they are at a minute of the cloud's clock.
func (s *poolStream) tell(minute int, complete bool, pools ...*fleetv1.Pool) {
	s.responses <- &fleetv1.WatchPoolsResponse{Pools: pools, Complete: complete, AsOfTime: at(minute)}
}

func at(minute int) *timestamppb.Timestamp {
	return timestamppb.New(time.Date(2026, 1, 2, 3, minute, 0, 0, time.UTC))
}

func pool(zone, instanceType string, billing fleetv1.BillingMethod, price int64, available int32) *fleetv1.Pool {
	return &fleetv1.Pool{
		ZoneId: zone, InstanceType: instanceType, BillingMethod: billing, PriceMicrosPerHour: price,
		PayAsYouGoPriceMicrosPerHour: 100_000, AvailableInstances: &available,
	}
}

func spotPool(zone string, available int32) *fleetv1.Pool {
	return pool(zone, "c6.large", spot, 20_000, available)
}

const (
	spot       = fleetv1.BillingMethod_BILLING_METHOD_SPOT
	payAsYouGo = fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO
)

// A harness is an allocator that follows a fleet, both served in memory.
type harness struct {
	service *allocator.Service
	fleet   *fleet
	client  allocatorv1.AllocatorServiceClient
}

func start(t testing.TB) *harness { return startWith(t, &fleet{}, allocator.Config{}) }

func startWith(t testing.TB, f *fleet, config allocator.Config) *harness {
	f.streams = make(chan *poolStream)
	fleetConn := rpctest.Serve(t, func(r grpc.ServiceRegistrar) { fleetv1.RegisterFleetServiceServer(r, f) })
	service, err := allocator.New(config, allocator.Deps{
		Fleet: fleetv1.NewFleetServiceClient(fleetConn), Clock: clock.NewWall(), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	conn := rpctest.Serve(t, service.Register)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-ended, service.Close()); err != nil {
			t.Errorf("the service ended with %v", err)
		}
	})
	return &harness{service: service, fleet: f, client: allocatorv1.NewAllocatorServiceClient(conn)}
}

// request asks for one spot unit of a pool in each zone.
func request(units int64, zones ...string) *allocatorv1.PlaceRequest {
	r := &allocatorv1.PlaceRequest{Demands: []*allocatorv1.Demand{{BillingMethod: spot, WantedMilliunits: units * 1000}}}
	for _, zone := range zones {
		r.Candidates = append(r.Candidates, &allocatorv1.Candidate{ZoneId: zone, InstanceType: "c6.large", WeightMilliunits: 1000})
	}
	return r
}

// place asks and gives the answer.
func (h *harness) place(t testing.TB, r *allocatorv1.PlaceRequest) *allocatorv1.PlaceResponse {
	t.Helper()
	response, err := h.client.Place(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// verdict asks for one unit of the pool of a zone and tells what was decided.
func (h *harness) verdict(t *testing.T, zone string, exclusions ...*allocatorv1.Exclusion) string {
	t.Helper()
	r := request(1, zone)
	r.Exclusions = exclusions
	return h.place(t, r).GetPlacements()[0].GetPools()[0].GetVerdict().String()
}
