package robust_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/test/system"
)

var eventKills = flag.Int("event-kills", 10, "how often a process on the way of events is killed")

// streamName of events, as users know it.
const streamName = "MUSTER_EVENTS"

// churned is the group of the instances that come and go; nobody manages it.
const churned = "churned"

// S7: whatever is killed or paused and however often, every transition that is published
// is in the stream, those of one instance in order, and what comes twice has
// the same id.
func TestEvents_throughKills(t *testing.T) {
	natsServer := startNATS(t)
	s, running := system.StartReplicated(t, binary, system.Options{Speed: 100}, natsServer.url(), 2)
	seen := consume(t, natsServer.url())
	stop := churn(t, running.Fleet)
	random := rand.New(rand.NewPCG(*seed, 1))
	t.Logf("seed %d, %d kills", *seed, *eventKills)
	victims := []**system.Process{&s.Fleetsim, &s.Healthchecks[0], &s.Healthchecks[1], &s.Groupsvc}
	for kill := range *eventKills {
		if kill == *eventKills/2 {
			// It comes back long after its share went to the other, unless it is
			// killed before.
			paused := s.Healthchecks[0]
			paused.Pause()
			defer paused.Resume()
		}
		<-time.After(time.Duration(random.Int64N(int64(300 * time.Millisecond)))) // the moment of the kill
		victim := random.IntN(len(victims) + 1)
		if victim == len(victims) {
			natsServer.kill()
			natsServer.start(t)
			continue
		}
		(*victims[victim]).Kill()
		*victims[victim] = (*victims[victim]).Restart(t)
	}
	s.Healthchecks[0].Resume()
	stop()
	system.Eventually(t, "instances that stay as they are", func() (bool, any) {
		counted, err := running.Fleet.CountInstances(t.Context(), &fleetv1.CountInstancesRequest{Tags: map[string]string{system.GroupTag: churned}})
		return err == nil && !slices.ContainsFunc(counted.GetCounts(), func(c *fleetv1.InstanceCount) bool {
			return c.GetStatus() != fleetv1.InstanceStatus_INSTANCE_STATUS_RUNNING && c.GetStatus() != fleetv1.InstanceStatus_INSTANCE_STATUS_STOPPED
		}), err
	})
	want := published(running.Transitions(t, churned))
	if len(want) == 0 {
		t.Fatal("nothing happened")
	}
	missing := func() []string {
		has := seen.ids()
		return slices.DeleteFunc(slices.Clone(want), func(id string) bool { return has[id] })
	}
	system.Eventually(t, "every event", func() (bool, any) {
		left := missing()
		return len(left) == 0, fmt.Sprintf("%d of %d are missing: %.10q", len(left), len(want), left)
	})
	seen.check(t, want)
}

// published are the ids of the events that the fleet's journal must give, in its
// order.
func published(journal []*fleetv1.InstanceTransition) (ids []string) {
	for _, step := range journal {
		switch step.GetKind() {
		case fleetv1.TransitionKind_TRANSITION_KIND_CREATED, fleetv1.TransitionKind_TRANSITION_KIND_RUNNING,
			fleetv1.TransitionKind_TRANSITION_KIND_STOPPED, fleetv1.TransitionKind_TRANSITION_KIND_INTERRUPTION_NOTICE,
			fleetv1.TransitionKind_TRANSITION_KIND_RELEASED:
			ids = append(ids, fmt.Sprintf("%s/%d", step.GetInstance().GetInstanceId(), step.GetInstance().GetTransitionNumber()))
		default: // not published
		}
	}
	return ids
}

// churn lets instances come, stop, start and go until stop is called. Calls that
// meet a killed process fail; what they did counts all the same.
func churn(t *testing.T, fleet fleetv1.FleetServiceClient) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var live []string
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for round := 0; ctx.Err() == nil; round++ {
			<-tick.C
			call, done := context.WithTimeout(ctx, 2*time.Second)
			launched, err := fleet.RunInstances(call, &fleetv1.RunInstancesRequest{
				RequestId: fmt.Sprint("churn-", round), ZoneId: "cn-shenzhen-d", InstanceType: "ecs.c6.large", Amount: 5,
				BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO, Tags: map[string]string{system.GroupTag: churned},
			})
			if err == nil {
				live = append(live, launched.GetInstanceIds()...)
			}
			if len(live) > 50 {
				// Their results are in the journal.
				_, _ = fleet.StopInstances(call, &fleetv1.StopInstancesRequest{InstanceIds: live[5:10]})
				_, _ = fleet.DeleteInstances(call, &fleetv1.DeleteInstancesRequest{InstanceIds: live[:5]})
				live = live[5:]
			}
			done()
		}
	}()
	stop = sync.OnceFunc(func() { cancel(); <-ended })
	t.Cleanup(stop)
	return stop
}

