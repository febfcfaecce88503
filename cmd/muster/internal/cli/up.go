package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
	"github.com/seed-198b1370/muster/pkg/events"
	"github.com/seed-198b1370/muster/pkg/rpc"
	"github.com/seed-198b1370/muster/pkg/tracing/otlp"
	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/gateway/auth"
	"github.com/seed-198b1370/muster/services/healthcheck"
)

// simulated is what commands that run the simulated cloud have in common.
type simulated struct {
	Scenario       string   `help:"File of what the simulated cloud begins as: region, market, accounts, events (docs/scenarios.md). With a data folder it need be named only once." placeholder:"FILE"`
	Speed          *float64 `help:"Seconds of simulated time that pass in a second, 0.001 to 100,000; 1 unless the scenario says otherwise." placeholder:"N"`
	Seed           *uint64  `help:"Seed of the simulated market: the same seed gives the same market; 1 by default." placeholder:"N"`
	Calm           bool     `help:"Let prices and other tenants' demand stand still."`
	Catalog        string   `help:"CSV file of what the simulated cloud sells, instead of the catalog built in." placeholder:"FILE"`
	InstancePort   *int     `name:"instance-listen-port" help:"Port of the loopback interface on which instances answer health probes, each at its private address; 7090 by default, 0 for none. Needs Linux." placeholder:"PORT"`
	MetadataListen string   `help:"Host and port on which instances read their metadata over HTTP; by default they do not." placeholder:"ADDR"`
}

func (s simulated) apply(config *stack.Config) error {
	if s.Speed != nil {
		if err := checkSpeed(*s.Speed); err != nil {
			return err
		}
		config.Speed = *s.Speed
	}
	if err := s.applyInstancePort(config); err != nil {
		return err
	}
	if s.MetadataListen != "" {
		if err := checkListen("--metadata-listen", s.MetadataListen); err != nil {
			return err
		}
		config.MetadataListen = s.MetadataListen
	}
	if s.Scenario != "" {
		return s.applyScenario(config)
	}
	config.Seed, config.CalmMarket = 1, s.Calm
	if s.Seed != nil {
		config.Seed = *s.Seed
	}
	if s.Catalog == "" {
		return nil
	}
	file, err := os.Open(s.Catalog)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // only read from
	if config.Catalog, err = catalog.Parse(file); err != nil {
		return fmt.Errorf("%s: %w", s.Catalog, err)
	}
	return nil
}

// defaultInstancePort is where instances answer health probes unless told
// otherwise.
const defaultInstancePort = 7090

// applyInstancePort asks for the port that was named. One that was not is only a
// help: where it can not be had, all else works.
func (s simulated) applyInstancePort(config *stack.Config) error {
	config.InstancePort, config.InstancePortOptional = defaultInstancePort, true
	if s.InstancePort == nil {
		return nil
	}
	if *s.InstancePort < 0 || *s.InstancePort > 65535 {
		return misuse("--instance-listen-port must be 0 to 65535, got %d", *s.InstancePort)
	}
	config.InstancePort, config.InstancePortOptional = *s.InstancePort, false
	return nil
}

func (s simulated) applyScenario(config *stack.Config) error {
	err := checkAlone("--scenario", given{"--seed", s.Seed != nil}, given{"--calm", s.Calm}, given{"--catalog", s.Catalog != ""})
	if err != nil {
		return err
	}
	config.Scenario, err = readScenario(s.Scenario)
	return err
}

// process is what commands that run services have in common.
type process struct {
	Listen   string `help:"Host and port of the gRPC server." default:"127.0.0.1:7070"`
	LogLevel string `help:"Log from this level on: ${enum}." enum:"debug,info,warn,error" default:"info"`
	Metrics  string `name:"metrics-listen" help:"Host and port on which metrics are read over HTTP (/metrics), and whether the process is alive (/healthz) and ready (/readyz); by default they are not." placeholder:"ADDR"`
	Pprof    bool   `help:"Let profiles of the process be read there, too (/debug/pprof/)."`

	Endpoint string  `name:"otlp-endpoint" help:"URL of the collector that traces are sent to over gRPC, such as http://127.0.0.1:4317; https for TLS. By default nothing is traced." env:"MUSTER_SERVE_OTLP_ENDPOINT,OTEL_EXPORTER_OTLP_ENDPOINT" placeholder:"URL"`
	Ratio    float64 `name:"trace-ratio" help:"Share of traces that are recorded, 0 to 1, unless the caller has decided." default:"1" env:"MUSTER_SERVE_TRACE_RATIO,OTEL_TRACES_SAMPLER_ARG"`
	guarded
	configurable
}

