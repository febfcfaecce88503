package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/seed-198b1370/muster/pkg/money"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

type groupWatch struct {
	namedGroup
}

// Run shows the group whenever it has changed, until it is deleted. Once it was
// shown, it is watched on for as long as the system is away.
func (c *groupWatch) Run(ctx context.Context, on console) error {
	return c.on(ctx, func(groups groupv1.GroupServiceClient, _ regions, id string) error {
		away := outage{err: on.err, what: c.Server}
		for cursor := ""; ; {
			deleted, err := c.follow(ctx, groups, id, &cursor, &away, on.out)
			if deleted {
				return nil
			}
			if cursor == "" || ctx.Err() != nil || !isPassing(err) {
				return err
			}
			if err := away.pause(ctx); err != nil {
				return err
			}
		}
	})
}

// follow shows the group until it is deleted or the stream ends, and notes where
// to go on.
func (c *groupWatch) follow(ctx context.Context, groups groupv1.GroupServiceClient, id string, cursor *string, away *outage, out io.Writer) (deleted bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := groups.WatchGroup(ctx, &groupv1.WatchGroupRequest{GroupIds: []string{id}, Cursor: *cursor})
	if err != nil {
		return false, err
	}
	for {
		got, err := stream.Recv()
		if err != nil {
			return false, err
		}
		away.over()
		*cursor = got.GetCursor()
		if err := c.showWatched(out, got.GetGroup()); err != nil {
			return false, err
		}
		if got.GetGroup().GetLifecycle() == groupv1.Lifecycle_LIFECYCLE_DELETED {
			return true, nil
		}
	}
}

func (c *groupWatch) showWatched(out io.Writer, group *groupv1.Group) error {
	if c.Output == "json" {
		return writeJSON(out, group)
	}
	state := word(group.GetLifecycle())
	if group.GetFulfillment() != groupv1.Fulfillment_FULFILLMENT_UNSPECIFIED {
		state += " " + word(group.GetFulfillment())
	}
	capacity := group.GetCapacity()
	_, err := fmt.Fprintf(out, "%s: %s of %d units (%s pay-as-you-go, %s spot, %s running), %d instances, %d noticed, %s/h\n",
		state, units(capacity.GetFulfilled()), group.GetSpec().GetTargetCapacity().GetTotal(),
		units(capacity.GetFulfilledPayAsYouGo()), units(capacity.GetFulfilledSpot()), units(capacity.GetRunning()),
		capacity.GetInstances(), capacity.GetNoticedInstances(), money.FormatMicros(group.GetCost().GetMicrosPerHour()))
	return err
}
