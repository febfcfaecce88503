package place_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestDocument runs the examples of docs/strategies.md: each block fenced as
// `scenario` is a script like those of TestScenarios, and on its own. With
// -rewrite, what comes out is written into the document.
func TestDocument(t *testing.T) {
	const path = "../../../docs/strategies.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	rewritten := regexp.MustCompile("(?s)(\n```scenario\n)(.*?\n)(```\n)").ReplaceAllFunc(text, func(block []byte) []byte {
		count++
		const head, foot = "\n```scenario\n", "```\n"
		script := filepath.Join(t.TempDir(), fmt.Sprintf("strategies.md-example-%d", count))
		if err := os.WriteFile(script, block[len(head):len(block)-len(foot)], 0o600); err != nil {
			t.Fatal(err)
		}
		runScenario(t, script)
		after, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		return []byte(head + string(after) + foot)
	})
	if count == 0 {
		t.Errorf("%s has no examples", path)
	}
	if string(rewritten) != string(text) {
		if err := os.WriteFile(path, rewritten, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
