// Package api owns how HealthService speaks: requests in, errors out. It
// decides nothing and must not know how events come to be.
package api

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/seed-198b1370/muster/pkg/events"
	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
	"github.com/seed-198b1370/muster/services/healthcheck/internal/records"
)

// retryAfter is when a client should ask again for a stream that can not be
// read.
const retryAfter = 2 * time.Second

// A Server answers HealthService.
type Server struct {
	healthv1.UnimplementedHealthServiceServer
	// JetStream holds the events.
	JetStream jetstream.JetStream
	// Fleet is asked whose an instance is.
	Fleet fleetv1.FleetServiceClient
	// Records holds verdicts and policies.
	Records *records.Store
	// Suspected tells in which zones the checker suspects its own network.
	Suspected func() []*healthv1.SuspectedZone
	// Log takes what operators should know.
	Log *slog.Logger
}

// WatchInstanceEvents implements HealthService.
func (s *Server) WatchInstanceEvents(req *healthv1.WatchInstanceEventsRequest, stream grpc.ServerStreamingServer[healthv1.WatchInstanceEventsResponse]) error {
	if err := check(stream.Context(), req); err != nil {
		return err
	}
	filter := events.Filter{
		AccountID: accountOf(stream.Context()), GroupID: req.GetGroupId(), InstanceID: req.GetInstanceId(), Kinds: req.GetKinds(),
	}
	subjects, err := filter.Subjects()
	if err != nil {
		return err // checked above
	}
	since := time.Time{}
	if req.GetSinceTime() != nil {
		since = req.GetSinceTime().AsTime()
	}
	err = events.Watch(stream.Context(), s.JetStream, events.Instances(), events.WatchOptions{
		Cursor:    req.GetCursor(),
		FromStart: req.GetFromStart(),
		Since:     since,
		Subjects:  subjects,
		Log:       s.Log,
	}, func(event *healthv1.InstanceEvent, cursor string) error {
		return stream.Send(&healthv1.WatchInstanceEventsResponse{Event: event, Cursor: cursor})
	})
	return s.toClient(stream.Context(), req, err)
}

// check refuses ids that pass for such by their characters and that no event
// has.
func check(ctx context.Context, req *healthv1.WatchInstanceEventsRequest) error {
	var violations rpc.Violations
	for _, id := range []struct{ field, value string }{{"group_id", req.GetGroupId()}, {"instance_id", req.GetInstanceId()}} {
		if id.value != "" && !events.IsToken(id.value) {
			violations.Add(id.field, id.value, "must be an id")
		}
	}
	checkAccount(ctx, &violations)
	if at := req.GetSinceTime(); at != nil {
		if err := at.CheckValid(); err != nil {
			violations.Add("since_time", rpc.Literal(at.String()), "must be a time")
		}
		if req.GetFromStart() {
			violations.Add("since_time", rpc.Literal(at.AsTime().Format(time.RFC3339)), "must be absent with from_start")
		}
	}
	return violations.Err()
}

// toClient makes the error of a watch that has ended.
func (s *Server) toClient(ctx context.Context, req *healthv1.WatchInstanceEventsRequest, err error) error {
	switch {
	case err == nil || ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, events.ErrBadCursor):
		var violations rpc.Violations
		violations.Add("cursor", req.GetCursor(), "must be a cursor of this event stream")
		return violations.ErrWithReason(healthv1.ErrorReason_ERROR_REASON_INVALID_TOKEN, nil)
	case errors.Is(err, events.ErrUnavailable):
		return unavailable()
	default:
		return err
	}
}

// unavailable refuses a call while JetStream can not be used.
func unavailable() error {
	return rpc.Error(codes.Unavailable, healthv1.ErrorReason_ERROR_REASON_STREAM_UNAVAILABLE, nil,
		"the event stream can not be read now", rpc.RetryAfter(retryAfter))
}
