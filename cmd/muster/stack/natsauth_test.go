package stack_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
	"github.com/seed-198b1370/muster/pkg/secure"
	"github.com/seed-198b1370/muster/pkg/secure/devca"
)

// TestNATSAuth runs services over a NATS server that wants a password and speaks
// TLS.
func TestNATSAuth(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if _, err := devca.Init(dir, devca.Names{Service: "nats"}, time.Now(), time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at("password"), []byte("a secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tls, err := secure.ServerConfig(secure.ServerFiles{Cert: at(devca.ServerFile), Key: at(devca.ServerKeyFile)})
	if err != nil {
		t.Fatal(err)
	}
	strict, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true, JetStream: true, StoreDir: at("nats"),
		Username: "muster", Password: "a secret", TLSConfig: tls,
	})
	if err != nil {
		t.Fatal(err)
	}
	strict.Start()
	t.Cleanup(func() {
		strict.Shutdown()
		strict.WaitForShutdown()
	})
	if !strict.ReadyForConnections(30 * time.Second) {
		t.Fatal("the NATS server does not start")
	}
	if conn, err := nats.Connect(strict.ClientURL(), nats.RootCAs(at(devca.CAFile))); err == nil {
		conn.Close()
		t.Fatal("the NATS server lets everybody in")
	}
	config := stack.Config{
		Roles: []stack.Role{stack.Fleetsim, stack.Healthcheck}, CalmMarket: true, Grace: time.Second, NATSURL: strict.ClientURL(),
		NATSAuth: stack.NATSAuth{User: "muster", PasswordFile: at("password"), CAFile: at(devca.CAFile)},
	}
	running, err := stack.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if strict.NumClients() == 0 {
		t.Error("nobody is connected")
	}
	if err := running.Stop(); err != nil {
		t.Error(err)
	}
	for want, auth := range map[string]stack.NATSAuth{
		"both or neither": {User: "muster"},
		"not both":        {User: "muster", PasswordFile: at("password"), CredsFile: at("password")},
		"no such file":    {CredsFile: at("absent")},
	} {
		config.NATSAuth = auth
		if _, err := stack.Start(t.Context(), config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v gives %v", auth, err)
		}
	}
}
