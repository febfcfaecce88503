package robust_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/redistest"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/test/system"
)

const (
	// faultGroups is how many groups users change while something is wrong.
	faultGroups = 6
	// faultSize is what each begins with, faultStep what an update adds.
	faultSize, faultStep = 10, 2
	// faultLease makes the lease of these groups one second of real time.
	faultLease = 30 * time.Second
	// lasting is how long a fault lasts, in real time: longer than a lease.
	lasting = 2 * faultLease / replicaSpeed
	// patienceOfCaller is how long a caller waits for an answer before it asks again.
	patienceOfCaller = time.Second
	// losing is for how long, in real time, a Redis takes writes that its successor
	// never hears of.
	losing = 300 * time.Millisecond
)

var diskFull = flag.Bool("disk-full", false, "fill a disk, too, which takes the right to mount a tmpfs")

// A site is a system whose parts can be broken one by one.
type site struct {
	services           *system.Services
	running            *system.System
	clients            []groupv1.GroupServiceClient
	redis, standby     *redistest.Server
	nats               *natsProcess
	fleet, store, wire *link // to the fleet, to Redis, to NATS
	allocator          *link
	disk               string // the folder of fleet and health checks if it can be filled
	random             *rand.Rand
}

func startSite(t *testing.T) *site {
	t.Helper()
	s := &site{redis: redistest.Start(t), nats: startNATS(t), random: rand.New(rand.NewPCG(*seed, 3))}
	s.standby = redistest.StartReplica(t, s.redis)
	if *diskFull {
		s.disk = mountSmall(t)
	}
	s.store, s.wire = startLink(t, "store", s.redis.Addr()), startLink(t, "nats", s.nats.listen)
	s.services, s.running = system.StartReplicated(t, binary, system.Options{
		Speed: replicaSpeed, Scenario: bigRegion, Store: "redis://" + s.store.address(), Replicas: replicas, LeaseDuration: faultLease, Folder: s.disk,
		Via: func(service, address string) string {
			switch service {
			case "fleetsim":
				s.fleet = startLink(t, service, address)
				return s.fleet.address()
			case "allocator":
				s.allocator = startLink(t, service, address)
				return s.allocator.address()
			default:
				return address
			}
		},
	}, "nats://"+s.wire.address(), 2)
	for _, process := range s.services.Groupsvcs {
		s.clients = append(s.clients, groupv1.NewGroupServiceClient(process.Dial(t)))
	}
	return s
}

func (s *site) links() []*link { return []*link{s.fleet, s.store, s.wire, s.allocator} }

// last lets a fault last.
func last(t *testing.T) {
	t.Helper()
	select {
	case <-time.After(lasting):
	case <-t.Context().Done():
	}
}

// A fault breaks something and mends it.
type fault struct {
	name string
	do   func(*testing.T, *site)
	// quiet is true when the users have their answers before, so that what is
	// broken are the deliveries that they asked for.
	quiet bool
}

