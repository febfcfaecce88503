package api

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// Methods that client tokens of launch templates come with.
const (
	methodCreateTemplate = "CreateLaunchTemplate"
	methodCreateVersion  = "CreateLaunchTemplateVersion"
)

// CreateLaunchTemplate implements LaunchTemplateService.
func (t *templates) CreateLaunchTemplate(ctx context.Context, req *groupv1.CreateLaunchTemplateRequest) (*groupv1.CreateLaunchTemplateResponse, error) {
	now := t.Clock.Now()
	if token, err := t.recall(ctx, methodCreateTemplate, req, now); err != nil || token != nil {
		return t.createdTemplate(ctx, token, err)
	}
	if err := t.checkCaller(ctx); err != nil {
		return nil, err
	}
	if err := checkConfiguration(req.GetConfiguration()); err != nil {
		return nil, err
	}
	stored, err := t.newTemplate(ctx, req, now)
	if err != nil {
		return nil, err
	}
	token, err := t.templateToken(ctx, methodCreateTemplate, req, stored, now)
	if err != nil {
		return nil, err
	}
	err = t.Store.SaveTemplate(ctx, store.TemplateChange{Account: rpc.AccountOf(ctx), Template: stored, Token: token, Now: now, Limit: maxTemplates})
	switch {
	case errors.Is(err, store.ErrLimit):
		return nil, limitExceeded("launch templates of the account", maxTemplates)
	case errors.Is(err, store.ErrTokenUsed):
		// The same request came twice at a time, and the other one was first.
		token, err := t.recall(ctx, methodCreateTemplate, req, now)
		return t.createdTemplate(ctx, token, err)
	case errors.Is(err, store.ErrNameTaken):
		return nil, t.nameTaken(ctx, req.GetName())
	case err != nil:
		return nil, fmt.Errorf("create launch template: %w", err)
	}
	return &groupv1.CreateLaunchTemplateResponse{LaunchTemplate: showTemplate(stored)}, nil
}

// createdTemplate answers a repeated call by what its token remembers.
func (t *templates) createdTemplate(ctx context.Context, token *storagev1.StoredToken, err error) (*groupv1.CreateLaunchTemplateResponse, error) {
	if err != nil {
		return nil, err
	}
	stored, err := t.readTemplate(ctx, token.GetLaunchTemplateId())
	if err != nil {
		return nil, err
	}
	return &groupv1.CreateLaunchTemplateResponse{LaunchTemplate: showTemplate(stored)}, nil
}

func (t *templates) newTemplate(ctx context.Context, req *groupv1.CreateLaunchTemplateRequest, now time.Time) (*storagev1.StoredTemplate, error) {
	id, err := t.IDs.Template(now)
	if err != nil {
		return nil, err
	}
	created := timestamppb.New(now)
	stored := &storagev1.StoredTemplate{Template: &groupv1.LaunchTemplate{
		LaunchTemplateId: id, AccountId: rpc.AccountOf(ctx), Name: req.GetName(), DefaultVersion: 1,
		CreateTime: created, Tags: req.GetTags(), ResourceGroupId: req.GetResourceGroupId(),
	}}
	addVersion(stored, req.GetVersionDescription(), req.GetConfiguration(), now)
	return stored, nil
}

// addVersion adds the next version to a template.
func addVersion(stored *storagev1.StoredTemplate, description string, configuration *groupv1.LaunchConfiguration, now time.Time) *groupv1.LaunchTemplateVersion {
	template := stored.GetTemplate()
	template.LatestVersion++
	version := &groupv1.LaunchTemplateVersion{
		LaunchTemplateId: template.GetLaunchTemplateId(), Version: template.GetLatestVersion(), Description: description,
		CreateTime: timestamppb.New(now), Configuration: configuration,
	}
	stored.Versions = append(stored.Versions, version)
	template.UpdateTime = timestamppb.New(now)
	return version
}

