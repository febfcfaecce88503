package groupsvc

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

const (
	essd = fleetv1.DiskCategory_DISK_CATEGORY_CLOUD_ESSD
	ssd  = fleetv1.DiskCategory_DISK_CATEGORY_CLOUD_SSD
)

func fullConfiguration() *groupv1.LaunchConfiguration {
	return &groupv1.LaunchConfiguration{
		ZoneId: "zone-a", InstanceType: "small", ImageId: "ubuntu", SecurityGroupIds: []string{"sg-1", "sg-2"},
		SystemDisk:                  &fleetv1.DiskRequest{Categories: []fleetv1.DiskCategory{essd, ssd}, SizeGib: 40},
		DataDisks:                   []*fleetv1.DiskRequest{{Categories: []fleetv1.DiskCategory{ssd}, SizeGib: 100, KeepAfterRelease: true}},
		InternetMaxBandwidthOutMbps: 5, KeyPairName: "key", RamRoleName: "role", UserData: "aGVsbG8=", MetadataTokensRequired: true,
		Tags: map[string]string{"app": "web"}, ResourceGroupId: "rg", InstanceName: "web-[1,3]-x", Description: "front",
		SpotProtection: fleetv1.SpotProtection_SPOT_PROTECTION_NONE,
	}
}

// reference is a spec whose instances are made as a launch template says.
func reference(asked *groupv1.GroupSpec, id string, version int64) *groupv1.GroupSpec {
	asked.LaunchTemplate = &groupv1.LaunchTemplateReference{LaunchTemplateId: id, Version: version}
	return asked
}

func namesOf(instances []*fleetv1.Instance) []string {
	var names []string
	for _, instance := range instances {
		names = append(names, instance.GetInstanceName())
	}
	slices.Sort(names)
	return names
}

// TestLaunching_carriesTheTemplate also sees a group keep the version that it
// was created with, whatever becomes of the template.
func TestLaunching_carriesTheTemplate(t *testing.T) {
	b := newBench(t, t.TempDir())
	template := b.template("web", image("old"))
	b.version(template.GetLaunchTemplateId(), fullConfiguration())
	_, err := b.lt.SetDefaultLaunchTemplateVersion(t.Context(), &groupv1.SetDefaultLaunchTemplateVersionRequest{LaunchTemplateId: template.GetLaunchTemplateId(), Version: 2})
	if err != nil {
		t.Fatal(err)
	}
	asked := reference(spec(3, 1, 2), template.GetLaunchTemplateId(), 0)
	asked.Candidates = nil
	asked.LaunchConfiguration = image("unused") // the template wins
	group := b.create(asked).GetGroup()
	if got := group.GetSpec(); got.GetLaunchTemplate().GetVersion() != 2 || len(got.GetCandidates()) != 1 ||
		got.GetCandidates()[0].GetZoneId() != "zone-a" || got.GetCandidates()[0].GetInstanceType() != "small" || got.GetCandidates()[0].GetWeightedCapacity() != 1 {
		t.Errorf("spec %v", got)
	}
	b.settled(time.Minute)
	members := b.members(group.GetGroupId())
	if got := namesOf(members); !slices.Equal(got, []string{"web-001-x", "web-002-x", "web-003-x"}) {
		t.Errorf("names %v", got)
	}
	want := &fleetv1.InstanceOptions{
		ImageId: "ubuntu", SecurityGroupIds: []string{"sg-1", "sg-2"}, InternetMaxBandwidthOutMbps: 5, KeyPairName: "key", RamRoleName: "role", ResourceGroupId: "rg",
		MetadataTokensRequired: true,
	}
	for _, member := range members {
		if diff := cmp.Diff(want, member.GetOptions(), protocmp.Transform()); diff != "" {
			t.Errorf("options (-want +got):\n%s", diff)
		}
		tags := member.GetTags()
		if member.GetDescription() != "front" || len(tags) != 3 || tags["app"] != "web" || tags[TagGroup] != group.GetGroupId() || tags[TagLaunch] == "" {
			t.Errorf("description %q, tags %v", member.GetDescription(), tags)
		}
		if disks := member.GetDisks(); len(disks) != 2 || disks[0].GetCategory() != essd || !disks[0].GetSystem() || disks[1].GetSizeGib() != 100 {
			t.Errorf("disks %v", disks)
		}
	}
	for _, request := range b.cloud.Requests() {
		spotOnly := request.GetBillingMethod() == spot
		if request.GetUserData() != "aGVsbG8=" || (request.GetSpotProtection() == fleetv1.SpotProtection_SPOT_PROTECTION_NONE) != spotOnly {
			t.Errorf("user data %q, protection %v for %v", request.GetUserData(), request.GetSpotProtection(), request.GetBillingMethod())
		}
	}
	// The template goes; the group goes on, also in another process (S6).
	if _, err := b.lt.DeleteLaunchTemplate(t.Context(), &groupv1.DeleteLaunchTemplateRequest{LaunchTemplateId: template.GetLaunchTemplateId()}); err != nil {
		t.Fatal(err)
	}
	b.restart()
	b.cloud.Change(members[0].GetInstanceId(), nil)
	b.settled(2 * time.Minute)
	members = b.members(group.GetGroupId())
	if got := namesOf(members); len(got) != 3 || got[2] != "web-004-x" || members[2].GetOptions().GetImageId() != "ubuntu" {
		t.Errorf("after a replacement: names %v, %v", got, members)
	}
}

