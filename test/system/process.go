package system

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/seed-198b1370/muster/pkg/rpc"
)

// Build builds the binary into a folder and returns its path.
func Build(dir string) (string, error) {
	binary := filepath.Join(dir, "muster")
	build := exec.Command("go", "build", "-o", binary, "github.com/seed-198b1370/muster/cmd/muster")
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the binary: %w\n%s", err, output)
	}
	return binary, nil
}

// A Process is a running muster process.
type Process struct {
	// GRPC is the host and port of its gRPC server.
	GRPC string
	// NATS is the URL of its JetStream; empty when others can not reach it.
	NATS string

	binary string
	args   []string
	cmd    *exec.Cmd
	logged *lockedBuffer
	ended  chan struct{}
	killed sync.Once
}

// StartProcess starts the binary and waits until it serves. When the test ends
// it is asked to stop, and the test fails if it does not do so cleanly.
func StartProcess(t testing.TB, binary string, args ...string) *Process {
	t.Helper()
	p := &Process{binary: binary, args: args, cmd: exec.Command(binary, args...), ended: make(chan struct{})}
	p.logged = &lockedBuffer{}
	p.cmd.Stderr = p.logged
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	serving := make(chan bool, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if url, ok := strings.CutPrefix(lines.Text(), "muster: serving NATS on "); ok {
				p.NATS = url
			}
			if addr, ok := strings.CutPrefix(lines.Text(), "muster: serving gRPC on "); ok {
				p.GRPC = addr
				serving <- true
			}
		}
		_ = p.cmd.Wait() // its end is judged by what it was asked to do
		close(p.ended)
	}()
	t.Cleanup(func() { p.stop(t) })
	select {
	case <-serving:
	case <-p.ended:
		t.Fatalf("muster %s ended at once:\n%s", strings.Join(args, " "), p.logged.String())
	case <-time.After(Patience):
		t.Fatalf("muster %s does not serve after %v:\n%s", strings.Join(args, " "), Patience, p.logged.String())
	}
	return p
}

// Kill ends the process as kill -9 does, and waits until it is gone.
func (p *Process) Kill() {
	p.killed.Do(func() { _ = p.cmd.Process.Kill() }) // fails only when it has ended
	<-p.ended
}

// Stop ends the process as an operator does, and waits until it is gone. The test
// fails if it does not end cleanly.
func (p *Process) Stop(t testing.TB) {
	t.Helper()
	p.stop(t)
}

// DataDir is the folder of the process's state; empty when it is in memory.
func (p *Process) DataDir() string {
	if at := slices.Index(p.args, "--data-dir"); at >= 0 {
		return p.args[at+1]
	}
	return ""
}

// Logged tells how often a text is in the process's log.
func (p *Process) Logged(text string) int { return strings.Count(p.logged.String(), text) }

// Pause stops the process where it is, as a machine that is suspended does,
// until Resume.
func (p *Process) Pause() { _ = p.cmd.Process.Signal(syscall.SIGSTOP) } // fails only when it has ended

// Resume lets a process go on that was paused.
func (p *Process) Resume() { _ = p.cmd.Process.Signal(syscall.SIGCONT) } // fails only when it has ended

// Restart starts a killed process again with the same flags, on the same ports.
func (p *Process) Restart(t testing.TB) *Process {
	t.Helper()
	args := slices.Clone(p.args)
	for i, arg := range args {
		switch arg {
		case "--listen":
			args[i+1] = p.GRPC
		case "--nats-listen":
			args[i+1] = strings.TrimPrefix(p.NATS, "nats://")
		}
	}
	return StartProcess(t, p.binary, args...)
}

// Dial connects to the process until the test ends.
func (p *Process) Dial(t testing.TB) *grpc.ClientConn {
	t.Helper()
	conn, err := rpc.Dial(p.GRPC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func (p *Process) stop(t testing.TB) {
	stopped := false
	p.killed.Do(func() {
		stopped = true
		_ = p.cmd.Process.Signal(os.Interrupt) // fails only when it has ended
	})
	select {
	case <-p.ended:
	case <-time.After(Patience):
		_ = p.cmd.Process.Kill()
		<-p.ended
		t.Errorf("muster did not stop within %v of being asked", Patience)
	}
	if stopped && p.cmd.ProcessState.ExitCode() != 0 {
		t.Errorf("muster ended with %v:\n%s", p.cmd.ProcessState, p.logged.String())
	}
	if strings.Contains(p.logged.String(), "DATA RACE") || strings.Contains(p.logged.String(), "panic") {
		t.Errorf("muster wrote:\n%s", p.logged.String())
	}
}

// lockedBuffer is a buffer that a process writes to while a test reads it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

// Write implements io.Writer.
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// String is what was written so far.
func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func formatFloat(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
