package robust_test

import (
	"context"
	"flag"
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/seed-198b1370/muster/pkg/redistest"
	"github.com/seed-198b1370/muster/pkg/rpc"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/test/system"
)

var callsPerSecond = flag.Int("calls-per-second", 100, "how many calls a second are made while services are restarted")

// patience of a client with one call.
const clientPatience = 20 * time.Second

// A user calls the group service at a steady rate, and notes which calls failed.
type user struct {
	t      *testing.T
	client groupv1.GroupServiceClient
	groups []string // to look at and change

	calls sync.WaitGroup
	mu    sync.Mutex
	// Guarded by mu.
	answered int
	failures []string
	slowest  time.Duration
}

// run makes calls until the context ends, and waits for their answers.
func (u *user) run(ctx context.Context) {
	pace := time.NewTicker(time.Second / time.Duration(*callsPerSecond))
	defer pace.Stop()
	for n := 0; ; n++ {
		select {
		case <-pace.C:
			u.calls.Go(func() { u.call(context.WithoutCancel(ctx), n) })
		case <-ctx.Done():
			u.calls.Wait()
			return
		}
	}
}

// call makes one call: mostly reads, and in their turn a preview, a change and a
// new group.
func (u *user) call(ctx context.Context, n int) {
	ctx, cancel := context.WithTimeout(ctx, clientPatience)
	defer cancel()
	group, begin := u.groups[n%len(u.groups)], time.Now()
	var err error
	var what string
	switch n % 20 {
	case 0:
		what = "PreviewGroup"
		_, err = u.client.PreviewGroup(ctx, &groupv1.PreviewGroupRequest{Spec: smallSpec(groupv1.GroupType_GROUP_TYPE_MAINTAIN, 3)})
	case 5:
		what = "UpdateGroup"
		_, err = u.client.UpdateGroup(ctx, &groupv1.UpdateGroupRequest{
			GroupId: group, RequestId: fmt.Sprint("update-", n), UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"target_capacity.total", "target_capacity.pay_as_you_go"}},
			Spec: &groupv1.GroupSpec{TargetCapacity: &groupv1.TargetCapacity{Total: int32(2 + n%3), PayAsYouGo: int32(2 + n%3)}},
		})
	case 10:
		what = "CreateGroup, instant"
		_, err = u.client.CreateGroup(ctx, &groupv1.CreateGroupRequest{RequestId: fmt.Sprint("instant-", n), Spec: smallSpec(groupv1.GroupType_GROUP_TYPE_INSTANT, 1)})
	case 15:
		what = "CreateGroup"
		_, err = u.client.CreateGroup(ctx, &groupv1.CreateGroupRequest{RequestId: fmt.Sprint("create-", n), Spec: smallSpec(groupv1.GroupType_GROUP_TYPE_MAINTAIN, 1)})
	case 1, 2, 3:
		what = "ListGroups"
		_, err = u.client.ListGroups(ctx, &groupv1.ListGroupsRequest{PageSize: 10})
	default:
		what = "GetGroup"
		_, err = u.client.GetGroup(ctx, &groupv1.GetGroupRequest{GroupId: group})
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.answered++
	u.slowest = max(u.slowest, time.Since(begin))
	if err != nil {
		u.failures = append(u.failures, fmt.Sprintf("%s after %v: %v", what, time.Since(begin).Round(time.Millisecond), err))
	}
}

// soFar is how many calls were answered.
func (u *user) soFar() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.answered
}

func smallSpec(kind groupv1.GroupType, total int32) *groupv1.GroupSpec {
	return &groupv1.GroupSpec{
		Type: kind, TargetCapacity: &groupv1.TargetCapacity{Total: total, PayAsYouGo: total}, TerminateInstances: true,
		Candidates: []*groupv1.Candidate{{ZoneId: "zone-a", InstanceType: "m1.large"}},
	}
}

// Each service is restarted, one after another, while a client makes 100 calls a
// second as docs/operations.md says: none fails. Groups are at their targets then,
// and nothing was launched twice.
func TestRollingRestart(t *testing.T) {
	server, natsServer := redistest.Start(t), startNATS(t)
	s, running := system.StartReplicated(t, binary, system.Options{
		Speed: replicaSpeed, Scenario: bigRegion, Store: server.URL(), Replicas: 2, LeaseDuration: replicaLease,
	}, natsServer.url(), 2)
	conn, err := rpc.DialReplicas([]string{s.Groupsvcs[0].GRPC, s.Groupsvcs[1].GRPC})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	u := &user{t: t, client: groupv1.NewGroupServiceClient(conn)}
	for n := range 8 {
		created, err := u.client.CreateGroup(t.Context(), &groupv1.CreateGroupRequest{
			RequestId: fmt.Sprint("rolling-", n), Spec: smallSpec(groupv1.GroupType_GROUP_TYPE_MAINTAIN, 2),
		})
		if err != nil {
			t.Fatal(err)
		}
		u.groups = append(u.groups, created.GetGroup().GetGroupId())
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var calling sync.WaitGroup
	calling.Go(func() { u.run(ctx) })
	for _, one := range []**system.Process{
		&s.Groupsvcs[0], &s.Groupsvcs[1], &s.Healthchecks[0], &s.Healthchecks[1], &s.Allocator, &s.Fleetsim,
	} {
		more := u.soFar() + *callsPerSecond
		system.Eventually(t, "a hundred answers more", func() (bool, any) { return u.soFar() >= more, u.soFar() })
		(*one).Stop(t)
		*one = (*one).Restart(t)
	}
	more := u.soFar() + *callsPerSecond
	system.Eventually(t, "a hundred answers more", func() (bool, any) { return u.soFar() >= more, u.soFar() })
	cancel()
	calling.Wait()
	t.Logf("%d calls, the slowest took %v", u.answered, u.slowest)
	for i, failure := range u.failures {
		if i == 20 {
			t.Errorf("and %d more", len(u.failures)-i)
			break
		}
		t.Error(failure)
	}
	for _, id := range u.groups {
		running.AwaitGroup(t, id, "the group at its target", func(g *groupv1.Group) bool {
			return g.GetObservedGeneration() == g.GetGeneration() && g.GetCapacity().GetInstances() == g.GetSpec().GetTargetCapacity().GetTotal()
		})
	}
}
