package fleetsim_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim"
)

// BenchmarkRunInstances100 launches and releases 100 instances, through gRPC in
// memory, each call with its own commit or sharing it with the other callers.
func BenchmarkRunInstances100(b *testing.B) {
	for _, callers := range []int{1, 16} {
		b.Run(fmt.Sprintf("%dCallers", callers), func(b *testing.B) {
			c := start(b, fleetsim.Config{Volatility: still(), DataDir: b.TempDir()}, true)
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
