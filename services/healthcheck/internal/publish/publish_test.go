package publish_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/events"
	"github.com/seed-198b1370/muster/pkg/natsserver/natstest"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/follow"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/publish"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/share"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of these tests.
const patience = 60 * time.Second

func newPublisher(t *testing.T, js jetstream.JetStream) (*publish.Publisher, *share.Shares) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	shares := share.New(js, share.Config{Name: "only", Clock: clock.NewWall(), Log: log})
	publisher, err := publish.New(js, shares, publish.Config{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(publisher.Close)
	return publisher, shares
}

func verdict(instance string, number int64) *healthv1.InstanceEvent {
	return &healthv1.InstanceEvent{
		EventId: events.VerdictID(instance, number), Kind: healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_UNHEALTHY, AccountId: "1234",
		InstanceId: instance, TransitionNumber: 3, VerdictNumber: number, Time: timestamppb.New(time.Unix(number, 0)),
	}
}

// While nothing can be published, no more than a bounded number of batches is
// taken: whoever reads the fleet waits.
func TestDeliver_waitsWhenTooMuchIsNotPublished(t *testing.T) {
	publisher, _ := newPublisher(t, natstest.NewJetStream(t))
	ctx, cancel := context.WithCancel(t.Context())
	accepted := 0
	waits := make(chan error, 1)
	for {
		go func() { waits <- publisher.Deliver(ctx, 1, follow.Batch{Place: follow.Place{Cursor: "c"}}) }()
		if accepted == 16 { // as many as there is room for
			break
		}
		if err := <-waits; err != nil {
			t.Fatal(err)
		}
		accepted++
	}
	cancel()
	if err := <-waits; !errors.Is(err, context.Canceled) {
		t.Errorf("the 17th batch was taken: %v", err)
	}
	if err := publisher.Publish(ctx, []*healthv1.InstanceEvent{verdict("i-1", 1)}); !errors.Is(err, context.Canceled) {
		t.Errorf("events beyond them were taken: %v", err)
	}
}

// Others may publish beside the fleet's stream, and know when it is done.
func TestPublish_returnsOnceTheEventsAreStored(t *testing.T) {
	js := natstest.NewJetStream(t)
	publisher, shares := newPublisher(t, js)
	if err := publisher.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(t.Context())
	var parts errgroup.Group
	parts.Go(func() error { return shares.Run(running) })
	parts.Go(func() error { return publisher.Run(running) })
	defer func() {
		stop()
		if err := parts.Wait(); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	stream, err := js.Stream(ctx, events.StreamName)
	if err != nil {
		t.Fatal(err)
	}
	var others errgroup.Group
	for i := range 8 {
		instance := fmt.Sprint("i-", i)
		others.Go(func() error {
			for number := int64(1); number <= 20; number++ {
				if err := publisher.Publish(ctx, []*healthv1.InstanceEvent{verdict(instance, number)}); err != nil {
					return err
				}
				last, err := stream.GetLastMsgForSubject(ctx, "muster.v1.events.1234._."+instance+".unhealthy")
				if err != nil || last.Header.Get("ce-id") != events.VerdictID(instance, number) {
					return fmt.Errorf("after verdict %d of %s the stream has %v, %w", number, instance, last, err)
				}
			}
			return nil
		})
	}
	if err := others.Wait(); err != nil {
		t.Error(err)
	}
}
