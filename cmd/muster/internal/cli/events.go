package cli

import (
	"context"
	"fmt"
	"io"

	"google.golang.org/grpc"

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
	return c.call(func(conn grpc.ClientConnInterface) error {
		health, request := healthv1.NewHealthServiceClient(conn), c.request()
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
				request.Cursor, request.FromStart = "", true
				return anew
			},
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
