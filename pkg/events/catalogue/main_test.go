package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed-198b1370/muster/pkg/events"
)

// The catalogue says what the contracts say now, and names every type.
func TestCatalogue_isCurrent(t *testing.T) {
	const root = "../../.."
	before, err := os.ReadFile(filepath.Join(root, document))
	if err != nil {
		t.Fatal(err)
	}
	after, err := update(root, before)
	if err != nil {
		t.Fatal(err)
	}
	if string(after) != string(before) {
		t.Errorf("%s is not current: run make generate", document)
	}
	for _, eventType := range slices.Concat(events.Instances().Types(), events.Groups().Types()) {
		if !strings.Contains(string(after), "| `"+eventType+"` | ") {
			t.Errorf("the catalogue lacks %s", eventType)
		}
	}
}

func TestEntries(t *testing.T) {
	const source = `
message M {
  // What it
  // is.
  string a = 1;
  // Other.
  muster.v1.Kind b_c = 2 [(buf.validate.field).string = {
    min_len: 1
  }];
}
`
	got, err := entries(source, "message M")
	if want := []entry{{"a", "What it is."}, {"b_c", "Other."}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := entries(source, "message N"); err == nil {
		t.Error("found what is not there")
	}
	if _, err := update("../../..", []byte("no marks")); err == nil {
		t.Error("updated a document without marks")
	}
}
