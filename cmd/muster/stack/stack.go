package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/seed-198b1370/muster/pkg/access"
	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/natsserver"
	"github.com/seed-198b1370/muster/pkg/rpc"
	"github.com/seed-198b1370/muster/pkg/secure"
	"github.com/seed-198b1370/muster/pkg/tracing/otlp"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/gateway"
)

// A Stack is a process that plays one role or more.
type Stack struct {
	config Config
	server *rpc.Server
	direct *rpc.Direct // the same services, for the gateway
	local  rpc.Local
	conn   *grpc.ClientConn
	tcp    net.Listener
	clock  clock.Clock

	metadata         http.Handler // nil in a process that does not play the cloud
	metadataListener net.Listener // nil for none
	gateway          *gateway.Gateway
	gatewayListener  net.Listener // nil for none
	instances        net.Listener // where instances answer probes; nil for nowhere

	tracing         *otlp.Tracing // nil when nothing is traced
	metrics         *prometheus.Registry
	metricsListener net.Listener // nil for none
	ready           atomic.Bool

	fleet, allocator, health *grpc.ClientConn
	nats                     *nats.Conn
	natsURL                  string

	// parts in the order in which they were started; they stop in reverse.
	parts   []*part
	closers []func() error
	failed  chan error
	stop    sync.Once
	stopErr error
}

// A service is what every service's package exports.
type service interface {
	Register(grpc.ServiceRegistrar)
	Run(context.Context) error
	Ready() <-chan struct{}
	Close() error
}

// A part is something that runs until it is cancelled.
type part struct {
	name   string
	cancel context.CancelFunc
	ended  chan struct{}
	err    error
}

// Start starts a process's roles and returns when all of them are served. The
// context bounds the start only; end the stack with [Stack.Stop]. When a role
// can not be started, those that were are stopped.
func Start(ctx context.Context, config Config) (_ *Stack, err error) {
	config = config.withDefaults()
	if err := config.check(); err != nil {
		return nil, err
	}
	validator, err := rpc.NewValidator(hotMessages()...)
	if err != nil {
		return nil, err
	}
	s := &Stack{config: config, local: rpc.NewLocal(), failed: make(chan error, 1), metrics: newMetrics(), direct: rpc.NewDirect(validator, config.Log)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop())
		}
	}()
	if err := s.startTracing(ctx); err != nil {
		return nil, err
	}
	if s.server, err = s.newServer(validator); err != nil {
		return nil, err
	}
	// A server that was never served is to be stopped, too.
	s.closeLater(func() error { s.server.Stop(); return nil })
	if err := s.open(); err != nil {
		return nil, err
	}
	services, err := s.newServices(ctx)
	if err != nil {
		return nil, err
	}
	// Only now, when calls can be answered, if only with NOT_SERVING: before
	// that a client is better off with a port that is closed.
	if err := s.listen(ctx); err != nil {
		return nil, err
	}
	s.serve(ctx)
	for i, role := range config.Roles {
		if services[i] == nil {
			continue
		}
		s.start(ctx, string(role), services[i].Run)
		// One after the other, so that each finds those that it needs.
		if err := s.awaitReady(ctx, role, services[i]); err != nil {
			return nil, err
		}
	}
	s.server.SetServing()
	if s.gatewayListener != nil {
		s.start(ctx, "gateway", func(ctx context.Context) error { return s.gateway.Serve(ctx, s.gatewayListener, config.Grace) })
	}
	s.ready.Store(true)
	return s, nil
}

// newServer makes the gRPC server, which is not yet reached.
func (s *Stack) newServer(validator *rpc.Validator) (*rpc.Server, error) {
	config := s.config
	var options []rpc.ServerOption
	if s.tracing != nil {
		options = append(options, rpc.WithStats(s.tracing.ServerHandler()))
	}
	if config.TLS.Used() {
		credentials, err := secure.NewServerCredentials(config.TLS, config.Log)
		if err != nil {
			return nil, err
		}
		options = append(options, rpc.WithCredentials(credentials))
	}
	gate, err := newGate(config)
	if err != nil {
		return nil, err
	}
	if gate != nil {
		options = append(options, gate.Option())
	}
	return rpc.NewServer(validator, config.Log, options...), nil
}

// newGate makes what tells callers apart; nil when nothing can.
func newGate(config Config) (*access.Gate, error) {
	if config.TokensFile == "" && config.TLS.ClientCA == "" {
		return nil, nil //nolint:nilnil // nothing is asked for
	}
	known := access.Config{CallsPerSecond: config.CallsPerSecond, Clock: clock.NewWall(), Log: config.Log}
	if config.TokensFile != "" {
		var err error
		if known.Tokens, err = access.OpenTokens(config.TokensFile, config.Log); err != nil {
			return nil, err
		}
	}
	return access.NewGate(known), nil
}

