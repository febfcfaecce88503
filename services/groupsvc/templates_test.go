package groupsvc

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// template creates a launch template.
func (b *bench) template(name string, configuration *groupv1.LaunchConfiguration) *groupv1.LaunchTemplate {
	b.t.Helper()
	resp, err := b.lt.CreateLaunchTemplate(b.t.Context(), &groupv1.CreateLaunchTemplateRequest{Name: name, Configuration: configuration})
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.GetLaunchTemplate()
}

// version adds a version to a launch template and tells its number.
func (b *bench) version(id string, configuration *groupv1.LaunchConfiguration) int64 {
	b.t.Helper()
	resp, err := b.lt.CreateLaunchTemplateVersion(b.t.Context(), &groupv1.CreateLaunchTemplateVersionRequest{LaunchTemplateId: id, Configuration: configuration})
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.GetVersion().GetVersion()
}

func (b *bench) versions(id string, asked ...int64) []*groupv1.LaunchTemplateVersion {
	b.t.Helper()
	resp, err := b.lt.ListLaunchTemplateVersions(b.t.Context(), &groupv1.ListLaunchTemplateVersionsRequest{LaunchTemplateId: id, Versions: asked})
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.GetVersions()
}

func numbersOf(versions []*groupv1.LaunchTemplateVersion) string {
	var numbers []string
	for _, version := range versions {
		number := fmt.Sprint(version.GetVersion())
		if version.GetIsDefault() {
			number += " default"
		}
		numbers = append(numbers, number)
	}
	return strings.Join(numbers, ", ")
}

func image(id string) *groupv1.LaunchConfiguration { return &groupv1.LaunchConfiguration{ImageId: id} }

func TestTemplates_versions(t *testing.T) {
	b := newBench(t, t.TempDir())
	created := b.template("web", image("one"))
	id := created.GetLaunchTemplateId()
	if !strings.HasPrefix(id, "lt-") || created.GetDefaultVersion() != 1 || created.GetLatestVersion() != 1 || created.GetAccountId() != "default" || created.GetEtag() == "" {
		t.Errorf("created %v", created)
	}
	b.clock.Advance(time.Minute)
	b.version(id, image("two"))
	b.version(id, image("three"))
	b.restart() // what was acknowledged is there (S6)
	if got := numbersOf(b.versions(id)); got != "3, 2, 1 default" {
		t.Errorf("versions %s", got)
	}
	if got := b.versions(id, 0, 2); numbersOf(got) != "2, 1 default" || got[0].GetConfiguration().GetImageId() != "two" {
		t.Errorf("some versions %v", got)
	}
	changed, err := b.lt.SetDefaultLaunchTemplateVersion(t.Context(), &groupv1.SetDefaultLaunchTemplateVersionRequest{LaunchTemplateId: id, Version: 3})
	if err != nil || changed.GetLaunchTemplate().GetDefaultVersion() != 3 || !changed.GetLaunchTemplate().GetUpdateTime().AsTime().After(created.GetUpdateTime().AsTime()) {
		t.Fatal(changed, err)
	}
	// A version that is deleted is gone, its number is not used again, and one
	// that is not there is no error.
	if _, err := b.lt.DeleteLaunchTemplateVersions(t.Context(), &groupv1.DeleteLaunchTemplateVersionsRequest{LaunchTemplateId: id, Versions: []int64{1, 2, 9}}); err != nil {
		t.Fatal(err)
	}
	if got := b.version(id, image("four")); got != 4 {
		t.Errorf("the next version is %d", got)
	}
	if got := numbersOf(b.versions(id)); got != "4, 3 default" {
		t.Errorf("versions %s", got)
	}
	// What changes nothing writes nothing.
	before, err := b.lt.GetLaunchTemplate(t.Context(), &groupv1.GetLaunchTemplateRequest{LaunchTemplateId: id})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.lt.DeleteLaunchTemplateVersions(t.Context(), &groupv1.DeleteLaunchTemplateVersionsRequest{LaunchTemplateId: id, Versions: []int64{1}}); err != nil {
		t.Fatal(err)
	}
	same, err := b.lt.SetDefaultLaunchTemplateVersion(t.Context(), &groupv1.SetDefaultLaunchTemplateVersionRequest{
		LaunchTemplateId: id, Version: 3, Etag: before.GetLaunchTemplate().GetEtag(),
	})
	if diff := cmp.Diff(before.GetLaunchTemplate(), same.GetLaunchTemplate(), protocmp.Transform()); diff != "" || err != nil {
		t.Errorf("%v (-before +after):\n%s", err, diff)
	}
}

