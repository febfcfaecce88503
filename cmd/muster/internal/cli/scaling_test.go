package cli

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// scalingReplies is what the fake cloud says of scaling tasks.
func scalingReplies() map[string][]reply {
	at := timestamppb.New(time.Date(2026, 1, 1, 22, 0, 0, 0, time.UTC))
	night := &groupv1.ScalingTask{
		ScalingTaskId: "st-1", GroupId: "apg-1", NextRunTime: at, Spec: &groupv1.ScalingTaskSpec{
			Name: "night", Trigger: &groupv1.ScalingTaskSpec_Schedule{Schedule: &groupv1.Schedule{Cron: "0 22 * * 1-5", MaxDelay: durationpb.New(10 * time.Minute)}},
			Adjustment: &groupv1.Adjustment{Kind: groupv1.AdjustmentKind_ADJUSTMENT_KIND_VALUE, Value: 5},
		},
	}
	busy := &groupv1.ScalingTask{
		ScalingTaskId: "st-2", GroupId: "apg-1", LastRunTime: at, LastOutcome: "total 40 -> 60", CooldownEndTime: at, Spec: &groupv1.ScalingTaskSpec{
			Disabled: true, Adjustment: &groupv1.Adjustment{Kind: groupv1.AdjustmentKind_ADJUSTMENT_KIND_PERCENT_CHANGE, Value: 50},
			Trigger: &groupv1.ScalingTaskSpec_Threshold{Threshold: &groupv1.MetricThreshold{
				Metric: "cpu", Statistic: groupv1.Statistic_STATISTIC_AVERAGE, Comparison: groupv1.Comparison_COMPARISON_AT_LEAST, Threshold: 80,
			}},
		},
	}
	keep := &groupv1.ScalingTask{ScalingTaskId: "st-3", GroupId: "apg-1", Spec: &groupv1.ScalingTaskSpec{
		Trigger: &groupv1.ScalingTaskSpec_TargetTracking{TargetTracking: &groupv1.TargetTracking{Metric: "cpu", TargetValue: 50}},
	}}
	var wrong rpc.Violations
	wrong.Add("spec.schedule.cron", "0 25 * * *", "must be minute, hour, day of month, month and day of week")
	return map[string][]reply{
		"CreateScalingTask": {
			answer(&groupv1.CreateScalingTaskResponse{ScalingTask: night}), answer(&groupv1.CreateScalingTaskResponse{ScalingTask: busy}),
			answer(&groupv1.CreateScalingTaskResponse{ScalingTask: keep}), refuse(wrong.Err()), refuse(wrong.Err()),
		},
		"UpdateScalingTask": {answer(&groupv1.UpdateScalingTaskResponse{ScalingTask: busy})},
		"GetScalingTask": {answer(&groupv1.GetScalingTaskResponse{ScalingTask: busy}),
			refusal(codes.NotFound, groupv1.ErrorReason_ERROR_REASON_SCALING_TASK_NOT_FOUND, nil, `group apg-1 has no scaling task "st-9"`)},
		"ListScalingTasks":  {answer(&groupv1.ListScalingTasksResponse{ScalingTasks: []*groupv1.ScalingTask{night, busy, keep}})},
		"DeleteScalingTask": {answer(&groupv1.DeleteScalingTaskResponse{})},
		"ReportMetric":      {answer(&groupv1.ReportMetricResponse{}), answer(&groupv1.ReportMetricResponse{UnusedMetrics: []string{"cqu"}})},
	}
}

// The examples of scaling tasks are tasks.
func TestExamples_scaling(t *testing.T) {
	files, err := filepath.Glob("../../../../examples/scaling/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		spec := &groupv1.ScalingTaskSpec{}
		if _, err := parseYAML(name, data, "a ScalingTaskSpec", spec); err != nil || spec.GetTrigger() == nil {
			t.Errorf("%s: %v, %v", name, spec, err)
		}
	}
}
