package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/seed-198b1370/muster/pkg/money"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// clearScreen moves to the top of a terminal and clears it.
const clearScreen = "\x1b[H\x1b[J"

// live goes on with a history until the user ends it: a terminal shows it anew
// at each change, and anything else gets a line for each.
func (c *marketHistory) live(ctx context.Context, on console, fleet fleetv1.FleetServiceClient, drawn *history) error {
	f := follower{
		what: "the stream of pools", err: on.err, away: outage{err: on.err, what: "the stream of pools of " + c.Server},
		lost: func(error) string { return "" }, // it has no positions
		follow: func(ctx context.Context, alive func()) error {
			pools, err := fleet.WatchPools(ctx, &fleetv1.WatchPoolsRequest{})
			if err != nil {
				return err
			}
			return receive(pools, func(next *fleetv1.WatchPoolsResponse) error {
				alive()
				return c.update(on.out, drawn, next)
			})
		},
	}
	return f.run(ctx)
}

// update adds what a response tells of to the history, and shows it.
func (c *marketHistory) update(out io.Writer, drawn *history, next *fleetv1.WatchPoolsResponse) error {
	now := next.GetAsOfTime().AsTime()
	var changed []*fleetv1.Pool
	for _, pool := range next.GetPools() {
		if c.isOf(pool) && drawn.add(now, pool) {
			changed = append(changed, pool)
		}
	}
	drawn.until(now)
	if c.Output == "json" {
		if len(changed) == 0 {
			return nil
		}
		return writeJSON(out, &fleetv1.WatchPoolsResponse{Pools: changed, AsOfTime: next.GetAsOfTime()})
	}
	if width := widthOf(out); width > 0 {
		_, err := io.WriteString(out, clearScreen+drawn.text(c.columns(width)))
		return err
	}
	for _, pool := range changed {
		if _, err := fmt.Fprintf(out, "%s  %s  %s  %d%%  stock %s\n", now.UTC().Format(time.RFC3339), pool.GetZoneId(),
			money.FormatMicros(pool.GetPriceMicrosPerHour()), percent(pool.GetPriceMicrosPerHour(), pool.GetPayAsYouGoPriceMicrosPerHour()),
			stock(pool.AvailableInstances, pool.GetStockStatus())); err != nil {
			return err
		}
	}
	return nil
}

// isOf tells whether the history is of a pool.
func (c *marketHistory) isOf(pool *fleetv1.Pool) bool {
	return pool.GetInstanceType() == c.Type && pool.GetBillingMethod() == fleetv1.BillingMethod_BILLING_METHOD_SPOT &&
		(len(c.Zone) == 0 || slices.Contains(c.Zone, pool.GetZoneId()))
}
