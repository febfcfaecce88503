package answer

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/seed-198b1370/muster/pkg/clock"
)

// A State is how an instance is, as far as those notice who ask it.
type State int

// The states.
const (
	// Gone does not run, or is not there.
	Gone State = iota
	// Works does.
	Works
	// Impaired does not work as it should.
	Impaired
	// Slow takes a while.
	Slow
	// Hangs says nothing.
	Hangs
)

// Bounds of what askers can hold, in real time.
const (
	// defaultConnections is how many connections there are at most; more wait.
	defaultConnections = 8192
	// connectionAge is how long a connection can last.
	connectionAge = time.Minute
	// defaultDelay is how long a slow instance takes.
	defaultDelay = 5 * time.Second
	// maxHeaderBytes is how long a request can be.
	maxHeaderBytes = 8 << 10
	// grace is how long the server waits for those it answers when it ends.
	grace = 100 * time.Millisecond
)

// Config tells how a server works.
type Config struct {
	// State tells how the youngest instance is whose number is that much more
	// than a multiple of [Addresses].
	State func(ctx context.Context, remainder uint64) State
	// Delay is how long a slow instance takes, in real time; 0 means 5 s.
	Delay time.Duration
	// MaxConnections bounds the connections; 0 means 8,192.
	MaxConnections int
	// Log takes what operators should know.
	Log *slog.Logger
}

// A Server answers for instances.
type Server struct {
	config Config
	wall   clock.Clock
	slots  chan struct{}
	queue  chan net.Conn // of instances that speak
	done   <-chan struct{}
	addr   net.Addr
}

// Serve answers on a listener until the context ends or the listener fails. It
// closes the listener.
func Serve(ctx context.Context, listener net.Listener, config Config) error {
	if config.Delay == 0 {
		config.Delay = defaultDelay
	}
	if config.MaxConnections == 0 {
		config.MaxConnections = defaultConnections
	}
	group, ctx := errgroup.WithContext(ctx)
	s := &Server{
		config: config, wall: clock.NewWall(), slots: make(chan struct{}, config.MaxConnections),
		queue: make(chan net.Conn), done: ctx.Done(), addr: listener.Addr(),
	}
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	web := &http.Server{
		Handler: s.handler(), Protocols: protocols, MaxHeaderBytes: maxHeaderBytes,
		ReadTimeout: connectionAge, WriteTimeout: connectionAge, IdleTimeout: connectionAge,
		ErrorLog: slog.NewLogLogger(config.Log.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return context.WithValue(ctx, hostKey{}, conn.LocalAddr())
		},
	}
	group.Go(func() error {
		if err := web.Serve(s); !errors.Is(err, http.ErrServerClosed) && ctx.Err() == nil {
			return err
		}
		return nil
	})
	group.Go(func() error { return s.accept(ctx, listener) })
	group.Go(func() error {
		<-ctx.Done()
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		err := errors.Join(listener.Close(), web.Shutdown(bounded))
		if errors.Is(err, context.DeadlineExceeded) {
			return web.Close()
		}
		return err
	})
	return group.Wait()
}

// accept takes connections and hands on those to instances that speak.
func (s *Server) accept(ctx context.Context, listener net.Listener) error {
	var conns errgroup.Group
	defer func() { _ = conns.Wait() }() // they return no errors
	for {
		select {
		case s.slots <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		conn, err := listener.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = conn.Close()
			}
			return nil
		case err != nil:
			<-s.slots
			var temporary net.Error
			if errors.As(err, &temporary) && !errors.Is(err, net.ErrClosed) { // out of descriptors
				s.config.Log.WarnContext(ctx, "a connection to an instance was not taken", "error", err)
				if err := clock.SleepUntil(ctx, s.wall, s.wall.Now().Add(grace)); err != nil {
					return nil // it is over
				}
				continue
			}
			return err
		}
		conns.Go(func() error {
			s.take(ctx, &slotConn{Conn: conn, free: s.slots})
			return nil
		})
	}
}

// take does with a connection what the instance would.
func (s *Server) take(ctx context.Context, conn *slotConn) {
	switch s.stateOf(ctx, conn.LocalAddr()) {
	case Gone:
		conn.reset()
	case Hangs:
		s.hold(ctx, conn)
	default:
		select {
		case s.queue <- conn:
		case <-ctx.Done():
			conn.reset()
		}
	}
}

// hold takes what comes and says nothing, until the other side has enough.
func (s *Server) hold(ctx context.Context, conn *slotConn) {
	defer context.AfterFunc(ctx, conn.reset)()
	_ = conn.SetDeadline(s.wall.Now().Add(connectionAge)) // a connection that can not is closed
	_, _ = io.Copy(io.Discard, conn)
	conn.reset()
}

// stateOf is how the instance at an address is.
func (s *Server) stateOf(ctx context.Context, address net.Addr) State {
	at, err := netip.ParseAddrPort(address.String())
	if err != nil {
		return Gone
	}
	remainder, ok := remainderOf(at.Addr())
	if !ok {
		return Gone
	}
	return s.config.State(ctx, remainder)
}

type hostKey struct{}

// handler answers requests: gRPC by its own server, all else as HTTP.
func (s *Server) handler() http.Handler {
	rpc := grpc.NewServer()
	healthpb.RegisterHealthServer(rpc, &health{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		address, _ := r.Context().Value(hostKey{}).(net.Addr)
		state := s.stateOf(r.Context(), address)
		switch state {
		case Gone:
			panic(http.ErrAbortHandler) //nolint:forbidigo // how a handler resets its connection
		case Hangs:
			<-r.Context().Done()
			return
		case Slow:
			if clock.SleepUntil(r.Context(), s.wall, s.wall.Now().Add(s.config.Delay)) != nil {
				return
			}
		default:
		}
		if r.ProtoMajor == 2 && r.Header.Get("Content-Type") == "application/grpc" {
			rpc.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), stateKey{}, state)))
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if state == Impaired {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, "impaired\n")
			return
		}
		_, _ = io.WriteString(w, "ok\n") // whoever has gone needs no answer
	})
}

type stateKey struct{}

// health is the standard health service of an instance, whatever service is
// asked for.
type health struct {
	healthpb.UnimplementedHealthServer
}

// Check implements the standard health service.
func (*health) Check(ctx context.Context, _ *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	if ctx.Value(stateKey{}) == Impaired {
		return &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_NOT_SERVING}, nil
	}
	return &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_SERVING}, nil
}

// Accept implements [net.Listener]: it gives the HTTP server the connections
// to instances that speak.
func (s *Server) Accept() (net.Conn, error) {
	select {
	case conn := <-s.queue:
		return conn, nil
	case <-s.done:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener]. The real listener is closed elsewhere.
func (s *Server) Close() error { return nil }

// Addr implements [net.Listener].
func (s *Server) Addr() net.Addr { return s.addr }
