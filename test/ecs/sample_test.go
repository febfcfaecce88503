package ecs_test

import (
	"os"
	"strings"
	"testing"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	newerecs "github.com/alibabacloud-go/ecs-20140526/v7/client"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/alibabacloud-go/tea/tea"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	classicecs "github.com/aliyun/alibaba-cloud-sdk-go/services/ecs"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
	"github.com/seed-198b1370/muster/services/fleetsim/scenario"
)

// A sampleAnswer is the answer to the sample, as a client library read it.
type sampleAnswer struct {
	groupID, requestID string
	lines              []sampleLine
}

type sampleLine struct {
	amount                                                int
	errorCode, errorMsg, instanceType, spotStrategy, zone string
	ids                                                   []string
}

// TestDocumentedSample makes the call of the documentation's Java sample,
// parameter by parameter, with the requests and answers of both Go SDKs. The
// group is delivered without its pay-as-you-go instances, which are sold out.
func TestDocumentedSample(t *testing.T) {
	beginning, err := scenario.Load(os.DirFS("testdata"), "sample.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := startWith(t, func(config *stack.Config) { config.Scenario, config.Seed, config.CalmMarket = beginning, 0, false })
	t.Run("newer", func(t *testing.T) { checkSample(t, newerSample(t, s)) })
	t.Run("classic", func(t *testing.T) { checkSample(t, classicSample(t, s)) })
}

func checkSample(t *testing.T, answer sampleAnswer) {
	t.Helper()
	if !strings.HasPrefix(answer.groupID, "apg-") || answer.requestID == "" || len(answer.lines) != 2 {
		t.Fatalf("answer %+v", answer)
	}
	soldOut, delivered := answer.lines[0], answer.lines[1]
	for _, line := range answer.lines {
		if line.instanceType != "ecs.s6-c1m1.small" || line.zone != "cn-heyuan-b" {
			t.Errorf("line of another pool: %+v", line)
		}
	}
	if soldOut.amount != 0 || soldOut.errorCode != "NoInstanceStock" || soldOut.errorMsg == "" || soldOut.spotStrategy != "NoSpot" || len(soldOut.ids) != 0 {
		t.Errorf("pay-as-you-go: %+v", soldOut)
	}
	if delivered.amount != 2 || delivered.errorCode != "" || delivered.errorMsg != "" || delivered.spotStrategy != "SpotAsPriceGo" || len(delivered.ids) != 2 {
		t.Errorf("spot: %+v", delivered)
	}
	for _, id := range delivered.ids {
		if !strings.HasPrefix(id, "i-") {
			t.Errorf("spot: %+v", delivered)
		}
	}
}

func newerSample(t *testing.T, s *system) sampleAnswer {
	t.Helper()
	client, err := newerecs.NewClient(new(openapi.Config).
		SetAccessKeyId("ak").
		SetAccessKeySecret("sk").
		SetEndpoint(s.ECSAddr()).SetProtocol("HTTP"))
	if err != nil {
		t.Fatal(err)
	}
	config := new(newerecs.CreateAutoProvisioningGroupRequestLaunchTemplateConfig).
		SetVSwitchId("vsw-f8zadqudz").
		SetInstanceType("ecs.s6-c1m1.small").
		SetWeightedCapacity(1.0)
	configuration := new(newerecs.CreateAutoProvisioningGroupRequestLaunchConfiguration).
		SetSecurityGroupId("sg-f8zf6vg51").
		SetImageId("aliyun_3_x64_20G_alibase_20250629.vhd").
		SetSystemDiskCategory("cloud_ssd").
		SetSystemDiskSize(40)
	request := new(newerecs.CreateAutoProvisioningGroupRequest).
		SetAutoProvisioningGroupType("instant").
		SetRegionId("cn-heyuan").
		SetSpotAllocationStrategy("lowest-price").
		SetPayAsYouGoAllocationStrategy("prioritized").
		SetTotalTargetCapacity("5").
		SetPayAsYouGoTargetCapacity("3").
		SetSpotTargetCapacity("2").
		SetLaunchConfiguration(configuration).
		SetLaunchTemplateConfig([]*newerecs.CreateAutoProvisioningGroupRequestLaunchTemplateConfig{config}).
		SetClientToken("0c593ea1-3bea-newer")
	response, err := client.CreateAutoProvisioningGroupWithOptions(request, &dara.RuntimeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	answer := sampleAnswer{groupID: tea.StringValue(response.Body.AutoProvisioningGroupId), requestID: tea.StringValue(response.Body.RequestId)}
	for _, result := range response.Body.GetLaunchResults().GetLaunchResult() {
		line := sampleLine{
			amount: int(tea.Int32Value(result.Amount)), errorCode: tea.StringValue(result.ErrorCode), errorMsg: tea.StringValue(result.ErrorMsg),
			instanceType: tea.StringValue(result.InstanceType), spotStrategy: tea.StringValue(result.SpotStrategy), zone: tea.StringValue(result.ZoneId),
		}
		if result.InstanceIds != nil {
			line.ids = tea.StringSliceValue(result.InstanceIds.InstanceId)
		}
		answer.lines = append(answer.lines, line)
	}
	return answer
}

func classicSample(t *testing.T, s *system) sampleAnswer {
	t.Helper()
	client, err := classicecs.NewClientWithOptions("cn-heyuan", sdk.NewConfig().WithScheme("HTTP"), credentials.NewAccessKeyCredential("ak", "sk"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Shutdown()
	request := classicecs.CreateCreateAutoProvisioningGroupRequest()
	request.Domain = s.ECSAddr()
	request.AutoProvisioningGroupType = "instant"
	request.SpotAllocationStrategy = "lowest-price"
	request.PayAsYouGoAllocationStrategy = "prioritized"
	request.TotalTargetCapacity = "5"
	request.PayAsYouGoTargetCapacity = "3"
	request.SpotTargetCapacity = "2"
	request.LaunchConfigurationSecurityGroupId = "sg-f8zf6vg51"
	request.LaunchConfigurationImageId = "aliyun_3_x64_20G_alibase_20250629.vhd"
	request.LaunchConfigurationSystemDiskCategory = "cloud_ssd"
	request.LaunchConfigurationSystemDiskSize = requests.NewInteger(40)
	request.LaunchTemplateConfig = &[]classicecs.CreateAutoProvisioningGroupLaunchTemplateConfig{{
		VSwitchId: "vsw-f8zadqudz", InstanceType: "ecs.s6-c1m1.small", WeightedCapacity: "1.0",
	}}
	request.ClientToken = "0c593ea1-3bea-classic"
	response, err := client.CreateAutoProvisioningGroup(request)
	if err != nil {
		t.Fatal(err)
	}
	answer := sampleAnswer{groupID: response.AutoProvisioningGroupId, requestID: response.RequestId}
	for _, result := range response.LaunchResults.LaunchResult {
		answer.lines = append(answer.lines, sampleLine{
			amount: result.Amount, errorCode: result.ErrorCode, errorMsg: result.ErrorMsg, instanceType: result.InstanceType,
			spotStrategy: result.SpotStrategy, zone: result.ZoneId, ids: result.InstanceIds.InstanceId,
		})
	}
	return answer
}
