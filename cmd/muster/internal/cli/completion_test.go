package cli

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Words that could follow are offered: commands, what is below them, flags and
// what they can be set to.
func TestCompletion(t *testing.T) {
	for line, want := range map[string][]string{
		"muster gr":                    {"group"},
		"muster group re":              {"rebalance", "resume"},
		"muster group activities --fr": {"--from"},
		"muster fleet fault ad":        {"add"},
		"muster group create --type ":  {"instant", "maintain", "request"},
		"muster completion ":           {"bash", "fish", "zsh"},
		"muster group suspend web l":   {"launch"},
	} {
		t.Run(line, func(t *testing.T) {
			t.Setenv("COMP_LINE", line)
			code, out, wrong := alone(t, "muster x y")
			got := strings.Fields(out)
			if slices.Sort(got); code != exitOK || wrong != "" || !slices.Equal(got, want) {
				t.Errorf("code %d, %s, offered %v, want %v", code, wrong, got, want)
			}
		})
	}
}

// What is written for bash is understood by it.
func TestCompletion_bash(t *testing.T) {
	code, script, wrong := alone(t, "completion bash")
	if code != exitOK {
		t.Fatalf("code %d: %s", code, wrong)
	}
	bash := exec.CommandContext(t.Context(), "bash", "-c", `eval "$1" && complete -p muster`, "bash", script)
	if out, err := bash.CombinedOutput(); err != nil || string(out) != "complete -o default -C 'muster' muster\n" {
		t.Errorf("bash says %q, %v", out, err)
	}
	for _, shell := range []string{"zsh", "fish"} {
		if code, script, _ := alone(t, "completion "+shell); code != exitOK || !strings.Contains(script, "muster") {
			t.Errorf("for %s it writes %q", shell, script)
		}
	}
	if code, _, wrong := alone(t, "completion powershell"); code != exitUsage || !strings.Contains(wrong, "bash") {
		t.Errorf("another shell: code %d, %s", code, wrong)
	}
}