func TestTemplates_refusals(t *testing.T) {
	b := newBench(t, "")
	id := b.template("web", image("one")).GetLaunchTemplateId()
	setDefault := func(id string, version int64, etag string) error {
		_, err := b.lt.SetDefaultLaunchTemplateVersion(t.Context(), &groupv1.SetDefaultLaunchTemplateVersionRequest{LaunchTemplateId: id, Version: version, Etag: etag})
		return err
	}
	create := func() error {
		_, err := b.lt.CreateLaunchTemplate(t.Context(), &groupv1.CreateLaunchTemplateRequest{Name: "web", Configuration: image("other")})
		return err
	}
	remove := func(id, etag string) error {
		_, err := b.lt.DeleteLaunchTemplate(t.Context(), &groupv1.DeleteLaunchTemplateRequest{LaunchTemplateId: id, Etag: etag})
		return err
	}
	removeVersions := func(versions ...int64) error {
		_, err := b.lt.DeleteLaunchTemplateVersions(t.Context(), &groupv1.DeleteLaunchTemplateVersionsRequest{LaunchTemplateId: id, Versions: versions})
		return err
	}
	b.version(id, image("two"))
	for name, test := range map[string]struct {
		err      error
		code     codes.Code
		reason   groupv1.ErrorReason
		metadata map[string]string
	}{
		"name taken":        {create(), codes.AlreadyExists, groupv1.ErrorReason_ERROR_REASON_LAUNCH_TEMPLATE_NAME_TAKEN, map[string]string{"launch_template_id": id}},
		"no template":       {setDefault("lt-none", 1, ""), codes.NotFound, groupv1.ErrorReason_ERROR_REASON_LAUNCH_TEMPLATE_NOT_FOUND, map[string]string{"launch_template_id": "lt-none"}},
		"no version":        {setDefault(id, 7, ""), codes.NotFound, groupv1.ErrorReason_ERROR_REASON_LAUNCH_TEMPLATE_VERSION_NOT_FOUND, map[string]string{"launch_template_id": id, "version": "7"}},
		"stale etag":        {setDefault(id, 2, "v1"), codes.FailedPrecondition, groupv1.ErrorReason_ERROR_REASON_ETAG_MISMATCH, map[string]string{"etag": "v2"}},
		"stale delete":      {remove(id, "v1"), codes.FailedPrecondition, groupv1.ErrorReason_ERROR_REASON_ETAG_MISMATCH, map[string]string{"etag": "v2"}},
		"default version":   {removeVersions(2, 1), codes.FailedPrecondition, groupv1.ErrorReason_ERROR_REASON_DEFAULT_VERSION, map[string]string{"launch_template_id": id, "version": "1"}},
		"nothing to delete": {remove("lt-none", ""), codes.NotFound, groupv1.ErrorReason_ERROR_REASON_LAUNCH_TEMPLATE_NOT_FOUND, map[string]string{"launch_template_id": "lt-none"}},
	} {
		if status.Code(test.err) != test.code || !rpc.HasReason(test.err, test.reason) {
			t.Errorf("%s: %v", name, test.err)
		}
		if diff := cmp.Diff(test.metadata, metadataOf(test.err)); diff != "" {
			t.Errorf("%s: metadata (-want +got):\n%s", name, diff)
		}
	}
	// Nothing of it had an effect.
	if got := numbersOf(b.versions(id)); got != "2, 1 default" {
		t.Errorf("versions %s", got)
	}
	if err := remove(id, "v2"); err != nil {
		t.Fatal(err)
	}
	b.template("web", image("one")) // the name is free again
}

