package events_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel/propagation"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/events"
	"github.com/seed-198b1370/muster/pkg/natsserver/natstest"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

func TestEnsureStream_bringsItToAConfiguration(t *testing.T) {
	js := newStream(t)
	for _, config := range []events.StreamConfig{{MaxAge: time.Hour}, {MaxAge: time.Minute, MaxBytes: 1 << 20}, {}} {
		if err := events.Instances().EnsureStream(t.Context(), js, config); err != nil {
			t.Fatal(err)
		}
	}
	stream, err := js.Stream(t.Context(), events.StreamName)
	if err != nil {
		t.Fatal(err)
	}
	if got := stream.CachedInfo().Config.MaxAge; got != 7*24*time.Hour {
		t.Errorf("events are kept for %v", got)
	}
}

func TestEnsureStream_inMemory(t *testing.T) {
	js := newStream(t)
	if err := js.DeleteStream(t.Context(), events.StreamName); err != nil {
		t.Fatal(err)
	}
	if err := events.Instances().EnsureStream(t.Context(), js, events.StreamConfig{MemoryStorage: true, MaxAge: time.Minute}); err != nil {
		t.Error(err)
	}
}

// What a stream can not be brought to is refused in words, and for good.
func TestEnsureStream_refusesWhatCanNotBe(t *testing.T) {
	js := newStream(t)
	for name, test := range map[string]struct {
		config events.StreamConfig
		want   string
	}{
		"another storage":      {events.StreamConfig{MemoryStorage: true}, "kept in files, not in memory"},
		"replicas of a single": {events.StreamConfig{Replicas: 3}, "replicas"},
		"window above the age": {events.StreamConfig{MaxAge: time.Minute, DuplicateWindow: time.Hour}, "duplicates window"},
	} {
		err := events.Instances().EnsureStream(t.Context(), js, test.config)
		if !errors.Is(err, events.ErrFixed) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want one that says %q", name, err, test.want)
		}
	}
	publish(t, js, interleaved(3, 3)...) // it is as it was
}

func TestPublisher_storesInOrder(t *testing.T) {
	js := newStream(t)
	// Many events of few instances, so that most wait for the one before.
	want := interleaved(500, 7)
	publish(t, js, want...)
	wantEvents(t, stored(t, js), want)
	publish(t, js, want...)
	wantEvents(t, stored(t, js), want) // duplicates within the window are gone
}

