package verdict

import (
	"fmt"
	"log/slog"
	"runtime"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/clock"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/records"
	"github.com/seed-198b1370/muster/services/healthcheck/judge"
)

// BenchmarkTable measures the live heap of an instance of which only the life
// cycle is followed, with 1,000,000 of them in 1,000 groups, as they come off the
// wire. The baseline beside it is what a map from the same ids to nothing takes.
func BenchmarkTable(b *testing.B) {
	const instances = 1_000_000
	for b.Loop() {
		before := liveHeap()
		ids := map[string]struct{}{}
		for i := range instances {
			ids[fmt.Sprintf("i-%013d", i)] = struct{}{}
		}
		bare := liveHeap() - before
		runtime.KeepAlive(ids)

		k := New(Deps{
			Store: records.New(nil, records.Config{}), Cloud: clock.NewWall(), Wall: clock.NewWall(), Log: slog.New(slog.DiscardHandler),
		})
		k.advance()
		before = liveHeap()
		for i := range instances {
			k.take(offTheWire(b, i), judge.Sighting{Kind: fleetv1.TransitionKind_TRANSITION_KIND_RUNNING, At: k.steady.Now()})
		}
		b.ReportMetric(float64(liveHeap()-before)/instances, "heap-B/instance")
		b.ReportMetric(float64(bare)/instances, "ids-alone-B/instance")
		runtime.KeepAlive(k)
	}
}

// offTheWire is an instance whose strings are its own, as decoding makes them.
func offTheWire(tb testing.TB, i int) *fleetv1.Instance {
	data, err := proto.Marshal(&fleetv1.Instance{
		InstanceId: fmt.Sprintf("i-%013d", i), AccountId: "default", ZoneId: "cn-shenzhen-d", InstanceType: "ecs.c6.large",
		BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT, Status: fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING,
		Health: fleetv1.InstanceHealth_INSTANCE_HEALTH_OK, TransitionNumber: 3, CreateTime: timestamppb.Now(),
		Tags:             map[string]string{judge.GroupTag: fmt.Sprint("apg-", i/1000)},
		PrivateIpAddress: fmt.Sprintf("127.%d.%d.%d", 64+i>>16, i>>8&255, i&255),
	})
	if err != nil {
		tb.Fatal(err)
	}
	instance := &fleetv1.Instance{}
	if err := proto.Unmarshal(data, instance); err != nil {
		tb.Fatal(err)
	}
	return instance
}

func liveHeap() int64 {
	runtime.GC()
	runtime.GC() // the second frees what the first found by finalizers
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
