//go:build compose

package compose_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1" // it is what version 1 of the cloud's signatures is made with
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/seed-198b1370/muster/pkg/rpc"
	"github.com/seed-198b1370/muster/pkg/secure"
	"github.com/seed-198b1370/muster/pkg/secure/devca"
	"github.com/seed-198b1370/muster/test/system"
)

// grpcurl is where `make tools` puts it.
const grpcurl = "../../.bin/grpcurl"

// secrets are what deploy/compose/secrets.sh makes, and who uses them.
type secrets struct {
	*testing.T

	dir, muster string
}

// newSecrets makes the secrets of a stack in a folder of the test.
func newSecrets(t *testing.T) secrets {
	t.Helper()
	binary, err := system.Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := secrets{t, t.TempDir(), binary}
	s.make()
	return s
}

// make runs the script: for the first time, or after a change.
func (s secrets) make() {
	s.Helper()
	run := exec.Command("../../deploy/compose/secrets.sh")
	run.Env = append(os.Environ(), "MUSTER_SECRETS="+s.dir, "MUSTER="+s.muster)
	if out, err := run.CombinedOutput(); err != nil {
		s.Fatalf("secrets.sh: %v\n%s", err, out)
	}
}

// env is what compose is told in the environment.
func (s secrets) env() []string {
	return []string{"MUSTER_SECRETS=" + s.dir, "MUSTER_OWNER=" + strings.TrimSpace(s.sh("echo $MUSTER_OWNER"))}
}

// sh runs a line in a shell that has read the file for users, in the folder of the
// secrets. What it wrote is returned also when it failed.
func (s secrets) sh(line string) string {
	s.Helper()
	tool, err := filepath.Abs(grpcurl)
	if err != nil {
		s.Fatal(err)
	}
	run := exec.Command("sh", "-ec", ". client/env\n"+line)
	run.Dir = s.dir
	run.Env = append(os.Environ(), "PATH="+filepath.Dir(s.muster)+":"+filepath.Dir(tool)+":"+os.Getenv("PATH"))
	out, err := run.CombinedOutput()
	if err != nil {
		return string(out) + err.Error()
	}
	return string(out)
}

// list asks for groups as somebody would with grpcurl, with more arguments.
func (s secrets) list(more string) string {
	s.Helper()
	return s.sh("grpcurl -max-time 20 -cacert $MUSTER_TLS_CA_FILE -cert $MUSTER_TLS_CERT_FILE -key $MUSTER_TLS_KEY_FILE " + more +
		" " + groupsA + " muster.group.v1.GroupService/ListGroups")
}

// token is the argument of grpcurl with a token of the folder.
func (s secrets) token(name string) string {
	return `-H "authorization: Bearer $(cat client/` + name + `.token)" `
}

func TestTLS(t *testing.T) {
	made := newSecrets(t)
	s := start(t, shape{overlays: []string{"tls", "observability"}, services: []string{"prometheus"}, env: made.env()})

	t.Run("a token lets in", func(t *testing.T) { lets(t, made) })
	t.Run("others are refused, and it is logged", func(t *testing.T) { refuses(t, s, made) })
	t.Run("an expired certificate is refused, and so is plain text", func(t *testing.T) { refusesHandshakes(t, s, made) })
	t.Run("a token that is taken out is soon of no use", func(t *testing.T) { takesBack(t, made) })
	t.Run("certificates are renewed without a restart", func(t *testing.T) { renews(t, made) })
	t.Run("the ECS API takes signed calls only", func(t *testing.T) { signs(t, made) })
	t.Run("metrics are read all the same", func(t *testing.T) { tells(t, `count(up{job="muster"} == 1)`, 7) })
	t.Run("Redis and NATS ask for a password, over TLS", func(t *testing.T) { guardsStores(t, s) })
}

// lets is the main way: an operator has a group delivered through every service.
func lets(t *testing.T, made secrets) {
	group, err := filepath.Abs("../../examples/web.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if out := made.sh("MUSTER_TOKEN_FILE=client/operator.token muster group create -f " + group); !strings.Contains(out, "web") {
		t.Fatalf("muster group create: %s", out)
	}
	system.Eventually(t, "the group at its target", func() (bool, any) {
		out := made.list(made.token("viewer"))
		return strings.Contains(out, "FULFILLMENT_FULFILLED"), out
	})
}

