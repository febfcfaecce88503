package stack

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seed-198b1370/muster/pkg/clock"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// clockRetry is how long to wait, in real time, before the cloud's clock is
// asked for again.
const clockRetry = 200 * time.Millisecond

// followClock makes the stack's clock show the time of a cloud in another
// process: the simulated time if it is a simulator, else the wall clock's. It
// waits until the cloud answers.
func (s *Stack) followClock(ctx context.Context, cloud fleetv1.SimulationServiceClient) error {
	for {
		answer, err := cloud.GetClock(ctx, &fleetv1.GetClockRequest{})
		switch {
		case err == nil:
			follower := clock.NewScaled(answer.GetTime().AsTime(), answer.GetSpeed())
			s.clock = follower
			s.start(ctx, "clock", func(ctx context.Context) error { return s.keepFollowing(ctx, cloud, follower) })
			return nil
		case status.Code(err) == codes.Unimplemented:
			s.clock = clock.NewWall()
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("ask the cloud for its time: %w", err)
		}
		s.config.Log.InfoContext(ctx, "waiting for the cloud", "error", err)
		if err := pause(ctx, clockRetry); err != nil {
			return err
		}
	}
}

// keepFollowing sets the follower whenever the cloud tells its time, until the
// context ends. While the cloud is away, the follower runs on at the last speed.
func (s *Stack) keepFollowing(ctx context.Context, cloud fleetv1.SimulationServiceClient, follower *clock.Scaled) error {
	for {
		err := follow(ctx, cloud, follower)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.config.Log.WarnContext(ctx, "lost the cloud's clock", "error", err)
		if err := pause(ctx, clockRetry); err != nil {
			return err
		}
	}
}

func follow(ctx context.Context, cloud fleetv1.SimulationServiceClient, follower *clock.Scaled) error {
	watch, err := cloud.WatchClock(ctx, &fleetv1.WatchClockRequest{})
	if err != nil {
		return err
	}
	for {
		tick, err := watch.Recv()
		if err != nil {
			return err
		}
		if err := follower.Set(tick.GetTime().AsTime(), tick.GetSpeed()); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
