package fleetsim_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim"
)

func TestWatchPools_allThenChanges(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	stream, err := c.fleet.WatchPools(t.Context(), &fleetv1.WatchPoolsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]*fleetv1.Pool{}
	// until reads responses until something holds.
	until := func(holds func(*fleetv1.WatchPoolsResponse) bool) []*fleetv1.Pool {
		var changed []*fleetv1.Pool
		for {
			resp, err := stream.Recv()
			if err != nil {
				t.Fatal(err)
			}
			for _, pool := range resp.GetPools() {
				shown[pool.GetInstanceType()+pool.GetZoneId()+pool.GetBillingMethod().String()] = pool
				changed = append(changed, pool)
			}
			if holds(resp) {
				return changed
			}
		}
	}
	until(func(resp *fleetv1.WatchPoolsResponse) bool { return resp.GetComplete() })
	listed, err := c.fleet.ListPools(t.Context(), &fleetv1.ListPoolsRequest{PageSize: 250})
	if err != nil {
		t.Fatal(err)
	}
	for _, pool := range listed.GetPools() {
		if diff := cmp.Diff(pool, shown[pool.GetInstanceType()+pool.GetZoneId()+pool.GetBillingMethod().String()], protocmp.Transform()); diff != "" {
			t.Fatal(diff)
		}
	}
	before := shown["ecs.c6.largecn-shenzhen-dBILLING_METHOD_SPOT"].GetAvailableInstances()
	c.run(launch("a", 7))
	changed := until(func(resp *fleetv1.WatchPoolsResponse) bool { return len(resp.GetPools()) > 0 })
	if len(changed) != 2 || changed[0].GetAvailableInstances() != before-7 || changed[1].GetAvailableInstances() != before-7 {
		t.Errorf("after the launch of 7 of %d: %v", before, changed)
	}
	if _, err := c.simulation.DrainPools(t.Context(), &fleetv1.DrainPoolsRequest{Pools: &fleetv1.PoolSelector{ZoneId: "cn-shenzhen-e", BillingMethod: spot}}); err != nil {
		t.Fatal(err)
	}
	for _, pool := range until(func(resp *fleetv1.WatchPoolsResponse) bool { return len(resp.GetPools()) > 0 }) {
		if pool.GetZoneId() != "cn-shenzhen-e" || pool.GetBillingMethod() != spot || pool.GetStockStatus() != fleetv1.StockStatus_STOCK_STATUS_WITHOUT_STOCK {
			t.Errorf("got %v", pool)
		}
	}
}

// Every response tells up to when all has been told: nothing older comes later.
// Who has read all is told of the present.
func TestWatchInstances_tellsUpToWhen(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	for _, id := range []string{"a", "b", "c"} {
		c.run(launch(id, 100))
		c.clock.Advance(time.Minute)
	}
	c.list(&fleetv1.ListInstancesRequest{}) // all that is due has happened
	var told time.Time
	read, cursor := 0, ""
	for read < 900 {
		stream, err := c.fleet.WatchInstances(t.Context(), &fleetv1.WatchInstancesRequest{Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		resp, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		for _, transition := range resp.GetTransitions() {
			if at := transition.GetTime().AsTime(); at.Before(told) {
				t.Errorf("told of all before %v, then of %v", told, at)
			}
		}
		told, cursor = resp.GetAsOfTime().AsTime(), resp.GetCursor()
		if read += len(resp.GetTransitions()); told.After(resp.GetTransitions()[len(resp.GetTransitions())-1].GetTime().AsTime()) {
			t.Errorf("after %d of 900 transitions: told of all before %v", read, told)
		}
	}
	stream, err := c.fleet.WatchInstances(t.Context(), &fleetv1.WatchInstancesRequest{Cursor: cursor})
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := stream.Recv(); err != nil || !resp.GetAsOfTime().AsTime().Equal(c.clock.Now()) {
		t.Errorf("with all read: %v, %v; want the present, %v", resp, err, c.clock.Now())
	}
}

func TestWatchInstances_cutAndResumedAnywhere(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	c.run(launch("a", 3))
	c.clock.Advance(time.Minute)
	c.run(launch("b", 2))
	c.clock.Advance(time.Minute)
	c.list(&fleetv1.ListInstancesRequest{}) // all that is due has happened
	whole, end := c.watch("", 15, nil)
	expected := describe(whole)
	// The cursors of every position come from lists between single steps of a
	// second cloud with the same history.
	for position := range len(whole) + 1 {
		cursor := cursorAt(t, end, position)
		var got []string
		for len(got) < len(whole)-position { // cut after each response
			some, next := c.watch(cursor, 1, nil)
			got, cursor = append(got, describe(some)...), next
		}
		if diff := cmp.Diff(expected[position:], got); len(expected[position:]) > 0 && diff != "" {
			t.Fatalf("from position %d: %s", position, diff)
		}
	}
}

func TestWatchInstances_refusesCursors(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still(), RetainTransitions: 8}, false)
	_, old := c.list(&fleetv1.ListInstancesRequest{})
	c.run(launch("a", 100))
	_, now := c.list(&fleetv1.ListInstancesRequest{})
	receive := func(cursor string) error {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		stream, err := c.fleet.WatchInstances(ctx, &fleetv1.WatchInstancesRequest{Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		_, err = stream.Recv()
		return err
	}
	err := receive(old)
	if status.Code(err) != codes.OutOfRange || !rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_CURSOR_COMPACTED) {
		t.Errorf("an old cursor: %v", err)
	}
	other := start(t, fleetsim.Config{Volatility: still(), Seed: 2}, false)
	_, foreign := other.list(&fleetv1.ListInstancesRequest{})
	for _, cursor := range []string{"garbage", foreign, cursorAt(t, now, 101)} {
		if err := receive(cursor); status.Code(err) != codes.InvalidArgument || !rpc.HasReason(err, fleetv1.ErrorReason_ERROR_REASON_INVALID_TOKEN) {
			t.Errorf("cursor %q: %v", cursor, err)
		}
	}
	if err := receive(now); err != nil {
		t.Errorf("the present cursor: %v", err)
	}
	if some, _ := c.watch("", 8, nil); len(some) < 8 || len(some) > 10 {
		t.Errorf("%d transitions are kept", len(some))
	}
}

func TestStop_endsStreams(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	pools, err := c.fleet.WatchPools(t.Context(), &fleetv1.WatchPoolsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	// All of the first view is read: a stream that waits for its reader is cut
	// off at a stop and ends otherwise.
	for complete := false; !complete; {
		view, err := pools.Recv()
		if err != nil {
			t.Fatal(err)
		}
		complete = view.GetComplete()
	}
	c.stop()
	for err == nil {
		_, err = pools.Recv()
	}
	if status.Code(err) != codes.Unavailable {
		t.Errorf("the stream ended with %v", err)
	}
}
