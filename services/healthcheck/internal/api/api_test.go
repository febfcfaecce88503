package api_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/events"
	"github.com/seed-198b1370/muster/pkg/natsserver"
	"github.com/seed-198b1370/muster/pkg/rpc"
	"github.com/seed-198b1370/muster/pkg/rpc/rpctest"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/api"
)

func TestMain(m *testing.M) {
	// The client library can lose a listener of a publisher that is closed before
	// the listener has begun, as short tests on a busy machine do.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/nats-io/nats.go/jetstream.(*jetStream).resetPendingAcksOnReconnect"))
}

// patience bounds every wait of these tests.
const patience = 30 * time.Second

// serve serves HealthService over a JetStream that holds no stream yet.
func serve(t *testing.T) (healthv1.HealthServiceClient, jetstream.JetStream) {
	t.Helper()
	server, err := natsserver.Start(natsserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	natsConn, err := server.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(natsConn.Close)
	js, err := jetstream.New(natsConn)
	if err != nil {
		t.Fatal(err)
	}
	conn := rpctest.Serve(t, func(r grpc.ServiceRegistrar) {
		healthv1.RegisterHealthServiceServer(r, &api.Server{JetStream: js, Log: slog.New(slog.DiscardHandler)})
	})
	return healthv1.NewHealthServiceClient(conn), js
}

// publish puts events of four instances in two groups into the stream, numbered
// from a number on, and returns their ids.
func publish(t *testing.T, js jetstream.JetStream, number int64) (ids []string) {
	t.Helper()
	publisher, err := events.NewPublisher(js, events.Instances(), events.PublisherConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer publisher.Close()
	var batch []*healthv1.InstanceEvent
	for kind := range int64(3) {
		for i := range 4 {
			event := &healthv1.InstanceEvent{
				AccountId: "default", GroupId: fmt.Sprintf("apg-%d", i%2), InstanceId: fmt.Sprintf("i-%d", i),
				Kind: healthv1.InstanceEventKind(kind + 1), TransitionNumber: number + kind, Time: timestamppb.New(time.Unix(number+kind, 0)),
			}
			event.EventId = events.EventID(event.GetInstanceId(), event.GetTransitionNumber())
			batch, ids = append(batch, event), append(ids, event.GetEventId())
		}
	}
	if err := publisher.Publish(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	return ids
}

// watch opens a watch.
func watch(t *testing.T, client healthv1.HealthServiceClient, req *healthv1.WatchInstanceEventsRequest) grpc.ServerStreamingClient[healthv1.WatchInstanceEventsResponse] {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	stream, err := client.WatchInstanceEvents(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

// first reads the first response of a watch, which carries no event.
func first(t *testing.T, stream grpc.ServerStreamingClient[healthv1.WatchInstanceEventsResponse]) (cursor string) {
	t.Helper()
	resp, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if resp.GetEvent() != nil || resp.GetCursor() == "" {
		t.Errorf("first response is %v, want a cursor alone", resp)
	}
	return resp.GetCursor()
}

// next reads so many events: their ids and the cursors after them.
func next(t *testing.T, stream grpc.ServerStreamingClient[healthv1.WatchInstanceEventsResponse], count int) (ids, cursors []string) {
	t.Helper()
	for range count {
		resp, err := stream.Recv()
		if err != nil {
			t.Fatalf("after %v: %v", ids, err)
		}
		ids, cursors = append(ids, resp.GetEvent().GetEventId()), append(cursors, resp.GetCursor())
	}
	return ids, cursors
}

func TestWatchInstanceEvents_newOnes(t *testing.T) {
	client, js := serve(t)
	publish(t, js, 1)
	stream := watch(t, client, &healthv1.WatchInstanceEventsRequest{})
	first(t, stream)
	want := publish(t, js, 4)
	got, _ := next(t, stream, len(want))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// Whoever comes back with any cursor gets exactly what follows, with or without
// from_start.
func TestWatchInstanceEvents_everyCursor(t *testing.T) {
	client, js := serve(t)
	want := publish(t, js, 1)
	stream := watch(t, client, &healthv1.WatchInstanceEventsRequest{FromStart: true})
	cursors := []string{first(t, stream)}
	got, after := next(t, stream, len(want))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("from the start (-want +got):\n%s", diff)
	}
	later := publish(t, js, 4)
	for seen, cursor := range append(cursors, after...) {
		again := watch(t, client, &healthv1.WatchInstanceEventsRequest{Cursor: cursor, FromStart: seen%2 == 0})
		if begin := first(t, again); begin != cursor {
			t.Errorf("the watch from %q begins at %q", cursor, begin)
		}
		rest := append(want[seen:len(want):len(want)], later...)
		got, _ := next(t, again, len(rest))
		if diff := cmp.Diff(rest, got); diff != "" {
			t.Errorf("after %d events (-want +got):\n%s", seen, diff)
		}
	}
}

func TestWatchInstanceEvents_filters(t *testing.T) {
	client, js := serve(t)
	publish(t, js, 1)
	running, created := healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_RUNNING, healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_CREATED
	for name, test := range map[string]struct {
		req  *healthv1.WatchInstanceEventsRequest
		want []string
	}{
		"group":    {&healthv1.WatchInstanceEventsRequest{GroupId: "apg-1"}, []string{"i-1/1", "i-3/1", "i-1/2", "i-3/2", "i-1/3", "i-3/3"}},
		"instance": {&healthv1.WatchInstanceEventsRequest{InstanceId: "i-2"}, []string{"i-2/1", "i-2/2", "i-2/3"}},
		"kinds": {
			&healthv1.WatchInstanceEventsRequest{GroupId: "apg-0", Kinds: []healthv1.InstanceEventKind{running, created, running}},
			[]string{"i-0/1", "i-2/1", "i-0/2", "i-2/2"},
		},
		"all of them": {
			&healthv1.WatchInstanceEventsRequest{GroupId: "apg-1", InstanceId: "i-3", Kinds: []healthv1.InstanceEventKind{running}},
			[]string{"i-3/2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			test.req.FromStart = true
			stream := watch(t, client, test.req)
			first(t, stream)
			got, _ := next(t, stream, len(test.want))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWatchInstanceEvents_refusesACursorOfOthers(t *testing.T) {
	client, js := serve(t)
	publish(t, js, 1)
	good := first(t, watch(t, client, &healthv1.WatchInstanceEventsRequest{}))
	for _, cursor := range []string{"garbage", good + "A", good[1:], "f1.7"} {
		_, err := watch(t, client, &healthv1.WatchInstanceEventsRequest{Cursor: cursor}).Recv()
		if status.Code(err) != codes.InvalidArgument || !rpc.HasReason(err, healthv1.ErrorReason_ERROR_REASON_INVALID_TOKEN) {
			t.Errorf("cursor %q: %v", cursor, err)
		}
		if fields := rpc.FieldViolations(err); len(fields) != 1 || fields[0].GetField() != "cursor" {
			t.Errorf("cursor %q: violations %v", cursor, fields)
		}
	}
}

func TestWatchInstanceEvents_namesAllViolations(t *testing.T) {
	client, _ := serve(t)
	for name, test := range map[string]struct {
		req  *healthv1.WatchInstanceEventsRequest
		want string
	}{
		"contract": {
			&healthv1.WatchInstanceEventsRequest{GroupId: "a.b", InstanceId: "i 7", Kinds: []healthv1.InstanceEventKind{0, 99}},
			"group_id instance_id kinds[0] kinds[1]",
		},
		"handler": {&healthv1.WatchInstanceEventsRequest{GroupId: "_", InstanceId: "_"}, "group_id instance_id"},
		"length":  {&healthv1.WatchInstanceEventsRequest{Cursor: strings.Repeat("c", 257)}, "cursor"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := watch(t, client, test.req).Recv()
			var got []string
			for _, violation := range rpc.FieldViolations(err) {
				got = append(got, violation.GetField())
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("got %v: violations of %q, want %q", err, got, test.want)
			}
		})
	}
}

func TestWatchInstanceEvents_streamUnavailable(t *testing.T) {
	client, js := serve(t)
	for name, spoil := range map[string]func(){"no stream": func() {}, "no connection": js.Conn().Close} {
		t.Run(name, func(t *testing.T) {
			spoil()
			_, err := watch(t, client, &healthv1.WatchInstanceEventsRequest{}).Recv()
			if status.Code(err) != codes.Unavailable || !rpc.HasReason(err, healthv1.ErrorReason_ERROR_REASON_STREAM_UNAVAILABLE) {
				t.Fatalf("got %v", err)
			}
			for _, detail := range status.Convert(err).Details() {
				if retry, ok := detail.(*errdetails.RetryInfo); ok && retry.GetRetryDelay().AsDuration() > 0 {
					return
				}
			}
			t.Errorf("%v tells not when to try again", err)
		})
	}
}

func TestWatchInstanceEvents_endsWithItsCaller(t *testing.T) {
	client, js := serve(t)
	publish(t, js, 1)
	ctx, cancel := context.WithCancel(t.Context())
	stream, err := client.WatchInstanceEvents(ctx, &healthv1.WatchInstanceEventsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	first(t, stream)
	cancel()
	if _, err := stream.Recv(); status.Code(err) != codes.Canceled && !errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
}

// S8: an account is told of its own instances only, whatever it asks for, and a
// name that would be a pattern is refused.
func TestWatchInstanceEvents_isolation(t *testing.T) {
	client, js := serve(t)
	want := publish(t, js, 1)
	other := &healthv1.InstanceEvent{
		EventId: "i-0/9", AccountId: "acme", GroupId: "apg-0", InstanceId: "i-0", TransitionNumber: 9,
		Kind: healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_RELEASED, Time: timestamppb.New(time.Unix(9, 0)),
	}
	publisher, err := events.NewPublisher(js, events.Instances(), events.PublisherConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer publisher.Close()
	if err := publisher.Publish(t.Context(), []*healthv1.InstanceEvent{other}); err != nil {
		t.Fatal(err)
	}
	want = append(want, publish(t, js, 4)...)
	stream := watch(t, client, &healthv1.WatchInstanceEventsRequest{FromStart: true})
	first(t, stream)
	if got, _ := next(t, stream, len(want)); !slices.Equal(got, want) {
		t.Errorf("the default account sees (-want +got):\n%s", cmp.Diff(want, got))
	}
	as := func(account string) context.Context {
		ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(t.Context(), "muster-account", account), patience)
		t.Cleanup(cancel)
		return ctx
	}
	theirs, err := client.WatchInstanceEvents(as("acme"), &healthv1.WatchInstanceEventsRequest{FromStart: true})
	if err != nil {
		t.Fatal(err)
	}
	first(t, theirs)
	if got, _ := next(t, theirs, 1); got[0] != "i-0/9" {
		t.Errorf("acme sees %v", got)
	}
	for _, name := range []string{"*", ">", "a b", "a=b", ""} {
		wild, err := client.WatchInstanceEvents(as(name), &healthv1.WatchInstanceEventsRequest{FromStart: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := wild.Recv(); status.Code(err) != codes.InvalidArgument {
			t.Errorf("account %q: %v", name, err)
		}
		if _, err := client.ListDeadEvents(as(name), &healthv1.ListDeadEventsRequest{}); status.Code(err) != codes.InvalidArgument {
			t.Errorf("dead events of account %q: %v", name, err)
		}
	}
}

func TestWatchInstanceEvents_since(t *testing.T) {
	client, js := serve(t)
	want := publish(t, js, 1)[8:] // those at the third second
	stream := watch(t, client, &healthv1.WatchInstanceEventsRequest{SinceTime: timestamppb.New(time.Unix(3, 0))})
	first(t, stream)
	if got, _ := next(t, stream, len(want)); !slices.Equal(got, want) {
		t.Errorf("events (-want +got):\n%s", cmp.Diff(want, got))
	}
	for _, bad := range []*healthv1.WatchInstanceEventsRequest{
		{SinceTime: timestamppb.New(time.Unix(3, 0)), FromStart: true}, {SinceTime: &timestamppb.Timestamp{Nanos: -1}},
	} {
		if _, err := watch(t, client, bad).Recv(); len(rpc.FieldViolations(err)) != 1 {
			t.Errorf("%v gave %v", bad, err)
		}
	}
}

// What was set aside is told with its reason, to the account of its subject.
func TestListDeadEvents(t *testing.T) {
	client, js := serve(t)
	if resp, err := client.ListDeadEvents(t.Context(), &healthv1.ListDeadEventsRequest{}); err != nil || len(resp.GetDeadEvents()) != 0 {
		t.Errorf("of none: %v, %v", resp, err)
	}
	if err := events.Instances().EnsureStream(t.Context(), js, events.StreamConfig{}); err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"muster.v1.events.default.g.i.running", "muster.v1.events.acme.g.i.running"} {
		if _, err := js.Publish(t.Context(), subject, []byte("garbage")); err != nil {
			t.Fatal(err)
		}
	}
	consumer := events.NewConsumer(js, events.Instances(), "test", nil)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- consumer.Consume(ctx, func(context.Context, *healthv1.InstanceEvent) error { return nil })
	}()
	for tick := time.NewTicker(time.Millisecond); consumer.Counts().SetAside < 2; <-tick.C {
		if ctx.Err() != nil {
			t.Fatal("waited in vain")
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	resp, err := client.ListDeadEvents(t.Context(), &healthv1.ListDeadEventsRequest{})
	if err != nil || len(resp.GetDeadEvents()) != 1 {
		t.Fatalf("got %v, %v, want the one of the account", resp, err)
	}
	got := resp.GetDeadEvents()[0]
	if got.GetSubject() != "muster.v1.events.default.g.i.running" || got.GetConsumer() != "test" || got.GetSequence() != 1 ||
		got.GetBodyBytes() != 7 || !strings.Contains(got.GetReason(), "content type") {
		t.Errorf("got %v", got)
	}
}
