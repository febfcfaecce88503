package control

import (
	"context"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/placement"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

// isReclaimed tells whether a reclaim stopped an instance, so that it can be
// started again. One that somebody stopped has failed, as any that is stopped has:
// to start it against its owner's word would be no help to anybody. Where the
// fleet does not tell what stopped it, an instance made to be stopped by a
// reclaim, and stopped as a reclaim does it, is taken for one; so is one whose
// account was overdue.
func isReclaimed(instance *fleetv1.Instance) bool {
	return instance.GetBillingMethod() == fleetv1.BillingMethod_BILLING_METHOD_SPOT &&
		instance.GetInterruptionBehavior() == fleetv1.InterruptionBehavior_INTERRUPTION_BEHAVIOR_STOP &&
		instance.GetStoppedMode() == fleetv1.StoppedMode_STOPPED_MODE_STOP_CHARGING &&
		instance.GetStatusReason() != fleetv1.TransitionReason_TRANSITION_REASON_REQUESTED
}

// interruptionBehavior is what a reclaim does to what a group launches.
func interruptionBehavior(group *groupv1.Group, method fleetv1.BillingMethod) fleetv1.InterruptionBehavior {
	if method != fleetv1.BillingMethod_BILLING_METHOD_SPOT {
		return fleetv1.InterruptionBehavior_INTERRUPTION_BEHAVIOR_UNSPECIFIED
	}
	return group.GetSpec().GetSpot().GetInterruptionBehavior()
}

// restart starts stopped instances again, in batches, one after the other: a
// group seldom has more than a few. An instance whose start is not known to have
// come about is seen at the next look as what it is then, so that to try it twice
// starts it once. An error means that another wrote the group, or that the store
// failed.
func (l *look) restart(ctx context.Context, ids []string) error {
	// As before a launch: what was read must still be what is wanted.
	if err := l.save(ctx); err != nil {
		return err
	}
	for batch := range slices.Chunk(ids, maxBatch) {
		if err := l.mayAct(ctx); err != nil {
			l.fail(err)
			return nil
		}
		outcomes, err := l.startBatch(ctx, batch)
		if err != nil {
			l.fail(err)
			return nil
		}
		for _, outcome := range outcomes {
			l.noteRestart(outcome)
		}
	}
	return nil
}

func (l *look) startBatch(ctx context.Context, ids []string) ([]*fleetv1.InstanceOutcome, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := l.mayAct(ctx); err != nil {
		return nil, err
	}
	answer, err := l.c.Fleet.StartInstances(ctx, &fleetv1.StartInstancesRequest{InstanceIds: ids, BestEffort: true})
	if err != nil {
		return nil, fmt.Errorf("start instances: %w", err)
	}
	return answer.GetOutcomes(), nil
}

// noteRestart records what became of an instance that was to be started.
func (l *look) noteRestart(outcome *fleetv1.InstanceOutcome) {
	id, status := outcome.GetInstanceId(), outcome.GetCurrentStatus()
	if plan.Counts(status, false) { // started now, or before by a call whose answer was lost
		l.dropRestartRefusal(id)
		for _, instance := range l.instances {
			if instance.GetInstanceId() == id {
				instance.Status, instance.StoppedMode = status, fleetv1.StoppedMode_STOPPED_MODE_UNSPECIFIED
				instance.PriceMicrosPerHour = max(instance.GetPriceMicrosPerHour(), l.prices[poolOfInstance(instance)])
			}
		}
		l.reportRestart(&groupv1.Restart{InstanceId: id})
		return
	}
	delay := minRefusal
	if last := l.restartRefusalOf(id); last != nil {
		delay = min(maxRefusal, 2*last.GetRetryTime().AsTime().Sub(last.GetRefuseTime().AsTime()))
	}
	l.dropRestartRefusal(id)
	l.stored.RestartRefusals = append(l.stored.RestartRefusals, &storagev1.RestartRefusal{
		InstanceId: id, RefuseTime: timestamppb.New(l.now), RetryTime: timestamppb.New(l.now.Add(delay)),
	})
	code := restartCode(outcome.GetErrorReason())
	l.reportRestart(&groupv1.Restart{InstanceId: id, ErrorCode: code, ErrorMessage: restartMessage(code)})
}

// Error codes of restarts and attachments beside those of launches, in the cloud's words.
const (
	codeStatus = "IncorrectInstanceStatus"
	codeLocked = "InstanceLockedForSecurity"
	codeGone   = "InvalidInstanceId.NotFound"
	codeOthers = "InstanceInOtherGroup"
)

func restartCode(reason fleetv1.ErrorReason) string {
	switch reason {
	case fleetv1.ErrorReason_ERROR_REASON_NO_INSTANCE_STOCK:
		return placement.CodeNoStock
	case fleetv1.ErrorReason_ERROR_REASON_PRICE_BELOW_MARKET:
		return placement.CodePrice
	case fleetv1.ErrorReason_ERROR_REASON_INSUFFICIENT_BALANCE:
		return placement.CodeBalance
	case fleetv1.ErrorReason_ERROR_REASON_QUOTA_EXCEEDED:
		return placement.CodeQuota
	case fleetv1.ErrorReason_ERROR_REASON_ZONE_NOT_ON_SALE:
		return placement.CodeZone
	case fleetv1.ErrorReason_ERROR_REASON_INCORRECT_INSTANCE_STATUS:
		return codeStatus
	case fleetv1.ErrorReason_ERROR_REASON_INSTANCE_LOCKED:
		return codeLocked
	case fleetv1.ErrorReason_ERROR_REASON_INSTANCE_NOT_FOUND:
		return codeGone
	default:
		return placement.CodeInternal
	}
}

func restartMessage(code string) string {
	switch code {
	case codeStatus:
		return "The instance can not be started as it is now."
	case codeLocked:
		return "The instance is locked."
	case codeGone:
		return "The instance is gone."
	case placement.CodeInternal:
		return "The cloud refused the start."
	default:
		return placement.MessageOf(code)
	}
}

func (l *look) reportRestart(restart *groupv1.Restart) {
	if activity := l.stored.GetOpenActivity(); activity != nil {
		activity.Restarts = append(activity.Restarts, restart)
		l.touch(activity)
	}
}

func (l *look) restartRefusalOf(id string) *storagev1.RestartRefusal {
	for _, refusal := range l.stored.GetRestartRefusals() {
		if refusal.GetInstanceId() == id {
			return refusal
		}
	}
	return nil
}

func (l *look) dropRestartRefusal(id string) {
	l.stored.RestartRefusals = slices.DeleteFunc(l.stored.RestartRefusals, func(r *storagev1.RestartRefusal) bool { return r.GetInstanceId() == id })
}

// isResting tells whether an instance could not be started a short while ago.
func (l *look) isResting(id string) bool {
	refusal := l.restartRefusalOf(id)
	return refusal != nil && l.now.Before(refusal.GetRetryTime().AsTime())
}

// forgetRestarts drops refusals of instances that are not stopped any more, and
// those from before a clock went back.
func (l *look) forgetRestarts() {
	stopped := map[string]bool{}
	for _, instance := range l.instances {
		stopped[instance.GetInstanceId()] = isReclaimed(instance)
	}
	l.stored.RestartRefusals = slices.DeleteFunc(l.stored.RestartRefusals, func(r *storagev1.RestartRefusal) bool {
		return !stopped[r.GetInstanceId()] || r.GetRefuseTime().AsTime().After(l.now)
	})
}

// nextRestart tells when there is something to do again about stopped instances:
// one can be tried, or has been kept for long enough; zero for never.
func (l *look) nextRestart() time.Time {
	next := plan.NextLapse(l.desired(), l.observed())
	if l.short.Reason == "" {
		return next
	}
	for _, refusal := range l.stored.GetRestartRefusals() {
		if retry := refusal.GetRetryTime().AsTime(); retry.After(l.now) && (next.IsZero() || retry.Before(next)) {
			next = retry
		}
	}
	return next
}

func poolOfInstance(i *fleetv1.Instance) placement.Pool {
	return placement.Pool{Zone: i.GetZoneId(), Type: i.GetInstanceType(), Method: i.GetBillingMethod()}
}