// kept is what commands that run services with state have in common.
type kept struct {
	DataDir string `help:"Folder of everything that must survive a restart. Without it all state is in memory." placeholder:"DIR"`
}

// run runs a stack until the user ends it or a part of it fails.
func (p process) run(ctx context.Context, on console, config stack.Config) error {
	if err := checkListen("--listen", p.Listen); err != nil {
		return err
	}
	if config.NATSListen != "" {
		if err := checkListen("--nats-listen", config.NATSListen); err != nil {
			return err
		}
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(p.LogLevel)); err != nil {
		return err
	}
	if p.Metrics != "" {
		if err := checkListen("--metrics-listen", p.Metrics); err != nil {
			return err
		}
	} else if p.Pprof {
		return misuse("--pprof needs --metrics-listen")
	}
	config.Profiles = p.Pprof
	if config.Traces = (otlp.Config{Endpoint: p.Endpoint, Ratio: p.Ratio}); p.Endpoint != "" {
		if err := config.Traces.Check(); err != nil {
			return misuse("--otlp-endpoint, --trace-ratio: %v", err)
		}
	}
	config.Listen, config.MetricsListen, config.Log = p.Listen, p.Metrics, on.logger(level)
	if err := p.guard(&config); err != nil {
		return err
	}
	warnOfStrangers(config.Log, "NATS", config.NATSListen)
	warnOfStrangers(config.Log, "metadata", config.MetadataListen)
	warnOfStrangers(config.Log, "ECS API", config.ECSListen)
	warnOfStrangers(config.Log, "metrics", config.MetricsListen)
	// A service waits for those that it needs for as long as it takes.
	running, err := stack.Start(ctx, config)
	if err != nil {
		return err
	}
	tellAddresses(on.out, running)
	var failure error
	select {
	case <-ctx.Done():
	case failure = <-running.Failed():
	}
	return errors.Join(failure, running.Stop())
}

// tellAddresses tells a person where a process is reached.
func tellAddresses(out io.Writer, running *stack.Stack) {
	if url := running.NATSURL(); url != "" {
		_, _ = fmt.Fprintf(out, "muster: serving NATS on %s\n", url)
	}
	if addr := running.MetadataAddr(); addr != "" {
		_, _ = fmt.Fprintf(out, "muster: serving instance metadata on http://%s\n", addr)
	}
	if addr := running.ECSAddr(); addr != "" {
		_, _ = fmt.Fprintf(out, "muster: serving the ECS API on http://%s\n", addr)
	}
	if addr := running.MetricsAddr(); addr != "" {
		_, _ = fmt.Fprintf(out, "muster: serving metrics on http://%s/metrics\n", addr)
	}
	if port := running.InstancePort(); port != 0 {
		_, _ = fmt.Fprintf(out, "muster: instances answer health probes on port %d of their private addresses\n", port)
	}
	if addr := running.Addr(); addr != "" {
		_, _ = fmt.Fprintf(out, "muster: serving gRPC on %s\n", addr)
	}
}

// controlled is what commands that run the group service have in common.
type controlled struct {
	LookInterval time.Duration `help:"How often to look at a group that no event woke the service for, in simulated time." default:"1m"`
}

