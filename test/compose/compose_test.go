//go:build compose

package compose_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-198b1370/muster/test/system"
)

// project is the compose project of the tests: its containers, volumes and
// network are theirs, and they remove no others.
const project = "muster-test"

// folder holds the compose files, seen from this one.
const folder = "../../deploy/compose/"

var built = flag.Bool("built", false, "test the image muster:local that is there, instead of building it")

// services are all containers of the stack.
var services = []string{
	"redis", "nats", "fleetsim", "allocator", "healthcheck-a", "healthcheck-b", "groupsvc-a", "groupsvc-b", "gateway",
}

// comesUp is what the stack may take from warm images until all is healthy.
const comesUp = time.Minute

// A shape is the stack as a user may have it: the base and what is put on top.
type shape struct {
	// overlays are the names of further files, compose.NAME.yaml.
	overlays []string
	// services are those that the overlays add.
	services []string
	// env is what compose reads from the environment.
	env []string
}

// A stack is the running compose project.
type stack struct {
	*testing.T
	shape

	services []string
}

// start brings the stack up anew, with empty volumes, until the test ends.
func start(t *testing.T, like shape) stack {
	t.Helper()
	s := stack{t, like, slices.Concat(services, like.services)}
	s.compose("down", "--volumes", "--remove-orphans", "--timeout", "5") // what a run that was killed left behind
	if !*built {
		s.compose("build", "--quiet", "fleetsim")
		*built = true // for the tests that follow
	}
	t.Cleanup(func() {
		if t.Failed() {
			fmt.Fprintln(os.Stderr, s.compose("logs", "--tail", "40"))
		}
		s.compose("down", "--volumes", "--timeout", "20")
	})
	s.up(comesUp)
	return s
}

// up starts what does not run and waits until all is healthy.
func (s stack) up(within time.Duration) {
	s.Helper()
	began := time.Now()
	deadline, cancel := context.WithTimeout(s.Context(), within)
	defer cancel()
	s.compose(append([]string{"up", "--detach", "--no-build"}, s.services...)...)
	for {
		sick := s.sick()
		if len(sick) == 0 {
			s.Logf("all services healthy after %v", time.Since(began).Round(100*time.Millisecond))
			return
		}
		select {
		case <-deadline.Done():
			s.Fatalf("after %v not healthy: %v", within, sick)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// sick are the services that are not healthy, with their state.
func (s stack) sick() []string {
	s.Helper()
	containers := make([]string, len(s.services))
	for i, service := range s.services {
		containers[i] = s.container(service)
	}
	// One that does not exist yet makes the command fail, and is missing in its
	// answer.
	answer, _ := s.docker(append([]string{"inspect", "--format", "{{.Name}} {{.State.Status}} {{with .State.Health}}{{.Status}}{{end}}"}, containers...)...)
	var sick []string
	for i, service := range s.services {
		// Those of others that have no health check need only run.
		running := "/" + containers[i] + " running "
		if !strings.Contains(answer, running+"healthy\n") && !strings.Contains(answer, running+"\n") {
			sick = append(sick, service)
		}
	}
	return sick
}

// container is the name that compose gives a service's container. The old
// compose tool and the new one disagree about a letter of it.
func (s stack) container(service string) string {
	if composeTool()[0] == "docker" {
		return project + "-" + service + "-1"
	}
	return project + "_" + service + "_1"
}

// composeTool is the compose command that this machine has.
func composeTool() []string {
	if exec.Command("docker", "compose", "version").Run() == nil {
		return []string{"docker", "compose"}
	}
	return []string{"docker-compose"}
}

func (s stack) compose(args ...string) string {
	s.Helper()
	command := append(composeTool(), "--project-name", project, "--file", folder+"compose.yaml")
	for _, overlay := range s.overlays {
		command = append(command, "--file", folder+"compose."+overlay+".yaml")
	}
	command = append(command, args...)
	run := exec.Command(command[0], command[1:]...)
	run.Env = append(os.Environ(), s.env...)
	out, err := run.CombinedOutput()
	if err != nil {
		s.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, out)
	}
	return string(out)
}

func (s stack) docker(args ...string) (string, error) {
	out, err := exec.Command("docker", args...).CombinedOutput()
	return string(out), err
}

// must runs a docker command that can not fail.
func (s stack) must(args ...string) string {
	s.Helper()
	out, err := s.docker(args...)
	if err != nil {
		s.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// kill ends services as kill -9 does, all at once.
func (s stack) kill(names ...string) {
	s.Helper()
	args := []string{"kill"}
	for _, name := range names {
		args = append(args, s.container(name))
	}
	s.must(args...)
}

// again starts killed services and waits until all is healthy.
func (s stack) again(names ...string) {
	s.Helper()
	args := []string{"start"}
	for _, name := range names {
		args = append(args, s.container(name))
	}
	s.must(args...)
	s.await()
}

// await waits until all services are healthy.
func (s stack) await() {
	s.Helper()
	system.Eventually(s.T, "the health of all services", func() (bool, any) {
		sick := s.sick()
		return len(sick) == 0, sick
	})
}

// imageBytes is the size of an image with all that it consists of.
func (s stack) imageBytes(image string) int64 {
	s.Helper()
	size, err := strconv.ParseInt(strings.TrimSpace(s.must("image", "inspect", "--format", "{{.Size}}", image)), 10, 64)
	if err != nil {
		s.Fatal(err)
	}
	return size
}

// connect makes clients of the stack, of one of its group services.
func (s stack) connect(groups string) *system.System {
	s.Helper()
	return system.Connect(s.T, groups, "127.0.0.1:7073", "127.0.0.1:7072", "127.0.0.1:7074")
}
