// Package healthcheck is the service that tells what becomes of instances. It
// follows the fleet's transitions, judges which of them matter, publishes those
// as events to JetStream and serves them as a gRPC stream. It owns its place in
// the fleet's stream and must not know what anyone does about an event.
package healthcheck

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/events"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/api"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/follow"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/publish"
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
	// MemoryStorage keeps events in memory: they end with the NATS server.
	MemoryStorage bool
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
	// Log takes what operators should know; nil discards it.
	Log *slog.Logger
}

// A Service is the health service.
type Service struct {
	follower  follow.Follower
	publisher *publish.Publisher
	api       *api.Server
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
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	publisher, err := publish.New(deps.JetStream, publish.Config{
		Stream: events.StreamConfig{
			Replicas: config.Replicas, MaxAge: config.MaxAge, MaxBytes: config.MaxBytes,
			DuplicateWindow: config.DuplicateWindow, MemoryStorage: config.MemoryStorage,
		},
		Log: deps.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("open health service: %w", err)
	}
	return &Service{
		follower:  follow.Follower{Fleet: deps.Fleet, Clock: deps.Clock, Log: deps.Log},
		publisher: publisher,
		api:       &api.Server{JetStream: deps.JetStream, Log: deps.Log},
		ready:     make(chan struct{}),
	}, nil
}

// Register registers HealthService.
func (s *Service) Register(server grpc.ServiceRegistrar) {
	healthv1.RegisterHealthServiceServer(server, s.api)
}

// Ready is closed once events can be watched. The fleet need not be reachable
// for that.
func (s *Service) Ready() <-chan struct{} { return s.ready }

// Run follows the fleet and publishes until the context ends, and then returns
// nil. It waits out what is not there. It is called once.
func (s *Service) Run(ctx context.Context) error {
	cursor, err := s.publisher.Open(ctx)
	if err != nil {
		return ended(ctx, err)
	}
	close(s.ready)
	group, running := errgroup.WithContext(ctx)
	group.Go(func() error { return s.follower.Follow(running, cursor, s.publisher.Deliver) })
	group.Go(func() error { return s.publisher.Run(running) })
	return ended(ctx, group.Wait())
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
