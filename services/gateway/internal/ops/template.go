package ops

import (
	"context"
	"slices"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/gateway/internal/table"
	"github.com/seed-198b1370/muster/services/gateway/wire"
)

// templateOperations are those of launch templates.
func templateOperations() []Operation {
	return []Operation{
		createTemplate(),
		createTemplateVersion(),
		describeTemplates(),
		describeTemplateVersions(),
		modifyDefaultVersion(),
		deleteTemplateVersion(),
		deleteTemplate(),
	}
}

func describedVersion() table.Param { return table.Param{Name: "VersionDescription", Max: 256} }

func clientToken() table.Param {
	return table.Param{Name: "ClientToken", Max: 64, Pattern: tokenPattern, Rule: "be at most 64 characters of ASCII", Note: "Makes the call idempotent."}
}

func createTemplate() Operation {
	return Operation{
		Operation: table.Operation{
			Name:    "CreateLaunchTemplate",
			Summary: "Creates a launch template with its version 1.",
			Params: slices.Concat([]table.Param{
				region(wire.Error{}), templateName(true), describedVersion(), clientToken(),
				tagParams("TemplateTag", 20, "Tags of the template itself."),
				{Name: "TemplateResourceGroupId", Max: 64, Status: table.Stored},
			}, instanceParams()),
		},
		Run: func(ctx context.Context, call *Call) (wire.Object, error) {
			if err := call.Cloud.CheckRegion(ctx, call.Text("RegionId"), errTemplateRegion); err != nil {
				return nil, err
			}
			tags, err := tagsOf(call.Values, "TemplateTag")
			if err != nil {
				return nil, err
			}
			configuration, err := configurationOf(ctx, call)
			if err != nil {
				return nil, err
			}
			created, err := call.Templates.CreateLaunchTemplate(ctx, &groupv1.CreateLaunchTemplateRequest{
				RequestId: requestID(call), Name: call.Text("LaunchTemplateName"), VersionDescription: call.Text("VersionDescription"),
				Configuration: configuration, Tags: tags, ResourceGroupId: call.Text("TemplateResourceGroupId"),
			})
			if err != nil {
				return nil, err
			}
			return wire.Object{wire.M("LaunchTemplateId", created.GetLaunchTemplate().GetLaunchTemplateId()), wire.M("LaunchTemplateVersionNumber", 1)}, nil
		},
		Rules: []Rule{
			{Reason: "group.muster/LAUNCH_TEMPLATE_NAME_TAKEN", Error: errNameTaken},
			{Reason: "group.muster/LIMIT_EXCEEDED", Error: errTemplateLimit},
			{Field: "configuration.user_data", Error: errUserData},
		},
	}
}

func createTemplateVersion() Operation {
	return Operation{
		Operation: table.Operation{
			Name:    "CreateLaunchTemplateVersion",
			Summary: "Adds a version to a launch template.",
			Params:  slices.Concat(whichTemplate(), []table.Param{describedVersion(), clientToken()}, instanceParams()),
		},
		Run: func(ctx context.Context, call *Call) (wire.Object, error) {
			id, err := templateID(ctx, call)
			if err != nil {
				return nil, err
			}
			configuration, err := configurationOf(ctx, call)
			if err != nil {
				return nil, err
			}
			created, err := call.Templates.CreateLaunchTemplateVersion(ctx, &groupv1.CreateLaunchTemplateVersionRequest{
				RequestId: requestID(call), LaunchTemplateId: id, VersionDescription: call.Text("VersionDescription"), Configuration: configuration,
			})
			if err != nil {
				return nil, err
			}
			return wire.Object{wire.M("LaunchTemplateId", id), wire.M("LaunchTemplateVersionNumber", created.GetVersion().GetVersion())}, nil
		},
		Rules: []Rule{
			{Reason: "group.muster/LIMIT_EXCEEDED", Error: errVersionLimit},
			{Field: "configuration.user_data", Error: errUserData},
		},
	}
}

// templateID is the id of the template that a call names by id or by name.
func templateID(ctx context.Context, call *Call) (string, error) {
	template, err := namedTemplate(ctx, call)
	return template.GetLaunchTemplateId(), err
}

