package groupsvc

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seed-198b1370/muster/pkg/rpc"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

func violationsOf(t *testing.T, err error) map[string]string {
	t.Helper()
	if status.Code(err) != codes.InvalidArgument {
		t.Fatalf("got %v, want INVALID_ARGUMENT", err)
	}
	found := map[string]string{}
	for _, violation := range rpc.FieldViolations(err) {
		found[violation.GetField()] = violation.GetDescription()
	}
	return found
}

func TestCreate_namesAllThatIsWrongAndStoresNothing(t *testing.T) {
	b := newBench(t, "")
	b.cloud.Sell("zone-c", "rare", 1, 1, 1)
	asked := spec(5, 0, 0)
	asked.Candidates = []*groupv1.Candidate{
		{ZoneId: "zone-a", InstanceType: "small"}, {ZoneId: "zone-x", InstanceType: "small"},
		{ZoneId: "zone-a", InstanceType: "huge"}, {ZoneId: "zone-c", InstanceType: "small"}, {ZoneId: "zone-a", InstanceType: "small"},
	}
	asked.Spot = &groupv1.SpotOptions{PoolsToUse: 6}
	want := map[string]string{
		"spec.candidates[1].zone_id": `"zone-x"`, "spec.candidates[2].instance_type": `"huge"`,
		"spec.candidates[3].instance_type": "must be sold in zone zone-c", "spec.candidates[4]": "candidates[0]",
		"spec.spot.pools_to_use": "at most the number of candidates, 5, got 6",
	}
	_, createErr := b.client.CreateGroup(t.Context(), &groupv1.CreateGroupRequest{RequestId: "r", Spec: asked})
	_, previewErr := b.client.PreviewGroup(t.Context(), &groupv1.PreviewGroupRequest{Spec: asked})
	for call, err := range map[string]error{"create": createErr, "preview": previewErr} {
		got := violationsOf(t, err)
		for field, part := range want {
			if !strings.Contains(got[field], part) {
				t.Errorf("%s: violation of %s is %q, want one with %q", call, field, got[field], part)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: violations %v", call, got)
		}
	}
	resp, err := b.client.ListGroups(t.Context(), &groupv1.ListGroupsRequest{ShowDeleted: true})
	if err != nil || len(resp.GetGroups()) != 0 {
		t.Errorf("stored %v, %v", resp.GetGroups(), err)
	}
}

// What the contract and what the catalog says is told in one answer.
func TestCreate_tellsAllKindsOfViolationsAtOnce(t *testing.T) {
	b := newBench(t, "")
	many := make([]*groupv1.Candidate, 21)
	for i := range many {
		many[i] = &groupv1.Candidate{ZoneId: "zone-a", InstanceType: fmt.Sprint("type-", i)}
	}
	for name, test := range map[string]struct {
		spec *groupv1.GroupSpec
		want map[string]string
	}{
		"a bad name and an unknown zone": {
			&groupv1.GroupSpec{Name: "x", TargetCapacity: &groupv1.TargetCapacity{}, Candidates: []*groupv1.Candidate{{ZoneId: "zone-x", InstanceType: "small"}}},
			map[string]string{"spec.name": `got "x"`, "spec.candidates[0].zone_id": `one of zone-a, zone-b, got "zone-x"`},
		},
		"nothing of it": {
			nil, map[string]string{"spec": "must be given, got nothing"},
		},
		"no target, no weight, no zone, and one pool twice": {
			&groupv1.GroupSpec{Spot: &groupv1.SpotOptions{PoolsToUse: 5}, Candidates: []*groupv1.Candidate{
				{ZoneId: "zone-a", InstanceType: "small", WeightedCapacity: proto.Float64(math.NaN())},
				{InstanceType: "huge"}, {InstanceType: "huge"}, {ZoneId: "zone-a", InstanceType: "small"},
			}},
			map[string]string{
				"spec.target_capacity": "must be given", "spec.candidates[0].weighted_capacity": "got NaN",
				"spec.candidates[1].zone_id": "must be a zone of the region", "spec.candidates[1].instance_type": `"huge"`,
				"spec.candidates[2].zone_id": "must be a zone of the region", "spec.candidates[2].instance_type": `"huge"`,
				"spec.candidates[3]": "candidates[0] names it, got zone-a small", "spec.spot.pools_to_use": "got 5",
			},
		},
		"21 candidates": {
			&groupv1.GroupSpec{TargetCapacity: &groupv1.TargetCapacity{}, Candidates: many},
			func() map[string]string {
				want := map[string]string{"spec.candidates": "got 21 items"}
				for i := range 20 {
					want[fmt.Sprintf("spec.candidates[%d].instance_type", i)] = fmt.Sprintf("%q", fmt.Sprint("type-", i))
				}
				return want
			}(),
		},
	} {
		_, createErr := b.client.CreateGroup(t.Context(), &groupv1.CreateGroupRequest{RequestId: "a b", Spec: test.spec})
		_, previewErr := b.client.PreviewGroup(t.Context(), &groupv1.PreviewGroupRequest{Spec: test.spec})
		created, previewed := violationsOf(t, createErr), violationsOf(t, previewErr)
		if got := created["request_id"]; got != `must be 1 to 64 printable ASCII characters without space, got "a b"` {
			t.Errorf("%s: request_id: %s", name, got)
		}
		delete(created, "request_id")
		for call, got := range map[string]map[string]string{"create": created, "preview": previewed} {
			for field, part := range test.want {
				if !strings.Contains(got[field], part) {
					t.Errorf("%s: %s: violation of %s is %q, want one with %q", name, call, field, got[field], part)
				}
			}
			if len(got) != len(test.want) {
				t.Errorf("%s: %s: violations %v", name, call, got)
			}
		}
	}
	// What is wrong in itself is told even when the cloud is away.
	b.cloud.Fault = func(string) error { return status.Error(codes.Unavailable, "away") }
	b.clock.Advance(time.Hour)
	asked := spec(1, 0, 0)
	asked.Name, asked.Candidates[1] = "x", &groupv1.Candidate{ZoneId: "zone-new", InstanceType: "small"}
	asked.Spot = &groupv1.SpotOptions{PoolsToUse: 3}
	_, err := b.client.CreateGroup(t.Context(), &groupv1.CreateGroupRequest{Spec: asked})
	if got := violationsOf(t, err); len(got) != 2 || got["spec.name"] == "" || got["spec.spot.pools_to_use"] == "" {
		t.Errorf("while the cloud is away: %v", got)
	}
}

func TestCreate_fillsDefaultsAndKeepsTokens(t *testing.T) {
	b := newBench(t, "")
	request := &groupv1.CreateGroupRequest{RequestId: "token", Spec: spec(5, 0, 0)}
	first, err := b.client.CreateGroup(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	filled := first.GetGroup().GetSpec()
	if filled.GetType() != groupv1.GroupType_GROUP_TYPE_MAINTAIN || filled.GetCandidates()[0].GetWeightedCapacity() != 1 ||
		filled.GetSpot().GetPoolsToUse() != 1 || filled.GetSpot().GetAllocationStrategy() == 0 || filled.GetPayAsYouGo().GetAllocationStrategy() == 0 ||
		filled.GetExcessCapacityTerminationPolicy() == 0 || filled.GetTargetCapacity().GetDefaultType() == 0 {
		t.Errorf("defaults are missing: %v", filled)
	}
	again, err := b.client.CreateGroup(t.Context(), request)
	if err != nil || again.GetGroup().GetGroupId() != first.GetGroup().GetGroupId() {
		t.Errorf("the same token gave %v, %v", again, err)
	}
	other := proto.CloneOf(request)
	other.Spec.TargetCapacity.Total = 6
	_, err = b.client.CreateGroup(t.Context(), other)
	if want := `request_id "token" was used before with other parameters: use a new one for a new request`; !rpc.HasReason(err, groupv1.ErrorReason_ERROR_REASON_IDEMPOTENT_PARAMETER_MISMATCH) ||
		status.Convert(err).Message() != want || !strings.HasSuffix(violationsOf(t, err)["request_id"], `got "token"`) || metadataOf(err)["request_id"] != "token" {
		t.Errorf("the token with other parameters: %v", err)
	}
	b.clock.Advance(24*time.Hour - 1)
	if again, err = b.client.CreateGroup(t.Context(), request); err != nil || again.GetGroup().GetGroupId() != first.GetGroup().GetGroupId() {
		t.Errorf("the token was forgotten early: %v, %v", again, err)
	}
}

func TestUpdate_refusals(t *testing.T) {
	b := newBench(t, "")
	group := b.create(spec(10, 2, 3)).GetGroup()
	update := func(req *groupv1.UpdateGroupRequest, paths ...string) error {
		req.UpdateMask = &fieldmaskpb.FieldMask{Paths: paths}
		if req.GroupId == "" {
			req.GroupId = group.GetGroupId()
		}
		_, err := b.client.UpdateGroup(t.Context(), req)
		return err
	}
	target := func(total, payAsYouGo, spot int32) *groupv1.UpdateGroupRequest {
		return &groupv1.UpdateGroupRequest{Spec: &groupv1.GroupSpec{TargetCapacity: &groupv1.TargetCapacity{Total: total, PayAsYouGo: payAsYouGo, Spot: spot}}}
	}
	for name, test := range map[string]struct {
		err         error
		field, rule string
	}{
		"no paths":        {update(target(1, 0, 0)), "update_mask", "target_capacity.total"},
		"other path":      {update(target(1, 0, 0), "nam"), "update_mask.paths[0]", `"nam"`},
		"below the sum":   {update(target(4, 0, 0), "target_capacity.total"), "spec.target_capacity", "total must be at least pay_as_you_go + spot"},
		"out of range":    {update(target(2001, 0, 0), "target_capacity.total"), "spec.target_capacity.total", "2001"},
		"negative":        {update(target(0, -1, 0), "target_capacity.pay_as_you_go"), "spec.target_capacity.pay_as_you_go", "-1"},
		"nothing to take": {update(&groupv1.UpdateGroupRequest{}, "target_capacity"), "spec.target_capacity", "nothing"},
	} {
		if got := violationsOf(t, test.err); !strings.Contains(got[test.field], test.rule) {
			t.Errorf("%s: %v", name, got)
		}
	}
	stale := target(12, 0, 0)
	stale.Etag = "v0"
	stale.GetSpec().TargetCapacity.Total = 1 // what is wrong with that depends on what the group is now
	err := update(stale, "target_capacity.total")
	if want := `etag "v0" is not the group's, which is "v1" now: read the group again`; !rpc.HasReason(err, groupv1.ErrorReason_ERROR_REASON_ETAG_MISMATCH) ||
		status.Convert(err).Message() != want || metadataOf(err)["etag"] != "v1" {
		t.Errorf("stale etag: %v", err)
	}
	garbled := target(12, 0, 0)
	garbled.RequestId = "a b"
	if got := violationsOf(t, update(garbled, "type", "spec")); len(got) != 3 || got["request_id"] == "" || got["update_mask.paths[1]"] == "" {
		t.Errorf("a bad request id beside a bad mask: %v", got)
	}
	fresh := target(12, 0, 0)
	fresh.Etag, fresh.RequestId = group.GetEtag(), "u"
	for range 2 { // the second is the same call once more
		if err := update(fresh, "target_capacity.total"); err != nil {
			t.Errorf("fresh etag: %v", err)
		}
	}
	if got := b.group(group.GetGroupId()); got.GetGeneration() != 2 || got.GetLifecycle() != groupv1.Lifecycle_LIFECYCLE_SUBMITTED {
		t.Errorf("generation %d, lifecycle %v", got.GetGeneration(), got.GetLifecycle())
	}
	if _, err := b.client.DeleteGroup(t.Context(), &groupv1.DeleteGroupRequest{GroupId: group.GetGroupId(), Etag: "v0"}); !rpc.HasReason(err, groupv1.ErrorReason_ERROR_REASON_ETAG_MISMATCH) {
		t.Errorf("delete with a stale etag: %v", err)
	}
	if _, err := b.client.DeleteGroup(t.Context(), &groupv1.DeleteGroupRequest{GroupId: group.GetGroupId()}); err != nil {
		t.Fatal(err)
	}
	for _, total := range []int32{12, 1, -1} { // good or bad
		if err := update(target(total, 0, 0), "target_capacity.total"); !rpc.HasReason(err, groupv1.ErrorReason_ERROR_REASON_GROUP_IS_BEING_DELETED) {
			t.Errorf("update to %d while being deleted: %v", total, err)
		}
	}
	missing := target(12, 0, 0)
	missing.GroupId = "apg-none"
	if err := update(missing, "target_capacity.total"); !rpc.HasReason(err, groupv1.ErrorReason_ERROR_REASON_GROUP_NOT_FOUND) {
		t.Errorf("update of no group: %v", err)
	}
}

func TestLists_page(t *testing.T) {
	b := newBench(t, "")
	var ids []string
	for range 5 {
		ids = append(ids, b.create(spec(7, 0, 0)).GetGroup().GetGroupId())
	}
	b.settled(time.Minute)
	var listed []string
	for token := ""; ; {
		resp, err := b.client.ListGroups(t.Context(), &groupv1.ListGroupsRequest{PageSize: 2, PageToken: token})
		if err != nil {
			t.Fatal(err)
		}
		for _, group := range resp.GetGroups() {
			listed = append(listed, group.GetGroupId())
		}
		if token = resp.GetNextPageToken(); token == "" {
			break
		}
	}
	if fmt.Sprint(listed) != fmt.Sprint(ids) {
		t.Errorf("listed %v, want %v", listed, ids)
	}
	members := 0
	for token := ""; ; {
		resp, err := b.client.ListGroupInstances(t.Context(), &groupv1.ListGroupInstancesRequest{GroupId: ids[2], PageSize: 3, PageToken: token})
		if err != nil {
			t.Fatal(err)
		}
		for _, member := range resp.GetInstances() {
			if !member.GetCounts() || member.GetWeightedCapacity() != 1 || member.GetInstance().GetTags()[TagGroup] != ids[2] {
				t.Errorf("member %v", member)
			}
			members++
		}
		if token = resp.GetNextPageToken(); token == "" {
			break
		}
	}
	if members != 7 {
		t.Errorf("%d members listed, want 7", members)
	}
	foreign := rpc.EncodePageToken("activities/other", "x")
	_, groupsErr := b.client.ListGroups(t.Context(), &groupv1.ListGroupsRequest{PageToken: "garbage"})
	_, instancesErr := b.client.ListGroupInstances(t.Context(), &groupv1.ListGroupInstancesRequest{GroupId: ids[0], PageToken: foreign})
	_, activitiesErr := b.client.ListActivities(t.Context(), &groupv1.ListActivitiesRequest{GroupId: ids[0], PageToken: foreign})
	for list, err := range map[string]error{"groups": groupsErr, "instances": instancesErr, "activities": activitiesErr} {
		if !rpc.HasReason(err, groupv1.ErrorReason_ERROR_REASON_INVALID_TOKEN) || violationsOf(t, err)["page_token"] == "" {
			t.Errorf("%s: %v", list, err)
		}
	}
}

func TestPreview_launchesNothing(t *testing.T) {
	b := newBench(t, "")
	resp, err := b.client.PreviewGroup(t.Context(), &groupv1.PreviewGroupRequest{Spec: spec(10, 4, 0)})
	if err != nil || len(resp.GetPlacements()) != 2 || resp.GetTotals().GetPlacedMilliunits() != 10_000 || b.cloud.Created() != 0 {
		t.Errorf("preview %v, %v; %d launched", resp, err, b.cloud.Created())
	}
	nothing, err := b.client.PreviewGroup(t.Context(), &groupv1.PreviewGroupRequest{Spec: spec(0, 0, 0)})
	if err != nil || len(nothing.GetPlacements()) != 0 || nothing.GetSpec().GetType() != groupv1.GroupType_GROUP_TYPE_MAINTAIN {
		t.Errorf("preview of nothing: %v, %v", nothing, err)
	}
}

// events is an event source that a test feeds.
type events chan *healthv1.InstanceEvent

// Consume implements EventSource.
func (e events) Consume(ctx context.Context, handle func(context.Context, *healthv1.InstanceEvent) error) error {
	for {
		select {
		case event := <-e:
			if err := handle(ctx, event); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// TestRun_eventsMakeItFast runs the service as it is run live: the clock stands
// still, so that nothing but calls and events can bring a look about.
func TestRun_eventsMakeItFast(t *testing.T) {
	b := newBench(t, "")
	source := make(events)
	b.service.events = source
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.service.Run(ctx) }()
	<-b.service.Ready()
	id := b.create(spec(30, 10, 0)).GetGroup().GetGroupId()
	b.await(id, func(g *groupv1.Group) bool { return g.GetFulfillment() == groupv1.Fulfillment_FULFILLMENT_FULFILLED })
	victim := b.members(id)[29].GetInstanceId()
	b.cloud.Notice(victim)
	source <- &healthv1.InstanceEvent{GroupId: id, InstanceId: victim, Kind: healthv1.InstanceEventKind_INSTANCE_EVENT_KIND_INTERRUPTION_NOTICE}
	b.await(id, func(g *groupv1.Group) bool {
		return g.GetCapacity().GetNoticedInstances() == 1 && g.GetCapacity().GetFulfilled() == 30
	})
	if len(b.members(id)) != 31 {
		t.Errorf("%d members, want 31", len(b.members(id)))
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// await waits until a group is as wanted.
func (b *bench) await(id string, is func(*groupv1.Group) bool) {
	b.t.Helper()
	for b.t.Context().Err() == nil {
		progress := b.service.control.Progress()
		if is(b.group(id)) {
			return
		}
		select {
		case <-progress:
		case <-time.After(10 * time.Second):
			b.t.Fatalf("waited too long for %v", b.group(id))
		}
	}
}

// Activities can be asked for by when they started, in pages as well; each tells
// when something of it was last done.
func TestActivities_byTime(t *testing.T) {
	b := newBench(t, "")
	id := b.create(spec(2, 0, 0)).GetGroup().GetGroupId()
	for range 9 {
		b.settled(time.Hour)
		b.cloud.Change(b.members(id)[0].GetInstanceId(), nil)
	}
	b.settled(time.Hour)
	all := b.activities(id)
	request := &groupv1.ListActivitiesRequest{
		GroupId: id, PageSize: 2, StartedFrom: timestamppb.New(origin.Add(2 * time.Hour)), StartedBefore: all[2].GetStartTime(),
	}
	var got []*groupv1.Activity
	for {
		resp, err := b.client.ListActivities(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, resp.GetActivities()...)
		if request.PageToken = resp.GetNextPageToken(); request.PageToken == "" {
			break
		}
	}
	want := slices.DeleteFunc(slices.Clone(all[3:]), func(a *groupv1.Activity) bool { return a.GetStartTime().AsTime().Before(origin.Add(2 * time.Hour)) })
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" || len(want) < 4 {
		t.Errorf("of %d activities %d were wanted (-want +got):\n%s", len(all), len(want), diff)
	}
	for _, activity := range all {
		if at := activity.GetLastEventTime().AsTime(); at.Before(activity.GetStartTime().AsTime()) || at.After(activity.GetEndTime().AsTime()) {
			t.Errorf("last event at %v: %v", at, activity)
		}
	}
	request = &groupv1.ListActivitiesRequest{GroupId: id, StartedFrom: timestamppb.New(origin.Add(time.Hour)), StartedBefore: timestamppb.New(origin)}
	if _, err := b.client.ListActivities(t.Context(), request); status.Code(err) != codes.InvalidArgument {
		t.Errorf("times the wrong way round: %v", err)
	}
}
