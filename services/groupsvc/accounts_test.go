package groupsvc

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"pgregory.net/rapid"

	"github.com/seed-198b1370/muster/pkg/clock"
	"github.com/seed-198b1370/muster/pkg/rpc"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	healthv1 "github.com/seed-198b1370/muster/proto/gen/muster/health/v1"
)

// as makes the context of calls for an account.
func as(ctx context.Context, account string) context.Context { return rpc.WithAccount(ctx, account) }

// createAs creates a group for an account.
func (b *bench) createAs(account string, spec *groupv1.GroupSpec) string {
	b.t.Helper()
	resp, err := b.client.CreateGroup(as(b.t.Context(), account), &groupv1.CreateGroupRequest{Spec: spec})
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.GetGroup().GetGroupId()
}

// owned is all that an account sees of its own.
func (b *bench) owned(account string) []proto.Message {
	b.t.Helper()
	ctx := as(b.t.Context(), account)
	groups, err := b.client.ListGroups(ctx, &groupv1.ListGroupsRequest{ShowDeleted: true})
	if err != nil {
		b.t.Fatal(err)
	}
	seen := []proto.Message{groups}
	for _, group := range groups.GetGroups() {
		if group.GetAccountId() != account {
			b.t.Errorf("account %s sees a group of %s", account, group.GetAccountId())
		}
		activities, activitiesErr := b.client.ListActivities(ctx, &groupv1.ListActivitiesRequest{GroupId: group.GetGroupId()})
		members, membersErr := b.client.ListGroupInstances(ctx, &groupv1.ListGroupInstancesRequest{GroupId: group.GetGroupId()})
		if activitiesErr != nil || membersErr != nil {
			b.t.Fatal(activitiesErr, membersErr)
		}
		seen = append(seen, activities, members)
	}
	templates, err := b.lt.ListLaunchTemplates(ctx, &groupv1.ListLaunchTemplatesRequest{})
	if err != nil {
		b.t.Fatal(err)
	}
	return append(seen, templates)
}

// What a group launches belongs to its owner, and so does what is told of it.
func TestAccounts_actForTheOwner(t *testing.T) {
	b := newBench(t, "")
	b.cloud.Accounts = []string{"acme"}
	id := b.createAs("acme", spec(4, 0, 4))
	asked := spec(3, 3, 0)
	asked.Type = groupv1.GroupType_GROUP_TYPE_INSTANT
	instant := b.createAs("acme", asked)
	b.settled(2 * time.Minute)
	for _, instance := range b.cloud.Instances("", "") {
		if instance.GetAccountId() != "acme" {
			t.Errorf("instance %s belongs to %s", instance.GetInstanceId(), instance.GetAccountId())
		}
	}
	if got := []int{len(b.members(id)), len(b.members(instant))}; !slices.Equal(got, []int{4, 3}) {
		t.Errorf("the groups have %v instances, want 4 and 3", got)
	}
	for _, event := range slices.Concat(b.told.of(id), b.told.of(instant)) {
		if event.GetAccountId() != "acme" {
			t.Errorf("an event of account %q", event.GetAccountId())
		}
	}
	// An event of the cloud names the owner, and wakes the group.
	b.cloud.Change(b.members(id)[0].GetInstanceId(), nil)
	if err := b.service.wake(t.Context(), &healthv1.InstanceEvent{AccountId: "acme", GroupId: id}); err != nil {
		t.Fatal(err)
	}
	b.settled(0)
	if got := len(b.members(id)); got != 4 {
		t.Errorf("%d instances after the event, want 4", got)
	}
}

// L3, S6: what belongs to other accounts than the default one goes on after a
// restart, when the clock has gone back, too.
func TestAccounts_goOnAfterARestart(t *testing.T) {
	b := newBench(t, t.TempDir())
	b.cloud.Accounts = []string{"acme"}
	b.settled(time.Hour)
	id := b.createAs("acme", spec(2, 0, 2))
	b.settled(time.Minute)
	b.end()
	b.clock = clock.NewVirtual(origin)
	b.cloud.Clock = b.clock
	b.start()
	b.cloud.Change(b.members(id)[0].GetInstanceId(), nil)
	b.settled(2 * time.Minute)
	if got := len(b.members(id)); got != 2 {
		t.Errorf("%d instances, want 2", got)
	}
	if next := b.createAs("acme", spec(0, 0, 0)); next <= id {
		t.Errorf("the id %s of a later group does not sort after %s", next, id)
	}
}

