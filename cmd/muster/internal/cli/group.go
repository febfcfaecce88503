package cli

import (
	"context"

	"google.golang.org/grpc"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

type groupCommand struct {
	Create     groupCreate     `cmd:"" help:"Create a group, from flags or a file."`
	List       groupList       `cmd:"" help:"List groups."`
	Describe   groupDescribe   `cmd:"" aliases:"get" help:"Tell what a group is doing, why it is short and when it looks again."`
	Update     groupUpdate     `cmd:"" help:"Change a group: its targets, budget, candidates, name, tags."`
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
	ID        []string          `name:"id" field:"group_ids" placeholder:"GROUP" help:"Only these groups."`
	Name      string            `field:"name" placeholder:"NAME" help:"Only groups of this name."`
	Type      []string          `placeholder:"TYPE" help:"Only groups of these types: ${enum}." enum:"instant,request,maintain"`
	Lifecycle []string          `placeholder:"STATE" help:"Only groups at these points of their life: ${enum}." enum:"submitted,active,modifying,delete-running,deleted"`
	Tag       map[string]string `field:"tags" placeholder:"KEY=VALUE" help:"Only groups that carry all these tags."`
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
		return c.showPriced(ctx, fleet, on.out, all, func(w pricedTable) {
			if len(all.GetGroups()) == 0 {
				w.say("There are no such groups. To create one: muster group create --help")
				return
			}
			groupTable(w, all.GetGroups()...)
		})
	})
}

type groupDelete struct {
	namedGroup
	Terminate *bool  `negatable:"" help:"Release the group's instances; --no-terminate lets them run on. By default as the group says."`
	Etag      string `field:"etag" placeholder:"ETAG" help:"Only delete the group if its etag is this one."`
}

// Run deletes the group.
func (c *groupDelete) Run(ctx context.Context, on console) error {
	return c.on(ctx, func(groups groupv1.GroupServiceClient, fleet regions, id string) error {
		deleted, err := groups.DeleteGroup(ctx, &groupv1.DeleteGroupRequest{
			GroupId: id, TerminateInstances: c.Terminate, Etag: c.Etag,
		})
		if err != nil {
			return err
		}
		return c.showPriced(ctx, fleet, on.out, deleted, func(w pricedTable) { groupTable(w, deleted.GetGroup()) })
	})
}
