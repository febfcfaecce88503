package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"buf.build/go/protoyaml"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/cmd/muster/internal/cli/value"
	"github.com/seed-198b1370/muster/cmd/muster/internal/cli/wrap"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

type scalingCommand struct {
	Create scalingCreate `cmd:"" help:"Add a task that moves the target of a group: at a time, by a cron expression, or by a metric."`
	List   scalingList   `cmd:"" help:"List the scaling tasks of a group."`
	Show   scalingShow   `cmd:"" help:"Show a scaling task, as a file that another can be made from."`
	Update scalingUpdate `cmd:"" help:"Change a scaling task, or let it rest."`
	Delete scalingDelete `cmd:"" help:"Delete a scaling task."`
	Report scalingReport `cmd:"" help:"Report a value of a metric that scaling tasks follow."`
}

// scaling calls a function with a client of scaling tasks and the id of the
// group.
func (c namedGroup) scaling(ctx context.Context, do func(tasks groupv1.ScalingServiceClient, group string) error) error {
	return c.call(func(conn grpc.ClientConnInterface) error {
		id, err := groupID(ctx, groupv1.NewGroupServiceClient(conn), c.Group)
		if err != nil {
			return err
		}
		return do(groupv1.NewScalingServiceClient(conn), id)
	})
}

// taskTable writes scaling tasks, a row each, and below it what came of those
// that have acted.
func taskTable(w table, tasks ...*groupv1.ScalingTask) {
	taskRows(w, "TASK", tasks)
	for _, task := range tasks {
		if task.GetLastRunTime() != nil {
			w.say(wrap.Text(fmt.Sprintf("%s acted last at %s: %s", task.GetScalingTaskId(), stamp(task.GetLastRunTime()), orDash(tame(task.GetLastOutcome()))), widestText))
		}
	}
}

// taskRows writes scaling tasks, a row each.
func taskRows(w table, heading string, tasks []*groupv1.ScalingTask) {
	row(w, heading, "NAME", "WHEN", "DOES", "NEXT")
	for _, task := range tasks {
		row(w, task.GetScalingTaskId(), orDash(cut(tame(task.GetSpec().GetName()), widestTask)), cut(tame(whenText(task.GetSpec())), widestWhen),
			adjustmentText(task.GetSpec()), stamp(task.GetNextRunTime()))
	}
}

// whenText says in a few words when a task acts, or that it rests.
func whenText(spec *groupv1.ScalingTaskSpec) string {
	if spec.GetDisabled() {
		return "rests: " + triggerText(spec)
	}
	return triggerText(spec)
}

// triggerText says in a few words when a task acts.
func triggerText(spec *groupv1.ScalingTaskSpec) string {
	switch trigger := spec.GetTrigger().(type) {
	case *groupv1.ScalingTaskSpec_Schedule:
		return cmp.Or(trigger.Schedule.GetCron(), stamp(trigger.Schedule.GetStartTime()))
	case *groupv1.ScalingTaskSpec_Threshold:
		threshold := trigger.Threshold
		metric := threshold.GetMetric()
		if statistic := threshold.GetStatistic(); statistic > groupv1.Statistic_STATISTIC_AVERAGE {
			metric = word(statistic) + " " + metric
		}
		return fmt.Sprintf("%s %s %s", metric, sign(threshold.GetComparison()), units(threshold.GetThreshold()))
	case *groupv1.ScalingTaskSpec_TargetTracking:
		return trigger.TargetTracking.GetMetric() + " off " + units(trigger.TargetTracking.GetTargetValue())
	default:
		return "-"
	}
}

// sign writes a comparison.
func sign(comparison groupv1.Comparison) string {
	switch comparison {
	case groupv1.Comparison_COMPARISON_AT_MOST:
		return "<="
	case groupv1.Comparison_COMPARISON_ABOVE:
		return ">"
	case groupv1.Comparison_COMPARISON_BELOW:
		return "<"
	default:
		return ">="
	}
}

// adjustmentText says in a few words what a task does.
func adjustmentText(spec *groupv1.ScalingTaskSpec) string {
	adjustment := spec.GetAdjustment()
	value := fmt.Sprintf("%+d", adjustment.GetValue())
	switch {
	case spec.GetTargetTracking() != nil:
		return "tracks"
	case len(adjustment.GetSteps()) > 0:
		value = "steps"
	}
	switch adjustment.GetKind() {
	case groupv1.AdjustmentKind_ADJUSTMENT_KIND_PERCENT_CHANGE:
		return value + " %"
	case groupv1.AdjustmentKind_ADJUSTMENT_KIND_VALUE:
		return fmt.Sprintf("to %d", adjustment.GetValue())
	default:
		return value
	}
}

