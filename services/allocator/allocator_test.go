package allocator_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/allocator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	taken     = "VERDICT_TAKEN"
	noStock   = "VERDICT_NO_STOCK"
	excluded  = "VERDICT_EXCLUDED"
	notOnSale = "VERDICT_NOT_ON_SALE"
)

func TestNew_refusesMissingDeps(t *testing.T) {
	client := fleetv1.NewFleetServiceClient(nil)
	for name, deps := range map[string]allocator.Deps{
		"fleet": {Clock: clock.NewWall()},
		"clock": {Fleet: client},
	} {
		if _, err := allocator.New(allocator.Config{}, deps); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without a %s: got %v", name, err)
		}
	}
}

func TestPlace_isRefusedUntilTheFirstFullView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		stream := <-h.fleet.streams
		stream.tell(1, false, spotPool("a", 5))
		synctest.Wait()
		_, err := h.client.Place(t.Context(), request(1, "a"))
		if status.Code(err) != codes.Unavailable || !rpc.HasReason(err, allocatorv1.ErrorReason_ERROR_REASON_VIEW_NOT_READY) {
			t.Errorf("got %v, want UNAVAILABLE, VIEW_NOT_READY", err)
		}
		if delay := retryDelay(err); delay <= 0 {
			t.Errorf("asked to retry after %v", delay)
		}
		select {
		case <-h.service.Ready():
			t.Error("ready before the first full view")
		default:
		}
		stream.tell(1, true, spotPool("b", 0))
		<-h.service.Ready()
		for zone, want := range map[string]string{"a": taken, "b": noStock, "c": notOnSale} {
			if got := h.verdict(t, zone); got != want {
				t.Errorf("pool %s: got %s, want %s", zone, got, want)
			}
		}
	})
}

func retryDelay(err error) time.Duration {
	for _, detail := range status.Convert(err).Details() {
		if retry, ok := detail.(*errdetails.RetryInfo); ok {
			return retry.GetRetryDelay().AsDuration()
		}
	}
	return 0
}

func TestPlace_seesChangesAndTellsTheTimeOfItsView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		stream := <-h.fleet.streams
		stream.tell(1, true, spotPool("a", 5))
		<-h.service.Ready()
		for _, step := range []struct {
			pools []*fleetv1.Pool
			want  int64
		}{
			{[]*fleetv1.Pool{spotPool("a", 3)}, 3},
			{[]*fleetv1.Pool{spotPool("b", 4)}, 7}, // a pool that was not for sale before
			{nil, 7},                               // a sign of life
		} {
			stream.tell(int(step.want), false, step.pools...)
			synctest.Wait()
			got := h.place(t, request(100, "a", "b"))
			if units := got.GetTotals().GetPlacedMilliunits() / 1000; units != step.want {
				t.Errorf("after %v: placed %d, want %d", step.pools, units, step.want)
			}
			if want := at(int(step.want)); !got.GetViewTime().AsTime().Equal(want.AsTime()) {
				t.Errorf("view of %v, want %v", got.GetViewTime(), want)
			}
		}
	})
}

func TestPlace_keepsTheLastViewWhileTheFleetIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		stream := <-h.fleet.streams
		stream.tell(1, true, spotPool("a", 5), spotPool("b", 5))
		<-h.service.Ready()
		stream.broken <- status.Error(codes.ResourceExhausted, "too slow")
		stream = <-h.fleet.streams
		// A part of the market is not the market.
		stream.tell(9, false, spotPool("b", 0))
		synctest.Wait()
		if got := h.place(t, request(100, "a", "b")); got.GetTotals().GetInstances() != 10 || !got.GetViewTime().AsTime().Equal(at(1).AsTime()) {
			t.Errorf("while the fleet is away: %v", got)
		}
		stream.tell(9, true, spotPool("c", 5))
		synctest.Wait()
		for zone, want := range map[string]string{"a": notOnSale, "b": noStock, "c": taken} {
			if got := h.verdict(t, zone); got != want {
				t.Errorf("pool %s is %s, want %s", zone, got, want)
			}
		}
	})
}

func TestRun_opensTheStreamAgainAfterGrowingDelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		stream := <-h.fleet.streams
		var delays []time.Duration
		again := func() {
			broke := time.Now()
			stream.broken <- errors.New("broken")
			stream = <-h.fleet.streams
			delays = append(delays, stream.opened.Sub(broke))
		}
		for range 10 {
			again()
		}
		stream.tell(1, true)
		<-h.service.Ready()
		again()
		const ms = time.Millisecond
		want := []time.Duration{
			100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 6400 * ms, 12800 * ms, 25600 * ms, 30000 * ms, 100 * ms,
		}
		// The clock rounds up to a nanosecond more.
		for i, delay := range delays {
			if delay < want[i] || delay > want[i]+ms {
				t.Errorf("attempt %d after %v, want %v", i+1, delay, want[i])
			}
		}
	})
}

