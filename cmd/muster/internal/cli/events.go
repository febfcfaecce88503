package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seed-198b1370/muster/pkg/rpc"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

type eventsCommand struct {
	client
	Group     string   `placeholder:"ID" help:"Only events of this group."`
	Instance  string   `placeholder:"ID" help:"Only events of this instance."`
	Kind      []string `placeholder:"KIND" help:"Only events of these kinds: created, running, stopped, released, interruption-notice or interrupted." enum:"created,running,stopped,released,interruption-notice,interrupted"`
	Cursor    string   `placeholder:"CURSOR" help:"Go on after the event that has this cursor; -o json shows it."`
	FromStart bool     `help:"Begin with the oldest event that is kept, not with the next one to come."`
}

// Run follows events until the user ends it. A stream that was there and broke
// is taken up where it ended.
func (c *eventsCommand) Run(ctx context.Context, on console) error {
	if c.Cursor != "" {
		if err := checkAlone("--cursor", given{"--from-start", c.FromStart}); err != nil {
			return err
		}
	}
	return c.call(func(conn *grpc.ClientConn) error {
		f := follower{
			health: healthv1.NewHealthServiceClient(conn), request: c.request(), out: on.out, show: c.showEvent,
			away: outage{err: on.err, what: "the event stream of " + c.Server},
		}
		return f.run(ctx)
	})
}

func (c *eventsCommand) request() *healthv1.WatchInstanceEventsRequest {
	request := &healthv1.WatchInstanceEventsRequest{
		GroupId: c.Group, InstanceId: c.Instance, Cursor: c.Cursor, FromStart: c.FromStart,
	}
	for _, kind := range c.Kind {
		request.Kinds = append(request.Kinds, healthv1.InstanceEventKind(healthv1.InstanceEventKind_value["INSTANCE_EVENT_KIND_"+enumName(kind)]))
	}
	return request
}

func (c *eventsCommand) showEvent(out io.Writer, next *healthv1.WatchInstanceEventsResponse) error {
	if c.Output == "json" {
		return writeJSON(out, next)
	}
	event := next.GetEvent()
	note := ""
	if event.GetReason() != "" {
		note = " (" + event.GetReason() + ")"
	}
	if event.GetKind() == healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_INTERRUPTION_NOTICE {
		note += ", released at " + stamp(event.GetReleaseTime())
	}
	_, err := fmt.Fprintf(out, "%s  %-19s  %s  %s %s %s  group %s%s\n", stamp(event.GetTime()), word(event.GetKind()), event.GetInstanceId(),
		event.GetInstanceType(), event.GetZoneId(), word(event.GetBillingMethod()), orDash(event.GetGroupId()), note)
	return err
}

// A follower follows events across the ends of their stream.
type follower struct {
	health      healthv1.HealthServiceClient
	request     *healthv1.WatchInstanceEventsRequest // its cursor moves on
	out         io.Writer
	show        func(io.Writer, *healthv1.WatchInstanceEventsResponse) error
	away        outage
	established bool // there was a stream
}

func (f *follower) run(ctx context.Context) error {
	for {
		err := f.follow(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case !f.established:
			return err
		case rpc.HasReason(err, healthv1.ErrorReason_ERROR_REASON_INVALID_TOKEN):
			say(f.away.err, "muster: the event stream began anew; going on from its start")
			f.request.Cursor, f.request.FromStart = "", true
		case !isPassing(err):
			return err
		default:
			if err := f.away.pause(ctx); err != nil {
				return err
			}
		}
	}
}

// follow shows events until their stream ends, and returns why it did.
func (f *follower) follow(ctx context.Context) error {
	watch, err := f.health.WatchInstanceEvents(ctx, f.request)
	if err != nil {
		return err
	}
	for {
		next, err := watch.Recv()
		if errors.Is(err, io.EOF) {
			return status.Error(codes.Unavailable, "the event stream ended")
		}
		if err != nil {
			return err
		}
		f.established = true
		f.away.over()
		if next.GetEvent() != nil {
			if err := f.show(f.out, next); err != nil {
				return err
			}
		}
		f.request.Cursor = next.GetCursor()
	}
}