func TestAccounts_unknown(t *testing.T) {
	b := newBench(t, "")
	id := b.create(spec(1, 0, 1)).GetGroup().GetGroupId()
	for name, account := range map[string]string{"not there": "nobody", "none that can be": "a.*>", "empty": "", "long": strings.Repeat("a", 10_000)} {
		ctx := as(t.Context(), account)
		_, created := b.client.CreateGroup(ctx, &groupv1.CreateGroupRequest{Spec: spec(1, 0, 1)})
		_, previewed := b.client.PreviewGroup(ctx, &groupv1.PreviewGroupRequest{Spec: spec(1, 0, 1)})
		_, template := b.lt.CreateLaunchTemplate(ctx, &groupv1.CreateLaunchTemplateRequest{Name: "template", Configuration: &groupv1.LaunchConfiguration{}})
		_, listed := b.client.ListGroups(ctx, &groupv1.ListGroupsRequest{ShowDeleted: true})
		_, templates := b.lt.ListLaunchTemplates(ctx, &groupv1.ListLaunchTemplatesRequest{})
		refused := map[string]error{"create": created, "preview": previewed, "template": template, "list": listed, "templates": templates}
		for _, call := range b.callsOn(id, []string{"i-1"}, "lt-1") {
			refused[call.name] = call.make(ctx)
		}
		for call, err := range refused {
			if status.Code(err) != codes.Unauthenticated || !rpc.HasReason(err, groupv1.ErrorReason_ERROR_REASON_ACCOUNT_NOT_FOUND) {
				t.Errorf("%s: %s: %v", name, call, err)
			}
		}
	}
	// When the cloud can not be asked, what is stored is told all the same.
	b.cloud.Fault = func(string) error { return status.Error(codes.Unavailable, "away") }
	if _, err := b.client.GetGroup(as(t.Context(), "new"), &groupv1.GetGroupRequest{GroupId: id}); status.Code(err) != codes.NotFound && status.Code(err) != codes.Unauthenticated {
		t.Errorf("while the cloud is away: get: %v", err)
	}
	if got := b.group(id).GetGroupId(); got != id {
		t.Errorf("while the cloud is away the group is %s", got)
	}
	// When the cloud can not be asked, nothing is stored for anybody new.
	b.cloud.Fault = func(string) error { return status.Error(codes.Unavailable, "away") }
	if _, err := b.client.CreateGroup(as(t.Context(), "new"), &groupv1.CreateGroupRequest{Spec: spec(1, 0, 1)}); status.Code(err) != codes.Unauthenticated {
		t.Errorf("while the cloud is away: %v", err)
	}
}

// TestAccounts_isolation_Prop holds S8: whatever one account calls, with ids of
// its own and of others, and whatever comes of it, nothing that another sees of
// its own changes.
func TestAccounts_isolation_Prop(t *testing.T) {
	b := newBench(t, "")
	b.cloud.Accounts = []string{"acme"}
	resp, err := b.client.CreateGroup(as(t.Context(), "acme"), &groupv1.CreateGroupRequest{RequestId: "same", Spec: spec(3, 1, 2)})
	if err != nil {
		t.Fatal(err)
	}
	theirs := resp.GetGroup().GetGroupId()
	template, err := b.lt.CreateLaunchTemplate(as(t.Context(), "acme"), &groupv1.CreateLaunchTemplateRequest{Name: "theirs", Configuration: &groupv1.LaunchConfiguration{}})
	if err != nil {
		t.Fatal(err)
	}
	mine := b.create(spec(2, 0, 2)).GetGroup().GetGroupId()
	b.settled(5 * time.Minute)
	var instances []string
	for _, instance := range append(b.members(theirs), b.members(mine)...) {
		instances = append(instances, instance.GetInstanceId())
	}
	before := b.owned("acme")
	rapid.Check(t, func(rt *rapid.T) {
		id := rapid.SampledFrom([]string{theirs, mine}).Draw(rt, "group")
		one := []string{rapid.SampledFrom(instances).Draw(rt, "instance")}
		call := rapid.SampledFrom(b.callsOn(id, one, template.GetLaunchTemplate().GetLaunchTemplateId())).Draw(rt, "call")
		err := call.make(t.Context())
		if status.Code(err) == codes.Internal || id == theirs && call.needsGroup && status.Code(err) != codes.NotFound {
			rt.Fatalf("%s of group %s: %v", call.name, id, err)
		}
		// The other account is at work, too, on what is not its own.
		own := b.owned("default")
		back := rapid.SampledFrom(b.callsOn(mine, one, "lt-unknown")).Filter(func(c callOn) bool { return c.needsGroup }).Draw(rt, "the other's call")
		if err := back.make(as(t.Context(), "acme")); status.Code(err) != codes.NotFound {
			rt.Fatalf("%s by the other: %v", back.name, err)
		}
		if diff := cmp.Diff(own, b.owned("default"), protocmp.Transform()); diff != "" {
			rt.Fatalf("after %s by the other the caller sees (-before +after):\n%s", back.name, diff)
		}
		if _, err := b.service.Tick(t.Context()); err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(before, b.owned("acme"), protocmp.Transform()); diff != "" {
			rt.Fatalf("after %s of group %s acme sees (-before +after):\n%s", call.name, id, diff)
		}
	})
}

