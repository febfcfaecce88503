// Package allocator owns the answer to where to launch from: it keeps a view of
// the market, followed from the fleet, and serves AllocatorService on it. It
// must not know groups, and it launches nothing.
package allocator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"

	"github.com/seed-198b1370/muster/pkg/clock"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/allocator/internal/api"
	"github.com/seed-198b1370/muster/services/allocator/internal/view"
)

// DefaultMaxViewAge is how old a view may get when a Config does not say. The
// fleet says something each second.
const DefaultMaxViewAge = 30 * time.Second

// Config is how an allocator is set up.
type Config struct {
	// MaxViewAge is for how long, by the clock, the fleet may tell nothing before
	// placements are refused rather than rest on what it told last; 0 for
	// [DefaultMaxViewAge].
	MaxViewAge time.Duration
}

// Deps is what an allocator works with. It closes none of it.
type Deps struct {
	// Fleet is where the market is. Required.
	Fleet fleetv1.FleetServiceClient
	// Clock paces the attempts to follow a fleet that broke off, and tells how old
	// the view and the promises are: the wall clock, whatever the speed of the
	// cloud's, for what they wait for is a real server. Required.
	Clock clock.Clock
	// Metrics takes how old the view of the market is; nil: nothing is told.
	Metrics prometheus.Registerer
	// Log receives what operators should know. Nil: nobody is told.
	Log *slog.Logger
}

// A Service is an allocator. It holds nothing that must survive.
type Service struct {
	view   *view.View
	server *api.Server
}

// New makes an allocator. It answers once it runs and the market is in view.
func New(config Config, deps Deps) (*Service, error) {
	if deps.Fleet == nil {
		return nil, errors.New("allocator: no fleet given")
	}
	if deps.Clock == nil {
		return nil, errors.New("allocator: no clock given")
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	if config.MaxViewAge < 0 {
		return nil, fmt.Errorf("allocator: the highest age of a view must not be below 0, got %v", config.MaxViewAge)
	}
	if config.MaxViewAge == 0 {
		config.MaxViewAge = DefaultMaxViewAge
	}
	market := view.New(deps.Fleet, deps.Clock, deps.Log)
	if err := measure(deps.Metrics, market, deps.Clock); err != nil {
		return nil, fmt.Errorf("allocator: %w", err)
	}
	return &Service{view: market, server: api.NewServer(market, deps.Clock, config.MaxViewAge)}, nil
}

// Register adds AllocatorService to a server.
func (s *Service) Register(registrar grpc.ServiceRegistrar) {
	allocatorv1.RegisterAllocatorServiceServer(registrar, s.server)
}

// Run follows the market until the context ends, and then returns nil. Call it
// once.
func (s *Service) Run(ctx context.Context) error { return s.view.Run(ctx) }

// Tick reads the market once. It is for those who drive the service by hand, in
// place of Run, over a connection whose streams end when they have told what
// there is to tell. When it fails the view is the one before.
func (s *Service) Tick(ctx context.Context) error { return s.view.Tick(ctx) }

// Ready is closed when the whole market has come into view.
func (s *Service) Ready() <-chan struct{} { return s.view.Ready() }

// Close frees what New opened, which is nothing. It does not end Run.
func (s *Service) Close() error { return nil }
