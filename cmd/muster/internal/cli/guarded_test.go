package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed-198b1370/muster/cmd/muster/stack"
	"github.com/seed-198b1370/muster/pkg/secure"
)

// TestTLS_commands makes certificates, and calls a system that wants them.
func TestTLS_commands(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if code, out, errOut := alone(t, "certs init --dir "+dir+" --host fleetsim"); code != exitOK || !strings.Contains(out, at("client-key.pem")) {
		t.Fatalf("exit code %d:\n%s%s", code, out, errOut)
	}
	if code, out, _ := alone(t, "certs show --dir "+dir); code != exitOK || !strings.Contains(out, "hosts        localhost, fleetsim, 127.0.0.1, ::1") ||
		!strings.Contains(out, "identity     spiffe://muster/service/muster") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	running, err := stack.Start(t.Context(), stack.Config{
		Roles: []stack.Role{stack.Fleetsim}, Listen: "127.0.0.1:0", CalmMarket: true, Grace: time.Second,
		TLS: secure.ServerFiles{Cert: at("server.pem"), Key: at("server-key.pem"), ClientCA: at("ca.pem")},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := running.Stop(); err != nil {
			t.Error(err)
		}
	})
	s := shell{t: t, server: running.Addr()}
	own := " --tls-cert-file " + at("client.pem") + " --tls-key-file " + at("client-key.pem")
	s.ok("clock --tls-ca-file "+at("ca.pem")+own, "speed")
	s.fails("clock", "Does it want TLS?")
	s.fails("clock --tls"+own, "not trusted")
	s.fails("clock --tls-server-name allocator --tls-ca-file "+at("ca.pem")+own, "Its certificate is not accepted: certificate is valid for localhost, fleetsim, not allocator.")
	if code, _, errOut := alone(t, "certs init --dir "+at("expired")); code != exitOK {
		t.Fatal(errOut)
	}
	s.fails("clock --tls-ca-file "+at("ca.pem")+" --tls-cert-file "+at("expired/client.pem")+" --tls-key-file "+at("expired/client-key.pem"), "can not reach")
}

// TestToken_new makes tokens, and calls a system that wants them.
func TestToken_new(t *testing.T) {
	dir := t.TempDir()
	tokens, ada := filepath.Join(dir, "tokens.yaml"), filepath.Join(dir, "ada.token")
	for line, want := range map[string]string{
		"token new --name ada --role viewer --account acme --tokens-file " + tokens + " --out " + ada: "",
		"token new --name run --role admin": "hash: \"sha256:",
	} {
		if code, out, errOut := alone(t, line); code != exitOK || !strings.Contains(out, want) {
			t.Fatalf("%s: exit code %d:\n%s%s", line, code, out, errOut)
		}
	}
	if code, _, errOut := alone(t, "token new --name ada --role admin --tokens-file "+tokens); code != exitFailed || !strings.Contains(errOut, "that of an earlier one") {
		t.Errorf("a name is given twice: %d, %s", code, errOut)
	}
	for _, file := range []string{tokens, ada} {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v", file, info.Mode(), err)
		}
	}
	running, err := stack.Start(t.Context(), stack.Config{
		Roles: []stack.Role{stack.Fleetsim}, Listen: "127.0.0.1:0", CalmMarket: true, Grace: time.Second, TokensFile: tokens,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := running.Stop(); err != nil {
			t.Error(err)
		}
	})
	s := shell{t: t, server: running.Addr()}
	s.ok("clock --token-file "+ada, "speed")
	s.fails("clock", "TOKEN_MISSING", "--token-file or MUSTER_TOKEN_FILE")
	s.fails("clock pause --token-file "+ada, "ROLE_TOO_LOW")
	s.fails("fleet list --account other --token-file "+ada, "ACCOUNT_NOT_YOURS", "Leave out --account")
}

// TestPlaintext_isForThisMachine refuses to listen or to call further than that
// unasked, and tells both ways out.
func TestPlaintext_isForThisMachine(t *testing.T) {
	for line, want := range map[string]string{
		"up --listen 0.0.0.0:0":                   "give --tls-cert-file and --tls-key-file",
		"serve fleetsim --listen :0":              "give --tls-cert-file and --tls-key-file",
		"serve allocator --fleet fleetsim:7070":   "--fleet fleetsim:7070 is reached over the network: give --tls-ca-file",
		"group list --server muster.example:7070": "give --tls or --tls-ca-file",
		"up --tls-cert-file x":                    "--tls-cert-file can be given with --tls-key-file only",
		"up --tls-client-ca-file x":               "--tls-client-ca-file can be given with --tls-cert-file only",
		"group list --tls-key-file x":             "--tls-key-file can be given with --tls-cert-file only",
		"certs init --dir x --host a:1":           "without a port",
		"certs init --dir x --valid 1s":           "--valid must be at least 1m0s",
		"token new --name a --role viewer":        "account must be given",
		"token new --name a/b --role admin":       "name must be",
		"up --rate-limit=-1":                      "--rate-limit must be 0 to 1000000",
		"certs show":                              "--dir",
		"up --tokens-file x --ecs-listen :7080":   "--ecs-listen needs --ecs-keys",
	} {
		code, out, errOut := alone(t, line)
		if code != exitUsage || !strings.Contains(errOut, want) || out != "" {
			t.Errorf("%s: exit code %d, %q is missing in:\n%s%s", line, code, want, errOut, out)
		}
		if strings.Contains(errOut, "network") && !strings.Contains(errOut, "--insecure-plaintext") {
			t.Errorf("%s: tells one way out only:\n%s", line, errOut)
		}
	}
	if _, err := stack.Start(t.Context(), stack.Config{Roles: []stack.Role{stack.Fleetsim}, Listen: "0.0.0.0:0"}); err == nil || !strings.Contains(err.Error(), "takes TLS") {
		t.Errorf("an embedded stack listens everywhere: %v", err)
	}
}
