package verdict_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/natsserver/natstest"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/healthcheck/storage/v1"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/fleettest"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/follow"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/records"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/verdict"
	"github.com/seed-198b1370/muster/services/healthcheck/judge"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of these tests.
const patience = 60 * time.Second

const (
	running   = fleetv1.TransitionKind_TRANSITION_KIND_RUNNING
	stopped   = fleetv1.TransitionKind_TRANSITION_KIND_STOPPED
	released  = fleetv1.TransitionKind_TRANSITION_KIND_RELEASED
	failure   = fleetv1.TransitionReason_TRANSITION_REASON_FAILURE
	requested = fleetv1.TransitionReason_TRANSITION_REASON_REQUESTED
)

// A replica is a keeper that runs, and what it published.
type replica struct {
	t     testing.TB
	store *records.Store
	stop  func()

	mu    sync.Mutex
	told  []*healthv1.InstanceEvent
	owned func(string) bool

	released chan struct{} // it publishes nothing before this is closed
}

// start runs a keeper over a fleet and a JetStream until stop or the end of the
// test. A stuck one hangs when it should publish.
func start(t testing.TB, fleet fleetv1.FleetServiceClient, js jetstream.JetStream, stuck bool, owned func(string) bool, changed func() <-chan struct{}) *replica {
	t.Helper()
	return startOn(t, fleet, js, clock.NewScaled(fleettest.Origin, 1000), stuck, owned, changed)
}

// startOn is start on a clock of the cloud.
func startOn(t testing.TB, fleet fleetv1.FleetServiceClient, js jetstream.JetStream, cloud clock.Clock, stuck bool, owned func(string) bool, changed func() <-chan struct{}) *replica {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	r := &replica{t: t, store: records.New(js, records.Config{Log: log}), owned: owned, released: make(chan struct{})}
	if !stuck {
		r.release()
	}
	keeper := verdict.New(verdict.Deps{
		Store: r.store, Publish: r.publish, Cloud: cloud, Wall: clock.NewWall(),
		Owns: owned, OwnershipChanged: changed, Log: log,
	})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	follower := follow.Follower{Fleet: fleet, Watcher: keeper, Clock: clock.NewWall(), Log: log}
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error { return keeper.Run(ctx) })
	both.Go(func() error {
		return follower.Follow(ctx, follow.Place{}, func(context.Context, follow.Batch) error { return nil })
	})
	go func() { ended <- both.Wait() }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case <-ended:
		case <-time.After(patience):
			t.Error("did not end with its context")
		}
	})
	t.Cleanup(r.stop)
	return r
}

