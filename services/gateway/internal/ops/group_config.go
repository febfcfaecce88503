package ops

import (
	"cmp"
	"context"
	"slices"
	"strings"

	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/gateway/internal/table"
	"github.com/seed-198b1370/muster/services/gateway/wire"
)

// Errors of LaunchTemplateConfig.
var (
	errConfigs       = bad("MissingParameter.LaunchTemplateConfigs", `The specified parameter "LaunchTemplateConfigs" is empty.`)
	errConfigsSize   = bad("InvalidLaunchTemplateConfigs.SizeExceed", "The size of LaunchTemplateConfigs exceeds limit.")
	errNoVSwitch     = bad("MissingParameter", `The specified parameter "VSWitchId" should not be null.`)
	errNoType        = bad("MissingParameter", `The specified parameter "instanceType" should not be null.`)
	errInstanceType  = bad("InvalidInstanceType.ValueNotSupported", "The instanceType is illegal.")
	errNoWeight      = bad("MissingParameter.WeightedCapacity", "The WeightedCapacity of LaunchTemplateConfig should not be empty.")
	errWeight        = bad("InvalidParameter.WeightedCapacityBeyondRange", "The WeightedCaTpacity of LaunchTemplateConfig beyond permitted range.")
	errMaxPrice      = bad("InvalidParameter.MaxPrice", `The specified parameter "MaxSpotPrice" or "MaxPrice" of LaunchTemplateConfig is not valid.`)
	errDiskDuplicate = bad("Duplicate.DiskCategory", "The specified disk configs contains duplicate DiskCategory.")
)

// configParams is the list of candidates; some of its members only a group that
// is created takes. Wrong prices have an error of the operation's own.
func configParams(creating bool, wrongPrice wire.Error) table.Param {
	of := []table.Param{
		{Name: "VSwitchId", Required: true, Max: 64, Absent: errNoVSwitch, Note: "Tells the zone: `vsw-<zone>` is in that zone, any other well-formed id in one that is always the same."},
		{Name: "InstanceType", Max: 64, Wrong: errInstanceType},
		{Name: "MaxPrice", Kind: table.Number, Min: minPrice, Max: maxPrice, Wrong: wrongPrice, Note: "Not required; for spot, an hour and instance."},
		{Name: "WeightedCapacity", Kind: table.Number, Min: 0.001, Max: 10000, Wrong: errWeight, Note: "At most 3 decimal places. Either all configs have one or none has; then each instance counts 1."},
		{Name: "Priority", Kind: table.Integer, Max: 1<<31 - 1, Note: "0 goes first."},
	}
	if creating {
		of = append(of,
			table.Param{Name: "ImageId", Max: 64, Note: "Only with the type `instant`."},
			table.Param{Name: "MaxQuantity", Kind: table.Integer, Status: table.Refused, Note: "it is a preview for invited users of the real service"},
			table.Param{Name: "Cores", Kind: table.Integer, List: true, Limit: 10, Min: 1, Max: 1024, Note: "Together with Memories: any of these with any of those."},
			table.Param{Name: "Memories", Kind: table.Number, List: true, Limit: 10, Min: 0.001, Max: 16384, Note: "GiB."},
			table.Param{Name: "InstanceFamilyLevel", OneOf: familyLevels.all()},
			table.Param{Name: "Architectures", List: true, Limit: 10, OneOf: architectures.all()},
			table.Param{Name: "BurstablePerformance", OneOf: burstables.all()},
			table.Param{Name: "ExcludedInstanceTypes", List: true, Limit: 100, Max: 64},
			table.Param{Name: "SecondaryNetworkInterface", Kind: table.Struct, List: true, Status: table.Ignored, Note: "There are no networks.", Of: []table.Param{{Name: "VSwitchId"}}},
		)
	}
	return table.Param{Name: "LaunchTemplateConfig", Kind: table.Struct, List: true, Limit: 20, TooMany: errConfigsSize, Of: of,
		Note: "Where and of which types instances may be."}
}

// candidatesOf turns the configs of a call into candidates. A launch template
// may say what a config leaves out.
func candidatesOf(ctx context.Context, call *Call, withTemplate bool) ([]*groupv1.Candidate, error) {
	configs := call.Structs("LaunchTemplateConfig")
	candidates := make([]*groupv1.Candidate, 0, len(configs))
	weighted := slices.ContainsFunc(configs, func(config table.Values) bool { return config.Has("WeightedCapacity") })
	for _, config := range configs {
		if weighted && !config.Has("WeightedCapacity") {
			return nil, errNoWeight.With("Either all configs have one or none has.")
		}
		candidate, err := candidateOf(ctx, call, config)
		if err != nil {
			return nil, err
		}
		if candidate.GetInstanceType() == "" && candidate.GetAttributes() == nil && !withTemplate {
			return nil, errNoType
		}
		candidates = append(candidates, candidate)
	}
	return candidates, nil
}