func TestPublisher_leavesOutWhatCanNotBeEncoded(t *testing.T) {
	js, log := newStream(t), newLogged()
	want := interleaved(3, 3)
	batch := slices.Insert(slices.Clone(want), 1, &healthv1.InstanceEvent{EventId: "bad"})
	if err := newPublisher(t, js, events.PublisherConfig{Log: slog.New(log)}).Publish(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	wantEvents(t, stored(t, js), want)
	if n := log.count("event can not be published"); n != 1 {
		t.Errorf("%d lines about the event that was left out", n)
	}
}

func TestPublisher_makesTheStreamAgain(t *testing.T) {
	js := newStream(t)
	if err := js.DeleteStream(t.Context(), events.StreamName); err != nil {
		t.Fatal(err)
	}
	want := interleaved(10, 2)
	publish(t, js, want...)
	wantEvents(t, stored(t, js), want)
}

func TestPublisher_endsWithItsContext(t *testing.T) {
	place := natstest.NewSite(t)
	js := place.Dial()
	publisher := newPublisher(t, js, events.PublisherConfig{})
	place.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := publisher.Publish(ctx, interleaved(2000, 2000)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// S7: the server goes away and comes back while events are published. None is
// lost, and those of an instance stay in order.
func TestPublisher_outlivesTheServer(t *testing.T) {
	place := natstest.NewSite(t)
	js := place.Dial()
	if err := events.Instances().EnsureStream(t.Context(), js, events.StreamConfig{}); err != nil {
		t.Fatal(err)
	}
	log := newLogged()
	publisher := newPublisher(t, js, events.PublisherConfig{MaxInFlight: 64, Log: slog.New(log)})
	want := interleaved(6000, 300)
	var published atomic.Int64
	stop := inBackground(t, func(ctx context.Context) error {
		for batch := range slices.Chunk(want, 200) {
			if err := publisher.Publish(ctx, batch); err != nil {
				return err
			}
			published.Add(int64(len(batch)))
		}
		return nil
	})
	for restart := int64(1); restart <= 4; restart++ {
		awaitUntil(t, func() bool { return published.Load() >= restart*1000 })
		place.Stop()
		place.Start()
	}
	awaitUntil(t, func() bool { return published.Load() == int64(len(want)) })
	stop()
	if diff := cmp.Diff(byInstance(want), byInstance(stored(t, js))); diff != "" {
		t.Errorf("events by instance (-want +got):\n%.2000s", diff)
	}
	t.Logf("outages noticed: %d", log.count("events can not be published now"))
}

func awaitUntil(t *testing.T, done func() bool) {
	t.Helper()
	deadline, tick := time.After(patience), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("waited in vain")
		}
	}
}

func TestConsumer_waitsForTheStream(t *testing.T) {
	place := natstest.NewSite(t)
	js := place.Dial()
	seen := newRecord()
	consumer := events.NewConsumer(js, events.Instances(), "test", nil)
	inBackground(t, func(ctx context.Context) error {
		return consumer.Consume(ctx, func(_ context.Context, event *healthv1.InstanceEvent) error {
			seen.add(event)
			return nil
		})
	})
	want := interleaved(20, 4)
	publish(t, js, want...) // makes the stream
	wantEvents(t, seen.await(t, len(want)), want)
}

// S7: consumers under one name, one after the other, miss nothing, whatever
// the moment at which each was stopped.
func TestConsumer_goesOnWhereTheLastStopped(t *testing.T) {
	js := newStream(t)
	want := interleaved(30, 3)
	publish(t, js, want...)
	seen := newRecord()
	for stopAfter := 1; stopAfter <= len(want); stopAfter += 7 {
		stop := inBackground(t, func(ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			handled := 0
			return events.NewConsumer(js, events.Instances(), "test", nil).Consume(ctx, func(_ context.Context, event *healthv1.InstanceEvent) error {
				seen.add(event)
				if handled++; handled == stopAfter {
					cancel()
				}
				return nil
			})
		})
		seen.await(t, min(stopAfter, len(want)))
		stop()
	}
	inBackground(t, func(ctx context.Context) error {
		return events.NewConsumer(js, events.Instances(), "test", nil).Consume(ctx, func(_ context.Context, event *healthv1.InstanceEvent) error {
			seen.add(event)
			return nil
		})
	})
	seen.await(t, len(want))
}

func TestConsumer_givesAgainWhatFailed(t *testing.T) {
	js, log := newStream(t), newLogged()
	want := interleaved(10, 10)
	publish(t, js, want...)
	seen := newRecord()
	failures := map[string]int{}
	inBackground(t, func(ctx context.Context) error {
		return events.NewConsumer(js, events.Instances(), "test", slog.New(log)).Consume(ctx, func(_ context.Context, event *healthv1.InstanceEvent) error {
			if id := event.GetEventId(); id == "i-3/1" && failures[id] < 3 {
				failures[id]++
				return errors.New("not now")
			}
			seen.add(event)
			return nil
		})
	})
	got := seen.await(t, len(want))
	if last := got[len(got)-1].GetEventId(); last != "i-3/1" {
		t.Errorf("the others waited for the event that failed; the last was %s", last)
	}
	if n := log.count("event could not be handled"); n != 3 {
		t.Errorf("%d lines about failures, want 3", n)
	}
}

// Whatever lies in the stream, the events around it are handled; what is none
// is set aside with the reason, and a kind of a later version is skipped.
func TestConsumer_setsPoisonAside(t *testing.T) {
	js, log := newStream(t), newLogged()
	want := interleaved(2, 2)
	publish(t, js, want[0])
	later := encoded(t, newEvent("i-9", 1, running))
	later.Header.Set("ce-type", "muster.instance.levitated")
	later.Subject = "muster.v1.events.1234.apg-1.i-9.levitated"
	bloated := encoded(t, newEvent("i-9", 2, running))
	bloated.Header.Set("bloat", strings.Repeat("x", events.MaxHeaderBytes))
	schema := encoded(t, newEvent("i-9", 3, running))
	schema.Data = []byte("\x0a\x05hello")
	stranger := encoded(t, newEvent("i-9", 4, running))
	stranger.Header.Set("ce-type", "com.example.order")
	broken := encoded(t, newEvent("i-9", 5, running))
	broken.Header.Set("content-type", events.CloudEventJSON)
	broken.Data = []byte("{")
	long := encoded(t, newEvent("i-9", 6, running))
	long.Data = append(long.Data, make([]byte, events.MaxEventBytes)...)
	for _, msg := range []*nats.Msg{
		{Subject: "muster.v1.events.a.b.c.d", Data: []byte("poison")}, later, bloated, schema, stranger, broken, long,
		{Subject: "muster.v1.events.x"},
	} {
		if _, err := js.PublishMsg(t.Context(), msg); err != nil {
			t.Fatal(err)
		}
	}
	publish(t, js, want[1])
	seen := newRecord()
	consumer := events.NewConsumer(js, events.Instances(), "test", slog.New(log))
	inBackground(t, func(ctx context.Context) error {
		return consumer.Consume(ctx, func(_ context.Context, event *healthv1.InstanceEvent) error {
			seen.add(event)
			return nil
		})
	})
	wantEvents(t, seen.await(t, 2), want)
	awaitUntil(t, func() bool { // none of it is left to be given again
		pending, err := consumer.Pending(t.Context())
		return err == nil && pending == 0
	})
	if got, want := consumer.Counts(), (events.ConsumerCounts{Handled: 2, Skipped: 1, SetAside: 7}); got != want {
		t.Errorf("counts %+v, want %+v", got, want)
	}
	if n := log.count("message is no event and is set aside"); n != 7 {
		t.Errorf("%d lines about poison, want 7", n)
	}
	dead, err := events.ListDead(t.Context(), js, 100, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, one := range dead {
		if one.Consumer != "test" || one.Stream != events.StreamName || one.Sequence == 0 {
			t.Errorf("set aside as %+v", one)
		}
		got = append(got, one.Subject+": "+one.Reason)
	}
	wantReasons := []string{
		`muster.v1.events.x: content type [] is neither application/protobuf nor application/cloudevents+json`,
		`muster.v1.events.1234.apg-1.i-9.running: event takes 8260 bytes, more than 8192`,
		`muster.v1.events.1234.apg-1.i-9.running: decode event: unexpected EOF`,
		`muster.v1.events.1234.apg-1.i-9.running: type "com.example.order" does not begin with muster.instance.`,
		`muster.v1.events.1234.apg-1.i-9.running: decode event: account id "" can not be part of a subject`,
		`muster.v1.events.1234.apg-1.i-9.running: headers take 4260 bytes, more than 4096`,
		`muster.v1.events.a.b.c.d: content type [] is neither application/protobuf nor application/cloudevents+json`,
	}
	if diff := cmp.Diff(wantReasons, got); diff != "" {
		t.Errorf("set aside, newest first (-want +got):\n%s", diff)
	}
	some, err := events.ListDead(t.Context(), js, 2, func(d events.Dead) bool { return events.AccountOf(d.Subject) == "1234" })
	if err != nil || len(some) != 2 {
		t.Errorf("two of the account: %v, %v", some, err)
	}
}

func encoded(t *testing.T, event *healthv1.InstanceEvent) *nats.Msg {
	t.Helper()
	msg, err := events.Instances().Encode(event, events.Protobuf)
	if err != nil {
		t.Fatal(err)
	}
	msg.Header.Del("Nats-Msg-Id")
	return msg
}

// Consumers read a stream whose publisher changes the encoding.
func TestConsumer_readsEveryEncoding(t *testing.T) {
	js := newStream(t)
	want := interleaved(6, 3)
	for i, encoding := range []events.Encoding{events.JSON, events.Protobuf, ""} {
		publisher := newPublisher(t, js, events.PublisherConfig{Encoding: encoding})
		if err := publisher.Publish(t.Context(), want[2*i:2*i+2]); err != nil {
			t.Fatal(err)
		}
	}
	wantEvents(t, stored(t, js), want)
	if _, err := events.NewPublisher(js, events.Instances(), events.PublisherConfig{Encoding: "xml"}); err == nil {
		t.Error("a publisher in XML")
	}
}

// The trace of the context comes with the event, in both encodings, to the one who
// handles it.
func TestPublisher_carriesTheTrace(t *testing.T) {
	js := newStream(t)
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	traced := propagation.TraceContext{}.Extract(t.Context(), propagation.MapCarrier{"traceparent": trace})
	for i, encoding := range []events.Encoding{events.Protobuf, events.JSON} {
		publisher := newPublisher(t, js, events.PublisherConfig{Encoding: encoding})
		if err := publisher.Publish(traced, []*healthv1.InstanceEvent{newEvent(fmt.Sprint("i-", i), 1, created)}); err != nil {
			t.Fatal(err)
		}
	}
	untraced := newPublisher(t, js, events.PublisherConfig{})
	if err := untraced.Publish(t.Context(), []*healthv1.InstanceEvent{newEvent("i-2", 1, created)}); err != nil {
		t.Fatal(err)
	}
	if got := untraced.Published(); got != 1 {
		t.Errorf("%d are published, want 1", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var got []string
	consumer := events.NewConsumer(js, events.Instances(), "traced", nil)
	err := consumer.Consume(ctx, func(ctx context.Context, _ *healthv1.InstanceEvent) error {
		carrier := propagation.MapCarrier{}
		propagation.TraceContext{}.Inject(ctx, carrier)
		if got = append(got, carrier["traceparent"]); len(got) == 3 {
			cancel()
		}
		return nil
	})
	if want := []string{trace, trace, ""}; err != nil || !slices.Equal(got, want) {
		t.Errorf("traces are %q, %v, want %q", got, err, want)
	}
	if age := consumer.Age(); age <= 0 {
		t.Errorf("the age of the latest event is %v", age)
	}
}

// Group events travel on their own stream, by the same means.
func TestGroups(t *testing.T) {
	js := natstest.NewJetStream(t)
	want := &groupv1.GroupEvent{
		EventId: "apg-1/a-7/started", Kind: groupv1.GroupEventKind_GROUP_EVENT_KIND_ACTIVITY_STARTED, AccountId: "1234", GroupId: "apg-1",
		ActivityId: "a-7", Time: timestamppb.New(origin), Reason: "Created", Message: "Launching 3 instances.",
	}
	publisher, err := events.NewPublisher(js, events.Groups(), events.PublisherConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer publisher.Close()
	if err := publisher.Publish(t.Context(), []*groupv1.GroupEvent{want, {EventId: "bad"}, want}); err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), events.GroupStreamName)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := stream.GetMsg(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if raw.Subject != "muster.v1.groupevents.1234.apg-1.activity_started" || raw.Header.Get("ce-type") != "muster.group.activity_started" {
		t.Errorf("stored as %v", raw)
	}
	if info, err := stream.Info(t.Context()); err != nil || info.State.Msgs != 1 {
		t.Errorf("the stream holds %v, %v; want the one", info, err)
	}
	got := make(chan *groupv1.GroupEvent, 1)
	inBackground(t, func(ctx context.Context) error {
		return events.NewConsumer(js, events.Groups(), "test", nil).Consume(ctx, func(_ context.Context, event *groupv1.GroupEvent) error {
			got <- event
			return nil
		})
	})
	select {
	case event := <-got:
		if diff := cmp.Diff(want, event, protocmp.Transform()); diff != "" {
			t.Errorf("event (-want +got):\n%s", diff)
		}
	case <-time.After(patience):
		t.Fatal("waited in vain")
	}
}

// S7: nothing is lost while the server is away.
func TestConsumer_outlivesTheServer(t *testing.T) {
	place := natstest.NewSite(t)
	js := place.Dial()
	seen := newRecord()
	inBackground(t, func(ctx context.Context) error {
		return events.NewConsumer(js, events.Instances(), "test", nil).Consume(ctx, func(_ context.Context, event *healthv1.InstanceEvent) error {
			seen.add(event)
			return nil
		})
	})
	want := interleaved(300, 30)
	for i, batch := range slices.Collect(slices.Chunk(want, 100)) {
		publish(t, js, batch...)
		seen.await(t, (i+1)*50) // stop in the middle of it
		place.Stop()
		place.Start()
	}
	got := seen.await(t, len(want))
	if diff := cmp.Diff(byInstance(want), byInstance(got)); diff != "" {
		t.Errorf("events by instance (-want +got):\n%.2000s", diff)
	}
}
