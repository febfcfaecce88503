// Command settingsdoc writes the table of settings in docs/configuration.md. It
// owns that part of the document and must not know the rest of it.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/seed-198b1370/muster/cmd/muster/internal/cli"
)

const document = "docs/configuration.md"

// The lines between which the table stands.
const (
	begin = "<!-- settings: made by make generate -->"
	end   = "<!-- end of the settings -->"
)

func main() {
	if err := run("../../../.."); err != nil { // from cmd/muster/internal/cli, by go generate
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run brings the document of the repository in a folder up to date.
func run(root string) error {
	path := filepath.Join(root, document)
	before, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	after, err := update(before)
	if err != nil || bytes.Equal(before, after) {
		return err
	}
	return os.WriteFile(path, after, 0o600)
}

// update replaces the table in a document.
func update(before []byte) ([]byte, error) {
	head, rest, found := strings.Cut(string(before), begin+"\n")
	_, tail, ended := strings.Cut(rest, end+"\n")
	if !found || !ended {
		return nil, fmt.Errorf("%s lacks the lines %q and %q", document, begin, end)
	}
	table, err := cli.SettingsTable()
	if err != nil {
		return nil, err
	}
	return []byte(head + begin + "\n\n" + table + "\n" + end + "\n" + tail), nil
}