func TestPlace_stockGainedLiftsAnExclusion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		stream := <-h.fleet.streams
		untold := func(stock fleetv1.StockStatus) *fleetv1.Pool {
			p := spotPool("u", 0)
			p.AvailableInstances, p.StockStatus = nil, stock
			return p
		}
		stream.tell(1, true, spotPool("a", 5), untold(fleetv1.StockStatus_STOCK_STATUS_CLOSED_WITH_STOCK))
		<-h.service.Ready()
		refused := func(zone string, minute *timestamppb.Timestamp) *allocatorv1.Exclusion {
			return &allocatorv1.Exclusion{ZoneId: zone, InstanceType: "c6.large", BillingMethod: spot, RefuseTime: minute}
		}
		check := func(name, zone, want string, minute *timestamppb.Timestamp) {
			t.Helper()
			synctest.Wait()
			if got := h.verdict(t, zone, refused(zone, minute)); got != want {
				t.Errorf("%s: got %s, want %s", name, got, want)
			}
		}
		check("first seen", "a", excluded, at(0))
		stream.tell(2, false, spotPool("a", 4))
		check("lost stock", "a", excluded, at(0))
		stream.tell(4, false, spotPool("a", 6), untold(fleetv1.StockStatus_STOCK_STATUS_WITH_STOCK))
		check("gained stock", "a", taken, at(3))
		check("gained stock before the refusal", "a", excluded, at(4))
		check("never lifted", "a", excluded, nil)
		check("a better category of stock", "u", taken, at(3))
		check("other billing method", "a", taken, at(3))
		stream.tell(5, false, spotPool("a", 6))
		check("the same stock later", "a", excluded, at(4))
		stream.broken <- errors.New("broken")
		stream = <-h.fleet.streams
		stream.tell(8, true, spotPool("a", 9), untold(fleetv1.StockStatus_STOCK_STATUS_WITH_STOCK))
		check("gained while the fleet was away", "a", taken, at(7))
		check("not gained while the fleet was away", "u", excluded, at(7))
		check("gained before the fleet was away", "u", taken, at(3))
		stream.tell(9, false, untold(fleetv1.StockStatus_STOCK_STATUS_WITHOUT_STOCK))
		check("no stock", "u", noStock, at(3))
		stream.tell(10, false, untold(fleetv1.StockStatus_STOCK_STATUS_CLOSED_WITH_STOCK))
		check("stock of unknown number", "u", taken, at(9))
	})
}