// faults are all that the test knows, in the order in which they come.
var faults = []fault{
	{name: "nothing", do: func(*testing.T, *site) {}},
	{name: "a group service is killed", do: func(t *testing.T, s *site) {
		victim := s.random.IntN(replicas)
		s.services.Groupsvcs[victim].Kill()
		last(t)
		s.services.Groupsvcs[victim] = s.services.Groupsvcs[victim].Restart(t)
	}},
	{name: "a group service is paused for longer than its lease", do: func(t *testing.T, s *site) {
		victim := s.services.Groupsvcs[s.random.IntN(replicas)]
		victim.Pause()
		last(t)
		victim.Resume()
	}},
	{name: "the allocator is killed", do: func(t *testing.T, s *site) {
		s.services.Allocator.Kill()
		last(t)
		s.services.Allocator = s.services.Allocator.Restart(t)
	}},
	{name: "a health check is killed", do: func(t *testing.T, s *site) {
		s.services.Healthchecks[1].Kill()
		last(t)
		s.services.Healthchecks[1] = s.services.Healthchecks[1].Restart(t)
	}},
	{name: "the fleet is killed", do: func(t *testing.T, s *site) {
		s.services.Fleetsim.Kill()
		last(t)
		s.services.Fleetsim = s.services.Fleetsim.Restart(t)
	}},
	{name: "Redis is killed", do: func(t *testing.T, s *site) {
		s.redis.Kill()
		last(t)
		s.redis.Restart(t)
	}},
	{name: "Redis is paused", do: func(t *testing.T, s *site) {
		s.redis.Pause()
		last(t)
		s.redis.Resume()
	}},
	{name: "NATS is killed", do: func(t *testing.T, s *site) {
		s.nats.kill()
		last(t)
		s.nats.start(t)
	}},
	{name: "the network to the fleet is cut", do: func(t *testing.T, s *site) { s.fleet.cut(); last(t); s.fleet.join(t) }},
	{name: "the network to the fleet swallows everything", do: func(t *testing.T, s *site) { s.fleet.swallow(t); last(t); s.fleet.heal() }},
	{name: "the network to Redis is cut", do: func(t *testing.T, s *site) { s.store.cut(); last(t); s.store.join(t) }},
	{name: "the network to Redis swallows everything", do: func(t *testing.T, s *site) { s.store.swallow(t); last(t); s.store.heal() }},
	{name: "the network to NATS swallows everything", do: func(t *testing.T, s *site) { s.wire.swallow(t); last(t); s.wire.heal() }},
	{name: "the network to the allocator is cut", do: func(t *testing.T, s *site) { s.allocator.cut(); last(t); s.allocator.join(t) }},
	{name: "everything is slow", do: func(t *testing.T, s *site) {
		for _, way := range s.links() {
			way.slow(t, 100*time.Millisecond)
		}
		last(t)
		for _, way := range s.links() {
			way.heal()
		}
	}},
	{name: "the clock leaps by an hour", do: func(t *testing.T, s *site) {
		now, err := s.running.Simulation.GetClock(t.Context(), &fleetv1.GetClockRequest{})
		if err != nil {
			t.Fatal(err)
		}
		later := timestamppb.New(now.GetTime().AsTime().Add(time.Hour))
		if _, err := s.running.Simulation.AdvanceClock(t.Context(), &fleetv1.AdvanceClockRequest{Target: &fleetv1.AdvanceClockRequest_To{To: later}}); err != nil {
			t.Fatal(err)
		}
	}},
	{name: "everything but the fleet is killed at once", do: func(t *testing.T, s *site) {
		s.redis.Kill()
		s.nats.kill()
		processes := append(slices.Clone(s.services.Groupsvcs), append(slices.Clone(s.services.Healthchecks), s.services.Allocator)...)
		for _, process := range processes {
			process.Kill()
		}
		s.redis.Restart(t)
		s.nats.start(t)
		s.services.Allocator = s.services.Allocator.Restart(t)
		for i := range s.services.Healthchecks {
			s.services.Healthchecks[i] = s.services.Healthchecks[i].Restart(t)
		}
		for i := range s.services.Groupsvcs {
			s.services.Groupsvcs[i] = s.services.Groupsvcs[i].Restart(t)
		}
	}},
	{name: "Redis fails over and loses writes", quiet: true, do: func(t *testing.T, s *site) {
		s.standby.Promote(t)
		<-time.After(losing)
		s.redis.Kill()
		s.store.lead(t, s.standby.Addr())
		s.redis = s.standby
	}},
}

// diskFault is for when there is a disk that can be filled.
var diskFault = fault{name: "the disk of the fleet and the health checks is full", do: func(t *testing.T, s *site) {
	fill(t, s.disk)
	last(t)
	empty(t, s.disk)
	// A fleet that can not write its journal ends, as it is to be: it can promise
	// nothing. Whoever runs it starts it again.
	s.services.Fleetsim.Kill()
	s.services.Fleetsim = s.services.Fleetsim.Restart(t)
}}

