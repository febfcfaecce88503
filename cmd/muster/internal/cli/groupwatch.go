package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/seed-198b1370/muster/pkg/money"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

type groupWatch struct {
	client
	Group string `arg:"" help:"Id of the group."`
}

// watchInterval is how often a watched group is read, in real time.
const watchInterval = 500 * time.Millisecond

// Run shows the group whenever its etag has changed, until it is deleted. Once
// it was read, it is read again for as long as the system is away.
func (c *groupWatch) Run(ctx context.Context, on console) error {
	return c.groups(func(groups groupv1.GroupServiceClient, _ regions) error {
		tick := time.NewTicker(watchInterval)
		defer tick.Stop()
		away := outage{err: on.err, what: c.Server}
		for seen := ""; ; {
			got, err := groups.GetGroup(ctx, &groupv1.GetGroupRequest{GroupId: c.Group})
			if err != nil && seen != "" && ctx.Err() == nil && isPassing(err) {
				err = away.pause(ctx)
				if err == nil {
					continue
				}
			}
			if err != nil {
				return err
			}
			away.over()
			group := got.GetGroup()
			if group.GetEtag() != seen {
				seen = group.GetEtag()
				if err := c.showWatched(on.out, group); err != nil {
					return err
				}
			}
			if group.GetLifecycle() == groupv1.Lifecycle_LIFECYCLE_DELETED {
				return nil
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
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
