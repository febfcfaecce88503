package api

import (
	"context"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/seed-198b1370/muster/services/fleetsim/internal/trouble"
)

// A gate stands before the handlers: it finds the account of a call, holds its
// rate against what the account may, and does to the call what faults say.
type gate struct {
	*Deps
	throttle *throttle
	calls    atomic.Uint64 // that faults can disturb, so far

	mu     sync.Mutex
	budget *trouble.Budget // guarded by mu
}

func newGate(d *Deps) *gate {
	return &gate{Deps: d, throttle: newThrottle(), budget: trouble.NewBudget()}
}

// guarded is a service whose calls pass a gate. Unary calls of a disturbed
// service can be disturbed by faults.
func guarded(desc grpc.ServiceDesc, g *gate, disturbed bool) *grpc.ServiceDesc {
	methods := make([]grpc.MethodDesc, len(desc.Methods))
	for i, method := range desc.Methods {
		inner := g.unary(method.MethodName, disturbed)
		methods[i] = grpc.MethodDesc{
			MethodName: method.MethodName,
			Handler: func(service any, ctx context.Context, decode func(any) error, outer grpc.UnaryServerInterceptor) (any, error) {
				return method.Handler(service, ctx, decode, within(outer, inner))
			},
		}
	}
	streams := make([]grpc.StreamDesc, len(desc.Streams))
	for i, stream := range desc.Streams {
		streams[i] = stream
		streams[i].Handler = g.stream(stream.StreamName, stream.Handler)
	}
	desc.Methods, desc.Streams = methods, streams
	return &desc
}

// within puts an interceptor inside those of the server.
func within(outer, inner grpc.UnaryServerInterceptor) grpc.UnaryServerInterceptor {
	if outer == nil {
		return inner
	}
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		return outer(ctx, req, info, func(ctx context.Context, req any) (any, error) {
			return inner(ctx, req, info, handler)
		})
	}
}

func (g *gate) unary(method string, disturbed bool) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		account, err := g.admit(ctx, method)
		if err != nil {
			return nil, err
		}
		call := func() (any, error) { return handler(withAccount(ctx, account), req) }
		if !disturbed {
			return call()
		}
		return g.disturb(ctx, method, account, call)
	}
}

func (g *gate) stream(method string, handler grpc.StreamHandler) grpc.StreamHandler {
	return func(service any, stream grpc.ServerStream) error {
		account, err := g.admit(stream.Context(), method)
		if err != nil {
			return err
		}
		return handler(service, &accountStream{stream, withAccount(stream.Context(), account)})
	}
}

// accountStream is a stream that is for an account.
type accountStream struct {
	grpc.ServerStream
	ctx context.Context
}

// Context implements [grpc.ServerStream].
func (s *accountStream) Context() context.Context { return s.ctx }

// admit tells the account of a call, unless there is none such or it calls too
// often.
func (g *gate) admit(ctx context.Context, method string) (string, error) {
	account := g.Account(ctx)
	settings, ok := g.Engine.Facts().Accounts[account]
	if !ok {
		return "", noAccount(codes.Unauthenticated, account)
	}
	pace := g.Engine.Pace()
	if wait := g.throttle.take(account, settings, pace.Now); wait > 0 {
		return "", throttled(account, method, inRealTime(wait, pace.Speed()))
	}
	return account, nil
}
