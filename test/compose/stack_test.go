//go:build compose

package compose_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/test/system"
)

// Addresses of the stack on this machine.
const (
	groupsA = "127.0.0.1:7070"
	groupsB = "127.0.0.1:7071"
)

// maxImageBytes is what the image of our services may weigh.
const maxImageBytes = 40 << 20

// speed at which the tests let simulated time run.
const speed = 60

func TestStack(t *testing.T) {
	s := start(t, shape{})
	if size := s.imageBytes("muster:local"); size > maxImageBytes {
		t.Errorf("the image has %.1f MiB, want at most %d", float64(size)/(1<<20), maxImageBytes>>20)
	} else {
		t.Logf("the image has %.1f MiB", float64(size)/(1<<20))
	}
	t.Run("costs little while it has nothing to do", s.idle)
	a, b := s.connect(groupsA), s.connect(groupsB)
	setSpeed(t, a)

	t.Run("does what the README says", s.readme)
	t.Run("keeps capacity through the kill of each container", func(t *testing.T) { s.killEach(t, a, b) })
	t.Run("delivers exactly through the kill of all", func(t *testing.T) { s.killAll(t, a) })
}

func setSpeed(t *testing.T, running *system.System) {
	t.Helper()
	if _, err := running.Simulation.SetClockSpeed(t.Context(), &fleetv1.SetClockSpeedRequest{Speed: speed}); err != nil {
		t.Fatal(err)
	}
}

// killEach is S1, S2, S6 and L1 with each container killed in turn while a group
// is held: whatever dies, the others' work goes on, and no instance too many or
// too few is left.
func (s stack) killEach(t *testing.T, a, b *system.System) {
	const held = 50
	group := create(t, a, "held", held)
	a.AwaitFulfilled(t, group)
	victims := services
	if testing.Short() {
		victims = []string{"redis", "nats", "groupsvc-a", "gateway"}
	}
	for _, victim := range victims {
		s.kill(victim)
		if victim != "fleetsim" { // nobody can be reclaimed by a cloud that is away
			reclaimOne(t, a, group)
		}
		s.again(victim)
		through := a
		if victim == "groupsvc-a" {
			through = b // and a must be there for the next
		}
		through.AwaitFulfilled(t, group)
		exact(t, a, group, held, "after the kill of "+victim)
	}
	remove(t, a, group)
}

// killAll is S1 and S6 with every container killed in the middle of a delivery.
func (s stack) killAll(t *testing.T, a *system.System) {
	const delivered = 1000
	moments := []time.Duration{100 * time.Millisecond, 0, 400 * time.Millisecond}
	if testing.Short() {
		moments = moments[:1]
	}
	for _, moment := range moments {
		token := fmt.Sprintf("delivered-%d", moment.Milliseconds())
		answered := make(chan string, 1)
		go func() {
			created, err := a.Groups.CreateGroup(context.WithoutCancel(t.Context()), request(token, delivered))
			if err != nil {
				answered <- ""
				return
			}
			answered <- created.GetGroup().GetGroupId()
		}()
		<-time.After(moment) // into what it happens to be at
		s.kill(services...)
		acknowledged := <-answered
		s.up(system.Patience)
		setSpeed(t, a)
		group := create(t, a, token, delivered)
		if acknowledged != "" && acknowledged != group {
			t.Errorf("group %s was acknowledged before the kill, and its token made %s after it", acknowledged, group)
		}
		a.AwaitFulfilled(t, group)
		exact(t, a, group, delivered, fmt.Sprintf("after the kill %v into the delivery", moment))
		remove(t, a, group)
	}
}

// create makes a group, or finds it again under its token. What a service that
// is coming back can not answer yet is asked again.
func create(t *testing.T, running *system.System, token string, total int32) string {
	t.Helper()
	var group string
	system.Eventually(t, "the answer to the call", func() (bool, any) {
		created, err := running.Groups.CreateGroup(t.Context(), request(token, total))
		if status.Code(err) == codes.Unavailable {
			return false, err
		}
		if err != nil {
			t.Fatal(err)
		}
		group = created.GetGroup().GetGroupId()
		return true, nil
	})
	return group
}

