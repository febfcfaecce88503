package control

import (
	"cmp"
	"fmt"
	"maps"

	"google.golang.org/protobuf/proto"

	"github.com/seed-198b1370/muster/pkg/sequence"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
)

// ConfigurationOf is how instances of a group are made: as its launch template
// said when it was created, or else as its own spec says. It never changes.
func ConfigurationOf(stored *storagev1.StoredGroup) *groupv1.LaunchConfiguration {
	if configuration := stored.GetLaunchConfiguration(); configuration != nil {
		return configuration
	}
	return stored.GetGroup().GetSpec().GetLaunchConfiguration()
}

// complete completes the call of a launch with how the group's instances are made.
// It follows from what is stored alone: the call must be the same however often
// it is made (S1).
func complete(request *fleetv1.RunInstancesRequest, stored *storagev1.StoredGroup, launch *storagev1.Launch) {
	configuration := ConfigurationOf(stored)
	tags := maps.Clone(configuration.GetTags())
	if tags == nil {
		tags = map[string]string{}
	}
	maps.Copy(tags, request.GetTags()) // the group's own are not to be overwritten
	if parent := launch.GetTraceParent(); parent != "" && len(tags) < maxTags {
		tags[TagTrace] = parent // so that what becomes of the instances belongs to it
	}
	request.Tags = tags
	request.InstanceName = nameFrom(configuration.GetInstanceName(), launch.GetFirstSlot())
	request.Description = configuration.GetDescription()
	request.SystemDisk, request.DataDisks = configuration.GetSystemDisk(), configuration.GetDataDisks()
	request.UserData = configuration.GetUserData()
	if request.GetBillingMethod() == fleetv1.BillingMethod_BILLING_METHOD_SPOT {
		request.SpotProtection = configuration.GetSpotProtection()
	}
	options := &fleetv1.InstanceOptions{
		ImageId:                     cmp.Or(launch.GetImageId(), configuration.GetImageId()),
		SecurityGroupIds:            configuration.GetSecurityGroupIds(),
		InternetMaxBandwidthOutMbps: configuration.GetInternetMaxBandwidthOutMbps(),
		KeyPairName:                 configuration.GetKeyPairName(), RamRoleName: configuration.GetRamRoleName(),
		ResourceGroupId: configuration.GetResourceGroupId(), MetadataTokensRequired: configuration.GetMetadataTokensRequired(),
	}
	if proto.Size(options) > 0 {
		request.Options = options
	}
}

// maxTags is how many tags an instance can have.
const maxTags = 20

// nameFrom is the name of instances that fill slots from a first one on: where it
// numbers them, the cloud goes on from the number of that slot. So no two of a
// group have the same, of a million in a row.
func nameFrom(name string, firstSlot int64) string {
	pattern, numbered := sequence.Parse(name)
	if !numbered {
		return name
	}
	begin := (pattern.Begin + uint64(firstSlot-1)) % (sequence.MaxBegin + 1)
	return fmt.Sprintf("%s[%d,%d]%s", pattern.Prefix, begin, pattern.Digits, pattern.Suffix)
}