func TestPlace_answersInFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		stream := <-h.fleet.streams
		untold := pool("a", "c6.xlarge", spot, 30_001, 0)
		untold.AvailableInstances, untold.InterruptionPermille = nil, new(int32(40))
		stream.tell(1, true, pool("a", "c6.large", payAsYouGo, 100_000, 2), pool("a", "c6.large", spot, 20_000, 2), untold)
		<-h.service.Ready()
		got := h.place(t, &allocatorv1.PlaceRequest{
			Candidates: []*allocatorv1.Candidate{
				{ZoneId: "a", InstanceType: "c6.xlarge", WeightMilliunits: 4000, MaxPriceMicrosPerHour: 60_000},
				{ZoneId: "a", InstanceType: "c6.large", WeightMilliunits: 2000, Priority: new(int32(0))},
			},
			Demands: []*allocatorv1.Demand{
				{BillingMethod: payAsYouGo, WantedMilliunits: 1000, MaxPriceMicrosPerHour: 1},
				{
					BillingMethod: spot, WantedMilliunits: 10_000, MaxPriceMicrosPerHour: 50_000,
					SpotStrategy: allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_DIVERSIFIED,
				},
			},
			Existing:      []*allocatorv1.ZoneCapacity{{ZoneId: "a", SpotMilliunits: 3000}},
			MaxInstances:  new(int32(3)),
			MaxMilliunits: new(int64(100_000)),
		})
		want := &allocatorv1.PlaceResponse{
			ViewAge: durationpb.New(0),
			Placements: []*allocatorv1.DemandPlacement{
				{
					BillingMethod: payAsYouGo, WantedMilliunits: 1000, PlacedMilliunits: 2000,
					Pools: []*allocatorv1.PoolDecision{
						{
							CandidateIndex: 1, ZoneId: "a", InstanceType: "c6.large", Verdict: allocatorv1.Verdict_VERDICT_TAKEN, Rank: 1,
							Instances: 1, WeightMilliunits: 2000, PriceMicrosPerHour: 100_000, UnitPriceMicrosPerHour: 50_000,
							AvailableInstances: new(int32(2)), SharePermille: 1000, Priority: new(int32(0)),
						},
						{
							ZoneId: "a", InstanceType: "c6.xlarge", Verdict: allocatorv1.Verdict_VERDICT_NOT_ON_SALE, WeightMilliunits: 4000,
						},
					},
				},
				{
					BillingMethod: spot, WantedMilliunits: 10_000, PlacedMilliunits: 8000,
					Pools: []*allocatorv1.PoolDecision{
						{
							ZoneId: "a", InstanceType: "c6.xlarge", Verdict: allocatorv1.Verdict_VERDICT_TAKEN, Rank: 1,
							Instances: 2, WeightMilliunits: 4000, PriceMicrosPerHour: 30_001, UnitPriceMicrosPerHour: 7_500,
							MaxPriceMicrosPerHour: 50_000, SharePermille: 1000, InterruptionPermille: new(int32(40)),
						},
						{
							CandidateIndex: 1, ZoneId: "a", InstanceType: "c6.large", Verdict: allocatorv1.Verdict_VERDICT_LIMIT_REACHED, Rank: 2,
							WeightMilliunits: 2000, PriceMicrosPerHour: 20_000, UnitPriceMicrosPerHour: 10_000,
							MaxPriceMicrosPerHour: 50_000, AvailableInstances: new(int32(1)), Priority: new(int32(0)),
						},
					},
				},
			},
			Totals: &allocatorv1.PlacementTotals{
				Instances: 3, PlacedMilliunits: 10_000, CostMicrosPerHour: 160_002, PayAsYouGoCostMicrosPerHour: 300_000,
				ExpectedInterruptionsPerDayThousandths: 2 * 40 * 24,
			},
			ViewTime: at(1),
		}
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

// Unspecified strategies are lowest-price, and each strategy of the contract is
// the one that is used.
func TestPlace_usesTheStrategyAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		stream := <-h.fleet.streams
		stream.tell(1, true,
			pool("a", "t1", payAsYouGo, 100_000, 9), pool("a", "t2", payAsYouGo, 90_000, 9), pool("b", "t1", payAsYouGo, 95_000, 9),
			pool("a", "t1", spot, 10_000, 9), pool("a", "t2", spot, 9_000, 9), pool("b", "t1", spot, 9_500, 9))
		<-h.service.Ready()
		for name, test := range map[string]struct {
			demand *allocatorv1.Demand
			want   string
		}{
			"pay-as-you-go, none given":          {&allocatorv1.Demand{BillingMethod: payAsYouGo}, "a/t2 4"},
			"pay-as-you-go, lowest-price":        {&allocatorv1.Demand{BillingMethod: payAsYouGo, PayAsYouGoStrategy: 1}, "a/t2 4"},
			"pay-as-you-go, prioritized":         {&allocatorv1.Demand{BillingMethod: payAsYouGo, PayAsYouGoStrategy: 2}, "a/t1 4"},
			"pay-as-you-go, pools to use":        {&allocatorv1.Demand{BillingMethod: payAsYouGo, PoolsToUse: 2}, "a/t2 4"},
			"spot, none given":                   {&allocatorv1.Demand{BillingMethod: spot}, "a/t2 4"},
			"spot, lowest-price":                 {&allocatorv1.Demand{BillingMethod: spot, SpotStrategy: 1}, "a/t2 4"},
			"spot, lowest-price, 2 pools to use": {&allocatorv1.Demand{BillingMethod: spot, SpotStrategy: 1, PoolsToUse: 2}, "a/t2 2, b/t1 2"},
			"spot, diversified":                  {&allocatorv1.Demand{BillingMethod: spot, SpotStrategy: 2}, "a/t2 2, b/t1 2"},
		} {
			test.demand.WantedMilliunits = 4000
			got := h.place(t, &allocatorv1.PlaceRequest{
				Demands: []*allocatorv1.Demand{test.demand},
				Candidates: []*allocatorv1.Candidate{
					{ZoneId: "a", InstanceType: "t1", WeightMilliunits: 1000, Priority: new(int32(0))},
					{ZoneId: "a", InstanceType: "t2", WeightMilliunits: 1000, Priority: new(int32(1))},
					{ZoneId: "b", InstanceType: "t1", WeightMilliunits: 1000},
				},
			})
			if launches := launchesOf(got.GetPlacements()[0]); launches != test.want {
				t.Errorf("%s: got %s, want %s", name, launches, test.want)
			}
		}
	})
}

