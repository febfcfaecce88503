package fleetsim_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim"
)

// BenchmarkRunInstances100 launches and releases 100 instances, through gRPC in
// memory: two calls, each with a commit of its own or one that it shares with
// the other callers, or, to compare with, with none.
func BenchmarkRunInstances100(b *testing.B) {
	for name, callers := range map[string]int{"inMemory": 1, "onDisk": 1, "onDiskShared": 16} {
		b.Run(name, func(b *testing.B) {
			config := fleetsim.Config{Volatility: still()}
			if name != "inMemory" {
				config.DataDir = b.TempDir()
			}
			c := start(b, config, true)
			var calls atomic.Int64
			b.SetParallelism((callers + 1) / 2) // times two cores
			if callers == 1 {
				for b.Loop() {
					launchAndRelease(b, c, calls.Add(1))
				}
				return
			}
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					launchAndRelease(b, c, calls.Add(1))
				}
			})
		})
	}
}

func launchAndRelease(b *testing.B, c *cloud, call int64) {
	zones := []string{"cn-shenzhen-c", "cn-shenzhen-d", "cn-shenzhen-e", "cn-shenzhen-f"}
	resp, err := c.fleet.RunInstances(b.Context(), launch(fmt.Sprint("bench-", call), 100, func(r *fleetv1.RunInstancesRequest) {
		r.ZoneId = zones[call%4]
		r.Tags = map[string]string{"group": "apg-1", "launch": fmt.Sprint(call)}
	}))
	if err != nil {
		b.Error(err)
		return
	}
	if _, err := c.fleet.DeleteInstances(b.Context(), &fleetv1.DeleteInstancesRequest{InstanceIds: resp.GetInstanceIds()}); err != nil {
		b.Error(err)
	}
}
