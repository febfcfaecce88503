package ops

import (
	"context"
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/gateway/internal/table"
	"github.com/seed-198b1370/muster/services/gateway/wire"
)

// notThere is an error of HTTP status 404.
func notThere(code, message string) wire.Error {
	return wire.Error{Status: http.StatusNotFound, Code: code, Message: message}
}

// Errors of tags.
var (
	errTagType     = notThere("InvalidResourceType.NotFound", "The ResourceType provided does not exist in our records.")
	errTagResource = notThere("InvalidResourceId.NotFound", "The specified ResourceIds are not found in our records.")
	errNoTagType   = notThere("MissingParameter.ResourceType", "The parameter ResourceType must be given.")
	errNoTagRegion = notThere("MissingParameter.RegionId", "The parameter RegionId must be given.")
	errNoTags      = notThere("MissingParameter.Tags", "The parameter Tag.N must be given.")
	errTagIDs      = bad("NumberExceed.ResourceIds", "The number of ResourceIds exceeds the limit.")
	errTagCount    = bad("NumberExceed.Tags", "The number of Tags exceeds the limit.")
	errTagQuota    = wire.Error{Status: http.StatusForbidden, Code: "QuotaExceed.Tags", Message: "The resource would have more tags than it may."}
	errDuplicate   = bad("Duplicate.TagKey", "The Tag.N.Key contain duplicate key.")
)

// Types of resources that have tags here. The reference has none for groups.
const (
	instances = "instance"
	templates = "launchtemplate"
	groups    = "autoprovisioninggroup"
)

// tagOperations are those of tags.
func tagOperations() []Operation {
	return []Operation{tagResources(), untagResources(), listTagResources()}
}

// taggedParams name resources.
func taggedParams(required bool) []table.Param {
	return []table.Param{
		region(errNoTagRegion),
		{Name: "ResourceType", Required: true, OneOf: []string{instances, templates, groups}, Absent: errNoTagType, Wrong: errTagType,
			Note: "Other types have no tags here; `" + groups + "` is not in the reference."},
		{Name: "ResourceId", List: true, Required: required, Limit: 50, Max: 64, TooMany: errTagIDs},
	}
}

func tagRules() []Rule {
	return []Rule{
		{Reason: "fleet.muster/INSTANCE_NOT_FOUND", Error: errTagResource},
		{Reason: "group.muster/LAUNCH_TEMPLATE_NOT_FOUND", Error: errTagResource},
		{Reason: "group.muster/GROUP_NOT_FOUND", Error: errTagResource},
		{Reason: "group.muster/LIMIT_EXCEEDED", Error: errTagQuota},
		{Reason: "fleet.muster/LIMIT_EXCEEDED", Error: errTagQuota},
		{Reason: "group.muster/GROUP_IS_BEING_DELETED", Error: errGroupStatus},
		{Field: "spec.tags", Error: bad("InvalidTagKey.Malformed", "The specified Tag.N.Key is not valid.")},
	}
}

func tagResources() Operation {
	tag := tagParams("Tag", 20, "")
	tag.Required, tag.Absent, tag.TooMany = true, errNoTags, errTagCount
	return Operation{
		Operation: table.Operation{
			Name:    "TagResources",
			Summary: "Sets tags of instances, launch templates or groups, one after the other.",
			Params:  append(taggedParams(true), tag),
		},
		Run: func(ctx context.Context, call *Call) (wire.Object, error) {
			set, err := tagsOf(call.Values, "Tag")
			if err != nil {
				return nil, err
			}
			return nil, changeTags(ctx, call, tagChange{set: set})
		},
		Rules: tagRules(),
	}
}

