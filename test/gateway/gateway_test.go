// Package gateway_test holds the ECS API, as it is answered over HTTP, against
// its reference: the error codes of its tables, idempotency, hostile input.
package gateway_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

// A door is a running system, reached through the ECS API alone.
type door struct {
	t       *testing.T
	address string
	running *stack.Stack
}

func open(t *testing.T) door {
	t.Helper()
	return openWith(t, stack.Config{})
}

func openWith(t *testing.T, config stack.Config) door {
	t.Helper()
	config.ECSListen, config.CalmMarket, config.Seed, config.Speed = "127.0.0.1:0", true, 1, 600
	running, err := stack.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := running.Stop(); err != nil {
			t.Error(err)
		}
	})
	return door{t: t, address: "http://" + running.ECSAddr() + "/", running: running}
}

// call calls an operation with parameters, name and value in turn.
func (d door) call(action string, pairs ...string) (int, map[string]any) {
	d.t.Helper()
	form := url.Values{"Action": {action}, "Version": {"2014-05-26"}, "RegionId": {"cn-shenzhen"}}
	for i := 0; i < len(pairs); i += 2 {
		if form.Set(pairs[i], pairs[i+1]); pairs[i+1] == "" {
			form.Del(pairs[i])
		}
	}
	return d.post(form.Encode())
}

func (d door) post(body string) (int, map[string]any) {
	d.t.Helper()
	request, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, d.address, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return d.do(request)
}

func (d door) do(request *http.Request) (int, map[string]any) {
	d.t.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		d.t.Error(err)
		return 0, nil
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		d.t.Error(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(text, &answer); err != nil {
		d.t.Errorf("%v: %.200s", err, text)
	}
	return response.StatusCode, answer
}

// must calls an operation that succeeds.
func (d door) must(action string, pairs ...string) map[string]any {
	d.t.Helper()
	status, answer := d.call(action, pairs...)
	if status != http.StatusOK {
		d.t.Fatalf("%s: %d %v", action, status, answer)
	}
	return answer
}

// small is a call that creates a group.
func small(pairs ...string) []string {
	return append([]string{
		"TotalTargetCapacity", "2", "AutoProvisioningGroupType", "instant",
		"LaunchTemplateConfig.1.VSwitchId", "vsw-cn-shenzhen-d", "LaunchTemplateConfig.1.InstanceType", "ecs.c6.large",
	}, pairs...)
}

func text(answer map[string]any, name string) string {
	value, _ := answer[name].(string)
	return value
}

// TestGateway_documentedSample makes the call of the documentation's sample,
// parameter by parameter: pay-as-you-go is sold out, spot delivers, and the call
// is a success.
func TestGateway_documentedSample(t *testing.T) {
	d := open(t)
	drained, err := fleetv1.NewSimulationServiceClient(d.running.Conn()).DrainPools(t.Context(), &fleetv1.DrainPoolsRequest{Pools: &fleetv1.PoolSelector{
		InstanceType: "ecs.s6-c1m1.small", BillingMethod: fleetv1.BillingMethod_BILLING_METHOD_PAY_AS_YOU_GO,
	}})
	if err != nil || drained.GetMatchedPools() == 0 {
		t.Fatal(drained, err)
	}
	answer := d.must("CreateAutoProvisioningGroup",
		"TotalTargetCapacity", "5", "PayAsYouGoTargetCapacity", "3", "SpotTargetCapacity", "2", "AutoProvisioningGroupType", "instant",
		"PayAsYouGoAllocationStrategy", "prioritized", "SpotAllocationStrategy", "lowest-price",
		"LaunchConfiguration.ImageId", "aliyun_3_x64_20G_alibase_20240528.vhd", "LaunchConfiguration.SecurityGroupId", "sg-bp1",
		"LaunchTemplateConfig.1.VSwitchId", "vsw-cn-shenzhen-d", "LaunchTemplateConfig.1.InstanceType", "ecs.s6-c1m1.small",
		"LaunchTemplateConfig.1.WeightedCapacity", "1", "LaunchTemplateConfig.1.Priority", "1")
	var read struct {
		AutoProvisioningGroupId string //nolint:revive // as it is on the wire
		LaunchResults           struct {
			LaunchResult []struct {
				Amount                                        int
				ErrorCode, SpotStrategy, ZoneId, InstanceType string //nolint:revive // as it is on the wire
				InstanceIds                                   struct{ InstanceId []string }
			}
		}
	}
	raw, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &read); err != nil {
		t.Fatal(err)
	}
	lines := read.LaunchResults.LaunchResult
	if !strings.HasPrefix(read.AutoProvisioningGroupId, "apg-") || len(lines) != 2 {
		t.Fatalf("answer %s", raw)
	}
	if lines[0].Amount != 0 || lines[0].ErrorCode != "NoInstanceStock" || lines[0].SpotStrategy != "NoSpot" || len(lines[0].InstanceIds.InstanceId) != 0 {
		t.Errorf("first line %+v", lines[0])
	}
	if lines[1].Amount != 2 || lines[1].ErrorCode != "" || lines[1].SpotStrategy != "SpotAsPriceGo" || len(lines[1].InstanceIds.InstanceId) != 2 || lines[1].ZoneId != "cn-shenzhen-d" {
		t.Errorf("second line %+v", lines[1])
	}
}