func limitExceeded(what string, most int) error {
	return rpc.Error(codes.ResourceExhausted, groupv1.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED,
		map[string]string{"limit": what, "most": strconv.Itoa(most)},
		fmt.Sprintf("there are %d %s already, and there can be no more: delete some", most, what))
}

// nameTaken tells which template has a name.
func (t *templates) nameTaken(ctx context.Context, name string) error {
	holder := ""
	err := t.eachTemplate(ctx, "", func(stored *storagev1.StoredTemplate) bool {
		if stored.GetTemplate().GetName() == name {
			holder = stored.GetTemplate().GetLaunchTemplateId()
		}
		return holder == ""
	})
	if err != nil {
		return err
	}
	return rpc.Error(codes.AlreadyExists, groupv1.ErrorReason_ERROR_REASON_LAUNCH_TEMPLATE_NAME_TAKEN,
		map[string]string{"launch_template_id": holder},
		fmt.Sprintf("the name %s is that of launch template %s; choose another", rpc.Quote(name), holder))
}

// CreateLaunchTemplateVersion implements LaunchTemplateService.
func (t *templates) CreateLaunchTemplateVersion(ctx context.Context, req *groupv1.CreateLaunchTemplateVersionRequest) (*groupv1.CreateLaunchTemplateVersionResponse, error) {
	now := t.Clock.Now()
	if token, err := t.recall(ctx, methodCreateVersion, req, now); err != nil || token != nil {
		return t.createdVersion(ctx, token, err)
	}
	if err := checkConfiguration(req.GetConfiguration()); err != nil {
		return nil, err
	}
	var added *groupv1.LaunchTemplateVersion
	stored, err := t.changeTemplate(ctx, req.GetLaunchTemplateId(), func(stored *storagev1.StoredTemplate) (templateChange, error) {
		if len(stored.GetVersions()) >= maxVersions {
			return templateChange{}, limitExceeded("versions of the launch template", maxVersions)
		}
		added = addVersion(stored, req.GetVersionDescription(), req.GetConfiguration(), now)
		token, err := t.templateToken(ctx, methodCreateVersion, req, stored, now)
		return templateChange{write: true, token: token}, err
	})
	if errors.Is(err, store.ErrTokenUsed) {
		token, err := t.recall(ctx, methodCreateVersion, req, now)
		return t.createdVersion(ctx, token, err)
	}
	if err != nil {
		return nil, err
	}
	return &groupv1.CreateLaunchTemplateVersionResponse{Version: showVersion(stored, added)}, nil
}

// createdVersion answers a repeated call by what its token remembers.
func (t *templates) createdVersion(ctx context.Context, token *storagev1.StoredToken, err error) (*groupv1.CreateLaunchTemplateVersionResponse, error) {
	if err != nil {
		return nil, err
	}
	stored, err := t.readTemplate(ctx, token.GetLaunchTemplateId())
	if err != nil {
		return nil, err
	}
	version := versionOf(stored, token.GetLaunchTemplateVersion())
	if version == nil { // deleted since
		return nil, versionNotFound(token.GetLaunchTemplateId(), token.GetLaunchTemplateVersion())
	}
	return &groupv1.CreateLaunchTemplateVersionResponse{Version: showVersion(stored, version)}, nil
}

func versionNotFound(id string, version int64) error {
	return rpc.Error(codes.NotFound, groupv1.ErrorReason_ERROR_REASON_LAUNCH_TEMPLATE_VERSION_NOT_FOUND,
		map[string]string{"launch_template_id": id, "version": strconv.FormatInt(version, 10)},
		fmt.Sprintf("launch template %s has no version %d", rpc.Quote(id), version))
}