// hotMessages are those whose validation is prepared at start, so that the
// first caller does not wait for it.
func hotMessages() []proto.Message {
	return []proto.Message{
		&groupv1.CreateGroupRequest{}, &groupv1.PreviewGroupRequest{}, &allocatorv1.PlaceRequest{},
		&fleetv1.RunInstancesRequest{}, &fleetv1.ListInstancesRequest{}, &fleetv1.DeleteInstancesRequest{},
	}
}

// open takes what can be refused: folders and connections.
func (s *Stack) open() error {
	if s.config.DataDir != "" {
		if err := os.MkdirAll(s.config.DataDir, 0o700); err != nil {
			return fmt.Errorf("make data folder: %w", err)
		}
	}
	var err error
	if s.conn, err = s.local.Dial(s.traced()...); err != nil {
		return err
	}
	s.closeLater(s.conn.Close)
	if s.fleet, err = s.connTo(Fleetsim, s.config.FleetAddr); err != nil {
		return err
	}
	if s.allocator, err = s.connTo(Allocator, s.config.AllocatorAddr); err != nil {
		return err
	}
	if s.health, err = s.connTo(Healthcheck, s.config.HealthAddr); err != nil {
		return err
	}
	return s.openNATS()
}

// listen takes the ports of the servers.
func (s *Stack) listen(ctx context.Context) error {
	var err error
	if s.tcp, err = s.take(ctx, "gRPC", s.config.Listen); err != nil {
		return err
	}
	if s.metadataListener, err = s.take(ctx, "instance metadata", s.config.MetadataListen); err != nil {
		return err
	}
	if s.metricsListener, err = s.take(ctx, "metrics", s.config.MetricsListen); err != nil {
		return err
	}
	return s.newGateway(ctx)
}

// take takes a port until Stop; none for an empty address.
func (s *Stack) take(ctx context.Context, what, address string) (net.Listener, error) {
	if address == "" {
		return nil, nil //nolint:nilnil // nothing is asked for
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for %s: %w", what, err)
	}
	s.closeLater(func() error { return ignoreClosed(listener.Close()) })
	return listener, nil
}

// connTo is the connection to a role: in process when it is played here.
func (s *Stack) connTo(role Role, addr string) (*grpc.ClientConn, error) {
	if s.config.plays(role) || addr == "" {
		return s.conn, nil
	}
	options := s.traced()
	if s.config.PeerTLS.Used() {
		credentials, err := secure.NewClientCredentials(s.config.PeerTLS, s.config.Log)
		if err != nil {
			return nil, err
		}
		options = append(options, grpc.WithTransportCredentials(credentials))
	}
	if s.config.PeerTokenFile != "" {
		token, err := access.Bearer(s.config.PeerTokenFile, s.config.PeerTLS.Used(), s.config.Log)
		if err != nil {
			return nil, err
		}
		options = append(options, grpc.WithPerRPCCredentials(token))
	}
	conn, err := rpc.Dial(addr, options...)
	if err != nil {
		return nil, err
	}
	s.closeLater(conn.Close)
	return conn, nil
}

// openNATS connects those roles that need it to JetStream, and starts one in
// the process when none is named.
func (s *Stack) openNATS() (err error) {
	if !s.config.plays(Healthcheck) && !s.config.plays(Groupsvc) {
		return nil
	}
	if s.config.NATSURL == "" {
		return s.embedNATS()
	}
	log := s.config.Log
	auth := s.config.NATSAuth.options(func(err error) { log.Error("the password of NATS can not be read", "error", err) })
	s.nats, err = nats.Connect(s.config.NATSURL, append(auth, nats.Name("muster"), nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true),
		nats.IgnoreAuthErrorAbort(), // a password may be changed at the server first
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { log.Warn("NATS reports trouble", "error", err) }),
		nats.ConnectHandler(func(*nats.Conn) { log.Info("NATS is reached", "url", withoutPassword(s.config.NATSURL)) }),
		nats.ReconnectHandler(func(*nats.Conn) { log.Info("NATS is back", "url", withoutPassword(s.config.NATSURL)) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil { // nil when we end it ourselves
				log.Warn("lost NATS", "url", withoutPassword(s.config.NATSURL), "error", err)
			}
		}))...)
	if err != nil {
		return fmt.Errorf("connect to NATS: %w", err)
	}
	s.closeLater(func() error { s.nats.Close(); return nil })
	if !s.nats.IsConnected() {
		s.config.Log.Warn("NATS is not there yet; waiting for it", "url", withoutPassword(s.config.NATSURL))
	}
	return nil
}

// embedNATS starts a JetStream in the process.
func (s *Stack) embedNATS() error {
	server, err := natsserver.Start(natsserver.Config{DataDir: s.folder("nats"), Listen: s.config.NATSListen, Log: s.config.Log})
	if err != nil {
		return err
	}
	s.closeLater(server.Close)
	s.natsURL = server.URL()
	if s.nats, err = server.Connect(); err != nil {
		return err
	}
	s.closeLater(func() error { s.nats.Close(); return nil })
	return nil
}

