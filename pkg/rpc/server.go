package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// MaxRequestBytes bounds the size of a request.
const MaxRequestBytes = 1 << 20

// Bounds of what one connection may ask for, beside the size of a request.
const (
	// maxHeaderBytes bounds the metadata of a call.
	maxHeaderBytes = 16 << 10
	// maxStreams is how many calls one connection may have under way; further
	// ones wait in their client.
	maxStreams = 1024
	// handshakeTimeout is how long, in real time, a connection may take until
	// it can carry calls.
	handshakeTimeout = 10 * time.Second
)

// streamWorkers is how many goroutines stand ready for calls; more are made when
// all are busy. A new one for each call would grow its stack anew each time,
// which the throughput of short calls shows (BenchmarkBarPlacement).
const streamWorkers = 64

// A Server is a gRPC server with validation, error mapping, panic recovery,
// health and reflection. Register services with it before Serve. One that is not
// served after all must be stopped.
type Server struct {
	*grpc.Server
	// Health tells what is served. A service registers as NOT_SERVING and is
	// set to SERVING by whoever composes it, once it is ready.
	Health *health.Server
	log    *slog.Logger
	// stopping ends when the server begins to stop.
	stopping context.Context
	stop     context.CancelFunc
}

// A Checker is a service whose handlers hold some requests against more than
// their contract says, such as what is for sale at the time. The server asks it
// when a request has broken its contract, so that the caller learns all that is
// wrong at once; a request that keeps its contract is for the handler to check,
// which may have an answer to it already.
type Checker interface {
	// Check adds what is wrong with a request besides. Fields of the request may
	// have any value. What can not be found out now is left out.
	Check(ctx context.Context, request proto.Message, violations *Violations)
}

// A Voucher is a service that can tell quickly of most requests that they keep
// their contract. To interpret the contract's rules costs as much as a short
// handler does; it is done only for requests that nobody vouches for.
type Voucher interface {
	// Vouches tells that a request keeps the rules of its contract for certain.
	// False says nothing about it.
	Vouches(request proto.Message) bool
}

// NewServer makes a server that validates requests with validator and logs
// what clients are not told.
func NewServer(validator *Validator, log *slog.Logger, options ...ServerOption) *Server {
	s := &Server{Health: health.NewServer(), log: log}
	s.stopping, s.stop = context.WithCancel(context.Background())
	set := newServerOptions(options)
	s.Server = grpc.NewServer(append(set.others,
		grpc.Creds(sideDoor{set.credentials}),
		// From the outside in: what recovery catches is mapped like any other
		// error, and nothing invalid reaches a handler.
		grpc.ChainUnaryInterceptor(slices.Concat([]grpc.UnaryServerInterceptor{s.mapUnary, s.recoverUnary}, set.unary,
			[]grpc.UnaryServerInterceptor{validateUnary(validator)})...),
		grpc.ChainStreamInterceptor(slices.Concat([]grpc.StreamServerInterceptor{s.mapStream, s.endStream, s.recoverStream}, set.stream,
			[]grpc.StreamServerInterceptor{validateStream(validator)})...),
		grpc.MaxRecvMsgSize(MaxRequestBytes),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.NumStreamWorkers(streamWorkers),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: time.Minute}),
	)...)
	healthpb.RegisterHealthServer(s.Server, s.Health)
	reflection.Register(s.Server) // tells, when asked, of all that is registered by then
	return s
}

// RegisterService implements [grpc.ServiceRegistrar]. Until it is set to
// SERVING, the health service tells that the service is not served yet.
func (s *Server) RegisterService(desc *grpc.ServiceDesc, impl any) {
	s.Server.RegisterService(desc, impl)
	s.Health.SetServingStatus(desc.ServiceName, healthpb.HealthCheckResponse_NOT_SERVING)
}

// SetServing tells that every registered service is served.
func (s *Server) SetServing() {
	for name := range s.GetServiceInfo() {
		s.Health.SetServingStatus(name, healthpb.HealthCheckResponse_SERVING)
	}
	s.Health.SetServingStatus("", healthpb.HealthCheckResponse_SERVING)
}

