// Package groupsvc is the group service: it stores auto provisioning groups and
// brings the fleet to what they want. It owns its configuration, how its parts
// are put together, and their life. It must not know where to launch, which the
// allocator decides, nor how a cloud works, which the fleet service hides.
package groupsvc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/accounts"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/api"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/catalog"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/control"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/ids"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/meter"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/tell"
	"github.com/seed-198b1370/muster/services/groupsvc/memory"
)

// Tags that mark instances as members of a group.
const (
	// TagGroup holds the group's id.
	TagGroup = control.TagGroup
	// TagLaunch holds the request id of the launch.
	TagLaunch = control.TagLaunch
)

// Config says how the service works. The zero value is usable: everything in
// memory, with the defaults named here. All durations but StopGrace are of the
// clock.
type Config struct {
	// DataDir is the folder of the store; empty keeps everything in memory,
	// unless Store says where.
	DataDir string
	// Store is a store that this process shares with others. The zero value is
	// none.
	Store SharedStore
	// Memory is a store in memory that outlives the service, for a simulation. It
	// takes the place of DataDir and Store. The zero value is none.
	Memory *memory.Store
	// LookInterval is the longest time between two looks at a group: how late
	// a change is seen of which no event told. Default: a minute.
	LookInterval time.Duration
	// Workers is how many groups are looked at in parallel: most of a look is waiting
	// for the store and the cloud. Default: 32.
	Workers int
	// ParallelCalls is how many calls of the cloud one look makes at a time; at 1
	// it makes all its calls one after the other, in one order. Default: 16.
	ParallelCalls int
	// LeaseDuration is how long a worker has a group for itself. Default: 5
	// minutes.
	LeaseDuration time.Duration
	// LaunchGrace is how long an instance that was launched may be missing from
	// the fleet's lists before it is taken for lost. Default: a minute.
	LaunchGrace time.Duration
	// StopGrace is how long, in real time, looks may take to end when the
	// service is stopped. Default: 5 seconds.
	StopGrace time.Duration
	// Entropy makes ids unique. Default: the system's.
	Entropy io.Reader
}

// EventSource tells what becomes of instances.
type EventSource interface {
	// Consume calls handle for each event until the context ends. An event for
	// which handle returns nil is done with; any other comes again.
	Consume(ctx context.Context, handle func(context.Context, *healthv1.InstanceEvent) error) error
}

// EventSink takes what becomes of groups.
type EventSink = tell.Sink

// Deps are what the service works with. All are required but Health, Events,
// GroupEvents, Metrics, Tracer and Log.
type Deps struct {
	// Fleet is the cloud.
	Fleet fleetv1.FleetServiceClient
	// Allocator chooses where to launch.
	Allocator allocatorv1.AllocatorServiceClient
	// Health tells which instances are unhealthy. Nil: none is.
	Health healthv1.HealthServiceClient
	// GroupEvents takes what becomes of groups. Nil: nobody is told.
	GroupEvents EventSink
	// Events makes the service fast. Nil: it looks at each group periodically
	// and only then.
	Events EventSource
	// Metrics takes what the service counts; nil: nothing is counted.
	Metrics prometheus.Registerer
	// Tracer makes spans of looks and of the events that cause them. Nil: of none.
	Tracer trace.Tracer
	// Clock tells the time; it should be the cloud's.
	Clock clock.Clock
	// Rules are those of the contracts. To work them out takes a while, so that
	// services in one process share them. Nil: it makes its own.
	Rules *rpc.Validator
	// Log takes what callers are not told. Nil: it is dropped.
	Log *slog.Logger
}

// Service is the group service.
type Service struct {
	store   store.Store
	control *control.Controller
	handler *api.Handler
	teller  *tell.Teller
	events  EventSource
	clock   clock.Clock
	log     *slog.Logger
	tracer  trace.Tracer
	ready   chan struct{}
	once    sync.Once

	// followStored makes up for a clock that has gone back.
	followStored func(context.Context) error
}

// New opens the service: its store is open and its calls can be served. The
// context bounds the opening.
func New(ctx context.Context, config Config, deps Deps) (*Service, error) {
	if deps.Fleet == nil || deps.Allocator == nil || deps.Clock == nil {
		return nil, errors.New("groupsvc needs a fleet, an allocator and a clock")
	}
	config = config.withDefaults()
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	groups, err := openStore(ctx, config, deps.Log)
	if err != nil {
		return nil, err
	}
	service, err := compose(ctx, config, deps, groups)
	if err != nil {
		return nil, errors.Join(err, groups.Close())
	}
	return service, nil
}

func (c Config) withDefaults() Config {
	setDefault(&c.LookInterval, time.Minute)
	setDefault(&c.Workers, 32)
	setDefault(&c.ParallelCalls, 16)
	setDefault(&c.LeaseDuration, 5*time.Minute)
	setDefault(&c.LaunchGrace, time.Minute)
	setDefault(&c.StopGrace, 5*time.Second)
	if c.Entropy == nil {
		c.Entropy = rand.Reader
	}
	return c
}

func setDefault[T int | time.Duration](value *T, standard T) {
	if *value <= 0 {
		*value = standard
	}
}