// namedTemplate is the template that a call names by id or by name.
func namedTemplate(ctx context.Context, call *Call) (*groupv1.LaunchTemplate, error) {
	if err := call.Cloud.CheckRegion(ctx, call.Text("RegionId"), errTemplateRegion); err != nil {
		return nil, err
	}
	request := &groupv1.ListLaunchTemplatesRequest{PageSize: backendPage}
	switch id, name := call.Text("LaunchTemplateId"), call.Text("LaunchTemplateName"); {
	case id != "":
		request.LaunchTemplateIds = []string{id}
	case name != "":
		request.Names = []string{name}
	default:
		return nil, bad("MissingParameter", `The parameter "LaunchTemplateId", or "LaunchTemplateName", must be given.`)
	}
	listed, err := call.Templates.ListLaunchTemplates(ctx, request)
	if err != nil {
		return nil, err
	}
	if len(listed.GetLaunchTemplates()) == 0 {
		return nil, errTemplateNotFound
	}
	return listed.GetLaunchTemplates()[0], nil
}

func describeTemplates() Operation {
	return Operation{
		Operation: table.Operation{
			Name:    "DescribeLaunchTemplates",
			Summary: "Lists launch templates.",
			Params: append([]table.Param{
				region(wire.Error{}),
				{Name: "LaunchTemplateId", List: true, Max: 64},
				{Name: "LaunchTemplateName", List: true, Max: 128},
				tagParams("TemplateTag", 20, "Templates that have all of these."),
				{Name: "TemplateResourceGroupId", Max: 64},
			}, pageParams(50)...),
		},
		Run: func(ctx context.Context, call *Call) (wire.Object, error) {
			if err := call.Cloud.CheckRegion(ctx, call.Text("RegionId"), errTemplateRegion); err != nil {
				return nil, err
			}
			tags, err := tagsOf(call.Values, "TemplateTag")
			if err != nil {
				return nil, err
			}
			shown, list := pageOf(call.Values), []wire.Object{}
			request := &groupv1.ListLaunchTemplatesRequest{
				PageSize: backendPage, LaunchTemplateIds: unique(call.Texts("LaunchTemplateId")), Names: unique(call.Texts("LaunchTemplateName")), Tags: tags,
			}
			for {
				listed, err := call.Templates.ListLaunchTemplates(ctx, request)
				if err != nil {
					return nil, err
				}
				for _, template := range listed.GetLaunchTemplates() {
					if group := call.Text("TemplateResourceGroupId"); (group == "" || group == template.GetResourceGroupId()) && shown.next() {
						list = append(list, templateObject(template))
					}
				}
				if request.PageToken = listed.GetNextPageToken(); request.GetPageToken() == "" {
					return append(shown.members(), wire.List("LaunchTemplateSets", "LaunchTemplateSet", list)), nil
				}
			}
		},
	}
}

func templateObject(template *groupv1.LaunchTemplate) wire.Object {
	return wire.Object{
		wire.M("LaunchTemplateId", template.GetLaunchTemplateId()),
		wire.M("LaunchTemplateName", template.GetName()),
		wire.M("DefaultVersionNumber", template.GetDefaultVersion()),
		wire.M("LatestVersionNumber", template.GetLatestVersion()),
		wire.M("CreateTime", stamp(template.GetCreateTime(), toSeconds)),
		wire.M("ModifiedTime", stamp(template.GetUpdateTime(), toSeconds)),
		wire.M("CreatedBy", template.GetAccountId()),
		wire.M("ResourceGroupId", template.GetResourceGroupId()),
		wire.List("Tags", "Tag", tagList(template.GetTags(), "TagKey", "TagValue")),
	}
}

func describeTemplateVersions() Operation {
	version := func(name string) table.Param {
		return table.Param{Name: name, Kind: table.Integer, Min: 1}
	}
	return Operation{
		Operation: table.Operation{
			Name:    "DescribeLaunchTemplateVersions",
			Summary: "Lists the versions of a launch template, latest first.",
			Params: slices.Concat(whichTemplate(), []table.Param{
				{Name: "LaunchTemplateVersion", Kind: table.Integer, List: true, Limit: 100, Min: 1},
				{Name: "DefaultVersion", Kind: table.Boolean, Note: "Only the default version."},
				version("MinVersion"), version("MaxVersion"),
				{Name: "DetailFlag", Kind: table.Boolean, Note: "False leaves out what a version says; true by default."},
			}, pageParams(50)),
		},
		Run: func(ctx context.Context, call *Call) (wire.Object, error) {
			template, err := namedTemplate(ctx, call)
			if err != nil {
				return nil, err
			}
			shown, list := pageOf(call.Values), []wire.Object{}
			request := &groupv1.ListLaunchTemplateVersionsRequest{
				LaunchTemplateId: template.GetLaunchTemplateId(), PageSize: backendPage, Versions: versionsAsked(call),
			}
			for {
				listed, err := call.Templates.ListLaunchTemplateVersions(ctx, request)
				if err != nil {
					return nil, err
				}
				for _, version := range listed.GetVersions() {
					if inVersions(call, version.GetVersion()) && shown.next() {
						list = append(list, versionObject(template, version, !call.Has("DetailFlag") || call.Flag("DetailFlag")))
					}
				}
				if request.PageToken = listed.GetNextPageToken(); request.GetPageToken() == "" {
					return append(shown.members(), wire.List("LaunchTemplateVersionSets", "LaunchTemplateVersionSet", list)), nil
				}
			}
		},
	}
}

