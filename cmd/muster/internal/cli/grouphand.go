package cli

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/seed-198b1370/muster/pkg/money"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// processesOf are processes by their names.
func processesOf(names []string) []groupv1.Process {
	var processes []groupv1.Process
	for _, name := range names {
		processes = append(processes, groupv1.Process(groupv1.Process_value["PROCESS_"+enumName(name)]))
	}
	return processes
}

type groupSuspend struct {
	namedGroup
	Processes []string `arg:"" help:"What it is not to do until it is resumed: launch, terminate, replace, rebalance." enum:"launch,terminate,replace,rebalance"`
}

// Run suspends.
func (c *groupSuspend) Run(ctx context.Context, on console) error {
	return c.changed(ctx, on, func(groups groupv1.GroupServiceClient, id string) (grouped, error) {
		return groups.SuspendProcesses(ctx, &groupv1.SuspendProcessesRequest{GroupId: id, Processes: processesOf(c.Processes)})
	})
}

type groupResume struct {
	namedGroup
	Processes []string `arg:"" help:"What it is to do again: launch, terminate, replace, rebalance." enum:"launch,terminate,replace,rebalance"`
}

// Run resumes.
func (c *groupResume) Run(ctx context.Context, on console) error {
	return c.changed(ctx, on, func(groups groupv1.GroupServiceClient, id string) (grouped, error) {
		return groups.ResumeProcesses(ctx, &groupv1.ResumeProcessesRequest{GroupId: id, Processes: processesOf(c.Processes)})
	})
}

type groupProtect struct {
	namedGroup
	Instances []string `arg:"" field:"instance_ids" help:"Ids of instances of it, at most 100."`
	Off       bool     `help:"End the protection."`
}

// Run protects instances from being given up, or ends that.
func (c *groupProtect) Run(ctx context.Context, on console) error {
	return c.changed(ctx, on, func(groups groupv1.GroupServiceClient, id string) (grouped, error) {
		return groups.SetInstanceProtection(ctx, &groupv1.SetInstanceProtectionRequest{GroupId: id, InstanceIds: c.Instances, Protected: !c.Off})
	})
}

type groupAttach struct {
	namedGroup
	Instances []string `arg:"" field:"instance_ids" help:"Ids of instances outside of any group, at most 100. A group that is then above its target gives some up, by its excess policy: raise the target first to keep all."`
}

// Run makes instances members.
func (c *groupAttach) Run(ctx context.Context, on console) error {
	return c.changed(ctx, on, func(groups groupv1.GroupServiceClient, id string) (grouped, error) {
		return groups.AttachInstances(ctx, &groupv1.AttachInstancesRequest{GroupId: id, InstanceIds: c.Instances})
	})
}

type groupDetach struct {
	namedGroup
	Instances []string `arg:"" field:"instance_ids" help:"Ids of instances of it, at most 100; they run on."`
	Decrement bool     `help:"Lower the target by what they contributed; else a maintain group makes up for them."`
	RequestID string   `name:"request-id" placeholder:"ID" help:"Client token; without one it is made."`
}

// Run makes instances leave.
func (c *groupDetach) Run(ctx context.Context, on console) error {
	token, err := tokenOf(c.RequestID, "")
	if err != nil {
		return err
	}
	return c.on(ctx, func(groups groupv1.GroupServiceClient, fleet regions, id string) error {
		detached, err := groups.DetachInstances(ctx, &groupv1.DetachInstancesRequest{
			RequestId: token.id, GroupId: id, InstanceIds: c.Instances, DecrementTarget: c.Decrement,
		})
		if err != nil {
			return token.failed(err)
		}
		return c.showPriced(ctx, fleet, on.out, detached, func(w pricedTable) {
			groupTable(w, detached.GetGroup())
			for _, missing := range detached.GetMissingInstanceIds() {
				w.say(missing + " is no member of the group.")
			}
		})
	})
}

type groupRebalance struct {
	namedGroup
	Max       int32  `field:"max_moved_instances" placeholder:"N" help:"Move at most so many instances, 1 to 1000; by default a tenth of the group's."`
	DryRun    bool   `help:"Tell what would be moved, and move nothing."`
	RequestID string `name:"request-id" placeholder:"ID" help:"Client token; without one it is made."`
}

// Run moves instances toward what the strategy would choose now.
func (c *groupRebalance) Run(ctx context.Context, on console) error {
	token, err := tokenOf(c.RequestID, "")
	if err != nil {
		return err
	}
	return c.on(ctx, func(groups groupv1.GroupServiceClient, fleet regions, id string) error {
		moved, err := groups.RebalanceGroup(ctx, &groupv1.RebalanceGroupRequest{
			RequestId: token.id, GroupId: id, MaxMovedInstances: c.Max, DryRun: c.DryRun,
		})
		if err != nil {
			return token.failed(err)
		}
		return c.showPriced(ctx, fleet, on.out, moved, func(w pricedTable) { rebalanceTable(w, moved) })
	})
}

// rebalanceTable writes moves, and what they come to.
func rebalanceTable(w pricedTable, moved *groupv1.RebalanceGroupResponse) {
	if len(moved.GetMoves()) == 0 {
		w.say("There is nothing to move.")
		return
	}
	row(w, "BILLING", "GIVE UP", "OF", "IN", "LAUNCH", "OF", "IN", "SAVES/H")
	for _, move := range moved.GetMoves() {
		row(w, word(move.GetBillingMethod()), move.GetRemoveInstances(), move.GetFromInstanceType(), move.GetFromZoneId(),
			move.GetLaunchInstances(), move.GetToInstanceType(), move.GetToZoneId(), money.FormatMicros(move.GetSavingMicrosPerHour()))
	}
	w.sayPrices()
	doing := "This is what would be done."
	if moved.GetActivityId() != "" {
		doing = "It is under way as " + moved.GetActivityId() + "."
	}
	w.say(fmt.Sprintf("All moves save %s an hour; interruptions to expect in a day go from %s to %s. %s",
		money.FormatMicros(moved.GetSavingMicrosPerHour()), units(float64(moved.GetExpectedInterruptionsPerDayThousandthsBefore())/1000),
		units(float64(moved.GetExpectedInterruptionsPerDayThousandthsAfter())/1000), doing))
}

// grouped is an answer that shows a group.
type grouped interface {
	proto.Message
	GetGroup() *groupv1.Group
}

// changed makes a call that changes a group, and shows the group.
func (c namedGroup) changed(ctx context.Context, on console, call func(groups groupv1.GroupServiceClient, id string) (grouped, error)) error {
	return c.on(ctx, func(groups groupv1.GroupServiceClient, fleet regions, id string) error {
		answer, err := call(groups, id)
		if err != nil {
			return err
		}
		return c.showPriced(ctx, fleet, on.out, answer, func(w pricedTable) {
			groupTable(w, answer.GetGroup())
			if suspended := suspendedWords(answer.GetGroup()); suspended != "" {
				w.say("Suspended: " + suspended + ".")
			}
		})
	})
}

// suspendedWords are what a group does not do, in words; empty for nothing.
func suspendedWords(group *groupv1.Group) string {
	var words []string
	for _, process := range group.GetSuspendedProcesses() {
		words = append(words, word(process))
	}
	return strings.Join(words, ", ")
}
