package bench_test

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
)

const (
	idleGroups    = 10_000
	idleInstances = 2           // of each
	idleFor       = time.Minute // a look at each
)

// 10,000 maintain groups in which nothing happens, looked at every 60 s, take at
// most 15 % of one core and 200 MiB. What is measured is all of `muster up`:
// the group service with its store on disk, and what the cloud and the health
// check do to answer it, less what the same process takes before there are any
// groups.
func BenchmarkBarIdleGroups(b *testing.B) {
	sold, err := catalog.Parse(strings.NewReader(reclaimPools()))
	if err != nil {
		b.Fatal(err)
	}
	running, err := stack.Start(b.Context(), stack.Config{
		CalmMarket: true, Catalog: sold, DataDir: filepath.Join(b.TempDir(), "data"), LookInterval: time.Minute,
	})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := running.Stop(); err != nil {
			b.Error(err)
		}
	}()
	heapBefore := liveHeap()
	quietCPU := coreShare(idleFor / 12)
	createIdle(b, groupv1.NewGroupServiceClient(running.Conn()))
	awaitRunning(b, fleetv1.NewFleetServiceClient(running.Conn()), idleGroups*idleInstances)
	time.Sleep(10 * time.Second) // looks follow that have something to see
	share := coreShare(idleFor) - quietCPU
	mebibytes := float64(liveHeap()-heapBefore) / (1 << 20)
	bar("idle_10000_groups_percent_of_a_core", fmt.Sprintf("%.1f", 100*share), "<=15", share <= 0.15)
	bar("idle_10000_groups_heap_mib", fmt.Sprintf("%.0f", mebibytes), "<=200", mebibytes <= 200)
}

// coreShare measures how much of one core this process takes for a while.
func coreShare(while time.Duration) float64 {
	runtime.GC()
	before, begin := processorTime(), time.Now()
	time.Sleep(while)
	return (processorTime() - before).Seconds() / time.Since(begin).Seconds()
}

// processorTime is what this process has had of the processors.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err) // it can only fail for a wrong argument
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func createIdle(b *testing.B, groups groupv1.GroupServiceClient) {
	b.Helper()
	const callers = 32
	var creating sync.WaitGroup
	for caller := range callers {
		creating.Go(func() {
			for n := caller; n < idleGroups; n += callers {
				_, err := groups.CreateGroup(b.Context(), &groupv1.CreateGroupRequest{
					RequestId: fmt.Sprintf("idle-%d", n),
					Spec: &groupv1.GroupSpec{
						TargetCapacity: &groupv1.TargetCapacity{Total: idleInstances},
						Candidates:     []*groupv1.Candidate{{ZoneId: "cn-shenzhen-d", InstanceType: fmt.Sprintf("ecs.b%d.large", n%10)}},
					},
				})
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	creating.Wait()
}
