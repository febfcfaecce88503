package scale

import (
	"fmt"
	"time"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
)

// A firing is one time that one task acts.
type firing struct {
	due    time.Time
	task   int    // index of the task
	kind   string // what to call such a task
	why    string // what made it act; empty when there is no more to say
	change func(total int32) int64
}

// fire tells what a metric brings about when its rows are long enough; nil when
// they are not.
func fire(state *storagev1.ScalingTaskState, last *storagev1.MetricPeriod) *firing {
	spec := state.GetTask().GetSpec()
	switch trigger := spec.GetTrigger().(type) {
	case *groupv1.ScalingTaskSpec_Threshold:
		threshold := trigger.Threshold
		if state.GetBeyondPeriods() < threshold.GetEvaluationCount() {
			return nil
		}
		value := statistic(last, threshold.GetStatistic())
		return &firing{
			kind: "event-triggered task", why: fmt.Sprintf("%s is %.6g, threshold %.6g", threshold.GetMetric(), value, threshold.GetThreshold()),
			change: func(total int32) int64 { return adjust(spec.GetAdjustment(), total, value-threshold.GetThreshold()) },
		}
	case *groupv1.ScalingTaskSpec_TargetTracking:
		tracking := trigger.TargetTracking
		grow := state.GetBeyondPeriods() >= tracking.GetScaleOutEvaluationCount()
		shrink := state.GetLowPeriods() >= tracking.GetScaleInEvaluationCount() && !tracking.GetDisableScaleIn()
		if !grow && !shrink {
			return nil
		}
		value := statistic(last, groupv1.Statistic_STATISTIC_AVERAGE)
		return &firing{
			kind: "target tracking", why: fmt.Sprintf("%s is %.6g, target %.6g", tracking.GetMetric(), value, tracking.GetTargetValue()),
			change: func(total int32) int64 { return track(total, value, tracking.GetTargetValue()) },
		}
	default:
		return nil
	}
}

// cooldownOf is how long a task does not act after it changed the target. Only
// tasks that follow a metric have one.
func cooldownOf(spec *groupv1.ScalingTaskSpec) time.Duration {
	switch trigger := spec.GetTrigger().(type) {
	case *groupv1.ScalingTaskSpec_Threshold:
		return trigger.Threshold.GetCooldown().AsDuration()
	case *groupv1.ScalingTaskSpec_TargetTracking:
		return trigger.TargetTracking.GetCooldown().AsDuration()
	default:
		return 0
	}
}
