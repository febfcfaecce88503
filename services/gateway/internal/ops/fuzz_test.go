package ops

import (
	"errors"
	"testing"

	"github.com/seed-198b1370/muster/services/gateway/internal/table"
	"github.com/seed-198b1370/muster/services/gateway/wire"
)

// FuzzDecode holds that whatever a request says, each operation's table reads it
// or tells in an error of the API what is wrong; and that what a template keeps
// of it can be told.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"", "RegionId=cn-shenzhen", "RegionId=r&TotalTargetCapacity=5&LaunchTemplateConfig.1.VSwitchId=vsw-a&LaunchTemplateConfig.1.WeightedCapacity=0.5",
		`RegionId=r&LaunchTemplateConfig=[{"VSwitchId":"v","Cores":[1,2]}]&ResourcePoolOptions={"Strategy":"PrivatePoolFirst","PrivatePoolIds":["eap-1"]}`,
		"RegionId=r&LaunchTemplateName=ab&SystemDisk.Size=40&DataDisk.1.Size=20&DataDisk.3.Category=cloud&Tag.1.Key=k&SpotPriceLimit=1e3&Period=x",
		"RegionId=r&InstanceIds=[%22i-1%22]&Filter.1.Key=CreationStartTime&Filter.1.Value=2026-01-02T03:04Z&MaxResults=99",
		"RegionId=r&TagKey.1=a&ResourceId.1=b&All=TRUE&ResourceType=instance",
	} {
		f.Add(seed, uint8(len(seed)))
	}
	operations := All()
	f.Fuzz(func(t *testing.T, query string, which uint8) {
		params, err := wire.ParseParams(query, "")
		if err != nil {
			return // which FuzzParams is about
		}
		root, err := wire.Tree(params)
		if err != nil {
			return
		}
		operation := operations[int(which)%len(operations)]
		values, err := table.Decode(operation.Params, root)
		var told wire.Error
		if err != nil && (!errors.As(err, &told) || told.Status < 400 || told.Status > 499 || told.Code == "" || told.Message == "") {
			t.Errorf("%s: %v", operation.Name, err)
		}
		kept := table.Keep(operation.Params, values)
		if _, err := wire.AppendJSON(nil, table.Told(operation.Params, kept, "")); err != nil {
			t.Errorf("%s: what it keeps can not be told: %v", operation.Name, err)
		}
	})
}
