package e2e_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"buf.build/go/protoyaml"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/test/system"
)

const (
	essd       = fleetv1.DiskCategory_DISK_CATEGORY_CLOUD_ESSD
	efficiency = fleetv1.DiskCategory_DISK_CATEGORY_CLOUD_EFFICIENCY
	zoneD      = "cn-shenzhen-d"
	zoneE      = "cn-shenzhen-e"
)

// readExample reads a request out of a file of examples.
func readExample(t *testing.T, name string, request proto.Message) {
	t.Helper()
	data, err := os.ReadFile("../../examples/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := protoyaml.Unmarshal(data, request); err != nil {
		t.Fatal(err)
	}
}

// lack makes a zone lack a category of disks until the test ends.
func lack(t *testing.T, s *system.System, zone string, category fleetv1.DiskCategory) {
	t.Helper()
	_, err := s.Simulation.InjectFault(t.Context(), &fleetv1.InjectFaultRequest{Fault: &fleetv1.Fault{
		FaultId: fmt.Sprint("lack-", category.Number()),
		Effect:  &fleetv1.Fault_DiskShortage{DiskShortage: &fleetv1.DiskShortage{ZoneId: zone, Category: category}},
	}})
	if err != nil {
		t.Fatal(err)
	}
}

// The launch template of examples/templates has two versions; instances of a
// group are made as its default one says, and go on so when the template is gone.
func TestTemplates_madeAsTheVersionSays(t *testing.T) {
	inEach(t, system.Options{Speed: 600}, func(t *testing.T, s *system.System) {
		request, asked := &groupv1.CreateLaunchTemplateRequest{}, &groupv1.CreateGroupRequest{}
		readExample(t, "templates/web.yaml", request)
		readExample(t, "templates/group.yaml", asked)
		created, err := s.Templates.CreateLaunchTemplate(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		id := created.GetLaunchTemplate().GetLaunchTemplateId()
		second := proto.CloneOf(request.GetConfiguration())
		second.ImageId = "debian_13_x64"
		added, err := s.Templates.CreateLaunchTemplateVersion(t.Context(), &groupv1.CreateLaunchTemplateVersionRequest{LaunchTemplateId: id, Configuration: second})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Templates.SetDefaultLaunchTemplateVersion(t.Context(), &groupv1.SetDefaultLaunchTemplateVersionRequest{
			LaunchTemplateId: id, Version: added.GetVersion().GetVersion(),
		}); err != nil {
			t.Fatal(err)
		}
		lack(t, s, zoneD, essd)
		asked.Spec.LaunchTemplate = &groupv1.LaunchTemplateReference{LaunchTemplateId: id}
		group := create(t, s, asked)
		if got := group.GetSpec().GetLaunchTemplate().GetVersion(); got != 2 {
			t.Errorf("the group has version %d of the template", got)
		}
		s.AwaitFulfilled(t, group.GetGroupId())
		madeAs(t, s, group, second)
		if _, err := s.Templates.DeleteLaunchTemplate(t.Context(), &groupv1.DeleteLaunchTemplateRequest{LaunchTemplateId: id}); err != nil {
			t.Fatal(err)
		}
		end(t, s, group.GetGroupId())
	})
}

// madeAs holds the instances of a new group against how they are to be made.
func madeAs(t *testing.T, s *system.System, group *groupv1.Group, configuration *groupv1.LaunchConfiguration) {
	t.Helper()
	var names []string
	for _, instance := range s.Instances(t, group.GetGroupId()) {
		names = append(names, instance.GetInstanceName())
		if instance.GetOptions().GetImageId() != configuration.GetImageId() || instance.GetOptions().GetKeyPairName() != configuration.GetKeyPairName() ||
			!slices.Equal(instance.GetOptions().GetSecurityGroupIds(), configuration.GetSecurityGroupIds()) {
			t.Errorf("made with %v", instance.GetOptions())
		}
		if instance.GetTags()["app"] != "web" || len(instance.GetTags()) != 3 || instance.GetInstanceType() != configuration.GetInstanceType() {
			t.Errorf("tags %v, type %s", instance.GetTags(), instance.GetInstanceType())
		}
		want := essd
		if instance.GetZoneId() == zoneD {
			want = efficiency
		}
		if disks := instance.GetDisks(); len(disks) != 1 || disks[0].GetCategory() != want || disks[0].GetSizeGib() != 40 {
			t.Errorf("in %s disks %v, want a %v", instance.GetZoneId(), disks, want)
		}
	}
	slices.Sort(names)
	if want := []string{"web-0001", "web-0002", "web-0003", "web-0004"}; !slices.Equal(names, want) {
		t.Errorf("names %v, want %v", names, want)
	}
}

// A zone that offers no category of a disk is passed over, and told of.
func TestTemplates_nextPoolWithoutTheDisk(t *testing.T) {
	inEach(t, system.Options{}, func(t *testing.T, s *system.System) {
		lack(t, s, zoneD, essd)
		lack(t, s, zoneD, efficiency)
		created, err := s.Groups.CreateGroup(t.Context(), &groupv1.CreateGroupRequest{Spec: &groupv1.GroupSpec{
			Type: groupv1.GroupType_GROUP_TYPE_INSTANT, TargetCapacity: &groupv1.TargetCapacity{Total: 3, PayAsYouGo: 3}, TerminateInstances: true,
			PayAsYouGo: &groupv1.PayAsYouGoOptions{
				AllocationStrategy: allocatorv1.PayAsYouGoAllocationStrategy_PAY_AS_YOU_GO_ALLOCATION_STRATEGY_PRIORITIZED,
			},
			Candidates: []*groupv1.Candidate{{ZoneId: zoneD, Priority: proto.Int32(0)}, {ZoneId: zoneE, Priority: proto.Int32(1)}},
			LaunchConfiguration: &groupv1.LaunchConfiguration{
				InstanceType: "ecs.c6.large", SystemDisk: &fleetv1.DiskRequest{Categories: []fleetv1.DiskCategory{essd, efficiency}, SizeGib: 40},
			},
		}})
		if err != nil {
			t.Fatal(err)
		}
		results := created.GetLaunchResults()
		if len(results) != 2 || results[0].GetZoneId() != zoneD || results[0].GetErrorCode() != "InvalidDiskCategory.NotSupported" ||
			results[1].GetZoneId() != zoneE || results[1].GetAmount() != 3 {
			t.Errorf("launch results %v", results)
		}
		end(t, s, created.GetGroup().GetGroupId())
	})
}

// Bad input of launch templates is refused with what would be right, and leaves
// nothing behind.
func TestTemplates_badInput(t *testing.T) {
	inEach(t, system.Options{}, func(t *testing.T, s *system.System) {
		created, err := s.Templates.CreateLaunchTemplate(t.Context(), &groupv1.CreateLaunchTemplateRequest{Name: "web", Configuration: &groupv1.LaunchConfiguration{}})
		if err != nil {
			t.Fatal(err)
		}
		id := created.GetLaunchTemplate().GetLaunchTemplateId()
		for name, test := range map[string]struct {
			call  func() error
			code  codes.Code
			field string // of the violation; empty for none
			part  string // of its description, or of the message
		}{
			"no configuration": {createTemplate(t, s, &groupv1.CreateLaunchTemplateRequest{Name: "other"}), codes.InvalidArgument, "configuration", "must"},
			"no name":          {createTemplate(t, s, &groupv1.CreateLaunchTemplateRequest{Configuration: &groupv1.LaunchConfiguration{}}), codes.InvalidArgument, "name", "begin with a letter"},
			"name taken":       {createTemplate(t, s, &groupv1.CreateLaunchTemplateRequest{Name: "web", Configuration: &groupv1.LaunchConfiguration{}}), codes.AlreadyExists, "", id},
			"a number that is none": {
				createTemplate(t, s, &groupv1.CreateLaunchTemplateRequest{Name: "other", Configuration: &groupv1.LaunchConfiguration{InstanceName: "web[1,9]"}}),
				codes.InvalidArgument, "configuration.instance_name", `got "web[1,9]"`,
			},
			"no such template": {func() error {
				_, err := s.Templates.GetLaunchTemplate(t.Context(), &groupv1.GetLaunchTemplateRequest{LaunchTemplateId: "lt-none"})
				return err
			}, codes.NotFound, "", `"lt-none"`},
			"the default version": {func() error {
				_, err := s.Templates.DeleteLaunchTemplateVersions(t.Context(), &groupv1.DeleteLaunchTemplateVersionsRequest{LaunchTemplateId: id, Versions: []int64{1}})
				return err
			}, codes.FailedPrecondition, "", "make another the default first"},
			"a group of no template": {createFrom(t, s, &groupv1.LaunchTemplateReference{LaunchTemplateId: "lt-none"}), codes.InvalidArgument, "spec.launch_template.launch_template_id", `"lt-none"`},
			"a group of no version":  {createFrom(t, s, &groupv1.LaunchTemplateReference{LaunchTemplateId: id, Version: 2}), codes.InvalidArgument, "spec.launch_template.version", "which has 1"},
			"a group of no pool":     {createFrom(t, s, &groupv1.LaunchTemplateReference{LaunchTemplateId: id}), codes.InvalidArgument, "spec.candidates", "launch template"},
		} {
			err := test.call()
			text := status.Convert(err).Message()
			for _, violation := range rpc.FieldViolations(err) {
				if violation.GetField() == test.field {
					text = violation.GetDescription()
				}
			}
			if status.Code(err) != test.code || !strings.Contains(text, test.part) {
				t.Errorf("%s: %v", name, err)
			}
		}
		left, err := s.Templates.ListLaunchTemplates(t.Context(), &groupv1.ListLaunchTemplatesRequest{})
		if err != nil || len(left.GetLaunchTemplates()) != 1 {
			t.Errorf("templates %v, %v", left.GetLaunchTemplates(), err)
		}
	})
}

func createTemplate(t *testing.T, s *system.System, request *groupv1.CreateLaunchTemplateRequest) func() error {
	return func() error {
		_, err := s.Templates.CreateLaunchTemplate(t.Context(), request)
		return err
	}
}

func createFrom(t *testing.T, s *system.System, reference *groupv1.LaunchTemplateReference) func() error {
	return func() error {
		_, err := s.Groups.CreateGroup(t.Context(), &groupv1.CreateGroupRequest{Spec: &groupv1.GroupSpec{
			TargetCapacity: &groupv1.TargetCapacity{Total: 1}, LaunchTemplate: reference,
		}})
		return err
	}
}
