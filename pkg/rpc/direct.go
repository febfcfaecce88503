package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// A Direct is a server and the connection to it in one, without anything
// between: a call runs the handler in the caller's goroutine and returns when
// that has, validated and with errors mapped as a [Server] does it. So what one
// goroutine calls happens in one order, which is what a simulation needs; and a
// call costs a fraction of one over a connection, which is what the gateway needs.
//
// A server's stream tells what there is to tell at the moment it is opened, and
// then ends: its handler runs, under a context that has ended already, until it
// waits for more. Streams of the client's are not supported.
//
// Register services before the first call.
type Direct struct {
	chain   grpc.UnaryServerInterceptor
	server  *Server // for its interceptors only
	valid   *Validator
	methods map[string]directMethod
	streams map[string]directStream
}

var (
	_ grpc.ServiceRegistrar    = (*Direct)(nil)
	_ grpc.ClientConnInterface = (*Direct)(nil)
)

type directMethod struct {
	service any
	desc    grpc.MethodDesc
}

type directStream struct {
	service any
	desc    grpc.StreamDesc
}

// NewDirect makes a direct connection to no services yet, which validates
// requests with validator and logs what clients are not told.
func NewDirect(validator *Validator, log *slog.Logger) *Direct {
	s := &Server{log: log}
	return &Direct{
		chain: around(s.mapUnary, around(s.recoverUnary, validateUnary(validator))), server: s, valid: validator,
		methods: map[string]directMethod{}, streams: map[string]directStream{},
	}
}

// around puts an interceptor around another.
func around(outer, inner grpc.UnaryServerInterceptor) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		return outer(ctx, req, info, func(ctx context.Context, req any) (any, error) {
			return inner(ctx, req, info, handler)
		})
	}
}

// RegisterService implements [grpc.ServiceRegistrar].
func (d *Direct) RegisterService(desc *grpc.ServiceDesc, service any) {
	for _, method := range desc.Methods {
		d.methods["/"+desc.ServiceName+"/"+method.MethodName] = directMethod{service, method}
	}
	for _, stream := range desc.Streams {
		d.streams["/"+desc.ServiceName+"/"+stream.StreamName] = directStream{service, stream}
	}
}

// arriving is the context of a call as its handler sees it.
func arriving(ctx context.Context) context.Context {
	sent, _ := metadata.FromOutgoingContext(ctx)
	return metadata.NewIncomingContext(metadata.NewOutgoingContext(ctx, metadata.MD{}), sent)
}

// Invoke implements [grpc.ClientConnInterface]. Neither side keeps the other's
// messages: they are copied. Options are not heeded.
func (d *Direct) Invoke(ctx context.Context, method string, args, reply any, _ ...grpc.CallOption) error {
	called, ok := d.methods[method]
	if !ok {
		return status.Errorf(codes.Unimplemented, "unknown method %s", method)
	}
	if err := ctx.Err(); err != nil {
		return status.FromContextError(err).Err()
	}
	response, err := called.desc.Handler(called.service, arriving(ctx), func(into any) error { return copyMessage(into, args) }, d.chain)
	if err != nil {
		return asStatus(err)
	}
	return copyMessage(reply, response)
}

// NewStream implements [grpc.ClientConnInterface].
func (d *Direct) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	called, ok := d.streams[method]
	if !ok || desc.ClientStreams {
		return nil, status.Errorf(codes.Unimplemented, "%s is no stream of the server's", method)
	}
	return &directReader{ctx: ctx, server: d, method: method, called: called}, nil
}

// directReader is the client's side of a stream: what the handler sent.
type directReader struct {
	ctx    context.Context
	server *Direct
	method string
	called directStream
	sent   []proto.Message
	err    error
}

// Header implements [grpc.ClientStream]; there is none.
func (r *directReader) Header() (metadata.MD, error) { return metadata.MD{}, nil }

// Trailer implements [grpc.ClientStream]; there is none.
func (r *directReader) Trailer() metadata.MD { return nil }

// CloseSend implements [grpc.ClientStream].
func (r *directReader) CloseSend() error { return nil }

// Context implements [grpc.ClientStream].
func (r *directReader) Context() context.Context { return r.ctx }

// SendMsg implements [grpc.ClientStream]: it takes the request and runs the
// handler.
func (r *directReader) SendMsg(request any) error {
	ended, cancel := context.WithCancel(arriving(r.ctx))
	cancel()
	s := r.server.server
	info := &grpc.StreamServerInfo{FullMethod: r.method, IsServerStream: true}
	err := s.mapStream(r.called.service, &directWriter{ctx: ended, request: request, to: r}, info,
		func(service any, stream grpc.ServerStream) error {
			return s.recoverStream(service, stream, info, func(service any, stream grpc.ServerStream) error {
				return r.called.desc.Handler(service, &validatingStream{ServerStream: stream, validator: r.server.valid})
			})
		})
	// That it could not wait for more is how it ends.
	if r.err = asStatus(err); err == nil || status.Code(r.err) == codes.Canceled {
		r.err = io.EOF
	}
	return nil
}

// RecvMsg implements [grpc.ClientStream].
func (r *directReader) RecvMsg(into any) error {
	if len(r.sent) == 0 {
		return r.err
	}
	next := r.sent[0]
	r.sent = r.sent[1:]
	return copyMessage(into, next)
}

// directWriter is the handler's side of a stream.
type directWriter struct {
	ctx     context.Context
	request any
	to      *directReader
}

// SetHeader implements [grpc.ServerStream]; nobody reads it.
func (w *directWriter) SetHeader(metadata.MD) error { return nil }

// SendHeader implements [grpc.ServerStream]; nobody reads it.
func (w *directWriter) SendHeader(metadata.MD) error { return nil }

// SetTrailer implements [grpc.ServerStream]; nobody reads it.
func (w *directWriter) SetTrailer(metadata.MD) {}

// Context implements [grpc.ServerStream].
func (w *directWriter) Context() context.Context { return w.ctx }

// SendMsg implements [grpc.ServerStream].
func (w *directWriter) SendMsg(message any) error {
	sent, ok := message.(proto.Message)
	if !ok {
		return fmt.Errorf("message of unexpected type %T", message)
	}
	w.to.sent = append(w.to.sent, proto.Clone(sent))
	return nil
}

// RecvMsg implements [grpc.ServerStream]: it gives the one request.
func (w *directWriter) RecvMsg(into any) error {
	if w.request == nil {
		return io.EOF
	}
	request := w.request
	w.request = nil
	return copyMessage(into, request)
}

func copyMessage(into, from any) error {
	to, ok := into.(proto.Message)
	if !ok {
		return fmt.Errorf("message of unexpected type %T", into)
	}
	message, ok := from.(proto.Message)
	if !ok {
		return fmt.Errorf("message of unexpected type %T", from)
	}
	proto.Reset(to)
	proto.Merge(to, message)
	return nil
}

// asStatus is an error as a client sees it.
func asStatus(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return status.Convert(err).Err()
}
