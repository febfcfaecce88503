package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-198b1370/muster/services/fleetsim/scenario"
)

// runScenario runs a scenario command and tells its exit code, output and error output.
func runScenario(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = Run(t.Context(), append([]string{"scenario"}, args...), strings.NewReader(""), &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func TestScenarioCheck_examples(t *testing.T) {
	files, err := filepath.Glob("../../../../examples/scenarios/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		code, out, errOut := runScenario(t, "check", file)
		if code != exitOK || errOut != "" || !strings.Contains(out, ": all is well\n") {
			t.Errorf("%s: %d, %s%s", file, code, out, errOut)
		}
	}
}

func TestScenarioCheck_tellsWhatItHolds(t *testing.T) {
	const want = `price-storm: all is well
  region   cn-shenzhen, USD: 1 instance type in 1 zone, 1 pool
  market   volatility 0, seed 1
  traces   for 1 pool
  accounts 0 accounts
  events   0 events
  begins   2026-11-02T08:00:00Z
`
	if _, out, _ := runScenario(t, "check", "../../../../examples/scenarios/price-storm.yaml"); out != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
}

func TestScenarioCheck_tellsAllThatIsWrong(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "web.yaml")
	if err := os.WriteFile(file, []byte("name: web\nregion: {catalog: c.csv}\nevents: [{at: soon, drain: {}}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "c.csv"), []byte("zone\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errOut := runScenario(t, "check", file)
	lines := strings.Split(strings.TrimSpace(errOut), "\n")
	if code != exitFailed || out != "" || len(lines) != 2 ||
		!strings.HasPrefix(lines[0], file+":3:15: events[0].at: must be a duration") ||
		!strings.HasPrefix(lines[1], filepath.Join(folder, "c.csv")+":1: must be the header") {
		t.Errorf("%d, %s%s", code, out, errOut)
	}
	if code, _, errOut := runScenario(t, "check", filepath.Join(folder, "nothing.yaml")); code != exitFailed || !strings.Contains(errOut, "nothing.yaml") {
		t.Errorf("a missing file: %d, %s", code, errOut)
	}
}

func TestScenarioKeys(t *testing.T) {
	if code, out, _ := runScenario(t, "keys"); code != exitOK || out != scenario.Reference() {
		t.Errorf("%d, %s", code, out)
	}
}

// A file that can not be read is named as it was given.
func TestScenarioCheck_namesTheFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "none.yaml")
	if code, _, errOut := alone(t, "scenario check "+name); code != exitFailed || !strings.Contains(errOut, "open "+name+": ") {
		t.Errorf("exit code %d, %s", code, errOut)
	}
}
