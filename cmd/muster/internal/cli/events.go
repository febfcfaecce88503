package cli

import (
	"context"
	"fmt"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/cmd/muster/internal/cli/value"
	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

type eventsCommand struct {
	Follow eventsFollow `cmd:"" default:"withargs" help:"Follow what becomes of instances. The default."`
	Dead   eventsDead   `cmd:"" help:"List messages on the event streams that are no events, with what is wrong with them."`
}

type eventsFollow struct {
	client
	Group     string   `placeholder:"ID" help:"Only events of this group."`
	Instance  string   `placeholder:"ID" help:"Only events of this instance."`
	Kind      []string `placeholder:"KIND" help:"Only events of these kinds: created, running, stopped, released, interruption-notice, interrupted, unhealthy or recovered." enum:"created,running,stopped,released,interruption-notice,interrupted,unhealthy,recovered"`
	Cursor    string   `placeholder:"CURSOR" help:"Go on after the event that has this cursor; -o json shows it."`
	FromStart bool     `help:"Begin with the oldest event that is kept, not with the next one to come."`
	Since     string   `placeholder:"WHEN" help:"Begin with what happened then: a time such as 2026-01-02T15:04:05Z, or so long ago on the cloud's clock, such as 90s, 24h or 7d."`
}

// Run follows events until the user ends it. A stream that was there and broke
// is taken up where it ended.
func (c *eventsFollow) Run(ctx context.Context, on console) error {
	if c.Cursor != "" {
		if err := checkAlone("--cursor", given{"--from-start", c.FromStart}, given{"--since", c.Since != ""}); err != nil {
			return err
		}
	}
	if c.FromStart {
		if err := checkAlone("--from-start", given{"--since", c.Since != ""}); err != nil {
			return err
		}
	}
	return c.call(func(conn grpc.ClientConnInterface) error {
		since, err := c.sinceTime(ctx, conn)
		if err != nil {
			return err
		}
		return c.follow(ctx, on, conn, since)
	})
}

// sinceTime tells when to begin; nil for no time.
func (c *eventsFollow) sinceTime(ctx context.Context, conn grpc.ClientConnInterface) (*timestamppb.Timestamp, error) {
	if c.Since == "" {
		return nil, nil //nolint:nilnil // nothing is asked for
	}
	if at, err := value.Time(c.Since); err == nil {
		return timestamppb.New(at), nil
	}
	ago, err := value.Duration(c.Since)
	if err != nil || ago < 0 {
		return nil, misuse("--since must be a time such as 2026-01-02T15:04:05Z or a duration such as 90s, 24h or 7d, got %q", c.Since)
	}
	now, err := fleetv1.NewSimulationServiceClient(conn).GetClock(ctx, &fleetv1.GetClockRequest{})
	if status.Code(err) == codes.Unimplemented {
		return nil, misuse("--since must be a time: %s does not tell what time it is for the cloud", c.Server)
	}
	if err != nil {
		return nil, err
	}
	return timestamppb.New(now.GetTime().AsTime().Add(-ago)), nil
}

// follow follows events from where the flags say on.
func (c *eventsFollow) follow(ctx context.Context, on console, conn grpc.ClientConnInterface, since *timestamppb.Timestamp) error {
	health, request := healthv1.NewHealthServiceClient(conn), c.request(since)
	f := follower{
		what: "the event stream", err: on.err, away: outage{err: on.err, what: "the event stream of " + c.Server},
		follow: func(ctx context.Context, alive func()) error {
			events, err := health.WatchInstanceEvents(ctx, request)
			if err != nil {
				return err
			}
			return receive(events, func(next *healthv1.WatchInstanceEventsResponse) error {
				alive()
				request.Cursor = next.GetCursor()
				if next.GetEvent() == nil {
					return nil // a sign of life
				}
				return c.showEvent(on.out, next)
			})
		},
		lost: func(err error) string {
			if !rpc.HasReason(err, healthv1.ErrorReason_ERROR_REASON_INVALID_TOKEN) {
				return ""
			}
			request.Cursor, request.FromStart, request.SinceTime = "", true, nil
			return anew
		},
	}
	return f.run(ctx)
}

func (c *eventsFollow) request(since *timestamppb.Timestamp) *healthv1.WatchInstanceEventsRequest {
	request := &healthv1.WatchInstanceEventsRequest{
		GroupId: c.Group, InstanceId: c.Instance, Cursor: c.Cursor, FromStart: c.FromStart, SinceTime: since,
	}
	for _, kind := range c.Kind {
		request.Kinds = append(request.Kinds, healthv1.InstanceEventKind(healthv1.InstanceEventKind_value["INSTANCE_EVENT_KIND_"+enumName(kind)]))
	}
	return request
}

func (c *eventsFollow) showEvent(out io.Writer, next *healthv1.WatchInstanceEventsResponse) error {
	if c.Output == "json" {
		return writeJSON(out, next)
	}
	event := next.GetEvent()
	note := ""
	if event.GetReason() != "" {
		note = " (" + event.GetReason() + ")"
	}
	if event.GetMessage() != "" {
		note += ": " + tame(event.GetMessage())
	}
	if event.GetKind() == healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_INTERRUPTION_NOTICE {
		note += ", released at " + stamp(event.GetReleaseTime())
	}
	_, err := fmt.Fprintf(out, "%s  %-19s  %s  %s %s %s  group %s%s\n", stamp(event.GetTime()), word(event.GetKind()), event.GetInstanceId(),
		event.GetInstanceType(), event.GetZoneId(), word(event.GetBillingMethod()), orDash(event.GetGroupId()), note)
	return err
}

type eventsDead struct {
	client
	Limit int32 `placeholder:"N" help:"Show at most so many, the newest, 1 to 250." default:"100"`
}

// Run lists what is no event.
func (c *eventsDead) Run(ctx context.Context, on console) error {
	if err := checkLimit(c.Limit); err != nil {
		return err
	}
	return c.call(func(conn grpc.ClientConnInterface) error {
		listed, err := healthv1.NewHealthServiceClient(conn).ListDeadEvents(ctx, &healthv1.ListDeadEventsRequest{PageSize: c.Limit})
		if err != nil {
			return err
		}
		return c.show(on.out, listed, func(w table) {
			row(w, "TIME", "CONSUMER", "STREAM", "NUMBER", "SUBJECT", "REASON")
			for _, dead := range listed.GetDeadEvents() {
				row(w, stamp(dead.GetTime()), tame(dead.GetConsumer()), tame(dead.GetStream()), dead.GetSequence(), tame(dead.GetSubject()), tame(dead.GetReason()))
			}
		})
	})
}

// checkLimit refuses more than a list tells at once.
func checkLimit(limit int32) error {
	if limit < 1 || limit > 250 {
		return misuse("--limit must be 1 to 250, got %d", limit)
	}
	return nil
}
