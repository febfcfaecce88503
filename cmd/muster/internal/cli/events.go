package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"

	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

type eventsCommand struct {
	client
	Group     string `help:"Only events of this group."`
	Instance  string `help:"Only events of this instance."`
	FromStart bool   `help:"Begin with the oldest event that is kept, not with the next one to come."`
}

// Run follows events until the user or the system ends it.
func (c *eventsCommand) Run(ctx context.Context, on console) error {
	return c.call(func(conn *grpc.ClientConn) error {
		watch, err := healthv1.NewHealthServiceClient(conn).WatchInstanceEvents(ctx, &healthv1.WatchInstanceEventsRequest{
			GroupId: c.Group, InstanceId: c.Instance, FromStart: c.FromStart,
		})
		if err != nil {
			return err
		}
		for {
			next, err := watch.Recv()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if next.GetEvent() == nil {
				continue
			}
			if err := c.showEvent(on.out, next); err != nil {
				return err
			}
		}
	})
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
