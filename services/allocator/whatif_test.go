package allocator_test

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// A market of the caller's needs no view, and the one in view does not show
// through it.
func TestPlace_onAMarketOfTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		r := request(100, "a", "b")
		list := &fleetv1.Pool{ZoneId: "a", InstanceType: "c6.large", BillingMethod: payAsYouGo, PriceMicrosPerHour: 90_000}
		cheap := spotPool("a", 5)
		cheap.PayAsYouGoPriceMicrosPerHour = 0
		r.WhatIf = &allocatorv1.Market{Pools: []*fleetv1.Pool{cheap, list}, AsOfTime: at(7)}
		for range 2 { // before the real market is in view, and after
			got := h.place(t, r)
			totals := got.GetTotals()
			if totals.GetInstances() != 5 || totals.GetPayAsYouGoCostMicrosPerHour() != 450_000 || !got.GetViewTime().AsTime().Equal(at(7).AsTime()) || got.ViewAge != nil {
				t.Errorf("got %v", got)
			}
			if verdict := got.GetPlacements()[0].GetPools()[1].GetVerdict().String(); verdict != notOnSale {
				t.Errorf("the pool of b is %s, want %s", verdict, notOnSale)
			}
			select {
			case stream := <-h.fleet.streams:
				stream.tell(1, true, spotPool("a", 50), spotPool("b", 50))
				<-h.service.Ready()
			default:
			}
		}
	})
}

// A market of no time, with no list price: the answer claims neither.
func TestPlace_claimsNothingThatTheMarketDoesNotTell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		untold := spotPool("a", 5)
		untold.PayAsYouGoPriceMicrosPerHour = 0
		r := request(5, "a")
		r.Summarize, r.WhatIf = true, &allocatorv1.Market{Pools: []*fleetv1.Pool{untold}}
		got := h.place(t, r)
		if got.ViewTime != nil {
			t.Errorf("view of %v, want none", got.GetViewTime())
		}
		if want := "Spot: 5 of 5 units, 5 x c6.large in a (100 %). In all 5 instances for 0.10 an hour."; got.GetSummary() != want {
			t.Errorf("got %q, want %q", got.GetSummary(), want)
		}
	})
}

func TestPlace_namesAllThatIsWrongWithAMarket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		other := spotPool("a", 5)
		other.PayAsYouGoPriceMicrosPerHour = 7
		r := request(1, "a")
		r.Demands[0].ZonePolicy = allocatorv1.ZonePolicy_ZONE_POLICY_BALANCED
		r.WhatIf = &allocatorv1.Market{
			AsOfTime: &timestamppb.Timestamp{Nanos: -1},
			Pools: []*fleetv1.Pool{
				spotPool("a", 5),
				{
					BillingMethod: 3, PriceMicrosPerHour: -1, PayAsYouGoPriceMicrosPerHour: -1, StockStatus: 9,
					AvailableInstances: new(int32(-1)), InterruptionPermille: new(int32(1001)),
				},
				other,
			},
			InstanceTypes: []*fleetv1.InstanceType{
				{InstanceType: "t1"},
				{InstanceType: "t1", Vcpus: -1, MemoryMib: 1 << 62, Gpus: 65, Category: 77, FamilyLevel: -1},
				{},
			},
		}
		_, err := h.client.Place(t.Context(), r)
		want := []string{
			"demands[0].zone_policy",
			"what_if.as_of_time",
			"what_if.pools[1].zone_id",
			"what_if.pools[1].instance_type",
			"what_if.pools[1].billing_method",
			"what_if.pools[1].price_micros_per_hour",
			"what_if.pools[1].pay_as_you_go_price_micros_per_hour",
			"what_if.pools[1].available_instances",
			"what_if.pools[1].stock_status",
			"what_if.pools[1].interruption_permille",
			"what_if.pools[2].instance_type",
			"what_if.pools[2].pay_as_you_go_price_micros_per_hour",
			"what_if.instance_types[1].vcpus",
			"what_if.instance_types[1].memory_mib",
			"what_if.instance_types[1].gpus",
			"what_if.instance_types[1].category",
			"what_if.instance_types[1].family_level",
			"what_if.instance_types[1].instance_type",
			"what_if.instance_types[2].instance_type",
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, slices.Sorted(slices.Values(fieldsOf(err)))); status.Code(err) != codes.InvalidArgument || diff != "" {
			t.Errorf("got %v (-want +got)\n%s", err, diff)
		}
		// The same, when the contract is broken besides.
		r.Demands[0].WantedMilliunits = 0
		_, err = h.client.Place(t.Context(), r)
		if got := len(fieldsOf(err)); got != len(want)+1 {
			t.Errorf("%d violations with one of the contract, want %d: %v", got, len(want)+1, err)
		}
	})
}
