package groupsvc

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seed-198b1370/muster/pkg/rpc"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/internal/store"
)

type watching = grpc.ServerStreamingClient[groupv1.WatchGroupResponse]

func (b *bench) watchGroups(ctx context.Context, cursor string, ids ...string) watching {
	b.t.Helper()
	stream, err := b.client.WatchGroup(ctx, &groupv1.WatchGroupRequest{GroupIds: ids, Cursor: cursor})
	if err != nil {
		b.t.Fatal(err)
	}
	return stream
}

// until receives until a message is the one that is waited for.
func until(t *testing.T, stream watching, is func(*groupv1.Group) bool) *groupv1.WatchGroupResponse {
	t.Helper()
	for {
		got, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if is(got.GetGroup()) {
			return got
		}
	}
}

func TestWatch_tellsWhatIsAndWhatChanges(t *testing.T) {
	b := newBench(t, "")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	first, second := b.create(spec(2, 0, 2)).GetGroup().GetGroupId(), b.create(spec(1, 0, 1)).GetGroup().GetGroupId()
	stream := b.watchGroups(ctx, "", first, second)
	until(t, stream, func(g *groupv1.Group) bool { return g.GetGroupId() == first })
	until(t, stream, func(g *groupv1.Group) bool { return g.GetGroupId() == second })
	b.settled(time.Minute)
	met := func(id string) func(*groupv1.Group) bool {
		return func(g *groupv1.Group) bool {
			return g.GetGroupId() == id && g.GetFulfillment() == groupv1.Fulfillment_FULFILLMENT_FULFILLED && g.GetCapacity().GetFulfilled() == 2
		}
	}
	until(t, stream, met(first))
	cursor := b.latestCursor(first, second)
	// Whoever goes on is told only what has changed since: of many changes the
	// last.
	for _, name := range []string{"one", "two", "three"} {
		b.change(second, &groupv1.GroupSpec{Name: name}, "name")
	}
	resumed := b.watchGroups(ctx, cursor, first, second)
	got, err := resumed.Recv()
	if err != nil || got.GetGroup().GetGroupId() != second || got.GetGroup().GetSpec().GetName() != "three" {
		t.Errorf("a watch that goes on begins with %v, %v", got, err)
	}
}

// A report of a metric changes nothing that a watch tells.
func TestWatch_saysNothingOfReports(t *testing.T) {
	b := newBench(t, "")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	id := b.create(spec(2, 0, 0)).GetGroup().GetGroupId()
	b.settled(time.Minute)
	if _, err := b.scaling.CreateScalingTask(ctx, &groupv1.CreateScalingTaskRequest{GroupId: id, Spec: trackingTask()}); err != nil {
		t.Fatal(err)
	}
	b.settled(time.Minute)
	cursor := b.latestCursor(id)
	report := &groupv1.ReportMetricRequest{GroupId: id, Samples: []*groupv1.MetricSample{{Metric: "cpu", Value: 50}}}
	if resp, err := b.scaling.ReportMetric(ctx, report); err != nil || len(resp.GetUnusedMetrics()) > 0 {
		t.Fatal(resp, err)
	}
	if next := b.latestCursor(id); next != cursor {
		t.Errorf("the cursor becomes %s, was %s", next, cursor)
	}
	stream := b.watchGroups(ctx, cursor, id)
	b.change(id, &groupv1.GroupSpec{Name: "changed"}, "name")
	if got, err := stream.Recv(); err != nil || got.GetGroup().GetSpec().GetName() != "changed" {
		t.Errorf("the watch tells %v, %v", got, err)
	}
}

// latestCursor is the cursor of a watch that has been told all that there is.
func (b *bench) latestCursor(ids ...string) string {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	defer cancel()
	stream, cursor := b.watchGroups(ctx, "", ids...), ""
	for range ids {
		got, err := stream.Recv()
		if err != nil {
			b.t.Fatal(err)
		}
		cursor = got.GetCursor()
	}
	return cursor
}

// What another process writes into the store is told, too.
func TestWatch_seesOtherProcesses(t *testing.T) {
	b := newBench(t, "")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	id := b.create(spec(0, 0, 0)).GetGroup().GetGroupId()
	stream := b.watchGroups(ctx, b.latestCursor(id), id)
	record, err := b.groups.Get(ctx, store.Key{Account: rpc.DefaultAccount, GroupID: id})
	if err != nil {
		t.Fatal(err)
	}
	record.Group.Group.Spec.Name = "by another"
	if err := b.groups.Save(ctx, store.Change{Account: rpc.DefaultAccount, Group: record.Group}); err != nil {
		t.Fatal(err)
	}
	until(t, stream, func(g *groupv1.Group) bool { return g.GetSpec().GetName() == "by another" })
}