// eventful is what commands that run the health check have in common.
type eventful struct {
	EventsEncoding string        `help:"How events are written to the stream: ${enum}." enum:"protobuf,json" default:"protobuf"`
	EventsMaxAge   time.Duration `help:"For how long events are kept, in real time." default:"168h"`
	EventsMaxBytes int64         `help:"How many bytes of events are kept." default:"2147483648"`
	EventsReplicas int           `help:"How many servers of a NATS cluster hold the events, 1 to 5." default:"1"`

	WebhooksPrivate bool   `name:"webhooks-to-private-addresses" help:"Let webhooks go to private addresses, those of this machine included."`
	WebhooksKey     []byte `name:"webhooks-key-file" type:"filecontent" help:"File of 32 random bytes that seal the secrets of webhooks where they are kept. None: they lie in the clear." placeholder:"FILE"`
}

// healthConfig makes the health check's configuration, or tells what it can not be.
func (c eventful) healthConfig() (healthcheck.Config, error) {
	var wrong error
	if c.EventsMaxAge < time.Second {
		wrong = errors.Join(wrong, misuse("--events-max-age must be at least 1s, got %v", c.EventsMaxAge))
	}
	if c.EventsMaxBytes < minEventsBytes {
		wrong = errors.Join(wrong, misuse("--events-max-bytes must be at least %d, got %d", minEventsBytes, c.EventsMaxBytes))
	}
	if c.EventsReplicas < 1 || c.EventsReplicas > 5 {
		wrong = errors.Join(wrong, misuse("--events-replicas must be 1 to 5, got %d", c.EventsReplicas))
	}
	if len(c.WebhooksKey) != 0 && len(c.WebhooksKey) != 32 {
		wrong = errors.Join(wrong, misuse("--webhooks-key-file must be a file of 32 bytes, got one of %d", len(c.WebhooksKey)))
	}
	return healthcheck.Config{
		PrivateWebhooks: c.WebhooksPrivate, WebhookKey: c.WebhooksKey,
		Encoding: events.Encoding(c.EventsEncoding), MaxAge: c.EventsMaxAge, MaxBytes: c.EventsMaxBytes, Replicas: c.EventsReplicas,
	}, wrong
}

// minEventsBytes is room for so few events that less makes no sense.
const minEventsBytes = 1 << 20

// check refuses an interval that the service would take for its default.
func (c controlled) check() error {
	if c.LookInterval <= 0 {
		return misuse("--look-interval must be above 0, got %v", c.LookInterval)
	}
	return nil
}

// warnOfStrangers warns of a server that others than this machine can reach.
func warnOfStrangers(log *slog.Logger, server, listen string) {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return // it does not listen
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		log.Warn("the "+server+" server has neither encryption nor authentication and listens beyond this machine", "listen", listen)
	}
}

type upCommand struct {
	process
	kept
	simulated
	controlled
	eventful
	NATSListen string `name:"nats-listen" help:"Host and port on which others reach the event stream; by default they do not." placeholder:"ADDR"`
	ECSListen  string `name:"ecs-listen" help:"Host and port on which the ECS API is answered over HTTP, for the cloud's own clients; 127.0.0.1:7080 by default where it is free, 'none' for nowhere." placeholder:"ADDR"`
	ECSKeys    string `name:"ecs-keys" help:"File of the access keys that calls of the ECS API may be signed with; a signature must then hold. Calls without one, and all without this, are the default account's; not so with --tokens-file or --tls-client-ca-file." placeholder:"FILE"`
}

// defaultECSListen is where the ECS API is answered unless told otherwise.
const defaultECSListen = "127.0.0.1:7080"

// applyECS asks for the port that was named. The usual one is only a help: where
// it can not be had, all else works. Where nobody gets in over gRPC unproven,
// nobody does here.
func (c *upCommand) applyECS(config *stack.Config) (err error) {
	unsigned := rpc.DefaultAccount
	if c.Tokens != "" || c.TLSClientCA != "" {
		unsigned = ""
	}
	if c.ECSKeys != "" {
		config.ECSVerifier, err = newVerifier(c.ECSKeys, auth.NewMemory(nil, auth.MemoryLimit), unsigned)
		if err != nil {
			return err
		}
	}
	proven := unsigned != "" || c.ECSKeys != ""
	switch c.ECSListen {
	case "":
		if proven {
			config.ECSListen, config.ECSListenOptional = defaultECSListen, true
		}
	case "none":
	default:
		if !proven {
			return misuse("--ecs-listen needs --ecs-keys beside --tokens-file or --tls-client-ca-file: calls would get in that prove nothing")
		}
		config.ECSListen = c.ECSListen
		return checkListen("--ecs-listen", c.ECSListen)
	}
	return nil
}

