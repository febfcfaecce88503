package gateway_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fullTemplate is a template with all that a template can say, each parameter
// once, in dotted names.
func fullTemplate() map[string]string {
	return map[string]string{
		"ImageId": "m-1", "ImageOwnerAlias": "self", "InstanceType": "ecs.c6.large", "SecurityGroupIds.1": "sg-1", "SecurityGroupIds.2": "sg-2",
		"VpcId": "vpc-1", "VSwitchId": "vsw-cn-shenzhen-d", "NetworkType": "vpc", "PrivateIpAddress": "10.0.0.5", "InstanceName": "web[1,3]",
		"HostName": "web", "Description": `a "quoted" <b> & ü`, "InstanceChargeType": "PostPaid", "Period": "1", "PeriodUnit": "Month", "AutoRenew": "false",
		"AutoRenewPeriod": "2", "SpotStrategy": "SpotWithPriceLimit", "SpotPriceLimit": "0.125", "SpotDuration": "1", "InternetChargeType": "PayByTraffic",
		"InternetMaxBandwidthOut": "5", "InternetMaxBandwidthIn": "50", "IoOptimized": "optimized",
		"SystemDisk.Category": "cloud_ssd", "SystemDisk.Size": "60", "SystemDisk.DeleteWithInstance": "true", "SystemDisk.DiskName": "root",
		"SystemDisk.Description": "the system", "SystemDisk.Iops": "100", "SystemDisk.PerformanceLevel": "PL1", "SystemDisk.AutoSnapshotPolicyId": "sp-1",
		"SystemDisk.ProvisionedIops": "10", "SystemDisk.BurstingEnabled": "true", "SystemDisk.Encrypted": "false", "SystemDisk.KMSKeyId": "kms-1",
		"DataDisk.1.Category": "cloud_efficiency", "DataDisk.1.Size": "100", "DataDisk.1.DeleteWithInstance": "false", "DataDisk.1.DiskName": "one",
		"DataDisk.1.Device": "/dev/xvdb", "DataDisk.1.SnapshotId": "s-1", "DataDisk.1.Encrypted": "true", "DataDisk.2.Category": "cloud_essd", "DataDisk.2.Size": "200",
		"DataDisk.2.DeleteWithInstance": "true", "DataDisk.2.PerformanceLevel": "PL2",
		"NetworkInterface.1.PrimaryIpAddress": "10.0.0.6", "NetworkInterface.1.VSwitchId": "vsw-cn-shenzhen-d", "NetworkInterface.1.SecurityGroupId": "sg-3",
		"NetworkInterface.1.NetworkInterfaceName": "eni", "NetworkInterface.1.Description": "second", "Tag.1.Key": "team", "Tag.1.Value": "blue", "Tag.2.Key": "zone", "Tag.2.Value": "x",
		"UserData": "aGkh", "KeyPairName": "key", "RamRoleName": "role", "PasswordInherit": "true", "EnableVmOsConfig": "false", "SecurityEnhancementStrategy": "Active",
		"ResourceGroupId": "rg-1", "AutoReleaseTime": "2030-01-01T00:00:00Z", "DeploymentSetId": "ds-1", "CreditSpecification": "Standard", "Ipv6AddressCount": "1",
		"DeletionProtection": "true", "HttpEndpoint": "enabled", "HttpTokens": "required", "HttpPutResponseHopLimit": "2",
	}
}

// inJSON is the same with structures and lists in JSON.
func inJSON(dotted map[string]string) map[string]string {
	whole := map[string]string{}
	trees := map[string]any{}
	for name, value := range dotted {
		parts := strings.Split(name, ".")
		if len(parts) == 1 {
			whole[name] = value
			continue
		}
		into, ok := trees[parts[0]].(map[string]any)
		if !ok {
			into = map[string]any{}
			trees[parts[0]] = into
		}
		for _, part := range parts[1 : len(parts)-1] {
			below, ok := into[part].(map[string]any)
			if !ok {
				below = map[string]any{}
				into[part] = below
			}
			into = below
		}
		into[parts[len(parts)-1]] = value
	}
	for name, tree := range trees {
		text, _ := json.Marshal(listed(tree))
		whole[name] = string(text)
	}
	return whole
}

// listed turns members by number into lists.
func listed(tree any) any {
	members, ok := tree.(map[string]any)
	if !ok {
		return tree
	}
	for name := range members {
		members[name] = listed(members[name])
	}
	if _, numbered := members["1"]; !numbered {
		return members
	}
	list := make([]any, 0, len(members))
	for number := 1; members[fmt.Sprint(number)] != nil; number++ {
		list = append(list, members[fmt.Sprint(number)])
	}
	return list
}

