package bench_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/test/system"
)

// reclaimedSize is how many instances a group has of which some are reclaimed.
const reclaimedSize = 1000

// reclaimPools is a catalog of ten types with stock for all, and for all of it
// again.
func reclaimPools() string {
	var csv strings.Builder
	csv.WriteString("zone_id,instance_type,family,architecture,vcpus,memory_mib,gpus,pay_as_you_go_micros_per_hour,spot_base_permille,capacity_instances\n")
	for i := range 10 {
		fmt.Fprintf(&csv, "cn-shenzhen-d,ecs.b%d.large,ecs.b%d,x86,2,4096,0,%d,400,5000\n", i, i, 300_000+7_000*i)
	}
	return csv.String()
}

// From the notice of a reclaim to the launch of the replacement, at 1, 10 and
// 100 % of a group of 1,000 noticed at once, by the fleet's own journal; against
// a client that does nothing but follow the fleet's stream and launch one
// instance for each notice.
func BenchmarkBarNotice(b *testing.B) {
	for _, percent := range []int{1, 10, 100} {
		noticed := reclaimedSize * percent / 100
		group := reactions(b, noticed, launchGroup)
		bare := reactions(b, noticed, launchBare)
		ratio := float64(middle(group)) / float64(middle(bare))
		fmt.Fprintf(os.Stdout, "notice to launch, %d of %d: group median %v p99 %v; bare client median %v p99 %v\n",
			noticed, reclaimedSize, middle(group), percentile99(group), middle(bare), percentile99(bare))
		bar(fmt.Sprintf("reclaim_%d_percent_notice_to_launch_vs_bare_client", percent), fmt.Sprintf("%.1f", ratio), "reported", true)
	}
}

func middle(times []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(times))[len(times)/2]
}

func percentile99(times []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(times))[len(times)*99/100]
}

// reactions reclaims so many of a thousand instances, at once, and tells how long
// it took from the k-th notice to the k-th launch after it. Launch makes the
// instances and sees to their replacement.
func reactions(b *testing.B, noticed int, launch func(*testing.B, *system.System) (tag string)) []time.Duration {
	b.Helper()
	s := system.StartInProcess(b, system.Options{Speed: 1, Catalog: reclaimPools()})
	s.SetSpeed(b, 60) // no faster: minutes must not pass while a thousand transitions are read
	tag := launch(b, s)
	system.Eventually(b, "a thousand that run", func() (bool, any) {
		running := 0
		for _, instance := range s.Instances(b, tag) {
			if instance.GetStatus() == fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING {
				running++
			}
		}
		return running == reclaimedSize, running
	})
	s.SetSpeed(b, 1)
	now, err := s.Simulation.GetClock(b.Context(), &fleetv1.GetClockRequest{})
	if err != nil {
		b.Fatal(err)
	}
	unprotected := timestamppb.New(now.GetTime().AsTime().Add(2 * time.Hour))
	if _, err := s.Simulation.AdvanceClock(b.Context(), &fleetv1.AdvanceClockRequest{Target: &fleetv1.AdvanceClockRequest_To{To: unprotected}}); err != nil {
		b.Fatal(err)
	}
	time.Sleep(quiet)
	var calls sync.WaitGroup
	for batch := range slices.Chunk(s.Instances(b, tag)[:noticed], 100) {
		calls.Go(func() {
			request := &fleetv1.InstanceIds{}
			for _, instance := range batch {
				request.InstanceIds = append(request.InstanceIds, instance.GetInstanceId())
			}
			_, err := s.Simulation.ReclaimInstances(b.Context(), &fleetv1.ReclaimInstancesRequest{
				Target: &fleetv1.ReclaimInstancesRequest_Instances{Instances: request},
			})
			if err != nil {
				b.Error(err)
			}
		})
	}
	calls.Wait()
	system.Eventually(b, "the replacements", func() (bool, any) {
		count := len(s.Instances(b, tag))
		return count == reclaimedSize+noticed, count
	})
	var notices, launches []time.Time
	for _, transition := range s.Transitions(b, tag) {
		at := transition.GetTime().AsTime()
		switch transition.GetKind() {
		case fleetv1.TransitionKind_TRANSITION_KIND_INTERRUPTION_NOTICE:
			notices = append(notices, at)
		case fleetv1.TransitionKind_TRANSITION_KIND_CREATED:
			if len(notices) > 0 {
				launches = append(launches, at)
			}
		default:
		}
	}
	if len(notices) != noticed || len(launches) != noticed {
		b.Fatalf("%d notices and %d launches after them, want %d", len(notices), len(launches), noticed)
	}
	times := make([]time.Duration, noticed)
	for i := range times {
		times[i] = launches[i].Sub(notices[i])
	}
	return times
}

// launchGroup has a maintain group do it.
func launchGroup(b *testing.B, s *system.System) string {
	spec := &groupv1.GroupSpec{
		Type: groupv1.GroupType_GROUP_TYPE_MAINTAIN, TargetCapacity: &groupv1.TargetCapacity{Total: reclaimedSize, Spot: reclaimedSize},
		Spot: &groupv1.SpotOptions{PoolsToUse: 10}, Candidates: instantPools(),
	}
	created, err := s.Groups.CreateGroup(b.Context(), &groupv1.CreateGroupRequest{Spec: spec})
	if err != nil {
		b.Fatal(err)
	}
	return created.GetGroup().GetGroupId()
}

// launchBare does it with the fleet alone.
func launchBare(b *testing.B, s *system.System) string {
	const tag = "bare"
	calls := 0
	run := func(amount int) {
		calls++
		pool := instantPools()[calls%10]
		_, err := s.Fleet.RunInstances(b.Context(), &fleetv1.RunInstancesRequest{
			RequestId: fmt.Sprintf("bare-%d", calls), ZoneId: pool.GetZoneId(), InstanceType: pool.GetInstanceType(),
			BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT, Amount: int32(amount), Tags: map[string]string{system.GroupTag: tag},
		})
		if err != nil && b.Context().Err() == nil {
			b.Error(err)
		}
	}
	for range 10 {
		run(reclaimedSize / 10)
	}
	ctx, cancel := context.WithCancel(b.Context())
	watch, err := s.Fleet.WatchInstances(ctx, &fleetv1.WatchInstancesRequest{Tags: map[string]string{system.GroupTag: tag}})
	if err != nil {
		b.Fatal(err)
	}
	var following sync.WaitGroup
	following.Go(func() {
		for {
			next, err := watch.Recv()
			if err != nil {
				return // cancelled
			}
			noticed := 0
			for _, transition := range next.GetTransitions() {
				if transition.GetKind() == fleetv1.TransitionKind_TRANSITION_KIND_INTERRUPTION_NOTICE {
					noticed++
				}
			}
			for ; noticed > 0; noticed -= 100 {
				run(min(noticed, 100))
			}
		}
	})
	b.Cleanup(func() { cancel(); following.Wait() })
	return tag
}
