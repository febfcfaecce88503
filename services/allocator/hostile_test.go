package allocator_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/allocator"
)

// hostile is a market of many pools of types that all match, at the limits of
// what numbers hold.
func hostile(pools, types int) *allocatorv1.Market {
	market := &allocatorv1.Market{}
	for i := range pools {
		market.Pools = append(market.Pools, &fleetv1.Pool{
			ZoneId: "z", InstanceType: fmt.Sprintf("t%d", i/2), BillingMethod: fleetv1.BillingMethod(1 + i%2),
			PriceMicrosPerHour: math.MaxInt64 - int64(i%2), PayAsYouGoPriceMicrosPerHour: math.MaxInt64, AvailableInstances: new(int32(math.MaxInt32)),
		})
	}
	for i := range types {
		market.InstanceTypes = append(market.InstanceTypes, &fleetv1.InstanceType{InstanceType: fmt.Sprintf("t%d", i), Vcpus: int32(1 + i%1024), MemoryMib: 1})
	}
	return market
}

// everything asks for both billing methods of all types of a zone, twenty times
// over.
func everything() *allocatorv1.PlaceRequest {
	r := &allocatorv1.PlaceRequest{
		Demands: []*allocatorv1.Demand{
			{BillingMethod: spot, WantedMilliunits: 1_000_000_000_000, PoolsToUse: 20},
			{BillingMethod: payAsYouGo, WantedMilliunits: 1_000_000_000_000},
		},
		MaxMilliunits: new(int64(1_000_000_000_000)),
	}
	for range 20 {
		r.Candidates = append(r.Candidates, &allocatorv1.Candidate{
			ZoneId: "z", WeightMilliunits: 10_000_000,
			Attributes: &allocatorv1.InstanceAttributes{ExcludedInstanceTypes: []string{"*a*a*a*a*a*a*a*a*a*a*b"}, PriceProtectionPercent: new(int32(10_000))},
		})
	}
	return r
}

// The largest requests are answered, or refused with what to do instead, and
// sums stay at the largest number rather than run over.
func TestPlace_ofHostileSize(t *testing.T) {
	h := startWithTypes(t, instanceTypes())
	stream := <-h.fleet.streams
	stream.tell(1, true)
	<-h.service.Ready()
	market := hostile(10_000, 2_000)

	r := everything()
	r.WhatIf, r.Summarize = market, true
	_, err := h.client.Place(t.Context(), r)
	if status.Code(err) != codes.ResourceExhausted || !rpc.HasReason(err, allocatorv1.ErrorReason_ERROR_REASON_ANSWER_TOO_LARGE) {
		t.Errorf("everything explained: got %v, want RESOURCE_EXHAUSTED, ANSWER_TOO_LARGE", err)
	}
	r.Explanation = allocatorv1.Explanation_EXPLANATION_TAKEN
	response := h.place(t, r)
	if totals := response.GetTotals(); totals.GetPlacedMilliunits() != 1_000_000_000_000 || totals.GetCostMicrosPerHour() != math.MaxInt64 {
		t.Errorf("totals are %v", totals)
	}

	// As much as can be explained is, and the answer is no larger than a client
	// accepts.
	r.Explanation, r.Candidates, r.WhatIf = allocatorv1.Explanation_EXPLANATION_POOLS_AND_TYPES, r.Candidates[:1], hostile(4_000, 2_000)
	response = h.place(t, r)
	if pools := len(response.GetPlacements()[1].GetPools()); pools != 2_000 || proto.Size(response) > 4<<20 {
		t.Errorf("%d pools explained in %d bytes", pools, proto.Size(response))
	}

	many := &allocatorv1.PlaceManyRequest{WhatIf: hostile(100, 50)}
	for range 1_000 {
		one := everything()
		one.Candidates = one.GetCandidates()[:3]
		many.Requests = append(many.Requests, one)
	}
	if _, err := h.client.PlaceMany(t.Context(), many); !rpc.HasReason(err, allocatorv1.ErrorReason_ERROR_REASON_ANSWER_TOO_LARGE) || !strings.HasPrefix(status.Convert(err).Message(), "requests[") {
		t.Errorf("a thousand explained: got %v, want ANSWER_TOO_LARGE of one of the requests", err)
	}
	for _, one := range many.GetRequests() {
		one.Explanation = allocatorv1.Explanation_EXPLANATION_TAKEN
	}
	got, err := h.client.PlaceMany(t.Context(), many)
	if err != nil {
		t.Fatal(err)
	}
	if totals := got.GetTotals(); totals.GetPlacedMilliunits() != 1_000*1_000_000_000_000 || totals.GetCostMicrosPerHour() != math.MaxInt64 {
		t.Errorf("totals are %v", totals)
	}
}

