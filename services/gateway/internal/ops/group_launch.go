package ops

import (
	"regexp"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/gateway/internal/table"
)

// Errors of LaunchConfiguration.
var (
	errImageFamily      = bad("InvalidImageFamily.Confict", "ImageFamily should be empty when ImageId is specified.")
	errSpotDuration     = bad("InvalidSpotDuration", "The specified SpotDuration is not valid.")
	errSpotInterruption = bad("InvalidSpotInterruptionBehavior", "The specified SpotInterruptionBehavior is not valid.")
)

// Why parameters are refused or do nothing.
const (
	noSubscription = "there are no subscriptions here, only pay-as-you-go and spot instances"
	noNetworks     = "There are no networks."
	noGuests       = "Instances have no operating system."
)

var base64Pattern = regexp.MustCompile(`^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$`)

// dataDiskParams is a list of data disks.
func dataDiskParams(status table.Status) table.Param {
	return table.Param{
		Name: "DataDisk", Kind: table.Struct, List: true, Limit: 16,
		Of: []table.Param{
			{Name: "Category", OneOf: diskCategories.all()},
			{Name: "Size", Kind: table.Integer, Min: 20, Max: 32768, Note: "GiB; 40 by default."},
			{Name: "DeleteWithInstance", Kind: table.Boolean, Note: "True by default."},
			{Name: "PerformanceLevel", Status: status, Max: 16},
			{Name: "SnapshotId", Status: status, Max: 64},
			{Name: "Device", Status: status, Max: 64},
			{Name: "Encrypted", Kind: table.Boolean, Status: status},
			{Name: "KmsKeyId", Status: status, Max: 64},
			{Name: "DiskName", Status: status, Max: 128},
			{Name: "Description", Status: status, Max: 256},
			{Name: "EncryptAlgorithm", Status: status, Max: 32},
			{Name: "ProvisionedIops", Kind: table.Integer, Status: status},
			{Name: "BurstingEnabled", Kind: table.Boolean, Status: status},
			{Name: "AutoSnapshotPolicyId", Status: status, Max: 64},
		},
	}
}

// launchConfigurationParams is how instances are made without a launch template.
func launchConfigurationParams() table.Param {
	ignored := func(name string, kind table.Kind, note string) table.Param {
		return table.Param{Name: name, Kind: kind, Status: table.Ignored, Note: note}
	}
	return table.Param{
		Name: "LaunchConfiguration", Kind: table.Struct, Note: "How instances are made. Not used with a launch template.",
		Of: []table.Param{
			{Name: "ImageId", Max: 64},
			{Name: "ImageFamily", Max: 64, Note: "Told as the image."},
			{Name: "SecurityGroupId", Max: 64},
			{Name: "SecurityGroupIds", List: true, Limit: 16, Max: 64},
			{Name: "InstanceName", Max: 128, Note: "`name[begin,bits]suffix` numbers the instances."},
			{Name: "InstanceDescription", Max: 256},
			{Name: "InternetMaxBandwidthOut", Kind: table.Integer, Max: 100},
			{Name: "KeyPairName", Max: 128},
			{Name: "RamRoleName", Max: 64},
			{Name: "UserData", Max: 43692, Pattern: base64Pattern, Rule: "be base64 of at most 32 KiB"},
			{Name: "SystemDiskCategory", OneOf: diskCategories.all()},
			{Name: "SystemDiskSize", Kind: table.Integer, Min: 20, Max: 32768, Note: "GiB; 40 by default."},
			dataDiskParams(table.Ignored),
			tagParams("Tag", 18, "Tags of the instances; the group adds two of its own."),
			{Name: "ResourceGroupId", Max: 64},
			{Name: "SpotDuration", Kind: table.Integer, Max: 1, Wrong: errSpotDuration, Note: "1, the default, protects spot instances for their first hour."},
			{Name: "SpotInterruptionBehavior", OneOf: []string{"Terminate", "Stop"}, Wrong: errSpotInterruption, Note: "Only with the type `instant`."},
			ignored("IoOptimized", table.Text, "Everything is."),
			ignored("InternetChargeType", table.Text, "Traffic costs nothing."),
			ignored("InternetMaxBandwidthIn", table.Integer, noNetworks),
			ignored("HostName", table.Text, noGuests),
			{Name: "HostNames", List: true, Limit: 1000, Status: table.Ignored, Note: noGuests},
			ignored("Password", table.Text, "Never kept."),
			ignored("PasswordInherit", table.Boolean, noGuests),
			ignored("SecurityEnhancementStrategy", table.Text, noGuests),
			ignored("SystemDiskName", table.Text, ""),
			ignored("SystemDiskDescription", table.Text, ""),
			ignored("SystemDiskPerformanceLevel", table.Text, ""),
			{Name: "SystemDisk", Kind: table.Struct, Status: table.Ignored, Of: []table.Param{
				ignored("Encrypted", table.Boolean, ""), ignored("KMSKeyId", table.Text, ""), ignored("EncryptAlgorithm", table.Text, ""),
				ignored("ProvisionedIops", table.Integer, ""), ignored("BurstingEnabled", table.Boolean, ""), ignored("AutoSnapshotPolicyId", table.Text, ""),
			}},
			ignored("DeploymentSetId", table.Text, "There are no hosts to spread over."),
			{Name: "CreditSpecification", OneOf: []string{"Standard", "Unlimited"}, Status: table.Ignored, Note: noGuests},
			{Name: "CpuOptions", Kind: table.Struct, Status: table.Ignored, Of: []table.Param{ignored("Core", table.Integer, ""), ignored("ThreadsPerCore", table.Integer, "")}},
			{Name: "ImageOptions", Kind: table.Struct, Status: table.Ignored, Of: []table.Param{ignored("LoginAsNonRoot", table.Boolean, noGuests)}},
			{Name: "AutoReleaseTime", Status: table.Refused, Note: "a group releases its instances itself, when it ends or shrinks"},
			{Name: "Period", Status: table.Refused, Note: noSubscription},
			{Name: "PeriodUnit", Status: table.Refused, Note: noSubscription},
			{Name: "AutoRenew", Status: table.Refused, Note: noSubscription},
			{Name: "AutoRenewPeriod", Status: table.Refused, Note: noSubscription},
			{Name: "SchedulerOptions", Status: table.Refused, Note: "there are no dedicated hosts here"},
		},
	}
}