// A callOn is a call that may be refused. One that needs a group finds only those
// of the caller.
type callOn struct {
	name       string
	needsGroup bool
	make       func(context.Context) error
}

// String implements fmt.Stringer, for what rapid prints.
func (c callOn) String() string { return c.name }

func on[Req, Resp any](name string, needsGroup bool, call func(context.Context, Req, ...grpc.CallOption) (Resp, error), req Req) callOn {
	return callOn{name, needsGroup, func(ctx context.Context) error {
		_, err := call(ctx, req)
		return err
	}}
}

func (b *bench) callsOn(id string, instances []string, templateID string) []callOn {
	launch := []groupv1.Process{groupv1.Process_PROCESS_LAUNCH}
	fromTemplate := spec(1, 0, 1)
	fromTemplate.LaunchTemplate = &groupv1.LaunchTemplateReference{LaunchTemplateId: templateID}
	return []callOn{
		on("GetGroup", true, b.client.GetGroup, &groupv1.GetGroupRequest{GroupId: id}),
		on("ListActivities", true, b.client.ListActivities, &groupv1.ListActivitiesRequest{GroupId: id}),
		on("ListGroupInstances", true, b.client.ListGroupInstances, &groupv1.ListGroupInstancesRequest{GroupId: id}),
		on("UpdateGroup", true, b.client.UpdateGroup, &groupv1.UpdateGroupRequest{
			RequestId: "same" + id, GroupId: id, Spec: &groupv1.GroupSpec{TargetCapacity: &groupv1.TargetCapacity{Total: 4}},
			UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"target_capacity"}},
		}),
		on("RebalanceGroup", true, b.client.RebalanceGroup, &groupv1.RebalanceGroupRequest{RequestId: "same" + id, GroupId: id}),
		{"WatchGroup", true, func(ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			stream, err := b.client.WatchGroup(ctx, &groupv1.WatchGroupRequest{GroupIds: []string{id}})
			if err != nil {
				return err
			}
			_, err = stream.Recv()
			return err
		}},
		on("SuspendProcesses", true, b.client.SuspendProcesses, &groupv1.SuspendProcessesRequest{GroupId: id, Processes: launch}),
		on("ResumeProcesses", true, b.client.ResumeProcesses, &groupv1.ResumeProcessesRequest{GroupId: id, Processes: launch}),
		on("AttachInstances", false, b.client.AttachInstances, &groupv1.AttachInstancesRequest{GroupId: id, InstanceIds: instances}),
		on("DetachInstances", true, b.client.DetachInstances, &groupv1.DetachInstancesRequest{GroupId: id, InstanceIds: instances, DecrementTarget: true}),
		on("SetInstanceProtection", false, b.client.SetInstanceProtection, &groupv1.SetInstanceProtectionRequest{GroupId: id, InstanceIds: instances, Protected: true}),
		on("CreateScalingTask", true, b.scaling.CreateScalingTask, &groupv1.CreateScalingTaskRequest{RequestId: "same" + id, GroupId: id, Spec: trackingTask()}),
		on("ListScalingTasks", true, b.scaling.ListScalingTasks, &groupv1.ListScalingTasksRequest{GroupId: id}),
		on("ReportMetric", true, b.scaling.ReportMetric, &groupv1.ReportMetricRequest{GroupId: id, Samples: []*groupv1.MetricSample{{Metric: "cpu", Value: 99}}}),
		on("CreateGroup", false, b.client.CreateGroup, &groupv1.CreateGroupRequest{RequestId: "same", Spec: spec(1, 0, 1)}),
		on("CreateGroup from a template", false, b.client.CreateGroup, &groupv1.CreateGroupRequest{RequestId: "same", Spec: fromTemplate}),
		on("DeleteGroup", true, b.client.DeleteGroup, &groupv1.DeleteGroupRequest{GroupId: id, TerminateInstances: proto.Bool(true)}),
		on("DeleteLaunchTemplate", false, b.lt.DeleteLaunchTemplate, &groupv1.DeleteLaunchTemplateRequest{LaunchTemplateId: templateID}),
		on("CreateLaunchTemplate", false, b.lt.CreateLaunchTemplate, &groupv1.CreateLaunchTemplateRequest{RequestId: "same", Name: "theirs", Configuration: &groupv1.LaunchConfiguration{}}),
	}
}
