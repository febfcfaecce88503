package control

import (
	"context"
	"fmt"

	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

// deliver adds what is missing and removes what is too much. An error means
// that another wrote the group, or that the store failed.
func (l *look) deliver(ctx context.Context) error {
	desired := l.desired()
	l.lookUpPrices(ctx, desired)
	needed, err := l.fill(ctx, desired)
	if err != nil {
		return err
	}
	if l.stored.GetRebalance() != nil {
		if err := l.rebalance(ctx); err != nil {
			return err
		}
		desired = l.desired()
		needed = plan.Make(desired, l.observed())
	}
	l.sayShort(needed)
	if needed.Return > 0 && l.trouble == nil && !l.isOver() {
		if err := l.bringBack(ctx, needed.Return); err != nil {
			return err
		}
		needed = plan.Make(desired, l.observed())
	}
	l.await, l.replacing, l.withheld = needed.AwaitShown, needed.Replacing, needed.Withheld.Total() > 0
	if len(needed.Removals) > 0 {
		needed.Removals = plan.Make(l.advised(ctx, desired), l.observed()).Removals
	}
	return l.giveUp(ctx, needed.Removals)
}

// fill launches until nothing is needed or nothing can be had, and tells the plan
// then.
func (l *look) fill(ctx context.Context, desired plan.Desired) (plan.Plan, error) {
	needed := plan.Make(desired, l.observed())
	for round := 0; needed.Need.Total() > 0 && l.trouble == nil && round < maxRounds && !l.isOver(); round++ {
		if round == 0 {
			if err := l.openActivity(plan.TargetNotMet(desired, l.observed())); err != nil {
				return needed, err
			}
		}
		again, err := l.fillRound(ctx, desired, needed)
		if err != nil || !again {
			return needed, err
		}
		needed = plan.Make(desired, l.observed())
	}
	return needed, nil
}

// fillRound starts what is stopped, or else launches from where something can be
// had, and tells whether there may be more to do.
func (l *look) fillRound(ctx context.Context, desired plan.Desired, needed plan.Plan) (bool, error) {
	if len(needed.Restarts) > 0 {
		return true, l.restart(ctx, needed.Restarts)
	}
	spotGone := l.spotGone
	launched, err := l.launchRound(ctx, l.needNow(desired, needed.Need))
	return launched || desired.Substitute && l.spotGone && !spotGone, err
}

// sayShort settles what the group is short of, given what is still needed.
func (l *look) sayShort(needed plan.Plan) {
	l.missing = needed.Need.Total() > 0
	switch {
	case !l.missing:
		l.short = plan.Shortfall{}
	case l.short.Reason == plan.ReasonLimit, plan.IsFull(l.stored.GetGroup().GetSpec(), l.observed()):
		l.short = plan.LimitReached(l.observed())
	}
}

// giveUp makes the removals of a plan.
func (l *look) giveUp(ctx context.Context, removals []plan.Removal) error {
	if len(removals) == 0 {
		return nil
	}
	if err := l.openActivity(fmt.Sprintf("%d instances to give up", len(removals))); err != nil {
		return err
	}
	// Like a launch, a removal is made only after a write that nobody came
	// before: what was read must still be what is wanted.
	if err := l.save(ctx); err != nil {
		return err
	}
	l.remove(ctx, removals)
	return nil
}
