package api

import (
	"strings"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// fromOptions reads what instances are made with.
func fromOptions(options *fleetv1.InstanceOptions, userData string) world.SharedOptions {
	var groups strings.Builder
	for _, group := range options.GetSecurityGroupIds() {
		groups.WriteString(group + "\x00")
	}
	return world.Share(world.Options{
		ImageID: options.GetImageId(), KeyPairName: options.GetKeyPairName(), RAMRoleName: options.GetRamRoleName(),
		ResourceGroupID: options.GetResourceGroupId(), SecurityGroupIDs: groups.String(),
		BandwidthMbps: options.GetInternetMaxBandwidthOutMbps(), UserData: userData,
		TokensRequired: options.GetMetadataTokensRequired(),
	})
}

// toOptions writes what an instance was made with, but for its user data: that is
// for the instance alone. Nil for nothing.
func toOptions(shared world.SharedOptions) *fleetv1.InstanceOptions {
	options := shared.Options()
	options.UserData = ""
	if options == (world.Options{}) {
		return nil
	}
	told := &fleetv1.InstanceOptions{
		ImageId: options.ImageID, KeyPairName: options.KeyPairName, RamRoleName: options.RAMRoleName,
		ResourceGroupId: options.ResourceGroupID, InternetMaxBandwidthOutMbps: options.BandwidthMbps,
		MetadataTokensRequired: options.TokensRequired,
	}
	for group := range strings.SplitSeq(strings.TrimSuffix(options.SecurityGroupIDs, "\x00"), "\x00") {
		if group != "" {
			told.SecurityGroupIds = append(told.SecurityGroupIds, group)
		}
	}
	return told
}
