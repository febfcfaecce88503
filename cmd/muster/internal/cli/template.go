package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"buf.build/go/protoyaml"
	"google.golang.org/grpc"

	"github.com/seed-198b1370/muster/cmd/muster/internal/cli/value"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

type templateCommand struct {
	Create     templateCreate     `cmd:"" help:"Create a launch template with its first version, from flags or a file."`
	AddVersion templateAddVersion `cmd:"" help:"Add a version to a launch template, from flags or a file."`
	List       templateList       `cmd:"" help:"List launch templates."`
	Versions   templateVersions   `cmd:"" help:"List the versions of a launch template, latest first."`
	Show       templateShow       `cmd:"" help:"Show a version of a launch template, as a file that can be added as a version."`
	SetDefault templateSetDefault `cmd:"" help:"Make a version the default: the one of groups that name none."`
	Delete     templateDelete     `cmd:"" help:"Delete a launch template, or some of its versions. Groups that were created from it go on as they are."`
}

// templates runs a function with the launch template service.
func (c client) templates(do func(groupv1.LaunchTemplateServiceClient) error) error {
	return c.call(func(conn grpc.ClientConnInterface) error { return do(groupv1.NewLaunchTemplateServiceClient(conn)) })
}

// templatePrefix begins the id of a launch template.
const templatePrefix = "lt-"

// templateID is the id of the launch template that a user names by id or by name.
// No template is taken for another: ids win.
func templateID(ctx context.Context, templates groupv1.LaunchTemplateServiceClient, named string) (string, error) {
	if strings.HasPrefix(named, templatePrefix) {
		return named, nil
	}
	found, err := templates.ListLaunchTemplates(ctx, &groupv1.ListLaunchTemplatesRequest{Names: []string{named}})
	if err != nil {
		return "", err
	}
	if len(found.GetLaunchTemplates()) == 0 {
		return "", fmt.Errorf("there is no launch template called %q; see: muster template list", named)
	}
	return found.GetLaunchTemplates()[0].GetLaunchTemplateId(), nil
}

// namedTemplate is what commands about one launch template have in common.
type namedTemplate struct {
	client
	Template string `arg:"" field:"launch_template_id" help:"Id or name of the launch template."`
}

// on runs a function with the launch template service and the id of the template.
func (c namedTemplate) on(ctx context.Context, do func(templates groupv1.LaunchTemplateServiceClient, id string) error) error {
	return c.templates(func(templates groupv1.LaunchTemplateServiceClient) error {
		id, err := templateID(ctx, templates, c.Template)
		if err != nil {
			return err
		}
		return do(templates, id)
	})
}

func templateTable(w table, templates ...*groupv1.LaunchTemplate) {
	row(w, "TEMPLATE", "NAME", "DEFAULT", "LATEST", "TAGS", "CHANGED")
	for _, one := range templates {
		row(w, one.GetLaunchTemplateId(), tame(one.GetName()), one.GetDefaultVersion(), one.GetLatestVersion(), tagList(one.GetTags()), stamp(one.GetUpdateTime()))
	}
}

// tagList writes tags in order of their keys, or - for none.
func tagList(tags map[string]string) string {
	written := make([]string, 0, len(tags))
	for key, tagged := range tags {
		written = append(written, tame(key+"="+tagged))
	}
	slices.Sort(written)
	return orDash(strings.Join(written, ","))
}

type templateList struct {
	client
	Tag []string `sep:"none" placeholder:"KEY=VALUE" help:"Only launch templates that carry this tag; may be given several times."`
}

// Run lists all launch templates, page by page.
func (c *templateList) Run(ctx context.Context, on console) error {
	tags, err := value.Tags(c.Tag)
	if err != nil {
		return of("--tag", err)
	}
	return c.templates(func(templates groupv1.LaunchTemplateServiceClient) error {
		all := &groupv1.ListLaunchTemplatesResponse{}
		_, err := everything.eachPage(mostPage, func(token string, size int32) (int, string, error) {
			page, err := templates.ListLaunchTemplates(ctx, &groupv1.ListLaunchTemplatesRequest{PageSize: size, PageToken: token, Tags: tags})
			all.LaunchTemplates = append(all.LaunchTemplates, page.GetLaunchTemplates()...)
			return len(all.GetLaunchTemplates()), page.GetNextPageToken(), err
		})
		if err != nil {
			return err
		}
		return c.show(on.out, all, func(w table) { templateTable(w, all.GetLaunchTemplates()...) })
	})
}

type templateVersions struct{ namedTemplate }

