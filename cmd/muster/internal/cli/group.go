package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/seed-198b1370/muster/pkg/money"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

type groupCommand struct {
	Create     groupCreate     `cmd:"" help:"Create a group from a file."`
	List       groupList       `cmd:"" help:"List groups."`
	Get        groupGet        `cmd:"" help:"Show a group."`
	Update     groupUpdate     `cmd:"" help:"Change the targets of a group."`
	Delete     groupDelete     `cmd:"" help:"Delete a group."`
	Instances  groupInstances  `cmd:"" help:"List the instances of a group."`
	Activities groupActivities `cmd:"" help:"List what was done for a group, latest first."`
	Watch      groupWatch      `cmd:"" help:"Show a group, and show it again whenever it has changed."`
}

// groups runs a function with the group service.
func (c client) groups(do func(groupv1.GroupServiceClient) error) error {
	return c.call(func(conn *grpc.ClientConn) error { return do(groupv1.NewGroupServiceClient(conn)) })
}

type groupCreate struct {
	client
	File      string `short:"f" required:"" help:"YAML file of a CreateGroup request; - reads standard input."`
	RequestID string `name:"request-id" help:"Client token; wins over the file's."`
}

// Run creates the group.
func (c *groupCreate) Run(ctx context.Context, on console) error {
	file, err := readGroupFile(c.File, on.in)
	if err != nil {
		return err
	}
	if c.RequestID != "" {
		file.request.RequestId = c.RequestID
	}
	return c.groups(func(groups groupv1.GroupServiceClient) error {
		created, err := groups.CreateGroup(ctx, file.request)
		if err != nil {
			return file.locate(err)
		}
		return c.show(on.out, created, func(w *tabwriter.Writer) {
			groupTable(w, created.GetGroup())
			if len(created.GetLaunchResults()) > 0 {
				row(w)
				launchTable(w, created.GetLaunchResults())
			}
		})
	})
}

type groupList struct {
	client
	Deleted bool `help:"List deleted groups, too."`
}

// Run lists all groups, page by page.
func (c *groupList) Run(ctx context.Context, on console) error {
	return c.groups(func(groups groupv1.GroupServiceClient) error {
		all := &groupv1.ListGroupsResponse{}
		for request := (&groupv1.ListGroupsRequest{ShowDeleted: c.Deleted}); ; {
			page, err := groups.ListGroups(ctx, request)
			if err != nil {
				return err
			}
			all.Groups = append(all.Groups, page.GetGroups()...)
			if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
				break
			}
		}
		return c.show(on.out, all, func(w *tabwriter.Writer) { groupTable(w, all.GetGroups()...) })
	})
}

type groupGet struct {
	client
	Group string `arg:"" help:"Id of the group."`
}

// Run shows the group.
func (c *groupGet) Run(ctx context.Context, on console) error {
	return c.groups(func(groups groupv1.GroupServiceClient) error {
		got, err := groups.GetGroup(ctx, &groupv1.GetGroupRequest{GroupId: c.Group})
		if err != nil {
			return err
		}
		return c.show(on.out, got, func(w *tabwriter.Writer) { describeGroup(w, got.GetGroup()) })
	})
}

type groupUpdate struct {
	client
	Group       string `arg:"" help:"Id of the group."`
	Total       *int32 `help:"New total target, in units."`
	PayAsYouGo  *int32 `name:"pay-as-you-go" help:"New pay-as-you-go target, in units."`
	Spot        *int32 `help:"New spot target, in units."`
	DefaultType string `help:"Billing method of what the two leave of the total: ${enum}." enum:"spot,pay-as-you-go," default:""`
	Etag        string `help:"Only change the group if its etag is this one."`
	RequestID   string `name:"request-id" help:"Client token."`
}

// Run changes the targets that were named.
func (c *groupUpdate) Run(ctx context.Context, on console) error {
	target, mask := &groupv1.TargetCapacity{}, &fieldmaskpb.FieldMask{}
	set := func(field string, value *int32, into *int32) {
		if value != nil {
			*into = *value
			mask.Paths = append(mask.Paths, "target_capacity."+field)
		}
	}
	set("total", c.Total, &target.Total)
	set("pay_as_you_go", c.PayAsYouGo, &target.PayAsYouGo)
	set("spot", c.Spot, &target.Spot)
	if c.DefaultType != "" {
		target.DefaultType = groupv1.DefaultTargetCapacityType(groupv1.DefaultTargetCapacityType_value["DEFAULT_TARGET_CAPACITY_TYPE_"+enumName(c.DefaultType)])
		mask.Paths = append(mask.Paths, "target_capacity.default_type")
	}
	if len(mask.Paths) == 0 {
		return errors.New("nothing to change: name at least one of --total, --pay-as-you-go, --spot, --default-type")
	}
	return c.groups(func(groups groupv1.GroupServiceClient) error {
		updated, err := groups.UpdateGroup(ctx, &groupv1.UpdateGroupRequest{
			RequestId: c.RequestID, GroupId: c.Group, TargetCapacity: target, UpdateMask: mask, Etag: c.Etag,
		})
		if err != nil {
			return err
		}
		return c.show(on.out, updated, func(w *tabwriter.Writer) { groupTable(w, updated.GetGroup()) })
	})
}

