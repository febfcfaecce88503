package events_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-198b1370/muster/pkg/events"
	"github.com/seed-198b1370/muster/pkg/natsserver/natstest"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

// A watcher is a watch in the background and what it was sent.
type watcher struct {
	*record
	mu          sync.Mutex
	cursors     []string // the first is that of the established watch
	established chan struct{}
	stop        func()
}

// watchStream watches until the test ends; a watch that ends with another error
// than that of its context fails the test.
func watchStream(t *testing.T, js jetstream.JetStream, options events.WatchOptions) *watcher {
	t.Helper()
	w := &watcher{record: newRecord(), established: make(chan struct{})}
	w.stop = inBackground(t, func(ctx context.Context) error {
		err := events.Watch(ctx, js, events.Instances(), options, func(event *healthv1.InstanceEvent, cursor string) error {
			w.mu.Lock()
			w.cursors = append(w.cursors, cursor)
			w.mu.Unlock()
			if event == nil {
				close(w.established)
			} else {
				w.add(event)
			}
			return nil
		})
		if ctx.Err() == nil {
			return err
		}
		return nil
	})
	return w
}

func TestWatch_sendsWhatIsPublishedOnceItIsEstablished(t *testing.T) {
	js := newStream(t)
	all := interleaved(20, 5)
	publish(t, js, all[:10]...)
	w := watchStream(t, js, events.WatchOptions{})
	<-w.established
	publish(t, js, all[10:]...)
	wantEvents(t, w.await(t, 10), all[10:])
}

// Every cursor goes on right after the event it came with, and so does that of
// the established watch.
func TestWatch_goesOnFromEveryCursor(t *testing.T) {
	js := newStream(t)
	all := interleaved(12, 3)
	publish(t, js, all...)
	w := watchStream(t, js, events.WatchOptions{FromStart: true})
	wantEvents(t, w.await(t, len(all)), all)
	w.stop()
	later := newEvent("i-later", 1, created)
	publish(t, js, later)
	for seen, cursor := range w.cursors {
		again := watchStream(t, js, events.WatchOptions{Cursor: cursor})
		want := append(all[seen:len(all):len(all)], later)
		wantEvents(t, again.await(t, len(want)), want)
		again.stop()
	}
}

func TestWatch_filters(t *testing.T) {
	js := newStream(t)
	other := newEvent("i-other", 1, created)
	other.GroupId = ""
	all := []*healthv1.InstanceEvent{
		newEvent("i-1", 1, created), other, newEvent("i-2", 1, created), newEvent("i-1", 2, running), newEvent("i-1", 3, notice),
	}
	publish(t, js, all...)
	for name, test := range map[string]struct {
		filter events.Filter
		want   []*healthv1.InstanceEvent
	}{
		"group":    {events.Filter{GroupID: "apg-1"}, []*healthv1.InstanceEvent{all[0], all[2], all[3], all[4]}},
		"instance": {events.Filter{InstanceID: "i-1"}, []*healthv1.InstanceEvent{all[0], all[3], all[4]}},
		"kinds": {
			events.Filter{GroupID: "apg-1", Kinds: []healthv1.InstanceEventKind{created, notice}},
			[]*healthv1.InstanceEvent{all[0], all[2], all[4]},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := watchStream(t, js, events.WatchOptions{FromStart: true, Subjects: subjectsOf(t, test.filter)})
			wantEvents(t, w.await(t, len(test.want)), test.want)
		})
	}
}

func subjectsOf(t *testing.T, filter events.Filter) []string {
	t.Helper()
	subjects, err := filter.Subjects()
	if err != nil {
		t.Fatal(err)
	}
	return subjects
}

// A watch since a time shows what happened then or later, and nothing of before,
// wherever that lies and whatever is no event or is gone.
func TestWatch_since(t *testing.T) {
	js := newStream(t)
	all := interleaved(20, 2) // two a second
	for i, event := range all {
		if i%7 == 3 {
			if _, err := js.Publish(t.Context(), "muster.v1.events.a.b.c.d", []byte("poison")); err != nil {
				t.Fatal(err)
			}
		}
		publish(t, js, event)
	}
	stream, err := js.Stream(t.Context(), events.StreamName)
	if err != nil {
		t.Fatal(err)
	}
	for _, gone := range []uint64{1, 2, 11} {
		if err := stream.DeleteMsg(t.Context(), gone); err != nil {
			t.Fatal(err)
		}
	}
	left := stored(t, js)
	for second := range 12 {
		since := origin.Add(time.Duration(second) * time.Second)
		var want []*healthv1.InstanceEvent
		for _, event := range left {
			if !event.GetTime().AsTime().Before(since) {
				want = append(want, event)
			}
		}
		w := watchStream(t, js, events.WatchOptions{Since: since})
		<-w.established
		later := newEvent("i-later", int64(100+second), running)
		publish(t, js, later)
		left, want = append(left, later), append(want, later)
		wantEvents(t, w.await(t, len(want)), want)
		w.stop()
	}
}

