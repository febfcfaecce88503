package cli

import (
	"context"
	"fmt"

	"google.golang.org/grpc"

	"github.com/seed-198b1370/muster/pkg/money"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

type marketCommand struct {
	client
	Zone    []string `placeholder:"ZONE" help:"Only pools of these zones."`
	Type    []string `placeholder:"TYPE" help:"Only pools of these instance types."`
	Billing string   `help:"Only pools of this billing method: ${enum}." enum:"spot,pay-as-you-go,both" default:"both"`
	Limit   int      `help:"Show at most so many pools." default:"250"`
}

// Run lists pools, page by page.
func (c *marketCommand) Run(ctx context.Context, on console) error {
	if c.Limit < 1 {
		return misuse("--limit must be 1 or more, got %d", c.Limit)
	}
	return c.call(func(conn *grpc.ClientConn) error {
		fleet := fleetv1.NewFleetServiceClient(conn)
		request := &fleetv1.ListPoolsRequest{ZoneIds: c.Zone, InstanceTypes: c.Type, BillingMethod: billingMethod(c.Billing)}
		all := &fleetv1.ListPoolsResponse{}
		for len(all.GetPools()) < c.Limit {
			request.PageSize = int32(min(250, c.Limit-len(all.GetPools())))
			page, err := fleet.ListPools(ctx, request)
			if err != nil {
				return err
			}
			all.Pools = append(all.Pools, page.GetPools()...)
			all.AsOfTime, all.NextPageToken = page.GetAsOfTime(), page.GetNextPageToken()
			if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
				break
			}
		}
		if len(all.GetPools()) == 0 {
			say(on.err, "no pools match")
		}
		return c.show(on.out, all, func(w table) { c.marketTable(w, all) })
	})
}

func (c *marketCommand) marketTable(w table, listed *fleetv1.ListPoolsResponse) {
	if len(listed.GetPools()) == 0 {
		return
	}
	row(w, "TYPE", "ZONE", "BILLING", "PRICE/H", "OF LIST", "STOCK")
	for _, pool := range listed.GetPools() {
		row(w, pool.GetInstanceType(), pool.GetZoneId(), word(pool.GetBillingMethod()), money.FormatMicros(pool.GetPriceMicrosPerHour()),
			fmt.Sprintf("%d%%", percent(pool.GetPriceMicrosPerHour(), pool.GetPayAsYouGoPriceMicrosPerHour())),
			stock(pool.AvailableInstances, pool.GetStockStatus()))
	}
	w.say(currencyNote)
	if listed.GetNextPageToken() != "" {
		w.say(fmt.Sprintf("There are more: name --zone or --type, or a --limit above %d.", c.Limit))
	}
}

// billingMethod reads a billing method of the command line; "both" is
// unspecified.
func billingMethod(word string) fleetv1.BillingMethod {
	return fleetv1.BillingMethod(fleetv1.BillingMethod_value["BILLING_METHOD_"+enumName(word)])
}

// percent is a share of a whole, rounded to the nearest; 0 of nothing.
func percent(part, whole int64) int64 {
	if whole == 0 {
		return 0
	}
	return (100*part + whole/2) / whole
}
