package allocator_test

import (
	"context"
	"fmt"
	"testing"

	"google.golang.org/grpc"

	"github.com/seed-198b1370/muster/pkg/rpc"
	"github.com/seed-198b1370/muster/pkg/rpc/rpctest"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// callers is how many calls are under way at a time.
const callers = 64

// typical is what a group with 20 candidates asks for when 60 pools are in view.
func typical() (*allocatorv1.PlaceRequest, []*fleetv1.Pool) {
	request := &allocatorv1.PlaceRequest{
		Demands: []*allocatorv1.Demand{
			{BillingMethod: payAsYouGo, WantedMilliunits: 20_000},
			{BillingMethod: spot, WantedMilliunits: 100_000, PoolsToUse: 5},
		},
	}
	var pools []*fleetv1.Pool
	for i := range 30 {
		zone, instanceType := "cn-shenzhen-"+string(rune('a'+i%3)), fmt.Sprintf("ecs.c%d.large", 5+i/3)
		list := int64(300_000 + 7_000*i)
		pools = append(pools, pool(zone, instanceType, payAsYouGo, list, 80), pool(zone, instanceType, spot, list/4, 80))
		if i < 20 {
			request.Candidates = append(request.Candidates, &allocatorv1.Candidate{
				ZoneId: zone, InstanceType: instanceType, WeightMilliunits: int64(1+i%4) * 1000,
			})
		}
	}
	return request, pools
}

// canned answers every call with the same response.
type canned struct {
	allocatorv1.UnimplementedAllocatorServiceServer
	response *allocatorv1.PlaceResponse
}

// Place implements [allocatorv1.AllocatorServiceServer].
func (c *canned) Place(context.Context, *allocatorv1.PlaceRequest) (*allocatorv1.PlaceResponse, error) {
	return c.response, nil
}

// BenchmarkPlace compares a placement with a call that carries the same
// messages and does nothing.
func BenchmarkPlace(b *testing.B) {
	h := start(b)
	request, pools := typical()
	(<-h.fleet.streams).tell(1, true, pools...)
	<-h.service.Ready()
	nothing := &canned{response: h.place(b, request)}
	noOp := allocatorv1.NewAllocatorServiceClient(rpctest.Serve(b, func(r grpc.ServiceRegistrar) {
		allocatorv1.RegisterAllocatorServiceServer(r, nothing)
	}))
	for _, bench := range []struct {
		name   string
		client allocatorv1.AllocatorServiceClient
	}{{"no-op", noOp}, {"placement", h.client}} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(callers / 2)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := bench.client.Place(b.Context(), request); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// BenchmarkValidate is what it costs to hold a request against the contract.
func BenchmarkValidate(b *testing.B) {
	request, _ := typical()
	validator, err := rpc.NewValidator(request)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := validator.Validate(request); err != nil {
			b.Fatal(err)
		}
	}
}
