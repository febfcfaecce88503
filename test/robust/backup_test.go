package robust_test

import (
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/seed-198b1370/muster/pkg/redistest"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/test/system"
)

// A keeper is what keeps groups, as an operator backs it up: stopped, as a folder.
type keeper struct {
	folder      string
	stop, start func()
}

// backUp copies the folder while nobody writes to it.
func (k keeper) backUp(t *testing.T) (copied string) {
	t.Helper()
	copied = filepath.Join(t.TempDir(), "backup")
	k.stop()
	copyFolder(t, k.folder, copied)
	k.start()
	return copied
}

// restore puts a copy in the place of the folder.
func (k keeper) restore(t *testing.T, copied string) {
	t.Helper()
	k.stop()
	if err := os.RemoveAll(k.folder); err != nil {
		t.Fatal(err)
	}
	copyFolder(t, copied, k.folder)
	k.start()
}

func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// A folder of `muster up`, copied while it was stopped and put back later, is the
// whole system as it was: cloud and groups agree, and go on from there.
func TestBackup_wholeSystem(t *testing.T) {
	up, s := system.StartAllInOne(t, binary, filepath.Join(t.TempDir(), "data"), speed)
	kept := keeper{folder: up.DataDir(), stop: func() { up.Stop(t) }, start: func() {
		up = up.Restart(t)
		s = system.Connect(t, up.GRPC, up.GRPC, up.GRPC, up.GRPC)
	}}
	id := createKept(t, s, "ecs.c6.large", "cn-shenzhen-e", 10)
	copied := kept.backUp(t)
	raiseTo(t, s, id, 20)
	kept.restore(t, copied)
	awaitExactly(t, s, id, 10)
	if live := len(s.Instances(t, "")); live != 10 {
		t.Errorf("%d instances live, want the 10 of the backup", live)
	}
	raiseTo(t, s, id, 15)
}

// Groups are put back to an earlier backup while the cloud has gone on: each group
// that is in it comes to its target of then, exactly; what it launches later it
// launches once, although its slots have been used before; and instances of groups
// that the backup does not know live on, and are found by their tag.
func TestBackup_groupsBehindTheCloud(t *testing.T) {
	t.Run("folder", func(t *testing.T) {
		processes, s := system.StartProcesses(t, binary, system.Options{Speed: speed, Scenario: bigRegion})
		groupsBehind(t, s, &processes.Groupsvc, keeper{folder: processes.Groupsvc.DataDir(), stop: func() {}, start: func() {}})
	})
	t.Run("redis", func(t *testing.T) {
		server := redistest.Start(t)
		processes, s := system.StartProcesses(t, binary, system.Options{Speed: speed, Scenario: bigRegion, Store: server.URL()})
		groupsBehind(t, s, &processes.Groupsvc, keeper{folder: server.Dir(), stop: server.Kill, start: func() { server.Restart(t) }})
	})
}

// groupsBehind is the test of groups that a group service keeps somewhere.
func groupsBehind(t *testing.T, s *system.System, service **system.Process, where keeper) {
	t.Helper()
	kept := keeper{folder: where.folder, stop: func() {
		(*service).Stop(t)
		where.stop()
	}, start: func() {
		where.start()
		*service = (*service).Restart(t)
	}}
	id := createKept(t, s, "m1.large", "zone-a", 10)
	copied := kept.backUp(t)
	raiseTo(t, s, id, 20)
	late := createKept(t, s, "m1.large", "zone-b", 3)
	kept.restore(t, copied)
	awaitExactly(t, s, id, 10)
	if _, err := s.Groups.GetGroup(t.Context(), &groupv1.GetGroupRequest{GroupId: late}); status.Code(err) != codes.NotFound {
		t.Errorf("a group that the backup does not know: got %v, want NOT_FOUND", err)
	}
	if live := len(s.Instances(t, late)); live != 3 {
		t.Errorf("%d instances of the group that is not known live on, want 3", live)
	}
	raiseTo(t, s, id, 25)
	raiseTo(t, s, id, 30)
}

// createKept creates a group of pay-as-you-go instances and waits for them.
func createKept(t *testing.T, s *system.System, instanceType, zone string, total int32) string {
	t.Helper()
	created, err := s.Groups.CreateGroup(t.Context(), &groupv1.CreateGroupRequest{Spec: &groupv1.GroupSpec{
		TargetCapacity: &groupv1.TargetCapacity{Total: total, PayAsYouGo: total}, TerminateInstances: true,
		Candidates: []*groupv1.Candidate{{ZoneId: zone, InstanceType: instanceType}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	awaitExactly(t, s, created.GetGroup().GetGroupId(), total)
	return created.GetGroup().GetGroupId()
}

// raiseTo changes the target of a group and waits for it.
func raiseTo(t *testing.T, s *system.System, id string, total int32) {
	t.Helper()
	_, err := s.Groups.UpdateGroup(t.Context(), &groupv1.UpdateGroupRequest{
		GroupId: id, Spec: &groupv1.GroupSpec{TargetCapacity: &groupv1.TargetCapacity{Total: total, PayAsYouGo: total}},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"target_capacity.total", "target_capacity.pay_as_you_go"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	awaitExactly(t, s, id, total)
}

// awaitExactly waits until a group says that it is at its target, and the cloud,
// too.
func awaitExactly(t *testing.T, s *system.System, id string, total int32) {
	t.Helper()
	s.AwaitGroup(t, id, "the group at its target", func(g *groupv1.Group) bool {
		return g.GetObservedGeneration() == g.GetGeneration() && g.GetCapacity().GetInstances() == total && g.GetSpec().GetTargetCapacity().GetTotal() == total
	})
	system.Eventually(t, "as many instances as the target", func() (bool, any) {
		live := len(s.Instances(t, id))
		return live == int(total), live
	})
}
