package fleetsim_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim"
	"github.com/seed-198b1370/muster/services/fleetsim/scenario"
)

// prices lists all pages.
func (c *cloud) prices(req *fleetv1.ListSpotPricesRequest) (all []*fleetv1.SpotPrice) {
	c.t.Helper()
	for {
		resp, err := c.fleet.ListSpotPrices(c.t.Context(), req)
		if err != nil {
			c.t.Fatal(err)
		}
		if size := int(req.GetPageSize()); size > 0 && len(resp.GetPrices()) > size {
			c.t.Errorf("%d prices on a page of %d", len(resp.GetPrices()), size)
		}
		all = append(all, resp.GetPrices()...)
		if req.PageToken = resp.GetNextPageToken(); req.PageToken == "" {
			return all
		}
	}
}

// TestSpotPrices_areWhatPoolsShowed holds the history against what ListPools
// showed at the time, a shock included.
func TestSpotPrices_areWhatPoolsShowed(t *testing.T) {
	c := start(t, fleetsim.Config{}, false)
	showed := map[time.Duration]int64{}
	for at := time.Duration(0); at <= 6*time.Hour; at += 10 * time.Minute {
		if at == 2*time.Hour {
			c.inject(&fleetv1.Fault{FaultId: "f", Effect: &fleetv1.Fault_PriceShock{PriceShock: &fleetv1.PriceShock{Pools: &fleetv1.PoolSelector{ZoneId: "cn-shenzhen-d"}, FactorPermille: 1300}}})
		}
		if at == 4*time.Hour {
			c.clear("f")
		}
		resp, err := c.fleet.ListPools(t.Context(), &fleetv1.ListPoolsRequest{ZoneIds: []string{"cn-shenzhen-d"}, InstanceTypes: []string{"ecs.c6.large"}, BillingMethod: spot})
		if err != nil {
			t.Fatal(err)
		}
		showed[at] = resp.GetPools()[0].GetPriceMicrosPerHour()
		c.clock.Advance(10 * time.Minute)
	}
	steps := c.prices(&fleetv1.ListSpotPricesRequest{InstanceType: "ecs.c6.large", ZoneIds: []string{"cn-shenzhen-d"}, StartTime: timestamppb.New(origin), PageSize: 2})
	if len(steps) < 3 || !steps[0].GetTime().AsTime().Equal(origin) {
		t.Fatalf("got %v", steps)
	}
	for at, price := range showed {
		i, _ := slices.BinarySearchFunc(steps, origin.Add(at), func(s *fleetv1.SpotPrice, at time.Time) int { return s.GetTime().AsTime().Compare(at.Add(1)) })
		if got := steps[i-1].GetPriceMicrosPerHour(); got != price {
			t.Errorf("%v after the start the pool showed %d, the history says %d", at, price, got)
		}
	}
}

