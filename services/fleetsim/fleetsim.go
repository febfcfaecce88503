package fleetsim

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/rpc"
	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/answer"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/api"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/engine"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/journal"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/shelf"
	"github.com/seed-198b1370/muster/services/fleetsim/market"
	"github.com/seed-198b1370/muster/services/fleetsim/scenario"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// Bounds of how many transitions are kept.
const (
	defaultRetain = 1 << 20
	maxRetain     = 1 << 24
)

// Config says what a simulated cloud is like.
type Config struct {
	// Scenario is what the cloud begins as; nil for a plain one. It says what
	// Catalog, Seed, Volatility and, unless it begins now, Origin do otherwise,
	// which are then not used; and Speed, where that is 0. A data directory
	// keeps the scenario it was begun with: later it need not be given.
	Scenario *scenario.Scenario
	// Catalog is what it sells; nil is the catalog shipped with the service.
	// A data directory keeps the catalog it was begun with, also when a later
	// release ships another.
	Catalog *catalog.Catalog
	// Seed decides the market and everything else that is drawn. It can not
	// change during the life of a data directory.
	Seed uint64
	// Volatility is how widely prices and demand move, 0 to 10: nil or 1 is
	// like the real market, 0 is one that stands still. It can not change
	// during the life of a data directory.
	Volatility *float64
	// Origin is the simulated time at the first start; the zero time is the
	// wall clock's now. It is not used when [Deps] gives a clock.
	Origin time.Time
	// Speed is how many simulated seconds pass in a real one,
	// [clock.MinSpeed] to [clock.MaxSpeed]; 0 is 1. It is not used when [Deps]
	// gives a clock.
	Speed float64
	// DataDir is the folder that state is kept in; empty to keep it in memory
	// only. One process at a time can use it.
	DataDir string
	// RetainTransitions is how many transitions are kept for watches to resume
	// from, at least, at most 16,777,216; 0 is 1,048,576. Each takes about 100
	// bytes of memory, once there are so many.
	RetainTransitions int
	// Driven has nothing happen but in calls, each in the goroutine of its
	// caller: what is due by the clock happens first, then what is asked. Run is
	// not called then. It is for a simulation, which wants one order of events;
	// it goes without a data directory.
	Driven bool
}

// Deps is what a simulated cloud works with.
type Deps struct {
	// Clock is the time it lives in. Nil: it makes its own, see
	// [Service.Clock]. A clock that is not a [*clock.Scaled] can not change its
	// speed, and its time never comes before that in the data directory.
	Clock clock.Clock
	// Instances is where instances answer health probes, each at its private
	// address: what [ListenForInstances] made. Run closes it. Nil: instances
	// have no addresses.
	Instances net.Listener
	// Log is told what operators should know; nil for nobody.
	Log *slog.Logger
}

// ListenForInstances takes a port of the loopback interface on which instances
// can answer, 0 for a free one. It needs Linux, and there the right to keep a
// socket to one interface.
func ListenForInstances(ctx context.Context, port int) (net.Listener, error) {
	return answer.Listen(ctx, port)
}

// A Service is a simulated cloud. All methods are safe for use by several
// goroutines; Run and Close are called once.
type Service struct {
	engine    *engine.Engine
	api       *api.API
	own       *clock.Scaled // nil when the clock was given
	log       *slog.Logger
	instances net.Listener // nil when instances do not answer
}

// New opens a simulated cloud. On a data directory that has been used before it
// goes on where that stopped: the time in between did not pass.
func New(config Config, deps Deps) (*Service, error) {
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	volatility, err := config.check()
	if err != nil {
		return nil, err
	}
	start, err := begin(config, deps, volatility)
	if err != nil {
		return nil, err
	}
	service, err := assemble(config, deps, start)
	if err != nil && start.folder != nil {
		err = errors.Join(err, start.folder.Close())
	}
	return service, err
}

// assemble puts the parts together. The engine takes over the journal.
func assemble(config Config, deps Deps, start beginning) (*Service, error) {
	e, err := engine.Open(engine.Config{
		World: start.world, Genesis: start.genesis, Journal: start.folder, Snapshot: start.snapshot, Rebuild: start.restore,
		Offers: len(start.catalog.Offers()), Retain: config.RetainTransitions, Driven: config.Driven, Log: deps.Log,
	})
	if err != nil {
		return nil, err
	}
	// The engine may ask for other worlds later: what it was given is not to be
	// held on to by that.
	start.world, start.snapshot = nil, journal.Snapshot{}
	s := &Service{engine: e, log: deps.Log, instances: deps.Instances}
	if deps.Clock == nil {
		s.own = clock.NewScaled(e.Now(), config.Speed)
		deps.Clock = s.own
	}
	e.SetClock(deps.Clock)
	folder := ""
	if config.DataDir != "" {
		folder = filepath.Join(config.DataDir, "snapshots")
	}
	s.api, err = newAPI(e, start, shelf.New(e, folder), deps.Instances != nil)
	return s, err
}

