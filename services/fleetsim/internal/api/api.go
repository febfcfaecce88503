package api

import (
	"context"
	"net/http"
	"time"

	"google.golang.org/grpc"

	"github.com/seed-198b1370/muster/pkg/clock"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/answer"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/engine"
	"github.com/seed-198b1370/muster/services/fleetsim/market"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// Deps is what the handlers work with.
type Deps struct {
	// Engine runs the world.
	Engine *engine.Engine
	// Catalog is what is sold.
	Catalog *catalog.Catalog
	// Currency is what all prices and balances are in, as three letters.
	Currency string
	// Market is what the world's prices come from.
	Market market.Source
	// Seed decides which calls and entries faults disturb.
	Seed uint64
	// Account tells the account that a call is for, of which it knows no more
	// than the context. [rpc.AccountOf] is one.
	Account func(context.Context) string
	// Wall tells real time: what holds answers back waits by it.
	Wall clock.Clock
	// Snapshots keeps states of the cloud.
	Snapshots Snapshots
	// Scenario is what the cloud was begun with.
	Scenario Scenario
	// Addresses tells that instances have addresses at which they answer.
	Addresses bool
	// MetadataKey proves the tokens of instance metadata.
	MetadataKey []byte
}

// Scenario is what a cloud was begun with.
type Scenario struct {
	// YAML is its text; empty for none.
	YAML string
	// Start is the simulated time at which the cloud began.
	Start time.Time
}

// An API serves the contract.
type API struct {
	deps *Deps
	gate *gate
}

// New makes the handlers.
func New(d Deps) *API { return &API{deps: &d, gate: newGate(&d)} }

// Register hooks FleetService, BillingService and SimulationService into a
// server. Calls of the first two pass the gate: they are for an account.
func (a *API) Register(server grpc.ServiceRegistrar) {
	server.RegisterService(guarded(fleetv1.FleetService_ServiceDesc, a.gate, true), newFleet(a.deps))
	server.RegisterService(guarded(fleetv1.BillingService_ServiceDesc, a.gate, false), &billing{Deps: a.deps})
	server.RegisterService(&fleetv1.SimulationService_ServiceDesc, &simulation{Deps: a.deps})
}

// Metadata serves instance metadata over HTTP.
func (a *API) Metadata() http.Handler { return newMetadata(a.deps) }

// StateAt tells how the youngest instance is whose number is so much more than a
// multiple of [answer.Addresses].
func (a *API) StateAt(ctx context.Context, remainder uint64) answer.State {
	return stateAt(ctx, a.deps.Engine, remainder)
}

// fleet serves FleetService.
type fleet struct {
	fleetv1.UnimplementedFleetServiceServer
	*Deps
	advice adviceMemory
	rates  *rates
}

func newFleet(d *Deps) *fleet {
	return &fleet{Deps: d, advice: newAdviceMemory(), rates: newRates(d)}
}

// billing serves BillingService.
type billing struct {
	fleetv1.UnimplementedBillingServiceServer
	*Deps
}

// simulation serves SimulationService.
type simulation struct {
	fleetv1.UnimplementedSimulationServiceServer
	*Deps
	jumps jumpMemory
}

// look asks the world, after all that is due has happened.
func look[T any](ctx context.Context, e *engine.Engine, ask func(*world.World) T) (T, error) {
	// A look that outlives its caller writes where nobody reads.
	found := make(chan T, 1)
	if err := e.Look(ctx, func(w *world.World) { found <- ask(w) }); err != nil {
		var none T
		return none, stopping(err)
	}
	return <-found, nil
}