// A record is what an independent consumer has seen: ids by their place in the
// stream.
type record struct {
	mu sync.Mutex
	at map[uint64]string
}

func (r *record) ids() map[string]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	has := map[string]bool{}
	for _, id := range r.at {
		has[id] = true
	}
	return has
}

// check holds what was seen against what the journal gives.
func (r *record) check(t *testing.T, want []string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	places := make([]uint64, 0, len(r.at))
	for place := range r.at {
		places = append(places, place)
	}
	slices.Sort(places)
	wanted, seen, got := map[string]bool{}, map[string]bool{}, map[string][]string{}
	for _, id := range want {
		wanted[id] = true
	}
	repeats := 0
	for _, place := range places {
		id := r.at[place]
		if !wanted[id] {
			t.Errorf("event %s is not in the fleet's journal", id)
		}
		if seen[id] {
			repeats++
			continue
		}
		seen[id] = true
		instance, _, _ := strings.Cut(id, "/")
		got[instance] = append(got[instance], id)
	}
	inOrder := map[string][]string{}
	for _, id := range want {
		instance, _, _ := strings.Cut(id, "/")
		inOrder[instance] = append(inOrder[instance], id)
	}
	for instance, ids := range inOrder {
		if !slices.Equal(got[instance], ids) {
			t.Errorf("instance %s: the stream has %v, the journal %v", instance, got[instance], ids)
		}
	}
	t.Logf("%d events of %d instances, %d repeats in the stream", len(want), len(inOrder), repeats)
}

// consume reads the stream by means of the client library alone, until the test
// ends.
func consume(t *testing.T, url string) *record {
	t.Helper()
	conn, err := nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	r := &record{at: map[uint64]string{}}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			_ = r.read(ctx, js) // fails while the server is away
			select {
			case <-time.After(20 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-ended; conn.Close() })
	return r
}

// read reads a little.
func (r *record) read(ctx context.Context, js jetstream.JetStream) error {
	call, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	consumer, err := js.CreateOrUpdateConsumer(call, streamName, jetstream.ConsumerConfig{
		Durable: "independent", AckPolicy: jetstream.AckExplicitPolicy, AckWait: 2 * time.Second, MaxAckPending: 5000,
		FilterSubject: "muster.v1.events.*." + churned + ".>",
	})
	if err != nil {
		return err
	}
	batch, err := consumer.Fetch(1000, jetstream.FetchMaxWait(time.Second))
	if err != nil {
		return err
	}
	for msg := range batch.Messages() {
		meta, err := msg.Metadata()
		if err != nil {
			return err
		}
		if id := msg.Headers().Get("ce-id"); !strings.Contains(id, "/v") { // verdicts are in no journal
			r.mu.Lock()
			r.at[meta.Sequence.Stream] = id
			r.mu.Unlock()
		}
		if err := msg.Ack(); err != nil {
			return err
		}
	}
	return batch.Error()
}

// L2: the data of NATS is deleted under the running system. Groups come to their
// targets by the periodic look, and events go on.
func TestEvents_streamIsWiped(t *testing.T) {
	natsServer := startNATS(t)
	_, running := system.StartReplicated(t, binary, system.Options{Speed: 100, LookInterval: 2 * time.Minute}, natsServer.url(), 1)
	request := createRequest("wiped")
	request.Spec.TargetCapacity = &groupv1.TargetCapacity{Total: 20, PayAsYouGo: 20}
	created, err := running.Groups.CreateGroup(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	id := created.GetGroup().GetGroupId()
	running.AwaitFulfilled(t, id)
	natsServer.kill()
	if err := os.RemoveAll(natsServer.dir); err != nil {
		t.Fatal(err)
	}
	natsServer.start(t)
	lost := running.Instances(t, id)[0].GetInstanceId()
	if _, err := running.Fleet.DeleteInstances(t.Context(), &fleetv1.DeleteInstancesRequest{InstanceIds: []string{lost}}); err != nil {
		t.Fatal(err)
	}
	var replacement string
	system.Eventually(t, "the replacement", func() (bool, any) {
		live := running.Instances(t, id)
		replacement = live[len(live)-1].GetInstanceId()
		return len(live) == 20 && !slices.ContainsFunc(live, func(i *fleetv1.Instance) bool { return i.GetInstanceId() == lost }), len(live)
	})
	running.AwaitFulfilled(t, id)
	conn, err := nats.Connect(natsServer.url())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	system.Eventually(t, "events of the replacement", func() (bool, any) {
		stream, err := js.Stream(t.Context(), streamName)
		if err != nil {
			return false, err
		}
		for _, kind := range []string{"created", "running"} {
			_, err = stream.GetLastMsgForSubject(t.Context(), "muster.v1.events.default."+id+"."+replacement+"."+kind)
			if errors.Is(err, jetstream.ErrMsgNotFound) {
				return false, kind
			}
		}
		return err == nil, err
	})
}
