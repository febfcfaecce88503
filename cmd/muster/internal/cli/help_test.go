package cli

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// listedCommand is a command in the help of the one above it.
var listedCommand = regexp.MustCompile(`(?m)^  ([a-z][a-z -]*[a-z])(?:  | \(| <|$)`)

// The help of every command fits [widestText] columns and says something of each
// flag.
func TestHelp_fits(t *testing.T) {
	seen := 0
	var look func(command string)
	look = func(command string) {
		code, out, errOut := alone(t, command+" --help")
		if code != exitOK || errOut != "" {
			t.Fatalf("%s: exit code %d: %s", command, code, errOut)
		}
		seen++
		for line := range strings.Lines(out) {
			if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > widestText {
				t.Errorf("%s: wider than %d: %s", command, widestText, line)
			}
		}
		_, below, _ := strings.Cut(out, "\nCommands:\n")
		for _, match := range listedCommand.FindAllStringSubmatch(below, -1) {
			if match[1] != command && strings.HasPrefix(match[1], command) {
				look(match[1])
			}
		}
	}
	look("")
	if seen < 60 {
		t.Errorf("only %d commands were found", seen)
	}
	if _, out, _ := alone(t, "--help"); !strings.Contains(out, "Exit codes: 0 ") {
		t.Errorf("no exit codes:\n%s", out)
	}
}
