package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed-198b1370/muster/pkg/money"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

type marketCommand struct {
	List    marketList    `cmd:"" default:"withargs" help:"Show pools with their prices, stock and interruption rates. The default."`
	Types   marketTypes   `cmd:"" help:"List instance types, with the zones that sell them."`
	Zones   marketZones   `cmd:"" help:"List regions and their zones."`
	History marketHistory `cmd:"" help:"Draw spot price and stock of an instance type over time."`
	Advice  marketAdvice  `cmd:"" help:"Tell discount and interruption rate of spot pools over the last 30 days."`
}

// mostNamed is how many zones or types a list of pools can name.
const mostNamed = 20

type marketList struct {
	client
	limited
	Zone    []string `placeholder:"ZONE" help:"Only pools of these zones."`
	Type    []string `placeholder:"TYPE" help:"Only pools of these instance types."`
	Billing string   `help:"Only pools of this billing method: ${enum}." enum:"spot,pay-as-you-go,both" default:"both"`
}

// Run lists pools, page by page.
func (c *marketList) Run(ctx context.Context, on console) error {
	if err := errors.Join(c.check(), checkNamed("--zone", c.Zone), checkNamed("--type", c.Type)); err != nil {
		return err
	}
	return c.fleet(func(fleet fleetv1.FleetServiceClient) error {
		all, err := c.pools(ctx, fleet, &fleetv1.ListPoolsRequest{ZoneIds: c.Zone, InstanceTypes: c.Type, BillingMethod: billingMethod(c.Billing)})
		if err != nil {
			return err
		}
		if len(all.GetPools()) == 0 {
			say(on.err, "no pools match")
		}
		return c.showPriced(ctx, fleet, on.out, all, func(w pricedTable) { c.marketTable(w, all) })
	})
}

// checkNamed refuses more names than a call takes.
func checkNamed(flag string, names []string) error {
	if len(names) > mostNamed {
		return misuse("%s must be given at most %d times, got %d", flag, mostNamed, len(names))
	}
	return nil
}

// pools asks for as many pools as the limit says, as one answer.
func (l limited) pools(ctx context.Context, fleet fleetv1.FleetServiceClient, request *fleetv1.ListPoolsRequest) (*fleetv1.ListPoolsResponse, error) {
	all := &fleetv1.ListPoolsResponse{}
	var err error
	all.NextPageToken, err = l.eachPage(mostPage, func(token string, size int32) (int, string, error) {
		request.PageToken, request.PageSize = token, size
		page, err := fleet.ListPools(ctx, request)
		all.Pools, all.AsOfTime = append(all.Pools, page.GetPools()...), page.GetAsOfTime()
		return len(all.Pools), page.GetNextPageToken(), err
	})
	return all, err
}

func (c *marketList) marketTable(w pricedTable, listed *fleetv1.ListPoolsResponse) {
	if len(listed.GetPools()) == 0 {
		return
	}
	row(w, "TYPE", "ZONE", "BILLING", "PRICE/H", "OF LIST", "STOCK", "INTERRUPTED/H")
	for _, pool := range listed.GetPools() {
		row(w, pool.GetInstanceType(), pool.GetZoneId(), word(pool.GetBillingMethod()), money.FormatMicros(pool.GetPriceMicrosPerHour()),
			fmt.Sprintf("%d%%", percent(pool.GetPriceMicrosPerHour(), pool.GetPayAsYouGoPriceMicrosPerHour())),
			stock(pool.AvailableInstances, pool.GetStockStatus()), interrupted(pool))
	}
	w.sayPrices()
	if listed.GetNextPageToken() != "" {
		w.say(fmt.Sprintf("There are more: name --zone or --type, or a --limit above %d.", c.Limit))
	}
}

// interrupted is the interruption rate of a pool; a dash where there is none.
func interrupted(pool *fleetv1.Pool) string {
	if pool.InterruptionPermille == nil {
		return "-"
	}
	return percentText(pool.GetInterruptionPermille())
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
