package groupsvc

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

const (
	changeBy = groupv1.AdjustmentKind_ADJUSTMENT_KIND_CHANGE
	setTo    = groupv1.AdjustmentKind_ADJUSTMENT_KIND_VALUE
)

func adjustment(kind groupv1.AdjustmentKind, value int32) *groupv1.Adjustment {
	return &groupv1.Adjustment{Kind: kind, Value: value}
}

func cronTask(name, cron string, adjustment *groupv1.Adjustment) *groupv1.ScalingTaskSpec {
	return &groupv1.ScalingTaskSpec{Name: name, Adjustment: adjustment, Trigger: &groupv1.ScalingTaskSpec_Schedule{Schedule: &groupv1.Schedule{Cron: cron}}}
}

func trackingTask() *groupv1.ScalingTaskSpec {
	return &groupv1.ScalingTaskSpec{Name: "keep", Trigger: &groupv1.ScalingTaskSpec_TargetTracking{TargetTracking: &groupv1.TargetTracking{
		Metric: "cpu", TargetValue: 50, ScaleOutEvaluationCount: 2, ScaleInEvaluationCount: 3, Cooldown: durationpb.New(0),
	}}}
}

// task makes a scaling task.
func (b *bench) task(groupID string, spec *groupv1.ScalingTaskSpec) *groupv1.ScalingTask {
	b.t.Helper()
	resp, err := b.scaling.CreateScalingTask(b.t.Context(), &groupv1.CreateScalingTaskRequest{GroupId: groupID, Spec: spec})
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.GetScalingTask()
}

func (b *bench) tasks(groupID string) []*groupv1.ScalingTask {
	b.t.Helper()
	resp, err := b.scaling.ListScalingTasks(b.t.Context(), &groupv1.ListScalingTasksRequest{GroupId: groupID})
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.GetScalingTasks()
}