// S1, S2, S6, S7, L1: users change groups while one thing after another is broken,
// and repeat a call until it is answered. After each fault every call that was
// answered has its effect, each group is at exactly its target, nothing was
// launched twice or is left over, and what was told of the instances is what the
// fleet's journal holds.
func TestFaults(t *testing.T) {
	s, faults := startSite(t), faults
	users := &users{site: s, want: map[string]int32{}, gone: map[string]bool{}, random: rand.New(rand.NewPCG(*seed, 4))}
	users.createAll(t)
	var report strings.Builder
	fmt.Fprintf(&report, "seed %d\n%-52s %8s %8s %10s %12s\n", *seed, "fault", "answered", "repeated", "instances", "exact after")
	if s.disk != "" {
		faults = append([]fault{diskFault}, faults...)
	}
	for i, f := range faults {
		stop := users.begin(t, fmt.Sprint("fault-", i))
		if f.quiet {
			stop()
			users.raiseAll(t, fmt.Sprint("quiet-", i))
			s.redis.AwaitReplica(t)
		}
		f.do(t, s)
		stop()
		if t.Failed() {
			t.Fatalf("during the fault %q", f.name)
		}
		ended := time.Now()
		users.settle(t)
		took := time.Since(ended)
		live := users.check(t)
		fmt.Fprintf(&report, "%-52s %8d %8d %10d %12v\n", f.name, users.answered, users.repeated, live, took.Round(100*time.Millisecond))
		if t.Failed() {
			t.Fatalf("after the fault %q", f.name)
		}
	}
	for id, total := range users.want {
		users.await(t, id, "group "+id+" with all that it has running", func(g *groupv1.Group) bool {
			return g.GetCapacity().GetRunning() == float64(total) // nothing more is to come of it
		})
		s.running.AssertEvents(t, id)
	}
	t.Log(report.String())
}

// users call the group service and remember what they were answered.
type users struct {
	*site
	want map[string]int32 // the target of each group, as answered
	gone map[string]bool  // groups that were deleted, as answered

	mu                 sync.Mutex
	random             *rand.Rand // guarded by mu
	answered, repeated int        // since the fault began; guarded by mu
}

// createAll makes the groups.
func (u *users) createAll(t *testing.T) {
	t.Helper()
	for i := range faultGroups {
		u.want[u.create(t, fmt.Sprint("group-", i))] = faultSize
	}
}

func (u *users) create(t *testing.T, token string) string {
	t.Helper()
	spec := &groupv1.GroupSpec{
		TargetCapacity: targets(faultSize), Spot: &groupv1.SpotOptions{PoolsToUse: 2}, TerminateInstances: true,
	}
	for _, pool := range [][2]string{{"zone-a", "m1.large"}, {"zone-b", "m1.large"}, {"zone-a", "c1.large"}, {"zone-b", "c1.large"}} {
		spec.Candidates = append(spec.Candidates, &groupv1.Candidate{ZoneId: pool[0], InstanceType: pool[1]})
	}
	var id string
	u.insist(t, func(ctx context.Context, client groupv1.GroupServiceClient) error {
		created, err := client.CreateGroup(ctx, &groupv1.CreateGroupRequest{RequestId: token, Spec: spec})
		id = created.GetGroup().GetGroupId()
		return err
	})
	return id
}

func targets(total int32) *groupv1.TargetCapacity {
	return &groupv1.TargetCapacity{Total: total, PayAsYouGo: total / 5, Spot: total - total/5}
}

func (u *users) raise(t *testing.T, id string, total int32, token string) {
	t.Helper()
	u.insist(t, func(ctx context.Context, client groupv1.GroupServiceClient) error {
		_, err := client.UpdateGroup(ctx, &groupv1.UpdateGroupRequest{
			GroupId: id, RequestId: token, Spec: &groupv1.GroupSpec{TargetCapacity: targets(total)},
			UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"target_capacity.total", "target_capacity.spot", "target_capacity.pay_as_you_go"}},
		})
		return err
	})
}

// insist makes a call, through one replica after the other, until it is answered.
func (u *users) insist(t *testing.T, call func(context.Context, groupv1.GroupServiceClient) error) {
	t.Helper()
	for next, patience := u.pick(), time.After(system.Patience); ; next++ {
		ctx, cancel := context.WithTimeout(context.Background(), patienceOfCaller)
		err := call(ctx, u.clients[next%replicas])
		cancel()
		switch status.Code(err) {
		case codes.OK:
			u.count(&u.answered)
			return
		case codes.Unavailable, codes.DeadlineExceeded, codes.Aborted:
			u.count(&u.repeated)
		default:
			t.Errorf("refused: %v", err)
			return
		}
		select {
		case <-time.After(20 * time.Millisecond): // before it is called again
		case <-patience:
			t.Errorf("no answer within %v: %v", system.Patience, err)
			return
		}
	}
}

