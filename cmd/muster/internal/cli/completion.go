package cli

import "os"

// completionCommand writes what makes a shell complete command lines.
type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"Shell to write for: ${enum}."`
}

// Help says how to use it.
func (*completionCommand) Help() string {
	return "For bash, put this into ~/.bashrc:\n\n  eval \"$(muster completion bash)\"\n\n" +
		"For zsh, the same into ~/.zshrc, with zsh in place of bash. For fish:\n\n" +
		"  muster completion fish > ~/.config/fish/completions/muster.fish"
}

// scripts are what shells read. Each has the shell ask muster itself, which must be
// found in the PATH, for words that could follow.
var scripts = map[string]string{
	"bash": "complete -o default -C muster muster",
	"zsh":  "autoload -U +X bashcompinit && bashcompinit\ncomplete -o default -C muster muster",
	"fish": `function __muster_complete
    set -lx COMP_LINE (commandline -cp)
    muster
end
complete -c muster -f -a '(__muster_complete)'`,
}

// Run writes the script.
func (c *completionCommand) Run(on console) error {
	say(on.out, scripts[c.Shell])
	return nil
}

// isCompleting tells whether a shell asks for words that could follow. It says so
// in the environment, for the command line is the one that is being written.
func isCompleting() bool { return os.Getenv("COMP_LINE") != "" }
