package cli

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/proto"

	"github.com/seed-198b1370/muster/cmd/muster/internal/cli/value"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// maxUserDataBytes is how much user data an instance can have.
const maxUserDataBytes = 32 << 10

// A madeFrom is the flags that say how instances are made. What is given wins
// over the file.
type madeFrom struct {
	Zone               string   `field:"configuration.zone_id" placeholder:"ZONE" help:"Zone, for groups and candidates that name none."`
	Type               string   `field:"configuration.instance_type" placeholder:"TYPE" help:"Instance type, for groups and candidates that name none."`
	Image              string   `field:"configuration.image_id" placeholder:"ID" help:"Image of the instances."`
	SecurityGroup      []string `field:"configuration.security_group_ids" sep:"none" placeholder:"ID" help:"Security group of the instances; may be given up to 16 times."`
	SystemDisk         string   `field:"configuration.system_disk" placeholder:"DISK" help:"Disk to boot from, as CATEGORY[,CATEGORY...]:GIB[:keep], such as essd,ssd:40: the first category on offer is taken."`
	DataDisk           []string `field:"configuration.data_disks" sep:"none" placeholder:"DISK" help:"Further disk, written as for --system-disk; may be given up to 16 times."`
	Bandwidth          *int32   `field:"configuration.internet_max_bandwidth_out_mbps" placeholder:"MBPS" help:"Outbound bandwidth to the Internet in Mbit/s, 0 to 100."`
	KeyPair            string   `field:"configuration.key_pair_name" placeholder:"NAME" help:"Key pair to log on with."`
	RAMRole            string   `field:"configuration.ram_role_name" name:"ram-role" placeholder:"NAME" help:"RAM role of the instances."`
	UserDataFile       string   `field:"configuration.user_data" placeholder:"FILE" help:"File of what instances can read about themselves, at most 32 KiB, as it is; - reads standard input."`
	Tag                []string `field:"configuration.tags" sep:"none" placeholder:"KEY=VALUE" help:"Tag of the instances; may be given up to 18 times."`
	ResourceGroup      string   `field:"configuration.resource_group_id" placeholder:"ID" help:"Resource group of the instances."`
	InstanceName       string   `field:"configuration.instance_name" placeholder:"NAME" help:"Name of the instances; name[begin,bits]suffix, such as web-[1,4], gives each a number."`
	Description        string   `field:"configuration.description" placeholder:"TEXT" help:"Description of the instances."`
	Unprotected        bool     `field:"configuration.spot_protection" help:"Launch spot instances without the hour of protection from reclaim."`
	VersionDescription string   `field:"version_description" placeholder:"TEXT" help:"What the version is for."`
}

// apply puts what was given into a configuration, or tells all that is wrong
// with it.
func (m *madeFrom) apply(to *groupv1.LaunchConfiguration, stdin io.Reader) error {
	given := &groupv1.LaunchConfiguration{
		ZoneId: m.Zone, InstanceType: m.Type, ImageId: m.Image, KeyPairName: m.KeyPair, RamRoleName: m.RAMRole,
		ResourceGroupId: m.ResourceGroup, InstanceName: m.InstanceName, Description: m.Description,
	}
	proto.Merge(to, given)
	if len(m.SecurityGroup) > 0 {
		to.SecurityGroupIds = m.SecurityGroup
	}
	if m.Bandwidth != nil {
		to.InternetMaxBandwidthOutMbps = *m.Bandwidth
	}
	if m.Unprotected {
		to.SpotProtection = fleetv1.SpotProtection_SPOT_PROTECTION_NONE
	}
	return errors.Join(m.applyTags(to), m.applyDisks(to), m.applyUserData(to, stdin))
}

func (m *madeFrom) applyTags(to *groupv1.LaunchConfiguration) error {
	if len(m.Tag) == 0 {
		return nil
	}
	tags, err := value.Tags(m.Tag)
	to.Tags = tags
	return of("--tag", err)
}

func (m *madeFrom) applyDisks(to *groupv1.LaunchConfiguration) error {
	var wrong []error
	if m.SystemDisk != "" {
		disk, err := value.Disk(m.SystemDisk)
		to.SystemDisk = disk
		wrong = append(wrong, of("--system-disk", err))
	}
	if len(m.DataDisk) > 0 {
		to.DataDisks = nil
	}
	for _, text := range m.DataDisk {
		disk, err := value.Disk(text)
		to.DataDisks = append(to.DataDisks, disk)
		wrong = append(wrong, of("--data-disk", err))
	}
	return errors.Join(wrong...)
}

