package ecs_test

import (
	"strings"
	"testing"
)

// small is a call that creates a group of an instance of each billing method.
func small(s *system) params {
	return params{
		"RegionId": s.region, "AutoProvisioningGroupType": "instant",
		"TotalTargetCapacity": "2", "PayAsYouGoTargetCapacity": "1", "SpotTargetCapacity": "1",
		"LaunchTemplateConfig.1.VSwitchId": "vsw-" + s.zone, "LaunchTemplateConfig.1.InstanceType": "ecs.c6.large",
	}
}

// groups calls the operations of groups.
func groups(t *testing.T, s *system, call client) {
	t.Helper()
	region := params{"RegionId": s.region}
	created := must(t, call, "CreateAutoProvisioningGroup", small(s).with("AutoProvisioningGroupName", "batch", "MaxSpotPrice", "5.5", "Tag.1.Key", "team", "Tag.1.Value", "a b*~"))
	id := text(created, "AutoProvisioningGroupId")
	for i, bid := range []string{"NoSpot", "SpotWithPriceLimit"} {
		line := at(created, "LaunchResults", "LaunchResult", i)
		if at(line, "Amount") != 1.0 || text(line, "SpotStrategy") != bid || !strings.HasPrefix(text(line, "InstanceIds", "InstanceId", 0), "i-") {
			t.Errorf("line %d: %v", i, line)
		}
	}
	refused(t, call, "CreateAutoProvisioningGroup", small(s).with("SpotTargetCapacity", "2"), 400, "InvalidParameter.TargetCapacity")

	group, nobody := region.with("AutoProvisioningGroupId", id), region.with("AutoProvisioningGroupId", "apg-none")
	members := must(t, call, "DescribeAutoProvisioningGroupInstances", group)
	if at(members, "TotalCount") != 2.0 || text(members, "Instances", "Instance", 0, "InstanceType") != "ecs.c6.large" {
		t.Errorf("members: %v", members)
	}
	refused(t, call, "DescribeAutoProvisioningGroupInstances", nobody, 404, "InvalidAutoProvisioningGroupId.NotFound")

	listing := region.with("AutoProvisioningGroupId.1", id, "Tag.1.Key", "team", "Tag.1.Value", "a b*~")
	told := at(must(t, call, "DescribeAutoProvisioningGroups", listing), "AutoProvisioningGroups", "AutoProvisioningGroup", 0)
	for _, want := range []struct {
		value any
		path  []any
	}{
		{"batch", []any{"AutoProvisioningGroupName"}},
		{"instant", []any{"AutoProvisioningGroupType"}},
		{"active", []any{"Status"}},
		{"fulfilled", []any{"State"}},
		{5.5, []any{"MaxSpotPrice"}},
		{2.0, []any{"TargetCapacitySpecification", "TotalTargetCapacity"}},
		{"vsw-" + s.zone, []any{"LaunchTemplateConfigs", "LaunchTemplateConfig", 0, "VSwitchId"}},
		{"team", []any{"Tags", "Tag", 0, "TagKey"}},
	} {
		if got := at(told, want.path...); got != want.value {
			t.Errorf("%v: %v, want %v", want.path, got, want.value)
		}
	}
	refused(t, call, "DescribeAutoProvisioningGroups", region.with("AutoProvisioningGroupStatus.1", "asleep"), 400, "InvalidParameter")

	must(t, call, "ModifyAutoProvisioningGroup", group.with("TotalTargetCapacity", "3", "SpotTargetCapacity", "2"))
	await(t, "a third member", func() bool {
		return at(must(t, call, "DescribeAutoProvisioningGroupInstances", group), "TotalCount") == 3.0
	})
	refused(t, call, "ModifyAutoProvisioningGroup", nobody.with("TotalTargetCapacity", "3"), 404, "InvalidAutoProvisioningGroupId.NotFound")
	refused(t, call, "ModifyAutoProvisioningGroup", group.with("SpotTargetCapacity", "9"), 403, "InvalidParameter.TargetCapacity")

	if tasks := must(t, call, "DescribeAutoProvisioningGroupHistory", group); at(tasks, "TotalCount") != 2.0 {
		t.Errorf("tasks: %v", tasks)
	}
	refused(t, call, "DescribeAutoProvisioningGroupHistory", group.with("StartTime", "2026-01-02T00:00:00Z", "EndTime", "2026-01-01T00:00:00Z"), 400, "InvalidParameter.periodTime")

	refused(t, call, "DeleteAutoProvisioningGroup", nobody, 404, "InvalidAutoProvisioningGroupId.NotFound")
	must(t, call, "DeleteAutoProvisioningGroup", group.with("TerminateInstances", "true"))
	await(t, "the group to be gone", func() bool {
		return at(must(t, call, "DescribeAutoProvisioningGroups", listing), "TotalCount") == 0.0
	})
	refused(t, call, "DeleteAutoProvisioningGroup", group, 404, "InvalidAutoProvisioningGroupId.NotFound")
}