// Run lists the versions; there can be no more than a page of them.
func (c *templateVersions) Run(ctx context.Context, on console) error {
	return c.on(ctx, func(templates groupv1.LaunchTemplateServiceClient, id string) error {
		listed, err := templates.ListLaunchTemplateVersions(ctx, &groupv1.ListLaunchTemplateVersionsRequest{LaunchTemplateId: id, PageSize: mostPage})
		if err != nil {
			return err
		}
		return c.show(on.out, listed, func(w table) { versionTable(w, listed.GetVersions()...) })
	})
}

func versionTable(w table, versions ...*groupv1.LaunchTemplateVersion) {
	row(w, "VERSION", "DEFAULT", "TYPE", "ZONE", "IMAGE", "CREATED", "DESCRIPTION")
	for _, one := range versions {
		made := one.GetConfiguration()
		row(w, one.GetVersion(), yesOrDash(one.GetIsDefault()), orDash(tame(made.GetInstanceType())), orDash(tame(made.GetZoneId())),
			orDash(tame(made.GetImageId())), stamp(one.GetCreateTime()), orDash(tame(one.GetDescription())))
	}
}

type templateShow struct {
	namedTemplate
	Version int64 `arg:"" optional:"" help:"Number of the version; by default the default one."`
}

// Run shows the version.
func (c *templateShow) Run(ctx context.Context, on console) error {
	if c.Version < 0 {
		return misuse("the version must be 1 or more, got %d", c.Version)
	}
	return c.on(ctx, func(templates groupv1.LaunchTemplateServiceClient, id string) error {
		found, err := templates.ListLaunchTemplateVersions(ctx, &groupv1.ListLaunchTemplateVersionsRequest{LaunchTemplateId: id, Versions: []int64{c.Version}})
		if err != nil {
			return err
		}
		if len(found.GetVersions()) == 0 {
			return fmt.Errorf("launch template %s has no version %d; see: muster template versions %s", tame(c.Template), c.Version, tame(c.Template))
		}
		version := found.GetVersions()[0]
		if c.Output == "json" {
			return writeJSON(on.out, version)
		}
		text, err := protoyaml.Marshal(&groupv1.CreateLaunchTemplateVersionRequest{
			VersionDescription: version.GetDescription(), Configuration: version.GetConfiguration(),
		})
		if err != nil {
			return fmt.Errorf("write YAML: %w", err)
		}
		standard := ""
		if version.GetIsDefault() {
			standard = ", the default"
		}
		_, err = fmt.Fprintf(on.out, "# Version %d%s of launch template %s.\n%s", version.GetVersion(), standard, id, text)
		return err
	})
}

type templateSetDefault struct {
	namedTemplate
	Version int64  `arg:"" help:"Number of the version."`
	Etag    string `placeholder:"ETAG" help:"Only change the launch template if its etag is this one."`
}

// Run makes the version the default.
func (c *templateSetDefault) Run(ctx context.Context, on console) error {
	return c.on(ctx, func(templates groupv1.LaunchTemplateServiceClient, id string) error {
		changed, err := templates.SetDefaultLaunchTemplateVersion(ctx, &groupv1.SetDefaultLaunchTemplateVersionRequest{
			LaunchTemplateId: id, Version: c.Version, Etag: c.Etag,
		})
		if err != nil {
			return err
		}
		return c.show(on.out, changed, func(w table) { templateTable(w, changed.GetLaunchTemplate()) })
	})
}

type templateDelete struct {
	namedTemplate
	Version []int64 `arg:"" optional:"" help:"Only these versions, at most 30; by default the whole launch template."`
	Etag    string  `placeholder:"ETAG" help:"Only delete the launch template if its etag is this one."`
}

// Run deletes the template or the versions.
func (c *templateDelete) Run(ctx context.Context, on console) error {
	if len(c.Version) > 0 && c.Etag != "" {
		return misuse("--etag is for deleting a whole launch template; name no version")
	}
	return c.on(ctx, func(templates groupv1.LaunchTemplateServiceClient, id string) error {
		if len(c.Version) == 0 {
			deleted, err := templates.DeleteLaunchTemplate(ctx, &groupv1.DeleteLaunchTemplateRequest{LaunchTemplateId: id, Etag: c.Etag})
			if err != nil {
				return err
			}
			return c.show(on.out, deleted, func(w table) { w.say("Deleted launch template " + tame(c.Template) + ".") })
		}
		left, err := templates.DeleteLaunchTemplateVersions(ctx, &groupv1.DeleteLaunchTemplateVersionsRequest{LaunchTemplateId: id, Versions: c.Version})
		if err != nil {
			return err
		}
		return c.show(on.out, left, func(w table) { templateTable(w, left.GetLaunchTemplate()) })
	})
}
