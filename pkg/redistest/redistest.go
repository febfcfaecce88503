// Package redistest starts a real Redis for tests and gives it bad days. It must
// not know what is kept there.
package redistest

import (
	"bufio"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience bounds, in real time, how long a server may take to serve.
const patience = 30 * time.Second

// A Server is a redis-server in a process of its own, on a folder of its own,
// with an append-only file that is synced always. It is killed when the test
// ends.
type Server struct {
	dir, addr string
	flags     []string
	cmd       *exec.Cmd
}

// Start starts a server. Without the program the test fails.
func Start(t testing.TB) *Server {
	t.Helper()
	return start(t)
}

// StartReplica starts a server that follows another.
func StartReplica(t testing.TB, of *Server) *Server {
	t.Helper()
	host, port, _ := strings.Cut(of.addr, ":")
	return start(t, "--replicaof", host+" "+port)
}

// AwaitReplica waits until a replica has heard of all that was written.
func (s *Server) AwaitReplica(t testing.TB) {
	t.Helper()
	if answer := s.ask(t, fmt.Sprintf("WAIT 1 %d", patience.Milliseconds())); answer != ":1" {
		t.Fatalf("redis-server answered %q to WAIT: no replica has heard of all", answer)
	}
}

// Promote makes a replica a server of its own; what it has not heard by now it
// never will.
func (s *Server) Promote(t testing.TB) {
	t.Helper()
	s.mustAsk(t, "REPLICAOF NO ONE")
}

func start(t testing.TB, flags ...string) *Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Fatalf("this test needs redis-server (Debian: apt-get install redis-server): %v", err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{dir: t.TempDir(), addr: free.Addr().String(), flags: flags}
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	s.Restart(t)
	return s
}

// Addr is its host and port.
func (s *Server) Addr() string { return s.addr }

// Dir is the folder of all that the server holds.
func (s *Server) Dir() string { return s.dir }

// URL is where the server is.
func (s *Server) URL() string { return "redis://" + s.addr }

// Restart starts the server, again on what its folder holds, and waits until it
// serves.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	_, port, _ := strings.Cut(s.addr, ":")
	s.cmd = exec.Command("redis-server", append([]string{
		"--port", port, "--bind", "127.0.0.1", "--dir", s.dir, "--save", "",
		"--appendonly", "yes", "--appendfsync", "always", "--loglevel", "warning", "--daemonize", "no",
	}, s.flags...)...)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(patience)
	for !s.serves() {
		if time.Now().After(deadline) {
			t.Fatalf("redis-server does not serve on %s after %v", s.addr, patience)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// serves asks the server whether it is there and has read its folder.
func (s *Server) serves() bool {
	conn, err := net.DialTimeout("tcp", s.addr, time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	if conn.SetDeadline(time.Now().Add(time.Second)) != nil {
		return false
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	return err == nil && strings.HasPrefix(line, "+PONG")
}

// Kill ends the server as kill -9 does, and waits until it is gone.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill() // fails only when it has ended
	_ = s.cmd.Wait()         // its end is known
}

// Pause stops the server where it is, until Resume.
func (s *Server) Pause() { _ = s.cmd.Process.Signal(syscall.SIGSTOP) } // fails only when it has ended

// Resume lets a paused server go on.
func (s *Server) Resume() { _ = s.cmd.Process.Signal(syscall.SIGCONT) } // fails only when it has ended

// Flush makes the server forget everything.
func (s *Server) Flush(t testing.TB) {
	t.Helper()
	s.mustAsk(t, "FLUSHALL")
}

// mustAsk sends a command that must be carried out.
func (s *Server) mustAsk(t testing.TB, command string) {
	t.Helper()
	if answer := s.ask(t, command); answer != "+OK" {
		t.Fatalf("redis-server answered %q to %q", answer, command)
	}
}

// ask sends a command without arguments that have blanks and reads the first
// line of the answer.
func (s *Server) ask(t testing.TB, command string) string {
	t.Helper()
	conn, err := net.DialTimeout("tcp", s.addr, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(command + "\r\n")); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// Set sets a key, as somebody else might.
func (s *Server) Set(t testing.TB, key string, value int) {
	t.Helper()
	s.mustAsk(t, "SET "+key+" "+strconv.Itoa(value))
}

// Configure changes a setting, as in "appendonly no".
func (s *Server) Configure(t testing.TB, setting string) {
	t.Helper()
	s.mustAsk(t, "CONFIG SET "+setting)
}