// launchConfigurationOf turns the launch configuration of a call into that of a
// group; nil for none.
func launchConfigurationOf(call *Call) (*groupv1.LaunchConfiguration, error) {
	if !call.Has("LaunchConfiguration") && !call.Has("SystemDiskConfig") && !call.Has("DataDiskConfig") {
		return nil, nil //nolint:nilnil // there is none
	}
	in := call.In("LaunchConfiguration")
	if in.Has("ImageId") && in.Has("ImageFamily") {
		return nil, errImageFamily
	}
	tags, err := tagsOf(in, "Tag")
	if err != nil {
		return nil, err
	}
	out := &groupv1.LaunchConfiguration{
		ImageId: in.Text("ImageId") + in.Text("ImageFamily"), SecurityGroupIds: securityGroups(in),
		InternetMaxBandwidthOutMbps: int32(in.Integer("InternetMaxBandwidthOut")),
		KeyPairName:                 in.Text("KeyPairName"), RamRoleName: in.Text("RamRoleName"), UserData: in.Text("UserData"),
		Tags: tags, ResourceGroupId: in.Text("ResourceGroupId"), InstanceName: in.Text("InstanceName"), Description: in.Text("InstanceDescription"),
		SpotProtection: protectionOf(in),
	}
	if systemConfigs := call.Structs("SystemDiskConfig"); len(systemConfigs) > 0 || in.Has("SystemDiskCategory") || in.Has("SystemDiskSize") {
		categories, err := categoriesOf(systemConfigs, in.Text("SystemDiskCategory"))
		if err != nil {
			return nil, err
		}
		out.SystemDisk = &fleetv1.DiskRequest{Categories: categories, SizeGib: sizeOf(in, "SystemDiskSize")}
	}
	out.DataDisks, err = dataDisksOf(in.Structs("DataDisk"), call.Structs("DataDiskConfig"))
	return out, err
}

// dataDisksOf are the data disks of a call. Categories that are given for all of
// them go before their own.
func dataDisksOf(disks, configs []table.Values) ([]*fleetv1.DiskRequest, error) {
	out := make([]*fleetv1.DiskRequest, 0, len(disks))
	for _, disk := range disks {
		categories, err := categoriesOf(configs, disk.Text("Category"))
		if err != nil {
			return nil, err
		}
		out = append(out, &fleetv1.DiskRequest{
			Categories: categories, SizeGib: sizeOf(disk, "Size"),
			KeepAfterRelease: disk.Has("DeleteWithInstance") && !disk.Flag("DeleteWithInstance"),
		})
	}
	return out, nil
}

// defaultDiskGiB is the size of a disk that names none.
const defaultDiskGiB = 40

func sizeOf(in table.Values, name string) int32 {
	if !in.Has(name) {
		return defaultDiskGiB
	}
	return int32(in.Integer(name))
}

// securityGroups are those of the list and the one that is given alone.
func securityGroups(in table.Values) []string {
	groups := in.Texts("SecurityGroupIds")
	if one := in.Text("SecurityGroupId"); one != "" {
		return append([]string{one}, groups...)
	}
	return groups
}

func protectionOf(in table.Values) fleetv1.SpotProtection {
	switch {
	case !in.Has("SpotDuration"):
		return fleetv1.SpotProtection_SPOT_PROTECTION_UNSPECIFIED
	case in.Integer("SpotDuration") == 0:
		return fleetv1.SpotProtection_SPOT_PROTECTION_NONE
	default:
		return fleetv1.SpotProtection_SPOT_PROTECTION_ONE_HOUR
	}
}
