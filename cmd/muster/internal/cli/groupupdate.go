package cli

import (
	"context"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

type groupUpdate struct {
	client
	Group        string            `arg:"" help:"Id of the group."`
	Total        *int32            `placeholder:"N" help:"New total target, in units."`
	PayAsYouGo   *int32            `name:"pay-as-you-go" placeholder:"N" help:"New pay-as-you-go target, in units."`
	Spot         *int32            `placeholder:"N" help:"New spot target, in units."`
	DefaultType  *string           `placeholder:"BILLING" help:"Billing method of what the two leave of the total: ${enum}." enum:"spot,pay-as-you-go"`
	Name         *string           `placeholder:"NAME" help:"New name; empty for none."`
	MaxSpotPrice *int64            `placeholder:"MICROS" help:"New maximum price of a spot instance, in micro-units per hour; 0 for none."`
	Excess       *string           `placeholder:"POLICY" help:"What happens to instances above the target: ${enum}." enum:"termination,no-termination"`
	ReleaseAtEnd *bool             `negatable:"" help:"Release the instances when the group's validity ends; --no-release-at-end lets them run on."`
	Tag          map[string]string `placeholder:"KEY=VALUE" help:"New tags, in place of all that it has."`
	File         string            `short:"f" placeholder:"FILE" help:"YAML file of a CreateGroup request to take the fields of --field from; - reads standard input."`
	Field        []string          `placeholder:"PATH" help:"Field to take from --file, as in the contract: candidates, budget, scaling_bounds, ..."`
	Etag         string            `placeholder:"ETAG" help:"Only change the group if its etag is this one."`
	RequestID    string            `name:"request-id" placeholder:"ID" help:"Client token. Without it one is made."`
}

// Run changes what was named.
func (c *groupUpdate) Run(ctx context.Context, on console) error {
	token, err := tokenOf(c.RequestID, "")
	if err != nil {
		return err
	}
	if (c.File == "") != (len(c.Field) == 0) {
		return misuse("--file and --field go together: the file has the values, and each --field names one to take")
	}
	spec, locate := &groupv1.GroupSpec{}, func(err error) error { return err }
	if c.File != "" {
		file, err := readGroupFile(c.File, on.in)
		if err != nil {
			return err
		}
		if file.request.GetSpec() != nil {
			spec = file.request.GetSpec()
		}
		locate = file.locate
	}
	mask := c.changes(spec)
	if len(mask.GetPaths()) == 0 {
		return misuse("nothing to change: name at least one of --total, --pay-as-you-go, --spot, --default-type, --name, --max-spot-price, --excess, --release-at-end, --tag, or --file with --field")
	}
	return c.groups(func(groups groupv1.GroupServiceClient, fleet regions) error {
		updated, err := groups.UpdateGroup(ctx, &groupv1.UpdateGroupRequest{
			RequestId: token.id, GroupId: c.Group, Spec: spec, UpdateMask: mask, Etag: c.Etag,
		})
		if err != nil {
			return token.failed(locate(err))
		}
		return c.showPriced(ctx, fleet, on.out, updated, func(w pricedTable) { groupTable(w, updated.GetGroup()) })
	})
}

// changes puts what flags name into a spec, over what a file says, and tells which
// fields are to be changed.
func (c *groupUpdate) changes(spec *groupv1.GroupSpec) *fieldmaskpb.FieldMask {
	mask := &fieldmaskpb.FieldMask{Paths: c.Field}
	c.changeTargets(spec, mask)
	if c.Name != nil {
		spec.Name = *c.Name
		mask.Paths = append(mask.Paths, "name")
	}
	if c.MaxSpotPrice != nil {
		if spec.Spot == nil {
			spec.Spot = &groupv1.SpotOptions{}
		}
		spec.Spot.MaxPriceMicrosPerHour = *c.MaxSpotPrice
		mask.Paths = append(mask.Paths, "spot.max_price_micros_per_hour")
	}
	if c.Excess != nil {
		spec.ExcessCapacityTerminationPolicy = groupv1.ExcessCapacityTerminationPolicy(
			groupv1.ExcessCapacityTerminationPolicy_value["EXCESS_CAPACITY_TERMINATION_POLICY_"+enumName(*c.Excess)])
		mask.Paths = append(mask.Paths, "excess_capacity_termination_policy")
	}
	if c.ReleaseAtEnd != nil {
		spec.TerminateInstancesWithExpiration = *c.ReleaseAtEnd
		mask.Paths = append(mask.Paths, "terminate_instances_with_expiration")
	}
	if c.Tag != nil {
		spec.Tags = c.Tag
		mask.Paths = append(mask.Paths, "tags")
	}
	return mask
}

func (c *groupUpdate) changeTargets(spec *groupv1.GroupSpec, mask *fieldmaskpb.FieldMask) {
	target := spec.GetTargetCapacity()
	if target == nil {
		target = &groupv1.TargetCapacity{}
		spec.TargetCapacity = target
	}
	set := func(field string, value *int32, into *int32) {
		if value != nil {
			*into = *value
			mask.Paths = append(mask.Paths, "target_capacity."+field)
		}
	}
	set("total", c.Total, &target.Total)
	set("pay_as_you_go", c.PayAsYouGo, &target.PayAsYouGo)
	set("spot", c.Spot, &target.Spot)
	if c.DefaultType != nil {
		target.DefaultType = groupv1.DefaultTargetCapacityType(groupv1.DefaultTargetCapacityType_value["DEFAULT_TARGET_CAPACITY_TYPE_"+enumName(*c.DefaultType)])
		mask.Paths = append(mask.Paths, "target_capacity.default_type")
	}
}
