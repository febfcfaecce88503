package wrap_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/seed-198b1370/muster/cmd/muster/internal/cli/wrap"
)

func TestText(t *testing.T) {
	for name, test := range map[string]struct {
		text  string
		width int
		want  string
	}{
		"fits":           {"a bb ccc", 8, "a bb ccc"},
		"one too long":   {"a bb ccc", 7, "a bb\nccc"},
		"keeps indent":   {"  aa bb\ncc dd ee", 5, "  aa\n  bb\ncc dd\nee"},
		"long word":      {"a bbbbbbbbbb c", 4, "a\nbbbbbbbbbb\nc"},
		"no terminal":    {"a bb ccc", 0, "a bb ccc"},
		"not in bytes":   {"ää öö", 5, "ää öö"},
		"keeps columns":  {"a   b", 5, "a   b"},
		"ends in a line": {"aa bb\n", 2, "aa\nbb\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := wrap.Text(test.text, test.width); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// Whatever the width, the words stay, in order, and a line is too long only if
// it holds a single word.
func FuzzText(f *testing.F) {
	f.Add("  one two\nthree  four", 7)
	f.Add("ä b", 1)
	f.Fuzz(func(t *testing.T, text string, width int) {
		got := wrap.Text(text, width)
		if before, after := strings.Fields(text), strings.Fields(got); strings.Join(before, " ") != strings.Join(after, " ") {
			t.Fatalf("%q became %q", text, got)
		}
		for _, line := range strings.Split(got, "\n") {
			if width > 0 && utf8.RuneCountInString(line) > width && len(strings.Fields(line)) > 1 {
				t.Fatalf("a line of %q is longer than %d", got, width)
			}
		}
	})
}