// TestStockHistory_isWhatPoolsShowed holds the history against what ListPools
// showed at the time in a cloud where nobody else launched, whose own instances
// and outages are no part of it, pages of any size alike.
func TestStockHistory_isWhatPoolsShowed(t *testing.T) {
	c := start(t, fleetsim.Config{}, false)
	showed := map[time.Duration]int64{}
	for at := time.Duration(0); at <= 24*time.Hour; at += 30 * time.Minute {
		resp, err := c.fleet.ListPools(t.Context(), &fleetv1.ListPoolsRequest{ZoneIds: []string{"cn-shenzhen-d"}, InstanceTypes: []string{"ecs.c6.large"}, BillingMethod: spot})
		if err != nil {
			t.Fatal(err)
		}
		showed[at] = int64(resp.GetPools()[0].GetAvailableInstances())
		c.clock.Advance(30 * time.Minute)
	}
	c.run(launch("a", 20))
	c.inject(outage("f", "cn-shenzhen-d"))
	stocks := func(size int32, zones ...string) (all []*fleetv1.PastStock) {
		req := &fleetv1.ListStockHistoryRequest{InstanceType: "ecs.c6.large", ZoneIds: zones, StartTime: timestamppb.New(origin), PageSize: size}
		for {
			resp, err := c.simulation.ListStockHistory(t.Context(), req)
			if err != nil || size > 0 && len(resp.GetStocks()) > int(size) {
				t.Fatalf("%v, %v", resp, err)
			}
			all = append(all, resp.GetStocks()...)
			if req.PageToken = resp.GetNextPageToken(); req.PageToken == "" {
				return all
			}
		}
	}
	steps := stocks(1000, "cn-shenzhen-d")
	for at, left := range showed {
		i, _ := slices.BinarySearchFunc(steps, origin.Add(at), func(s *fleetv1.PastStock, at time.Time) int { return s.GetTime().AsTime().Compare(at.Add(1)) })
		if got := steps[i-1]; got.GetLeftInstances() != left || got.GetCapacityInstances() < left {
			t.Errorf("%v after the start the pool showed %d, the history says %v", at, left, got)
		}
	}
	if len(steps) < 3 {
		t.Errorf("the stock stood still: %v", steps)
	}
	if diff := cmp.Diff(stocks(1000), stocks(7), protocmp.Transform()); diff != "" {
		t.Errorf("by sevens (-thousands +sevens):\n%s", diff)
	}
}

func TestSpotPrices_pagesZonesAndProtection(t *testing.T) {
	c := start(t, fleetsim.Config{}, false)
	month := func() *fleetv1.ListSpotPricesRequest {
		return &fleetv1.ListSpotPricesRequest{InstanceType: "ecs.c6.large", StartTime: timestamppb.New(origin.Add(-30 * 24 * time.Hour))}
	}
	whole := month()
	whole.PageSize = 1000
	paged, bare := month(), month()
	paged.PageSize = 7
	bare.Unprotected = true
	all, pages, unprotected := c.prices(whole), c.prices(paged), c.prices(bare)
	if len(all) < 20 || len(all) != len(pages) || len(all) != len(unprotected) {
		t.Fatalf("%d, by sevens %d, unprotected %d steps", len(all), len(pages), len(unprotected))
	}
	zones := map[string]bool{}
	for i, step := range all {
		if i > 0 {
			before := all[i-1]
			if step.GetZoneId() < before.GetZoneId() || step.GetZoneId() == before.GetZoneId() && !step.GetTime().AsTime().After(before.GetTime().AsTime()) {
				t.Fatalf("%v comes after %v", step, before)
			}
		}
		if !zones[step.GetZoneId()] && !step.GetTime().AsTime().Equal(origin.Add(-30*24*time.Hour)) {
			t.Errorf("the first of its zone: %v", step)
		}
		zones[step.GetZoneId()] = true
		if p := pages[i]; p.GetZoneId() != step.GetZoneId() || p.GetPriceMicrosPerHour() != step.GetPriceMicrosPerHour() || !p.GetTime().AsTime().Equal(step.GetTime().AsTime()) {
			t.Fatalf("%d: %v, by sevens %v", i, step, p)
		}
		list, price := step.GetPayAsYouGoPriceMicrosPerHour(), step.GetPriceMicrosPerHour()
		if price > list || 10*price < list || unprotected[i].GetPriceMicrosPerHour() != price*9/10 {
			t.Errorf("S10: %v, unprotected %v", step, unprotected[i])
		}
	}
	if len(zones) < 2 {
		t.Errorf("zones %v", zones)
	}
	if usual := c.prices(&fleetv1.ListSpotPricesRequest{InstanceType: "ecs.c6.large"}); !usual[0].GetTime().AsTime().Equal(origin.Add(-3 * time.Hour)) {
		t.Errorf("got %v", usual[0])
	}
	now := timestamppb.New(origin)
	if moment := c.prices(&fleetv1.ListSpotPricesRequest{InstanceType: "ecs.c6.large", ZoneIds: []string{"cn-shenzhen-d"}, StartTime: now, EndTime: now}); len(moment) != 1 {
		t.Errorf("of one moment: %v", moment)
	}
}