// refuses is what a caller gets who is not let in, and what the log tells of it.
func refuses(t *testing.T, s stack, made secrets) {
	// Another account, that is there, and its token.
	made.sh("muster fleet account set globex; muster token new --name globex --role operator --account globex --out client/globex.token --tokens-file tokens.yaml")
	made.make()
	for _, c := range []struct{ name, more, answer, logged string }{
		{"no token", "", "code = Unauthenticated", "TOKEN_MISSING"},
		{"a strange token", `-H "authorization: Bearer mst_strange" `, "code = Unauthenticated", "TOKEN_UNKNOWN"},
		{"another account's token", made.token("globex") + `-rpc-header "muster-account: default" `, "Code: PermissionDenied", "ACCOUNT_NOT_YOURS"},
	} {
		// A token that is new counts a moment later, and of many refusals in a second
		// only some are logged.
		system.Eventually(t, fmt.Sprintf("%q for %s, and the log with %s", c.answer, c.name, c.logged), func() (bool, any) {
			out := made.list(c.more)
			return strings.Contains(out, c.answer) && s.hasLogged("groupsvc-a", `msg="call refused"`, "reason="+c.logged), out
		})
	}
	// What another account has is not there for it.
	if out := made.list(made.token("globex")); strings.Contains(out, "groupId") || strings.Contains(out, "ERROR") {
		t.Errorf("another account's token lists groups of the default one, or is of no use at all: %s", out)
	}
	system.Eventually(t, "the log of a viewer who would delete a group", func() (bool, any) {
		out := made.sh("MUSTER_TOKEN_FILE=client/viewer.token muster group delete web")
		if !strings.Contains(out, "ROLE_TOO_LOW") {
			t.Fatalf("a viewer deletes a group: %s", out)
		}
		return s.hasLogged("groupsvc-a", `msg="call refused"`, "reason=ROLE_TOO_LOW", "who=viewer"), out
	})
	s.logged(t, "groupsvc-a", "msg=audit", "who=operator", "outcome=OK", "GroupService/CreateGroup")
}

