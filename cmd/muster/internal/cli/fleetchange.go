package cli

import (
	"context"
	"errors"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/seed-198b1370/muster/cmd/muster/internal/cli/value"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

type fleetDelete struct {
	client
	Instance    []string `arg:"" name:"id" help:"Ids of the instances, 1 to 100. All of them are released or none; those already gone are no error."`
	OnlyStopped bool     `help:"Release none unless all are stopped; without it they are released whatever their status."`
	DryRun      bool     `help:"Only tell whether they could be released, and release none."`
}

// Run releases the instances.
func (c *fleetDelete) Run(ctx context.Context, on console) error {
	if err := checkIDs("ID", c.Instance); err != nil {
		return err
	}
	return c.fleet(func(fleet fleetv1.FleetServiceClient) error {
		deleted, err := fleet.DeleteInstances(ctx, &fleetv1.DeleteInstancesRequest{
			InstanceIds: c.Instance, OnlyStopped: c.OnlyStopped, DryRun: c.DryRun,
		})
		if err != nil {
			return err
		}
		return c.show(on.out, deleted, func(w table) {
			missing := deleted.GetMissingInstanceIds()
			there := counted(len(c.Instance)-len(missing), "instance", "instances")
			if c.DryRun {
				w.say("Nothing was released; " + there + " could be.")
			} else {
				w.say("Released " + there + ".")
			}
			missed(w, missing)
		})
	})
}

type fleetTag struct {
	client
	Instance []string `arg:"" name:"id" help:"Ids of the instances, 1 to 100. All of them are changed or none."`
	Set      []string `sep:"none" placeholder:"KEY=VALUE" help:"Tag to set; may be given more than once."`
	Remove   []string `sep:"none" placeholder:"KEY" help:"Key of a tag to remove; may be given more than once."`
}

// Run changes the tags.
func (c *fleetTag) Run(ctx context.Context, on console) error {
	tags, err := value.Tags(c.Set)
	if err := errors.Join(checkIDs("ID", c.Instance), of("--set", err), c.checkKeys(tags)); err != nil {
		return err
	}
	return c.fleet(func(fleet fleetv1.FleetServiceClient) error {
		changed, err := fleet.UpdateInstanceTags(ctx, &fleetv1.UpdateInstanceTagsRequest{
			InstanceIds: c.Instance, SetTags: tags, RemoveTagKeys: c.Remove,
		})
		if err != nil {
			return err
		}
		return c.show(on.out, changed, func(w table) {
			w.say("Changed the tags of " + counted(len(c.Instance), "instance", "instances") + ".")
		})
	})
}

// checkKeys refuses keys that are both set and removed, or removed twice.
func (c *fleetTag) checkKeys(set map[string]string) error {
	if len(c.Set)+len(c.Remove) == 0 {
		return misuse("nothing to change: name at least one of --set, --remove")
	}
	for i, key := range c.Remove {
		if _, both := set[key]; both {
			return misuse("--remove %q can not be given with --set of the same key", key)
		}
		if key == "" || slices.Contains(c.Remove[:i], key) {
			return misuse("--remove must name each key once and not be empty, got %q", key)
		}
	}
	return nil
}

type fleetUpdate struct {
	client
	Instance    string  `arg:"" name:"id" help:"Id of the instance."`
	Name        *string `placeholder:"NAME" help:"New name, for people; an empty one takes it away."`
	Description *string `placeholder:"TEXT" help:"New description, for people; an empty one takes it away."`
	Protect     *bool   `negatable:"" help:"Whether to refuse to delete the instance."`
}

// Run changes the attributes that were named.
func (c *fleetUpdate) Run(ctx context.Context, on console) error {
	attributes, mask := &fleetv1.InstanceAttributes{}, &fieldmaskpb.FieldMask{}
	if c.Name != nil {
		attributes.InstanceName, mask.Paths = *c.Name, append(mask.Paths, "instance_name")
	}
	if c.Description != nil {
		attributes.Description, mask.Paths = *c.Description, append(mask.Paths, "description")
	}
	if c.Protect != nil {
		attributes.DeletionProtection, mask.Paths = *c.Protect, append(mask.Paths, "deletion_protection")
	}
	if len(mask.GetPaths()) == 0 {
		return misuse("nothing to change: name at least one of --name, --description, --protect, --no-protect")
	}
	return c.fleet(func(fleet fleetv1.FleetServiceClient) error {
		updated, err := fleet.UpdateInstance(ctx, &fleetv1.UpdateInstanceRequest{
			InstanceId: c.Instance, Attributes: attributes, UpdateMask: mask,
		})
		if err != nil {
			return err
		}
		return c.showPriced(ctx, fleet, on.out, updated, func(w pricedTable) { describeInstance(w, updated.GetInstance()) })
	})
}

// missed says which instances of those named are not there.
func missed(w table, ids []string) {
	if len(ids) > 0 {
		w.say("Already gone, or never there: " + strings.Join(ids, ", "))
	}
}
