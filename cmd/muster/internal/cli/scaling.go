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

// scaling calls a function with a client of scaling tasks.
func (c client) scaling(do func(groupv1.ScalingServiceClient) error) error {
	return c.call(func(conn grpc.ClientConnInterface) error { return do(groupv1.NewScalingServiceClient(conn)) })
}

func taskTable(w table, tasks ...*groupv1.ScalingTask) {
	row(w, "TASK", "NAME", "WHEN", "WHAT", "NEXT", "LAST", "OUTCOME")
	for _, task := range tasks {
		when := triggerText(task.GetSpec())
		if task.GetSpec().GetDisabled() {
			when = "rests: " + when
		}
		row(w, task.GetScalingTaskId(), orDash(tame(task.GetSpec().GetName())), tame(when), adjustmentText(task.GetSpec()),
			stamp(task.GetNextRunTime()), stamp(task.GetLastRunTime()), orDash(tame(task.GetLastOutcome())))
	}
}

// triggerText says in a few words when a task acts.
func triggerText(spec *groupv1.ScalingTaskSpec) string {
	switch trigger := spec.GetTrigger().(type) {
	case *groupv1.ScalingTaskSpec_Schedule:
		return cmp.Or(trigger.Schedule.GetCron(), stamp(trigger.Schedule.GetStartTime()))
	case *groupv1.ScalingTaskSpec_Threshold:
		threshold := trigger.Threshold
		return fmt.Sprintf("%s %s %s %s", word(threshold.GetStatistic()), threshold.GetMetric(), word(threshold.GetComparison()), units(threshold.GetThreshold()))
	case *groupv1.ScalingTaskSpec_TargetTracking:
		return trigger.TargetTracking.GetMetric() + " off " + units(trigger.TargetTracking.GetTargetValue())
	default:
		return "-"
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
	client
	Group string `arg:"" help:"Id of the group."`
}

// Run lists the tasks.
func (c *scalingList) Run(ctx context.Context, on console) error {
	return c.scaling(func(tasks groupv1.ScalingServiceClient) error {
		listed, err := tasks.ListScalingTasks(ctx, &groupv1.ListScalingTasksRequest{GroupId: c.Group})
		if err != nil {
			return err
		}
		return c.show(on.out, listed, func(w table) { taskTable(w, listed.GetScalingTasks()...) })
	})
}

// namedTask is what commands about one task have in common.
type namedTask struct {
	client
	Group string `arg:"" help:"Id of the group."`
	Task  string `arg:"" help:"Id of the scaling task."`
}

type scalingShow struct{ namedTask }

// Run shows the task.
func (c *scalingShow) Run(ctx context.Context, on console) error {
	return c.scaling(func(tasks groupv1.ScalingServiceClient) error {
		got, err := tasks.GetScalingTask(ctx, &groupv1.GetScalingTaskRequest{GroupId: c.Group, ScalingTaskId: c.Task})
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
	return c.scaling(func(tasks groupv1.ScalingServiceClient) error {
		deleted, err := tasks.DeleteScalingTask(ctx, &groupv1.DeleteScalingTaskRequest{GroupId: c.Group, ScalingTaskId: c.Task})
		if err != nil {
			return err
		}
		return c.show(on.out, deleted, func(w table) { w.say("Deleted scaling task " + c.Task + ".") })
	})
}

type scalingReport struct {
	client
	Group     string  `arg:"" help:"Id of the group."`
	Metric    string  `arg:"" help:"Name of the metric."`
	Value     float64 `arg:"" help:"What was measured; a negative one after --."`
	Time      string  `placeholder:"TIME" help:"When it was measured, by the cloud's clock; by default now."`
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
	return c.scaling(func(tasks groupv1.ScalingServiceClient) error {
		reported, err := tasks.ReportMetric(ctx, &groupv1.ReportMetricRequest{RequestId: token.id, GroupId: c.Group, Samples: []*groupv1.MetricSample{sample}})
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
