package allocator_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// promised asks for spot units of zones under a key.
func promised(key string, units int64, zones ...string) *allocatorv1.PlaceRequest {
	r := request(units, zones...)
	r.PromiseKey = key
	return r
}

// A thousand who ask at a time for the last ten instances get ten, also by the
// strategy that searches before it promises.
func TestPlace_promisesTheLastInstancesOnce(t *testing.T) {
	for _, strategy := range []allocatorv1.SpotAllocationStrategy{
		allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_LOWEST_PRICE,
		allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_LOWEST_COST,
	} {
		t.Run(strategy.String(), func(t *testing.T) {
			h := start(t)
			(<-h.fleet.streams).tell(1, true, spotPool("a", 10))
			<-h.service.Ready()
			placed, short := h.storm(t, strategy, "a", 1000)
			if placed != 10 || short < 990 {
				t.Errorf("placed %d instances, nothing for %d groups; want 10, at least 990", placed, short)
			}
		})
	}
}

// The same of one instance in each of many zones, which gives every two who
// search at a time another chance to be promised the same.
func TestPlace_promisesOnceWhateverIsSearchedMeanwhile(t *testing.T) {
	h := start(t)
	var pools []*fleetv1.Pool
	for i := range 500 {
		pools = append(pools, spotPool(fmt.Sprintf("z%d", i), 1))
	}
	(<-h.fleet.streams).tell(1, true, pools...)
	<-h.service.Ready()
	for i := range pools {
		placed, _ := h.storm(t, allocatorv1.SpotAllocationStrategy_SPOT_ALLOCATION_STRATEGY_LOWEST_COST, fmt.Sprintf("z%d", i), 8)
		if placed != 1 {
			t.Fatalf("placed %d instances of a pool of 1", placed)
		}
	}
}

// storm lets groups ask for 1 to 3 instances of a zone at a time, and tells how
// many they got and how many got nothing.
func (h *harness) storm(t *testing.T, strategy allocatorv1.SpotAllocationStrategy, zone string, groups int) (placed, short int64) {
	t.Helper()
	var asking sync.WaitGroup
	var got, nothing atomic.Int64
	for i := range groups {
		asking.Go(func() {
			r := promised(fmt.Sprintf("%s-%d", zone, i), int64(1+i%3), zone)
			r.Demands[0].SpotStrategy = strategy
			response, err := h.client.Place(t.Context(), r)
			if err != nil {
				t.Error(err)
				return
			}
			got.Add(int64(response.GetTotals().GetInstances()))
			if decision := response.GetPlacements()[0].GetPools()[0]; decision.GetInstances() == 0 {
				nothing.Add(1)
				if decision.GetVerdict().String() != noStock || decision.GetPromisedInstances() == 0 {
					t.Errorf("got %v, want a pool without stock that is promised", decision)
				}
			}
		})
	}
	asking.Wait()
	return got.Load(), nothing.Load()
}

func TestPlace_promisesStandUntilTheMarketShowsTheLaunch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		stream := <-h.fleet.streams
		stream.tell(1, true, spotPool("a", 10), spotPool("b", 10))
		<-h.service.Ready()
		check := func(name string, r *allocatorv1.PlaceRequest, want, ofOthers int32) {
			t.Helper()
			response := h.place(t, r)
			var others int32
			for _, decision := range response.GetPlacements()[0].GetPools() {
				others += decision.GetPromisedInstances()
			}
			if placed := response.GetTotals().GetInstances(); placed != want || others != ofOthers {
				t.Errorf("%s: placed %d, promised to others %d; want %d, %d", name, placed, others, want, ofOthers)
			}
		}
		check("the first", promised("one", 7, "a"), 7, 0)
		check("a look", request(9, "a"), 3, 7)
		check("a look promises nothing", request(9, "a"), 3, 7)
		check("another zone", request(99, "b"), 10, 0)
		check("the same again", promised("one", 9, "a"), 9, 0)
		check("another", promised("two", 9, "a"), 1, 9)
		stream.tell(2, false, spotPool("a", 4)) // 6 of those of the first are launched
		synctest.Wait()
		check("a launch shows", request(9, "a"), 0, 4)
		stream.tell(3, false, spotPool("a", 9)) // someone gave 5 back
		synctest.Wait()
		check("stock comes", request(9, "a"), 5, 4)
		stream.tell(4, false, spotPool("a", 5))
		synctest.Wait()
		check("all launches show", request(9, "a"), 5, 0)
		check("promised once more", promised("three", 5, "a"), 5, 0)
		check("nothing left", request(1, "a"), 0, 5)
		time.Sleep(29 * time.Second)
		stream.tell(5, false)
		synctest.Wait()
		check("before its time", request(1, "a"), 0, 5)
		time.Sleep(time.Second)
		check("after half a minute", request(9, "a"), 5, 0)
	})
}

// A market that does not exist promises nothing, nor do pools whose stock is not
// told.
func TestPlace_promisesOnlyKnownStockOfTheRealMarket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t)
		untold := spotPool("u", 0)
		untold.AvailableInstances = nil
		(<-h.fleet.streams).tell(1, true, spotPool("a", 10), untold)
		<-h.service.Ready()
		whatIf := promised("group", 10, "a")
		whatIf.WhatIf = &allocatorv1.Market{Pools: []*fleetv1.Pool{spotPool("a", 10)}}
		for _, r := range []*allocatorv1.PlaceRequest{whatIf, promised("other", 10, "u"), request(10, "a"), request(10, "u"), whatIf} {
			if placed := h.place(t, r).GetTotals().GetInstances(); placed != 10 {
				t.Errorf("placed %d, want 10", placed)
			}
		}
	})
}