type scalingList struct {
	namedGroup
}

// Run lists the tasks.
func (c *scalingList) Run(ctx context.Context, on console) error {
	return c.scaling(ctx, func(tasks groupv1.ScalingServiceClient, group string) error {
		listed, err := tasks.ListScalingTasks(ctx, &groupv1.ListScalingTasksRequest{GroupId: group})
		if err != nil {
			return err
		}
		return c.show(on.out, listed, func(w table) { taskTable(w, listed.GetScalingTasks()...) })
	})
}

// namedTask is what commands about one task have in common.
type namedTask struct {
	namedGroup
	Task string `arg:"" field:"scaling_task_id" help:"Id of the scaling task."`
}

type scalingShow struct{ namedTask }

// Run shows the task.
func (c *scalingShow) Run(ctx context.Context, on console) error {
	return c.scaling(ctx, func(tasks groupv1.ScalingServiceClient, group string) error {
		got, err := tasks.GetScalingTask(ctx, &groupv1.GetScalingTaskRequest{GroupId: group, ScalingTaskId: c.Task})
		if err != nil {
			return err
		}
		if c.Output == "json" {
			return writeJSON(on.out, got)
		}
		task := got.GetScalingTask()
		text, err := protoyaml.Marshal(task.GetSpec())
		if err != nil {
			return fmt.Errorf("write YAML: %w", err)
		}
		about := []string{
			"Task " + tame(task.GetScalingTaskId()) + " of group " + tame(task.GetGroupId()) + ".",
			"Next: " + stamp(task.GetNextRunTime()) + ". Last: " + stamp(task.GetLastRunTime()) + ", " + orDash(tame(task.GetLastOutcome())) + ".",
		}
		if task.GetCooldownEndTime() != nil {
			about = append(about, "In cooldown until "+stamp(task.GetCooldownEndTime())+".")
		}
		_, err = fmt.Fprintf(on.out, "# %s\n%s", strings.Join(about, "\n# "), text)
		return err
	})
}

type scalingDelete struct{ namedTask }

// Run deletes the task.
func (c *scalingDelete) Run(ctx context.Context, on console) error {
	return c.scaling(ctx, func(tasks groupv1.ScalingServiceClient, group string) error {
		deleted, err := tasks.DeleteScalingTask(ctx, &groupv1.DeleteScalingTaskRequest{GroupId: group, ScalingTaskId: c.Task})
		if err != nil {
			return err
		}
		return c.show(on.out, deleted, func(w table) { w.say("Deleted scaling task " + c.Task + ".") })
	})
}

type scalingReport struct {
	namedGroup
	Metric    string  `arg:"" field:"samples[].metric" help:"Name of the metric."`
	Value     float64 `arg:"" field:"samples[].value" help:"What was measured; a negative one after --."`
	Time      string  `field:"samples[].time" placeholder:"TIME" help:"When it was measured, by the cloud's clock; by default now."`
	RequestID string  `name:"request-id" placeholder:"ID" help:"Client token. Without it one is made."`
}

// Run reports the value.
func (c *scalingReport) Run(ctx context.Context, on console) error {
	sample := &groupv1.MetricSample{Metric: c.Metric, Value: c.Value}
	if c.Time != "" {
		at, err := value.Time(c.Time)
		if err != nil {
			return of("--time", err)
		}
		sample.Time = timestamppb.New(at)
	}
	token, err := tokenOf(c.RequestID, "")
	if err != nil {
		return err
	}
	return c.scaling(ctx, func(tasks groupv1.ScalingServiceClient, group string) error {
		reported, err := tasks.ReportMetric(ctx, &groupv1.ReportMetricRequest{RequestId: token.id, GroupId: group, Samples: []*groupv1.MetricSample{sample}})
		if err != nil {
			return token.failed(err)
		}
		return c.show(on.out, reported, func(w table) {
			if len(reported.GetUnusedMetrics()) > 0 {
				w.say("No scaling task of the group follows " + tame(c.Metric) + ": nothing is kept of it.")
				return
			}
			w.say("Reported.")
		})
	})
}
