package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

type readyCommand struct {
	client
	Timeout time.Duration `default:"3s" help:"For how long to wait for an answer."`
}

// errNotServing is the answer of a process that is still waiting for what it
// needs, or that is ending.
var errNotServing = errors.New("the server answers, but serves nothing yet: it waits for what it needs, or it is ending")

// Run asks whether a server serves. Containers use it as their health check.
func (c *readyCommand) Run(ctx context.Context, on console) error {
	if c.Timeout <= 0 {
		return misuse("--timeout must be above 0, got %v", c.Timeout)
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	return c.call(func(conn grpc.ClientConnInterface) error {
		answer, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
		if err != nil {
			return err
		}
		if answer.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			return errNotServing
		}
		return c.show(on.out, answer, func(w table) { row(w, fmt.Sprintf("%s serves.", c.Server)) })
	})
}