func request(token string, total int32) *groupv1.CreateGroupRequest {
	spec := &groupv1.GroupSpec{
		TargetCapacity:     &groupv1.TargetCapacity{Total: total, Spot: total},
		Spot:               &groupv1.SpotOptions{PoolsToUse: 6},
		TerminateInstances: true,
	}
	for _, instanceType := range []string{"ecs.c6.large", "ecs.g6.large", "ecs.c7.large", "ecs.g7.large"} {
		for _, zone := range []string{"cn-shenzhen-d", "cn-shenzhen-e", "cn-shenzhen-f"} {
			spec.Candidates = append(spec.Candidates, &groupv1.Candidate{ZoneId: zone, InstanceType: instanceType})
		}
	}
	return &groupv1.CreateGroupRequest{RequestId: token, Spec: spec}
}

// reclaimOne takes an instance of the group away, as a cloud does at times.
func reclaimOne(t *testing.T, running *system.System, group string) {
	t.Helper()
	victim := running.Instances(t, group)[0].GetInstanceId()
	if _, err := running.Fleet.DeleteInstances(t.Context(), &fleetv1.DeleteInstancesRequest{
		InstanceIds: []string{victim},
	}); err != nil {
		t.Fatal(err)
	}
}

// exact holds the fleet against a group: so many live instances, all of the
// group. One that is just being replaced is waited for.
func exact(t *testing.T, running *system.System, group string, want int, when string) {
	t.Helper()
	system.Eventually(t, fmt.Sprintf("%d live instances %s", want, when), func() (bool, any) {
		live := len(running.Instances(t, group))
		if all := len(running.Instances(t, "")); all != live {
			return false, fmt.Sprintf("%d of the group, %d in all", live, all)
		}
		return live == want, live
	})
}

func remove(t *testing.T, running *system.System, group string) {
	t.Helper()
	if _, err := running.Groups.DeleteGroup(t.Context(), &groupv1.DeleteGroupRequest{
		GroupId: group, TerminateInstances: proto.Bool(true),
	}); err != nil {
		t.Fatal(err)
	}
	exact(t, running, group, 0, "after the group was deleted")
}

// readme runs the command lines of the README's section, on the project of the
// test, in one shell. The old compose tool does not know --wait; the test waits
// in its place.
func (s stack) readme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## The stack in containers\n")
	if !found {
		t.Fatal("the README has no section about the stack")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	if _, err := system.Build("../.."); err != nil { // where the README says that it is
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove("../../muster") })
	known := ". deploy/compose/env\n"
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(section, -1) {
		for line := range strings.Lines(block[1]) {
			command := strings.ReplaceAll(line, "docker compose ", strings.Join(composeTool(), " ")+" --project-name "+project+" ")
			command = strings.ReplaceAll(command, " --build", "") // done
			if composeTool()[0] != "docker" {
				command = strings.ReplaceAll(command, "--wait", "--detach")
			}
			shell := exec.Command("sh", "-ec", known+command)
			shell.Dir = "../.."
			if out, err := shell.CombinedOutput(); err != nil {
				t.Errorf("%s%v\n%s", line, err, out)
			}
			if strings.Contains(line, "--wait") {
				s.await()
			}
		}
	}
	for _, group := range listGroups(t, s.connect(groupsA)) {
		remove(t, s.connect(groupsA), group)
	}
}

func listGroups(t *testing.T, running *system.System) []string {
	t.Helper()
	list, err := running.Groups.ListGroups(t.Context(), &groupv1.ListGroupsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var groups []string
	for _, group := range list.GetGroups() {
		groups = append(groups, group.GetGroupId())
	}
	return groups
}