func TestWatch_passesOverPoison(t *testing.T) {
	js, log := newStream(t), newLogged()
	if _, err := js.Publish(t.Context(), "muster.v1.events.a.b.c.d", []byte("poison")); err != nil {
		t.Fatal(err)
	}
	want := interleaved(2, 2)
	publish(t, js, want...)
	w := watchStream(t, js, events.WatchOptions{FromStart: true, Log: slog.New(log)})
	wantEvents(t, w.await(t, 2), want)
	if n := log.count("message is no event and is passed over"); n != 1 {
		t.Errorf("%d lines about poison", n)
	}
}

func TestWatch_refusals(t *testing.T) {
	js := newStream(t)
	publish(t, js, interleaved(3, 1)...)
	w := watchStream(t, js, events.WatchOptions{FromStart: true})
	w.await(t, 3)
	w.stop()
	newer := w.cursors[3]
	if err := js.DeleteStream(t.Context(), events.StreamName); err != nil {
		t.Fatal(err)
	}
	watch := func(options events.WatchOptions) error {
		return events.Watch(t.Context(), js, events.Instances(), options, func(*healthv1.InstanceEvent, string) error { return nil })
	}
	if err := watch(events.WatchOptions{}); !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("without a stream: %v", err)
	}
	publish(t, js, interleaved(3, 1)...)
	if err := watch(events.WatchOptions{Cursor: newer}); !errors.Is(err, events.ErrBadCursor) {
		t.Errorf("cursor of the stream before: %v", err)
	}
	if err := watch(events.WatchOptions{Cursor: "garbage"}); !errors.Is(err, events.ErrBadCursor) {
		t.Errorf("garbage: %v", err)
	}
	if subjects, err := (events.Filter{GroupID: "a.b"}).Subjects(); err == nil {
		t.Errorf("a group that can not be has subjects %v", subjects)
	}
}

func TestWatch_returnsTheErrorOfSend(t *testing.T) {
	js := newStream(t)
	publish(t, js, interleaved(3, 1)...)
	full := errors.New("full")
	for failAt := range 3 {
		sent := 0
		err := events.Watch(t.Context(), js, events.Instances(), events.WatchOptions{FromStart: true}, func(*healthv1.InstanceEvent, string) error {
			if sent++; sent > failAt {
				return full
			}
			return nil
		})
		if err != full { //nolint:errorlint // the very same is promised
			t.Errorf("send failed at %d, watch returned %v", failAt, err)
		}
	}
}

// A watch goes on by itself, missing and repeating nothing, when the server is
// away for a moment.
func TestWatch_outlivesTheServer(t *testing.T) {
	place := natstest.NewSite(t)
	js := place.Dial()
	if err := events.Instances().EnsureStream(t.Context(), js, events.StreamConfig{}); err != nil {
		t.Fatal(err)
	}
	w := watchStream(t, js, events.WatchOptions{})
	<-w.established
	all := interleaved(90, 9)
	for i := range 3 {
		publish(t, js, all[i*30:(i+1)*30]...)
		w.await(t, i*30+10) // stop in the middle of it
		place.Stop()
		place.Start()
	}
	wantEvents(t, w.await(t, len(all)), all)
}

func TestWatch_givesUpWhenTheServerStaysAway(t *testing.T) {
	for name, leave := range map[string]func(*natstest.Site, jetstream.JetStream){
		"server stops":         func(place *natstest.Site, _ jetstream.JetStream) { place.Stop() },
		"connection is closed": func(_ *natstest.Site, js jetstream.JetStream) { js.Conn().Close() },
	} {
		t.Run(name, func(t *testing.T) {
			place := natstest.NewSite(t)
			js := place.Dial()
			if err := events.Instances().EnsureStream(t.Context(), js, events.StreamConfig{}); err != nil {
				t.Fatal(err)
			}
			sent := make(chan struct{}, 1)
			ended := make(chan error, 1)
			go func() {
				ended <- events.Watch(t.Context(), js, events.Instances(), events.WatchOptions{}, func(*healthv1.InstanceEvent, string) error {
					sent <- struct{}{}
					return nil
				})
			}()
			<-sent
			leave(place, js)
			select {
			case err := <-ended:
				if !errors.Is(err, events.ErrUnavailable) {
					t.Errorf("got %v", err)
				}
			case <-time.After(patience):
				t.Fatal("did not give up")
			}
		})
	}
}

func TestWatch_ofAStreamMadeAnew(t *testing.T) {
	js := newStream(t)
	sent := make(chan struct{}, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- events.Watch(t.Context(), js, events.Instances(), events.WatchOptions{}, func(*healthv1.InstanceEvent, string) error {
			sent <- struct{}{}
			return nil
		})
	}()
	<-sent
	if err := js.DeleteStream(t.Context(), events.StreamName); err != nil {
		t.Fatal(err)
	}
	if err := events.Instances().EnsureStream(t.Context(), js, events.StreamConfig{}); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

func ExampleFilter_Subjects() {
	subjects, _ := events.Filter{GroupID: "apg-1", Kinds: []healthv1.InstanceEventKind{notice}}.Subjects()
	fmt.Println(subjects)
	// Output: [muster.v1.events.*.apg-1.*.interruption_notice]
}
