// Package allocator owns the answer to where to launch from: it keeps a view of
// the market, followed from the fleet, and serves AllocatorService on it. It
// must not know groups, and it launches nothing.
package allocator

import (
	"context"
	"errors"
	"log/slog"

	"google.golang.org/grpc"

	"github.com/seed-198b1370/muster/pkg/clock"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/allocator/internal/api"
	"github.com/seed-198b1370/muster/services/allocator/internal/view"
)

// Config is how an allocator is set up. There is nothing to set yet.
type Config struct{}

// Deps is what an allocator works with. It closes none of it.
type Deps struct {
	// Fleet is where the market is. Required.
	Fleet fleetv1.FleetServiceClient
	// Clock paces the attempts to follow a fleet that broke off: the wall clock,
	// whatever the speed of the cloud's, for what they wait for is a real
	// server. Required.
	Clock clock.Clock
	// Log receives what operators should know. Nil: nobody is told.
	Log *slog.Logger
}

// A Service is an allocator. It holds nothing that must survive.
type Service struct {
	view   *view.View
	server *api.Server
}

// New makes an allocator. It answers once it runs and the market is in view.
func New(_ Config, deps Deps) (*Service, error) {
	if deps.Fleet == nil {
		return nil, errors.New("allocator: no fleet given")
	}
	if deps.Clock == nil {
		return nil, errors.New("allocator: no clock given")
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	market := view.New(deps.Fleet, deps.Clock, deps.Log)
	return &Service{view: market, server: api.NewServer(market)}, nil
}

// Register adds AllocatorService to a server.
func (s *Service) Register(registrar grpc.ServiceRegistrar) {
	allocatorv1.RegisterAllocatorServiceServer(registrar, s.server)
}

// Run follows the market until the context ends, and then returns nil. Call it
// once.
func (s *Service) Run(ctx context.Context) error { return s.view.Run(ctx) }

// Ready is closed when the whole market has come into view.
func (s *Service) Ready() <-chan struct{} { return s.view.Ready() }

// Close frees what New opened, which is nothing. It does not end Run.
func (s *Service) Close() error { return nil }