// SetDefaultLaunchTemplateVersion implements LaunchTemplateService.
func (t *templates) SetDefaultLaunchTemplateVersion(ctx context.Context, req *groupv1.SetDefaultLaunchTemplateVersionRequest) (*groupv1.SetDefaultLaunchTemplateVersionResponse, error) {
	now := t.Clock.Now()
	stored, err := t.changeTemplate(ctx, req.GetLaunchTemplateId(), func(stored *storagev1.StoredTemplate) (templateChange, error) {
		if err := checkTemplateEtag(stored, req.GetEtag()); err != nil {
			return templateChange{}, err
		}
		if versionOf(stored, req.GetVersion()) == nil {
			return templateChange{}, versionNotFound(req.GetLaunchTemplateId(), req.GetVersion())
		}
		if stored.GetTemplate().GetDefaultVersion() == req.GetVersion() {
			return templateChange{}, nil
		}
		stored.Template.DefaultVersion, stored.Template.UpdateTime = req.GetVersion(), timestamppb.New(now)
		return templateChange{write: true}, nil
	})
	if err != nil {
		return nil, err
	}
	return &groupv1.SetDefaultLaunchTemplateVersionResponse{LaunchTemplate: showTemplate(stored)}, nil
}

// maxTemplateTags is how many tags a template may have.
const maxTemplateTags = 20

// UpdateLaunchTemplateTags implements LaunchTemplateService.
func (t *templates) UpdateLaunchTemplateTags(ctx context.Context, req *groupv1.UpdateLaunchTemplateTagsRequest) (*groupv1.UpdateLaunchTemplateTagsResponse, error) {
	now := t.Clock.Now()
	stored, err := t.changeTemplate(ctx, req.GetLaunchTemplateId(), func(stored *storagev1.StoredTemplate) (templateChange, error) {
		tags := make(map[string]string, maxTemplateTags)
		maps.Copy(tags, stored.GetTemplate().GetTags())
		for _, key := range req.GetRemoveTagKeys() {
			delete(tags, key)
		}
		maps.Copy(tags, req.GetSetTags())
		if len(tags) > maxTemplateTags {
			return templateChange{}, limitExceeded("tags of the launch template", maxTemplateTags)
		}
		if maps.Equal(tags, stored.GetTemplate().GetTags()) {
			return templateChange{}, nil
		}
		stored.Template.Tags, stored.Template.UpdateTime = tags, timestamppb.New(now)
		return templateChange{write: true}, nil
	})
	if err != nil {
		return nil, err
	}
	return &groupv1.UpdateLaunchTemplateTagsResponse{LaunchTemplate: showTemplate(stored)}, nil
}

// DeleteLaunchTemplateVersions implements LaunchTemplateService.
func (t *templates) DeleteLaunchTemplateVersions(ctx context.Context, req *groupv1.DeleteLaunchTemplateVersionsRequest) (*groupv1.DeleteLaunchTemplateVersionsResponse, error) {
	now := t.Clock.Now()
	stored, err := t.changeTemplate(ctx, req.GetLaunchTemplateId(), func(stored *storagev1.StoredTemplate) (templateChange, error) {
		standard := stored.GetTemplate().GetDefaultVersion()
		if slices.Contains(req.GetVersions(), standard) {
			return templateChange{}, rpc.Error(codes.FailedPrecondition, groupv1.ErrorReason_ERROR_REASON_DEFAULT_VERSION,
				map[string]string{"launch_template_id": req.GetLaunchTemplateId(), "version": strconv.FormatInt(standard, 10)},
				fmt.Sprintf("version %d is the default of the launch template and can not be deleted: make another the default first", standard))
		}
		before := len(stored.GetVersions())
		stored.Versions = slices.DeleteFunc(stored.Versions, func(v *groupv1.LaunchTemplateVersion) bool {
			return slices.Contains(req.GetVersions(), v.GetVersion())
		})
		if len(stored.GetVersions()) == before {
			return templateChange{}, nil
		}
		stored.Template.UpdateTime = timestamppb.New(now)
		return templateChange{write: true}, nil
	})
	if err != nil {
		return nil, err
	}
	return &groupv1.DeleteLaunchTemplateVersionsResponse{LaunchTemplate: showTemplate(stored)}, nil
}