func TestSpotAdvice_isOrderedAndSteady(t *testing.T) {
	c := start(t, fleetsim.Config{}, false)
	req := &fleetv1.ListSpotAdviceRequest{InstanceTypes: []string{"ecs.g6.large", "ecs.c6.large"}}
	first, err := c.fleet.ListSpotAdvice(t.Context(), req)
	if err != nil || len(first.GetAdvice()) < 3 {
		t.Fatalf("%v, %v", first, err)
	}
	for i, advice := range first.GetAdvice() {
		if i > 0 && first.GetAdvice()[i-1].GetInstanceType()+first.GetAdvice()[i-1].GetZoneId() >= advice.GetInstanceType()+advice.GetZoneId() {
			t.Errorf("%v comes after %v", advice, first.GetAdvice()[i-1])
		}
		if p := advice.GetAveragePricePercent(); p < 1 || p > 100 || !slices.Contains([]string{"0-3%", "3-5%", "5-10%", "10-100%"}, advice.GetInterruptionBand()) {
			t.Errorf("got %v", advice)
		}
	}
	c.clock.Advance(time.Minute)
	again, err := c.fleet.ListSpotAdvice(t.Context(), req)
	if err != nil || len(again.GetAdvice()) != len(first.GetAdvice()) || again.GetAdvice()[0].GetAveragePricePercent() != first.GetAdvice()[0].GetAveragePricePercent() {
		t.Errorf("%v, %v", again, err)
	}
	one, err := c.fleet.ListSpotAdvice(t.Context(), &fleetv1.ListSpotAdviceRequest{InstanceTypes: req.GetInstanceTypes()[1:], ZoneId: "cn-shenzhen-d"})
	if err != nil || len(one.GetAdvice()) != 1 {
		t.Errorf("%v, %v", one, err)
	}
}

func TestRegions(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	resp, err := c.fleet.ListRegions(t.Context(), &fleetv1.ListRegionsRequest{})
	if err != nil || len(resp.GetRegions()) != 1 || resp.GetRegions()[0].GetCurrency() != "CNY" || len(resp.GetRegions()[0].GetZoneIds()) != 4 {
		t.Errorf("%v, %v", resp, err)
	}
}

// TestRegions_tellTheCurrencyOfTheScenario holds that a region is one of a
// scenario, currency included, also after a restart that names none.
func TestRegions_tellTheCurrencyOfTheScenario(t *testing.T) {
	const market = "name: euro\nregion:\n  currency: EUR\n  pools:\n" +
		"    - {zone_id: eu-test-a, instance_type: m1.large, vcpus: 2, memory_gib: 8, pay_as_you_go_price: 0.1}\n"
	s, err := scenario.Parse("euro.yaml", []byte(market), nil)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for _, config := range []fleetsim.Config{{Scenario: s, DataDir: folder}, {DataDir: folder}} {
		c := start(t, config, false)
		resp, err := c.fleet.ListRegions(t.Context(), &fleetv1.ListRegionsRequest{})
		want := &fleetv1.Region{RegionId: "eu-test", ZoneIds: []string{"eu-test-a"}, Currency: "EUR"}
		if diff := cmp.Diff([]*fleetv1.Region{want}, resp.GetRegions(), protocmp.Transform()); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		c.stop()
	}
}

func TestAudit_findsNothing(t *testing.T) {
	c := start(t, fleetsim.Config{}, false)
	c.run(launch("a", 50, withDisks(true)))
	c.run(launch("b", 50, func(r *fleetv1.RunInstancesRequest) { r.BillingMethod = payg }))
	c.clock.Advance(5 * time.Hour)
	resp, err := c.simulation.Audit(t.Context(), &fleetv1.AuditRequest{})
	if err != nil || len(resp.GetFindings()) != 0 || resp.GetInstances() < 50 || resp.GetStocks() == 0 || !resp.GetTime().AsTime().Equal(origin.Add(5*time.Hour)) {
		t.Errorf("%v, %v", resp, err)
	}
}