func TestTemplates_namesAllThatIsWrong(t *testing.T) {
	b := newBench(t, "")
	wrong := &groupv1.LaunchConfiguration{
		ImageId: strings.Repeat("i", 65), UserData: "not base64!", InstanceName: "web[1;4]", InternetMaxBandwidthOutMbps: 101,
		Tags: map[string]string{"muster:group": "apg-1"}, SystemDisk: &fleetv1.DiskRequest{SizeGib: 19},
		SecurityGroupIds: []string{"sg", "sg"},
	}
	_, err := b.lt.CreateLaunchTemplate(t.Context(), &groupv1.CreateLaunchTemplateRequest{Name: "1", Configuration: wrong})
	got := violationsOf(t, err)
	for _, field := range []string{
		"name", "configuration.image_id", "configuration.user_data", "configuration.instance_name",
		"configuration.internet_max_bandwidth_out_mbps", `configuration.tags["muster:group"]`, "configuration.system_disk.size_gib",
		"configuration.system_disk.categories", "configuration.security_group_ids",
	} {
		if got[field] == "" {
			t.Errorf("nothing is said of %s", field)
		}
		delete(got, field)
	}
	if len(got) > 0 {
		t.Errorf("too much is said: %v", got)
	}
	data := func(bytes int) *groupv1.LaunchConfiguration {
		return &groupv1.LaunchConfiguration{UserData: base64.StdEncoding.EncodeToString(make([]byte, bytes))}
	}
	id := b.template("largest", data(32<<10)).GetLaunchTemplateId()
	_, err = b.lt.CreateLaunchTemplateVersion(t.Context(), &groupv1.CreateLaunchTemplateVersionRequest{LaunchTemplateId: id, Configuration: data(32<<10 + 1)})
	if got := violationsOf(t, err); !strings.Contains(got["configuration.user_data"], "must be at most 32 KiB before encoding") {
		t.Errorf("a byte too many: %v", got)
	}
}

func TestTemplates_limits(t *testing.T) {
	b := newBench(t, "")
	id := b.template("t0", image("i")).GetLaunchTemplateId()
	for range 29 {
		b.version(id, image("i"))
	}
	_, err := b.lt.CreateLaunchTemplateVersion(t.Context(), &groupv1.CreateLaunchTemplateVersionRequest{LaunchTemplateId: id, Configuration: image("i")})
	if status.Code(err) != codes.ResourceExhausted || !rpc.HasReason(err, groupv1.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED) || metadataOf(err)["most"] != "30" {
		t.Errorf("version 31: %v", err)
	}
	if _, err := b.lt.DeleteLaunchTemplateVersions(t.Context(), &groupv1.DeleteLaunchTemplateVersionsRequest{LaunchTemplateId: id, Versions: []int64{30}}); err != nil {
		t.Fatal(err)
	}
	if got := b.version(id, image("i")); got != 31 {
		t.Errorf("the version after the deleted one is %d", got)
	}
	for i := range 99 {
		b.template(fmt.Sprint("t", i+1), image("i"))
	}
	_, err = b.lt.CreateLaunchTemplate(t.Context(), &groupv1.CreateLaunchTemplateRequest{Name: "more", Configuration: image("i")})
	if status.Code(err) != codes.ResourceExhausted || !rpc.HasReason(err, groupv1.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED) || metadataOf(err)["most"] != "100" {
		t.Errorf("template 101: %v", err)
	}
}

