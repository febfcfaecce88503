package gateway_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/seed-198b1370/muster/pkg/clock"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/gateway"
	"github.com/seed-198b1370/muster/services/gateway/auth"
)

// A recording is a request as a client was seen to send it, with its signature.
type recording struct {
	client, secret, at string
	method, host       string
	query, body        string
	header             map[string]string
	// status and parts of the answer. Most ask for what is not to be had here; the
	// answer shows that they were let in and read.
	status int
	answer []string
}

func encoded(pairs ...string) string {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return values.Encode()
}

const form = "application/x-www-form-urlencoded"

func recordings() []recording {
	return []recording{
		{
			client: "the documentation's sample of the older signature", secret: "testsecret", at: "2016-02-23T12:46:24Z",
			method: http.MethodGet, host: "ecs.aliyuncs.com", query: encoded(
				"AccessKeyId", "testid", "Action", "DescribeRegions", "Format", "XML", "SignatureMethod", "HMAC-SHA1",
				"SignatureNonce", "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf", "SignatureVersion", "1.0",
				"Timestamp", "2016-02-23T12:46:24Z", "Version", "2014-05-26", "Signature", "OLeaidS1JvxuMvnyHOwuJ+uX5qY=",
			),
			status: http.StatusOK, answer: []string{"<DescribeRegionsResponse>", "<RegionId>cn-shenzhen</RegionId>"},
		},
		{
			client: "the classic Go SDK", secret: "sk", at: "2026-11-21T16:35:32Z", method: http.MethodPost, host: "127.0.0.1:33469",
			header: map[string]string{
				"Content-Type": form, "x-acs-action": "CreateAutoProvisioningGroup", "x-acs-version": "2014-05-26",
				"x-sdk-invoke-type": "normal", "Accept-Encoding": "identity",
			},
			query: encoded(
				"AccessKeyId", "ak", "Action", "CreateAutoProvisioningGroup", "Format", "JSON",
				"LaunchTemplateConfig.1.MaxPrice", "2", "LaunchTemplateConfig.1.VSwitchId", "vsw-1",
				"LaunchTemplateConfig.1.WeightedCapacity", "1", "MaxSpotPrice", "2.000000", "RegionId", "cn-hangzhou",
				"ResourcePoolOptions.Strategy", "PrivatePoolFirst", "SignatureMethod", "HMAC-SHA1",
				"SignatureNonce", "256222563496d2a07841a301a61a2cdd", "SignatureType", "", "SignatureVersion", "1.0",
				"TerminateInstances", "false", "Timestamp", "2026-11-21T16:35:32Z", "TotalTargetCapacity", "5",
				"Version", "2014-05-26", "Signature", "YD5jYZMuKKFMf8T/BMU6YRMNyMo=",
			),
			status: http.StatusBadRequest, answer: []string{`"Code":"InvalidRegion.ValueNotSupported"`, `got \"cn-hangzhou\"`},
		},
		{
			client: "tea-rpc, with parameters in the body", secret: "sk", at: "2026-11-21T16:37:30Z", method: http.MethodPost, host: "127.0.0.1:33469",
			header: map[string]string{"Content-Type": form},
			query: encoded(
				"AccessKeyId", "ak", "Action", "CreateLaunchTemplate", "Format", "json", "SignatureMethod", "HMAC-SHA1",
				"SignatureNonce", "e51d16c941a2282eb81b3f4a2ae6ac8e", "SignatureVersion", "1.0",
				"Timestamp", "2026-11-21T16:37:30Z", "Version", "2014-05-26", "Signature", "3KGtXvFdRF75X62ancGNd19Su4A=",
			),
			body: encoded(
				"DataDisk.1.DeleteWithInstance", "true", "DataDisk.1.Size", "20", "EnableVmOsConfig", "false",
				"LaunchTemplateName", "a b*~", "RegionId", "cn-hangzhou", "SecurityGroupIds.1", "sg-1", "SecurityGroupIds.2", "sg-2",
				"SpotPriceLimit", "0.5", "SystemDisk.Category", "cloud_efficiency", "TemplateTag.1.Key", "k", "TemplateTag.1.Value", "v",
			),
			status: http.StatusBadRequest, answer: []string{`"Code":"InvalidLaunchTemplateName.Malformed"`, `got \"a b*~\"`},
		},
		{
			client: "the documentation's sample of the newer signature", secret: "YourAccessKeySecret", at: "2023-10-26T10:22:32Z",
			method: http.MethodPost, host: "ecs.cn-shanghai.aliyuncs.com",
			header: map[string]string{
				"x-acs-action": "RunInstances", "x-acs-content-sha256": emptyBody, "x-acs-date": "2023-10-26T10:22:32Z",
				"x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d", "x-acs-version": "2014-05-26",
				"Authorization": "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version," +
					"Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0",
			},
			query:  encoded("ImageId", "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd", "RegionId", "cn-shanghai"),
			status: http.StatusNotFound, answer: []string{`"Code":"InvalidRegionId.NotFound"`, `"HostId":"ecs.cn-shanghai.aliyuncs.com"`},
		},
		{
			client: "the new Go SDK", secret: "sk", at: "2026-11-21T16:35:32Z", method: http.MethodPost, host: "127.0.0.1:33469",
			header: map[string]string{
				"accept": "application/json", "x-acs-action": "CreateAutoProvisioningGroup", "x-acs-content-sha256": emptyBody,
				"x-acs-credentials-provider": "static_ak", "x-acs-date": "2026-11-21T16:35:32Z",
				"x-acs-signature-nonce": "7fb7dc3fe62819b44097dbe041a3169f", "x-acs-version": "2014-05-26",
				"Authorization": "ACS3-HMAC-SHA256 Credential=ak,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-credentials-provider;x-acs-date;x-acs-signature-nonce;x-acs-version," +
					"Signature=95fe59766a3cc4bdd38f5de93ae5568e5351802b86e429fea09a56ccc8eb178c",
			},
			query: encoded(
				"AutoProvisioningGroupType", "instant", "CandidateOptions.TimeoutMinutes", "60", "LaunchConfiguration.HostNames.1", "h1",
				"LaunchConfiguration.ImageId", "img", "LaunchConfiguration.SecurityGroupId", "sg-1", "LaunchConfiguration.SystemDisk.Encrypted", "false",
				"LaunchTemplateConfig.1.Cores.1", "2", "LaunchTemplateConfig.1.Cores.2", "4", "LaunchTemplateConfig.1.InstanceType", "ecs.c6.large",
				"LaunchTemplateConfig.1.MaxPrice", "0.5", "LaunchTemplateConfig.1.VSwitchId", "vsw-1", "LaunchTemplateConfig.1.WeightedCapacity", "2",
				"PrePaidOptions.SpecifyCapacityDistribution.1.InstanceTypes.1", "ecs.c6.large", "PrePaidOptions.SpecifyCapacityDistribution.1.MinTargetCapacity", "1",
				"RegionId", "cn-hangzhou", "ResourcePoolOptions", `{"PrivatePoolIds":["eap-1"],"Strategy":"PrivatePoolFirst"}`,
				"Tag.1.Key", "k", "Tag.1.Value", "v w*~", "TotalTargetCapacity", "5",
			),
			status: http.StatusBadRequest, answer: []string{`"Code":"InvalidParameter"`, `\"PrePaidOptions\"`},
		},
	}
}