// Serve answers on all listeners until the context ends, then stops: it tells
// NOT_SERVING, ends streams with UNAVAILABLE, lets other calls end within grace,
// and cuts off those that have not. It closes the listeners. Streams are endless,
// and who reads one goes on elsewhere; a handler that does not heed the cut is not
// waited for.
func (s *Server) Serve(ctx context.Context, grace time.Duration, listeners ...net.Listener) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, listener := range listeners {
		group.Go(func() error {
			if err := s.Server.Serve(listener); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
				return fmt.Errorf("serve gRPC on %s: %w", listener.Addr(), err)
			}
			return nil
		})
	}
	group.Go(func() error {
		<-ctx.Done()
		s.Health.Shutdown()
		s.stop()
		ended := make(chan struct{})
		go func() {
			s.GracefulStop()
			close(ended)
		}()
		cut := time.NewTimer(grace)
		defer cut.Stop()
		select {
		case <-ended:
		case <-cut.C:
			s.Stop()
		}
		return nil
	})
	return group.Wait()
}

func (s *Server) mapUnary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	resp, err := handler(ctx, req)
	return resp, s.toClient(ctx, info.FullMethod, err)
}

func (s *Server) mapStream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	return s.toClient(stream.Context(), info.FullMethod, handler(srv, stream))
}

// endStream ends a stream when the server begins to stop.
func (s *Server) endStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	defer context.AfterFunc(s.stopping, cancel)()
	err := handler(srv, &endedStream{ServerStream: stream, ctx: ctx})
	if s.stopping.Err() != nil && stream.Context().Err() == nil && err != nil {
		return status.Error(codes.Unavailable, "the server is stopping; open the stream again")
	}
	return err
}

// endedStream is a stream that ends with the server.
type endedStream struct {
	grpc.ServerStream
	ctx context.Context
}

// Context implements [grpc.ServerStream].
func (s *endedStream) Context() context.Context { return s.ctx }

func (s *Server) toClient(ctx context.Context, method string, err error) error {
	mapped, logIt := onWire(err)
	if logIt {
		s.log.ErrorContext(ctx, "call failed", "method", method, "error", err)
	}
	return mapped
}

func (s *Server) recoverUnary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (_ any, err error) {
	defer s.recoverInto(ctx, info.FullMethod, &err)
	return handler(ctx, req)
}

func (s *Server) recoverStream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	defer s.recoverInto(stream.Context(), info.FullMethod, &err)
	return handler(srv, stream)
}

func (s *Server) recoverInto(ctx context.Context, method string, err *error) {
	if cause := recover(); cause != nil {
		s.log.ErrorContext(ctx, "call panicked", "method", method, "cause", cause, "stack", string(debug.Stack()))
		*err = fmt.Errorf("panic in %s", method)
	}
}

func validateUnary(validator *Validator) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		if err := holdAgainst(ctx, validator, req, info.Server); err != nil {
			return nil, err
		}
		return handler(ctx, req)
	}
}

func validateStream(validator *Validator) grpc.StreamServerInterceptor {
	return func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		return handler(srv, &validatingStream{ServerStream: stream, validator: validator})
	}
}

// validatingStream validates each message that is received on a stream.
type validatingStream struct {
	grpc.ServerStream
	validator *Validator
}

// RecvMsg implements [grpc.ServerStream].
func (s *validatingStream) RecvMsg(message any) error {
	if err := s.ServerStream.RecvMsg(message); err != nil {
		return err
	}
	return holdAgainst(s.Context(), s.validator, message, nil)
}

func holdAgainst(ctx context.Context, validator *Validator, req, service any) error {
	message, ok := req.(proto.Message)
	if !ok {
		return status.Errorf(codes.Internal, "request of unexpected type %T", req)
	}
	if voucher, ok := service.(Voucher); ok && voucher.Vouches(message) {
		return nil
	}
	violations, err := validator.violations(message)
	if err != nil || len(violations.fields) == 0 {
		return err
	}
	if checker, ok := service.(Checker); ok {
		var more Violations
		checker.Check(ctx, message, &more)
		violations.merge(more)
	}
	return violations.Err()
}
