package api

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/events"
	"github.com/seed-198b1370/muster/pkg/rpc"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

const (
	defaultPage = 100
	// deadCall bounds the look through what was set aside.
	deadCall = 5 * time.Second
)

// ListDeadEvents implements HealthService.
func (s *Server) ListDeadEvents(ctx context.Context, req *healthv1.ListDeadEventsRequest) (*healthv1.ListDeadEventsResponse, error) {
	var violations rpc.Violations
	if checkAccount(ctx, &violations); violations.Err() != nil {
		return nil, violations.Err()
	}
	size := int(req.GetPageSize())
	if size == 0 {
		size = defaultPage
	}
	account := accountOf(ctx)
	looking, cancel := context.WithTimeout(ctx, deadCall)
	defer cancel()
	dead, err := events.ListDead(looking, s.JetStream, size, func(one events.Dead) bool { return events.AccountOf(one.Subject) == account })
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		s.Log.WarnContext(ctx, "messages that were set aside can not be read", "error", err)
		return nil, unavailable()
	}
	resp := &healthv1.ListDeadEventsResponse{}
	for _, one := range dead {
		resp.DeadEvents = append(resp.DeadEvents, &healthv1.DeadEvent{
			Consumer: one.Consumer, Subject: one.Subject, Stream: one.Stream, Sequence: one.Sequence, Reason: one.Reason,
			Time: timestamppb.New(one.Time), BodyBytes: int32(min(len(one.Body), 1<<30)),
		})
	}
	return resp, nil
}
