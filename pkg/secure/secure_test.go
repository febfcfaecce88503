package secure_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/seed-198b1370/muster/pkg/rpc"
	"github.com/seed-198b1370/muster/pkg/secure"
	"github.com/seed-198b1370/muster/pkg/secure/devca"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A lockedLog is a log that a test reads while a server writes it.
type lockedLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedLog) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), text)
}

// certificates makes an authority with certificates that began at a time.
func certificates(t *testing.T, now time.Time) string {
	t.Helper()
	dir := t.TempDir()
	renew(t, dir, now)
	return dir
}

func renew(t *testing.T, dir string, now time.Time) {
	t.Helper()
	if _, err := devca.Init(dir, devca.Names{Hosts: []string{"fleetsim"}, Service: "groupsvc"}, now, time.Hour); err != nil {
		t.Fatal(err)
	}
}

func serverFiles(dir string) secure.ServerFiles {
	return secure.ServerFiles{
		Cert: filepath.Join(dir, devca.ServerFile), Key: filepath.Join(dir, devca.ServerKeyFile), ClientCA: filepath.Join(dir, devca.CAFile),
	}
}

func clientFiles(dir string) secure.ClientFiles {
	return secure.ClientFiles{
		CA: filepath.Join(dir, devca.CAFile), Cert: filepath.Join(dir, devca.ClientFile), Key: filepath.Join(dir, devca.ClientKeyFile),
	}
}

// serve serves over TLS until the test ends.
func serve(t *testing.T, files secure.ServerFiles) (addr string, log *lockedLog) {
	t.Helper()
	log = &lockedLog{}
	logger := slog.New(slog.NewTextHandler(log, nil))
	own, err := secure.NewServerCredentials(files, logger)
	if err != nil {
		t.Fatal(err)
	}
	validator, err := rpc.NewValidator()
	if err != nil {
		t.Fatal(err)
	}
	server := rpc.NewServer(validator, logger, rpc.WithCredentials(own))
	server.SetServing()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, 0, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String(), log
}

// call makes a connection of its own and a call over it.
func call(t *testing.T, addr string, files secure.ClientFiles) error {
	t.Helper()
	own, err := secure.NewClientCredentials(files, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	conn, err := rpc.Dial(addr, grpc.WithTransportCredentials(own))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, err = healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{})
	return err
}

// TestTLS_refuses everybody who does not show what the other side wants to see.
func TestTLS_refuses(t *testing.T) {
	now := time.Now()
	dir, strange, old := certificates(t, now), certificates(t, now), certificates(t, now)
	renew(t, old, now.Add(-2*time.Hour)) // signed by an authority that is still valid
	addr, log := serve(t, serverFiles(dir))
	trustingOld := serverFiles(dir)
	trustingOld.ClientCA = filepath.Join(old, devca.CAFile)
	toExpired, expiredLog := serve(t, trustingOld)
	for name, test := range map[string]struct {
		addr   string
		files  secure.ClientFiles
		logged string // by the server; empty when it is called
	}{
		"its own":              {addr, clientFiles(dir), ""},
		"by another name":      {addr, with(clientFiles(dir), func(f *secure.ClientFiles) { f.ServerName = "fleetsim" }), ""},
		"no certificate":       {addr, secure.ClientFiles{CA: filepath.Join(dir, devca.CAFile)}, "client didn't provide a certificate"},
		"a strange authority":  {addr, clientFiles(strange), "bad certificate"},
		"the system's":         {addr, secure.ClientFiles{System: true}, "bad certificate"},
		"a strange client":     {addr, with(clientFiles(strange), func(f *secure.ClientFiles) { f.CA = filepath.Join(dir, devca.CAFile) }), "unknown authority"},
		"a name it has not":    {addr, with(clientFiles(dir), func(f *secure.ClientFiles) { f.ServerName = "allocator" }), "bad certificate"},
		"an expired client":    {toExpired, with(clientFiles(old), func(f *secure.ClientFiles) { f.CA = filepath.Join(dir, devca.CAFile) }), "expired"},
		"plain text, no files": {addr, secure.ClientFiles{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if !test.files.Used() {
				plain(t, test.addr)
				return
			}
			err := call(t, test.addr, test.files)
			if test.logged == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if status.Code(err) != codes.Unavailable {
				t.Errorf("got %v, want a connection that is refused", err)
			}
			seen := log
			if test.addr == toExpired {
				seen = expiredLog
			}
			eventually(t, func() bool { return seen.has(test.logged) }, "the log tells of "+test.logged)
		})
	}
}

func with(files secure.ClientFiles, change func(*secure.ClientFiles)) secure.ClientFiles {
	change(&files)
	return files
}

// plain calls without TLS, which must fail.
func plain(t *testing.T, addr string) {
	t.Helper()
	conn, err := rpc.Dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); status.Code(err) != codes.Unavailable {
		t.Errorf("got %v, want a connection that is refused", err)
	}
}