// report reports a metric as measured now, and tells what was of no use.
func (b *bench) report(groupID, metric string, value float64) []string {
	b.t.Helper()
	resp, err := b.scaling.ReportMetric(b.t.Context(), &groupv1.ReportMetricRequest{
		GroupId: groupID, Samples: []*groupv1.MetricSample{{Metric: metric, Value: value}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.GetUnusedMetrics()
}

func withRelease(spec *groupv1.GroupSpec) *groupv1.GroupSpec {
	spec.ExcessCapacityTerminationPolicy = groupv1.ExcessCapacityTerminationPolicy_EXCESS_CAPACITY_TERMINATION_POLICY_TERMINATION
	return spec
}

// Tasks act to the second, whatever the interval of looks (L3), and tell what
// they did; the parts of a target come back with it.
func TestScaling_scheduled(t *testing.T) {
	b := newBench(t, "")
	id := b.create(withRelease(spec(10, 4, 6))).GetGroup().GetGroupId()
	night, morning := b.task(id, cronTask("night", "30 1 * * *", adjustment(setTo, 2))), b.task(id, cronTask("", "30 2 * * *", adjustment(setTo, 12)))
	if got := night.GetNextRunTime().AsTime(); !got.Equal(origin.Add(90*time.Minute)) || !strings.HasPrefix(night.GetScalingTaskId(), "st-") || night.GetGroupId() != id {
		t.Errorf("made %v", night)
	}
	b.settled(90*time.Minute - 1)
	if got := len(b.members(id)); got != 10 {
		t.Fatalf("%d members before the time", got)
	}
	b.settled(1)
	b.settled(0)
	group := b.group(id)
	if target := group.GetSpec().GetTargetCapacity(); target.GetTotal() != 2 || target.GetPayAsYouGo() != 2 || target.GetSpot() != 0 || group.GetGeneration() != 2 {
		t.Errorf("target %v, generation %d", target, group.GetGeneration())
	}
	b.settled(time.Minute)
	latest := b.activities(id)[0]
	if want := `scheduled task "night": total 10 -> 2`; len(b.members(id)) != 2 || latest.GetCause() != want || latest.GetOrigin() != "scaling-task:"+night.GetScalingTaskId() ||
		!latest.GetStartTime().AsTime().Equal(origin.Add(90*time.Minute)) || len(latest.GetRemovals()) != 8 {
		t.Errorf("%d members, activity %v", len(b.members(id)), latest)
	}
	b.settled(time.Hour)
	if target := b.group(id).GetSpec().GetTargetCapacity(); target.GetTotal() != 12 || target.GetPayAsYouGo() != 4 || target.GetSpot() != 6 || len(b.members(id)) != 12 {
		t.Errorf("in the morning: target %v, %d members", target, len(b.members(id)))
	}
	want := fmt.Sprintf(`scheduled task "%s": total 2 -> 12`, morning.GetScalingTaskId())
	if got := b.activities(id)[0].GetCause(); got != want {
		t.Errorf("cause %q, want %q", got, want)
	}
	// Parts that an update names are asked for, even those that tasks made so.
	b.settled(23 * time.Hour)
	b.update(id, &groupv1.TargetCapacity{PayAsYouGo: 2}, "target_capacity.pay_as_you_go")
	b.settled(time.Hour)
	if target := b.group(id).GetSpec().GetTargetCapacity(); target.GetTotal() != 12 || target.GetPayAsYouGo() != 2 || target.GetSpot() != 0 {
		t.Errorf("on the next morning: target %v", target)
	}
	for _, task := range b.tasks(id) {
		if !task.GetNextRunTime().AsTime().After(b.clock.Now()) || b.clock.Now().Sub(task.GetLastRunTime().AsTime()) > 24*time.Hour {
			t.Errorf("a day later: %v", task)
		}
	}
	if got := b.group(id).GetGeneration(); got != 6 {
		t.Errorf("generation %d after four runs and an update", got)
	}
}

func TestScaling_byMetric(t *testing.T) {
	b := newBench(t, "")
	asked := withRelease(spec(10, 0, 0))
	asked.ScalingBounds = &groupv1.ScalingBounds{Minimum: 4, Maximum: 24}
	id := b.create(asked).GetGroup().GetGroupId()
	if unused := b.report(id, "cpu", 1); !slices.Equal(unused, []string{"cpu"}) {
		t.Errorf("a metric without a task: %v", unused)
	}
	task := b.task(id, trackingTask())
	minute := func(value float64) int {
		if unused := b.report(id, "cpu", value); len(unused) > 0 {
			t.Errorf("unused: %v", unused)
		}
		b.settled(time.Minute)
		return len(b.members(id))
	}
	b.settled(30 * time.Second)
	before := b.group(id)
	b.report(id, "cpu", 80)
	if got := b.group(id); got.GetEtag() != before.GetEtag() {
		t.Errorf("a report changed the etag %s to %s", before.GetEtag(), got.GetEtag())
	}
	b.settled(time.Minute)
	if got := len(b.members(id)); got != 10 {
		t.Errorf("%d members after one period", got)
	}
	if got := minute(100); got != 20 {
		t.Errorf("%d members after two periods, want 20 by 100 over 50", got)
	}
	if got := b.activities(id)[0]; got.GetCause() != `target tracking "keep" (cpu is 100, target 50): total 10 -> 20` || got.GetOrigin() != "scaling-task:"+task.GetScalingTaskId() {
		t.Errorf("activity %v", got)
	}
	if got := minute(90); got != 24 {
		t.Errorf("%d members, want no more than the maximum", got)
	}
	minute(10)
	minute(10)
	if got := minute(10); got != 5 {
		t.Errorf("%d members after three low periods, want 5", got)
	}
	if got := b.tasks(id)[0]; got.GetLastOutcome() != "total 24 -> 5" {
		t.Errorf("task %v", got)
	}
	if got := minute(0); got != 4 {
		t.Errorf("%d members, want no fewer than the minimum", got)
	}
	// Without reports nothing is due, and nothing moves.
	b.settled(time.Hour)
	if got := b.tasks(id)[0]; got.GetNextRunTime() != nil || len(b.members(id)) != 4 {
		t.Errorf("task %v, %d members", got, len(b.members(id)))
	}
}

// A group that replaces nothing makes one more attempt, as for UpdateGroup.
func TestScaling_ofOtherGroups(t *testing.T) {
	b := newBench(t, "")
	asked := spec(6, 0, 6)
	asked.Type = groupv1.GroupType_GROUP_TYPE_INSTANT
	id := b.create(asked).GetGroup().GetGroupId()
	b.task(id, cronTask("", "0 1 * * *", adjustment(changeBy, 2)))
	b.settled(time.Minute)
	b.cloud.Change(b.members(id)[0].GetInstanceId(), nil)
	b.settled(50 * time.Minute)
	if got := len(b.members(id)); got != 5 {
		t.Fatalf("%d members before the time", got)
	}
	b.settled(15 * time.Minute)
	b.cloud.Change(b.members(id)[0].GetInstanceId(), nil)
	b.settled(2 * time.Hour)
	if got := b.group(id); len(b.members(id)) != 7 || b.cloud.Created() != 9 || got.GetLifecycle() != groupv1.Lifecycle_LIFECYCLE_ACTIVE {
		t.Errorf("%d members, %d ever launched, lifecycle %v", len(b.members(id)), b.cloud.Created(), got.GetLifecycle())
	}
}

// While the cloud is away the target moves all the same, and is told once it is
// delivered.
func TestScaling_whileTheCloudIsAway(t *testing.T) {
	b := newBench(t, "")
	id := b.create(spec(4, 0, 0)).GetGroup().GetGroupId()
	b.task(id, cronTask("grow", "10 0 * * *", adjustment(changeBy, 3)))
	b.settled(time.Minute)
	b.cloud.Fault = func(string) error { return status.Error(codes.Unavailable, "away") }
	b.settled(20 * time.Minute)
	if got := b.group(id).GetSpec().GetTargetCapacity().GetTotal(); got != 7 {
		t.Errorf("total %d", got)
	}
	b.cloud.Fault = nil
	b.settled(2 * time.Minute)
	if got := b.activities(id)[0]; len(b.members(id)) != 7 || got.GetCause() != `scheduled task "grow": total 4 -> 7` {
		t.Errorf("%d members, activity %v", len(b.members(id)), got)
	}
}

// Reports that come while a group is looked at hold no look up, and count.
func TestReportMetric_duringALook(t *testing.T) {
	b := newBench(t, "")
	id := b.create(spec(10, 0, 0)).GetGroup().GetGroupId()
	b.task(id, trackingTask())
	reports, busy := 0, false
	b.cloud.Fault = func(string) error {
		if !busy { // the look's calls, not those that the report leads to
			busy = true
			defer func() { busy = false }()
			b.report(id, "cpu", 100)
			reports++
		}
		return nil
	}
	b.settled(time.Second)
	if got := b.group(id); got.GetFulfillment() == groupv1.Fulfillment_FULFILLMENT_UNSPECIFIED || len(b.members(id)) != 10 || b.cloud.Created() != 10 || reports < 3 {
		t.Errorf("%d members, %d ever launched, after %d reports: %v", len(b.members(id)), b.cloud.Created(), reports, got)
	}
	if got := b.activities(id); len(got) != 1 || got[0].GetEndTime() == nil {
		t.Errorf("activities %v", got)
	}
	b.cloud.Fault = nil
	b.settled(2 * time.Minute)
	b.report(id, "cpu", 100)
	b.settled(2 * time.Minute)
	if got := len(b.members(id)); got != 10 {
		t.Errorf("%d members: a period lay between", got)
	}
}

func TestReportMetric_times(t *testing.T) {
	b := newBench(t, "")
	id := b.create(spec(2, 0, 0)).GetGroup().GetGroupId()
	b.task(id, trackingTask())
	b.clock.Advance(10*time.Minute + 14*time.Second)
	report := func(requestID string, at ...time.Time) error {
		req := &groupv1.ReportMetricRequest{GroupId: id, RequestId: requestID}
		for _, at := range at {
			req.Samples = append(req.Samples, &groupv1.MetricSample{Metric: "cpu", Value: 1, Time: timestamppb.New(at)})
		}
		_, err := b.scaling.ReportMetric(t.Context(), req)
		return err
	}
	now := b.clock.Now()
	got := violationsOf(t, report("", now, now.Add(time.Second), now.Add(-15*time.Second), now.Add(-75*time.Second)))
	if len(got) != 2 || !strings.Contains(got["samples[1].time"], "must not be later than now, which is 2026-01-01T00:10:14Z") ||
		!strings.Contains(got["samples[3].time"], "must not be before 2026-01-01T00:09:00Z") {
		t.Errorf("violations %v", got)
	}
	if next := b.tasks(id)[0].GetNextRunTime(); next != nil {
		t.Errorf("a refused report was counted: next %v", next.AsTime())
	}
	if err := report("r", now); err != nil {
		t.Fatal(err)
	}
	version := b.stored(id).GetVersion()
	b.clock.Advance(time.Hour)
	if err := report("r", now); err != nil { // again, when it is too old for a new one
		t.Error(err)
	}
	if got := b.stored(id); got.GetVersion() != version || got.GetScalingTasks()[0].GetPeriods()[0].GetCount() != 1 {
		t.Errorf("counted twice: %v", got.GetScalingTasks()[0])
	}
	b.settled(time.Minute)
	if unused := b.report(id, "cqu", 1); !slices.Equal(unused, []string{"cqu"}) {
		t.Errorf("unused %v", unused)
	}
	_, err := b.scaling.ReportMetric(t.Context(), &groupv1.ReportMetricRequest{GroupId: id, Samples: []*groupv1.MetricSample{{Value: math.NaN()}}})
	if got := violationsOf(t, err); len(got) != 2 || got["samples[0].metric"] == "" || got["samples[0].value"] == "" {
		t.Errorf("violations %v", got)
	}
}

func TestScalingTasks_refusals(t *testing.T) {
	b := newBench(t, "")
	id := b.create(spec(2, 0, 0)).GetGroup().GetGroupId()
	float := proto.Float64
	schedule := func(schedule *groupv1.Schedule) *groupv1.ScalingTaskSpec {
		return &groupv1.ScalingTaskSpec{Adjustment: adjustment(changeBy, 1), Trigger: &groupv1.ScalingTaskSpec_Schedule{Schedule: schedule}}
	}
	threshold := func(adjustment *groupv1.Adjustment) *groupv1.ScalingTaskSpec {
		return &groupv1.ScalingTaskSpec{Adjustment: adjustment, Trigger: &groupv1.ScalingTaskSpec_Threshold{Threshold: &groupv1.MetricThreshold{Metric: "cpu"}}}
	}
	steps := func(kind groupv1.AdjustmentKind, steps ...*groupv1.AdjustmentStep) *groupv1.Adjustment {
		return &groupv1.Adjustment{Kind: kind, Steps: steps}
	}
	ahead := timestamppb.New(origin.Add(time.Hour))
	both := trackingTask()
	both.Adjustment = adjustment(changeBy, 1)
	for name, test := range map[string]struct {
		spec *groupv1.ScalingTaskSpec
		want map[string]string
	}{
		"nothing of it":        {nil, map[string]string{"spec": "must be given"}},
		"neither when nor how": {&groupv1.ScalingTaskSpec{}, map[string]string{"spec.trigger": "schedule, threshold, target_tracking", "spec.adjustment": "unless there is target_tracking"}},
		"no such cron": {schedule(&groupv1.Schedule{Cron: "0 25 * * *"}), map[string]string{
			"spec.schedule.cron": `must be minute, hour, day of month, month and day of week, such as "0 22 * * 1-5": end of range (25) above maximum (23): "25", got "0 25 * * *"`,
		}},
		"no such date":  {schedule(&groupv1.Schedule{Cron: "0 0 30 2 *"}), map[string]string{"spec.schedule.cron": `must name a date that there is, got "0 0 30 2 *"`}},
		"no time":       {schedule(&groupv1.Schedule{}), map[string]string{"spec.schedule.start_time": "unless there is a cron expression"}},
		"a time before": {schedule(&groupv1.Schedule{StartTime: timestamppb.New(origin)}), map[string]string{"spec.schedule.start_time": "must be later than now, which is 2026-01-01T00:00:00Z, got 2026-01-01T00:00:00Z"}},
		"ends before it begins": {schedule(&groupv1.Schedule{Cron: "0 2 * * *", EndTime: ahead}), map[string]string{
			"spec.schedule.end_time": "must not be before the first time, which is 2026-01-01T02:00:00Z, got 2026-01-01T01:00:00Z",
		}},
		"no such time": {schedule(&groupv1.Schedule{StartTime: &timestamppb.Timestamp{Seconds: math.MaxInt64}, MaxDelay: durationpb.New(1)}), map[string]string{
			"spec.schedule.start_time": "years 1 to 9999", "spec.schedule.max_delay": "",
		}},
		"tracking and adjustment": {both, map[string]string{"spec.adjustment": "must be left out with target_tracking"}},
		"no kind":                 {threshold(&groupv1.Adjustment{Value: 1}), map[string]string{"spec.adjustment.kind": ""}},
		"too much":                {threshold(adjustment(changeBy, 2001)), map[string]string{"spec.adjustment.value": "-2000 to 2000 for change, got 2001"}},
		"less than nothing":       {threshold(adjustment(setTo, -1)), map[string]string{"spec.adjustment.value": "0 to 2000 for value, got -1"}},
		"no change":               {threshold(adjustment(changeBy, 0)), map[string]string{"spec.adjustment.value": "must not be 0 for change"}},
		"least of a value": {threshold(&groupv1.Adjustment{Kind: setTo, Value: 1, MinChange: 1}), map[string]string{
			"spec.adjustment.min_change": "unless kind is percent-change, and it is value",
		}},
		"steps of a value":    {threshold(steps(setTo, &groupv1.AdjustmentStep{Value: 1})), map[string]string{"spec.adjustment.steps": "unless there is a threshold"}},
		"steps of a schedule": {cronTask("", "0 1 * * *", steps(changeBy, &groupv1.AdjustmentStep{Value: 1})), map[string]string{"spec.adjustment.steps": "unless there is a threshold"}},
		"steps that do not fit": {threshold(steps(changeBy, &groupv1.AdjustmentStep{From: float(5), To: float(5), Value: 1}, &groupv1.AdjustmentStep{From: float(6), Value: 1}, &groupv1.AdjustmentStep{})),
			map[string]string{
				"spec.adjustment.steps[0].to": "greater than from, which is 5", "spec.adjustment.steps[1].from": "where the step before ends, 5, got 6",
				"spec.adjustment.steps[2]": "goes on for ever", "spec.adjustment.steps[2].value": "must not be 0",
			}},
	} {
		_, err := b.scaling.CreateScalingTask(t.Context(), &groupv1.CreateScalingTaskRequest{GroupId: id, Spec: test.spec})
		got := violationsOf(t, err)
		for field, part := range test.want {
			if text, ok := got[field]; !ok || !strings.Contains(text, part) {
				t.Errorf("%s: violation of %s is %q, want one with %q", name, field, text, part)
			}
		}
		if len(got) != len(test.want) {
			t.Errorf("%s: violations %v", name, got)
		}
	}
	if got := b.tasks(id); len(got) != 0 {
		t.Errorf("stored %v", got)
	}
	wrong, err := b.scaling.CreateScalingTask(t.Context(), &groupv1.CreateScalingTaskRequest{
		RequestId: "a b", GroupId: id, Spec: schedule(&groupv1.Schedule{Cron: "x", MaxDelay: durationpb.New(-1)}),
	})
	if got := violationsOf(t, err); len(got) != 3 {
		t.Errorf("made %v with violations %v", wrong, got)
	}
	for range 20 {
		b.task(id, trackingTask())
	}
	_, err = b.scaling.CreateScalingTask(t.Context(), &groupv1.CreateScalingTaskRequest{GroupId: id, Spec: trackingTask()})
	if status.Code(err) != codes.ResourceExhausted || !rpc.HasReason(err, groupv1.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED) {
		t.Errorf("one more than 20: %v", err)
	}
}

func TestScalingTasks_notThere(t *testing.T) {
	b := newBench(t, "")
	gone := b.create(spec(0, 0, 0)).GetGroup().GetGroupId()
	b.task(gone, trackingTask())
	if _, err := b.client.DeleteGroup(t.Context(), &groupv1.DeleteGroupRequest{GroupId: gone}); err != nil {
		t.Fatal(err)
	}
	live := b.create(spec(0, 0, 0)).GetGroup().GetGroupId()
	calls := func(groupID string) map[string]error {
		ctx, found := t.Context(), map[string]error{}
		_, found["create"] = b.scaling.CreateScalingTask(ctx, &groupv1.CreateScalingTaskRequest{GroupId: groupID, Spec: trackingTask()})
		_, found["update"] = b.scaling.UpdateScalingTask(ctx, &groupv1.UpdateScalingTaskRequest{
			GroupId: groupID, ScalingTaskId: "st-none", UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"name"}},
		})
		_, found["get"] = b.scaling.GetScalingTask(ctx, &groupv1.GetScalingTaskRequest{GroupId: groupID, ScalingTaskId: "st-none"})
		_, found["list"] = b.scaling.ListScalingTasks(ctx, &groupv1.ListScalingTasksRequest{GroupId: groupID})
		_, found["delete"] = b.scaling.DeleteScalingTask(ctx, &groupv1.DeleteScalingTaskRequest{GroupId: groupID, ScalingTaskId: "st-none"})
		_, found["report"] = b.scaling.ReportMetric(ctx, &groupv1.ReportMetricRequest{GroupId: groupID, Samples: []*groupv1.MetricSample{{Metric: "cpu"}}})
		return found
	}
	none, deleting, noTask := groupv1.ErrorReason_ERROR_REASON_GROUP_NOT_FOUND, groupv1.ErrorReason_ERROR_REASON_GROUP_IS_BEING_DELETED, groupv1.ErrorReason_ERROR_REASON_SCALING_TASK_NOT_FOUND
	ok := groupv1.ErrorReason_ERROR_REASON_UNSPECIFIED
	for groupID, want := range map[string]map[string]groupv1.ErrorReason{
		"apg-none": {"create": none, "update": none, "get": none, "list": none, "delete": none, "report": none},
		gone:       {"create": deleting, "update": deleting, "get": noTask, "list": ok, "delete": deleting, "report": deleting},
		live:       {"create": ok, "update": noTask, "get": noTask, "list": ok, "delete": ok, "report": ok},
	} {
		for call, err := range calls(groupID) {
			if reason := want[call]; reason == ok && err != nil || reason != ok && !rpc.HasReason(err, reason) {
				t.Errorf("%s of %s: %v, want %v", call, groupID, err, reason)
			}
		}
	}
	if got := b.tasks(gone)[0]; got.GetNextRunTime() != nil {
		t.Errorf("the task of a group that ends: %v", got)
	}
}

func TestScalingTasks_createdOnce(t *testing.T) {
	b := newBench(t, "")
	id := b.create(spec(2, 0, 0)).GetGroup().GetGroupId()
	request := &groupv1.CreateScalingTaskRequest{RequestId: "r", GroupId: id, Spec: cronTask("n", "0 1 * * *", adjustment(changeBy, 1))}
	first, err := b.scaling.CreateScalingTask(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	second, err := b.scaling.CreateScalingTask(t.Context(), request)
	if err != nil || !proto.Equal(first, second) || len(b.tasks(id)) != 1 {
		t.Errorf("again: %v, %v; %d tasks", second, err, len(b.tasks(id)))
	}
	if schedule := first.GetScalingTask().GetSpec().GetSchedule(); schedule.GetMaxDelay().AsDuration() != 10*time.Minute {
		t.Errorf("defaults are missing: %v", schedule)
	}
	request.Spec.Name = "other"
	if _, err = b.scaling.CreateScalingTask(t.Context(), request); !rpc.HasReason(err, groupv1.ErrorReason_ERROR_REASON_IDEMPOTENT_PARAMETER_MISMATCH) {
		t.Errorf("the token with other parameters: %v", err)
	}
}

func TestScalingTasks_updated(t *testing.T) {
	b := newBench(t, "")
	id := b.create(spec(2, 0, 0)).GetGroup().GetGroupId()
	task := b.task(id, cronTask("a", "0 1 * * *", adjustment(changeBy, 1))).GetScalingTaskId()
	update := func(spec *groupv1.ScalingTaskSpec, paths ...string) (*groupv1.ScalingTask, error) {
		resp, err := b.scaling.UpdateScalingTask(t.Context(), &groupv1.UpdateScalingTaskRequest{
			GroupId: id, ScalingTaskId: task, Spec: spec, UpdateMask: &fieldmaskpb.FieldMask{Paths: paths},
		})
		return resp.GetScalingTask(), err
	}
	// A time that has come and was not acted on yet is not lost by a new name.
	b.clock.Advance(time.Hour)
	if got, err := update(&groupv1.ScalingTaskSpec{Name: "b"}, "name"); err != nil || got.GetSpec().GetName() != "b" {
		t.Errorf("renamed: %v, %v", got, err)
	}
	b.settled(time.Second)
	if got := len(b.members(id)); got != 3 {
		t.Errorf("%d members", got)
	}
	// A task that rests catches nothing up.
	if got, err := update(&groupv1.ScalingTaskSpec{Disabled: true}, "disabled"); err != nil || got.GetNextRunTime() != nil {
		t.Errorf("disabled: %v, %v", got, err)
	}
	b.settled(24*time.Hour + time.Minute)
	if got, err := update(&groupv1.ScalingTaskSpec{}, "disabled"); err != nil || !got.GetNextRunTime().AsTime().Equal(origin.Add(49*time.Hour)) {
		t.Errorf("enabled: %v, %v", got, err)
	}
	b.settled(time.Minute)
	if got := len(b.members(id)); got != 3 {
		t.Errorf("%d members", got)
	}
	// From a schedule to a metric.
	got, err := update(&groupv1.ScalingTaskSpec{Trigger: trackingTask().GetTrigger()}, "target_tracking", "adjustment")
	if err != nil || got.GetSpec().GetTargetTracking().GetPeriod().AsDuration() != time.Minute || got.GetSpec().GetAdjustment() != nil {
		t.Errorf("another trigger: %v, %v", got, err)
	}
	if unused := b.report(id, "cpu", 1); len(unused) != 0 {
		t.Errorf("unused %v", unused)
	}
	version := b.stored(id).GetVersion()
	if _, err = update(&groupv1.ScalingTaskSpec{Trigger: trackingTask().GetTrigger()}, "target_tracking"); err != nil || b.stored(id).GetVersion() != version {
		t.Errorf("the same again: %v, version %d, want %d", err, b.stored(id).GetVersion(), version)
	}
	for name, test := range map[string]struct {
		spec  *groupv1.ScalingTaskSpec
		paths []string
		field string
	}{
		"no paths":     {nil, nil, "update_mask"},
		"other path":   {nil, []string{"spec"}, "update_mask.paths[0]"},
		"no trigger":   {nil, []string{"target_tracking"}, "spec.trigger"},
		"no such cron": {cronTask("", "x", adjustment(changeBy, 1)), []string{"schedule", "adjustment"}, "spec.schedule.cron"},
		"in its parts": {&groupv1.ScalingTaskSpec{Name: strings.Repeat("x", 129)}, []string{"name"}, "spec.name"},
	} {
		_, err := update(test.spec, test.paths...)
		if got := violationsOf(t, err); got[test.field] == "" {
			t.Errorf("%s: %v", name, got)
		}
	}
	if _, err := b.scaling.DeleteScalingTask(t.Context(), &groupv1.DeleteScalingTaskRequest{GroupId: id, ScalingTaskId: task}); err != nil || len(b.tasks(id)) != 0 {
		t.Errorf("deleted: %v; left %v", err, b.tasks(id))
	}
}

// Two services with one store act once on one time (S1), whoever comes first.
func TestScaling_twoServices(t *testing.T) {
	b := newBench(t, "")
	other, err := compose(t.Context(), Config{Entropy: b.entropy, LeaseDuration: 1}.withDefaults(), b.deps, b.groups)
	if err != nil {
		t.Fatal(err)
	}
	id := b.create(spec(2, 0, 0)).GetGroup().GetGroupId()
	b.task(id, cronTask("", "*/10 * * * *", adjustment(changeBy, 1)))
	inside := false
	b.cloud.Fault = func(string) error {
		if inside {
			return nil
		}
		inside = true
		defer func() { inside = false }()
		_, err := other.Tick(context.WithoutCancel(t.Context()))
		return err
	}
	b.settled(65 * time.Minute)
	if got := b.group(id); got.GetSpec().GetTargetCapacity().GetTotal() != 8 || got.GetGeneration() != 7 || len(b.members(id)) != 8 {
		t.Errorf("after six times: target %v, generation %d, %d members", got.GetSpec().GetTargetCapacity(), got.GetGeneration(), len(b.members(id)))
	}
}

// scaledLife is a group that tasks move, at a time and by a metric.
func scaledLife(b *bench) {
	l, crashes := &life{b: b}, b.crash.on > 0
	l.create(&groupv1.CreateGroupRequest{RequestId: "create", Spec: withRelease(spec(10, 0, 0))})
	l.pass(2 * time.Minute)
	l.expect(10, 10)
	grow := cronTask("grow", "", adjustment(changeBy, 30))
	grow.GetSchedule().StartTime = timestamppb.New(b.clock.Now().Add(15 * time.Minute))
	for _, spec := range []*groupv1.ScalingTaskSpec{grow, trackingTask()} {
		l.again(func() error {
			_, err := b.scaling.CreateScalingTask(b.t.Context(), &groupv1.CreateScalingTaskRequest{RequestId: spec.GetName(), GroupId: l.id, Spec: spec})
			return err
		})
	}
	l.pass(17 * time.Minute)
	l.expect(40, 40)
	for report := range 3 {
		l.again(func() error {
			_, err := b.scaling.ReportMetric(b.t.Context(), &groupv1.ReportMetricRequest{
				RequestId: fmt.Sprint("r", report), GroupId: l.id, Samples: []*groupv1.MetricSample{{Metric: "cpu", Value: 25}},
			})
			return err
		})
		l.pass(time.Minute)
	}
	l.pass(2 * time.Minute)
	// A period without a report, as while the service is away, ends the row.
	if got := len(b.members(l.id)); got != 20 && (got != 40 || !crashes) {
		b.t.Errorf("%d members by the metric, want 20", got)
	}
	l.delete()
	l.pass(3 * time.Minute)
	l.expect(0, 40)
	b.told.check(l.id, b.activities(l.id))
}

// stored is a group as it is stored.
func (b *bench) stored(id string) *storagev1.StoredGroup {
	b.t.Helper()
	record, err := b.groups.Get(b.t.Context(), store.Key{Account: rpc.DefaultAccount, GroupID: id})
	if err != nil {
		b.t.Fatal(err)
	}
	return record.Group
}