// TestGateway_launchResultsTellWhy holds that a group that gets nothing is told
// the cloud's reason, line by line, in an answer that is a success.
func TestGateway_launchResultsTellWhy(t *testing.T) {
	d := open(t)
	for reason, want := range map[fleetv1.ErrorReason]string{
		fleetv1.ErrorReason_ERROR_REASON_NO_INSTANCE_STOCK:           "NoInstanceStock",
		fleetv1.ErrorReason_ERROR_REASON_PRICE_BELOW_MARKET:          "InvalidSpotPriceLimit.LowerThanPublicPrice",
		fleetv1.ErrorReason_ERROR_REASON_QUOTA_EXCEEDED:              "QuotaExceed.ElasticQuota",
		fleetv1.ErrorReason_ERROR_REASON_INSUFFICIENT_BALANCE:        "InvalidAccountStatus.NotEnoughBalance",
		fleetv1.ErrorReason_ERROR_REASON_ZONE_NOT_ON_SALE:            "Zone.NotOnSale",
		fleetv1.ErrorReason_ERROR_REASON_DISK_CATEGORY_NOT_AVAILABLE: "InvalidDiskCategory.NotSupported",
	} {
		t.Run(want, func(t *testing.T) {
			within := door{t: t, address: d.address, running: d.running}
			within.inject(&fleetv1.Fault{Effect: &fleetv1.Fault_LaunchRefusal{LaunchRefusal: &fleetv1.LaunchRefusal{Pools: &fleetv1.PoolSelector{}, Reason: reason}}})
			answer := within.must("CreateAutoProvisioningGroup", small()...)
			raw, err := json.Marshal(answer["LaunchResults"])
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(raw), `"ErrorCode":"`+want+`"`) || !strings.Contains(string(raw), `"Amount":0`) {
				t.Errorf("got %s", raw)
			}
		})
	}
}

// TestGateway_pagesOfInstances holds that pages by number show each instance
// once, in the same order, and that each page tells how many there are.
func TestGateway_pagesOfInstances(t *testing.T) {
	d := open(t)
	d.must("RunInstances", launched("Amount", "20", "Tag.1.Key", "team", "Tag.1.Value", "blue", "InstanceName", "web")...)
	d.must("RunInstances", launched("Amount", "13", "InstanceType", "ecs.g6.large", "VSwitchId", "vsw-cn-shenzhen-e")...)
	for name, c := range map[string]struct {
		filter []string
		total  int
	}{
		"all":       {nil, 33},
		"zone":      {[]string{"ZoneId", "cn-shenzhen-e"}, 13},
		"vSwitch":   {[]string{"VSwitchId", "vsw-cn-shenzhen-d"}, 20},
		"type":      {[]string{"InstanceType", "ecs.c6.large"}, 20},
		"family":    {[]string{"InstanceTypeFamily", "ecs.g6"}, 13},
		"tag":       {[]string{"Tag.1.Key", "team", "Tag.1.Value", "blue"}, 20},
		"status":    {[]string{"Status", "Stopped"}, 0},
		"name":      {[]string{"InstanceName", "w*"}, 20},
		"image":     {[]string{"ImageId", "m-1"}, 33},
		"no image":  {[]string{"ImageId", "m-2"}, 0},
		"a network": {[]string{"InstanceNetworkType", "vpc", "ZoneId", "cn-shenzhen-d"}, 20},
	} {
		for action, keys := range map[string][2]string{"DescribeInstances": {"Instances", "Instance"}, "DescribeInstanceStatus": {"InstanceStatuses", "InstanceStatus"}} {
			if action == "DescribeInstanceStatus" && name != "all" && name != "zone" { // which knows no other filter
				continue
			}
			t.Run(action+"/"+name, func(t *testing.T) {
				within := door{t: t, address: d.address, running: d.running}
				seen := map[any]bool{}
				for page := 1; page <= c.total/7+2; page++ {
					answer := within.must(action, with(c.filter, "PageNumber", strconv.Itoa(page), "PageSize", "7")...)
					wrapper, _ := answer[keys[0]].(map[string]any)
					items, _ := wrapper[keys[1]].([]any)
					if want := max(0, min(7, c.total-7*(page-1))); len(items) != want || answer["TotalCount"] != float64(c.total) {
						t.Fatalf("page %d has %d of %v, want %d of %d", page, len(items), answer["TotalCount"], want, c.total)
					}
					for _, item := range items {
						fields, _ := item.(map[string]any)
						seen[fields["InstanceId"]] = true
					}
				}
				if len(seen) != c.total {
					t.Errorf("%d of %d were shown", len(seen), c.total)
				}
			})
		}
	}
}