// enumName writes a word of the command line as an enum value spells it.
func enumName(word string) string { return strings.ToUpper(strings.ReplaceAll(word, "-", "_")) }

type groupDelete struct {
	client
	Group     string `arg:"" help:"Id of the group."`
	Terminate *bool  `negatable:"" help:"Release the group's instances; --no-terminate lets them run on. By default as the group says."`
	Etag      string `help:"Only delete the group if its etag is this one."`
}

// Run deletes the group.
func (c *groupDelete) Run(ctx context.Context, on console) error {
	return c.groups(func(groups groupv1.GroupServiceClient) error {
		deleted, err := groups.DeleteGroup(ctx, &groupv1.DeleteGroupRequest{
			GroupId: c.Group, TerminateInstances: c.Terminate, Etag: c.Etag,
		})
		if err != nil {
			return err
		}
		return c.show(on.out, deleted, func(w *tabwriter.Writer) { groupTable(w, deleted.GetGroup()) })
	})
}

type groupInstances struct {
	client
	Group string `arg:"" help:"Id of the group."`
}

// Run lists the group's instances, page by page.
func (c *groupInstances) Run(ctx context.Context, on console) error {
	return c.groups(func(groups groupv1.GroupServiceClient) error {
		all := &groupv1.ListGroupInstancesResponse{}
		for request := (&groupv1.ListGroupInstancesRequest{GroupId: c.Group, PageSize: 250}); ; {
			page, err := groups.ListGroupInstances(ctx, request)
			if err != nil {
				return err
			}
			all.Instances = append(all.Instances, page.GetInstances()...)
			if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
				break
			}
		}
		return c.show(on.out, all, func(w *tabwriter.Writer) {
			row(w, "INSTANCE", "TYPE", "ZONE", "BILLING", "STATUS", "WEIGHT", "PRICE/H", "CREATED", "RELEASE")
			for _, member := range all.GetInstances() {
				i := member.GetInstance()
				row(w, i.GetInstanceId(), i.GetInstanceType(), i.GetZoneId(), word(i.GetBillingMethod()), word(i.GetStatus()),
					units(member.GetWeightedCapacity()), money.FormatMicros(i.GetPriceMicrosPerHour()), stamp(i.GetCreateTime()), stamp(i.GetReleaseTime()))
			}
		})
	})
}

type groupActivities struct {
	client
	Group string `arg:"" help:"Id of the group."`
	Limit int32  `help:"Show at most so many, 1 to 200." default:"20"`
}

// Run lists the latest activities.
func (c *groupActivities) Run(ctx context.Context, on console) error {
	return c.groups(func(groups groupv1.GroupServiceClient) error {
		listed, err := groups.ListActivities(ctx, &groupv1.ListActivitiesRequest{GroupId: c.Group, PageSize: c.Limit})
		if err != nil {
			return err
		}
		return c.show(on.out, listed, func(w *tabwriter.Writer) {
			row(w, "STARTED", "STATUS", "LAUNCHED", "REMOVED", "CAUSE")
			for _, activity := range listed.GetActivities() {
				launched := int32(0)
				for _, result := range activity.GetLaunchResults() {
					launched += result.GetAmount()
				}
				row(w, stamp(activity.GetStartTime()), word(activity.GetStatus()), launched, len(activity.GetRemovals()), activity.GetCause())
			}
		})
	})
}

type groupWatch struct {
	client
	Group string `arg:"" help:"Id of the group."`
}

// watchInterval is how often a watched group is read, in real time.
const watchInterval = 500 * time.Millisecond

// Run shows the group whenever its etag has changed, until it is deleted.
func (c *groupWatch) Run(ctx context.Context, on console) error {
	return c.groups(func(groups groupv1.GroupServiceClient) error {
		tick := time.NewTicker(watchInterval)
		defer tick.Stop()
		for seen := ""; ; {
			got, err := groups.GetGroup(ctx, &groupv1.GetGroupRequest{GroupId: c.Group})
			if err != nil {
				return err
			}
			group := got.GetGroup()
			if group.GetEtag() != seen {
				seen = group.GetEtag()
				if err := c.showWatched(on.out, group); err != nil {
					return err
				}
			}
			if group.GetLifecycle() == groupv1.Lifecycle_LIFECYCLE_DELETED {
				return nil
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
}

func (c *groupWatch) showWatched(out io.Writer, group *groupv1.Group) error {
	if c.Output == "json" {
		return writeJSON(out, group)
	}
	capacity := group.GetCapacity()
	_, err := fmt.Fprintf(out, "%s %s: %s of %d units (%s pay-as-you-go, %s spot, %s running), %d instances, %d noticed, %s/h\n",
		word(group.GetLifecycle()), word(group.GetFulfillment()), units(capacity.GetFulfilled()), group.GetSpec().GetTargetCapacity().GetTotal(),
		units(capacity.GetFulfilledPayAsYouGo()), units(capacity.GetFulfilledSpot()), units(capacity.GetRunning()),
		capacity.GetInstances(), capacity.GetNoticedInstances(), money.FormatMicros(group.GetCost().GetMicrosPerHour()))
	return err
}
