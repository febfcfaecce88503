package api

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	"github.com/seed-198b1370/muster/services/allocator/internal/promises"
	"github.com/seed-198b1370/muster/services/allocator/internal/view"
	"github.com/seed-198b1370/muster/services/allocator/match"
	"github.com/seed-198b1370/muster/services/allocator/place"
)

// retryDelay is how long, in real time, a caller is asked to wait for a view of
// the market.
const retryDelay = time.Second

// A Server implements AllocatorService.
type Server struct {
	allocatorv1.UnimplementedAllocatorServiceServer
	view       *view.View
	clock      clock.Clock
	maxViewAge time.Duration

	book *promises.Book
	// promising is held by one who is to be promised what is placed, from looking
	// at the market until the promise is made: two at a time would be given the
	// same stock.
	promising sync.Mutex
}

// NewServer makes a server that places on what a view sees, as long as the
// fleet has said something within maxViewAge by the clock.
func NewServer(view *view.View, clock clock.Clock, maxViewAge time.Duration) *Server {
	return &Server{view: view, clock: clock, maxViewAge: maxViewAge, book: promises.NewBook()}
}

var _ rpc.Checker = (*Server)(nil)

// Check implements [rpc.Checker].
func (s *Server) Check(_ context.Context, request proto.Message, violations *rpc.Violations) {
	c := check{violations: violations}
	switch request := request.(type) {
	case *allocatorv1.PlaceRequest:
		c.place(request)
	case *allocatorv1.PlaceManyRequest:
		c.placeMany(request)
	case *allocatorv1.ScaleInRequest:
		c.candidates(request.GetCandidates())
		c.demands(request.GetDemands())
		c.market(request.GetWhatIf())
	case *allocatorv1.RebalanceRequest:
		c.candidates(request.GetCandidates())
		c.demands(request.GetDemands())
		c.exclusions(request.GetExclusions())
		c.market(request.GetWhatIf())
	case *allocatorv1.MatchInstanceTypesRequest:
		c.in("attributes.").attributes(request.GetAttributes())
	}
}

// checked is what is wrong with a request beyond the rules of its contract.
func (s *Server) checked(ctx context.Context, request proto.Message) error {
	var violations rpc.Violations
	s.Check(ctx, request, &violations)
	return violations.Err()
}

// A ground is what a call is decided on.
type ground struct {
	market *view.Snapshot
	// types is nil when no candidate has attributes.
	types *match.Catalog
	now   time.Time
	// told is true for a market that the caller told.
	told bool
}

// age tells how old the view is.
func (g *ground) age() time.Duration { return max(0, g.now.Sub(g.market.Heard())) }

// viewTime tells the time of the market, or nil for a told one of no time.
func (g *ground) viewTime() *timestamppb.Timestamp {
	if g.market.AsOf().IsZero() {
		return nil
	}
	return timestamppb.New(g.market.AsOf())
}

// ground takes what a call is to be decided on: the market that the caller
// tells, or else the one in view.
func (s *Server) ground(told *allocatorv1.Market, attributes bool) (ground, error) {
	on := ground{now: s.clock.Now()}
	if told != nil {
		on.told, on.market = true, view.Told(told.GetPools(), told.GetAsOfTime())
	} else if on.market = s.view.Snapshot(); on.market == nil {
		return on, notReady("the market has not been loaded from the fleet yet")
	} else if age := on.age(); age > s.maxViewAge {
		return on, rpc.Error(codes.Unavailable, allocatorv1.ErrorReason_ERROR_REASON_VIEW_TOO_OLD,
			map[string]string{"view_age": age.String(), "max_view_age": s.maxViewAge.String()},
			fmt.Sprintf("the fleet has told nothing for %v, and a decision may rest on a view of at most %v",
				age.Round(time.Millisecond), s.maxViewAge), rpc.RetryAfter(retryDelay))
	}
	if !attributes {
		return on, nil
	}
	types, err := s.types()
	switch {
	case err != nil:
		return on, err
	case told != nil:
		on.types = types.WhatIf(told.GetInstanceTypes(), told.GetPools())
	default:
		on.types = types.Catalog()
	}
	return on, nil
}

// types tells what the instance types are like.
func (s *Server) types() (*view.Types, error) {
	if types := s.view.Types(); types != nil {
		return types, nil
	}
	return nil, notReady("the instance types have not been loaded from the fleet yet")
}

func notReady(message string) error {
	return rpc.Error(codes.Unavailable, allocatorv1.ErrorReason_ERROR_REASON_VIEW_NOT_READY, nil, message, rpc.RetryAfter(retryDelay))
}

// refusal turns an error of package place.
func refusal(err error) error {
	if errors.Is(err, place.ErrSearchTooLarge) {
		return rpc.Error(codes.ResourceExhausted, allocatorv1.ErrorReason_ERROR_REASON_SEARCH_TOO_LARGE, nil,
			"the exact search of lowest-cost would not end in time; use coarser weights, fewer candidates, or lowest-price")
	}
	return err
}

// MatchInstanceTypes implements [allocatorv1.AllocatorServiceServer].
func (s *Server) MatchInstanceTypes(ctx context.Context, request *allocatorv1.MatchInstanceTypesRequest) (*allocatorv1.MatchInstanceTypesResponse, error) {
	if err := s.checked(ctx, request); err != nil {
		return nil, err
	}
	types, err := s.types()
	if err != nil {
		return nil, err
	}
	catalog := types.Catalog()
	if request.GetZoneId() == view.AnyZone {
		catalog = types.AnyZone()
	}
	const weight = 1_000 // any that is in range: none is told
	return &allocatorv1.MatchInstanceTypesResponse{
		Match: matchOf(0, filterOf(request.GetAttributes(), weight), catalog, request.GetZoneId()),
	}, nil
}