func untagResources() Operation {
	return Operation{
		Operation: table.Operation{
			Name:    "UntagResources",
			Summary: "Removes tags of instances, launch templates or groups.",
			Params: append(taggedParams(true),
				table.Param{Name: "TagKey", List: true, Limit: 20, Max: 128, TooMany: errTagCount},
				table.Param{Name: "All", Kind: table.Boolean, Note: "Removes all tags, when no TagKey is given."}),
		},
		Run: func(ctx context.Context, call *Call) (wire.Object, error) {
			change := tagChange{remove: unique(call.Texts("TagKey"))}
			change.all = len(change.remove) == 0 && call.Flag("All")
			if len(change.remove) == 0 && !change.all {
				return nil, errNoTags.With("Or All must be true.")
			}
			return nil, changeTags(ctx, call, change)
		},
		Rules: tagRules(),
	}
}

// A tagChange is what is to become of the tags of a resource.
type tagChange struct {
	set    map[string]string
	remove []string
	all    bool // removes all
}

// of are the keys that are removed from a resource with some tags.
func (c tagChange) of(tags map[string]string) []string {
	if !c.all {
		return c.remove
	}
	var keys []string
	for key := range tags {
		if !strings.HasPrefix(key, "muster:") { // which are the system's
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// applied are the tags that a resource with some tags has after the change.
func (c tagChange) applied(tags map[string]string) map[string]string {
	after := make(map[string]string, len(tags)+len(c.set))
	maps.Copy(after, tags)
	for _, key := range c.of(tags) {
		delete(after, key)
	}
	maps.Copy(after, c.set)
	return after
}

// tagAttempts is how often a change is tried that others are in the way of.
const tagAttempts = 5

func changeTags(ctx context.Context, call *Call, change tagChange) error {
	found, err := taggedResources(ctx, call, unique(call.Texts("ResourceId")), nil)
	if err != nil {
		return err
	}
	for _, id := range unique(call.Texts("ResourceId")) {
		if !slices.ContainsFunc(found, func(r tagged) bool { return r.id == id }) {
			return errTagResource.With("There is no " + call.Text("ResourceType") + " " + wire.Quote(id) + ".")
		}
	}
	for _, resource := range found {
		if err := changeOne(ctx, call, resource, change); err != nil {
			return err
		}
	}
	return nil
}

func changeOne(ctx context.Context, call *Call, resource tagged, change tagChange) error {
	switch call.Text("ResourceType") {
	case instances:
		if len(change.applied(resource.tags)) > maxTags {
			return errTagQuota
		}
		_, err := call.Cloud.UpdateInstanceTags(ctx, &fleetv1.UpdateInstanceTagsRequest{
			InstanceIds: []string{resource.id}, SetTags: change.set, RemoveTagKeys: change.of(resource.tags),
		})
		return err
	case templates:
		_, err := call.Templates.UpdateLaunchTemplateTags(ctx, &groupv1.UpdateLaunchTemplateTagsRequest{
			LaunchTemplateId: resource.id, SetTags: change.set, RemoveTagKeys: change.of(resource.tags),
		})
		return err
	default:
		return changeGroup(ctx, call, resource.id, change)
	}
}

func changeGroup(ctx context.Context, call *Call, id string, change tagChange) error {
	for attempt := 1; ; attempt++ {
		read, err := call.Groups.GetGroup(ctx, &groupv1.GetGroupRequest{GroupId: id})
		if err != nil {
			return err
		}
		tags := change.applied(read.GetGroup().GetSpec().GetTags())
		if len(tags) > maxTags {
			return errTagQuota
		}
		_, err = call.Groups.UpdateGroup(ctx, &groupv1.UpdateGroupRequest{
			GroupId: id, Etag: read.GetGroup().GetEtag(), Spec: &groupv1.GroupSpec{Tags: tags}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"tags"}},
		})
		if err == nil || attempt == tagAttempts || !hasReason(err, "group.muster/ETAG_MISMATCH") {
			return err
		}
	}
}

// maxTags is how many tags an instance or a group may have.
const maxTags = 20

// A tagged is a resource with its tags.
type tagged struct {
	id   string
	tags map[string]string
}

// taggedResources are the resources of a call's type, of some ids or of all,
// that have some tags.
func taggedResources(ctx context.Context, call *Call, ids []string, tags map[string]string) ([]tagged, error) {
	page := pagesOf(call)
	var all []tagged
	token := ""
	for {
		found, next, err := page(ctx, ids, tags, token)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
		if token = next; token == "" {
			return all, nil
		}
	}
}

// A pager reads one page of resources, and tells the token of the next.
type pager func(ctx context.Context, ids []string, tags map[string]string, token string) (found []tagged, next string, err error)

// pagesOf reads resources of the type that a call names.
func pagesOf(call *Call) pager {
	switch call.Text("ResourceType") {
	case instances:
		return func(ctx context.Context, ids []string, tags map[string]string, token string) (found []tagged, next string, err error) {
			page, err := call.Cloud.ListInstances(ctx, &fleetv1.ListInstancesRequest{InstanceIds: ids, Tags: tags, PageSize: backendPage, PageToken: token})
			for _, instance := range page.GetInstances() {
				found = append(found, tagged{instance.GetInstanceId(), instance.GetTags()})
			}
			return found, page.GetNextPageToken(), err
		}
	case templates:
		return func(ctx context.Context, ids []string, tags map[string]string, token string) (found []tagged, next string, err error) {
			page, err := call.Templates.ListLaunchTemplates(ctx, &groupv1.ListLaunchTemplatesRequest{LaunchTemplateIds: ids, Tags: tags, PageSize: backendPage, PageToken: token})
			for _, template := range page.GetLaunchTemplates() {
				found = append(found, tagged{template.GetLaunchTemplateId(), template.GetTags()})
			}
			return found, page.GetNextPageToken(), err
		}
	default:
		return func(ctx context.Context, ids []string, tags map[string]string, token string) (found []tagged, next string, err error) {
			page, err := call.Groups.ListGroups(ctx, &groupv1.ListGroupsRequest{GroupIds: ids, Tags: tags, PageSize: backendPage, PageToken: token})
			for _, group := range page.GetGroups() {
				found = append(found, tagged{group.GetGroupId(), group.GetSpec().GetTags()})
			}
			return found, page.GetNextPageToken(), err
		}
	}
}

// tagPage is how many tags are told at a time.
const tagPage = 50

func listTagResources() Operation {
	return Operation{
		Operation: table.Operation{
			Name:    "ListTagResources",
			Summary: "Lists tags of instances, launch templates or groups.",
			Params: append(taggedParams(false), tagParams("Tag", 20, "Resources that have all of these."),
				table.Param{Name: "TagFilter", Status: table.Refused, Note: "name tags in full, with Tag"},
				table.Param{Name: "NextToken", Max: 256},
			),
		},
		Run: func(ctx context.Context, call *Call) (wire.Object, error) {
			tags, err := tagsOf(call.Values, "Tag")
			if err != nil {
				return nil, err
			}
			found, err := taggedResources(ctx, call, unique(call.Texts("ResourceId")), tags)
			if err != nil {
				return nil, err
			}
			after, err := base64.RawURLEncoding.DecodeString(call.Text("NextToken"))
			if err != nil {
				return nil, bad("InvalidParameter", `The parameter "NextToken" must be the one of the page before.`)
			}
			return tagsAfter(found, call.Text("ResourceType"), string(after)), nil
		},
		Rules: tagRules(),
	}
}

// tagsAfter is the page of tags that follows one.
func tagsAfter(found []tagged, kind, after string) wire.Object {
	type entry struct{ place, id, key, value string }
	var entries []entry
	for _, resource := range found {
		for key, value := range resource.tags {
			if place := resource.id + " " + key; place > after {
				entries = append(entries, entry{place, resource.id, key, value})
			}
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.place, b.place) })
	next := ""
	if len(entries) > tagPage {
		entries = entries[:tagPage]
		next = base64.RawURLEncoding.EncodeToString([]byte(entries[tagPage-1].place))
	}
	list := make([]wire.Object, 0, len(entries))
	for _, e := range entries {
		list = append(list, wire.Object{wire.M("ResourceId", e.id), wire.M("ResourceType", kind), wire.M("TagKey", e.key), wire.M("TagValue", e.value)})
	}
	return wire.Object{wire.M("NextToken", next), wire.List("TagResources", "TagResource", list)}
}
