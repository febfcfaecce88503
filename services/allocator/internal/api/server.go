package api

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	"github.com/seed-198b1370/muster/services/allocator/internal/view"
	"github.com/seed-198b1370/muster/services/allocator/place"
)

// retryDelay is how long, in real time, a caller is asked to wait for the first
// view of the market.
const retryDelay = time.Second

// A Server implements AllocatorService.
type Server struct {
	allocatorv1.UnimplementedAllocatorServiceServer
	view *view.View
}

// NewServer makes a server that places on what a view sees.
func NewServer(view *view.View) *Server { return &Server{view: view} }

// Place implements [allocatorv1.AllocatorServiceServer].
func (s *Server) Place(_ context.Context, request *allocatorv1.PlaceRequest) (*allocatorv1.PlaceResponse, error) {
	if err := checkDemands(request.GetDemands()); err != nil {
		return nil, err
	}
	market := s.view.Snapshot()
	if market == nil {
		return nil, rpc.Error(codes.Unavailable, allocatorv1.ErrorReason_ERROR_REASON_VIEW_NOT_READY, nil,
			"the market has not been loaded from the fleet yet", rpc.RetryAfter(retryDelay))
	}
	placement, err := place.Place(fromProto(request), market)
	if err != nil {
		return nil, err
	}
	return toProto(request, placement, market.AsOf()), nil
}

// checkDemands refuses two demands of one billing method. It is checked here
// and not by a rule of the contract because an expression over a list costs a
// tenth of the whole call.
func checkDemands(demands []*allocatorv1.Demand) error {
	if len(demands) < 2 || demands[0].GetBillingMethod() != demands[1].GetBillingMethod() {
		return nil
	}
	var violations rpc.Violations
	violations.Add("demands[1].billing_method", int32(demands[1].GetBillingMethod()), "must differ from the first demand's")
	return violations.Err()
}
