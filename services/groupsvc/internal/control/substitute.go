package control

import (
	"context"
	"fmt"

	"github.com/seed-198b1370/muster/pkg/money"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/placement"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

// needNow is what is needed, given whether spot could be had in this look.
func (l *look) needNow(desired plan.Desired, need plan.Amounts) plan.Amounts {
	if l.spotGone {
		return plan.InsteadOfSpot(desired, need)
	}
	return need
}

// bringBack launches spot capacity beside what stands in for it, if it can be
// had now. That it can not is nothing to tell of: the target is met. An error
// means that another wrote the group, or that the store failed.
func (l *look) bringBack(ctx context.Context, milliunits int64) error {
	callCtx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	l.readRefusals(ctx)
	defer func(short plan.Shortfall) { l.short = short }(l.short)
	need := l.allowed(plan.Amounts{Spot: milliunits})
	if need.Total() == 0 {
		return nil
	}
	spec := l.stored.GetGroup().GetSpec()
	request := placement.Request(spec, need, l.observed(), l.exclusions())
	request.PromiseKey = l.key.GroupID
	answer, err := l.c.Allocator.Place(callCtx, request)
	if _, short := shortBy(err); short {
		return nil
	}
	if err != nil {
		l.fail(fmt.Errorf("place: %w", err))
		return nil
	}
	takes := l.afford(placement.TakesOf(spec, answer))
	if len(takes) == 0 {
		return nil
	}
	cause := fmt.Sprintf("spot is back: %v units are pay-as-you-go in its place", money.UnitsOf(milliunits))
	if err := l.openActivity(cause); err != nil {
		return err
	}
	return l.launch(ctx, takes)
}
