package scale

import (
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// Defaults of what a task does not say.
const (
	defaultMaxDelay       = 10 * time.Minute
	defaultPeriod         = 5 * time.Minute
	defaultTrackingPeriod = time.Minute
	defaultCooldown       = 5 * time.Minute
	defaultEvaluations    = 3
	defaultScaleIn        = 15
)

// WithDefaults is a spec with every default filled in.
func WithDefaults(asked *groupv1.ScalingTaskSpec) *groupv1.ScalingTaskSpec {
	spec := proto.CloneOf(asked)
	switch trigger := spec.GetTrigger().(type) {
	case *groupv1.ScalingTaskSpec_Schedule:
		fill(&trigger.Schedule.MaxDelay, defaultMaxDelay)
	case *groupv1.ScalingTaskSpec_Threshold:
		fillThreshold(trigger.Threshold)
	case *groupv1.ScalingTaskSpec_TargetTracking:
		fillTracking(trigger.TargetTracking)
	}
	return spec
}

func fillThreshold(threshold *groupv1.MetricThreshold) {
	if threshold.GetStatistic() == groupv1.Statistic_STATISTIC_UNSPECIFIED {
		threshold.Statistic = groupv1.Statistic_STATISTIC_AVERAGE
	}
	if threshold.GetComparison() == groupv1.Comparison_COMPARISON_UNSPECIFIED {
		threshold.Comparison = groupv1.Comparison_COMPARISON_AT_LEAST
	}
	fill(&threshold.Period, defaultPeriod)
	fill(&threshold.Cooldown, defaultCooldown)
	if threshold.GetEvaluationCount() == 0 {
		threshold.EvaluationCount = defaultEvaluations
	}
}

func fillTracking(tracking *groupv1.TargetTracking) {
	fill(&tracking.Period, defaultTrackingPeriod)
	fill(&tracking.Cooldown, defaultCooldown)
	if tracking.GetScaleOutEvaluationCount() == 0 {
		tracking.ScaleOutEvaluationCount = defaultEvaluations
	}
	if tracking.GetScaleInEvaluationCount() == 0 {
		tracking.ScaleInEvaluationCount = defaultScaleIn
	}
}

func fill(duration **durationpb.Duration, standard time.Duration) {
	if *duration == nil {
		*duration = durationpb.New(standard)
	}
}