// DeleteLaunchTemplate implements LaunchTemplateService.
func (t *templates) DeleteLaunchTemplate(ctx context.Context, req *groupv1.DeleteLaunchTemplateRequest) (*groupv1.DeleteLaunchTemplateResponse, error) {
	_, err := t.changeTemplate(ctx, req.GetLaunchTemplateId(), func(stored *storagev1.StoredTemplate) (templateChange, error) {
		return templateChange{remove: true}, checkTemplateEtag(stored, req.GetEtag())
	})
	if err != nil {
		return nil, err
	}
	return &groupv1.DeleteLaunchTemplateResponse{}, nil
}

// A templateChange says what is to become of a template that was changed in memory.
type templateChange struct {
	// write stores it, remove forgets it, and neither leaves it as it is stored.
	write, remove bool
	// token is remembered with a write, unless nil.
	token *store.Token
}

// checkConfiguration refuses what only a look into its fields finds wrong.
func checkConfiguration(configuration *groupv1.LaunchConfiguration) error {
	var violations rpc.Violations
	configurationViolations(&violations, "configuration", configuration)
	return violations.Err()
}

// changeTemplate changes a template. When another wrote it meanwhile, the change
// is made again on what is there then.
func (t *templates) changeTemplate(ctx context.Context, id string, apply func(*storagev1.StoredTemplate) (templateChange, error)) (*storagev1.StoredTemplate, error) {
	for range maxAttempts {
		stored, err := t.readTemplate(ctx, id)
		if err != nil {
			return nil, err
		}
		wanted, err := apply(stored)
		if err != nil {
			return nil, err
		}
		switch err := t.carryOut(ctx, stored, wanted); {
		case err == nil, errors.Is(err, store.ErrTokenUsed):
			return stored, err
		case !errors.Is(err, store.ErrConflict):
			return nil, fmt.Errorf("change launch template: %w", err)
		}
	}
	return nil, status.Error(codes.Aborted, "the launch template is being changed by others all the time; try again")
}

func (t *templates) carryOut(ctx context.Context, stored *storagev1.StoredTemplate, wanted templateChange) error {
	account := rpc.AccountOf(ctx)
	switch {
	case wanted.remove:
		key := store.TemplateKey{Account: account, TemplateID: stored.GetTemplate().GetLaunchTemplateId()}
		return t.Store.RemoveTemplate(ctx, key, stored.GetVersion())
	case wanted.write:
		return t.Store.SaveTemplate(ctx, store.TemplateChange{Account: account, Template: stored, Token: wanted.token, Now: t.Clock.Now()})
	default:
		return nil
	}
}

// checkTemplateEtag refuses a change to a template that has changed since it was
// read.
func checkTemplateEtag(stored *storagev1.StoredTemplate, etag string) error {
	now := templateEtag(stored)
	if etag == "" || etag == now {
		return nil
	}
	return rpc.Error(codes.FailedPrecondition, groupv1.ErrorReason_ERROR_REASON_ETAG_MISMATCH, map[string]string{"etag": now},
		fmt.Sprintf("etag %s is not the launch template's, which is %q now: read it again", rpc.Quote(etag), now))
}

// templateToken is what to remember of a request's token; nil when it has none.
func (t *templates) templateToken(ctx context.Context, method string, request tokened, stored *storagev1.StoredTemplate, now time.Time) (*store.Token, error) {
	token, err := tokenOf(ctx, method, request, "", now)
	if err != nil || token == nil {
		return nil, err
	}
	token.Value.LaunchTemplateId = stored.GetTemplate().GetLaunchTemplateId()
	token.Value.LaunchTemplateVersion = stored.GetTemplate().GetLatestVersion()
	return token, nil
}
