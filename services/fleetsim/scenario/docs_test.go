package scenario_test

import (
	"os"
	"strings"
	"testing"

	"github.com/seed-198b1370/muster/services/fleetsim/scenario"
)

// document is what is written about scenarios.
func document(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/scenarios.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Every YAML in the document is a scenario; the files that it names lie beside
// the examples.
func TestDocument_scenariosAreRight(t *testing.T) {
	blocks := strings.Split(document(t), "```yaml\n")[1:]
	if len(blocks) == 0 {
		t.Fatal("there are none")
	}
	for i, block := range blocks {
		yaml, _, _ := strings.Cut(block, "```")
		_, err := scenario.Parse("block", []byte(yaml), func(name string, _ int64) ([]byte, error) {
			return os.ReadFile("../../../examples/scenarios/" + name)
		})
		if err != nil {
			t.Errorf("block %d: %v", i+1, err)
		}
	}
}

// The document holds the keys as they are: what `muster scenario keys` writes.
func TestDocument_holdsTheReference(t *testing.T) {
	if !strings.HasSuffix(document(t), "\n## Keys\n\n"+scenario.Reference()) {
		t.Error("docs/scenarios.md must end with a heading Keys and what `go run ./cmd/muster scenario keys` writes")
	}
}
