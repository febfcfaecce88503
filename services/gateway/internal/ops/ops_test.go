package ops

import (
	"os"
	"testing"

	"github.com/seed-198b1370/muster/services/gateway/internal/table"
)

func TestDocument_isCurrent(t *testing.T) {
	held, err := os.ReadFile("../../../../docs/ecs-compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(held) != Document() {
		t.Error("docs/ecs-compatibility.md is not what the tables say: run make generate")
	}
}

// TestTables holds that tables are well made: each name once, reasons for what
// is refused, summaries.
func TestTables(t *testing.T) {
	for _, operation := range All() {
		if operation.Name == "" || operation.Summary == "" || operation.Run == nil {
			t.Errorf("operation %q lacks a summary or what it does", operation.Name)
		}
		checkParams(t, operation.Name, operation.Params)
	}
}

func checkParams(t *testing.T, at string, params []table.Param) {
	seen := map[string]bool{}
	for _, param := range params {
		name := at + "." + param.Name
		if seen[param.Name] {
			t.Errorf("%s is there twice", name)
		}
		seen[param.Name] = true
		if param.Status == table.Refused && param.Note == "" {
			t.Errorf("%s is refused without a reason", name)
		}
		if (param.Pattern == nil) != (param.Rule == "") {
			t.Errorf("%s has a pattern without words, or words without one", name)
		}
		if param.Kind == table.Struct && param.Status != table.Refused && len(param.Of) == 0 {
			t.Errorf("%s is a structure without members", name)
		}
		checkParams(t, name, param.Of)
	}
}
