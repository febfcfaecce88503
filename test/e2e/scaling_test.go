package e2e_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/test/system"
)

// At a time a group grows, by a metric it shrinks; each activity says why.
func TestScaling(t *testing.T) {
	inEach(t, system.Options{}, func(t *testing.T, s *system.System) {
		id := create(t, s, &groupv1.CreateGroupRequest{Spec: &groupv1.GroupSpec{
			TargetCapacity:                  &groupv1.TargetCapacity{Total: 2, DefaultType: groupv1.DefaultTargetCapacityType_DEFAULT_TARGET_CAPACITY_TYPE_PAY_AS_YOU_GO},
			Candidates:                      []*groupv1.Candidate{{ZoneId: "cn-shenzhen-d", InstanceType: "ecs.c6.large"}},
			ExcessCapacityTerminationPolicy: groupv1.ExcessCapacityTerminationPolicy_EXCESS_CAPACITY_TERMINATION_POLICY_TERMINATION,
			TerminateInstances:              true,
		}}).GetGroupId()
		_, err := s.Scaling.CreateScalingTask(t.Context(), &groupv1.CreateScalingTaskRequest{GroupId: id, Spec: halfHourly("x", 6)})
		if got := rpc.FieldViolations(err); status.Code(err) != codes.InvalidArgument || len(got) != 1 || got[0].GetField() != "spec.schedule.cron" {
			t.Errorf("a cron expression that is none: %v", err)
		}
		grow := scalingTask(t, s, id, halfHourly("*/30 * * * *", 6))
		awaitTotal(t, s, id, 6, func() {})
		update := &groupv1.UpdateScalingTaskRequest{
			GroupId: id, ScalingTaskId: grow, Spec: &groupv1.ScalingTaskSpec{Disabled: true}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"disabled"}},
		}
		if _, err := s.Scaling.UpdateScalingTask(t.Context(), update); err != nil {
			t.Fatal(err)
		}
		shrink := scalingTask(t, s, id, &groupv1.ScalingTaskSpec{
			Name: "idle", Adjustment: &groupv1.Adjustment{Kind: groupv1.AdjustmentKind_ADJUSTMENT_KIND_PERCENT_CHANGE, Value: -50},
			Trigger: &groupv1.ScalingTaskSpec_Threshold{Threshold: &groupv1.MetricThreshold{
				Metric: "cpu", Comparison: groupv1.Comparison_COMPARISON_AT_MOST, Threshold: 10, EvaluationCount: 1, Cooldown: durationpb.New(24 * time.Hour),
			}},
		})
		awaitTotal(t, s, id, 3, func() {
			_, err := s.Scaling.ReportMetric(t.Context(), &groupv1.ReportMetricRequest{GroupId: id, Samples: []*groupv1.MetricSample{{Metric: "cpu", Value: 4}}})
			if err != nil {
				t.Fatal(err)
			}
		})
		causes := map[string]string{}
		listed, err := s.Groups.ListActivities(t.Context(), &groupv1.ListActivitiesRequest{GroupId: id})
		if err != nil {
			t.Fatal(err)
		}
		for _, activity := range listed.GetActivities() {
			causes[activity.GetOrigin()] = activity.GetCause()
		}
		if got := causes["scaling-task:"+grow]; got != `scheduled task "half-hourly": total 2 -> 6` {
			t.Errorf("the group grew by %q", got)
		}
		if got := causes["scaling-task:"+shrink]; !strings.HasPrefix(got, `event-triggered task "idle" (cpu is 4, threshold 10): total 6 -> 3`) {
			t.Errorf("the group shrank by %q", got)
		}
	})
}

func halfHourly(cron string, total int32) *groupv1.ScalingTaskSpec {
	return &groupv1.ScalingTaskSpec{
		Name: "half-hourly", Adjustment: &groupv1.Adjustment{Kind: groupv1.AdjustmentKind_ADJUSTMENT_KIND_VALUE, Value: total},
		Trigger: &groupv1.ScalingTaskSpec_Schedule{Schedule: &groupv1.Schedule{Cron: cron, MaxDelay: durationpb.New(6 * time.Hour)}},
	}
}

func scalingTask(t *testing.T, s *system.System, groupID string, spec *groupv1.ScalingTaskSpec) string {
	t.Helper()
	made, err := s.Scaling.CreateScalingTask(t.Context(), &groupv1.CreateScalingTaskRequest{GroupId: groupID, Spec: spec})
	if err != nil {
		t.Fatal(err)
	}
	return made.GetScalingTask().GetScalingTaskId()
}

// awaitTotal waits until a group has a total and is at it, doing something again
// and again meanwhile.
func awaitTotal(t *testing.T, s *system.System, groupID string, total int32, meanwhile func()) {
	t.Helper()
	system.Eventually(t, "another total", func() (bool, any) {
		got, err := s.Groups.GetGroup(t.Context(), &groupv1.GetGroupRequest{GroupId: groupID})
		if err != nil {
			t.Fatal(err)
		}
		group := got.GetGroup()
		if group.GetSpec().GetTargetCapacity().GetTotal() != total {
			meanwhile()
			return false, group
		}
		return group.GetFulfillment() == groupv1.Fulfillment_FULFILLMENT_FULFILLED && group.GetCapacity().GetInstances() == total, group
	})
}
