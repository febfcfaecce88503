package api_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/seed-198b1370/muster/pkg/clock"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/allocator/internal/api"
	"github.com/seed-198b1370/muster/services/allocator/internal/view"
)

// A caller who gave up while others were placing is placed nothing, and so is
// promised nothing.
func TestPlace_endsWithItsCaller(t *testing.T) {
	wall := clock.NewWall()
	server := api.NewServer(view.New(fleetv1.NewFleetServiceClient(nil), wall, nil), wall, time.Second)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	one := &allocatorv1.PlaceRequest{
		Candidates: []*allocatorv1.Candidate{{ZoneId: "a", InstanceType: "t", WeightMilliunits: 1000}},
		Demands:    []*allocatorv1.Demand{{BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_SPOT, WantedMilliunits: 1000}},
		PromiseKey: "group",
	}
	if _, err := server.Place(ctx, one); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}
