package control

import (
	"context"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/placement"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

// advised is what is wanted, with the allocator's advice about who goes first
// where there are too many and the strategy looks at what only the market knows.
// When it can not be asked, instances go in the order that the group knows: to
// wait would cost more than a second best choice.
func (l *look) advised(ctx context.Context, desired plan.Desired) plan.Desired {
	observed := l.observed()
	if !plan.HasExcess(desired, observed) {
		return desired
	}
	request := placement.ScaleInRequest(l.stored.GetGroup().GetSpec(), desired, observed)
	if request == nil {
		return desired
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	advice, err := l.c.Allocator.ScaleIn(ctx, request)
	if err != nil {
		l.c.Log.WarnContext(ctx, "scaled in without advice", "group_id", l.key.GroupID, "error", err)
		return desired
	}
	desired.PayAsYouGoOrder = placement.Advised(desired.PayAsYouGoOrder, fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO, advice)
	desired.SpotOrder = placement.Advised(desired.SpotOrder, fleetv1.BillingMethod_BILLING_METHOD_SPOT, advice)
	return desired
}
