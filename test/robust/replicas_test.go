package robust_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/seed-198b1370/muster/pkg/redistest"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/test/system"
)

var (
	replicaGroups = flag.Int("replica-groups", 20, "how many groups of 100 instances the replicas of the group service share")
	replicaKills  = flag.Int("replica-kills", 6, "how often one of them, or their store, is killed or paused")
)

const (
	replicas = 3
	// replicaSpeed makes the lease two seconds of real time.
	replicaSpeed = 30
	replicaLease = time.Minute
	// grown is the size of each group in the end.
	grown = 100
)

// bigRegion has room for all that the groups want.
const bigRegion = `
name: big
region:
  pools:
    - {zone_id: zone-a, instance_type: m1.large, vcpus: 2, memory_gib: 8, pay_as_you_go_price: 0.1, capacity: 20000}
    - {zone_id: zone-b, instance_type: m1.large, vcpus: 2, memory_gib: 8, pay_as_you_go_price: 0.1, capacity: 20000}
    - {zone_id: zone-a, instance_type: c1.large, vcpus: 2, memory_gib: 4, pay_as_you_go_price: 0.1, capacity: 20000}
    - {zone_id: zone-b, instance_type: c1.large, vcpus: 2, memory_gib: 4, pay_as_you_go_price: 0.1, capacity: 20000}
market:
  model: {volatility: 0}
`

// S1, S2, S6, L1: three replicas of the group service over one Redis and one NATS
// deliver many groups while they are killed and stopped, and their store is
// killed. Each group ends at exactly its target, nothing was ever launched twice,
// which would show as an instance that had to be given up, and nothing is left
// over. While all of them run, none does more than twice the mean.
func TestReplicas(t *testing.T) {
	server, natsServer := redistest.Start(t), startNATS(t)
	s, running := system.StartReplicated(t, binary, system.Options{
		Speed: replicaSpeed, Scenario: bigRegion, Store: server.URL(), Replicas: replicas, LeaseDuration: replicaLease,
	}, natsServer.url(), 1)
	random := rand.New(rand.NewPCG(*seed, 2))
	t.Logf("seed %d, %d groups, %d kills", *seed, *replicaGroups, *replicaKills)
	var clients []groupv1.GroupServiceClient
	for _, process := range s.Groupsvcs {
		clients = append(clients, groupv1.NewGroupServiceClient(process.Dial(t)))
	}
	groups := createShared(t, clients, grown/4)
	awaitShared(t, running, groups, grown/4)
	workIsSpread(t, s, func() {
		retargetShared(t, clients, groups, grown/2)
		awaitShared(t, running, groups, grown/2)
	})
	for kill := range *replicaKills {
		retargetShared(t, clients, groups, grown/2+int32(kill+1)*(grown/2)/int32(*replicaKills))
		<-time.After(time.Duration(random.Int64N(int64(500 * time.Millisecond)))) // the moment of the kill
		breakOne(t, s, server, kill, random)
	}
	awaitShared(t, running, groups, grown)
	checkShared(t, running, groups)
}

// breakOne kills a replica, or stops one for longer than its lease, or kills the
// store.
func breakOne(t *testing.T, s *system.Services, server *redistest.Server, kill int, random *rand.Rand) {
	t.Helper()
	victim := random.IntN(replicas)
	switch kill % 3 {
	case 0:
		s.Groupsvcs[victim].Kill()
		s.Groupsvcs[victim] = s.Groupsvcs[victim].Restart(t)
	case 1:
		s.Groupsvcs[victim].Pause()
		<-time.After(2 * replicaLease / replicaSpeed) // its work goes to the others
		s.Groupsvcs[victim].Resume()
	default:
		server.Kill()
		server.Restart(t)
	}
}

