package api

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/grpc/codes"

	"github.com/seed-198b1370/muster/pkg/rpc"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// Limits of launch templates.
const (
	// maxTemplates is how many an account may have.
	maxTemplates = 100
	// maxVersions is how many versions one may have at a time.
	maxVersions = 30
)

// templates implements muster.group.v1.LaunchTemplateService.
type templates struct {
	groupv1.UnimplementedLaunchTemplateServiceServer
	*Handler
}

// Templates is the handler of launch templates.
func (h *Handler) Templates() groupv1.LaunchTemplateServiceServer { return &templates{Handler: h} }

// GetLaunchTemplate implements LaunchTemplateService.
func (t *templates) GetLaunchTemplate(ctx context.Context, req *groupv1.GetLaunchTemplateRequest) (*groupv1.GetLaunchTemplateResponse, error) {
	stored, err := t.readTemplate(ctx, req.GetLaunchTemplateId())
	if err != nil {
		return nil, err
	}
	return &groupv1.GetLaunchTemplateResponse{LaunchTemplate: showTemplate(stored)}, nil
}

// ListLaunchTemplates implements LaunchTemplateService.
func (t *templates) ListLaunchTemplates(ctx context.Context, req *groupv1.ListLaunchTemplatesRequest) (*groupv1.ListLaunchTemplatesResponse, error) {
	const list = "launch-templates"
	after, ok := rpc.DecodePageToken(list, req.GetPageToken())
	if !ok {
		return nil, invalidToken(req.GetPageToken())
	}
	size := rpc.PageSize(req.GetPageSize())
	resp := &groupv1.ListLaunchTemplatesResponse{}
	err := t.eachTemplate(ctx, after, func(stored *storagev1.StoredTemplate) bool {
		if !wanted(stored.GetTemplate(), req) {
			return true
		}
		if len(resp.GetLaunchTemplates()) == size { // there is another page
			resp.NextPageToken = rpc.EncodePageToken(list, resp.GetLaunchTemplates()[size-1].GetLaunchTemplateId())
			return false
		}
		resp.LaunchTemplates = append(resp.LaunchTemplates, showTemplate(stored))
		return true
	})
	if err == nil && len(resp.GetLaunchTemplates()) == 0 {
		err = t.orNoAccount(ctx, nil)
	}
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// wanted tells whether a list that is asked for has a template.
func wanted(template *groupv1.LaunchTemplate, req *groupv1.ListLaunchTemplatesRequest) bool {
	ids, names := req.GetLaunchTemplateIds(), req.GetNames()
	if len(ids) > 0 && !slices.Contains(ids, template.GetLaunchTemplateId()) {
		return false
	}
	if len(names) > 0 && !slices.Contains(names, template.GetName()) {
		return false
	}
	for key, value := range req.GetTags() {
		if has, ok := template.GetTags()[key]; !ok || has != value {
			return false
		}
	}
	return true
}

// readTogether is how many templates are read at a time: one can have more than
// a megabyte of user data.
const readTogether = 10

// eachTemplate calls visit with the templates of the caller's account whose ids
// follow one, in order, until there are no more or it returns false.
func (t *templates) eachTemplate(ctx context.Context, after string, visit func(*storagev1.StoredTemplate) bool) error {
	for {
		read, err := t.Store.ListTemplates(ctx, rpc.AccountOf(ctx), after, readTogether)
		if err != nil {
			return fmt.Errorf("list launch templates: %w", err)
		}
		for _, stored := range read {
			after = stored.GetTemplate().GetLaunchTemplateId()
			if !visit(stored) {
				return nil
			}
		}
		if len(read) < readTogether {
			return nil
		}
	}
}

// ListLaunchTemplateVersions implements LaunchTemplateService.
func (t *templates) ListLaunchTemplateVersions(ctx context.Context, req *groupv1.ListLaunchTemplateVersionsRequest) (*groupv1.ListLaunchTemplateVersionsResponse, error) {
	list := "launch-template-versions/" + req.GetLaunchTemplateId()
	last, ok := rpc.DecodePageToken(list, req.GetPageToken())
	if !ok {
		return nil, invalidToken(req.GetPageToken())
	}
	stored, err := t.readTemplate(ctx, req.GetLaunchTemplateId())
	if err != nil {
		return nil, err
	}
	size := rpc.PageSize(req.GetPageSize())
	resp := &groupv1.ListLaunchTemplateVersionsResponse{}
	for _, version := range slices.Backward(stored.GetVersions()) {
		switch number := versionKey(version.GetVersion()); {
		case last != "" && number >= last, !versionWanted(stored, version.GetVersion(), req.GetVersions()):
		case len(resp.GetVersions()) == size:
			resp.NextPageToken = rpc.EncodePageToken(list, versionKey(resp.GetVersions()[size-1].GetVersion()))
			return resp, nil
		default:
			resp.Versions = append(resp.Versions, showVersion(stored, version))
		}
	}
	return resp, nil
}

// versionKey is the number of a version as page tokens hold it: so that keys
// sort as numbers do.
func versionKey(version int64) string { return fmt.Sprintf("%019d", version) }

// versionWanted tells whether a list of some versions, 0 being the default one,
// has a version.
func versionWanted(stored *storagev1.StoredTemplate, version int64, asked []int64) bool {
	return len(asked) == 0 || slices.Contains(asked, version) ||
		version == stored.GetTemplate().GetDefaultVersion() && slices.Contains(asked, 0)
}

// readTemplate reads a launch template of the caller's account, or tells that
// there is none.
func (h *Handler) readTemplate(ctx context.Context, id string) (*storagev1.StoredTemplate, error) {
	stored, err := h.Store.Template(ctx, store.TemplateKey{Account: rpc.AccountOf(ctx), TemplateID: id})
	if errors.Is(err, store.ErrNotFound) {
		return nil, h.orNoAccount(ctx, rpc.Error(codes.NotFound, groupv1.ErrorReason_ERROR_REASON_LAUNCH_TEMPLATE_NOT_FOUND,
			map[string]string{"launch_template_id": id}, fmt.Sprintf("there is no launch template %s", rpc.Quote(id))))
	}
	if err != nil {
		return nil, fmt.Errorf("read launch template: %w", err)
	}
	return stored, nil
}

// versionOf finds a version of a template; nil when it has none of the number.
func versionOf(stored *storagev1.StoredTemplate, number int64) *groupv1.LaunchTemplateVersion {
	at := slices.IndexFunc(stored.GetVersions(), func(v *groupv1.LaunchTemplateVersion) bool { return v.GetVersion() == number })
	if at < 0 {
		return nil
	}
	return stored.GetVersions()[at]
}

// showTemplate is a template as clients see it.
func showTemplate(stored *storagev1.StoredTemplate) *groupv1.LaunchTemplate {
	template := stored.GetTemplate()
	template.Etag = templateEtag(stored)
	return template
}

func templateEtag(stored *storagev1.StoredTemplate) string {
	return fmt.Sprintf("v%d", stored.GetVersion())
}

// showVersion is a version of a template as clients see it.
func showVersion(stored *storagev1.StoredTemplate, version *groupv1.LaunchTemplateVersion) *groupv1.LaunchTemplateVersion {
	version.IsDefault = version.GetVersion() == stored.GetTemplate().GetDefaultVersion()
	return version
}