func compose(ctx context.Context, config Config, deps Deps, groups store.Store) (*Service, error) {
	if deps.Rules == nil {
		rules, err := rpc.NewValidator()
		if err != nil {
			return nil, err
		}
		deps.Rules = rules
	}
	if deps.Tracer == nil {
		deps.Tracer = noop.NewTracerProvider().Tracer("")
	}
	known := catalog.New(deps.Fleet, deps.Clock)
	names := ids.NewSource(config.Entropy)
	counts := meter.New()
	if err := measure(deps.Metrics, deps.Events, deps.GroupEvents, counts, meter.NewGroups(groups, deps.Clock)); err != nil {
		return nil, fmt.Errorf("open group service: %w", err)
	}
	teller := tell.New(deps.GroupEvents)
	follow := func(ctx context.Context) error {
		return eachAccount(ctx, groups, func(account string) error {
			if err := followTemplates(ctx, account, names, groups); err != nil {
				return err
			}
			return followStored(ctx, account, names, groups, teller, deps.Clock.Now().Add(config.LookInterval))
		})
	}
	if err := follow(ctx); err != nil {
		return nil, err
	}
	controller := control.New(control.Config{
		LookInterval: config.LookInterval, LaunchGrace: config.LaunchGrace,
		LeaseDuration: config.LeaseDuration, Workers: config.Workers, ParallelCalls: config.ParallelCalls, StopGrace: config.StopGrace, Shared: config.Store.URL != "",
	}, control.Deps{
		Store: groups, Fleet: deps.Fleet, Allocator: deps.Allocator, Health: deps.Health, Tell: teller,
		Catalog: known, IDs: names, Clock: deps.Clock, Tracer: deps.Tracer, Meter: counts, Log: deps.Log,
	})
	handler := api.New(api.Deps{
		Store: groups, Accounts: accounts.New(deps.Fleet, deps.Clock), Control: controller, Catalog: known,
		Fleet: deps.Fleet, Allocator: deps.Allocator, IDs: names, Clock: deps.Clock, Wall: clock.NewWall(), Rules: deps.Rules, Log: deps.Log,
	})
	return &Service{
		store: groups, control: controller, handler: handler, events: deps.Events, teller: teller,
		clock: deps.Clock, log: deps.Log, tracer: deps.Tracer, ready: make(chan struct{}),
		followStored: follow,
	}, nil
}

// eachAccount calls a function for every account that owns something.
func eachAccount(ctx context.Context, groups store.Store, visit func(account string) error) error {
	owners, err := groups.Accounts(ctx)
	if err != nil {
		return fmt.Errorf("list accounts: %w", err)
	}
	for _, account := range owners {
		if err := visit(account); err != nil {
			return err
		}
	}
	return nil
}

// followStored goes on from what is stored. It makes up for a clock that has gone
// back since, as it does when the cloud began anew: new ids sort after all that
// are stored, and no living group is due later than it ever is. And what groups
// had to tell when the last process ended is told.
func followStored(ctx context.Context, account string, names *ids.Source, groups store.Store, teller *tell.Teller, latestDue time.Time) error {
	const page = 250
	after := ""
	for {
		records, err := groups.List(ctx, account, after, page, true)
		if err != nil {
			return fmt.Errorf("read the ids in use: %w", err)
		}
		for _, record := range records {
			after = record.Group.GetGroup().GetGroupId()
			names.Follow(after)
			teller.Hand(record.Group)
			for _, task := range record.Group.GetScalingTasks() {
				names.Follow(task.GetTask().GetScalingTaskId())
			}
			if record.Due.After(latestDue) && record.Group.GetGroup().GetLifecycle() != groupv1.Lifecycle_LIFECYCLE_DELETED {
				if err := groups.Wake(ctx, store.Key{Account: account, GroupID: after}, latestDue); err != nil {
					return fmt.Errorf("make group %s due: %w", after, err)
				}
			}
			names.Follow(record.Group.GetLastActivityId())
		}
		if len(records) < page {
			return nil
		}
	}
}

// Register makes a server answer the calls of muster.group.v1.GroupService,
// LaunchTemplateService and ScalingService.
func (s *Service) Register(registrar grpc.ServiceRegistrar) {
	groupv1.RegisterGroupServiceServer(registrar, s.handler)
	groupv1.RegisterLaunchTemplateServiceServer(registrar, s.handler.Templates())
	groupv1.RegisterScalingServiceServer(registrar, s.handler.Scaling())
}

// Run delivers groups until the context ends. Then it finishes what it is at,
// for as long as StopGrace allows, and returns nil.
func (s *Service) Run(ctx context.Context) error {
	s.once.Do(func() { close(s.ready) })
	var listening sync.WaitGroup
	if s.events != nil {
		listening.Go(func() { s.listen(ctx) })
	}
	listening.Go(func() { s.mindClock(ctx) })
	listening.Go(func() { s.teller.Run(ctx) })
	s.control.Run(ctx)
	listening.Wait()
	return nil
}

// Ready returns a channel that is closed once groups are being delivered.
func (s *Service) Ready() <-chan struct{} { return s.ready }

// Tick looks at every group that is due, one after the other, and tells when
// the next one is; zero when none is. It is for those who drive the service by
// hand, in place of Run.
func (s *Service) Tick(ctx context.Context) (time.Time, error) { return s.control.Tick(ctx) }

// Notice makes the group of an event due, as Run does with each event of its
// source. It is for those who drive the service by hand. An event whose notice
// fails is to come again.
func (s *Service) Notice(ctx context.Context, event *healthv1.InstanceEvent) error {
	return s.wake(ctx, event)
}

// Close frees what New opened. Run must have returned, and no call may be under
// way.
func (s *Service) Close() error { return s.store.Close() }
