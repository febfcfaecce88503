package control

import (
	"context"
	"fmt"
	"slices"

	"github.com/seed-198b1370/muster/pkg/money"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/placement"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

// maxFilter is how many zones or types a call can ask for.
const maxFilter = 20

// afford cuts what is to be launched to what fits in the budget, in order, and
// notes what came short when something does not.
func (l *look) afford(takes []placement.Take) []placement.Take {
	kept, cut := l.fit(takes)
	if cut != nil {
		l.short = *cut
	}
	return kept
}

// fit is what of takes fits in the budget, in order, and what comes short because
// something does not; nil when all fits.
func (l *look) fit(takes []placement.Take) (kept []placement.Take, cut *plan.Shortfall) {
	desired, observed := l.desired(), l.observed()
	for _, take := range takes {
		wanted := take.Instances
		take.Instances = desired.Budget.Affordable(observed, wanted, take.Price)
		if take.Instances < wanted {
			short := plan.BudgetReached(desired, observed)
			cut = &short
		}
		if take.Instances > 0 {
			kept = append(kept, take)
			observed.Pending = append(observed.Pending, plan.Pending{Count: take.Instances, Price: take.Price})
		}
	}
	return kept, cut
}

// lookUpPrices asks what stopped instances would cost, when a budget makes that
// matter. When it can not be told, the look is made again: they must not pass
// the budget.
func (l *look) lookUpPrices(ctx context.Context, desired plan.Desired) {
	if desired.Budget.Max == 0 || !slices.ContainsFunc(l.instances, isReclaimed) {
		return
	}
	var zones, types []string
	for _, instance := range l.instances {
		if isReclaimed(instance) {
			zones, types = append(zones, instance.GetZoneId()), append(types, instance.GetInstanceType())
		}
	}
	prices, err := l.c.Prices(ctx, fleetv1.BillingMethod_BILLING_METHOD_SPOT, zones, types)
	if err != nil {
		l.fail(err)
		return
	}
	l.prices = prices
}

// Prices tells what the pools of some zones and types cost, in micro-units of the
// currency per hour. An error means that the cloud can not be asked.
func (c *Controller) Prices(ctx context.Context, method fleetv1.BillingMethod, zones, types []string) (map[placement.Pool]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	prices := map[placement.Pool]int64{}
	for someZones := range slices.Chunk(distinct(zones), maxFilter) {
		for someTypes := range slices.Chunk(distinct(types), maxFilter) {
			request := &fleetv1.ListPoolsRequest{BillingMethod: method, ZoneIds: someZones, InstanceTypes: someTypes, PageSize: listPage}
			if err := c.readPrices(ctx, request, prices); err != nil {
				return nil, err
			}
		}
	}
	return prices, nil
}

func (c *Controller) readPrices(ctx context.Context, request *fleetv1.ListPoolsRequest, prices map[placement.Pool]int64) error {
	for {
		page, err := c.Fleet.ListPools(ctx, request)
		if err != nil {
			return fmt.Errorf("list pools: %w", err)
		}
		for _, pool := range page.GetPools() {
			prices[placement.Pool{Zone: pool.GetZoneId(), Type: pool.GetInstanceType(), Method: pool.GetBillingMethod()}] = pool.GetPriceMicrosPerHour()
		}
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			return nil
		}
	}
}

func distinct(names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	return slices.Compact(names)
}

// priceOf is what an instance costs, or would cost if it were started again.
func (l *look) priceOf(instance *fleetv1.Instance) int64 {
	if isReclaimed(instance) {
		return l.prices[poolOfInstance(instance)]
	}
	return instance.GetPriceMicrosPerHour()
}

// recordBudget says whether the group is within its budget, if it has one.
func (l *look) recordBudget() {
	const within = groupv1.ConditionType_CONDITION_TYPE_WITHIN_BUDGET
	group, most := l.stored.GetGroup(), l.stored.GetGroup().GetSpec().GetBudget().GetMaxMicrosPerHour()
	if most == 0 || isEnding(l.stored) {
		group.Conditions = slices.DeleteFunc(group.Conditions, func(c *groupv1.Condition) bool { return c.GetType() == within })
		return
	}
	cost := l.observed().Cost()
	figures := fmt.Sprintf("%s of %s an hour", money.FormatMicros(cost), money.FormatMicros(most))
	switch {
	case cost > most:
		l.condition(within, false, "AboveBudget", figures)
	case l.short.Reason == plan.ReasonBudget:
		l.condition(within, true, plan.ReasonBudget, figures+", and what is missing does not fit")
	default:
		l.condition(within, true, "WithinBudget", figures)
	}
}