// shippedCurrency is what the prices of the catalog shipped with the service are
// in, and of any other that is not of a scenario.
const shippedCurrency = "CNY"

// newAPI makes the handlers of a world that an engine runs.
func newAPI(e *engine.Engine, start beginning, snapshots api.Snapshots, addresses bool) (*api.API, error) {
	begun, currency := api.Scenario{Start: start.origin.Time()}, shippedCurrency
	if start.scenario != nil {
		begun.YAML, currency = string(start.scenario.YAML), start.scenario.Currency
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("draw the key of metadata tokens: %w", err)
	}
	return api.New(api.Deps{
		Engine: e, Catalog: start.catalog, Currency: currency, Market: start.market, Seed: start.seed,
		Account: rpc.AccountOf, Wall: clock.NewWall(), Snapshots: snapshots, Scenario: begun, MetadataKey: key,
		Addresses: addresses,
	}), nil
}

// check holds the configuration against its rules, sets defaults, and tells the
// volatility in millionths.
func (c *Config) check() (volatility int64, err error) {
	var errs []error
	if c.Speed == 0 && c.Scenario != nil {
		c.Speed = c.Scenario.Speed
	}
	if c.Speed == 0 {
		c.Speed = 1
	}
	if err := clock.CheckSpeed(c.Speed); err != nil {
		errs = append(errs, err)
	}
	volatility = 1_000_000
	if v := c.Volatility; v != nil {
		if !(*v >= 0 && *v <= market.MaxVolatility) { // written so that NaN fails
			errs = append(errs, fmt.Errorf("volatility %v is not between 0 and %d", *v, market.MaxVolatility))
		} else {
			volatility = int64(math.Round(*v * 1_000_000))
		}
	}
	if c.RetainTransitions == 0 {
		c.RetainTransitions = defaultRetain
	}
	if c.RetainTransitions < 1 || c.RetainTransitions > maxRetain {
		errs = append(errs, fmt.Errorf("%d transitions to retain are not between 1 and %d", c.RetainTransitions, maxRetain))
	}
	if c.Driven && c.DataDir != "" {
		errs = append(errs, errors.New("a cloud that is driven by its calls keeps no data directory"))
	}
	return volatility, errors.Join(errs...)
}

// Clock is the service's own clock, which neighbours in the process can share:
// when its speed changes, theirs does. It is nil when [Deps] gave a clock.
func (s *Service) Clock() *clock.Scaled { return s.own }

// Register hooks FleetService, BillingService and SimulationService into a
// server. A call of the first two is for the account that its gRPC metadata
// `muster-account` names, or else for the account `default`.
func (s *Service) Register(server grpc.ServiceRegistrar) { s.api.Register(server) }

// Metadata serves instances what they are told about themselves, over HTTP under
// `/<instance id>/latest/`.
func (s *Service) Metadata() http.Handler { return s.api.Metadata() }

// Run lets time pass and answers calls until the context ends, then returns
// nil. It fails when the data directory can no longer be written, or the port on
// which instances answer is lost.
func (s *Service) Run(ctx context.Context) error {
	if s.instances == nil {
		return s.engine.Run(ctx)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.engine.Run(ctx) })
	group.Go(func() error {
		return answer.Serve(ctx, s.instances, answer.Config{State: s.api.StateAt, Log: s.log})
	})
	return group.Wait()
}

// Tick lets happen what is due by the clock, and tells when something is next to
// happen by itself. It is for those who drive the cloud, in place of Run.
func (s *Service) Tick(ctx context.Context) (time.Time, error) { return s.engine.NextEvent(ctx) }

// Ready is closed once calls are answered. Until then they wait.
func (s *Service) Ready() <-chan struct{} { return s.engine.Ready() }

// Close writes a snapshot and frees what New opened. Call it after Run has
// returned, or instead of Run.
func (s *Service) Close() error { return s.engine.Close() }

// begin finds the world to go on with, in the data directory or anew.
func begin(config Config, deps Deps, volatility int64) (beginning, error) {
	b := beginning{catalog: config.Catalog, seed: config.Seed, volatility: volatility}
	now := config.Origin
	if config.Scenario != nil {
		b.follow(config.Scenario)
		if !config.Scenario.Start.IsZero() {
			now = config.Scenario.Start
		}
	}
	switch {
	case deps.Clock != nil:
		now = deps.Clock.Now()
	case now.IsZero():
		now = clock.NewWall().Now()
	}
	b.origin = world.InstantOf(now)
	if config.DataDir == "" {
		return b, b.anew()
	}
	if err := b.open(config.DataDir, deps.Log); err != nil {
		if b.folder != nil {
			err = errors.Join(err, b.folder.Close())
		}
		return beginning{}, fmt.Errorf("data directory %s: %w", config.DataDir, err)
	}
	return b, nil
}