// jetStream is the JetStream that openNATS connected to.
func (s *Stack) jetStream() (jetstream.JetStream, error) {
	js, err := jetstream.New(s.nats)
	if err != nil {
		return nil, fmt.Errorf("use JetStream: %w", err)
	}
	return js, nil
}

// folder is the data folder of one service; empty when state is in memory.
func (s *Stack) folder(name string) string {
	if s.config.DataDir == "" {
		return ""
	}
	return filepath.Join(s.config.DataDir, name)
}

func (s *Stack) serve(ctx context.Context) {
	listeners := []net.Listener{s.local}
	if s.tcp != nil {
		listeners = append(listeners, s.tcp)
	}
	s.start(ctx, "server", func(ctx context.Context) error { return s.server.Serve(ctx, s.config.Grace, listeners...) })
	if s.metadataListener != nil {
		s.start(ctx, "metadata", s.serveMetadata)
	}
	if s.metricsListener != nil {
		s.start(ctx, "metrics", s.serveMetrics)
	}
}

// start runs a part until Stop, however early the given context ends. A part
// that ends before that fails the stack.
func (s *Stack) start(ctx context.Context, name string, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p := &part{name: name, cancel: cancel, ended: make(chan struct{})}
	s.parts = append(s.parts, p)
	go func() {
		defer close(p.ended)
		p.err = run(ctx)
		if ctx.Err() != nil {
			return
		}
		if p.err == nil {
			p.err = fmt.Errorf("%s ended by itself", name)
		}
		select {
		case s.failed <- p.err:
		default: // an earlier failure is reported already
		}
	}()
}

// readyTold is how often the log says that a service is waited for.
const readyTold = 5 * time.Second

func (s *Stack) awaitReady(ctx context.Context, role Role, svc service) error {
	tell := time.NewTicker(readyTold)
	defer tell.Stop()
	for {
		select {
		case <-svc.Ready():
			return nil
		case err := <-s.failed:
			return err
		case <-ctx.Done():
			return fmt.Errorf("%s did not become ready: %w", role, ctx.Err())
		case <-tell.C:
			s.config.Log.InfoContext(ctx, "waiting for what the service needs", "service", role,
				"fleet", s.config.FleetAddr, "nats", withoutPassword(s.config.NATSURL))
		}
	}
}

// Conn is a connection to the process's own server, in memory. It is closed by
// Stop.
func (s *Stack) Conn() *grpc.ClientConn { return s.conn }

// Addr is where the gRPC server listens; empty when it does not.
func (s *Stack) Addr() string {
	if s.tcp == nil {
		return ""
	}
	return s.tcp.Addr().String()
}

// MetadataAddr is where instances read their metadata over HTTP; empty when they
// do not.
func (s *Stack) MetadataAddr() string {
	if s.metadataListener == nil {
		return ""
	}
	return s.metadataListener.Addr().String()
}

// MetricsAddr is where what the services count is read over HTTP; empty when it is
// not.
func (s *Stack) MetricsAddr() string {
	if s.metricsListener == nil {
		return ""
	}
	return s.metricsListener.Addr().String()
}

// InstancePort is the port on which instances answer health probes; 0 when they
// do not.
func (s *Stack) InstancePort() int {
	if s.instances == nil {
		return 0
	}
	if address, ok := s.instances.Addr().(*net.TCPAddr); ok {
		return address.Port
	}
	return 0
}

// NATSURL is where other processes reach the embedded JetStream; empty when
// they do not.
func (s *Stack) NATSURL() string { return s.natsURL }

// Clock is the clock of the cloud; nil in a process that plays the allocator
// only.
func (s *Stack) Clock() clock.Clock { return s.clock }

// Failed delivers the error of a part that ended by itself. The stack should
// then be stopped.
func (s *Stack) Failed() <-chan error { return s.failed }

// Stop ends the roles in an order that lets each finish what it is at: those
// that drive others first, then the server, the cloud and the stores. Running
// calls have the configured grace. It returns what went wrong in any part.
func (s *Stack) Stop() error {
	s.stop.Do(func() {
		// The cloud started right after the server but stops after it: calls
		// that are still running may need it.
		for i := len(s.parts) - 1; i >= 0; i-- {
			if s.parts[i].name != string(Fleetsim) {
				s.stopErr = errors.Join(s.stopErr, s.parts[i].end())
			}
		}
		for _, p := range s.parts {
			if p.name == string(Fleetsim) {
				s.stopErr = errors.Join(s.stopErr, p.end())
			}
		}
		for i := len(s.closers) - 1; i >= 0; i-- {
			s.stopErr = errors.Join(s.stopErr, s.closers[i]())
		}
	})
	return s.stopErr
}

func (p *part) end() error {
	p.cancel()
	<-p.ended
	if errors.Is(p.err, context.Canceled) {
		return nil
	}
	return p.err
}

func (s *Stack) closeLater(closer func() error) { s.closers = append(s.closers, closer) }

// ignoreClosed drops the error of closing a listener that its server has closed
// already.
func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