func (u *users) count(what *int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	*what++
}

func (u *users) pick() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.random.IntN(replicas)
}

// begin lets the users call until the function that it returns is called, which
// waits for their last answers: one raises the target of each group in turn,
// another makes a group, and deletes the one that was made during the fault
// before.
func (u *users) begin(t *testing.T, during string) (stop func()) {
	t.Helper()
	u.mu.Lock()
	u.answered, u.repeated = 0, 0
	u.mu.Unlock()
	ids := make([]string, 0, len(u.want))
	for id := range u.want {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	ended := make(chan struct{})
	var calling sync.WaitGroup
	calling.Go(func() {
		for i := 0; ; i++ {
			id := ids[i%len(ids)]
			u.raise(t, id, u.want[id]+faultStep, fmt.Sprint(during, "-", i))
			u.want[id] += faultStep
			select {
			case <-ended:
				return
			case <-time.After(50 * time.Millisecond): // the pace of the calls
			}
		}
	})
	made := ""
	calling.Go(func() {
		made = u.create(t, during)
		u.insist(t, func(ctx context.Context, client groupv1.GroupServiceClient) error {
			_, err := client.DeleteGroup(ctx, &groupv1.DeleteGroupRequest{GroupId: made, TerminateInstances: new(true)})
			return err
		})
	})
	return sync.OnceFunc(func() {
		close(ended)
		calling.Wait()
		u.gone[made] = true
	})
}

// raiseAll raises the target of each group by half.
func (u *users) raiseAll(t *testing.T, token string) {
	t.Helper()
	for id, total := range u.want {
		u.raise(t, id, total*3/2, token+id)
		u.want[id] = total * 3 / 2
	}
}

// settle waits until the groups are where they were asked to be.
func (u *users) settle(t *testing.T) {
	t.Helper()
	for id, total := range u.want {
		u.await(t, id, fmt.Sprintf("group %s at its %d units", id, total), func(g *groupv1.Group) bool {
			return g.GetObservedGeneration() == g.GetGeneration() && g.GetFulfillment() == groupv1.Fulfillment_FULFILLMENT_FULFILLED &&
				g.GetSpec().GetTargetCapacity().GetTotal() == total && g.GetCapacity().GetInstances() == total
		})
	}
	for id := range u.gone {
		u.await(t, id, "group "+id+" deleted", func(g *groupv1.Group) bool {
			return g.GetLifecycle() == groupv1.Lifecycle_LIFECYCLE_DELETED
		})
	}
}

// await waits until a group meets a condition, as any replica shows it.
func (u *users) await(t *testing.T, id, what string, met func(*groupv1.Group) bool) {
	t.Helper()
	next := 0
	system.Eventually(t, what, func() (bool, any) {
		ctx, cancel := context.WithTimeout(context.Background(), patienceOfCaller)
		defer cancel()
		got, err := u.clients[next%replicas].GetGroup(ctx, &groupv1.GetGroupRequest{GroupId: id})
		next++
		return err == nil && met(got.GetGroup()), fmt.Sprint(got.GetGroup(), err)
	})
}

// check holds the fleet and its journal against the answers.
func (u *users) check(t *testing.T) (live int) {
	t.Helper()
	count := map[string]int32{}
	for _, instance := range u.running.Instances(t, "") {
		count[instance.GetTags()[system.GroupTag]]++
		live++
	}
	for id, total := range u.want {
		launched, released := int32(0), 0
		for _, transition := range u.running.Transitions(t, id) {
			switch transition.GetKind() {
			case fleetv1.TransitionKind_TRANSITION_KIND_CREATED:
				launched++
			case fleetv1.TransitionKind_TRANSITION_KIND_RELEASED:
				released++
			default:
			}
		}
		if count[id] != total || launched != total || released != 0 {
			t.Errorf("group %s: %d instances, %d launched, %d released; want %d, as many, and 0", id, count[id], launched, released, total)
		}
		delete(count, id)
	}
	for id, left := range count {
		t.Errorf("%d instances of group %q are left over", left, id)
	}
	return live
}
