package cli

import (
	"strings"
	"testing"
)

// What others have named does nothing to the terminal, nor to the table.
func TestTable_isTame(t *testing.T) {
	hostile := spotInstance()
	hostile.InstanceName = "a\x1b[31m\tb\nc\u202e"
	hostile.Tags = map[string]string{"k": "\x07"}
	var out strings.Builder
	err := client{}.show(&out, hostile, func(w table) {
		row(w, hostile.GetInstanceName(), tagText(hostile.GetTags()))
	})
	if err != nil || strings.ContainsAny(out.String(), "\x1b\t\x07\u202e") || !strings.Contains(out.String(), `"a\x1b[31m\tb\nc\u202e"`) {
		t.Errorf("%v, %q", err, out.String())
	}
}
