package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A setting is what the flag says, or else the environment, or else the file, and
// is printed with where it is from.
func TestSettings_order(t *testing.T) {
	file := writeSettings(t, "look-interval: 11s\nmetrics-listen: 127.0.0.1:9191\nspeed: 7\ncalm: true\nlog-level: warn\n")
	t.Setenv("MUSTER_SERVE_SPEED", "8")
	t.Setenv("MUSTER_SERVE_LOG_LEVEL", "error")
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317")
	code, out, errOut := alone(t, "up --config "+file+" --log-level debug --print-config")
	if code != exitOK || errOut != "" {
		t.Fatalf("exit code %d: %s", code, errOut)
	}
	for _, want := range []string{
		"look-interval: 11s # file\n", "metrics-listen: 127.0.0.1:9191 # file\n", "calm: \"true\" # file\n",
		"speed: \"8\" # environment, MUSTER_SERVE_SPEED\n", "log-level: debug # flag\n", "listen: 127.0.0.1:7070 # default\n",
		"otlp-endpoint: http://collector:4317 # environment, OTEL_EXPORTER_OTLP_ENDPOINT\n", "# data-dir: not set\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	// What is printed is a file of settings, which says the same.
	again := writeSettings(t, out)
	if code, next, errOut := alone(t, "up --config "+again+" --print-config"); code != exitOK || !strings.Contains(next, "look-interval: 11s # file") {
		t.Errorf("what was printed is not read: exit code %d: %s\n%s", code, errOut, next)
	}
}

func TestSettings_neededOnesFromElsewhere(t *testing.T) {
	t.Setenv("MUSTER_SERVE_FLEET", "cloud:7071")
	file := writeSettings(t, "allocator: allocator:7072\nnats: nats://nats:4222\n")
	code, out, errOut := alone(t, "serve groupsvc --config "+file+" --print-config")
	if code != exitOK || !strings.Contains(out, "fleet: cloud:7071 # environment, MUSTER_SERVE_FLEET\n") || !strings.Contains(out, "allocator: allocator:7072 # file\n") {
		t.Errorf("exit code %d: %s\n%s", code, errOut, out)
	}
}

// Nothing that is printed is secret.
func TestSettings_secretsAreNotPrinted(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte("0123456789abcdefghijklmnopqrstuv"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"serve groupsvc --fleet a:1 --allocator b:1 --nats nats://me:hidden1@nats:4222 --store redis://:hidden2@redis:6379/0?password=hidden3 --print-config",
		"serve healthcheck --fleet a:1 --webhooks-key-file " + key + " --print-config",
		"serve gateway --fleet a:1 --group b:1 --ecs-nonces redis://:hidden%zz@redis --print-config",
	} {
		code, out, errOut := alone(t, line)
		if code != exitOK || strings.Contains(out, "hidden") || strings.Contains(out, "0123456789") || !strings.Contains(out, "listen: ") {
			t.Errorf("%s: exit code %d: %s\n%s", line, code, errOut, out)
		}
	}
}

// A file that says what can not be is refused, with what is wrong.
func TestSettings_badFiles(t *testing.T) {
	for text, want := range map[string]string{
		"speeed: 7\n":                       `"speeed" is no setting of muster up`,
		"speed: [7]\n":                      `line 1: "speed" must be one value`,
		"speed: fast\n":                     `--speed`,
		"look-interval: {a: 1}\n":           `must be one value`,
		"just text\n":                       `cannot unmarshal`,
		"speed: 1\nspeed: 2\n":              `already defined`,
		"print-config: true\n":              `"print-config" is no setting`,
		strings.Repeat("# long\n", 200_000): `more than 1048576 bytes`,
	} {
		code, out, errOut := alone(t, "up --config "+writeSettings(t, text)+" --print-config")
		if code != exitUsage || !strings.Contains(errOut, want) {
			t.Errorf("%.40q: exit code %d, want %d and %q: %s%s", text, code, exitUsage, want, out, errOut)
		}
	}
	if code, _, errOut := alone(t, "up --config /nowhere/muster.yaml"); code != exitUsage || !strings.Contains(errOut, "/nowhere/muster.yaml") {
		t.Errorf("a file that is not there: exit code %d: %s", code, errOut)
	}
}

// Settings of services are none of client commands.
func TestSettings_notOfClients(t *testing.T) {
	t.Setenv("MUSTER_SERVE_LISTEN", "nonsense")
	if code, out, errOut := alone(t, "scaling --help"); code != exitOK || strings.Contains(out, "MUSTER_SERVE") {
		t.Errorf("exit code %d: %s\n%s", code, errOut, out)
	}
}

func writeSettings(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "muster.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
