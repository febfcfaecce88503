package cli

import (
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// templateReplies is what the fake cloud says of launch templates.
func templateReplies() map[string][]reply {
	at := timestamppb.New(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC))
	web := &groupv1.LaunchTemplate{
		LaunchTemplateId: "lt-web", Name: "web", DefaultVersion: 1, LatestVersion: 2, UpdateTime: at, Etag: "v2",
		Tags: map[string]string{"team": "shop", "stage": "test"},
	}
	version := func(number int64, standard bool) *groupv1.LaunchTemplateVersion {
		return &groupv1.LaunchTemplateVersion{
			LaunchTemplateId: "lt-web", Version: number, IsDefault: standard, Description: "first", CreateTime: at,
			Configuration: &groupv1.LaunchConfiguration{InstanceType: "ecs.c6.large", ImageId: "ubuntu", Tags: map[string]string{"app": "web"}},
		}
	}
	var wrong rpc.Violations
	wrong.Add("configuration.instance_name", "web[1", "must number instances as 'name[begin,bits]suffix'")
	listed := answer(&groupv1.ListLaunchTemplatesResponse{LaunchTemplates: []*groupv1.LaunchTemplate{web}})
	return map[string][]reply{
		"CreateLaunchTemplate": {
			answer(&groupv1.CreateLaunchTemplateResponse{LaunchTemplate: web}), answer(&groupv1.CreateLaunchTemplateResponse{LaunchTemplate: web}), refuse(wrong.Err()),
			refusal(codes.AlreadyExists, groupv1.ErrorReason_ERROR_REASON_LAUNCH_TEMPLATE_NAME_TAKEN, map[string]string{"launch_template_id": "lt-web"},
				"the name \"web\" is that of launch template lt-web; choose another"),
		},
		"CreateLaunchTemplateVersion":     {answer(&groupv1.CreateLaunchTemplateVersionResponse{Version: version(2, false)})},
		"SetDefaultLaunchTemplateVersion": {answer(&groupv1.SetDefaultLaunchTemplateVersionResponse{LaunchTemplate: web})},
		"ListLaunchTemplates": {
			answer(&groupv1.ListLaunchTemplatesResponse{NextPageToken: "t1"}), listed, // of list
			listed, listed, answer(&groupv1.ListLaunchTemplatesResponse{}), listed,
		},
		"ListLaunchTemplateVersions": {
			answer(&groupv1.ListLaunchTemplateVersionsResponse{Versions: []*groupv1.LaunchTemplateVersion{version(2, false), version(1, true)}}),
			answer(&groupv1.ListLaunchTemplateVersionsResponse{Versions: []*groupv1.LaunchTemplateVersion{version(1, true)}}),
			answer(&groupv1.ListLaunchTemplateVersionsResponse{}),
		},
		"DeleteLaunchTemplate":         {answer(&groupv1.DeleteLaunchTemplateResponse{})},
		"DeleteLaunchTemplateVersions": {answer(&groupv1.DeleteLaunchTemplateVersionsResponse{LaunchTemplate: web})},
	}
}

func TestTemplateFlag(t *testing.T) {
	for given, want := range map[string]struct {
		named   string
		version int64
	}{
		"lt-1": {"lt-1", 0}, "web:2": {"web", 2}, "a:b": {"a:b", 0}, "a:b:3": {"a:b", 3}, "web:0": {"web:0", 0}, ":1": {":1", 0}, "web:": {"web:", 0},
	} {
		if named, version := (templateFlag{Template: given}).parse(); named != want.named || version != want.version {
			t.Errorf("%s: %s, version %d", given, named, version)
		}
	}
}
