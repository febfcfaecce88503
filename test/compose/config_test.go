package compose_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// expressionKey is where dashboards and alerts have their expressions.
const expressionKey = "expr"

// metricName is a metric of Muster in an expression.
var metricName = regexp.MustCompile(`muster_[a-z_]+`)

// TestDashboardsAndAlerts holds every metric that a dashboard or an alert asks for
// against the document of metrics, which is held against a running system. It needs
// no Docker engine: nothing of it runs.
func TestDashboardsAndAlerts(t *testing.T) {
	documented, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"grafana/dashboards/muster.json", "prometheus/alerts.yaml"} {
		expressions := textsOf(read(t, file), expressionKey)
		if len(expressions) < 5 {
			t.Errorf("%s has only %d expressions", file, len(expressions))
		}
		for _, expression := range expressions {
			for _, name := range metricName.FindAllString(expression, -1) {
				name = strings.TrimSuffix(name, "_bucket") // of a histogram
				if !strings.Contains(string(documented), "| `"+name+"` |") {
					t.Errorf("%s asks for %s, which docs/metrics.md does not know", file, name)
				}
			}
		}
	}
}

// TestAlerts_areDocumented holds the alerts against what operators read of them.
func TestAlerts_areDocumented(t *testing.T) {
	operations, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	names := textsOf(read(t, "prometheus/alerts.yaml"), "alert")
	if len(names) == 0 {
		t.Fatal("there are no alerts")
	}
	for _, name := range names {
		if strings.Count(string(operations), "| `"+name+"` |") != 1 {
			t.Errorf("alert %s has no line in docs/operations.md, or several", name)
		}
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `(Muster[A-Z][A-Za-z]+)` \\|").FindAllStringSubmatch(string(operations), -1) {
		if !slices.Contains(names, row[1]) {
			t.Errorf("docs/operations.md tells of %s, which is no alert", row[1])
		}
	}
}

// TestFiles is whether what other programs read can be read at all.
func TestFiles(t *testing.T) {
	files, err := filepath.Glob("../../deploy/compose/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("../../deploy/compose/*/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	provisioned, err := filepath.Glob("../../deploy/compose/grafana/provisioning/*/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files = append(append(files, more...), provisioned...)
	if len(files) < 9 {
		t.Errorf("only %d files were found: %q", len(files), files)
	}
	for _, file := range files {
		read(t, strings.TrimPrefix(file, "../../deploy/compose/"))
	}
	// Grafana finds each source of a panel under its name.
	sources := read(t, "grafana/provisioning/datasources/muster.yaml")
	var dashboard struct {
		Panels []struct {
			Title      string
			Type       string
			Datasource struct{ UID string }
		}
	}
	text, err := os.ReadFile("../../deploy/compose/grafana/dashboards/muster.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	known := map[any]bool{}
	for _, source := range sources.(map[string]any)["datasources"].([]any) {
		known[source.(map[string]any)["uid"]] = true
	}
	for _, panel := range dashboard.Panels {
		if panel.Type != "row" && !known[panel.Datasource.UID] {
			t.Errorf("panel %q asks %q, which is no data source", panel.Title, panel.Datasource.UID)
		}
	}
}

// read reads a file of deploy/compose, in YAML or in JSON, which is YAML.
func read(t *testing.T, file string) any {
	t.Helper()
	text, err := os.ReadFile("../../deploy/compose/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var content any
	if err := yaml.Unmarshal(text, &content); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return content
}

// textsOf are all texts under a key in what was read of a file.
func textsOf(content any, key string) []string {
	var all []string
	switch content := content.(type) {
	case map[string]any:
		for name, value := range content {
			if text, ok := value.(string); ok && name == key {
				all = append(all, text)
			}
			all = append(all, textsOf(value, key)...)
		}
	case []any:
		for _, value := range content {
			all = append(all, textsOf(value, key)...)
		}
	}
	return all
}