// emptyBody is the hash of no body.
const emptyBody = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// Requests that real clients and the documentation sent are let in by their
// signature at their time, are understood, and come in once only.
func TestGateway_recordedRequests(t *testing.T) {
	running := open(t).running
	for _, r := range recordings() {
		t.Run(r.client, func(t *testing.T) {
			sent, err := time.Parse(time.RFC3339, r.at)
			if err != nil {
				t.Fatal(err)
			}
			keys, err := auth.NewKeys(
				auth.Key{ID: "ak", Secret: r.secret, AccountID: "default"}, auth.Key{ID: "testid", Secret: r.secret, AccountID: "default"},
				auth.Key{ID: "YourAccessKeyId", Secret: r.secret, AccountID: "default"},
			)
			if err != nil {
				t.Fatal(err)
			}
			now := clock.NewVirtual(sent)
			door, err := gateway.New(gateway.Config{}, gateway.Deps{
				Groups: groupv1.NewGroupServiceClient(running.Conn()), Templates: groupv1.NewLaunchTemplateServiceClient(running.Conn()),
				Fleet: fleetv1.NewFleetServiceClient(running.Conn()), Verifier: auth.NewVerifier(keys, auth.NewMemory(now, 10), now, ""),
			})
			if err != nil {
				t.Fatal(err)
			}
			server := httptest.NewServer(door)
			defer server.Close()
			status, answer := r.send(t, server.URL)
			if status != r.status {
				t.Errorf("status %d, want %d", status, r.status)
			}
			for _, part := range r.answer {
				if !strings.Contains(answer, part) {
					t.Errorf("%s is not in %s", part, answer)
				}
			}
			if status, answer := r.send(t, server.URL); status != http.StatusBadRequest || !strings.Contains(answer, "SignatureNonceUsed") {
				t.Errorf("sent again: %d %s", status, answer)
			}
		})
	}
}

// send sends the request as it was recorded.
func (r recording) send(t *testing.T, server string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), r.method, server+"/?"+r.query, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	request.Host = r.host
	for name, value := range r.header {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}
