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

// clockTold is after how many tries in vain the log says so again.
const clockTold = 50

// clockSlack is how far, in real time, a follower may be ahead of the cloud's
// clock for reasons of the network; it then waits for the cloud.
const clockSlack = 5 * time.Second

// followClock makes the stack's clock show the time of a cloud in another
// process: the simulated time if it is a simulator, else the wall clock's. It
// waits until the cloud answers.
func (s *Stack) followClock(ctx context.Context, cloud fleetv1.SimulationServiceClient) error {
	for tries := 0; ; tries++ {
		answer, err := cloud.GetClock(ctx, &fleetv1.GetClockRequest{})
		switch {
		case err == nil:
			follower := clock.NewScaled(answer.GetTime().AsTime(), clock.MinSpeed)
			if err := follower.Set(answer.GetTime().AsTime(), rate(answer)); err != nil {
				return fmt.Errorf("follow the cloud's time: %w", err)
			}
			s.clock = follower
			s.start(ctx, "clock", func(ctx context.Context) error { return s.keepFollowing(ctx, cloud, follower) })
			return nil
		case status.Code(err) == codes.Unimplemented:
			s.clock = clock.NewWall()
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("ask the cloud for its time: %w", err)
		}
		if tries%clockTold == 0 {
			s.config.Log.InfoContext(ctx, "waiting for the cloud", "address", s.config.FleetAddr, "error", err)
		}
		if err := pause(ctx, clockRetry); err != nil {
			return err
		}
	}
}

// followClockLater makes the stack's clock show the time of a cloud in another
// process, as followClock does, without waiting for it: until the cloud answers
// the clock stands still at the beginning of 1970. A cloud that is no simulator
// lives by the wall clock.
func (s *Stack) followClockLater(ctx context.Context, cloud fleetv1.SimulationServiceClient) {
	follower := clock.NewScaled(time.Unix(0, 0), 1)
	follower.Pause()
	s.clock = follower
	s.start(ctx, "clock", func(ctx context.Context) error {
		for {
			_, err := cloud.GetClock(ctx, &fleetv1.GetClockRequest{})
			switch {
			case err == nil:
				return s.keepFollowing(ctx, cloud, follower)
			case status.Code(err) == codes.Unimplemented:
				follower.Jump(time.Now())
				follower.Resume()
				<-ctx.Done()
				return ctx.Err()
			}
			if err := pause(ctx, clockRetry); err != nil {
				return err
			}
		}
	})
}

// keepFollowing sets the follower whenever the cloud tells its time, until the
// context ends. While the cloud is away the follower stands still, as the time
// of a stopped simulator does: one that ran on would be ahead of the cloud
// later, and would have to wait for it.
func (s *Stack) keepFollowing(ctx context.Context, cloud fleetv1.SimulationServiceClient, follower *clock.Scaled) error {
	lost := false
	var ahead time.Duration // of the follower before the cloud
	for {
		err := follow(ctx, cloud, func(now time.Time, speed float64) error {
			if lost {
				s.config.Log.InfoContext(ctx, "the cloud's clock is back", "time", now, "speed", speed)
				lost = false
			}
			// One that is back with a much earlier time forgot everything and
			// began anew, or was put back, and one that was very fast until now
			// has left us ahead by what the news took to come. To wait until it
			// has caught up could be to do nothing for hours. One that stands
			// still is not waited for.
			if behind := follower.Now().Sub(now.Add(ahead)); speed > 0 && behind > time.Duration(float64(clockSlack)*speed) {
				s.config.Log.WarnContext(ctx, "the cloud's clock is behind; going on from the time that was reached", "behind", behind)
				ahead += behind
			}
			return follower.Set(now.Add(ahead), speed)
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !lost {
			s.config.Log.WarnContext(ctx, "lost the cloud's clock; time stands still until it is back", "error", err)
			lost = true
		}
		follower.Pause()
		if err := pause(ctx, clockRetry); err != nil {
			return err
		}
	}
}

// follow hands on what the cloud tells of its clock, speed 0 while that stands
// still, until that ends.
func follow(ctx context.Context, cloud fleetv1.SimulationServiceClient, tell func(time.Time, float64) error) error {
	watch, err := cloud.WatchClock(ctx, &fleetv1.WatchClockRequest{})
	if err != nil {
		return err
	}
	for {
		tick, err := watch.Recv()
		if err != nil {
			return err
		}
		if err := tell(tick.GetTime().AsTime(), rate(tick)); err != nil {
			return err
		}
	}
}

// rate is how fast a clock runs now: not at all while it is paused.
func rate(told interface {
	GetSpeed() float64
	GetPaused() bool
}) float64 {
	if told.GetPaused() {
		return 0
	}
	return told.GetSpeed()
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
