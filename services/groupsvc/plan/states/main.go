// Command states writes the state machines of groups in docs/groups.md: drawings
// and tables of what package plan says. It owns those parts of the document and
// must not know the rest of it.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
	"github.com/seed-198b1370/muster/services/groupsvc/plan"
)

const document = "docs/groups.md"

// The lines between which the state machines stand.
const (
	begin = "<!-- state machines: made by make generate -->"
	end   = "<!-- end of the state machines -->"
)

func main() {
	if err := run("../../.."); err != nil { // from services/groupsvc/plan, by go generate
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

// update replaces the state machines in a document.
func update(before []byte) ([]byte, error) {
	head, rest, found := strings.Cut(string(before), begin+"\n")
	_, tail, ended := strings.Cut(rest, end+"\n")
	if !found || !ended {
		return nil, fmt.Errorf("%s lacks the lines %q and %q", document, begin, end)
	}
	return []byte(head + begin + "\n\n" + lifecycle() + "\n" + fulfillment() + "\n" + end + "\n" + tail), nil
}

// lifecycle draws the life of a group and lists its steps.
func lifecycle() string {
	var drawing, table strings.Builder
	drawing.WriteString("`lifecycle`: where a group is in its life.\n\n```mermaid\nstateDiagram-v2\n")
	fmt.Fprintf(&drawing, "    [*] --> %s: CreateGroup\n", lifecycleName(plan.Transitions()[0].From))
	table.WriteString("| from | when | to |\n|---|---|---|\n")
	for _, step := range plan.Transitions() {
		fmt.Fprintf(&drawing, "    %s --> %s: %s\n", lifecycleName(step.From), lifecycleName(step.To), step.On)
		fmt.Fprintf(&table, "| `%s` | %s | `%s` |\n", lifecycleName(step.From), step.On, lifecycleName(step.To))
	}
	fmt.Fprintf(&drawing, "    %s --> [*]: seven days have passed\n```\n\n", lifecycleName(groupv1.Lifecycle_LIFECYCLE_DELETED))
	return drawing.String() + table.String() + "\nWhatever else happens leaves a group where it is.\n"
}

// fulfillment draws how a group comes to say how its target is met. Every look
// tells it anew, so that each state can follow each other.
func fulfillment() string {
	var drawing, table strings.Builder
	drawing.WriteString("`fulfillment`: how the capacity stands against the target. Each look, each change and each deletion tells it anew from\n" +
		"what is there, so that any may follow any other.\n\n```mermaid\nstateDiagram-v2\n    state look <<choice>>\n    [*] --> look: look, change or deletion\n")
	table.WriteString("| when | `fulfillment` |\n|---|---|\n")
	for _, situation := range plan.Situations() {
		name := fulfillmentName(situation.Fulfillment())
		fmt.Fprintf(&drawing, "    look --> %s: %s\n", name, situation)
		fmt.Fprintf(&table, "| %s | `%s` |\n", situation, name)
	}
	drawing.WriteString("```\n\n")
	return drawing.String() + table.String()
}

func lifecycleName(value groupv1.Lifecycle) string { return word(value.String(), "LIFECYCLE_") }

func fulfillmentName(value groupv1.Fulfillment) string { return word(value.String(), "FULFILLMENT_") }

// word is a value of an enum as documents write it.
func word(name, prefix string) string { return strings.ToLower(strings.TrimPrefix(name, prefix)) }