func (r *replica) publish(ctx context.Context, events []*healthv1.InstanceEvent) error {
	select {
	case <-r.released:
	case <-ctx.Done():
		return ctx.Err()
	}
	for _, event := range events { // whoever is told of a verdict can read it
		if got := r.store.Verdict(event.GetInstanceId()).GetVerdict().GetNumber(); got < event.GetVerdictNumber() {
			r.t.Errorf("%s is told while verdict %d is shown", event.GetEventId(), got)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = append(r.told, events...)
	return nil
}

// release ends that a replica is stuck.
func (r *replica) release() { close(r.released) }

// idsOf are those of one instance.
func (r *replica) idsOf(instance string) []string {
	return slices.DeleteFunc(r.ids(), func(id string) bool { return !strings.HasPrefix(id, instance+"/") })
}

// ids are those of the events so far, with their kinds.
func (r *replica) ids() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, event := range r.told {
		all = append(all, event.GetEventId()+" "+event.GetReason())
	}
	return all
}

// await waits until something holds.
func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline, tick := time.After(patience), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func (r *replica) awaitIDs(want ...string) {
	r.t.Helper()
	await(r.t, fmt.Sprint(want), func() bool { return fmt.Sprint(r.ids()) == fmt.Sprint(want) })
}

// awaitPublished waits until the store knows that a verdict was published.
func (r *replica) awaitPublished(id string, number int64) {
	r.t.Helper()
	await(r.t, "a stored verdict", func() bool { return r.store.Verdict(id).GetPublishedNumber() == number })
}

func launch(fleet *fleettest.Fleet, id string) {
	fleet.Launch(id, "apg-1")
	fleet.Step(id, running, 0)
	fleet.SetHealth(id, fleetv1.InstanceHealth_INSTANCE_HEALTH_OK)
}

// What the fleet has not told of yet may have happened: while the stream is
// behind, nobody is ill for having been silent for long.
func TestKeeper_isBehindTheStream(t *testing.T) {
	fleet, js, cloud := fleettest.New(), natstest.NewJetStream(t), clock.NewScaled(fleettest.Origin, 2_000)
	client := fleet.Serve(t)
	launch(fleet, "i-0")
	launch(fleet, "i-1")
	fleet.TellUpTo(fleettest.Origin.Add(time.Minute))
	r := startOn(t, client, js, cloud, false, nil, nil)
	fleet.Step("i-0", stopped, failure)
	r.awaitIDs("i-0/v1 Stopped")       // so that it has its list, which tells of the present
	fleet.LaunchAt("i-2", cloud.Now()) // it does not come up
	hour := cloud.Now().Add(time.Hour)
	await(t, "an hour of the cloud's clock", func() bool { return cloud.Now().After(hour) })
	fleet.Step("i-1", stopped, failure)
	r.awaitIDs("i-0/v1 Stopped", "i-1/v1 Stopped")
	fleet.TellUpTo(fleettest.Origin.Add(1000 * time.Hour))
	r.awaitIDs("i-0/v1 Stopped", "i-1/v1 Stopped", "i-2/v1 Initializing")
}

// S7: an event stream that is away holds up no verdict: they are stored, of others
// and in order, but none over one whose event is not told yet.
func TestKeeper_eventStreamIsAway(t *testing.T) {
	fleet, js := fleettest.New(), natstest.NewJetStream(t)
	client := fleet.Serve(t)
	launch(fleet, "i-1")
	launch(fleet, "i-2")
	away := start(t, client, js, true, nil, nil)
	unhealthy := func(ids ...string) func() bool {
		return func() bool {
			var got []string
			for _, one := range away.store.Unhealthy(records.Group{AccountID: "1234", GroupID: "apg-1"}) {
				got = append(got, one.GetInstanceId())
			}
			return slices.Equal(ids, got)
		}
	}
	fleet.Step("i-1", stopped, failure)
	await(t, "the first verdict", unhealthy("i-1"))
	fleet.Step("i-1", running, requested) // well again, which waits
	fleet.SetHealth("i-1", fleetv1.InstanceHealth_INSTANCE_HEALTH_OK)
	fleet.Step("i-2", stopped, failure)
	await(t, "the second verdict", unhealthy("i-1", "i-2"))
	if got := away.store.Verdict("i-1").GetVerdict().GetNumber(); got != 1 {
		t.Errorf("verdict %d is stored before the first is told", got)
	}
	away.release()
	away.awaitPublished("i-1", 2)
	away.awaitPublished("i-2", 1)
	if got := away.idsOf("i-1"); !slices.Equal(got, []string{"i-1/v1 Stopped", "i-1/v2 Well"}) {
		t.Errorf("told of i-1 is %v", got)
	}
}

// A fleet that does not say up to when it has told of everything is believed to
// have nothing to tell only while it is listened to.
func TestKeeper_doesNotTakeDeafnessForSilence(t *testing.T) {
	js, cloud, wall := natstest.NewJetStream(t), clock.NewVirtual(fleettest.Origin), clock.NewVirtual(fleettest.Origin)
	store := records.New(js, records.Config{Log: slog.New(slog.DiscardHandler)})
	r := &replica{t: t, store: store, released: make(chan struct{})}
	keeper := verdict.New(verdict.Deps{
		Store: store, Publish: r.publish, Cloud: cloud, Wall: wall, Log: slog.New(slog.DiscardHandler),
	})
	r.release()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- keeper.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	happened := func(kind fleetv1.TransitionKind, status fleetv1.InstanceStatus, id string) {
		keeper.Happened(ctx, []*fleetv1.InstanceTransition{{
			Kind: kind, Reason: failure, Time: timestamppb.New(fleettest.Origin), Instance: &fleetv1.Instance{
				InstanceId: id, AccountId: "1234", ZoneId: "cn-hangzhou-i", TransitionNumber: 1, Status: status, CreateTime: timestamppb.New(fleettest.Origin),
			},
		}}, nil)
	}
	keeper.ListBegins(ctx)
	keeper.ListEnds(ctx)
	happened(fleetv1.TransitionKind_TRANSITION_KIND_CREATED, fleetv1.InstanceStatus_INSTANCE_STATUS_PENDING, "i-1")
	keeper.CutOff(ctx)
	// In small steps, for a jump counts for nothing; and many of them, for a keeper
	// that looks seldom may take some for one.
	for range 2000 {
		wall.Advance(time.Second)
		cloud.Advance(time.Second)
		keeper.CutOff(ctx) // is there a look at the clock? now there is
	}
	// It is told what is old: silent it is not.
	happened(stopped, fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPED, "i-2")
	r.awaitIDs("i-2/v1 Stopped")
	await(t, "what silence tells", func() bool {
		wall.Advance(100 * time.Millisecond)
		return slices.Equal(r.ids(), []string{"i-2/v1 Stopped", "i-1/v1 Initializing"})
	})
}

// Who starts with a list takes what looks stopped by a reclaim for that, and
// everything else that is stopped for ill.
func TestKeeper_listedStops(t *testing.T) {
	fleet, js := fleettest.New(), natstest.NewJetStream(t)
	client := fleet.Serve(t)
	for _, id := range []string{"i-1", "i-2", "i-3"} {
		launch(fleet, id)
	}
	fleet.SetReclaimStops("i-1")
	fleet.Step("i-1", stopped, fleetv1.TransitionReason_TRANSITION_REASON_STOCK_NEEDED)
	fleet.Step("i-2", stopped, failure)
	fleet.Compact()
	r := start(t, client, js, false, nil, nil)
	r.awaitIDs("i-2/v1 Stopped")
	fleet.Step("i-3", stopped, failure) // what i-1 gave would be told before
	r.awaitIDs("i-2/v1 Stopped", "i-3/v1 Stopped")
}

// A verdict survives a restart, is not told again, and goes on counting.
func TestKeeper_survivesRestarts(t *testing.T) {
	fleet, js := fleettest.New(), natstest.NewJetStream(t)
	client := fleet.Serve(t)
	launch(fleet, "i-1")
	first := start(t, client, js, false, nil, nil)
	fleet.Step("i-1", stopped, failure)
	first.awaitIDs("i-1/v1 Stopped")
	first.awaitPublished("i-1", 1)
	first.stop()

	second := start(t, client, js, false, nil, nil)
	<-second.store.Ready()
	if got := second.store.Unhealthy(records.Group{AccountID: "1234", GroupID: "apg-1"}); len(got) != 1 || got[0].GetNumber() != 1 {
		t.Errorf("unhealthy are %v", got)
	}
	fleet.Step("i-1", running, requested)
	fleet.SetHealth("i-1", fleetv1.InstanceHealth_INSTANCE_HEALTH_OK)
	second.awaitIDs("i-1/v2 Well")
	second.awaitPublished("i-1", 2)
	fleet.Step("i-1", released, requested)
	await(t, "a forgotten verdict", func() bool { return second.store.Verdict("i-1").StoredVerdict == nil })
	second.stop()

	// What was released while nobody looked is forgotten, too.
	launch(fleet, "i-2")
	third := start(t, client, js, false, nil, nil)
	fleet.Step("i-2", stopped, failure)
	third.awaitPublished("i-2", 1)
	third.stop()
	fleet.Step("i-2", released, requested)
	fourth := start(t, client, js, false, nil, nil)
	<-fourth.store.Ready()
	await(t, "a forgotten verdict", func() bool { return fourth.store.Verdict("i-2").StoredVerdict == nil })
}

// How long an instance has been ill, or has taken to come up, does not begin anew
// with the checker.
func TestKeeper_illnessSurvivesRestarts(t *testing.T) {
	fleet, js, cloud := fleettest.New(), natstest.NewJetStream(t), clock.NewVirtual(fleettest.Origin)
	client := fleet.Serve(t)
	launch(fleet, "i-ill")
	fleet.Launch("i-new", "apg-1")
	launch(fleet, "i-other")
	fleet.Step("i-other", stopped, failure)
	pass := func(seconds int) {
		for range seconds { // in small steps: a jump counts for nothing
			cloud.Advance(time.Second)
			fleet.TellUpTo(cloud.Now())
		}
	}
	pass(10)
	first := startOn(t, client, js, cloud, false, nil, nil)
	first.awaitIDs("i-other/v1 Stopped")
	first.awaitPublished("i-other", 1)
	fleet.SetHealth("i-ill", fleetv1.InstanceHealth_INSTANCE_HEALTH_IMPAIRED)
	await(t, "what is stored", func() bool { return first.store.Illness("i-ill") != nil })
	since := first.store.Illness("i-ill").GetSinceTime().AsTime()
	first.stop()
	pass(40)
	second := startOn(t, client, js, cloud, false, nil, nil)
	<-second.store.Ready()
	second.stop()
	if got := second.store.Illness("i-ill").GetSinceTime().AsTime(); !got.Equal(since) || len(second.ids()) > 0 {
		t.Errorf("ill since %v, was %v; told %v", got, since, second.ids())
	}
	pass(25) // now it has been for longer than a minute
	third := startOn(t, client, js, cloud, false, nil, nil)
	third.awaitIDs("i-ill/v1 Impaired")
	third.stop()
	pass(300)
	fourth := startOn(t, client, js, cloud, false, nil, nil)
	fourth.awaitIDs("i-new/v1 Initializing")
	fleet.Step("i-ill", released, requested)
	await(t, "a forgotten illness", func() bool { return fourth.store.Illness("i-ill") == nil })
}

// A bucket that is lost while the checker runs is filled again with what it
// knows, and nothing is told twice.
func TestKeeper_bucketIsLost(t *testing.T) {
	fleet, js := fleettest.New(), natstest.NewJetStream(t)
	client := fleet.Serve(t)
	launch(fleet, "i-1")
	launch(fleet, "i-2")
	r := start(t, client, js, false, nil, nil)
	fleet.Step("i-1", stopped, failure)
	r.awaitIDs("i-1/v1 Stopped")
	r.awaitPublished("i-1", 1)
	if err := js.DeleteKeyValue(t.Context(), records.Bucket); err != nil {
		t.Fatal(err)
	}
	stored := func(id string) *healthv1.HealthVerdict {
		kv, err := js.KeyValue(t.Context(), records.Bucket)
		if err != nil {
			return nil
		}
		entry, err := kv.Get(t.Context(), "verdict."+id)
		if err != nil {
			return nil
		}
		found := &storagev1.StoredVerdict{}
		if err := proto.Unmarshal(entry.Value(), found); err != nil {
			t.Error(err)
		}
		return found.GetVerdict()
	}
	await(t, "what was stored", func() bool { return stored("i-1").GetNumber() == 1 })
	fleet.Step("i-2", stopped, failure)
	await(t, "what is new", func() bool { return stored("i-2").GetNumber() == 1 })
	r.awaitIDs("i-1/v1 Stopped", "i-2/v1 Stopped")
	await(t, "both in the mirror", func() bool {
		return len(r.store.Unhealthy(records.Group{AccountID: "1234", GroupID: "apg-1"})) == 2
	})
}

// S7: a crash after the verdict is stored and before its event is published
// tells the event later, under the same id and in the same words.
func TestKeeper_crashBeforePublishing(t *testing.T) {
	fleet, js := fleettest.New(), natstest.NewJetStream(t)
	client := fleet.Serve(t)
	launch(fleet, "i-1")
	crashed := start(t, client, js, true, nil, nil)
	fleet.Step("i-1", stopped, failure)
	await(t, "a stored verdict", func() bool { return crashed.store.Verdict("i-1").StoredVerdict != nil })
	stored := proto.CloneOf(crashed.store.Verdict("i-1").StoredVerdict)
	crashed.stop()
	if stored.GetPublishedNumber() != 0 || len(crashed.ids()) != 0 {
		t.Fatalf("stored is %v, told %v", stored, crashed.ids())
	}
	again := start(t, client, js, false, nil, nil)
	again.awaitIDs("i-1/v1 Stopped")
	if got := again.told[0]; !proto.Equal(got.GetTime(), stored.GetVerdict().GetSinceTime()) || got.GetMessage() != stored.GetVerdict().GetMessage() {
		t.Errorf("told %v of %v", got, stored)
	}
	again.awaitPublished("i-1", 1)
}

// An instance is judged by the replica that owns it; when it changes hands the
// verdicts go on counting, and none is told twice.
func TestKeeper_changesHands(t *testing.T) {
	fleet, js := fleettest.New(), natstest.NewJetStream(t)
	client := fleet.Serve(t)
	launch(fleet, "i-1")
	var mu sync.Mutex
	owner := 0
	is := func(number int) func(string) bool {
		return func(string) bool {
			mu.Lock()
			defer mu.Unlock()
			return owner == number
		}
	}
	handed := make(chan struct{})
	changed := func() <-chan struct{} {
		mu.Lock()
		defer mu.Unlock()
		if owner == 1 {
			return nil // it changes once
		}
		return handed
	}
	a := start(t, client, js, false, is(0), changed)
	b := start(t, client, js, false, is(1), changed)
	fleet.Step("i-1", stopped, failure)
	a.awaitIDs("i-1/v1 Stopped")
	a.awaitPublished("i-1", 1)
	b.awaitPublished("i-1", 1)
	mu.Lock()
	owner = 1
	mu.Unlock()
	close(handed)
	fleet.Step("i-1", running, requested)
	fleet.SetHealth("i-1", fleetv1.InstanceHealth_INSTANCE_HEALTH_OK)
	b.awaitIDs("i-1/v2 Well")
	a.awaitPublished("i-1", 2)
	a.awaitIDs("i-1/v1 Stopped")
}

// The fleet's stream breaks, forgets, and is another fleet's: what is thought of
// instances comes right again.
func TestKeeper_followsThroughTrouble(t *testing.T) {
	fleet, js := fleettest.New(), natstest.NewJetStream(t)
	client := fleet.Serve(t)
	for i := range 20 {
		launch(fleet, fmt.Sprint("i-", i))
	}
	fleet.CutAfter(3)
	r := start(t, client, js, false, nil, nil)
	fleet.Step("i-0", stopped, failure)
	r.awaitIDs("i-0/v1 Stopped")
	fleet.FailNext(2)
	fleet.Rename("f2")
	fleet.Compact()
	fleet.CutAfter(0)
	fleet.Step("i-1", stopped, failure)
	r.awaitIDs("i-0/v1 Stopped", "i-1/v1 Stopped")
}

// A policy that is set is used at once: probes begin, and end with it.
func TestKeeper_takesPoliciesOver(t *testing.T) {
	fleet, js := fleettest.New(), natstest.NewJetStream(t)
	client := fleet.Serve(t)
	refusing, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := refusing.Addr().(*net.TCPAddr).Port
	refusing.Close()
	fleet.Launch("i-1", "apg-1")
	fleet.SetAddress("i-1", "127.0.0.1")
	fleet.Step("i-1", running, 0)
	fleet.SetHealth("i-1", fleetv1.InstanceHealth_INSTANCE_HEALTH_OK)
	r := start(t, client, js, false, nil, nil)
	<-r.store.Ready()
	group := records.Group{AccountID: "1234", GroupID: "apg-1"}
	policy := judge.Fill(&healthv1.HealthPolicy{GracePeriod: durationpb.New(0), Probes: []*healthv1.Probe{{
		Kind: &healthv1.Probe_Tcp{Tcp: &healthv1.TcpProbe{}}, Port: int32(port), UnhealthyThreshold: 1, HealthyThreshold: 1,
	}}})
	if err := r.store.PutPolicy(t.Context(), group, policy); err != nil {
		t.Fatal(err)
	}
	r.awaitIDs("i-1/v1 ProbeFailed")
	if got := r.told[0].GetMessage(); got != fmt.Sprintf("the probe TCP port %d failed once: connection refused", port) {
		t.Errorf("it says %q", got)
	}
	if err := r.store.RemovePolicy(t.Context(), group); err != nil {
		t.Fatal(err)
	}
	r.awaitIDs("i-1/v1 ProbeFailed", "i-1/v2 Well")
}
