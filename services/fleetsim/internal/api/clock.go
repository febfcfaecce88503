package api

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/engine"
)

// clockEvery is how often, in real time, the clock is told.
const clockEvery = 2 * time.Second

// longestAdvance is how far time can be moved on at once.
const longestAdvance = 31 * 24 * time.Hour

// GetClock implements the contract.
func (s *simulation) GetClock(context.Context, *fleetv1.GetClockRequest) (*fleetv1.GetClockResponse, error) {
	pace := s.Engine.Pace()
	return &fleetv1.GetClockResponse{Time: timestamppb.New(pace.Now()), Speed: pace.Speed(), Paused: pace.Paused()}, nil
}

// WatchClock implements the contract.
func (s *simulation) WatchClock(_ *fleetv1.WatchClockRequest, stream grpc.ServerStreamingServer[fleetv1.WatchClockResponse]) error {
	pace := s.Engine.Pace()
	tick := newBeat(pace, clockEvery)
	defer tick.stop()
	for {
		changed := pace.Changed() // before the clock is read, so that no change is missed
		err := stream.Send(&fleetv1.WatchClockResponse{Time: timestamppb.New(pace.Now()), Speed: pace.Speed(), Paused: pace.Paused()})
		if err != nil {
			return err
		}
		if _, err := tick.wait(stream.Context(), changed, nil, s.Engine); err != nil {
			return err
		}
	}
}

// SetClockSpeed implements the contract. It is refused when the clock was given
// to the service, because then others run by it.
func (s *simulation) SetClockSpeed(_ context.Context, req *fleetv1.SetClockSpeedRequest) (*fleetv1.SetClockSpeedResponse, error) {
	at, err := s.Engine.Pace().SetSpeed(req.GetSpeed())
	if err != nil {
		return nil, refusedClock(err)
	}
	return &fleetv1.SetClockSpeedResponse{Time: timestamppb.New(at)}, nil
}

// PauseClock implements the contract.
func (s *simulation) PauseClock(_ context.Context, req *fleetv1.PauseClockRequest) (*fleetv1.PauseClockResponse, error) {
	at, err := s.Engine.Pace().SetPaused(!req.GetResume())
	if err != nil {
		return nil, refusedClock(err)
	}
	return &fleetv1.PauseClockResponse{Time: timestamppb.New(at)}, nil
}

// AdvanceClock implements the contract.
func (s *simulation) AdvanceClock(ctx context.Context, req *fleetv1.AdvanceClockRequest) (*fleetv1.AdvanceClockResponse, error) {
	field, target := "to", req.GetTo()
	if req.GetToEventAfter() != nil {
		field, target = "to_event_after", req.GetToEventAfter()
	}
	now := s.Engine.Pace().Now()
	var violations rpc.Violations
	to := timeOf(&violations, field, target, now)
	if ahead := to.Sub(now); ahead > longestAdvance {
		violations.Add(field, rpc.Literal(to.Format(time.RFC3339Nano)), "must be at most 31 days after the present time, "+now.Format(time.RFC3339Nano))
	}
	if err := violations.Err(); err != nil {
		return nil, err
	}
	advance := s.Engine.Jump
	if req.GetToEventAfter() != nil {
		advance = s.toEventAfter
	}
	at, err := advance(ctx, to)
	if err != nil {
		return nil, refusedClock(err)
	}
	return &fleetv1.AdvanceClockResponse{Time: timestamppb.New(at)}, nil
}

// jumpMemory is the last event that the clock was moved on to.
type jumpMemory struct {
	mu sync.Mutex
	at time.Time // guarded by mu
}

// toEventAfter moves the clock on to the first event after a time. While it
// stands still at one that it was moved to, that event is the first after any
// time before it: so the same request twice moves it once.
func (s *simulation) toEventAfter(ctx context.Context, after time.Time) (time.Time, error) {
	s.jumps.mu.Lock()
	defer s.jumps.mu.Unlock()
	if now := s.Engine.Pace().Now(); now.Equal(s.jumps.at) && after.Before(now) {
		return now, nil
	}
	if _, err := s.Engine.Jump(ctx, after); err != nil {
		return time.Time{}, err
	}
	next, err := s.Engine.NextEvent(ctx)
	if err != nil {
		return time.Time{}, err
	}
	at, err := s.Engine.Jump(ctx, next)
	if err == nil {
		s.jumps.at = next
	}
	return at, err
}

// refusedClock turns the refusal of a change of the clock into an error of the
// contract.
func refusedClock(err error) error {
	if errors.Is(err, engine.ErrFixedClock) {
		return rpc.Error(codes.FailedPrecondition, fleetv1.ErrorReason_ERROR_REASON_CLOCK_NOT_OWN, nil,
			"the clock of this simulated cloud was given to it and can not be changed here")
	}
	return stopping(err)
}
