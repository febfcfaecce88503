// Package healthcheck is the service that tells what becomes of instances, and
// which can be counted on. It follows the fleet's transitions, judges which of
// them matter, has instances probed, publishes what it finds as events to
// JetStream, serves them as a gRPC stream and sends them to webhooks. It owns
// its place in the fleet's stream, which replicas share, verdicts and health
// policies, and must not know what anyone does about them.
package healthcheck

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/events"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/api"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/follow"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/publish"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/records"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/share"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/verdict"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/webhook"
)

// Config tells how events are kept. What passes a bound goes oldest first.
type Config struct {
	// Replicas is how many servers of a NATS cluster hold the events, 1 to 5;
	// 0 means 1.
	Replicas int
	// MaxAge is how long events are kept; 0 means a week.
	MaxAge time.Duration
	// MaxBytes is how much is kept, in bytes; 0 means 2 GiB, or 256 MiB in
	// memory.
	MaxBytes int64
	// DuplicateWindow is for how long JetStream drops an event that is published
	// again, at most MaxAge; 0 means two minutes.
	DuplicateWindow time.Duration
	// MemoryStorage keeps events in memory: they end with the NATS server. What
	// was kept in files stays there: that is refused.
	MemoryStorage bool
	// Encoding is how events are written; empty means protobuf. Readers
	// understand all of them, so it can change.
	Encoding events.Encoding
	// PrivateWebhooks tells that webhooks may go to private addresses, those of
	// the machine included.
	PrivateWebhooks bool
	// WebhookKey seals the secrets of webhooks where they are kept, 32 bytes that
	// all replicas share; none leaves them in the clear.
	WebhookKey []byte
	// ReplicaName names this replica of the service; no other that runs on the
	// same JetStream may have it. One that is killed and started again under its
	// name goes on at once; others take over after five seconds. Empty: a random
	// name.
	ReplicaName string
}

// Deps are the parts that the service works with. It closes none of them.
type Deps struct {
	// Fleet is the cloud to follow.
	Fleet fleetv1.FleetServiceClient
	// JetStream holds the events and the place in the fleet's stream. Its
	// connection should connect again by itself, without end.
	JetStream jetstream.JetStream
	// Clock paces the attempts to follow a fleet that broke off. Nil means the
	// wall clock, which is right whatever the speed of the cloud's: what they
	// wait for is a real server.
	Clock clock.Clock
	// CloudClock is the clock that the cloud lives by: durations of policies are
	// on it. If it can tell its Speed, probes follow that. Nil means Clock.
	CloudClock clock.Clock
	// Metrics takes what the service counts; nil: nothing is counted.
	Metrics prometheus.Registerer
	// Log takes what operators should know; nil discards it.
	Log *slog.Logger
}

// A Service is the health service.
type Service struct {
	follower  follow.Follower
	shares    *share.Shares
	publisher *publish.Publisher
	keeper    *verdict.Keeper
	webhooks  *webhook.Webhooks
	api       *api.Server
	hooks     *api.WebhookServer
	ready     chan struct{}
}

