package fleetsim_test

import (
	"testing"
	"time"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim"
)

// TestWatches_giveSignsOfLife holds that quiet streams speak every second, that
// the time of pools moves on, and that a cursor moves over transitions that its
// reader does not want.
func TestWatches_giveSignsOfLife(t *testing.T) {
	c := start(t, fleetsim.Config{Volatility: still()}, false)
	instances, err := c.fleet.WatchInstances(t.Context(), &fleetv1.WatchInstancesRequest{Tags: map[string]string{"none": "has it"}})
	if err != nil {
		t.Fatal(err)
	}
	pools, err := c.fleet.WatchPools(t.Context(), &fleetv1.WatchPoolsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	first, err := instances.Recv()
	if err != nil || len(first.GetTransitions()) != 0 || first.GetCursor() == "" {
		t.Fatalf("%v, %v", first, err)
	}
	c.run(launch("a", 5))
	// Advance until both have spoken: the streams set their timers in their own
	// time.
	moved := make(chan error, 2)
	go func() {
		for {
			resp, err := instances.Recv()
			if err != nil || resp.GetCursor() != first.GetCursor() {
				moved <- err
				return
			}
		}
	}()
	go func() {
		for {
			resp, err := pools.Recv()
			if err != nil || len(resp.GetPools()) == 0 && resp.GetAsOfTime().AsTime().After(origin) {
				moved <- err
				return
			}
		}
	}()
	for left := 2; left > 0; {
		c.clock.Advance(100 * time.Millisecond)
		select {
		case err := <-moved:
			if err != nil {
				t.Fatal(err)
			}
			left--
		case <-time.After(time.Millisecond):
		}
	}
}
