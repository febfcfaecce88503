// Package rpctest serves gRPC services to tests, in memory, with all that a
// real server does to a call: validation, error mapping, panic recovery. It must
// not know any service.
package rpctest

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"google.golang.org/grpc"

	"github.com/seed-198b1370/muster/pkg/rpc"
)

// Serve serves what register registers until the test ends, and returns a
// connection to it. Calls that still run then are cut off.
func Serve(t testing.TB, register func(grpc.ServiceRegistrar)) *grpc.ClientConn {
	t.Helper()
	validator, err := rpc.NewValidator()
	if err != nil {
		t.Fatal(err)
	}
	server := rpc.NewServer(validator, slog.New(slog.DiscardHandler))
	register(server)
	local := rpc.NewLocal()
	conn, err := local.Dial()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, 0, local) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-ended, conn.Close()); err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	return conn
}