// New makes the service. It reaches for nothing before Run.
func New(config Config, deps Deps) (*Service, error) {
	if deps.Fleet == nil || deps.JetStream == nil {
		return nil, errors.New("the health service needs a fleet and JetStream")
	}
	if deps.Clock == nil {
		deps.Clock = clock.NewWall()
	}
	if deps.CloudClock == nil {
		deps.CloudClock = deps.Clock
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	if config.ReplicaName == "" {
		config.ReplicaName = rand.Text()
	}
	shares := share.New(deps.JetStream, share.Config{
		Name: config.ReplicaName, Replicas: config.Replicas, MemoryStorage: config.MemoryStorage, Clock: clock.NewWall(), Log: deps.Log,
	})
	stream := events.StreamConfig{
		Replicas: config.Replicas, MaxAge: config.MaxAge, MaxBytes: config.MaxBytes,
		DuplicateWindow: config.DuplicateWindow, MemoryStorage: config.MemoryStorage,
	}
	webhooks, err := webhook.New(deps.JetStream, webhook.Config{
		Stream: stream, Private: config.PrivateWebhooks, Key: config.WebhookKey, Clock: clock.NewWall(), Log: deps.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("open health service: %w", err)
	}
	publisher, err := publish.New(deps.JetStream, shares, publish.Config{
		Stream: stream, Encoding: config.Encoding, Log: deps.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("open health service: %w", err)
	}
	store := records.New(deps.JetStream, records.Config{Replicas: config.Replicas, MemoryStorage: config.MemoryStorage, Log: deps.Log})
	keeper := verdict.New(verdict.Deps{
		Store: store, Publish: publisher.Publish, Cloud: deps.CloudClock, Wall: clock.NewWall(),
		Owns: shares.Owns, OwnershipChanged: shares.Changed, Log: deps.Log,
	})
	if err := measure(deps.Metrics, publisher, keeper, shares); err != nil {
		return nil, fmt.Errorf("open health service: %w", err)
	}
	return &Service{
		follower:  follow.Follower{Fleet: deps.Fleet, Watcher: keeper, Clock: deps.Clock, Log: deps.Log},
		shares:    shares,
		publisher: publisher,
		keeper:    keeper,
		webhooks:  webhooks,
		hooks:     &api.WebhookServer{Webhooks: webhooks, Log: deps.Log},
		api: &api.Server{
			JetStream: deps.JetStream, Fleet: deps.Fleet, Records: store, Suspected: keeper.Suspected, Log: deps.Log,
		},
		ready: make(chan struct{}),
	}, nil
}

// Register registers HealthService and WebhookService.
func (s *Service) Register(server grpc.ServiceRegistrar) {
	healthv1.RegisterHealthServiceServer(server, s.api)
	healthv1.RegisterWebhookServiceServer(server, s.hooks)
}

// Ready is closed once events can be watched. The fleet need not be reachable
// for that.
func (s *Service) Ready() <-chan struct{} { return s.ready }

// Run follows the fleet and publishes until the context ends, and then returns
// nil. It waits out what is not there, and returns an error at once for a
// configuration that the stream can not be brought to. It is called once.
func (s *Service) Run(ctx context.Context) error {
	if err := s.publisher.Open(ctx); err != nil {
		return ended(ctx, err)
	}
	close(s.ready)
	group, running := errgroup.WithContext(ctx)
	group.Go(func() error { return s.shares.Run(running) })
	group.Go(func() error { return s.follow(running) })
	group.Go(func() error { return s.publisher.Run(running) })
	group.Go(func() error { return s.keeper.Run(running) })
	group.Go(func() error { return s.webhooks.Run(running) })
	err := group.Wait()
	s.shares.Leave(ctx)
	return ended(ctx, err)
}

// follow follows the fleet, in each term from its place on.
func (s *Service) follow(ctx context.Context) error {
	for last := int64(0); ; {
		term, err := s.shares.Begin(ctx, last)
		if err != nil {
			return err
		}
		last = term.Number
		if err := s.followIn(ctx, term); err != nil {
			return err
		}
	}
}

// followIn follows the fleet until a term is over, and then returns nil.
func (s *Service) followIn(ctx context.Context, term *share.Term) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer cancel()
		select {
		case <-term.Over:
		case <-ctx.Done():
		}
	}()
	err := s.follower.Follow(ctx, follow.Place(term.Place), func(ctx context.Context, batch follow.Batch) error {
		return s.publisher.Deliver(ctx, term.Number, batch)
	})
	return ended(ctx, err)
}

// ended drops the error of a context that has ended as it was meant to.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // the context has ended, as it was meant to
	}
	return err
}

// Close frees what New opened.
func (s *Service) Close() error {
	s.publisher.Close()
	return nil
}
