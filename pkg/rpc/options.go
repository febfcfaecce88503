package rpc

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/stats"
)

// A ServerOption sets what most servers leave as it is.
type ServerOption func(*serverOptions)

type serverOptions struct {
	credentials credentials.TransportCredentials
	unary       []grpc.UnaryServerInterceptor
	stream      []grpc.StreamServerInterceptor
	others      []grpc.ServerOption
}

func newServerOptions(options []ServerOption) serverOptions {
	made := serverOptions{credentials: insecure.NewCredentials()}
	for _, set := range options {
		set(&made)
	}
	return made
}

// WithCredentials makes connections secure. Those through a [Local] stay as they
// are: they never leave the process.
func WithCredentials(secure credentials.TransportCredentials) ServerOption {
	return func(o *serverOptions) { o.credentials = secure }
}

// WithStats tells a handler of each call.
func WithStats(handler stats.Handler) ServerOption {
	return func(o *serverOptions) { o.others = append(o.others, grpc.StatsHandler(handler)) }
}

// WithGate puts interceptors in front of validation: they see each call before
// anything of it is looked at, and what they return is mapped and logged as any
// error is.
func WithGate(unary grpc.UnaryServerInterceptor, stream grpc.StreamServerInterceptor) ServerOption {
	return func(o *serverOptions) {
		o.unary, o.stream = append(o.unary, unary), append(o.stream, stream)
	}
}
