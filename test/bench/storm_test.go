package bench_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/test/system"
)

const (
	stormGroups    = 1000
	stormSize      = 100                          // instances of each group, a tenth in each of ten pools
	stormLost      = stormGroups * stormSize / 10 // instances that are noticed at once
	stormCallers   = 64
	stormBareTries = 3
)

// 1,000 maintain groups of 100 instances each lose a tenth of them at once. All
// have their replacements within 3 times the wall time of the launches that this
// takes, made bare by 64 callers: a group spreads its ten replacements over ten
// pools, so that each is a RunInstances of its own.
func BenchmarkBarStorm(b *testing.B) {
	sold, err := catalog.Parse(strings.NewReader(strings.ReplaceAll(reclaimPools(), ",5000\n", ",50000\n")))
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
	fleet, simulation := fleetv1.NewFleetServiceClient(running.Conn()), fleetv1.NewSimulationServiceClient(running.Conn())
	createStorm(b, groupv1.NewGroupServiceClient(running.Conn()))
	awaitRunning(b, fleet, stormGroups*stormSize)
	endProtection(b, simulation)
	time.Sleep(2 * quiet) // what the leap set off comes to its end

	bare := stormBare(b, fleet)
	storm := watchStorm(b, fleet)
	begin := time.Now()
	_, err = simulation.ReclaimInstances(b.Context(), &fleetv1.ReclaimInstancesRequest{
		Target: &fleetv1.ReclaimInstancesRequest_Pools{Pools: &fleetv1.PoolSelector{InstanceType: "ecs.b0.large"}},
	})
	if err != nil {
		b.Fatal(err)
	}
	<-storm.complete
	took := time.Since(begin)
	delays := storm.delays()
	fmt.Fprintf(os.Stdout, "storm: %d instances of %d groups replaced in %v, bare launches %v; notice to launch median %v p99 %v\n",
		stormLost, stormGroups, took, bare, middle(delays), percentile99(delays))
	ratio := took.Seconds() / bare.Seconds()
	bar("storm_1000_groups_vs_bare_launches_time", fmt.Sprintf("%.1f", ratio), "<=3", ratio <= 3)
}

func createStorm(b *testing.B, groups groupv1.GroupServiceClient) {
	b.Helper()
	var creating sync.WaitGroup
	for caller := range stormCallers {
		creating.Go(func() {
			for n := caller; n < stormGroups; n += stormCallers {
				_, err := groups.CreateGroup(b.Context(), &groupv1.CreateGroupRequest{
					RequestId: fmt.Sprintf("storm-%d", n),
					Spec: &groupv1.GroupSpec{
						TargetCapacity: &groupv1.TargetCapacity{Total: stormSize, Spot: stormSize},
						Spot:           &groupv1.SpotOptions{PoolsToUse: 10}, Candidates: instantPools(),
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

// endProtection lets the time pass in which nothing can be reclaimed.
func endProtection(b *testing.B, simulation fleetv1.SimulationServiceClient) {
	b.Helper()
	now, err := simulation.GetClock(b.Context(), &fleetv1.GetClockRequest{})
	if err != nil {
		b.Fatal(err)
	}
	later := timestamppb.New(now.GetTime().AsTime().Add(2 * time.Hour))
	if _, err := simulation.AdvanceClock(b.Context(), &fleetv1.AdvanceClockRequest{Target: &fleetv1.AdvanceClockRequest_To{To: later}}); err != nil {
		b.Fatal(err)
	}
}

// stormBare makes the launches that the groups will make, by hand, and tells how
// long that takes: the median of a few times.
func stormBare(b *testing.B, fleet fleetv1.FleetServiceClient) time.Duration {
	b.Helper()
	var times []time.Duration
	for try := range stormBareTries {
		times = append(times, time.Duration(seconds(func() {
			var calls sync.WaitGroup
			for caller := range stormCallers {
				calls.Go(func() {
					for n := caller; n < stormLost; n += stormCallers {
						_, err := fleet.RunInstances(b.Context(), &fleetv1.RunInstancesRequest{
							RequestId: fmt.Sprintf("bare-%d-%d", try, n), ZoneId: "cn-shenzhen-d", InstanceType: fmt.Sprintf("ecs.b%d.large", n%10),
							BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT, Amount: 1,
							Tags: map[string]string{"muster:bare": fmt.Sprint(n)},
						})
						if err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			calls.Wait()
		})*float64(time.Second)))
		time.Sleep(2 * quiet)
	}
	return middle(times)
}

// A stormWatch follows the fleet's own record of a storm.
type stormWatch struct {
	complete chan struct{} // closed when all that was lost is launched anew

	mu                sync.Mutex
	notices, launches map[string][]time.Time // by group; guarded by mu
}

func watchStorm(b *testing.B, fleet fleetv1.FleetServiceClient) *stormWatch {
	b.Helper()
	now, err := fleet.CountInstances(b.Context(), &fleetv1.CountInstancesRequest{})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	watch, err := fleet.WatchInstances(ctx, &fleetv1.WatchInstancesRequest{Cursor: now.GetCursor()})
	if err != nil {
		b.Fatal(err)
	}
	storm := &stormWatch{complete: make(chan struct{}), notices: map[string][]time.Time{}, launches: map[string][]time.Time{}}
	var following sync.WaitGroup
	following.Go(func() {
		for launched := 0; launched < stormLost; {
			next, err := watch.Recv()
			if err != nil {
				return // cancelled
			}
			launched += storm.take(next.GetTransitions())
		}
		close(storm.complete)
	})
	b.Cleanup(func() { cancel(); following.Wait() })
	return storm
}

// take notes transitions and tells how many instances groups launched.
func (s *stormWatch) take(transitions []*fleetv1.InstanceTransition) (launched int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, transition := range transitions {
		group := transition.GetInstance().GetTags()[system.GroupTag]
		switch transition.GetKind() {
		case fleetv1.TransitionKind_TRANSITION_KIND_INTERRUPTION_NOTICE:
			s.notices[group] = append(s.notices[group], transition.GetTime().AsTime())
		case fleetv1.TransitionKind_TRANSITION_KIND_CREATED:
			s.launches[group] = append(s.launches[group], transition.GetTime().AsTime())
			launched++
		default:
		}
	}
	return launched
}

// delays tells of each group how long it took from its k-th notice to its k-th
// launch.
func (s *stormWatch) delays() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var delays []time.Duration
	for group, notices := range s.notices {
		for i, noticed := range notices[:min(len(notices), len(s.launches[group]))] {
			delays = append(delays, s.launches[group][i].Sub(noticed))
		}
	}
	return delays
}