// Whatever bytes come in, the answer is a placement of what is there or says
// what is wrong. No call fails inside, none hangs.
func FuzzPlaceRequest(f *testing.F) {
	h := startWith(f, &fleet{listTypes: listed(instanceTypes())}, allocator.Config{MaxViewAge: time.Hour})
	stream := <-h.fleet.streams
	stream.tell(1, true, pool("a", "c6.2", spot, 1, 3), pool("a", "c6.2", payAsYouGo, 5, 3), pool("b", "c6.2", spot, math.MaxInt64, math.MaxInt32))
	<-h.service.Ready()
	typical, _ := typical()
	attributes := having(1, "a", &allocatorv1.InstanceAttributes{MinVcpus: new(int32(1)), CapacityUnit: allocatorv1.CapacityUnit_CAPACITY_UNIT_VCPU})
	attributes.Explanation, attributes.Summarize = allocatorv1.Explanation_EXPLANATION_POOLS_AND_TYPES, true
	whatIf := everything()
	whatIf.WhatIf = hostile(8, 2)
	for strategy := range int32(9) {
		seed := promised("group", 5, "a", "b")
		seed.Demands[0].SpotStrategy = allocatorv1.SpotAllocationStrategy(strategy)
		seed.Exclusions = []*allocatorv1.Exclusion{{ZoneId: "a", InstanceType: "c6.2", BillingMethod: spot, RefuseTime: at(0)}}
		seed.Existing = []*allocatorv1.ZoneCapacity{{ZoneId: "a", SpotMilliunits: 3000, Instances: 3}}
		addSeed(f, 0, seed)
	}
	for kind := range uint8(4) {
		for _, seed := range []*allocatorv1.PlaceRequest{typical, attributes, whatIf} {
			addSeed(f, kind, seed)
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, data []byte) {
		var r allocatorv1.PlaceRequest
		if proto.Unmarshal(data, &r) != nil {
			return // what no server sees
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		var err error
		switch kind % 4 {
		case 0:
			var response *allocatorv1.PlaceResponse
			response, err = h.client.Place(ctx, &r)
			checkAnswer(t, &r, response)
		case 1:
			_, err = h.client.PlaceMany(ctx, &allocatorv1.PlaceManyRequest{Requests: []*allocatorv1.PlaceRequest{&r, typical, &r}})
		case 2:
			_, err = h.client.ScaleIn(ctx, &allocatorv1.ScaleInRequest{Candidates: r.GetCandidates(), Demands: r.GetDemands(), Held: held(), WhatIf: r.GetWhatIf()})
		case 3:
			_, err = h.client.Rebalance(ctx, &allocatorv1.RebalanceRequest{
				Candidates: r.GetCandidates(), Demands: r.GetDemands(), Held: held(), Exclusions: r.GetExclusions(),
				MaxRemovedInstances: 5, WhatIf: r.GetWhatIf(),
			})
		}
		switch code := status.Code(err); code {
		case codes.OK, codes.InvalidArgument, codes.ResourceExhausted, codes.Unavailable:
		default:
			t.Errorf("got %v for %v", err, &r)
		}
	})
}

func addSeed(f *testing.F, kind uint8, request *allocatorv1.PlaceRequest) {
	data, err := proto.Marshal(request)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(kind, data)
}

// checkAnswer holds an answer, nil for none, against its request.
func checkAnswer(t *testing.T, r *allocatorv1.PlaceRequest, response *allocatorv1.PlaceResponse) {
	var instances int64
	for _, placement := range response.GetPlacements() {
		for _, p := range placement.GetPools() {
			instances += int64(p.GetInstances())
			if p.GetCandidateIndex() < 0 || int(p.GetCandidateIndex()) >= len(r.GetCandidates()) {
				t.Errorf("%v is of no candidate", p)
			}
			if p.AvailableInstances != nil && p.GetInstances() > p.GetAvailableInstances() || p.GetInstances() < 0 {
				t.Errorf("%v takes more than there is", p)
			}
		}
	}
	if response != nil && instances != int64(response.GetTotals().GetInstances()) {
		t.Errorf("%d instances in pools, %d in all", instances, response.GetTotals().GetInstances())
	}
}
