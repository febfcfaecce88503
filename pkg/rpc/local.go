package rpc

import (
	"context"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/test/bufconn"
)

// MaxResponseBytes bounds the size of a response that a client accepts.
const MaxResponseBytes = 16 << 20

// localBufferBytes is how much one side of an in-memory connection can be ahead
// of the other.
const localBufferBytes = 1 << 20

// A Local is a listener in memory: a server that serves it is called, in the
// same process, over the very same path as over a socket.
type Local struct{ *bufconn.Listener }

// NewLocal makes a listener in memory.
func NewLocal() Local { return Local{bufconn.Listen(localBufferBytes)} }

// Dial makes a client connection to the listener's server. It connects on
// first use.
func (l Local) Dial(options ...grpc.DialOption) (*grpc.ClientConn, error) {
	return dial("passthrough:///local", append(options, grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		return l.DialContext(ctx)
	}))...)
}

// Accept implements [net.Listener].
func (l Local) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return localConn{conn}, nil
}

// Dial makes a client connection to a host and port, in plain text unless an
// option has credentials. It connects on first use and again, with growing delay
// up to two seconds, when the connection is lost.
func Dial(target string, options ...grpc.DialOption) (*grpc.ClientConn, error) {
	return dial(target, options...)
}

func dial(target string, options ...grpc.DialOption) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient(target, append([]grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxResponseBytes)),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second},
			MinConnectTimeout: 5 * time.Second,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
	}, options...)...)
	if err != nil {
		return nil, fmt.Errorf("connect to %q: %w", target, err)
	}
	return conn, nil
}