func versionsAsked(call *Call) []int64 {
	if call.Flag("DefaultVersion") {
		return []int64{0}
	}
	numbers := call.Integers("LaunchTemplateVersion")
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

func inVersions(call *Call, number int64) bool {
	return number >= call.Integer("MinVersion") && (!call.Has("MaxVersion") || number <= call.Integer("MaxVersion"))
}

func versionObject(template *groupv1.LaunchTemplate, version *groupv1.LaunchTemplateVersion, detailed bool) wire.Object {
	answer := wire.Object{
		wire.M("LaunchTemplateId", template.GetLaunchTemplateId()),
		wire.M("LaunchTemplateName", template.GetName()),
		wire.M("VersionNumber", version.GetVersion()),
		wire.M("DefaultVersion", version.GetIsDefault()),
		wire.M("VersionDescription", version.GetDescription()),
		wire.M("CreateTime", stamp(version.GetCreateTime(), toSeconds)),
		wire.M("ModifiedTime", stamp(version.GetCreateTime(), toSeconds)),
		wire.M("CreatedBy", template.GetAccountId()),
	}
	if detailed {
		answer = append(answer, wire.M("LaunchTemplateData", templateData(version.GetConfiguration())))
	}
	return answer
}

func modifyDefaultVersion() Operation {
	return Operation{
		Operation: table.Operation{
			Name:    "ModifyLaunchTemplateDefaultVersion",
			Summary: "Makes a version of a launch template the default.",
			Params:  append(whichTemplate(), table.Param{Name: "DefaultVersionNumber", Kind: table.Integer, Required: true, Min: 1}),
		},
		Run: func(ctx context.Context, call *Call) (wire.Object, error) {
			id, err := templateID(ctx, call)
			if err != nil {
				return nil, err
			}
			_, err = call.Templates.SetDefaultLaunchTemplateVersion(ctx, &groupv1.SetDefaultLaunchTemplateVersionRequest{
				LaunchTemplateId: id, Version: call.Integer("DefaultVersionNumber"),
			})
			return nil, err
		},
	}
}

func deleteTemplateVersion() Operation {
	return Operation{
		Operation: table.Operation{
			Name:    "DeleteLaunchTemplateVersion",
			Summary: "Deletes versions of a launch template, all of those named or none.",
			Params:  append(whichTemplate(), table.Param{Name: "DeleteVersion", Kind: table.Integer, List: true, Required: true, Limit: 30, Min: 1}),
		},
		Run: func(ctx context.Context, call *Call) (wire.Object, error) {
			id, err := templateID(ctx, call)
			if err != nil {
				return nil, err
			}
			numbers := call.Integers("DeleteVersion")
			slices.Sort(numbers)
			numbers = slices.Compact(numbers)
			_, err = call.Templates.DeleteLaunchTemplateVersions(ctx, &groupv1.DeleteLaunchTemplateVersionsRequest{LaunchTemplateId: id, Versions: numbers})
			if err != nil {
				return nil, err
			}
			list := make([]wire.Object, 0, len(numbers))
			for _, number := range numbers {
				list = append(list, wire.Object{wire.M("LaunchTemplateId", id), wire.M("LaunchTemplateVersionNumber", number)})
			}
			return wire.Object{wire.List("LaunchTemplateVersions", "LaunchTemplateVersion", list)}, nil
		},
		Rules: []Rule{{Reason: "group.muster/DEFAULT_VERSION", Error: errDefaultVersion}},
	}
}

func deleteTemplate() Operation {
	return Operation{
		Operation: table.Operation{
			Name:    "DeleteLaunchTemplate",
			Summary: "Deletes a launch template with all its versions.",
			Params:  whichTemplate(),
		},
		Run: func(ctx context.Context, call *Call) (wire.Object, error) {
			id, err := templateID(ctx, call)
			if err != nil {
				return nil, err
			}
			_, err = call.Templates.DeleteLaunchTemplate(ctx, &groupv1.DeleteLaunchTemplateRequest{LaunchTemplateId: id})
			return nil, err
		},
	}
}
