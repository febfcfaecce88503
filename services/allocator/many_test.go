package allocator_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

func TestPlaceMany_eachFindsWhatThoseBeforeItLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		(<-h.fleet.streams).tell(1, true, spotPool("a", 10), spotPool("b", 2))
		<-h.service.Ready()
		h.place(t, promised("before", 1, "a"))
		many := &allocatorv1.PlaceManyRequest{Requests: []*allocatorv1.PlaceRequest{
			promised("one", 4, "a", "b"), request(4, "a", "b"), promised("two", 4, "a", "b"), request(4, "b"),
		}}
		response, err := h.client.PlaceMany(t.Context(), many)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, one := range response.GetResponses() {
			got = append(got, launchesOf(one.GetPlacements()[0]))
		}
		if want := "a/c6.large 4; a/c6.large 4; a/c6.large 1, b/c6.large 2; "; strings.Join(got, "; ") != want {
			t.Errorf("got %s, want %s", strings.Join(got, "; "), want)
		}
		if totals := response.GetTotals(); totals.GetInstances() != 11 || totals.GetPlacedMilliunits() != 11_000 || totals.GetCostMicrosPerHour() != 220_000 {
			t.Errorf("totals are %v", totals)
		}
		// Those with a key are promised what they got, others nothing.
		if left := h.place(t, request(99, "a", "b")).GetTotals().GetInstances(); left != 4 {
			t.Errorf("%d instances are left, want the 4 of the look", left)
		}
	})
}

func TestPlaceMany_onAMarketOfTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		response, err := h.client.PlaceMany(t.Context(), &allocatorv1.PlaceManyRequest{
			Requests: []*allocatorv1.PlaceRequest{promised("one", 3, "a"), promised("one", 3, "a")},
			WhatIf:   &allocatorv1.Market{Pools: []*fleetv1.Pool{spotPool("a", 5)}, AsOfTime: at(7)},
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := response.GetTotals().GetInstances(); got != 5 {
			t.Errorf("placed %d, want 5", got)
		}
		if one := response.GetResponses()[1]; !one.GetViewTime().AsTime().Equal(at(7).AsTime()) || one.GetViewAge() != nil {
			t.Errorf("view of %v, %v old; want that of the market, no age", one.GetViewTime(), one.GetViewAge())
		}
	})
}

// One request that can not be placed refuses all, and then nothing is promised.
func TestPlaceMany_allOrNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		(<-h.fleet.streams).tell(1, true, spotPool("a", 10))
		<-h.service.Ready()
		bad := request(1, "a")
		bad.WhatIf = &allocatorv1.Market{Pools: []*fleetv1.Pool{spotPool("a", 5)}}
		bad.Demands = append(bad.Demands, bad.GetDemands()[0])
		_, err := h.client.PlaceMany(t.Context(), &allocatorv1.PlaceManyRequest{
			Requests: []*allocatorv1.PlaceRequest{promised("one", 3, "a"), bad},
		})
		want := []string{"requests[1].demands[1].billing_method", "requests[1].what_if"}
		if status.Code(err) != codes.InvalidArgument || fmt.Sprint(fieldsOf(err)) != fmt.Sprint(want) {
			t.Errorf("got %v, want violations of %v", err, want)
		}
		if left := h.place(t, request(99, "a")).GetTotals().GetInstances(); left != 10 {
			t.Errorf("%d instances are left, want 10", left)
		}
	})
}

// fieldsOf lists the fields that an error complains of.
func fieldsOf(err error) []string {
	var fields []string
	for _, violation := range rpc.FieldViolations(err) {
		fields = append(fields, violation.GetField())
	}
	return fields
}