// templates calls the operations of launch templates.
func templates(t *testing.T, s *system, call client) {
	t.Helper()
	region := params{"RegionId": s.region}
	made := region.with("LaunchTemplateName", "web", "ImageId", "img-1", "SecurityGroupId", "sg-1", "SystemDisk.Category", "cloud_essd", "TemplateTag.1.Key", "team", "TemplateTag.1.Value", "web")
	created := must(t, call, "CreateLaunchTemplate", made)
	id := text(created, "LaunchTemplateId")
	if !strings.HasPrefix(id, "lt-") || at(created, "LaunchTemplateVersionNumber") != 1.0 {
		t.Errorf("created: %v", created)
	}
	refused(t, call, "CreateLaunchTemplate", made, 403, "LaunchTemplateName.Duplicated")

	template, nobody := region.with("LaunchTemplateId", id), region.with("LaunchTemplateId", "lt-none")
	if got := must(t, call, "CreateLaunchTemplateVersion", template.with("InstanceType", "ecs.c6.large")); at(got, "LaunchTemplateVersionNumber") != 2.0 {
		t.Errorf("second version: %v", got)
	}
	refused(t, call, "CreateLaunchTemplateVersion", nobody, 404, "InvalidLaunchTemplate.NotFound")

	listed := must(t, call, "DescribeLaunchTemplates", region.with("LaunchTemplateName.1", "web", "TemplateTag.1.Key", "team", "TemplateTag.1.Value", "web"))
	if told := at(listed, "LaunchTemplateSets", "LaunchTemplateSet", 0); text(told, "LaunchTemplateId") != id || at(told, "LatestVersionNumber") != 2.0 || at(told, "DefaultVersionNumber") != 1.0 {
		t.Errorf("listed: %v", listed)
	}
	refused(t, call, "DescribeLaunchTemplates", region.with("PageSize", "51"), 400, "InvalidParameter")

	must(t, call, "ModifyLaunchTemplateDefaultVersion", template.with("DefaultVersionNumber", "2"))
	refused(t, call, "ModifyLaunchTemplateDefaultVersion", template.with("DefaultVersionNumber", "9"), 404, "InvalidLaunchTemplateVersion.NotFound")

	versions := list(must(t, call, "DescribeLaunchTemplateVersions", template), "LaunchTemplateVersionSets", "LaunchTemplateVersionSet")
	if len(versions) != 2 || at(versions, 0, "VersionNumber") != 2.0 || at(versions, 0, "DefaultVersion") != true ||
		text(versions, 1, "LaunchTemplateData", "ImageId") != "img-1" || text(versions, 1, "LaunchTemplateData", "SystemDisk.Category") != "cloud_essd" {
		t.Errorf("versions: %v", versions)
	}
	refused(t, call, "DescribeLaunchTemplateVersions", nobody, 404, "InvalidLaunchTemplate.NotFound")

	refused(t, call, "DeleteLaunchTemplateVersion", template.with("DeleteVersion.1", "2"), 403, "OperationDenied.DefaultVersion")
	must(t, call, "DeleteLaunchTemplateVersion", template.with("DeleteVersion.1", "1"))
	must(t, call, "DeleteLaunchTemplate", template)
	refused(t, call, "DeleteLaunchTemplate", template, 404, "InvalidLaunchTemplate.NotFound")
}

// tags calls the operations of tags for all that can have some.
func tags(t *testing.T, s *system, call client) {
	t.Helper()
	region := params{"RegionId": s.region}
	group := text(must(t, call, "CreateAutoProvisioningGroup", small(s)), "AutoProvisioningGroupId")
	members := must(t, call, "DescribeAutoProvisioningGroupInstances", region.with("AutoProvisioningGroupId", group))
	template := text(must(t, call, "CreateLaunchTemplate", region.with("LaunchTemplateName", "tagged")), "LaunchTemplateId")
	for kind, id := range map[string]string{
		"autoprovisioninggroup": group, "launchtemplate": template, "instance": text(members, "Instances", "Instance", 0, "InstanceId"),
	} {
		resource := region.with("ResourceType", kind, "ResourceId.1", id)
		must(t, call, "TagResources", resource.with("Tag.1.Key", "team", "Tag.1.Value", "a b*~"))
		found := must(t, call, "ListTagResources", region.with("ResourceType", kind, "Tag.1.Key", "team", "Tag.1.Value", "a b*~"))
		if !holdsTag(found, id, "team", "a b*~") {
			t.Errorf("%s: %v", kind, found)
		}
		must(t, call, "UntagResources", resource.with("TagKey.1", "team"))
		if found := must(t, call, "ListTagResources", resource); holdsTag(found, id, "team", "a b*~") {
			t.Errorf("%s: still %v", kind, found)
		}
		nobody := region.with("ResourceType", kind, "ResourceId.1", "none")
		refused(t, call, "TagResources", nobody.with("Tag.1.Key", "team"), 404, "InvalidResourceId.NotFound")
		refused(t, call, "UntagResources", nobody.with("TagKey.1", "team"), 404, "InvalidResourceId.NotFound")
	}
	refused(t, call, "ListTagResources", region.with("ResourceType", "moon"), 404, "InvalidResourceType.NotFound")
	must(t, call, "DeleteLaunchTemplate", region.with("LaunchTemplateId", template))
	must(t, call, "DeleteAutoProvisioningGroup", region.with("AutoProvisioningGroupId", group, "TerminateInstances", "true"))
}

func holdsTag(answer any, id, key, value string) bool {
	for _, tag := range list(answer, "TagResources", "TagResource") {
		if text(tag, "ResourceId") == id && text(tag, "TagKey") == key && text(tag, "TagValue") == value {
			return true
		}
	}
	return false
}
