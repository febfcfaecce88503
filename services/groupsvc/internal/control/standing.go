package control

import (
	"cmp"
	"context"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/placement"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// MostRefused is how many refusals are told of a group.
const MostRefused = 100

// Refused tells what a group leaves alone because it refused a launch, and when
// the group tries it again: what a look would heed now, the first to be tried
// again first.
func (c *Controller) Refused(ctx context.Context, key store.Key, stored *storagev1.StoredGroup) []*groupv1.RefusedPool {
	if isEnding(stored) {
		return nil
	}
	l := &look{c: c, key: key, stored: stored, now: c.Clock.Now()} // that does nothing
	l.readRefusals(ctx)
	var refused []*groupv1.RefusedPool
	for _, one := range l.heeded() {
		if retry := l.retryOf(one); retry.After(l.now) {
			refused = append(refused, &groupv1.RefusedPool{
				ZoneId: one.GetZoneId(), InstanceType: one.GetInstanceType(), BillingMethod: one.GetBillingMethod(),
				ErrorCode: one.GetErrorCode(), ErrorMessage: placement.MessageOf(one.GetErrorCode()),
				RefuseTime: one.GetRefuseTime(), RetryTime: timestamppb.New(retry),
			})
		}
	}
	slices.SortStableFunc(refused, func(a, b *groupv1.RefusedPool) int {
		return cmp.Or(a.GetRetryTime().AsTime().Compare(b.GetRetryTime().AsTime()),
			cmp.Compare(a.GetZoneId(), b.GetZoneId()), cmp.Compare(a.GetInstanceType(), b.GetInstanceType()))
	})
	return refused[:min(MostRefused, len(refused))]
}

// retryOf is when the group tries again what refused. Groups that wait for the
// same try it one after the other, by their ids.
func (l *look) retryOf(refused *storagev1.Refusal) time.Time {
	return refused.GetRetryTime().AsTime().Add(spread(l.key.GroupID, seriesOf(refused)))
}

// RebalancingOf tells how the rebalancing of a group stands; nil when none is
// under way.
func RebalancingOf(stored *storagev1.StoredGroup) *groupv1.Rebalancing {
	under := stored.GetRebalance()
	if under == nil {
		return nil
	}
	told := &groupv1.Rebalancing{ActivityId: under.GetActivity().GetActivityId()}
	for _, move := range under.GetMoves() {
		told.Moves = append(told.Moves, &groupv1.OpenMove{
			BillingMethod: move.GetBillingMethod(),
			FromZoneId:    move.GetFromZoneId(), FromInstanceType: move.GetFromInstanceType(), RemoveInstances: move.GetRemoveInstances(),
			ToZoneId: move.GetToZoneId(), ToInstanceType: move.GetToInstanceType(), LaunchInstances: move.GetLaunchInstances(),
			LaunchedInstances: int32(len(move.GetLaunchedInstanceIds())),
		})
	}
	return told
}
