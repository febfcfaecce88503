package events_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-198b1370/muster/pkg/events"
	"github.com/seed-198b1370/muster/pkg/natsserver/natstest"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

func TestEnsureStream_bringsItToAConfiguration(t *testing.T) {
	js := newStream(t)
	for _, config := range []events.StreamConfig{{MaxAge: time.Hour}, {MaxAge: time.Minute, MaxBytes: 1 << 20}, {}} {
		if err := events.EnsureStream(t.Context(), js, config); err != nil {
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
	if err := events.EnsureStream(t.Context(), js, events.StreamConfig{MemoryStorage: true, MaxAge: time.Minute}); err != nil {
		t.Error(err)
	}
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
	if err := events.EnsureStream(t.Context(), js, events.StreamConfig{}); err != nil {
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
	consumer := events.NewConsumer(js, "test", nil)
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
			return events.NewConsumer(js, "test", nil).Consume(ctx, func(_ context.Context, event *healthv1.InstanceEvent) error {
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
		return events.NewConsumer(js, "test", nil).Consume(ctx, func(_ context.Context, event *healthv1.InstanceEvent) error {
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
		return events.NewConsumer(js, "test", slog.New(log)).Consume(ctx, func(_ context.Context, event *healthv1.InstanceEvent) error {
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

func TestConsumer_dropsPoison(t *testing.T) {
	js, log := newStream(t), newLogged()
	want := interleaved(2, 2)
	publish(t, js, want[0])
	for i := range 3 {
		if _, err := js.Publish(t.Context(), fmt.Sprintf("muster.v1.events.a.b.c.%d", i), []byte("poison")); err != nil {
			t.Fatal(err)
		}
	}
	publish(t, js, want[1])
	seen := newRecord()
	inBackground(t, func(ctx context.Context) error {
		return events.NewConsumer(js, "test", slog.New(log)).Consume(ctx, func(_ context.Context, event *healthv1.InstanceEvent) error {
			seen.add(event)
			return nil
		})
	})
	wantEvents(t, seen.await(t, 2), want)
	if n := log.count("message is no event and is dropped"); n != 3 {
		t.Errorf("%d lines about poison, want 3", n)
	}
	awaitUntil(t, func() bool { // none of it is left to be given again
		consumer, err := js.Consumer(t.Context(), events.StreamName, "test")
		if err != nil {
			t.Fatal(err)
		}
		info := consumer.CachedInfo()
		return info.NumAckPending == 0 && info.NumPending == 0
	})
}

// S7: nothing is lost while the server is away.
func TestConsumer_outlivesTheServer(t *testing.T) {
	place := natstest.NewSite(t)
	js := place.Dial()
	seen := newRecord()
	inBackground(t, func(ctx context.Context) error {
		return events.NewConsumer(js, "test", nil).Consume(ctx, func(_ context.Context, event *healthv1.InstanceEvent) error {
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
