package cli

import (
	"context"
	"slices"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/cmd/muster/internal/cli/value"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// taskFlags say when a task acts and what it does.
type taskFlags struct {
	Name     *string  `field:"spec.name" placeholder:"NAME" help:"Name of the task, for people."`
	Cron     string   `field:"spec.schedule.cron" placeholder:"EXPRESSION" help:"Act again and again: minute, hour, day of month, month, day of week, in UTC, for example '0 22 * * 1-5'."`
	At       string   `field:"spec.schedule.start_time" placeholder:"TIME" help:"Act once, at this time; with --cron: not before."`
	Until    string   `field:"spec.schedule.end_time" placeholder:"TIME" help:"Act no more after this time."`
	MaxDelay string   `field:"spec.schedule.max_delay" placeholder:"DURATION" help:"How late it may still act, 1m to 6h; 10m by default."`
	Metric   string   `field:"spec.threshold.metric,spec.target_tracking.metric" placeholder:"NAME" help:"Metric to follow, with --at-least, --at-most or --track."`
	AtLeast  *float64 `field:"spec.threshold.threshold" placeholder:"VALUE" help:"Act when the metric is at least so much on average."`
	AtMost   *float64 `field:"spec.threshold.threshold" placeholder:"VALUE" help:"Act when the metric is at most so much on average."`
	Track    *float64 `field:"spec.target_tracking.target_value" placeholder:"VALUE" help:"Keep the metric at this value: more of it needs more capacity."`
	Period   string   `field:"spec.threshold.period,spec.target_tracking.period" placeholder:"DURATION" help:"Over how long the metric is averaged, 15s to 1h."`
	Count    int32    `field:"spec.threshold.evaluation_count" placeholder:"N" help:"For how many periods in a row --at-least or --at-most must hold, 1 to 10; 3 by default."`
	Cooldown string   `field:"spec.threshold.cooldown,spec.target_tracking.cooldown" placeholder:"DURATION" help:"How long a task that follows a metric does not act again, up to 24h; 5m by default."`
	To       *int32   `field:"spec.adjustment" placeholder:"N" help:"Set the total to so many units."`
	Change   *int32   `field:"spec.adjustment" placeholder:"N" help:"Change the total by so many units, for example --change=-5."`
	Percent  *int32   `field:"spec.adjustment" placeholder:"N" help:"Change the total by so many percent, for example --percent=-20."`
}

// spec is the task that the flags describe, and which of its fields they name.
func (f *taskFlags) spec() (*groupv1.ScalingTaskSpec, []string, error) {
	spec, paths := &groupv1.ScalingTaskSpec{}, []string(nil)
	if f.Name != nil {
		spec.Name, paths = *f.Name, append(paths, "name")
	}
	scheduled := f.Cron+f.At+f.Until+f.MaxDelay != ""
	measured := f.Metric != "" || f.AtLeast != nil || f.AtMost != nil || f.Track != nil || f.Period+f.Cooldown != "" || f.Count != 0
	switch {
	case scheduled && measured:
		return nil, nil, misuse("a task acts at a time or by a metric, not both: name --cron or --at, or --metric")
	case scheduled:
		schedule, err := f.schedule()
		if err != nil {
			return nil, nil, err
		}
		spec.Trigger, paths = schedule, append(paths, "schedule")
	case measured:
		path, err := f.measure(spec)
		if err != nil {
			return nil, nil, err
		}
		paths = append(paths, path)
	}
	adjustment, err := f.adjustment()
	if adjustment != nil {
		spec.Adjustment, paths = adjustment, append(paths, "adjustment")
	}
	return spec, paths, err
}

func (f *taskFlags) schedule() (*groupv1.ScalingTaskSpec_Schedule, error) {
	schedule := &groupv1.Schedule{Cron: f.Cron}
	for _, flag := range []struct {
		name, text string
		into       **timestamppb.Timestamp
	}{{"--at", f.At, &schedule.StartTime}, {"--until", f.Until, &schedule.EndTime}} {
		if flag.text == "" {
			continue
		}
		at, err := value.Time(flag.text)
		if err != nil {
			return nil, of(flag.name, err)
		}
		*flag.into = timestamppb.New(at)
	}
	return &groupv1.ScalingTaskSpec_Schedule{Schedule: schedule}, putLength("--max-delay", f.MaxDelay, &schedule.MaxDelay)
}

// measure puts the metric to follow into a spec and names the field.
func (f *taskFlags) measure(spec *groupv1.ScalingTaskSpec) (string, error) {
	given := 0
	for _, one := range []*float64{f.AtLeast, f.AtMost, f.Track} {
		if one != nil {
			given++
		}
	}
	if f.Metric == "" || given != 1 {
		return "", misuse("a task that follows a metric needs --metric and one of --at-least, --at-most, --track")
	}
	if f.Track != nil {
		if f.Count != 0 {
			return "", misuse("--count goes with --at-least and --at-most; a file can say how long --track waits")
		}
		tracking := &groupv1.TargetTracking{Metric: f.Metric, TargetValue: *f.Track}
		spec.Trigger = &groupv1.ScalingTaskSpec_TargetTracking{TargetTracking: tracking}
		return "target_tracking", f.lengths(&tracking.Period, &tracking.Cooldown)
	}
	threshold := &groupv1.MetricThreshold{Metric: f.Metric, EvaluationCount: f.Count}
	if f.AtLeast != nil {
		threshold.Comparison, threshold.Threshold = groupv1.Comparison_COMPARISON_AT_LEAST, *f.AtLeast
	} else {
		threshold.Comparison, threshold.Threshold = groupv1.Comparison_COMPARISON_AT_MOST, *f.AtMost
	}
	spec.Trigger = &groupv1.ScalingTaskSpec_Threshold{Threshold: threshold}
	return "threshold", f.lengths(&threshold.Period, &threshold.Cooldown)
}

func (f *taskFlags) lengths(period, cooldown **durationpb.Duration) error {
	if err := putLength("--period", f.Period, period); err != nil {
		return err
	}
	return putLength("--cooldown", f.Cooldown, cooldown)
}

// putLength reads a duration, if one is given.
func putLength(flag, text string, into **durationpb.Duration) error {
	if text == "" {
		return nil
	}
	length, err := value.Duration(text)
	if err != nil {
		return of(flag, err)
	}
	*into = durationpb.New(length)
	return nil
}

func (f *taskFlags) adjustment() (*groupv1.Adjustment, error) {
	var adjustment *groupv1.Adjustment
	for _, flag := range []struct {
		value *int32
		kind  groupv1.AdjustmentKind
	}{
		{f.To, groupv1.AdjustmentKind_ADJUSTMENT_KIND_VALUE}, {f.Change, groupv1.AdjustmentKind_ADJUSTMENT_KIND_CHANGE},
		{f.Percent, groupv1.AdjustmentKind_ADJUSTMENT_KIND_PERCENT_CHANGE},
	} {
		if flag.value == nil {
			continue
		}
		if adjustment != nil {
			return nil, misuse("name one of --to, --change, --percent")
		}
		adjustment = &groupv1.Adjustment{Kind: flag.kind, Value: *flag.value}
	}
	return adjustment, nil
}

// A taskSource is where a task comes from: flags, or a file.
type taskSource struct {
	File string `short:"f" placeholder:"FILE" help:"YAML file of a ScalingTaskSpec, in place of flags; - reads standard input."`
	taskFlags
}

// read gives the task, the fields that are named, and, with a file, how to point
// into that when the task is refused.
func (s *taskSource) read(on console) (*groupv1.ScalingTaskSpec, []string, func(error) error, error) {
	spec, paths, err := s.spec()
	asIs := func(err error) error { return err }
	if err != nil || s.File == "" {
		return spec, paths, asIs, err
	}
	if len(paths) > 0 {
		return nil, nil, nil, misuse("name a file with -f, or flags, not both")
	}
	data, err := readFile(s.File, on.in, maxGroupFileBytes)
	if err != nil {
		return nil, nil, nil, err
	}
	file, err := parseYAML(s.File, data, "a ScalingTaskSpec", spec)
	if err != nil {
		return nil, nil, nil, err
	}
	all := []string{"name", "disabled", "schedule", "threshold", "target_tracking", "adjustment"}
	return spec, all, func(err error) error { return file.locateBelow("spec.", err) }, nil
}

type scalingCreate struct {
	namedGroup
	taskSource
	RequestID string `name:"request-id" placeholder:"ID" help:"Client token. Without it one is made."`
}

// Run creates the task.
func (c *scalingCreate) Run(ctx context.Context, on console) error {
	spec, paths, located, err := c.read(on)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(paths, func(path string) bool { return path != "name" && path != "adjustment" }) {
		return misuse("say when the task acts, with --cron, --at or --metric, or name a file with -f")
	}
	token, err := tokenOf(c.RequestID, "")
	if err != nil {
		return err
	}
	return c.scaling(ctx, func(tasks groupv1.ScalingServiceClient, group string) error {
		created, err := tasks.CreateScalingTask(ctx, &groupv1.CreateScalingTaskRequest{RequestId: token.id, GroupId: group, Spec: spec})
		if err != nil {
			return token.failed(located(err))
		}
		return c.show(on.out, created, func(w table) { taskTable(w, created.GetScalingTask()) })
	})
}

type scalingUpdate struct {
	namedTask
	taskSource
	Disabled *bool `negatable:"" help:"Let the task rest; --no-disabled lets it act again."`
}

// Run changes what was named.
func (c *scalingUpdate) Run(ctx context.Context, on console) error {
	spec, paths, located, err := c.read(on)
	if err != nil {
		return err
	}
	if c.Disabled != nil {
		spec.Disabled = *c.Disabled
		if !slices.Contains(paths, "disabled") {
			paths = append(paths, "disabled")
		}
	}
	if len(paths) == 0 {
		return misuse("nothing to change: name a file with -f, or flags")
	}
	if spec.GetTargetTracking() != nil && !slices.Contains(paths, "adjustment") {
		paths = append(paths, "adjustment") // which it does not go with
	}
	return c.scaling(ctx, func(tasks groupv1.ScalingServiceClient, group string) error {
		updated, err := tasks.UpdateScalingTask(ctx, &groupv1.UpdateScalingTaskRequest{
			GroupId: group, ScalingTaskId: c.Task, Spec: spec, UpdateMask: &fieldmaskpb.FieldMask{Paths: paths},
		})
		if err != nil {
			return located(err)
		}
		return c.show(on.out, updated, func(w table) { taskTable(w, updated.GetScalingTask()) })
	})
}
