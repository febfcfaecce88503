// Command catalogue writes the catalogue of events in docs/events.md: which
// types there are and what their data holds, in the words of the contracts. It
// owns that part of the document and must not know the rest of it.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

const document = "docs/events.md"

// The lines between which the catalogue stands.
const (
	begin = "<!-- catalogue: made by make generate -->"
	end   = "<!-- end of the catalogue -->"
)

func main() {
	if err := run("../.."); err != nil { // from pkg/events, by go generate
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
	after, err := update(root, before)
	if err != nil || bytes.Equal(before, after) {
		return err
	}
	return os.WriteFile(path, after, 0o600)
}

// update replaces the catalogue in a document.
func update(root string, before []byte) ([]byte, error) {
	made, err := catalogue(root)
	if err != nil {
		return nil, err
	}
	head, rest, found := strings.Cut(string(before), begin+"\n")
	_, tail, ended := strings.Cut(rest, end+"\n")
	if !found || !ended {
		return nil, fmt.Errorf("%s lacks the lines %q and %q", document, begin, end)
	}
	return []byte(head + begin + "\n\n" + made + "\n" + end + "\n" + tail), nil
}

// catalogue writes the tables of both kinds of events.
func catalogue(root string) (string, error) {
	var out strings.Builder
	for _, of := range []struct{ file, message, enum, prefix, typePrefix string }{
		{"health/v1/event.proto", "InstanceEvent", "InstanceEventKind", "INSTANCE_EVENT_KIND_", "muster.instance."},
		{"group/v1/event.proto", "GroupEvent", "GroupEventKind", "GROUP_EVENT_KIND_", "muster.group."},
	} {
		source, err := os.ReadFile(filepath.Join(root, "proto/muster", of.file))
		if err != nil {
			return "", err
		}
		kinds, err := entries(string(source), "enum "+of.enum)
		if err != nil {
			return "", err
		}
		fields, err := entries(string(source), "message "+of.message)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&out, "| type of `%s` | tells |\n|---|---|\n", of.message)
		for _, kind := range kinds[1:] { // the first is never sent
			fmt.Fprintf(&out, "| `%s%s` | %s |\n", of.typePrefix, strings.ToLower(strings.TrimPrefix(kind.name, of.prefix)), kind.comment)
		}
		fmt.Fprintf(&out, "\n| field of `%s` | says |\n|---|---|\n", of.message)
		for _, field := range fields {
			fmt.Fprintf(&out, "| `%s` | %s |\n", field.name, field.comment)
		}
		out.WriteString("\n")
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

// An entry is a field of a message or a value of an enum.
type entry struct{ name, comment string }

// declaration is the line of an entry in a file as buf formats it.
var declaration = regexp.MustCompile(`^  (?:[a-zA-Z0-9_.]+ )?([A-Za-z0-9_]+) = [0-9]+`)

// entries reads those of one block of a contract, with their comments.
func entries(source, block string) ([]entry, error) {
	_, rest, found := strings.Cut(source, "\n"+block+" {\n")
	body, _, ended := strings.Cut(rest, "\n}")
	if !found || !ended {
		return nil, fmt.Errorf("no %s", block)
	}
	var all []entry
	var comment []string
	for line := range strings.SplitSeq(body, "\n") {
		if text, ok := strings.CutPrefix(line, "  // "); ok {
			comment = append(comment, text)
			continue
		}
		if match := declaration.FindStringSubmatch(line); match != nil {
			all = append(all, entry{match[1], strings.Join(comment, " ")})
		}
		comment = nil
	}
	if len(all) == 0 {
		return nil, errors.New("nothing in " + block)
	}
	return all, nil
}