func (m *madeFrom) applyUserData(to *groupv1.LaunchConfiguration, stdin io.Reader) error {
	if m.UserDataFile == "" {
		return nil
	}
	data, err := readFile(m.UserDataFile, stdin, maxUserDataBytes)
	to.UserData = base64.StdEncoding.EncodeToString(data)
	return err
}

// locateIn points into the file of a refused request, if there is one.
func (f *yamlFile) locateIn(err error) error {
	if f == nil {
		return err
	}
	return located(err, f.at)
}

// readInto reads a request out of a file, unless its name is empty.
func readInto(name, holds string, on console, request proto.Message) (*yamlFile, error) {
	if name == "" {
		return nil, nil //nolint:nilnil // flags alone will do
	}
	data, err := readFile(name, on.in, maxGroupFileBytes)
	if err != nil {
		return nil, err
	}
	return parseYAML(name, data, holds, request)
}

type templateCreate struct {
	client
	Name      string `arg:"" optional:"" field:"name" help:"Name of the launch template; wins over the file's."`
	File      string `short:"f" placeholder:"FILE" help:"YAML file of a CreateLaunchTemplate request; - reads standard input."`
	RequestID string `name:"request-id" field:"request_id" placeholder:"ID" help:"Client token; wins over the file's. Without either one is made."`
	madeFrom
}

// Run creates the launch template.
func (c *templateCreate) Run(ctx context.Context, on console) error {
	request := &groupv1.CreateLaunchTemplateRequest{}
	file, err := readInto(c.File, "a CreateLaunchTemplate request with a name and a configuration", on, request)
	if err != nil {
		return err
	}
	token, err := tokenOf(c.RequestID, request.GetRequestId())
	if err != nil {
		return err
	}
	if request.GetConfiguration() == nil {
		request.Configuration = &groupv1.LaunchConfiguration{}
	}
	if err := c.apply(request.GetConfiguration(), on.in); err != nil {
		return err
	}
	proto.Merge(request, &groupv1.CreateLaunchTemplateRequest{RequestId: token.id, Name: c.Name, VersionDescription: c.VersionDescription})
	if request.GetName() == "" {
		return misuse("name the launch template")
	}
	return c.templates(func(templates groupv1.LaunchTemplateServiceClient) error {
		created, err := templates.CreateLaunchTemplate(ctx, request)
		if err != nil {
			return token.failed(file.locateIn(err))
		}
		return c.show(on.out, created, func(w table) { templateTable(w, created.GetLaunchTemplate()) })
	})
}

type templateAddVersion struct {
	namedTemplate
	File      string `short:"f" placeholder:"FILE" help:"YAML file of a CreateLaunchTemplateVersion request, as show writes it; - reads standard input."`
	Default   bool   `help:"Make the version the default."`
	RequestID string `name:"request-id" field:"request_id" placeholder:"ID" help:"Client token; wins over the file's. Without either one is made."`
	madeFrom
}

// Run adds the version.
func (c *templateAddVersion) Run(ctx context.Context, on console) error {
	request := &groupv1.CreateLaunchTemplateVersionRequest{}
	file, err := readInto(c.File, "a CreateLaunchTemplateVersion request with a configuration", on, request)
	if err != nil {
		return err
	}
	token, err := tokenOf(c.RequestID, request.GetRequestId())
	if err != nil {
		return err
	}
	if request.GetConfiguration() == nil {
		request.Configuration = &groupv1.LaunchConfiguration{}
	}
	if err := c.apply(request.GetConfiguration(), on.in); err != nil {
		return err
	}
	proto.Merge(request, &groupv1.CreateLaunchTemplateVersionRequest{RequestId: token.id, VersionDescription: c.VersionDescription})
	return c.on(ctx, func(templates groupv1.LaunchTemplateServiceClient, id string) error {
		request.LaunchTemplateId = id
		added, err := templates.CreateLaunchTemplateVersion(ctx, request)
		if err != nil {
			return token.failed(file.locateIn(err))
		}
		if err := c.makeDefault(ctx, templates, added.GetVersion()); err != nil {
			return err
		}
		return c.show(on.out, added, func(w table) { versionTable(w, added.GetVersion()) })
	})
}

// makeDefault makes the version the default, if that was asked for.
func (c *templateAddVersion) makeDefault(ctx context.Context, templates groupv1.LaunchTemplateServiceClient, added *groupv1.LaunchTemplateVersion) error {
	if !c.Default {
		return nil
	}
	_, err := templates.SetDefaultLaunchTemplateVersion(ctx, &groupv1.SetDefaultLaunchTemplateVersionRequest{
		LaunchTemplateId: added.GetLaunchTemplateId(), Version: added.GetVersion(),
	})
	if err != nil {
		return fmt.Errorf("version %d is added, but is not the default: %w", added.GetVersion(), err)
	}
	added.IsDefault = true
	return nil
}