// TestLaunching_numbersManyOnce holds that no two instances of a group have the
// same number, over several calls and after a lost reply (S1).
func TestLaunching_numbersManyOnce(t *testing.T) {
	b := newBench(t, "")
	asked := spec(250, 120, 130)
	asked.LaunchConfiguration = &groupv1.LaunchConfiguration{InstanceName: "n[0,4]"}
	var calls atomic.Int32 // made in parallel
	b.cloud.Fault = func(point string) error {
		if point == "after RunInstances" && calls.Add(1) <= 3 {
			return status.Error(codes.Unavailable, "lost")
		}
		return nil
	}
	id := b.create(asked).GetGroup().GetGroupId()
	b.settled(5 * time.Minute)
	var want []string
	for i := range 250 {
		want = append(want, fmt.Sprintf("n%04d", i))
	}
	if got := namesOf(b.members(id)); !slices.Equal(got, want) || b.cloud.Created() != 250 {
		t.Errorf("%d launched, names %v", b.cloud.Created(), got)
	}
}

func TestLaunching_nextPoolWithoutTheDisk(t *testing.T) {
	b := newBench(t, "")
	b.cloud.Disks = map[string][]fleetv1.DiskCategory{"zone-a": {fleetv1.DiskCategory_DISK_CATEGORY_CLOUD}, "zone-b": {ssd}}
	asked := spec(4, 4, 0)
	asked.Type = groupv1.GroupType_GROUP_TYPE_INSTANT
	asked.LaunchConfiguration = &groupv1.LaunchConfiguration{
		SystemDisk: &fleetv1.DiskRequest{Categories: []fleetv1.DiskCategory{essd, ssd}, SizeGib: 40},
	}
	resp := b.create(asked)
	if len(resp.GetLaunchResults()) != 2 {
		t.Fatal(resp.GetLaunchResults())
	}
	refused, taken := resp.GetLaunchResults()[0], resp.GetLaunchResults()[1]
	if refused.GetZoneId() != "zone-a" || refused.GetErrorCode() != "InvalidDiskCategory.NotSupported" || refused.GetErrorMessage() == "" || refused.GetAmount() != 0 {
		t.Errorf("refused: %v", refused)
	}
	if taken.GetZoneId() != "zone-b" || taken.GetAmount() != 4 {
		t.Errorf("taken: %v", taken)
	}
	for _, member := range b.members(resp.GetGroup().GetGroupId()) {
		if got := member.GetDisks()[0].GetCategory(); got != ssd {
			t.Errorf("disk %v, want the one that zone-b offers", got)
		}
	}
}

func TestLaunching_imageOfACandidate(t *testing.T) {
	b := newBench(t, "")
	asked := spec(2, 2, 0)
	asked.Candidates[0].ImageId = "own"
	asked.LaunchConfiguration = image("common")
	_, err := b.client.CreateGroup(t.Context(), &groupv1.CreateGroupRequest{Spec: asked})
	if got := violationsOf(t, err); len(got) != 1 || !strings.Contains(got["spec.candidates[0].image_id"], "unless the group's type is instant") {
		t.Errorf("of a maintain group: %v", got)
	}
	asked.Type = groupv1.GroupType_GROUP_TYPE_INSTANT
	b.cloud.Sell("zone-a", "small", 100_000, 1, 0)
	group := b.create(asked).GetGroup()
	images := map[string]string{}
	for _, member := range b.members(group.GetGroupId()) {
		images[member.GetZoneId()] = member.GetOptions().GetImageId()
	}
	if images["zone-a"] != "own" || images["zone-b"] != "common" {
		t.Errorf("images %v", images)
	}
}

