package plan

import (
	"cmp"
	"time"

	"github.com/seed-198b1370/muster/pkg/money"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// Bounds of what one group may hold.
const (
	// MaxInstances is how many instances a group may count at most.
	MaxInstances = 1_000
	// MaxMilliunits is how much capacity a group may count at most.
	MaxMilliunits = 10_000 * 1_000
)

// DefaultReplacePercent is the share of a target, in percent, whose unhealthy
// instances are replaced at a time when a group says nothing else.
const DefaultReplacePercent = 20

// Amounts is an amount of capacity of each billing method, in milliunits.
type Amounts struct {
	// PayAsYouGo is the pay-as-you-go part.
	PayAsYouGo int64
	// Spot is the spot part.
	Spot int64
}

// Total is the sum of both parts.
func (a Amounts) Total() int64 { return a.PayAsYouGo + a.Spot }

// Of tells the part of a billing method.
func (a Amounts) Of(method fleetv1.BillingMethod) int64 {
	if method == fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO {
		return a.PayAsYouGo
	}
	return a.Spot
}

// Plus is the sum of two amounts.
func (a Amounts) Plus(b Amounts) Amounts {
	return Amounts{a.PayAsYouGo + b.PayAsYouGo, a.Spot + b.Spot}
}

// Less is what an amount leaves of another, of each method nothing at least.
func (a Amounts) Less(b Amounts) Amounts {
	return Amounts{max(0, a.PayAsYouGo-b.PayAsYouGo), max(0, a.Spot-b.Spot)}
}

// With is the amount with that of one billing method instead.
func (a Amounts) With(method fleetv1.BillingMethod, milliunits int64) Amounts {
	a.set(method, milliunits)
	return a
}

// set makes an amount that of a billing method.
func (a *Amounts) set(method fleetv1.BillingMethod, milliunits int64) {
	a.add(method, milliunits-a.Of(method))
}

// add counts an amount toward a billing method.
func (a *Amounts) add(method fleetv1.BillingMethod, milliunits int64) {
	if method == fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO {
		a.PayAsYouGo += milliunits
	} else {
		a.Spot += milliunits
	}
}

// Desired is what is wanted of a group.
type Desired struct {
	// Target is the capacity wanted, the remainder of the total included.
	Target Amounts
	// Replace is whether lost and broken instances are replaced: always for
	// maintain, never for groups of one attempt.
	Replace bool
	// ReplacePercent is the share of each target whose unhealthy instances are
	// replaced at a time, in percent.
	ReplacePercent int32
	// KeepNoticed is whether what has its interruption notice is replaced only
	// when it is gone.
	KeepNoticed bool
	// Attempt is whether a scheduling task is outstanding: the spec has changed
	// and what it asks for has not been tried yet.
	Attempt bool
	// Since is when the spec last changed.
	Since time.Time
	// Substitute is whether pay-as-you-go capacity makes up for spot capacity that
	// can not be had.
	Substitute bool
	// SpotReturns is whether such substitutes give way when spot is back.
	SpotReturns bool
	// ReleaseExcess is whether instances above the target are released; else
	// they leave the group and run on.
	ReleaseExcess bool
	// Extra is capacity beyond the target that a rebalancing holds until it has
	// given up as much.
	Extra Amounts
	// StoppedRetention is how long instances that a reclaim stopped are kept.
	StoppedRetention time.Duration
	// Budget is what the group may cost.
	Budget Budget
	// Suspended is what the group does not do until it is resumed.
	Suspended Suspended
	// PayAsYouGoOrder is the order of removal among pay-as-you-go instances.
	PayAsYouGoOrder Order
	// SpotOrder is the order of removal among spot instances.
	SpotOrder Order

	// standIn is how much pay-as-you-go capacity stands in for spot, and arriving
	// how much of that does not run yet. Target counts it as pay-as-you-go.
	standIn, arriving int64
}

// DesiredOf tells what a group whose spec has every default filled in wants.
// Attempt says whether its scheduling task is outstanding.
func DesiredOf(group *groupv1.Group, attempt bool) Desired {
	spec := group.GetSpec()
	shortfall := spec.GetSpot().GetShortfall()
	return Desired{
		Substitute: shortfall == groupv1.SpotShortfall_SPOT_SHORTFALL_PAY_AS_YOU_GO ||
			shortfall == groupv1.SpotShortfall_SPOT_SHORTFALL_PAY_AS_YOU_GO_UNTIL_SPOT_RETURNS,
		SpotReturns:      shortfall == groupv1.SpotShortfall_SPOT_SHORTFALL_PAY_AS_YOU_GO_UNTIL_SPOT_RETURNS,
		Target:           targetOf(spec.GetTargetCapacity()),
		Replace:          spec.GetType() == groupv1.GroupType_GROUP_TYPE_MAINTAIN,
		ReplacePercent:   cmp.Or(spec.GetHealth().GetMaxUnhealthyReplacementPercent(), DefaultReplacePercent),
		KeepNoticed:      spec.GetSpot().GetInterruptionReplacement() == groupv1.InterruptionReplacement_INTERRUPTION_REPLACEMENT_ON_RELEASE,
		Attempt:          attempt,
		Since:            group.GetUpdateTime().AsTime(),
		ReleaseExcess:    spec.GetExcessCapacityTerminationPolicy() == groupv1.ExcessCapacityTerminationPolicy_EXCESS_CAPACITY_TERMINATION_POLICY_TERMINATION,
		StoppedRetention: cmp.Or(spec.GetSpot().GetStoppedRetention().AsDuration(), DefaultStoppedRetention),
		Budget:           budgetOf(spec.GetBudget()),
		Suspended:        suspendedOf(group.GetSuspendedProcesses()),
		PayAsYouGoOrder:  payAsYouGoOrder(spec.GetPayAsYouGo()),
		SpotOrder:        spotOrder(spec.GetSpot()),
	}
}

// targetOf gives what the two targets leave of the total to the default type.
func targetOf(target *groupv1.TargetCapacity) Amounts {
	amounts := Amounts{
		PayAsYouGo: int64(target.GetPayAsYouGo()) * money.MilliunitsPerUnit,
		Spot:       int64(target.GetSpot()) * money.MilliunitsPerUnit,
	}
	rest := int64(target.GetTotal())*money.MilliunitsPerUnit - amounts.Total()
	if target.GetDefaultType() == groupv1.DefaultTargetCapacityType_DEFAULT_TARGET_CAPACITY_TYPE_PAY_AS_YOU_GO {
		amounts.PayAsYouGo += rest
	} else {
		amounts.Spot += rest
	}
	return amounts
}