// A watch ends with its caller, and when a group is forgotten; nothing is left of
// it, which goleak holds.
func TestWatch_ends(t *testing.T) {
	b := newBench(t, "")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	id := b.create(spec(0, 0, 0)).GetGroup().GetGroupId()
	left, leave := context.WithCancel(ctx)
	stream := b.watchGroups(left, "", id)
	until(t, stream, func(*groupv1.Group) bool { return true })
	leave()
	if _, err := stream.Recv(); status.Code(err) != codes.Canceled {
		t.Errorf("after its caller has gone: %v", err)
	}
	stream = b.watchGroups(ctx, "", id)
	until(t, stream, func(*groupv1.Group) bool { return true })
	if _, err := b.client.DeleteGroup(ctx, &groupv1.DeleteGroupRequest{GroupId: id}); err != nil {
		t.Fatal(err)
	}
	b.settled(time.Minute)
	until(t, stream, func(g *groupv1.Group) bool { return g.GetLifecycle() == groupv1.Lifecycle_LIFECYCLE_DELETED })
	b.settled(8 * 24 * time.Hour)
	if _, err := stream.Recv(); !rpc.HasReason(err, groupv1.ErrorReason_ERROR_REASON_GROUP_NOT_FOUND) {
		t.Errorf("a forgotten group: %v", err)
	}
}

func TestWatch_refusals(t *testing.T) {
	b := newBench(t, "")
	b.cloud.Accounts = []string{"acme"}
	id := b.create(spec(0, 0, 0)).GetGroup().GetGroupId()
	many := make([]string, 101)
	for name, test := range map[string]struct {
		ctx    context.Context
		cursor string
		ids    []string
		code   codes.Code
	}{
		"no such group":     {t.Context(), "", []string{id, "apg-none"}, codes.NotFound},
		"another's":         {as(t.Context(), "acme"), "", []string{id}, codes.NotFound}, // S8
		"no groups":         {t.Context(), "", nil, codes.InvalidArgument},
		"too many":          {t.Context(), "", many, codes.InvalidArgument},
		"no cursor":         {t.Context(), "x", []string{id}, codes.InvalidArgument},
		"cursor of a list":  {t.Context(), rpc.EncodePageToken("groups", id), []string{id}, codes.InvalidArgument},
		"cursor of nothing": {t.Context(), rpc.EncodePageToken("watch", id+"=0"), []string{id}, codes.InvalidArgument},
	} {
		stream := b.watchGroups(test.ctx, test.cursor, test.ids...)
		var err error
		for err == nil {
			_, err = stream.Recv()
		}
		if status.Code(err) != test.code || errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Pages under filters are those of the whole list, filtered.
func TestLists_filter(t *testing.T) {
	b := newBench(t, "")
	var all []*groupv1.Group
	for i := range 7 {
		asked := spec(0, 0, 0)
		asked.Name, asked.Tags = []string{"even", "odd"}[i%2], map[string]string{"third": []string{"yes", "no", "no"}[i%3]}
		if i < 3 {
			asked.Type = groupv1.GroupType_GROUP_TYPE_INSTANT
		}
		all = append(all, b.create(asked).GetGroup())
	}
	gone := all[6].GetGroupId()
	if _, err := b.client.DeleteGroup(t.Context(), &groupv1.DeleteGroupRequest{GroupId: gone}); err != nil {
		t.Fatal(err)
	}
	b.settled(time.Minute)
	for name, test := range map[string]struct {
		req  *groupv1.ListGroupsRequest
		want []int
	}{
		"all but the deleted": {&groupv1.ListGroupsRequest{}, []int{0, 1, 2, 3, 4, 5}},
		"the deleted":         {&groupv1.ListGroupsRequest{ShowDeleted: true, Lifecycles: []groupv1.Lifecycle{groupv1.Lifecycle_LIFECYCLE_DELETED}}, []int{6}},
		"not the deleted":     {&groupv1.ListGroupsRequest{GroupIds: []string{gone, all[0].GetGroupId()}}, []int{0}},
		"by name":             {&groupv1.ListGroupsRequest{Name: "odd"}, []int{1, 3, 5}},
		"by type":             {&groupv1.ListGroupsRequest{Types: []groupv1.GroupType{groupv1.GroupType_GROUP_TYPE_MAINTAIN}}, []int{3, 4, 5}},
		"by tag":              {&groupv1.ListGroupsRequest{Tags: map[string]string{"third": "yes"}}, []int{0, 3}},
		"by ids":              {&groupv1.ListGroupsRequest{GroupIds: []string{all[4].GetGroupId(), "apg-none", all[1].GetGroupId(), all[2].GetGroupId()}}, []int{1, 2, 4}},
		"by two things":       {&groupv1.ListGroupsRequest{Name: "even", Tags: map[string]string{"third": "no"}}, []int{2, 4}},
		"by nothing there is": {&groupv1.ListGroupsRequest{Tags: map[string]string{"fourth": ""}}, nil},
	} {
		for _, size := range []int32{1, 2, 250} {
			test.req.PageSize, test.req.PageToken = size, ""
			var got []string
			for {
				page, err := b.client.ListGroups(t.Context(), test.req)
				if err != nil {
					t.Fatal(err)
				}
				for _, group := range page.GetGroups() {
					got = append(got, group.GetGroupId())
				}
				if test.req.PageToken = page.GetNextPageToken(); test.req.GetPageToken() == "" {
					break
				}
			}
			var want []string
			for _, i := range test.want {
				want = append(want, all[i].GetGroupId())
			}
			if len(got) != len(want) {
				t.Errorf("%s by %d: %v, want %v", name, size, got, want)
				continue
			}
			for i := range got {
				if got[i] != want[i] {
					t.Errorf("%s by %d: %v, want %v", name, size, got, want)
				}
			}
		}
	}
}
