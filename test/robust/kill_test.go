// Package robust breaks Muster on purpose and then holds what is left against
// the numbered invariants.
package robust_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/test/system"
)

var (
	rounds = flag.Int("rounds", 50, "how often the process is killed")
	seed   = flag.Uint64("seed", 1, "seed of the moments at which the process is killed")
)

// binary under test; set by TestMain.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if os.Getenv(natsDir) != "" {
		return serveNATS()
	}
	dir, err := os.MkdirTemp("", "muster-robust")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if binary, err = system.Build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// target is the size of the group, in instances.
const target = 1000

// speed of the simulated clock: instances boot within half a second.
const speed = 60

// S1, S2, S6: whenever `muster up` is killed while a group of 1,000 instances
// is delivered, after a restart on the same folder the group ends at exactly
// its target, no instance was launched twice and none is left over.
func TestKillDuringDelivery(t *testing.T) {
	dataDir := filepath.Join(t.TempDir(), "data")
	random := rand.New(rand.NewPCG(*seed, 0))
	span := measureDelivery(t)
	t.Logf("seed %d, moments up to %v after the start", *seed, span)
	for done := 0; done < *rounds; {
		// One to three kills a group, so that recoveries are killed, too.
		kills := min(1+random.IntN(3), *rounds-done)
		moments := make([]time.Duration, kills)
		for i := range moments {
			moments[i] = time.Duration(random.Int64N(int64(span)))
		}
		deliverThroughKills(t, dataDir, fmt.Sprintf("group-%d", done), moments)
		done += kills
	}
}

// measureDelivery tells how long, in real time, the delivery of a group takes
// that nobody disturbs, and a quarter more: kills inside that span meet it at
// any of its steps, or right after.
func measureDelivery(t *testing.T) time.Duration {
	t.Helper()
	_, running := system.StartAllInOne(t, binary, filepath.Join(t.TempDir(), "data"), speed)
	begun := time.Now()
	group := createAgain(t, running, "undisturbed")
	running.AwaitGroup(t, group.GetGroupId(), "the first delivery", func(g *groupv1.Group) bool {
		return g.GetCapacity().GetFulfilled() == target
	})
	return time.Since(begun) * 5 / 4
}

// deliverThroughKills creates a group, kills the process at the given moments
// and checks the group after the last restart.
func deliverThroughKills(t *testing.T, dataDir, token string, moments []time.Duration) {
	t.Helper()
	for _, moment := range moments {
		up, running := system.StartAllInOne(t, binary, dataDir, speed)
		ended := make(chan struct{})
		go func() { // the call is cut off by the kill, or was answered before
			defer close(ended)
			_, _ = running.Groups.CreateGroup(context.Background(), createRequest(token))
		}()
		<-time.After(moment)
		up.Kill()
		<-ended
	}
	up, running := system.StartAllInOne(t, binary, dataDir, speed)
	group := createAgain(t, running, token)
	running.AwaitFulfilled(t, group.GetGroupId())
	checkExact(t, running, group.GetGroupId(), moments)
	deleteGroup(t, running, group.GetGroupId())
	up.Kill()
}

// createAgain repeats the call with the same client token: either it was
// stored before a kill, or it is stored now.
func createAgain(t *testing.T, running *system.System, token string) *groupv1.Group {
	t.Helper()
	var group *groupv1.Group
	system.Eventually(t, "the answer to the call", func() (bool, any) {
		created, err := running.Groups.CreateGroup(context.Background(), createRequest(token))
		if status.Code(err) == codes.Unavailable {
			return false, err
		}
		if err != nil {
			t.Fatal(err)
		}
		group = created.GetGroup()
		return true, nil
	})
	return group
}

func createRequest(token string) *groupv1.CreateGroupRequest {
	spec := &groupv1.GroupSpec{
		TargetCapacity: &groupv1.TargetCapacity{Total: target, PayAsYouGo: 100, Spot: 900},
		Spot:           &groupv1.SpotOptions{PoolsToUse: 6},
		ExcessCapacityTerminationPolicy: groupv1.
			ExcessCapacityTerminationPolicy_EXCESS_CAPACITY_TERMINATION_POLICY_TERMINATION,
		TerminateInstances: true,
	}
	for _, instanceType := range []string{"ecs.c6.large", "ecs.g6.large", "ecs.c7.large", "ecs.g7.large"} {
		for _, zone := range []string{"cn-shenzhen-d", "cn-shenzhen-e", "cn-shenzhen-f"} {
			spec.Candidates = append(spec.Candidates, &groupv1.Candidate{ZoneId: zone, InstanceType: instanceType})
		}
	}
	return &groupv1.CreateGroupRequest{RequestId: token, Spec: spec}
}

// checkExact holds the fleet against the group: exactly the target lives, and
// the fleet's own journal shows that no more was ever launched for the group.
func checkExact(t *testing.T, running *system.System, groupID string, moments []time.Duration) {
	t.Helper()
	live := running.Instances(t, "")
	if len(live) != target {
		t.Errorf("after kills at %v the fleet has %d instances, want %d", moments, len(live), target)
	}
	for _, instance := range live {
		if instance.GetTags()[system.GroupTag] != groupID {
			t.Errorf("instance %s is not of the group: %v", instance.GetInstanceId(), instance.GetTags())
		}
	}
	created, released := 0, 0
	for _, transition := range running.Transitions(t, groupID) {
		switch transition.GetKind() {
		case fleetv1.TransitionKind_TRANSITION_KIND_CREATED:
			created++
		case fleetv1.TransitionKind_TRANSITION_KIND_RELEASED:
			released++
		default:
		}
	}
	if created != target || released != 0 {
		t.Errorf("after kills at %v the fleet's journal shows %d launched and %d released, want %d and 0", moments, created, released, target)
	}
	if groups, err := running.Groups.ListGroups(t.Context(), &groupv1.ListGroupsRequest{}); err != nil || len(groups.GetGroups()) != 1 {
		t.Errorf("after kills at %v there are %d groups (%v), want the one", moments, len(groups.GetGroups()), err)
	}
}

func deleteGroup(t *testing.T, running *system.System, groupID string) {
	t.Helper()
	if _, err := running.Groups.DeleteGroup(t.Context(), &groupv1.DeleteGroupRequest{GroupId: groupID}); err != nil {
		t.Fatal(err)
	}
	running.AwaitGroup(t, groupID, "the end of the group", func(g *groupv1.Group) bool {
		return g.GetLifecycle() == groupv1.Lifecycle_LIFECYCLE_DELETED
	})
	if left := running.Instances(t, ""); len(left) != 0 {
		t.Errorf("%d instances outlive their group", len(left))
	}
}
