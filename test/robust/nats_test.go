package robust_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"

	"github.com/seed-198b1370/muster/pkg/natsserver"
)

// natsDir and natsListen, when set, make this test binary a NATS server on that
// folder and port until it is killed.
const (
	natsDir    = "MUSTER_ROBUST_NATS_DIR"
	natsListen = "MUSTER_ROBUST_NATS_LISTEN"
)

// serveNATS is the process of a NATS server.
func serveNATS() int {
	if _, err := natsserver.Start(natsserver.Config{DataDir: os.Getenv(natsDir), Listen: os.Getenv(natsListen)}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("serving")
	select {}
}

// A natsProcess is a NATS server in a process of its own.
type natsProcess struct {
	dir, listen string
	cmd         *exec.Cmd
}

// startNATS starts a server on a new folder; it is killed when the test ends.
func startNATS(t *testing.T) *natsProcess {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &natsProcess{dir: t.TempDir(), listen: free.Addr().String()}
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	n.start(t)
	t.Cleanup(n.kill)
	return n
}

func (n *natsProcess) url() string { return "nats://" + n.listen }

// start starts the server, again on what its folder holds.
func (n *natsProcess) start(t *testing.T) {
	t.Helper()
	n.cmd = exec.Command(os.Args[0])
	n.cmd.Env = append(os.Environ(), natsDir+"="+n.dir, natsListen+"="+n.listen)
	n.cmd.Stderr = os.Stderr
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("NATS does not serve: %q, %v", line, err)
	}
}

// kill ends it as kill -9 does.
func (n *natsProcess) kill() {
	_ = n.cmd.Process.Kill() // fails only when it has ended
	_ = n.cmd.Wait()         // its end is known
}
