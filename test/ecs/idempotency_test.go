package ecs_test

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
)

// create is a call that creates a group, with a client token.
const create = "CreateAutoProvisioningGroup"

// A created is what a call came to that creates a group.
type created struct {
	answer map[string]any
	err    error
}

// createAtOnce makes a call of each of the clients, several times and all at
// once.
func createAtOnce(clients []client, times int, p params) []created {
	results := make([]created, times*len(clients))
	var wait sync.WaitGroup
	for i := range results {
		wait.Go(func() { results[i].answer, results[i].err = clients[i%len(clients)](create, ecsVersion, p) })
	}
	wait.Wait()
	return results
}

// oneGroup holds that calls with one token made one group, the only one of its
// name, with so many instances, and all told the same of it.
func oneGroup(t *testing.T, call client, made params, results []created, instances int) {
	t.Helper()
	ids, launched := map[string]bool{}, map[string]bool{}
	for _, result := range results {
		if result.err != nil {
			t.Fatal(result.err)
		}
		ids[text(result.answer, "AutoProvisioningGroupId")] = true
		for _, line := range list(result.answer, "LaunchResults", "LaunchResult") {
			for _, id := range list(line, "InstanceIds", "InstanceId") {
				launched[text(id)] = true
			}
		}
	}
	if len(ids) != 1 || len(launched) != instances {
		t.Fatalf("groups %v, instances %v; want one and %d", ids, launched, instances)
	}
	region := params{"RegionId": made["RegionId"]}
	if listed := must(t, call, "DescribeAutoProvisioningGroups", region.with("AutoProvisioningGroupName", made["AutoProvisioningGroupName"])); at(listed, "TotalCount") != 1.0 {
		t.Errorf("groups: %v", listed)
	}
	for id := range ids {
		members := must(t, call, "DescribeAutoProvisioningGroupInstances", region.with("AutoProvisioningGroupId", id))
		if instances > 0 && at(members, "TotalCount") != float64(instances) {
			t.Errorf("members: %v", members)
		}
	}
}

// TestOneTokenOneGroup calls with one client token, from both libraries, one
// after the other and all at once: there is one group, whatever its type.
func TestOneTokenOneGroup(t *testing.T) {
	for kind, instances := range map[string]int{"instant": 2, "maintain": 0} {
		t.Run(kind, func(t *testing.T) {
			s := start(t)
			call := small(s).with("AutoProvisioningGroupType", kind, "AutoProvisioningGroupName", "once", "ClientToken", "once")
			clients := []client{s.newer, s.classic}
			results := createAtOnce(clients, 16, call)
			results = append(results, createAtOnce(clients[:1], 1, call)...)
			results = append(results, createAtOnce(clients[1:], 1, call)...)
			oneGroup(t, s.newer, call, results, instances)
			for _, client := range clients {
				refused(t, client, create, call.with("TotalTargetCapacity", "3"), 400, "IdempotentParameterMismatch")
			}
		})
	}
}

// A process is `muster up` with a data folder.
type process struct {
	address string
	command *exec.Cmd
	ended   chan struct{}
}

// startProcess starts the binary and waits until it answers the ECS API.
func startProcess(t *testing.T, binary, dataDir, keys string) *process {
	t.Helper()
	p := &process{ended: make(chan struct{})}
	p.command = exec.CommandContext(t.Context(), binary, "up", "--data-dir", dataDir, "--ecs-keys", keys, "--speed", "600", "--calm",
		"--listen", "127.0.0.1:0", "--ecs-listen", "127.0.0.1:0", "--instance-listen-port", "0")
	var log strings.Builder
	p.command.Stderr = &log
	out, err := p.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	serving := make(chan string, 1)
	go func() {
		defer close(p.ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if address, ok := strings.CutPrefix(lines.Text(), "muster: serving the ECS API on http://"); ok {
				serving <- address
			}
		}
		_ = p.command.Wait() // it is killed
	}()
	t.Cleanup(p.kill)
	select {
	case p.address = <-serving:
	case <-p.ended:
		t.Fatalf("muster ended at once:\n%s", log.String())
	case <-time.After(patience):
		t.Fatalf("muster does not answer the ECS API after %v", patience)
	}
	return p
}

// kill ends the process as kill -9 does, and waits until it is gone.
func (p *process) kill() {
	_ = p.command.Process.Kill() // fails only when it has ended
	<-p.ended
}

// clients call the process.
func (p *process) clients() []client {
	return []client{
		func(action, version string, with params) (map[string]any, error) {
			return newerAt(p.address, "ak", action, version, with)
		},
		func(action, version string, with params) (map[string]any, error) {
			return classicAt(p.address, with["RegionId"], credentials.NewAccessKeyCredential("ak", "sk"), action, version, with)
		},
	}
}

// TestOneTokenAcrossKill kills the process after it has answered, and while it
// has not: who calls again with the token, when it is back, gets the one group.
func TestOneTokenAcrossKill(t *testing.T) {
	dir := t.TempDir()
	binary, keys := filepath.Join(dir, "muster"), filepath.Join(dir, "keys.yaml")
	build := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s -w", "-o", binary, ".")
	build.Dir = "../../cmd/muster"
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the binary: %v\n%s", err, output)
	}
	if err := os.WriteFile(keys, []byte("keys: [{id: ak, secret: sk, account: default}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for kind, instances := range map[string]int{"instant": 2, "maintain": 0} {
		t.Run(kind, func(t *testing.T) {
			data := filepath.Join(t.TempDir(), "data")
			call := params{
				"RegionId": "cn-shenzhen", "AutoProvisioningGroupType": kind, "AutoProvisioningGroupName": "once", "ClientToken": "answered",
				"TotalTargetCapacity": "2", "PayAsYouGoTargetCapacity": "1",
				"LaunchTemplateConfig.1.VSwitchId": "vsw-cn-shenzhen-d", "LaunchTemplateConfig.1.InstanceType": "ecs.c6.large",
			}
			running := startProcess(t, binary, data, keys)
			answered := createAtOnce(running.clients(), 1, call)
			running.kill()

			running = startProcess(t, binary, data, keys)
			again := createAtOnce(running.clients(), 4, call)
			oneGroup(t, running.clients()[0], call, append(answered, again...), instances)
			refused(t, running.clients()[1], create, call.with("TotalTargetCapacity", "3"), 400, "IdempotentParameterMismatch")

			// Killed at the first answer, with the other calls on their way.
			call = call.with("ClientToken", "unanswered", "AutoProvisioningGroupName", "other")
			first := make(chan struct{}, 16)
			var clients []client
			for _, library := range running.clients() {
				clients = append(clients, func(action, version string, with params) (map[string]any, error) {
					answer, err := library(action, version, with)
					first <- struct{}{}
					return answer, err
				})
			}
			results := make(chan []created, 1)
			go func() { results <- createAtOnce(clients, 8, call) }()
			<-first
			running.kill()
			var told []created
			for _, result := range <-results {
				var refusal refusal
				if errors.As(result.err, &refusal) {
					t.Errorf("refused: %v", result.err)
				}
				if result.err == nil {
					told = append(told, result)
				}
			}

			running = startProcess(t, binary, data, keys)
			told = append(told, createAtOnce(running.clients(), 4, call)...)
			oneGroup(t, running.clients()[0], call, told, instances)
		})
	}
}