func TestLaunching_candidatesTakeWhatTheyLeaveOpen(t *testing.T) {
	b := newBench(t, "")
	b.cloud.SetVCPUs("small", 2)
	id := b.template("web", &groupv1.LaunchConfiguration{ZoneId: "zone-b", InstanceType: "large"}).GetLaunchTemplateId()
	asked := reference(spec(1, 1, 0), id, 1)
	asked.Candidates = []*groupv1.Candidate{
		{}, {InstanceType: "small"}, {ZoneId: "zone-a"}, {Attributes: &allocatorv1.InstanceAttributes{Vcpus: []int32{2}}},
	}
	var got []string
	preview, err := b.client.PreviewGroup(t.Context(), &groupv1.PreviewGroupRequest{Spec: proto.CloneOf(asked)})
	if err != nil {
		t.Fatal(err)
	}
	for _, candidate := range preview.GetSpec().GetCandidates() {
		got = append(got, candidate.GetZoneId()+" "+candidate.GetInstanceType())
	}
	if want := []string{"zone-b large", "zone-b small", "zone-a large", "zone-b "}; !slices.Equal(got, want) {
		t.Errorf("candidates %v, want %v", got, want)
	}
}

func TestLaunching_badInputStoresNothing(t *testing.T) {
	b := newBench(t, "")
	id := b.template("web", image("i")).GetLaunchTemplateId()
	b.version(id, &groupv1.LaunchConfiguration{ZoneId: "zone-a"})
	b.version(id, &groupv1.LaunchConfiguration{ZoneId: "zone-a", InstanceType: "huge"})
	withoutCandidates := func(version int64) *groupv1.GroupSpec {
		asked := reference(spec(1, 0, 0), id, version)
		asked.Candidates = nil
		return asked
	}
	wrongly := spec(1, 0, 0)
	wrongly.LaunchConfiguration = &groupv1.LaunchConfiguration{InstanceName: "web[1]", Tags: map[string]string{"muster:x": ""}, UserData: "?"}
	for name, test := range map[string]struct {
		asked *groupv1.GroupSpec
		want  map[string]string
	}{
		"no template": {reference(spec(1, 0, 0), "lt-none", 0), map[string]string{"spec.launch_template.launch_template_id": `got "lt-none"`}},
		"no version":  {reference(spec(1, 0, 0), id, 7), map[string]string{"spec.launch_template.version": "which has 1, 2, 3"}},
		"no pool":     {withoutCandidates(0), map[string]string{"spec.candidates": "unless the launch template or configuration has a zone and an instance type"}},
		"half a pool": {withoutCandidates(2), map[string]string{"spec.candidates": "1 to 20 candidates"}},
		"not sold":    {withoutCandidates(3), map[string]string{"spec.candidates[0].instance_type": `got "huge"`}},
		"wrong in itself": {wrongly, map[string]string{
			"spec.launch_configuration.instance_name": `got "web[1]"`, `spec.launch_configuration.tags["muster:x"]`: "muster:", "spec.launch_configuration.user_data": "base64",
		}},
	} {
		_, createErr := b.client.CreateGroup(t.Context(), &groupv1.CreateGroupRequest{Spec: test.asked})
		_, previewErr := b.client.PreviewGroup(t.Context(), &groupv1.PreviewGroupRequest{Spec: test.asked})
		for call, err := range map[string]error{"create": createErr, "preview": previewErr} {
			got := violationsOf(t, err)
			for field, part := range test.want {
				if !strings.Contains(got[field], part) {
					t.Errorf("%s: %s: violation of %s is %q, want one with %q", name, call, field, got[field], part)
				}
			}
			if len(got) != len(test.want) {
				t.Errorf("%s: %s: violations %v", name, call, got)
			}
		}
	}
	groups, err := b.client.ListGroups(t.Context(), &groupv1.ListGroupsRequest{ShowDeleted: true})
	if err != nil || len(groups.GetGroups()) != 0 {
		t.Errorf("stored: %v, %v", groups.GetGroups(), err)
	}
}

// TestLaunching_saysThatNoZoneHasTheDisk also sees the group tried again when one
// has (L1).
func TestLaunching_saysThatNoZoneHasTheDisk(t *testing.T) {
	b := newBench(t, "")
	b.cloud.Disks = map[string][]fleetv1.DiskCategory{"zone-a": {}, "zone-b": {}}
	asked := spec(2, 2, 0)
	asked.LaunchConfiguration = &groupv1.LaunchConfiguration{SystemDisk: &fleetv1.DiskRequest{Categories: []fleetv1.DiskCategory{essd}, SizeGib: 40}}
	id := b.create(asked).GetGroup().GetGroupId()
	b.settled(time.Minute)
	if got := b.group(id).GetConditions()[0]; got.GetHolds() || got.GetReason() != "InvalidDiskCategory.NotSupported" ||
		!strings.Contains(got.GetMessage(), "offers none of the categories named for a disk") {
		t.Errorf("condition %v", got)
	}
	b.cloud.Disks = nil
	b.settled(31 * time.Minute)
	if got := b.group(id); got.GetFulfillment() != groupv1.Fulfillment_FULFILLMENT_FULFILLED || len(b.members(id)) != 2 {
		t.Errorf("when the disk is back: %v", got)
	}
}
