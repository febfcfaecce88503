package cli

import (
	"context"

	"google.golang.org/grpc"

	"github.com/seed-198b1370/muster/pkg/money"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

type groupCommand struct {
	Create     groupCreate     `cmd:"" help:"Create a group from a file."`
	List       groupList       `cmd:"" help:"List groups."`
	Get        groupGet        `cmd:"" aliases:"describe" help:"Show a group."`
	Update     groupUpdate     `cmd:"" help:"Change a group."`
	Delete     groupDelete     `cmd:"" help:"Delete a group."`
	Instances  groupInstances  `cmd:"" help:"List the instances of a group."`
	Activities groupActivities `cmd:"" help:"List what was done for a group, latest first."`
	Watch      groupWatch      `cmd:"" help:"Show a group, and show it again whenever it has changed."`
	Suspend    groupSuspend    `cmd:"" help:"Make a group stop doing some things until they are resumed."`
	Resume     groupResume     `cmd:"" help:"Make a group do again what was suspended."`
	Protect    groupProtect    `cmd:"" help:"Protect instances of a group from being given up."`
	Attach     groupAttach     `cmd:"" help:"Make instances members of a group."`
	Detach     groupDetach     `cmd:"" help:"Make instances leave a group; they run on."`
	Rebalance  groupRebalance  `cmd:"" help:"Move a group's instances toward what its strategy would choose now."`
}

// groups runs a function with the group service, and the fleet service, which
// knows the currency. A group service that runs alone does not serve that.
func (c client) groups(do func(groupv1.GroupServiceClient, regions) error) error {
	return c.call(func(conn grpc.ClientConnInterface) error {
		return do(groupv1.NewGroupServiceClient(conn), fleetv1.NewFleetServiceClient(conn))
	})
}

type groupList struct {
	client
	Deleted   bool              `help:"List deleted groups, too."`
	ID        []string          `name:"id" placeholder:"GROUP" help:"Only these groups."`
	Name      string            `placeholder:"NAME" help:"Only groups of this name."`
	Type      []string          `placeholder:"TYPE" help:"Only groups of these types: ${enum}." enum:"instant,request,maintain"`
	Lifecycle []string          `placeholder:"STATE" help:"Only groups at these points of their life: ${enum}." enum:"submitted,active,modifying,delete-running,deleted"`
	Tag       map[string]string `placeholder:"KEY=VALUE" help:"Only groups that carry all these tags."`
}

// request is what to ask for. Who names the deleted wants to see them.
func (c *groupList) request() *groupv1.ListGroupsRequest {
	request := &groupv1.ListGroupsRequest{ShowDeleted: c.Deleted, GroupIds: c.ID, Name: c.Name, Tags: c.Tag}
	for _, name := range c.Type {
		request.Types = append(request.Types, groupv1.GroupType(groupv1.GroupType_value["GROUP_TYPE_"+enumName(name)]))
	}
	for _, name := range c.Lifecycle {
		lifecycle := groupv1.Lifecycle(groupv1.Lifecycle_value["LIFECYCLE_"+enumName(name)])
		request.Lifecycles = append(request.Lifecycles, lifecycle)
		request.ShowDeleted = request.ShowDeleted || lifecycle == groupv1.Lifecycle_LIFECYCLE_DELETED
	}
	return request
}

// Run lists all groups, page by page.
func (c *groupList) Run(ctx context.Context, on console) error {
	return c.groups(func(groups groupv1.GroupServiceClient, fleet regions) error {
		all := &groupv1.ListGroupsResponse{}
		for request := c.request(); ; {
			page, err := groups.ListGroups(ctx, request)
			if err != nil {
				return err
			}
			all.Groups = append(all.Groups, page.GetGroups()...)
			if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
				break
			}
		}
		return c.showPriced(ctx, fleet, on.out, all, func(w pricedTable) { groupTable(w, all.GetGroups()...) })
	})
}

type groupGet struct {
	client
	Group string `arg:"" help:"Id of the group."`
}

// Run shows the group.
func (c *groupGet) Run(ctx context.Context, on console) error {
	return c.groups(func(groups groupv1.GroupServiceClient, fleet regions) error {
		got, err := groups.GetGroup(ctx, &groupv1.GetGroupRequest{GroupId: c.Group})
		if err != nil {
			return err
		}
		latest, err := groups.ListActivities(ctx, &groupv1.ListActivitiesRequest{GroupId: c.Group, PageSize: 1})
		if err != nil {
			return err
		}
		return c.showPriced(ctx, fleet, on.out, got, func(w pricedTable) { describeGroup(w, got.GetGroup(), latest.GetActivities()) })
	})
}

type groupDelete struct {
	client
	Group     string `arg:"" help:"Id of the group."`
	Terminate *bool  `negatable:"" help:"Release the group's instances; --no-terminate lets them run on. By default as the group says."`
	Etag      string `placeholder:"ETAG" help:"Only delete the group if its etag is this one."`
}

// Run deletes the group.
func (c *groupDelete) Run(ctx context.Context, on console) error {
	return c.groups(func(groups groupv1.GroupServiceClient, fleet regions) error {
		deleted, err := groups.DeleteGroup(ctx, &groupv1.DeleteGroupRequest{
			GroupId: c.Group, TerminateInstances: c.Terminate, Etag: c.Etag,
		})
		if err != nil {
			return err
		}
		return c.showPriced(ctx, fleet, on.out, deleted, func(w pricedTable) { groupTable(w, deleted.GetGroup()) })
	})
}

type groupInstances struct {
	client
	Group string `arg:"" help:"Id of the group."`
}

// Run lists the group's instances, page by page.
func (c *groupInstances) Run(ctx context.Context, on console) error {
	return c.groups(func(groups groupv1.GroupServiceClient, fleet regions) error {
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
		return c.showPriced(ctx, fleet, on.out, all, func(w pricedTable) {
			row(w, "INSTANCE", "TYPE", "ZONE", "BILLING", "STATUS", "WEIGHT", "PRICE/H", "RELEASE")
			for _, member := range all.GetInstances() {
				i := member.GetInstance()
				row(w, i.GetInstanceId(), i.GetInstanceType(), i.GetZoneId(), word(i.GetBillingMethod()), word(i.GetStatus()),
					units(member.GetWeightedCapacity()), money.FormatMicros(i.GetPriceMicrosPerHour()), stamp(i.GetReleaseTime()))
			}
			if len(all.GetInstances()) > 0 {
				w.sayPrices()
			}
		})
	})
}

type groupActivities struct {
	client
	Group string `arg:"" help:"Id of the group."`
	Limit int32  `help:"Show at most so many, 1 to 200." default:"20"`
}

// maxActivities is how many activities of a group are kept.
const maxActivities = 200

// Run lists the latest activities.
func (c *groupActivities) Run(ctx context.Context, on console) error {
	if c.Limit < 1 || c.Limit > maxActivities {
		return misuse("--limit must be 1 to %d, got %d", maxActivities, c.Limit)
	}
	return c.groups(func(groups groupv1.GroupServiceClient, _ regions) error {
		listed, err := groups.ListActivities(ctx, &groupv1.ListActivitiesRequest{GroupId: c.Group, PageSize: c.Limit})
		if err != nil {
			return err
		}
		return c.show(on.out, listed, func(w table) {
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
