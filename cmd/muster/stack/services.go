package stack

import (
	"context"
	"fmt"
	"net"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/events"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	"github.com/seed-198b1370/muster/services/allocator"
	"github.com/seed-198b1370/muster/services/fleetsim"
	"github.com/seed-198b1370/muster/services/groupsvc"
	"github.com/seed-198b1370/muster/services/healthcheck"
)

// newServices makes the services of the roles, in order, and registers them.
func (s *Stack) newServices(ctx context.Context) ([]service, error) {
	services := make([]service, 0, len(s.config.Roles))
	switch cloud := fleetv1.NewSimulationServiceClient(s.fleet); {
	case s.config.plays(Fleetsim): // which has the clock
	case s.config.plays(Groupsvc):
		if err := s.followClock(ctx, cloud); err != nil {
			return nil, err
		}
	case s.config.plays(Healthcheck):
		s.followClockLater(ctx, cloud)
	}
	for _, role := range s.config.Roles {
		if role == Gateway { // which is no service of gRPC
			services = append(services, nil)
			continue
		}
		svc, err := s.newService(ctx, role)
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", role, err)
		}
		s.closeLater(svc.Close)
		svc.Register(s.server)
		svc.Register(s.direct)
		services = append(services, svc)
	}
	return services, nil
}

func (s *Stack) newService(ctx context.Context, role Role) (service, error) {
	fleet := fleetv1.NewFleetServiceClient(s.fleet)
	log := s.config.Log.With("service", string(role))
	switch role {
	case Fleetsim:
		return s.newFleetsim(ctx)
	case Allocator:
		return allocator.New(allocator.Config{MaxViewAge: s.config.MaxViewAge}, allocator.Deps{Fleet: fleet, Clock: clock.NewWall(), Metrics: s.metrics, Log: log})
	case Healthcheck:
		js, err := s.jetStream()
		if err != nil {
			return nil, err
		}
		return healthcheck.New(s.config.Health, healthcheck.Deps{
			Fleet: fleet, JetStream: js, Clock: clock.NewWall(), CloudClock: s.clock, Metrics: s.metrics, Log: log,
		})
	case Groupsvc:
		deps := groupsvc.Deps{
			Fleet: fleet, Allocator: allocatorv1.NewAllocatorServiceClient(s.allocator), Clock: s.clock, Metrics: s.metrics, Tracer: s.tracer(string(role)), Log: log,
		}
		if !s.config.WithoutEvents {
			js, err := s.jetStream()
			if err != nil {
				return nil, err
			}
			deps.Events = events.NewConsumer(js, events.Instances(), "groupsvc", log)
			teller, err := events.NewPublisher(js, events.Groups(), events.PublisherConfig{
				Stream: s.groupStream(), Encoding: s.config.Health.Encoding, Log: log,
			})
			if err != nil {
				return nil, err
			}
			s.closeLater(func() error { teller.Close(); return nil })
			deps.GroupEvents = teller
		}
		if s.config.plays(Healthcheck) || s.config.HealthAddr != "" {
			deps.Health = healthv1.NewHealthServiceClient(s.health)
		}
		return groupsvc.New(ctx, groupsvc.Config{
			DataDir: s.folder("groupsvc"), Store: s.config.Store, LookInterval: s.config.LookInterval, LeaseDuration: s.config.LeaseDuration,
		}, deps)
	default:
		return nil, fmt.Errorf("role %q is not known", role)
	}
}

// groupStream is how the stream of group events is kept: as that of instances,
// where this process knows about it.
func (s *Stack) groupStream() events.StreamConfig {
	health := s.config.Health
	return events.StreamConfig{
		Replicas: health.Replicas, MaxAge: health.MaxAge, MaxBytes: health.MaxBytes,
		DuplicateWindow: health.DuplicateWindow, MemoryStorage: health.MemoryStorage,
	}
}

// newFleetsim makes the cloud, whose clock is everyone's.
func (s *Stack) newFleetsim(ctx context.Context) (service, error) {
	config := fleetsim.Config{
		Scenario: s.config.Scenario, Catalog: s.config.Catalog, Seed: s.config.Seed, Speed: s.config.Speed, DataDir: s.folder("fleetsim"),
	}
	if s.config.CalmMarket {
		calm := 0.0
		config.Volatility = &calm
	}
	deps := fleetsim.Deps{Log: s.config.Log.With("service", string(Fleetsim))}
	var err error
	if deps.Instances, err = s.listenForInstances(ctx); err != nil {
		return nil, err
	}
	cloud, err := fleetsim.New(config, deps)
	if err != nil {
		return nil, err
	}
	s.clock, s.metadata = cloud.Clock(), cloud.Metadata()
	return cloud, nil
}

// listenForInstances takes the port on which instances answer health probes; nil
// for none.
func (s *Stack) listenForInstances(ctx context.Context) (net.Listener, error) {
	if s.config.InstancePort == 0 {
		return nil, nil //nolint:nilnil // nothing is asked for
	}
	listener, err := fleetsim.ListenForInstances(ctx, max(0, s.config.InstancePort))
	switch {
	case err == nil:
	case s.config.InstancePortOptional:
		s.config.Log.WarnContext(ctx, "instances have no addresses, and can not be probed", "error", err)
		return nil, nil //nolint:nilnil // it is only a help
	default:
		return nil, err
	}
	s.instances = listener
	s.closeLater(func() error { return ignoreClosed(listener.Close()) })
	return listener, nil
}
