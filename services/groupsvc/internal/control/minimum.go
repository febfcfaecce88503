package control

import (
	"context"
	"fmt"
	"slices"

	"github.com/seed-198b1370/muster/pkg/money"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/placement"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

// A MinimumError means that an instant group was not created because its minimum
// target capacity can not be had. Nothing is stored and nothing was launched.
type MinimumError struct {
	// Available is what there is of it, in milliunits.
	Available int64
}

// Error implements error.
func (e *MinimumError) Error() string {
	return fmt.Sprintf("only %v units can be had", money.UnitsOf(e.Available))
}

// minimum is what a group's first attempt must deliver, in milliunits; 0 when
// any amount will do, or when that attempt is over.
func (l *look) minimum() int64 {
	spec := l.stored.GetGroup().GetSpec()
	if spec.GetType() != groupv1.GroupType_GROUP_TYPE_INSTANT || l.stored.GetAttemptedGeneration() > 0 {
		return 0
	}
	return int64(spec.GetTargetCapacity().GetMinimum()) * money.MilliunitsPerUnit
}

// checkMinimum refuses to create a group whose minimum there is not the stock or
// the budget for. It looks once, before anything is stored or launched.
func (l *look) checkMinimum(ctx context.Context, request *allocatorv1.PlaceRequest, answer *allocatorv1.PlaceResponse) error {
	minimum := l.minimum()
	if l.first == nil || minimum == 0 {
		return nil
	}
	available := l.affordable(answer, placement.TakesOf(l.stored.GetGroup().GetSpec(), answer))
	if available >= minimum {
		return nil
	}
	if l.desired().Substitute && l.spotGone {
		var err error
		if available, err = l.availableWith(ctx, request); err != nil {
			l.fail(err)
			return nil
		}
		if available >= minimum {
			return nil
		}
	}
	return &MinimumError{Available: available}
}

// availableWith tells what could be had if pay-as-you-go made up for spot. Spot
// is asked for first, as it is when groups are delivered: what is left of the
// stock then can be had as pay-as-you-go.
func (l *look) availableWith(ctx context.Context, request *allocatorv1.PlaceRequest) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	need := plan.Amounts{}
	for _, demand := range request.GetDemands() {
		need = need.With(demand.GetBillingMethod(), demand.GetWantedMilliunits())
	}
	spec := l.stored.GetGroup().GetSpec()
	both := placement.Request(spec, plan.Amounts{PayAsYouGo: need.Total(), Spot: need.Spot}, l.observed(), l.exclusions())
	slices.Reverse(both.Demands)
	answer, err := l.c.Allocator.Place(ctx, both)
	if err != nil {
		return 0, fmt.Errorf("place: %w", err)
	}
	takes := inOrder(placement.TakesOf(spec, answer), need.PayAsYouGo)
	return min(l.affordable(answer, takes), need.Total()), nil
}

// affordable tells how much of what could be had fits in the budget, given the
// order in which it is launched.
func (l *look) affordable(answer *allocatorv1.PlaceResponse, takes []placement.Take) int64 {
	kept, _ := l.fit(takes)
	sum := int64(0)
	for _, take := range kept {
		sum += int64(take.Instances) * take.Weight
	}
	return min(sum, placement.Placed(answer))
}

// inOrder puts what makes up for spot behind spot, as it is when it is launched:
// of pay-as-you-go only so much comes first as is wanted as such.
func inOrder(takes []placement.Take, wanted int64) []placement.Take {
	var first, spot, instead []placement.Take
	for _, take := range takes {
		if take.Pool.Method == fleetv1.BillingMethod_BILLING_METHOD_SPOT {
			spot = append(spot, take)
			continue
		}
		rest := take
		take.Instances = min(take.Instances, int((max(0, wanted)+take.Weight-1)/take.Weight))
		rest.Instances -= take.Instances
		wanted -= int64(take.Instances) * take.Weight
		first, instead = append(first, take), append(instead, rest)
	}
	return slices.Concat(first, spot, instead)
}

// holdMinimum takes back an attempt that delivered less than the minimum. That it
// is taken back is stored before anything is released, so that it is, whatever
// happens.
func (l *look) holdMinimum(ctx context.Context) error {
	minimum := l.minimum()
	if minimum == 0 || !l.isComplete() {
		return nil
	}
	delivered := plan.Delivered(l.desired(), l.observed())
	switch {
	case delivered >= minimum:
		return nil
	case l.first != nil:
		return &MinimumError{Available: delivered}
	}
	l.beginEnd(plan.MinimumMissed, storagev1.EndCause_END_CAUSE_MINIMUM_NOT_REACHED, true)
	l.stored.MinimumAvailableMilliunits = delivered
	return l.end(ctx) // which writes that before it gives up anything
}

// isComplete tells whether the look did all that there was to do or to try.
func (l *look) isComplete() bool { return l.trouble == nil && !l.await && !l.withheld }