// createShared creates the groups, each through one of the replicas.
func createShared(t *testing.T, clients []groupv1.GroupServiceClient, total int32) []string {
	t.Helper()
	groups := make([]string, *replicaGroups)
	for i := range groups {
		spec := &groupv1.GroupSpec{
			TargetCapacity: &groupv1.TargetCapacity{Total: total, PayAsYouGo: total / 5, Spot: total - total/5}, Spot: &groupv1.SpotOptions{PoolsToUse: 2},
			TerminateInstances: true,
		}
		for _, pool := range [][2]string{{"zone-a", "m1.large"}, {"zone-b", "m1.large"}, {"zone-a", "c1.large"}, {"zone-b", "c1.large"}} {
			spec.Candidates = append(spec.Candidates, &groupv1.Candidate{ZoneId: pool[0], InstanceType: pool[1]})
		}
		created, err := clients[i%len(clients)].CreateGroup(t.Context(), &groupv1.CreateGroupRequest{RequestId: fmt.Sprint("shared-", i), Spec: spec})
		if err != nil {
			t.Fatal(err)
		}
		groups[i] = created.GetGroup().GetGroupId()
	}
	return groups
}

// retargetShared raises the target of every group, through whichever replica
// answers.
func retargetShared(t *testing.T, clients []groupv1.GroupServiceClient, groups []string, total int32) {
	t.Helper()
	for i, id := range groups {
		next := i
		system.Eventually(t, "the answer to an update", func() (bool, any) {
			call, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			_, err := clients[next%len(clients)].UpdateGroup(call, &groupv1.UpdateGroupRequest{
				GroupId: id, RequestId: fmt.Sprint("to-", total, "-", i),
				Spec:       &groupv1.GroupSpec{TargetCapacity: &groupv1.TargetCapacity{Total: total, PayAsYouGo: total / 5, Spot: total - total/5}},
				UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"target_capacity.total", "target_capacity.spot", "target_capacity.pay_as_you_go"}},
			})
			switch next++; status.Code(err) {
			case codes.OK:
				return true, nil
			case codes.Unavailable, codes.DeadlineExceeded, codes.Aborted:
			default:
				t.Fatal(err)
			}
			return false, err
		})
	}
}

func awaitShared(t *testing.T, running *system.System, groups []string, total int32) {
	t.Helper()
	for _, id := range groups {
		running.AwaitGroup(t, id, fmt.Sprintf("group %s at its %d units", id, total), func(g *groupv1.Group) bool {
			return g.GetObservedGeneration() == g.GetGeneration() && g.GetFulfillment() == groupv1.Fulfillment_FULFILLMENT_FULFILLED &&
				g.GetSpec().GetTargetCapacity().GetTotal() == total && g.GetCapacity().GetInstances() == total
		})
	}
}

// workIsSpread counts the looks of each replica while something is done.
func workIsSpread(t *testing.T, s *system.Services, do func()) {
	t.Helper()
	before, sum := make([]int, replicas), 0
	for i, process := range s.Groupsvcs {
		before[i] = process.Logged("group looked at")
	}
	do()
	looks := make([]int, replicas)
	for i, process := range s.Groupsvcs {
		looks[i] = process.Logged("group looked at") - before[i]
		sum += looks[i]
	}
	t.Logf("looks of each replica: %v", looks)
	for i, own := range looks {
		if sum == 0 || own*replicas > 2*sum {
			t.Errorf("replica %d made %d of %d looks, more than twice the mean", i, own, sum)
		}
	}
}

// checkShared holds the fleet and its journal against the groups.
func checkShared(t *testing.T, running *system.System, groups []string) {
	t.Helper()
	if live := len(running.Instances(t, "")); live != grown*len(groups) {
		t.Errorf("the fleet has %d instances, want %d", live, grown*len(groups))
	}
	for _, id := range groups {
		created, released := 0, 0
		for _, transition := range running.Transitions(t, id) {
			switch transition.GetKind() {
			case fleetv1.TransitionKind_TRANSITION_KIND_CREATED:
				created++
			case fleetv1.TransitionKind_TRANSITION_KIND_RELEASED:
				released++
			default:
			}
		}
		if created != grown || released != 0 {
			t.Errorf("group %s: %d instances were launched and %d released, want %d and 0", id, created, released, grown)
		}
	}
}
