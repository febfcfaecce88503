package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
)

// TestGateway_metadataAsksForTokens follows HttpTokens from a launch, a template
// and a group made from it to what instances are told.
func TestGateway_metadataAsksForTokens(t *testing.T) {
	d := openWith(t, stack.Config{MetadataListen: "127.0.0.1:0"})
	template := text(d.must("CreateLaunchTemplate", "LaunchTemplateName", "hard", "ImageId", "m-1", "SecurityGroupId", "sg-1", "HttpTokens", "required"), "LaunchTemplateId")
	group := text(d.must("CreateAutoProvisioningGroup", small("LaunchTemplateId", template, "TotalTargetCapacity", "1")...), "AutoProvisioningGroupId")
	for name, c := range map[string]struct {
		instance, mode string
	}{
		"a launch that says nothing":        {d.launch(), "optional"},
		"a launch":                          {d.launch("HttpTokens", "required"), "required"},
		"a launch from a template":          {d.launch("LaunchTemplateId", template), "required"},
		"a launch that says otherwise":      {d.launch("LaunchTemplateId", template, "HttpTokens", "optional"), "optional"},
		"an instance of a group's template": {d.memberOf(group), "required"},
	} {
		t.Run(name, func(t *testing.T) {
			within := door{t: t, address: d.address, running: d.running}
			attributes := within.must("DescribeInstanceAttribute", "InstanceId", c.instance)
			if options, _ := attributes["MetadataOptions"].(map[string]any); options["HttpTokens"] != c.mode {
				t.Errorf("told %v, want %s", options, c.mode)
			}
			base := "http://" + d.running.MetadataAddr() + "/" + c.instance + "/latest"
			want := map[string]int{"optional": http.StatusOK, "required": http.StatusForbidden}[c.mode]
			if status, body := within.ask(http.MethodGet, base+"/meta-data/instance-id"); status != want {
				t.Errorf("without a token: %d %s", status, body)
			}
			status, token := within.ask(http.MethodPut, base+"/api/token", "X-aliyun-ecs-metadata-token-ttl-seconds", "60")
			if status != http.StatusOK {
				t.Fatalf("no token: %d %s", status, token)
			}
			if status, body := within.ask(http.MethodGet, base+"/meta-data/instance-id", "X-aliyun-ecs-metadata-token", token); status != http.StatusOK || body != c.instance {
				t.Errorf("with a token: %d %s", status, body)
			}
		})
	}
}

// memberOf is the id of the one instance of a group.
func (d door) memberOf(group string) string {
	d.t.Helper()
	wrapper, _ := d.must("DescribeAutoProvisioningGroupInstances", "AutoProvisioningGroupId", group)["Instances"].(map[string]any)
	members, _ := wrapper["Instance"].([]any)
	if len(members) != 1 {
		d.t.Fatalf("members %v", members)
	}
	member, _ := members[0].(map[string]any)
	return text(member, "InstanceId")
}

// ask asks the metadata server, with a header or none.
func (d door) ask(method, address string, header ...string) (status int, body string) {
	d.t.Helper()
	request := d.request(method, address)
	if len(header) > 0 {
		request.Header.Set(header[0], header[1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		d.t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return response.StatusCode, strings.TrimSpace(string(raw))
}
