package journal

import (
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/fleetsim/storage/v1"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// optionsOf is the place of options in the dictionary, from 1; 0 for none.
func (d *dictionary) optionsOf(shared world.SharedOptions) uint32 {
	index, ok := d.options[shared]
	if !ok {
		d.message.Options = append(d.message.Options, encodeOptions(shared))
		index = uint32(len(d.message.GetOptions()))
		d.options[shared] = index
	}
	return index
}

// encodeOptions writes options; nil for none.
func encodeOptions(shared world.SharedOptions) *storagev1.StoredOptions {
	o := shared.Options()
	if o == (world.Options{}) {
		return nil
	}
	return &storagev1.StoredOptions{
		ImageId: o.ImageID, KeyPairName: o.KeyPairName, RamRoleName: o.RAMRoleName, ResourceGroupId: o.ResourceGroupID,
		SecurityGroupIds: o.SecurityGroupIDs, InternetMaxBandwidthOutMbps: o.BandwidthMbps, UserData: o.UserData,
		MetadataTokensRequired: o.TokensRequired,
	}
}

func decodeOptions(o *storagev1.StoredOptions) world.SharedOptions {
	return world.Share(world.Options{
		ImageID: o.GetImageId(), KeyPairName: o.GetKeyPairName(), RAMRoleName: o.GetRamRoleName(), ResourceGroupID: o.GetResourceGroupId(),
		SecurityGroupIDs: o.GetSecurityGroupIds(), BandwidthMbps: o.GetInternetMaxBandwidthOutMbps(), UserData: o.GetUserData(),
		TokensRequired: o.GetMetadataTokensRequired(),
	})
}