// refusesHandshakes is for those who do not get as far as a call.
func refusesHandshakes(t *testing.T, s stack, made secrets) {
	// A certificate of the same authority, of before.
	old := t.TempDir()
	for _, name := range []string{devca.CAFile, devca.CAKeyFile} {
		content, err := os.ReadFile(filepath.Join(made.dir, "authority-services", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(old, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// It can not be made in the past, when its authority was not there yet, but it
	// can have ended a moment ago.
	if _, err := devca.Init(old, devca.Names{Service: "client"}, time.Now(), -time.Second); err != nil {
		t.Fatal(err)
	}
	credentials, err := secure.NewClientCredentials(secure.ClientFiles{
		CA: filepath.Join(old, devca.CAFile), Cert: filepath.Join(old, devca.ClientFile), Key: filepath.Join(old, devca.ClientKeyFile),
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, logged string
		options      []grpc.DialOption
	}{
		{"an expired certificate", "expired", []grpc.DialOption{grpc.WithTransportCredentials(credentials)}},
		{"plain text", "first record does not look like a TLS handshake", nil},
	} {
		conn, err := rpc.Dial(groupsA, c.options...)
		if err != nil {
			t.Fatal(err)
		}
		_, err = healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{})
		if status.Code(err) != codes.Unavailable {
			t.Errorf("%s: want UNAVAILABLE, got: %v", c.name, err)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		s.logged(t, "groupsvc-a", `msg="a TLS handshake was refused"`, c.logged)
	}
}

func takesBack(t *testing.T, made secrets) {
	if out := made.list(made.token("globex")); strings.Contains(out, "ERROR") || strings.Contains(out, "code =") {
		t.Fatalf("the token is of no use before it is taken out: %s", out)
	}
	made.sh("grep -v globex tokens.yaml > left; mv left tokens.yaml")
	made.make()
	system.Eventually(t, "the end of the token", func() (bool, any) {
		out := made.list(made.token("globex"))
		return strings.Contains(out, "code = Unauthenticated"), out
	})
}

// renews changes all certificates under the running services. New connections of
// users and between services are made with them.
func renews(t *testing.T, made secrets) {
	before := shown(t, made)
	made.make()
	system.Eventually(t, "another certificate of the server", func() (bool, any) {
		return !shown(t, made).Equal(before), before.SerialNumber
	})
	system.Eventually(t, "an answer with the new certificates", func() (bool, any) {
		out := made.list(made.token("viewer"))
		return strings.Contains(out, "groupId"), out
	})
}

// shown is the certificate that a group service shows now.
func shown(t *testing.T, made secrets) *x509.Certificate {
	t.Helper()
	config, err := secure.ClientConfig(secure.ClientFiles{
		CA: filepath.Join(made.dir, "client", devca.CAFile), Cert: filepath.Join(made.dir, "client", devca.ClientFile),
		Key: filepath.Join(made.dir, "client", devca.ClientKeyFile),
	})
	if err != nil {
		t.Fatal(err)
	}
	config.NextProtos = []string{"h2"}
	conn, err := (&tls.Dialer{Config: config}).DialContext(t.Context(), "tcp", groupsA)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }() // nothing was said
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0]
}

// signs calls the gateway as clients of the cloud do, with the key of the folder
// and without one.
func signs(t *testing.T, made secrets) {
	secret, err := os.ReadFile(filepath.Join(made.dir, "ecs.secret"))
	if err != nil {
		t.Fatal(err)
	}
	query := url.Values{
		"Action": {"DescribeAutoProvisioningGroups"}, "Version": {"2014-05-26"}, "RegionId": {"cn-shenzhen"}, "Format": {"JSON"},
		"AccessKeyId": {"LTAI-muster"}, "SignatureMethod": {"HMAC-SHA1"}, "SignatureVersion": {"1.0"},
		"SignatureNonce": {"compose-" + time.Now().Format(time.RFC3339Nano)}, "Timestamp": {time.Now().UTC().Format("2006-01-02T15:04:05Z")},
	}
	if code, body := ecs(t, query); code < http.StatusBadRequest {
		t.Errorf("an unsigned call is answered with %d: %s", code, body)
	}
	mac := hmac.New(sha1.New, append(bytes.TrimSpace(secret), '&'))
	_, _ = mac.Write([]byte("GET&%2F&" + escape(strings.ReplaceAll(query.Encode(), "+", "%20"))))
	query.Set("Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	code, body := ecs(t, query)
	if code != http.StatusOK || !strings.Contains(body, "apg-") {
		t.Errorf("a signed call is answered with %d: %s", code, body)
	}
}

func escape(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

func ecs(t *testing.T, query url.Values) (code int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:7080/?"+query.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }() // only read from
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// guardsStores asks Redis and NATS as somebody on their network would.
func guardsStores(t *testing.T, s stack) {
	redis := s.container("redis")
	if out, _ := s.docker("exec", redis, "redis-cli", "--tls", "--cacert", "/run/stores/ca.pem", "keys", "*"); !strings.Contains(out, "NOAUTH") {
		t.Errorf("Redis tells its keys to anybody: %s", out)
	}
	if out, _ := s.docker("exec", redis, "redis-cli", "--user", "health", "--pass", "none", "ping"); strings.Contains(out, "PONG") {
		t.Errorf("Redis speaks plain text: %s", out)
	}
	// NATS tells what it asks for in its first words.
	out := s.must("exec", s.container("nats"), "wget", "-q", "-O", "-", "http://127.0.0.1:8222/varz")
	var asks struct {
		Auth bool `json:"auth_required"`
		TLS  bool `json:"tls_required"`
	}
	if err := json.Unmarshal([]byte(out), &asks); err != nil || !asks.Auth || !asks.TLS {
		t.Errorf("NATS asks for a password: %v, for TLS: %v (%v)", asks.Auth, asks.TLS, err)
	}
}

// logged waits until a line of a service's log has all of some words.
func (s stack) logged(t *testing.T, service string, words ...string) {
	t.Helper()
	system.Eventually(t, "a line in the log of "+service+" with "+strings.Join(words, ", "), func() (bool, any) {
		return s.hasLogged(service, words...), s.must("logs", "--tail", "20", s.container(service))
	})
}

// hasLogged tells whether a line of a service's log has all words.
func (s stack) hasLogged(service string, words ...string) bool {
	s.Helper()
lines:
	for line := range strings.Lines(s.must("logs", s.container(service))) {
		for _, word := range words {
			if !strings.Contains(line, word) {
				continue lines
			}
		}
		return true
	}
	return false
}
