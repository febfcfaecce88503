package gateway

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/seed-198b1370/muster/pkg/rpc"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// groupsStub answers for the group service.
type groupsStub struct {
	groupv1.GroupServiceClient
	deleted []*groupv1.DeleteGroupRequest
	err     error
}

func (s *groupsStub) DeleteGroup(_ context.Context, request *groupv1.DeleteGroupRequest, _ ...grpc.CallOption) (*groupv1.DeleteGroupResponse, error) {
	s.deleted = append(s.deleted, request)
	return &groupv1.DeleteGroupResponse{}, s.err
}

func (s *groupsStub) GetGroup(context.Context, *groupv1.GetGroupRequest, ...grpc.CallOption) (*groupv1.GetGroupResponse, error) {
	return &groupv1.GetGroupResponse{Group: &groupv1.Group{Lifecycle: groupv1.Lifecycle_LIFECYCLE_ACTIVE}}, s.err
}

type templatesStub struct {
	groupv1.LaunchTemplateServiceClient
}

type fleetStub struct{ fleetv1.FleetServiceClient }

func newStubbed(t *testing.T, groups *groupsStub) *httptest.Server {
	t.Helper()
	g, err := New(Config{}, Deps{Groups: groups, Templates: templatesStub{}, Fleet: fleetStub{}, Verifier: Unsigned("default")})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	return server
}

func get(t *testing.T, url string) (int, map[string]any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, request)
}

func do(t *testing.T, request *http.Request) (int, map[string]any) {
	t.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if answer["RequestId"] == "" || answer["RequestId"] != response.Header.Get("X-Acs-Request-Id") {
		t.Errorf("RequestId: %v", answer)
	}
	return response.StatusCode, answer
}

func TestGateway_becomesACall(t *testing.T) {
	groups := &groupsStub{}
	server := newStubbed(t, groups)
	status, answer := get(t, server.URL+"/?Action=DeleteAutoProvisioningGroup&Version=2014-05-26&RegionId=r&AutoProvisioningGroupId=apg-1&TerminateInstances=true")
	if status != http.StatusOK || len(answer) != 1 {
		t.Fatalf("%d %v", status, answer)
	}
	if len(groups.deleted) != 1 || groups.deleted[0].GetGroupId() != "apg-1" || !groups.deleted[0].GetTerminateInstances() {
		t.Errorf("deleted %v", groups.deleted)
	}
}

func TestGateway_tellsErrorsInTheWordsOfTheAPI(t *testing.T) {
	const call = "/?Action=DeleteAutoProvisioningGroup&Version=2014-05-26&RegionId=r"
	for _, c := range []struct {
		name, path string
		backend    error
		status     int
		code       string
	}{
		{"no action", "/?Version=2014-05-26", nil, 400, "MissingParameter"},
		{"no version", "/?Action=X", nil, 400, "MissingParameter"},
		{"unknown version", "/?Action=DeleteAutoProvisioningGroup&Version=2013-01-01", nil, 400, "InvalidVersion"},
		{"unknown action", "/?Action=FlyToTheMoon&Version=2014-05-26", nil, 404, "InvalidAction.NotFound"},
		{"another path", "/moon", nil, 404, "InvalidAction.NotFound"},
		{"absent", call, nil, 400, "MissingParameter"},
		{"twice", call + "&RegionId=r", nil, 400, "InvalidParameter"},
		{"no UTF-8", call + "&AutoProvisioningGroupId=%ff", nil, 400, "InvalidParameter"},
		{"no boolean", call + "&AutoProvisioningGroupId=a&TerminateInstances=maybe", nil, 400, "InvalidParameter"},
		{
			"not found", call + "&AutoProvisioningGroupId=a",
			rpc.Error(codes.NotFound, groupv1.ErrorReason_ERROR_REASON_GROUP_NOT_FOUND, nil, "there is no group \"a\""),
			404, "InvalidAutoProvisioningGroupId.NotFound",
		},
		{"internal", call + "&AutoProvisioningGroupId=a", io.ErrUnexpectedEOF, 500, "InternalError"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := newStubbed(t, &groupsStub{err: c.backend})
			status, answer := get(t, server.URL+c.path)
			if status != c.status || answer["Code"] != c.code {
				t.Errorf("got %d %v, want %d %s", status, answer, c.status, c.code)
			}
			if answer["HostId"] != strings.TrimPrefix(server.URL, "http://") || answer["Recommend"] == "" {
				t.Errorf("answer %v", answer)
			}
		})
	}
}