// What a request says is what is placed on: each field that is not covered
// elsewhere makes a difference.
func TestPlace_heedsEveryFieldOfTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		stream := <-h.fleet.streams
		stream.tell(1, true, spotPool("a", 9), spotPool("b", 9))
		<-h.service.Ready()
		for name, test := range map[string]struct {
			change func(*allocatorv1.PlaceRequest)
			want   string
		}{
			"nothing":                {func(*allocatorv1.PlaceRequest) {}, "a/c6.large 4"},
			"max_instances":          {func(r *allocatorv1.PlaceRequest) { r.MaxInstances = new(int32(3)) }, "a/c6.large 3"},
			"max_instances of 0":     {func(r *allocatorv1.PlaceRequest) { r.MaxInstances = new(int32(0)) }, ""},
			"max_milliunits":         {func(r *allocatorv1.PlaceRequest) { r.MaxMilliunits = new(int64(2999)) }, "a/c6.large 2"},
			"a weight":               {func(r *allocatorv1.PlaceRequest) { r.Candidates[1].WeightMilliunits = 2000 }, "b/c6.large 2"},
			"a candidate's maximum":  {func(r *allocatorv1.PlaceRequest) { r.Candidates[0].MaxPriceMicrosPerHour = 19_999 }, "b/c6.large 4"},
			"the maximum price":      {func(r *allocatorv1.PlaceRequest) { r.Demands[0].MaxPriceMicrosPerHour = 19_999 }, ""},
			"an exclusion":           {exclude(spot), "b/c6.large 4"},
			"one of another billing": {exclude(payAsYouGo), "a/c6.large 4"},
			"existing capacity": {func(r *allocatorv1.PlaceRequest) {
				r.Demands[0].SpotStrategy = allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_DIVERSIFIED
				r.Existing = []*allocatorv1.ZoneCapacity{{ZoneId: "a", SpotMilliunits: 2000}}
			}, "b/c6.large 3, a/c6.large 1"},
		} {
			r := request(4, "a", "b")
			test.change(r)
			if launches := launchesOf(h.place(t, r).GetPlacements()[0]); launches != test.want {
				t.Errorf("%s: got %q, want %q", name, launches, test.want)
			}
		}
	})
}

func exclude(billing fleetv1.BillingMethod) func(*allocatorv1.PlaceRequest) {
	return func(r *allocatorv1.PlaceRequest) {
		r.Exclusions = []*allocatorv1.Exclusion{{ZoneId: "a", InstanceType: "c6.large", BillingMethod: billing}}
	}
}

func launchesOf(placement *allocatorv1.DemandPlacement) string {
	var launches []string
	for _, p := range placement.GetPools() {
		if p.GetInstances() > 0 {
			launches = append(launches, fmt.Sprintf("%s/%s %d", p.GetZoneId(), p.GetInstanceType(), p.GetInstances()))
		}
	}
	return strings.Join(launches, ", ")
}

func TestPlace_namesEveryValueThatBreaksARule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		(<-h.fleet.streams).tell(1, true)
		<-h.service.Ready()
		r := request(0, "", "b")
		for range 20 {
			r.Candidates = append(r.Candidates, r.GetCandidates()[1])
		}
		r.Candidates[1].WeightMilliunits = 0
		r.Demands = append(r.Demands, &allocatorv1.Demand{BillingMethod: spot, WantedMilliunits: 1, MaxPriceMicrosPerHour: -1})
		_, err := h.client.Place(t.Context(), r)
		if status.Code(err) != codes.InvalidArgument {
			t.Fatalf("got %v, want INVALID_ARGUMENT", err)
		}
		named := map[string]bool{}
		for _, violation := range rpc.FieldViolations(err) {
			named[violation.GetField()] = true
		}
		for _, field := range []string{
			"candidates", "candidates[0].zone_id", "candidates[1].weight_milliunits", "demands[0].wanted_milliunits",
			"demands[1].max_price_micros_per_hour",
		} {
			if !named[field] {
				t.Errorf("no violation names %q: %v", field, err)
			}
		}
	})
}

func TestPlace_refusesTwoDemandsOfOneBillingMethod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		(<-h.fleet.streams).tell(1, true)
		<-h.service.Ready()
		r := request(1, "a")
		r.Demands = append(r.Demands, r.GetDemands()[0])
		_, err := h.client.Place(t.Context(), r)
		violations := rpc.FieldViolations(err)
		if status.Code(err) != codes.InvalidArgument || len(violations) != 1 || violations[0].GetField() != "demands[1].billing_method" {
			t.Errorf("got %v, want a violation of demands[1].billing_method", err)
		}
	})
}