// TestGateway_tags sets, lists and removes tags of all that has some.
func TestGateway_tags(t *testing.T) {
	d := open(t)
	group := text(d.must("CreateAutoProvisioningGroup", small()...), "AutoProvisioningGroupId")
	template := text(d.must("CreateLaunchTemplate", "LaunchTemplateName", "tagged"), "LaunchTemplateId")
	members := d.must("DescribeAutoProvisioningGroupInstances", "AutoProvisioningGroupId", group)
	raw, _ := json.Marshal(members)
	at := strings.Index(string(raw), `"i-`)
	if at < 0 {
		t.Fatalf("no instances: %s", raw)
	}
	instance, _, _ := strings.Cut(string(raw)[at+1:], `"`)
	for kind, id := range map[string]string{"autoprovisioninggroup": group, "launchtemplate": template, "instance": instance} {
		d.must("TagResources", "ResourceType", kind, "ResourceId.1", id, "Tag.1.Key", "team", "Tag.1.Value", "blue")
		has := func() bool {
			listed, _ := json.Marshal(d.must("ListTagResources", "ResourceType", kind, "ResourceId.1", id))
			return strings.Contains(string(listed), `"TagKey":"team","TagValue":"blue"`)
		}
		if !has() {
			t.Errorf("%s %s was not tagged", kind, id)
		}
		d.must("UntagResources", "ResourceType", kind, "ResourceId.1", id, "TagKey.1", "team")
		if has() {
			t.Errorf("%s %s is still tagged", kind, id)
		}
	}
}

// TestGateway_oneGroupForOneToken holds that a token makes one group, however
// often and at the same time a call with it comes.
func TestGateway_oneGroupForOneToken(t *testing.T) {
	d := open(t)
	ids := make([]string, 8)
	var group sync.WaitGroup
	for i := range ids {
		group.Go(func() {
			_, answer := d.call("CreateAutoProvisioningGroup", small("ClientToken", "one and only")...)
			ids[i] = text(answer, "AutoProvisioningGroupId")
		})
	}
	group.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Errorf("groups %v", ids)
		}
	}
	if listed := d.must("DescribeAutoProvisioningGroups"); listed["TotalCount"] != 1.0 {
		t.Errorf("there are %v groups", listed["TotalCount"])
	}
}

// TestGateway_hostileInput holds that what nobody sends in earnest is refused
// with an error of the API, and does not do anything.
func TestGateway_hostileInput(t *testing.T) {
	d := open(t)
	base := url.Values{"Action": {"CreateAutoProvisioningGroup"}, "Version": {"2014-05-26"}, "RegionId": {"cn-shenzhen"}, "TotalTargetCapacity": {"1"}}.Encode()
	items := func(count int) string {
		var out strings.Builder
		for i := range count {
			out.WriteString("&LaunchTemplateConfig." + strconv.Itoa(i+1) + ".VSwitchId=vsw-a")
		}
		return out.String()
	}
	for name, c := range map[string]struct {
		body, code string
		status     int
	}{
		"1 MiB":            {base + "&Description=" + strings.Repeat("a", 1<<20), "InvalidParameter", 413},
		"10,000 items":     {base + items(10000), "InvalidLaunchTemplateConfigs.SizeExceed", 400},
		"many parameters":  {base + strings.Repeat("&a=", 100000), "InvalidParameter", 400},
		"deep name":        {base + "&a" + strings.Repeat(".a", 100) + "=1", "InvalidParameter", 400},
		"deep JSON":        {base + "&LaunchTemplateConfig=" + strings.Repeat("[", 100000), "InvalidParameter", 400},
		"broken JSON":      {base + "&LaunchTemplateConfig=" + url.QueryEscape(`[{"VSwitchId":`), "InvalidParameter", 400},
		"twice in JSON":    {base + "&LaunchTemplateConfig=" + url.QueryEscape(`[{"VSwitchId":"a","VSwitchId":"b"}]`), "InvalidParameter", 400},
		"no UTF-8":         {base + "&Description=%ff%fe", "InvalidParameter", 400},
		"twice":            {base + "&RegionId=cn-shenzhen", "InvalidParameter", 400},
		"whole and parts":  {base + "&LaunchTemplateConfig=[]&LaunchTemplateConfig.1.VSwitchId=a", "InvalidParameter", 400},
		"huge number":      {strings.Replace(base, "TotalTargetCapacity=1", "TotalTargetCapacity="+strings.Repeat("9", 400), 1), "InvalidCapacity.ValueNotSupported", 400},
		"no number":        {strings.Replace(base, "TotalTargetCapacity=1", "TotalTargetCapacity=NaN", 1), "InvalidCapacity.ValueNotSupported", 400},
		"huge item number": {base + "&LaunchTemplateConfig." + strings.Repeat("9", 100) + ".VSwitchId=a", "InvalidParameter", 400},
		"scalar for list":  {base + "&LaunchTemplateConfig=5", "InvalidParameter", 400},
	} {
		t.Run(name, func(t *testing.T) {
			within := door{t: t, address: d.address, running: d.running}
			status, answer := within.post(c.body)
			if status != c.status || text(answer, "Code") != c.code {
				t.Errorf("got %d %.300v, want %d %s", status, answer, c.status, c.code)
			}
		})
	}
	if listed := d.must("DescribeAutoProvisioningGroups"); listed["TotalCount"] != 0.0 {
		t.Errorf("there are %v groups", listed["TotalCount"])
	}
}
