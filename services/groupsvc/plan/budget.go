package plan

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/seed-198b1370/muster/pkg/money"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// ReasonBudget is the reason of a shortfall that money would end.
const ReasonBudget = "BudgetReached"

// A Budget is what a group may cost. The zero value is no budget.
type Budget struct {
	// Max is the most that all instances may cost, in micro-units of the
	// currency per hour; 0 for no limit.
	Max int64
	// Shed is whether instances are given up while they cost more.
	Shed bool
	// First is the billing method whose instances go first; unspecified for
	// either.
	First fleetv1.BillingMethod
}

func budgetOf(budget *groupv1.Budget) Budget {
	made := Budget{Max: budget.GetMaxMicrosPerHour(), Shed: budget.GetShed()}
	switch budget.GetShedOrder() {
	case groupv1.ShedOrder_SHED_ORDER_SPOT_FIRST:
		made.First = fleetv1.BillingMethod_BILLING_METHOD_SPOT
	case groupv1.ShedOrder_SHED_ORDER_PAY_AS_YOU_GO_FIRST:
		made.First = fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO
	default:
	}
	return made
}

// room is what a budget leaves beside what there is, in micro-units of the
// currency per hour; below 0 when it is passed already.
func (b Budget) room(observed Observed) int64 {
	if b.Max == 0 {
		return math.MaxInt64
	}
	return b.Max - observed.Cost()
}

// Affordable tells how many of a number of instances at a price fit in what the
// budget leaves beside what there is.
func (b Budget) Affordable(observed Observed, count int, price int64) int {
	if room := b.room(observed); price > 0 {
		return int(min(int64(count), max(0, room)/price))
	}
	return count
}

// Cost tells what all that is expected costs, in micro-units of the currency per
// hour. Stopped instances cost nothing: their price is what it would be.
func (o Observed) Cost() int64 {
	cost := int64(0)
	for _, instance := range o.Instances {
		cost += instance.cost()
	}
	for _, pending := range o.Pending {
		cost += int64(pending.Count) * pending.Price
	}
	return cost
}

// cost is what the instance costs now.
func (i Instance) cost() int64 {
	if i.Reclaimed {
		return 0
	}
	return i.Price
}

// BudgetReached is the shortfall of a group whose budget leaves no room.
func BudgetReached(desired Desired, observed Observed) Shortfall {
	return Shortfall{Reason: ReasonBudget, Message: fmt.Sprintf("what is missing does not fit in the budget: %s of %s an hour are used",
		money.FormatMicros(observed.Cost()), money.FormatMicros(desired.Budget.Max))}
}

// shed chooses instances to give up while what stays costs more than the budget,
// also below the target. What a plan gives up anyway is counted as gone. None of
// it is launched again at once: that would not fit.
func (p *Plan) shed(desired Desired, observed Observed) {
	if !desired.Budget.Shed || desired.Budget.Max == 0 {
		return
	}
	going := map[string]bool{}
	for _, removal := range p.Removals {
		going[removal.ID] = true
	}
	over := observed.Cost() - desired.Budget.Max
	for _, instance := range observed.Instances {
		if going[instance.ID] {
			over -= instance.cost()
		}
	}
	for _, instance := range sheddable(desired.Budget, observed) {
		if over <= 0 {
			return
		}
		if going[instance.ID] {
			continue
		}
		over -= instance.Price
		p.Removals = append(p.Removals, Removal{ID: instance.ID, Release: true, Reason: "budget: above what the group may cost"})
	}
}

// sheddable are the instances that cost something and may be given up, in the
// order in which they are: what is unhealthy, for it does no work for its money,
// then the dearest per unit.
func sheddable(budget Budget, observed Observed) []Instance {
	var found []Instance
	for _, instance := range observed.Instances {
		if instance.Counts() && !instance.Protected && instance.Price > 0 {
			found = append(found, instance)
		}
	}
	slices.SortFunc(found, func(a, b Instance) int {
		switch {
		case a.Healthy() != b.Healthy():
			return cmp.Compare(healthyLast(a), healthyLast(b))
		case a.Method != b.Method && a.Method == budget.First:
			return -1
		case a.Method != b.Method && b.Method == budget.First:
			return 1
		default:
			return compare(Order{}, a, b)
		}
	})
	return found
}

func healthyLast(i Instance) int {
	if i.Healthy() {
		return 1
	}
	return 0
}
