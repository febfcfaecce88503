package api

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/seed-198b1370/muster/pkg/rpc"
	allocatorv1 "github.com/seed-198b1370/muster/proto/gen/muster/allocator/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	storagev1 "github.com/seed-198b1370/muster/proto/gen/muster/groupsvc/storage/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

// completed is a spec that can be stored, with all filled in that it leaves
// open, or tells all that is wrong with it; and how instances are made as its
// launch template says, nil without one. A what-if is a market to hold it
// against, unless that is nil.
func (h *Handler) completed(ctx context.Context, asked *groupv1.GroupSpec, whatIf *allocatorv1.Market) (*groupv1.GroupSpec, *groupv1.LaunchConfiguration, error) {
	spec, configuration, err := h.launching(ctx, asked, &rpc.Violations{}) // which checkSpec finds again
	if err != nil {
		return nil, nil, err
	}
	spec = withDefaults(spec)
	if err := h.checkSpec(ctx, spec, whatIf); err != nil {
		return nil, nil, err
	}
	return spec, configuration, h.weigh(ctx, spec, whatIf)
}

// launching is a copy of a spec with what its launch template, or without one its
// launch configuration, says of zone and type filled in; and the configuration
// of the template, nil without one. It adds what is wrong with how instances are
// to be made. An error means that the store can not be read.
func (h *Handler) launching(ctx context.Context, asked *groupv1.GroupSpec, violations *rpc.Violations) (*groupv1.GroupSpec, *groupv1.LaunchConfiguration, error) {
	spec := proto.CloneOf(asked)
	configurationViolations(violations, "spec.launch_configuration", spec.GetLaunchConfiguration())
	checkImages(violations, spec)
	reference := spec.GetLaunchTemplate()
	if reference == nil {
		fillCandidates(spec, spec.GetLaunchConfiguration())
		return spec, nil, nil
	}
	version, err := h.templateVersion(ctx, reference, violations)
	if err != nil || version == nil {
		return spec, nil, err
	}
	reference.Version = version.GetVersion()
	fillCandidates(spec, version.GetConfiguration())
	return spec, version.GetConfiguration(), nil
}

// templateVersion is the version of a launch template that a spec names; nil,
// and told why, when there is none.
func (h *Handler) templateVersion(ctx context.Context, reference *groupv1.LaunchTemplateReference, violations *rpc.Violations) (*groupv1.LaunchTemplateVersion, error) {
	const field = "spec.launch_template"
	id, number := reference.GetLaunchTemplateId(), reference.GetVersion()
	stored, err := h.Store.Template(ctx, store.TemplateKey{Account: rpc.AccountOf(ctx), TemplateID: id})
	if errors.Is(err, store.ErrNotFound) {
		violations.Add(field+".launch_template_id", id, "must be a launch template of the account, as ListLaunchTemplates names them")
		return nil, nil //nolint:nilnil // the caller is told
	}
	if err != nil {
		return nil, fmt.Errorf("read launch template: %w", err)
	}
	if number == 0 {
		number = stored.GetTemplate().GetDefaultVersion()
	}
	version := versionOf(stored, number)
	if version == nil {
		violations.Add(field+".version", number, fmt.Sprintf("must be a version of launch template %s, which has %s, or 0 for the default one", id, numbersOf(stored)))
	}
	return version, nil
}

// numbersOf lists the versions of a template.
func numbersOf(stored *storagev1.StoredTemplate) string {
	numbers := make([]string, len(stored.GetVersions()))
	for i, version := range stored.GetVersions() {
		numbers[i] = fmt.Sprint(version.GetVersion())
	}
	return strings.Join(numbers, ", ")
}

// fillCandidates gives the candidates of a spec the zone and the type of a
// configuration, where they have none of their own; and the spec a candidate, if
// it has none and the configuration has both.
func fillCandidates(spec *groupv1.GroupSpec, configuration *groupv1.LaunchConfiguration) {
	zone, instanceType := configuration.GetZoneId(), configuration.GetInstanceType()
	if len(spec.GetCandidates()) == 0 && zone != "" && instanceType != "" {
		spec.Candidates = []*groupv1.Candidate{{}}
	}
	for _, candidate := range spec.GetCandidates() {
		if candidate.GetZoneId() == "" {
			candidate.ZoneId = zone
		}
		if candidate.GetInstanceType() == "" && candidate.GetAttributes() == nil {
			candidate.InstanceType = instanceType
		}
	}
}

// checkImages tells of images of candidates, which only instant groups have.
func checkImages(violations *rpc.Violations, spec *groupv1.GroupSpec) {
	if spec.GetType() == groupv1.GroupType_GROUP_TYPE_INSTANT {
		return
	}
	for i, candidate := range spec.GetCandidates()[:min(maxCandidates, len(spec.GetCandidates()))] {
		if image := candidate.GetImageId(); image != "" {
			violations.Add(fmt.Sprintf("spec.candidates[%d].image_id", i), image, "must be left out unless the group's type is instant")
		}
	}
}
