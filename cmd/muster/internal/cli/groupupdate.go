package cli

import (
	"context"
	"slices"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

type groupUpdate struct {
	namedGroup
	changeFlags
	ScaleMin  *int32   `group:"How much" field:"spec.scaling_bounds.minimum" placeholder:"N" help:"Scaling tasks move the total no lower than this; with --scale-max."`
	ScaleMax  *int32   `group:"How much" field:"spec.scaling_bounds.maximum" placeholder:"N" help:"Scaling tasks move the total no higher than this; with --scale-min."`
	File      string   `short:"f" placeholder:"FILE" help:"YAML or JSON file of a CreateGroup request to take the fields of --field from; - reads standard input."`
	Field     []string `field:"update_mask" placeholder:"PATH" help:"Field to take from --file, as in the contract: candidates, budget, scaling_bounds, ..."`
	Etag      string   `field:"etag" placeholder:"ETAG" help:"Only change the group if its etag is this one."`
	RequestID string   `name:"request-id" field:"request_id" placeholder:"ID" help:"Client token. Without it one is made."`
}

// Run changes what was named.
func (c *groupUpdate) Run(ctx context.Context, on console) error {
	token, err := tokenOf(c.RequestID, "")
	if err != nil {
		return err
	}
	spec, locate, err := c.fromFile(on)
	if err != nil {
		return err
	}
	paths, err := c.apply(spec)
	if err != nil {
		return err
	}
	if len(c.Field)+len(paths) == 0 {
		return misuse("nothing to change: name at least one flag, such as --total, or --file with --field")
	}
	mask := &fieldmaskpb.FieldMask{Paths: append(slices.Clone(c.Field), paths...)}
	return c.on(ctx, func(groups groupv1.GroupServiceClient, fleet regions, id string) error {
		updated, err := groups.UpdateGroup(ctx, &groupv1.UpdateGroupRequest{
			RequestId: token.id, GroupId: id, Spec: spec, UpdateMask: mask, Etag: c.Etag,
		})
		if err != nil {
			return token.failed(locate(err))
		}
		return c.showPriced(ctx, fleet, on.out, updated, func(w pricedTable) { groupTable(w, updated.GetGroup()) })
	})
}

// fromFile is the spec of the file, an empty one without, and what points into
// the file.
func (c *groupUpdate) fromFile(on console) (*groupv1.GroupSpec, func(error) error, error) {
	if (c.File == "") != (len(c.Field) == 0) {
		return nil, nil, misuse("--file and --field go together: the file has the values, and each --field names one to take")
	}
	file := &groupFile{request: &groupv1.CreateGroupRequest{}}
	if c.File != "" {
		var err error
		if file, err = readGroupFile(c.File, on.in); err != nil {
			return nil, nil, err
		}
	}
	spec := file.request.GetSpec()
	if spec == nil {
		spec = &groupv1.GroupSpec{}
	}
	return spec, file.locate, nil
}

// apply puts what flags name into a spec, over what a file says, and tells which
// fields that are.
func (c *groupUpdate) apply(spec *groupv1.GroupSpec) ([]string, error) {
	paths, err := c.changeFlags.apply(spec)
	if err != nil {
		return nil, err
	}
	if (c.ScaleMin == nil) != (c.ScaleMax == nil) {
		return nil, misuse("--scale-min and --scale-max go together")
	}
	if c.ScaleMin != nil {
		spec.ScalingBounds = &groupv1.ScalingBounds{Minimum: *c.ScaleMin, Maximum: *c.ScaleMax}
		paths = append(paths, "scaling_bounds")
	}
	return paths, nil
}