// TestReload exchanges files under a running server: new connections see the new
// ones, a broken file changes nothing and is told of.
func TestReload(t *testing.T) {
	now := time.Now()
	dir := certificates(t, now)
	addr, log := serve(t, serverFiles(dir))
	first := clientFiles(certificatesCopy(t, dir))
	if err := call(t, addr, first); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, devca.ServerFile), []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := call(t, addr, first); err != nil || !log.has("can not be used") {
		t.Errorf("with a broken file: %v, told %v", err, log.has("can not be used"))
	}
	if err := os.Remove(filepath.Join(dir, devca.CAFile)); err != nil { // so that a new authority is made
		t.Fatal(err)
	}
	renew(t, dir, now)
	if err := call(t, addr, first); status.Code(err) != codes.Unavailable {
		t.Errorf("the old authority still holds: %v", err)
	}
	if err := call(t, addr, clientFiles(dir)); err != nil || !log.has("read again") {
		t.Errorf("the new authority does not hold: %v, told %v", err, log.has("read again"))
	}
}

// TestReload_client exchanges the files of a client that goes on to connect.
func TestReload_client(t *testing.T) {
	now := time.Now()
	dir, other := certificates(t, now), certificates(t, now)
	addr, _ := serve(t, serverFiles(dir))
	own := certificatesCopy(t, other)
	credentials, err := secure.NewClientCredentials(clientFiles(own), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := rpc.Dial(addr, grpc.WithTransportCredentials(credentials))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	client := healthpb.NewHealthClient(conn)
	if _, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{}); status.Code(err) != codes.Unavailable {
		t.Fatalf("got %v, want a connection that is refused", err)
	}
	copyFiles(t, dir, own)
	if _, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{}, grpc.WaitForReady(true)); err != nil {
		t.Errorf("the new files are not used: %v", err)
	}
}

func certificatesCopy(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	copyFiles(t, from, to)
	return to
}

func copyFiles(t *testing.T, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// TestServiceOf tells services from other clients.
func TestServiceOf(t *testing.T) {
	if got := secure.ServiceOf(nil); got != "" {
		t.Errorf("a plain connection is of %q", got)
	}
	dir := certificates(t, time.Now())
	for file, want := range map[string]string{devca.ServerFile: "groupsvc", devca.ClientFile: ""} {
		cert, err := devca.ReadCertificate(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		var info credentials.TLSInfo
		info.State.PeerCertificates = append(info.State.PeerCertificates, cert)
		if got := secure.ServiceOf(info); got != "" {
			t.Errorf("%s, which nobody verified, is of %q", file, got)
		}
		info.State.VerifiedChains = append(info.State.VerifiedChains, info.State.PeerCertificates)
		if got := secure.ServiceOf(info); got != want {
			t.Errorf("%s is of %q, want %q", file, got, want)
		}
	}
}

func TestIsLoopback(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:1": true, "127.9.9.9": true, "localhost:1": true, "[::1]:1": true, "::1": true,
		":1": false, "0.0.0.0:1": false, "host:1": false, "": false, "[::]:1": false, "10.0.0.1:1": false, "localhost.example:1": false,
	} {
		if got := secure.IsLoopback(address); got != want {
			t.Errorf("%q: %v", address, got)
		}
	}
}

// TestInit_keepsItsAuthority makes certificates twice, and keeps keys to their
// owner.
func TestInit_keepsItsAuthority(t *testing.T) {
	dir := certificates(t, time.Now())
	first, err := os.ReadFile(filepath.Join(dir, devca.CAFile))
	if err != nil {
		t.Fatal(err)
	}
	renew(t, dir, time.Now())
	if second, err := os.ReadFile(filepath.Join(dir, devca.CAFile)); err != nil || !bytes.Equal(first, second) {
		t.Errorf("the authority is another one, %v", err)
	}
	for _, name := range []string{devca.CAKeyFile, devca.ServerKeyFile, devca.ClientKeyFile} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v", name, info.Mode(), err)
		}
	}
	if _, err := devca.Init(dir, devca.Names{Service: "x"}, time.Now().Add(5*time.Hour), time.Hour); err == nil || !strings.Contains(err.Error(), "no authority that is valid now") {
		t.Errorf("an expired authority gives %v", err)
	}
}

// TestFiles_areNamedTogether.
func TestFiles_areNamedTogether(t *testing.T) {
	dir := certificates(t, time.Now())
	for name, err := range map[string]error{
		"server without key":  secure.ServerFiles{Cert: "x"}.Check(),
		"server with CA only": secure.ServerFiles{ClientCA: "x"}.Check(),
		"client without key":  secure.ClientFiles{Cert: "x"}.Check(),
		"client without cert": secure.ClientFiles{Key: "x"}.Check(),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for name, files := range map[string]secure.ClientFiles{
		"no such file":   {CA: filepath.Join(dir, "absent")},
		"no certificate": {CA: filepath.Join(dir, devca.CAKeyFile)},
		"wrong key":      {Cert: filepath.Join(dir, devca.ClientFile), Key: filepath.Join(dir, devca.ServerKeyFile)},
	} {
		if _, err := secure.ClientConfig(files); err == nil || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v does not name the file", name, err)
		}
	}
}

// TestIsInProcess tells calls of the process itself from those over a socket.
func TestIsInProcess(t *testing.T) {
	if rpc.IsInProcess(t.Context()) {
		t.Error("what is no call came from the process")
	}
	forged := peer.NewContext(t.Context(), &peer.Peer{Addr: &net.UnixAddr{Name: "bufconn"}})
	if rpc.IsInProcess(forged) {
		t.Error("an address makes it one from the process")
	}
}

func eventually(t *testing.T, is func() bool, what string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !is() {
		if time.Now().After(deadline) {
			t.Fatalf("it never came about that %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