// Run runs all services.
func (c *upCommand) Run(ctx context.Context, on console) error {
	if err := c.check(); err != nil {
		return err
	}
	health, err := c.healthConfig()
	if err != nil {
		return err
	}
	config := stack.Config{DataDir: c.DataDir, LookInterval: c.LookInterval, NATSListen: c.NATSListen, Health: health}
	if err := errors.Join(c.apply(&config), c.applyECS(&config)); err != nil {
		return err
	}
	return c.run(ctx, on, config)
}

type serveCommand struct {
	Fleetsim    serveFleetsim    `cmd:"" help:"Run the simulated cloud."`
	Allocator   serveAllocator   `cmd:"" help:"Run the allocator."`
	Healthcheck serveHealthcheck `cmd:"" help:"Run the health check, with a JetStream of its own unless one is named."`
	Groupsvc    serveGroupsvc    `cmd:"" help:"Run the group service."`
	Gateway     serveGateway     `cmd:"" help:"Answer the ECS API over HTTP, for the cloud's own clients."`
}

type serveFleetsim struct {
	process
	kept
	simulated
}

// Run runs the simulated cloud.
func (c *serveFleetsim) Run(ctx context.Context, on console) error {
	config := stack.Config{Roles: []stack.Role{stack.Fleetsim}, DataDir: c.DataDir}
	if err := c.apply(&config); err != nil {
		return err
	}
	return c.run(ctx, on, config)
}

type serveAllocator struct {
	process
	Fleet      string        `required:"" placeholder:"ADDR" help:"Host and port of the cloud."`
	MaxViewAge time.Duration `help:"For how long the cloud may tell nothing before placements are refused rather than rest on what it told last." default:"30s"`
}

// Run runs the allocator.
func (c *serveAllocator) Run(ctx context.Context, on console) error {
	if err := checkAddress("--fleet", c.Fleet); err != nil {
		return err
	}
	if c.MaxViewAge <= 0 {
		return misuse("--max-view-age must be above 0, got %v", c.MaxViewAge)
	}
	return c.run(ctx, on, stack.Config{Roles: []stack.Role{stack.Allocator}, FleetAddr: c.Fleet, MaxViewAge: c.MaxViewAge})
}

type serveHealthcheck struct {
	process
	kept
	eventful
	natsKnown
	Fleet      string `required:"" placeholder:"ADDR" help:"Host and port of the cloud."`
	NATS       string `name:"nats" help:"URL of a NATS server with JetStream." placeholder:"URL"`
	NATSListen string `name:"nats-listen" help:"Host and port on which the JetStream in this process is reached by others." placeholder:"ADDR"`
	Replica    string `name:"replica-name" help:"Name of this replica, which no other has that shares the JetStream. Under the same name it goes on at once after it was killed; by default others wait five seconds for it." placeholder:"NAME"`
}

// Run runs the health check.
func (c *serveHealthcheck) Run(ctx context.Context, on console) error {
	if err := checkAddress("--fleet", c.Fleet); err != nil {
		return err
	}
	if c.NATS != "" {
		if err := checkAlone("--nats", given{"--nats-listen", c.NATSListen != ""}); err != nil {
			return err
		}
	}
	health, err := c.healthConfig()
	if err != nil {
		return err
	}
	if c.Replica != "" && !events.IsToken(c.Replica) {
		return misuse("--replica-name must be 1 to 64 letters, digits, _ and -, got %q", c.Replica)
	}
	health.ReplicaName = c.Replica
	auth, err := c.auth()
	if err != nil {
		return err
	}
	return c.run(ctx, on, stack.Config{
		NATSAuth: auth,
		Roles:    []stack.Role{stack.Healthcheck}, DataDir: c.DataDir, FleetAddr: c.Fleet, NATSURL: c.NATS, NATSListen: c.NATSListen,
		Health: health,
	})
}