// flat are the values of an answer in JSON with their places, as XML has them:
// items of a list bear its name.
func flat(at string, value any, to []string) []string {
	switch held := value.(type) {
	case map[string]any:
		for name, member := range held {
			to = flat(at+"/"+name, member, to)
		}
	case []any:
		for _, item := range held {
			to = flat(at, item, to)
		}
	default:
		to = append(to, fmt.Sprintf("%s=%v", at, held))
	}
	return to
}

// flatXML are the values of an answer in XML with their places. Lists and texts
// that are empty look alike in XML and are left out.
func flatXML(t *testing.T, text string) []string {
	t.Helper()
	var all, at []string
	decoder, value := xml.NewDecoder(strings.NewReader(text)), ""
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		switch held := token.(type) {
		case xml.StartElement:
			at, value = append(at, held.Name.Local), ""
		case xml.CharData:
			value += string(held)
		case xml.EndElement:
			if value != "" {
				all = append(all, "/"+strings.Join(at[1:], "/")+"="+value)
			}
			at, value = at[:len(at)-1], ""
		}
	}
}

// TestGateway_templatesComeBack holds that all that a template was given is
// told again, whether it was given in parts or in JSON, in JSON and in XML.
func TestGateway_templatesComeBack(t *testing.T) {
	d := open(t)
	dotted := fullTemplate()
	data := map[string]map[string]any{}
	for name, given := range map[string]map[string]string{"dotted": dotted, "whole": inJSON(dotted)} {
		pairs := []string{"LaunchTemplateName", name, "VersionDescription", "first"}
		for param, value := range given {
			pairs = append(pairs, param, value)
		}
		d.must("CreateLaunchTemplate", pairs...)
		answer := d.must("DescribeLaunchTemplateVersions", "LaunchTemplateName", name, "DetailFlag", "true")
		sets, _ := answer["LaunchTemplateVersionSets"].(map[string]any)
		versions, _ := sets["LaunchTemplateVersionSet"].([]any)
		if len(versions) != 1 {
			t.Fatalf("versions %v", answer)
		}
		version, _ := versions[0].(map[string]any)
		data[name], _ = version["LaunchTemplateData"].(map[string]any)
	}
	var told [2][]string
	for i, name := range []string{"dotted", "whole"} {
		told[i] = flat("", data[name], nil)
		slices.Sort(told[i])
	}
	if diff := cmp.Diff(told[0], told[1]); diff != "" {
		t.Errorf("(-given in parts +given in JSON):\n%s", diff)
	}
	for param, value := range dotted {
		if !slices.Contains(told[0], placeOf(param)+"="+value) {
			t.Errorf("%s=%s is not told at %s: %v", param, value, placeOf(param), told[0])
		}
	}
	// Older clients read the system disk in dotted names.
	if data["dotted"]["SystemDisk.Category"] != "cloud_ssd" || data["dotted"]["SystemDisk.DiskName"] != "root" {
		t.Errorf("dotted names of the system disk: %v", data["dotted"])
	}

	form := url.Values{
		"Action": {"DescribeLaunchTemplateVersions"}, "Version": {"2014-05-26"}, "RegionId": {"cn-shenzhen"}, "LaunchTemplateName": {"dotted"}, "DetailFlag": {"true"},
	}
	answer := d.must("DescribeLaunchTemplateVersions", "LaunchTemplateName", "dotted", "DetailFlag", "true")
	form.Set("Format", "XML")
	response, err := http.DefaultClient.Do(d.request(http.MethodGet, d.address+"?"+form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	delete(answer, "RequestId")
	inJSON := slices.DeleteFunc(flat("", answer, nil), func(place string) bool { return strings.HasSuffix(place, "=") })
	inXML := slices.DeleteFunc(flatXML(t, string(text)), func(place string) bool { return strings.HasPrefix(place, "/RequestId") })
	slices.Sort(inJSON)
	slices.Sort(inXML)
	if diff := cmp.Diff(inJSON, inXML); diff != "" {
		t.Errorf("(-in JSON +in XML):\n%s", diff)
	}
}

// placeOf is where a parameter of a template is told.
func placeOf(param string) string {
	parts := strings.Split(param, ".")
	switch parts[0] {
	case "SecurityGroupIds":
		return "/SecurityGroupIds/SecurityGroupId"
	case "DataDisk":
		return "/DataDisks/DataDisk/" + parts[2]
	case "NetworkInterface":
		return "/NetworkInterfaces/NetworkInterface/" + parts[2]
	case "Tag":
		return "/Tags/InstanceTag/" + parts[2]
	default:
		return "/" + strings.Join(parts, "/")
	}
}
