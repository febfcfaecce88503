// Package readme runs the README: every command line in it must work as
// printed.
package readme_test

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-198b1370/muster/test/system"
)

const root = "../.."

// endless commands end when the user ends them; the test does so after their
// first line.
var endless = []string{"events --from-start", "group watch", "up --listen"}

// elsewhere are command lines that other tests run, or that this one stands in
// for.
var elsewhere = []string{"go run ./cmd/muster demo", "make test", "go build -o muster ./cmd/muster", "./muster up --data-dir ./data --speed 60"}

func TestReadme(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	binary, err := system.Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	grpcurl, err := filepath.Abs(filepath.Join(root, ".bin/grpcurl"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(grpcurl); err != nil {
		t.Fatalf("grpcurl is missing: %v; `make tools` builds it, and `make test` does so by itself", err)
	}
	// The README's port may be taken on this machine, so the lines are run
	// against a free one; the state is kept in a folder as printed.
	up := system.StartProcess(t, binary, "up", "--listen", "127.0.0.1:0", "--data-dir", t.TempDir(), "--speed", "60", "--log-level", "warn")
	lines, pictures := commandLines(string(text)), t.TempDir()
	ran := 0
	for _, line := range lines {
		if isOne(line, elsewhere) {
			continue
		}
		ran++
		t.Run(line, func(t *testing.T) {
			command := strings.NewReplacer(
				"127.0.0.1:7070", up.GRPC,
				"127.0.0.1:7170", "127.0.0.1:0",
				"price.svg", filepath.Join(pictures, "price.svg"),
				"GROUP", "$GROUP",
			).Replace(strings.ReplaceAll(line, "GROUP_TYPE", "@TYPE@"))
			command = strings.ReplaceAll(command, "@TYPE@", "GROUP_TYPE")
			run(t, command, endsByItself(line), []string{
				"MUSTER_SERVER=" + up.GRPC, "GROUP=" + firstGroup(t, binary, up.GRPC),
				"PATH=" + linkTools(t, binary, grpcurl) + ":" + os.Getenv("PATH"),
			})
		})
	}
	if ran < 15 {
		t.Errorf("only %d command lines were found in the README: %v", ran, lines)
	}
}

// containers is the heading of the README's section that test/compose runs.
const containers = "## The stack in containers"

// commandLines are the lines of the README's sh blocks, but for those of the
// section that another test runs.
func commandLines(text string) []string {
	var lines []string
	inside, others := false, false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "## "):
			others = line == containers
		case others:
		case line == "```sh":
			inside = true
		case line == "```":
			inside = false
		case inside && line != "":
			lines = append(lines, line)
		}
	}
	return lines
}

func isOne(line string, of []string) bool {
	for _, one := range of {
		if line == one {
			return true
		}
	}
	return false
}

func endsByItself(line string) bool {
	for _, part := range endless {
		if strings.Contains(line, part) {
			return false
		}
	}
	return true
}

// linkTools makes a folder in which the shell finds grpcurl.
func linkTools(t *testing.T, binary, grpcurl string) string {
	t.Helper()
	dir := t.TempDir()
	for name, target := range map[string]string{"grpcurl": grpcurl, "muster": binary} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// run runs one command line in the root of the repository, with the built
// binary in place of ./muster.
func run(t *testing.T, command string, endsByItself bool, env []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), system.Patience)
	defer cancel()
	// exec, so that an endless command is the process that is interrupted.
	shell := exec.CommandContext(ctx, "sh", "-c", "exec "+strings.ReplaceAll(command, "./muster", "muster"))
	shell.Dir, shell.Env = root, append(os.Environ(), env...)
	if endsByItself {
		if output, err := shell.CombinedOutput(); err != nil || len(output) == 0 {
			t.Errorf("%v:\n%s", err, output)
		}
		return
	}
	output, err := shell.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(output).ReadString('\n'); err != nil {
		t.Errorf("wrote no line: %v", err)
	}
	if err := shell.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	if err := shell.Wait(); err != nil {
		t.Errorf("after an interrupt it ended with %v", err)
	}
}

// firstGroup is the id of the first group; empty before there is one.
func firstGroup(t *testing.T, binary, server string) string {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), binary, "group", "list", "--server", server, "-o", "json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var listed struct {
		Groups []struct {
			GroupID string `json:"groupId"`
		} `json:"groups"`
	}
	if err := json.Unmarshal(output, &listed); err != nil {
		t.Fatal(err)
	}
	if len(listed.Groups) == 0 {
		return ""
	}
	return listed.Groups[0].GroupID
}