func candidateOf(ctx context.Context, call *Call, config table.Values) (*groupv1.Candidate, error) {
	vSwitch := config.Text("VSwitchId")
	zone, err := call.Cloud.ZoneOf(ctx, vSwitch, errVSwitch)
	if err != nil {
		return nil, err
	}
	candidate := &groupv1.Candidate{
		ZoneId: zone, VswitchId: vSwitch, InstanceType: config.Text("InstanceType"), ImageId: config.Text("ImageId"),
		MaxPriceMicrosPerHour: micros(config.Number("MaxPrice")),
	}
	if config.Has("WeightedCapacity") {
		weight := config.Number("WeightedCapacity")
		candidate.WeightedCapacity = &weight
	}
	if config.Has("Priority") {
		priority := int32(config.Integer("Priority"))
		candidate.Priority = &priority
	}
	if candidate.GetInstanceType() == "" {
		candidate.Attributes = attributesOf(config)
	}
	return candidate, nil
}

// attributesOf are the attributes by which a config chooses types; nil for none.
func attributesOf(config table.Values) *allocatorv1.InstanceAttributes {
	asked := false
	for _, name := range []string{"Cores", "Memories", "InstanceFamilyLevel", "Architectures", "BurstablePerformance"} {
		asked = asked || config.Has(name)
	}
	if !asked {
		return nil
	}
	attributes := &allocatorv1.InstanceAttributes{
		BurstablePerformance:  burstables.value(config.Text("BurstablePerformance")),
		ExcludedInstanceTypes: config.Texts("ExcludedInstanceTypes"),
	}
	for _, cores := range config.Integers("Cores") {
		attributes.Vcpus = append(attributes.Vcpus, int32(cores))
	}
	for _, gib := range config.Numbers("Memories") {
		attributes.MemoryMib = append(attributes.MemoryMib, int64(gib*1024))
	}
	if level := config.Text("InstanceFamilyLevel"); level != "" {
		attributes.FamilyLevels = []fleetv1.FamilyLevel{familyLevels.value(level)}
	}
	for _, architecture := range config.Texts("Architectures") {
		attributes.Categories = append(attributes.Categories, architectures.value(architecture))
	}
	return attributes
}

// configRules are how the group service's errors about candidates are told.
func configRules(wrongPrice wire.Error) []Rule {
	return []Rule{
		{Field: "spec.candidates.zone_id", Error: errVSwitch},
		{Field: "spec.candidates.instance_type", Error: errInstanceType},
		{Field: "spec.candidates.weighted_capacity", Error: errWeight},
		{Field: "spec.candidates.max_price_micros_per_hour", Error: wrongPrice},
		{Field: "spec.spot.max_price_micros_per_hour", Error: wrongPrice},
		{Field: "spec.candidates.attributes", Error: bad("InvalidParameter", "")},
	}
}

// configList are candidates as answers tell them.
func configList(candidates []*groupv1.Candidate) []wire.Object {
	list := make([]wire.Object, 0, len(candidates))
	for _, candidate := range candidates {
		config := wire.Object{
			wire.Some("InstanceType", candidate.GetInstanceType()),
			wire.M("VSwitchId", cmp.Or(candidate.GetVswitchId(), vSwitchOf(candidate.GetZoneId()))),
			wire.M("WeightedCapacity", weightOf(candidate)),
		}
		if price := candidate.GetMaxPriceMicrosPerHour(); price != 0 {
			config = append(config, wire.M("MaxPrice", units(price)))
		}
		if candidate.Priority != nil {
			config = append(config, wire.M("Priority", float64(candidate.GetPriority())))
		}
		list = append(list, config)
	}
	return list
}

func weightOf(candidate *groupv1.Candidate) float64 {
	if candidate.WeightedCapacity == nil {
		return 1
	}
	return candidate.GetWeightedCapacity()
}

// diskConfig is a list of disk categories, best first.
func diskConfig(name, note string) table.Param {
	return table.Param{
		Name: name, Kind: table.Struct, List: true, Limit: 5, Note: note,
		Of: []table.Param{{Name: "DiskCategory", Required: true, OneOf: diskCategories.all()}},
	}
}

// categoriesOf are the categories of a list of disk configs, or of the one
// category that is given besides, or the cloud's usual one.
func categoriesOf(configs []table.Values, single string) ([]fleetv1.DiskCategory, error) {
	var categories []fleetv1.DiskCategory
	for _, config := range configs {
		category := diskCategories.value(config.Text("DiskCategory"))
		if slices.Contains(categories, category) {
			return nil, errDiskDuplicate.With("The category " + config.Text("DiskCategory") + " is there twice.")
		}
		categories = append(categories, category)
	}
	if len(categories) == 0 {
		categories = []fleetv1.DiskCategory{diskCategories.value(cmp.Or(single, "cloud_efficiency"))}
	}
	return categories, nil
}

// isLink tells whether a text begins like a link, which the API refuses in
// descriptions.
func isLink(text string) bool {
	return strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://")
}
