package natsserver_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/seed-198b1370/muster/pkg/natsserver"
)

// writerDir, when set, makes this test binary a process that writes to a
// server on that folder until it is killed.
const writerDir = "MUSTER_NATSSERVER_TEST_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerDir); dir != "" {
		if err := writeForEver(dir); err != nil {
			fmt.Println("error:", err)
		}
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

func start(t *testing.T, config natsserver.Config) *natsserver.Server {
	t.Helper()
	server, err := natsserver.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server
}

func connect(t *testing.T, server *natsserver.Server) jetstream.JetStream {
	t.Helper()
	conn, err := server.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

var stream = jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}, Storage: jetstream.FileStorage, MaxBytes: 1 << 20}

func TestStart_inProcessOnly(t *testing.T) {
	server := start(t, natsserver.Config{})
	if url := server.URL(); url != "" {
		t.Errorf("a server without a port has URL %q", url)
	}
	js := connect(t, server)
	if _, err := js.CreateStream(t.Context(), stream); err != nil {
		t.Fatal(err)
	}
	if ack, err := js.Publish(t.Context(), "s", nil); err != nil || ack.Sequence != 1 {
		t.Errorf("published as %v, %v", ack, err)
	}
}

func TestStart_reachedOverItsPort(t *testing.T) {
	server := start(t, natsserver.Config{Listen: "127.0.0.1:0"})
	conn, err := nats.Connect(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

func TestStart_keepsItsFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "by", "start")
	for run := uint64(1); run <= 3; run++ {
		server := start(t, natsserver.Config{DataDir: dir})
		js := connect(t, server)
		if _, err := js.CreateOrUpdateStream(t.Context(), stream); err != nil {
			t.Fatal(err)
		}
		if ack, err := js.Publish(t.Context(), "s", nil); err != nil || ack.Sequence != run {
			t.Errorf("run %d published as %v, %v", run, ack, err)
		}
		js.Conn().Close()
		if err := server.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestClose_removesTheTemporaryFolder(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	server := start(t, natsserver.Config{})
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(os.TempDir())
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestStart_tellsWhyNot(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		config natsserver.Config
		want   string
	}{
		"port in use":       {natsserver.Config{Listen: taken.Addr().String()}, "in use"},
		"no port":           {natsserver.Config{Listen: "127.0.0.1"}, "host:port"},
		"port is a word":    {natsserver.Config{Listen: "127.0.0.1:nats"}, "number"},
		"folder is a file":  {natsserver.Config{DataDir: file}, ""},
		"port out of range": {natsserver.Config{Listen: "127.0.0.1:70000"}, "65535"},
	} {
		t.Run(name, func(t *testing.T) {
			server, err := natsserver.Start(test.config)
			if err == nil {
				t.Error("no error")
				server.Close()
			} else if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %q, want it to say %q", err, test.want)
			}
		})
	}
}

// S6: what was acknowledged is there after the process was killed.
func TestStart_afterKill(t *testing.T) {
	dir := t.TempDir()
	acknowledged := uint64(0)
	for range 3 {
		acknowledged = writeUntilKilled(t, dir, acknowledged+200)
		server := start(t, natsserver.Config{DataDir: dir})
		js := connect(t, server)
		info, err := js.Stream(t.Context(), "S")
		if err != nil {
			t.Fatal(err)
		}
		if last := info.CachedInfo().State.LastSeq; last < acknowledged {
			t.Errorf("%d were acknowledged, %d are left", acknowledged, last)
		}
		js.Conn().Close()
		if err := server.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// writeUntilKilled runs a process that publishes, kills it once it has told of
// so many acknowledgements, and returns the last that it told of.
func writeUntilKilled(t *testing.T, dir string, kill uint64) (acknowledged uint64) {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), writerDir+"="+dir)
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	for acknowledged < kill {
		if _, err := fmt.Fscanln(out, &acknowledged); err != nil {
			t.Fatalf("after %d: %v", acknowledged, err)
		}
	}
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	command.Wait()
	return acknowledged
}

func writeForEver(dir string) error {
	server, err := natsserver.Start(natsserver.Config{DataDir: dir})
	if err != nil {
		return err
	}
	conn, err := server.Connect()
	if err != nil {
		return err
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	ctx := context.Background()
	if _, err := js.CreateOrUpdateStream(ctx, stream); err != nil {
		return err
	}
	for {
		ack, err := js.Publish(ctx, "s", []byte("event"))
		if err != nil {
			return err
		}
		fmt.Println(ack.Sequence)
	}
}

// A folder is one server's at a time, and the next one's after that.
func TestStart_keepsOthersOutOfItsFolder(t *testing.T) {
	dir := t.TempDir()
	first, err := natsserver.Start(natsserver.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := natsserver.Start(natsserver.Config{DataDir: dir}); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("a second server on the folder: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := natsserver.Start(natsserver.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
}
