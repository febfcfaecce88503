package stack

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/clock"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// toldClock is a cloud whose clock is what a test says.
type toldClock struct {
	fleetv1.SimulationServiceClient
	grpc.ServerStreamingClient[fleetv1.WatchClockResponse]
	ctx  context.Context
	says chan *fleetv1.WatchClockResponse // nil: the stream breaks
}

func (c *toldClock) WatchClock(ctx context.Context, _ *fleetv1.WatchClockRequest, _ ...grpc.CallOption) (grpc.ServerStreamingClient[fleetv1.WatchClockResponse], error) {
	c.ctx = ctx
	return c, nil
}

func (c *toldClock) Recv() (*fleetv1.WatchClockResponse, error) {
	select {
	case tick := <-c.says:
		if tick == nil {
			return nil, io.ErrUnexpectedEOF
		}
		return tick, nil
	case <-c.ctx.Done():
		return nil, c.ctx.Err()
	}
}

// TestKeepFollowing_neverGoesBack follows a cloud's clock through pauses, jumps,
// a cloud that goes away, and one that is put back.
func TestKeepFollowing_neverGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		origin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		s := &Stack{config: Config{Log: slog.New(slog.DiscardHandler)}}
		cloud := &toldClock{says: make(chan *fleetv1.WatchClockResponse)}
		follower := clock.NewScaled(origin, 60)
		ended := make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { ended <- s.keepFollowing(ctx, cloud, follower) }()
		latest := origin
		for _, step := range []struct {
			what         string
			told         time.Duration // after the origin
			speed        float64
			waits        time.Duration // real time
			from, passes time.Duration // what the follower shows after the origin, and how far it moves
		}{
			{"it runs", 0, 60, time.Minute, 0, time.Hour},
			{"it stands, a little before", time.Hour - time.Second, 0, time.Hour, time.Hour, 0},
			{"it is stepped", 2 * time.Hour, 0, time.Hour, 2 * time.Hour, 0},
			{"it runs on", 2 * time.Hour, 3600, time.Second, 2 * time.Hour, time.Hour},
			{"it jumps", 10 * time.Hour, 3600, time.Second, 10 * time.Hour, time.Hour},
			{"it is put back and stands", time.Hour, 0, time.Hour, 11 * time.Hour, 0},
			{"it runs on from there", time.Hour, 60, time.Minute, 11 * time.Hour, time.Hour},
		} {
			cloud.says <- &fleetv1.WatchClockResponse{Time: timestamppb.New(origin.Add(step.told)), Speed: step.speed, Paused: step.speed == 0}
			synctest.Wait()
			from := follower.Now()
			time.Sleep(step.waits)
			now := follower.Now()
			if from.Before(latest) || !from.Equal(origin.Add(step.from)) || now.Sub(from) != step.passes {
				t.Errorf("%s: the follower shows %v, then %v", step.what, from, now)
			}
			latest = now
		}
		cloud.says <- nil
		synctest.Wait()
		time.Sleep(100 * time.Millisecond)
		if now := follower.Now(); !now.Equal(latest) {
			t.Errorf("while the cloud is away %v passed", now.Sub(latest))
		}
		cancel()
		<-ended
	})
}