// Tags of a template are removed before others are set, all or none; versions
// and what made them stay as they are.
func TestTemplates_tags(t *testing.T) {
	b := newBench(t, "")
	id := b.template("web", image("i")).GetLaunchTemplateId()
	update := func(remove []string, pairs ...string) (*groupv1.LaunchTemplate, error) {
		set := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			set[pairs[i]] = pairs[i+1]
		}
		resp, err := b.lt.UpdateLaunchTemplateTags(t.Context(), &groupv1.UpdateLaunchTemplateTagsRequest{LaunchTemplateId: id, SetTags: set, RemoveTagKeys: remove})
		return resp.GetLaunchTemplate(), err
	}
	many := make([]string, 0, 40)
	for i := range 18 {
		many = append(many, fmt.Sprint("k", i), "v")
	}
	for _, step := range []struct {
		remove []string
		set    []string
		want   string // of all tags; "" for a refusal
		fails  groupv1.ErrorReason
	}{
		{nil, []string{"a", "1", "b", "2"}, "a=1 b=2", 0},
		{nil, []string{"a", "1"}, "a=1 b=2", 0},
		{[]string{"a", "none"}, nil, "b=2", 0},
		{[]string{"b"}, []string{"b", "3"}, "b=3", 0},
		{nil, []string{"empty", ""}, "b=3 empty=", 0},
		{nil, append([]string{"one", "more"}, many...), "", groupv1.ErrorReason_ERROR_REASON_LIMIT_EXCEEDED},
		{[]string{"empty"}, append([]string{"one", "more"}, many...), "", 0}, // 20 of them
	} {
		updated, err := update(step.remove, step.set...)
		if step.fails != 0 {
			if status.Code(err) != codes.ResourceExhausted || !rpc.HasReason(err, step.fails) {
				t.Errorf("-%v +%v: %v", step.remove, step.set, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, key := range slices.Sorted(maps.Keys(updated.GetTags())) {
			told = append(told, key+"="+updated.GetTags()[key])
		}
		if got := strings.Join(told, " "); step.want != "" && got != step.want || step.want == "" && len(told) != 20 {
			t.Errorf("-%v +%v: tags %s, want %s", step.remove, step.set, got, step.want)
		}
		listed, err := b.lt.ListLaunchTemplates(t.Context(), &groupv1.ListLaunchTemplatesRequest{LaunchTemplateIds: []string{id}})
		if err != nil || len(listed.GetLaunchTemplates()) != 1 {
			t.Fatal(listed, err)
		}
		if diff := cmp.Diff(updated, listed.GetLaunchTemplates()[0], protocmp.Transform()); diff != "" {
			t.Errorf("listed otherwise than told:\n%s", diff)
		}
	}
	if got := numbersOf(b.versions(id)); got != "1 default" {
		t.Errorf("versions %s", got)
	}
	_, err := b.lt.UpdateLaunchTemplateTags(t.Context(), &groupv1.UpdateLaunchTemplateTagsRequest{LaunchTemplateId: "lt-none", SetTags: map[string]string{"a": "1"}})
	if status.Code(err) != codes.NotFound || !rpc.HasReason(err, groupv1.ErrorReason_ERROR_REASON_LAUNCH_TEMPLATE_NOT_FOUND) {
		t.Errorf("no such template: %v", err)
	}
}

func TestTemplates_tokens(t *testing.T) {
	b := newBench(t, "")
	request := &groupv1.CreateLaunchTemplateRequest{RequestId: "token", Name: "web", Configuration: image("one")}
	const callers = 8
	answers := make([]*groupv1.CreateLaunchTemplateResponse, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			var err error
			if answers[i], err = b.lt.CreateLaunchTemplate(t.Context(), request); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, answer := range answers {
		if diff := cmp.Diff(answers[0], answer, protocmp.Transform()); diff != "" {
			t.Errorf("the same call was answered differently:\n%s", diff)
		}
	}
	id := answers[0].GetLaunchTemplate().GetLaunchTemplateId()
	version := &groupv1.CreateLaunchTemplateVersionRequest{RequestId: "token", LaunchTemplateId: id, Configuration: image("two")}
	first, err := b.lt.CreateLaunchTemplateVersion(t.Context(), version)
	if err != nil {
		t.Fatal(err)
	}
	b.version(id, image("three"))
	again, err := b.lt.CreateLaunchTemplateVersion(t.Context(), version)
	if diff := cmp.Diff(first, again, protocmp.Transform()); diff != "" || err != nil {
		t.Errorf("%v (-first +again):\n%s", err, diff)
	}
	if got := numbersOf(b.versions(id)); got != "3, 2, 1 default" {
		t.Errorf("versions %s", got)
	}
	other := proto.CloneOf(request)
	other.Configuration.ImageId = "other"
	if _, err := b.lt.CreateLaunchTemplate(t.Context(), other); !rpc.HasReason(err, groupv1.ErrorReason_ERROR_REASON_IDEMPOTENT_PARAMETER_MISMATCH) {
		t.Errorf("the token with other parameters: %v", err)
	}
}

func TestTemplates_lists(t *testing.T) {
	b := newBench(t, "")
	var ids []string
	for i := range 25 {
		resp, err := b.lt.CreateLaunchTemplate(t.Context(), &groupv1.CreateLaunchTemplateRequest{
			Name: fmt.Sprintf("t%02d", i), Configuration: image("i"), Tags: map[string]string{"odd": fmt.Sprint(i % 2)},
		})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, resp.GetLaunchTemplate().GetLaunchTemplateId())
	}
	list := func(req *groupv1.ListLaunchTemplatesRequest) (found []string, pages int) {
		for {
			resp, err := b.lt.ListLaunchTemplates(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			pages++
			for _, template := range resp.GetLaunchTemplates() {
				found = append(found, template.GetLaunchTemplateId())
			}
			if req.PageToken = resp.GetNextPageToken(); req.GetPageToken() == "" {
				return found, pages
			}
		}
	}
	if all, pages := list(&groupv1.ListLaunchTemplatesRequest{PageSize: 5}); pages != 5 || !slices.Equal(all, ids) {
		t.Errorf("%d pages of %v", pages, all)
	}
	if odd, _ := list(&groupv1.ListLaunchTemplatesRequest{Tags: map[string]string{"odd": "1"}, PageSize: 7}); len(odd) != 12 || odd[0] != ids[1] {
		t.Errorf("odd ones %v", odd)
	}
	if some, _ := list(&groupv1.ListLaunchTemplatesRequest{Names: []string{"t03", "t20", "none"}, LaunchTemplateIds: ids[:5]}); len(some) != 1 || some[0] != ids[3] {
		t.Errorf("some %v", some)
	}
	if none, _ := list(&groupv1.ListLaunchTemplatesRequest{Tags: map[string]string{"even": ""}}); len(none) != 0 {
		t.Errorf("none %v", none)
	}
	if _, err := b.lt.ListLaunchTemplates(t.Context(), &groupv1.ListLaunchTemplatesRequest{PageToken: "x"}); !rpc.HasReason(err, groupv1.ErrorReason_ERROR_REASON_INVALID_TOKEN) {
		t.Errorf("a made-up token: %v", err)
	}
	for range 4 {
		b.version(ids[0], image("i"))
	}
	var pages []string
	req := &groupv1.ListLaunchTemplateVersionsRequest{LaunchTemplateId: ids[0], PageSize: 2}
	for {
		resp, err := b.lt.ListLaunchTemplateVersions(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, numbersOf(resp.GetVersions()))
		if req.PageToken = resp.GetNextPageToken(); req.GetPageToken() == "" {
			break
		}
	}
	if got := strings.Join(pages, " | "); got != "5, 4 | 3, 2 | 1 default" {
		t.Errorf("versions by page: %s", got)
	}
}

func TestTemplates_idsKeepTheirOrderWhenTheClockGoesBack(t *testing.T) {
	b := newBench(t, t.TempDir())
	first := b.template("first", image("i")).GetLaunchTemplateId()
	b.clock = clock.NewVirtual(origin.Add(-24 * time.Hour))
	b.cloud.Clock = b.clock
	b.restart()
	if second := b.template("second", image("i")).GetLaunchTemplateId(); second <= first {
		t.Errorf("%s was created after %s", second, first)
	}
}
