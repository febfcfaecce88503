package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
)

// A shell runs command lines against a system.
type shell struct {
	t      *testing.T
	server string
}

func newShell(t *testing.T) shell {
	t.Helper()
	running, err := stack.Start(t.Context(), stack.Config{Listen: "127.0.0.1:0", CalmMarket: true, Speed: 600, Grace: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := running.Stop(); err != nil {
			t.Error(err)
		}
	})
	return shell{t: t, server: running.Addr()}
}

// run runs a command line and returns its exit code and what it wrote.
func (s shell) run(line string) (code int, out, errOut string) {
	s.t.Helper()
	var stdout, stderr bytes.Buffer
	code = Run(s.t.Context(), s.args(line), strings.NewReader(""), &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

// args are the words of a command line, with the address of the system before
// those that are no flags.
func (s shell) args(line string) []string {
	words := strings.Fields(line)
	end := slices.Index(words, "--")
	if end < 0 {
		end = len(words)
	}
	return slices.Insert(words, end, "--server", s.server)
}

// ok runs a command line that must succeed and write each of the texts.
func (s shell) ok(line string, want ...string) string {
	s.t.Helper()
	code, out, errOut := s.run(line)
	if code != exitOK || errOut != "" {
		s.t.Fatalf("%s: exit code %d:\n%s%s", line, code, out, errOut)
	}
	for _, text := range want {
		if !strings.Contains(out, text) {
			s.t.Errorf("%s: %q is missing in:\n%s", line, text, out)
		}
	}
	return out
}

// fails runs a command line that must fail and tell each of the texts.
func (s shell) fails(line string, want ...string) {
	s.t.Helper()
	code, out, errOut := s.run(line)
	if code != exitFailed || out != "" {
		s.t.Errorf("%s: exit code %d, wrote:\n%s", line, code, out)
	}
	for _, text := range want {
		if !strings.Contains(errOut, text) {
			s.t.Errorf("%s: %q is missing in:\n%s", line, text, errOut)
		}
	}
}

func TestCommands(t *testing.T) {
	s := newShell(t)
	examples := "../../../../examples/"

	// Slow, or on a busy machine an hour passes before the last of these commands.
	s.ok("clock --speed 1", "at speed 1")
	s.ok("market --type ecs.c6.large --billing spot", "ecs.c6.large  cn-shenzhen-d  spot", "PRICE/H")
	s.ok("market --limit 3", "There are more")
	s.ok("preview -f "+examples+"web.yaml", "pay-as-you-go: 8 of 8 units placed", "spot: 32 of 32 units placed", "below the")
	created := s.ok("group create -f "+examples+"web.yaml --request-id web-1", "web", "maintain")
	group := regexp.MustCompile(`apg-\S+`).FindString(created)
	if again := s.ok("group create -f " + examples + "web.yaml --request-id web-1"); !strings.Contains(again, group) {
		t.Errorf("the same client token created another group:\n%s", again)
	}
	s.ok("group create -f "+examples+"sample.yaml", "TYPE               ZONE           BILLING        LAUNCHED  ERROR",
		"ecs.s6-c1m1.small  cn-shenzhen-d  pay-as-you-go  3         -", "ecs.s6-c1m1.small  cn-shenzhen-d  spot           2         -")
	s.ok("group list", group, "web")
	s.ok("group get "+group, "40 units: 8 pay-as-you-go, 32 spot", "Next look:", "ecs.g6.xlarge")
	s.ok("group update "+group+" --total 42", "/42", "pending-fulfillment")
	s.ok("group instances " + group)
	s.ok("group activities " + group)
	s.ok("fleet drain --zone cn-shenzhen-c", "pools are drained")
	s.ok("fleet restore --all", " pools are not drained (any more).")
	s.ok("fleet reclaim --type ecs.c6.large --max 1", "1 is still protected, up to an hour from its launch, and gets its notice when that ends; `muster clock --speed` makes time pass faster.\n")
	s.ok("clock --speed 500", "at speed 500")
	s.ok("group delete "+group+" --terminate", "delete")

	var listed struct {
		Groups []struct {
			GroupID string `json:"groupId"`
		} `json:"groups"`
	}
	if err := json.Unmarshal([]byte(s.ok("group list --deleted -o json")), &listed); err != nil || len(listed.Groups) != 2 {
		t.Errorf("JSON list has %v, %v", listed, err)
	}
}

func TestCommands_helpWhenWrong(t *testing.T) {
	s := newShell(t)
	file := filepath.Join(t.TempDir(), "group.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("spec:\n  targetCapacity: {total: 1, spot: 2}\n  candidates:\n    - {zoneId: cn-shenzhen-d, instanceType: ecs.c6.large, weightedCapacity: 0}\n")
	s.fails("group create -f "+file, file+":2 spec.target_capacity: total must be at least", file+":4 spec.candidates[0].weighted_capacity: ")
	write("spec:\n  targetCapacity: {total: 1}\n  candidates:\n    - {zoneId: cn-shenzhen-d, instanceType: ecs.c6.largest}\n")
	s.fails("group create -f "+file, file+":4 spec.candidates[0].instance_type: ", `"ecs.c6.largest"`)
	write("spec:\n  targetCapacitee: {total: 1}\n")
	s.fails("group create -f "+file, file+":2:3", "targetCapacitee")
	s.fails("group create -f "+filepath.Join(t.TempDir(), "none.yaml"), "no such file")
	s.fails("group get apg-none", "GROUP_NOT_FOUND")
	s.ok("group list")
	if code, _, errOut := s.run("group lits"); code != exitUsage || !strings.Contains(errOut, "list") {
		t.Errorf("a misspelt command gave %d:\n%s", code, errOut)
	}
}
