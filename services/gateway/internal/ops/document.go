package ops

import (
	"cmp"
	_ "embed" // for the preface
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seed-198b1370/muster/services/gateway/internal/table"
	"github.com/seed-198b1370/muster/services/gateway/reference"
)

//go:generate go run ./compatibility

// preface is what the compatibility document begins with.
//
//go:embed preface.md
var preface string

// Document is the compatibility document, made from the tables.
func Document() string {
	var out strings.Builder
	out.WriteString(preface)
	fmt.Fprintf(&out, "\nAll can answer %s.\n", codesOf(""))
	for _, operation := range All() {
		fmt.Fprintf(&out, "\n### %s\n\n%s\n", operation.Name, operation.Summary)
		if operation.Note != "" {
			fmt.Fprintf(&out, "\n%s\n", operation.Note)
		}
		if operation.ProductName() != "Ecs" {
			fmt.Fprintf(&out, "\nOf %s, version %s.\n", operation.ProductName(), operation.APIVersion())
		}
		if codes := codesOf(operation.Name); codes != "" {
			fmt.Fprintf(&out, "\nError codes of its own: %s.\n", codes)
		}
		if len(operation.Params) == 0 {
			continue
		}
		out.WriteString("\n| parameter | | what becomes of it |\n|---|---|---|\n")
		documentParams(&out, operation.Params, "")
	}
	out.WriteString(neverGiven)
	for _, code := range reference.Codes() {
		if code.Never != "" {
			fmt.Fprintf(&out, "| %s | %d `%s` | %s |\n", cmp.Or(code.Operation, "all"), code.Status, code.Code, code.Never)
		}
	}
	return out.String()
}

// neverGiven is what the document says before the codes that have no cause.
const neverGiven = `
## Error codes that are never given

The API's reference has them, but they have no cause here, or another code tells of the same. All others can be
provoked: a test does.

| operation | code | why never |
|---|---|---|
`

// codesOf are the codes of the reference that an operation can answer, by
// status; "" for none.
func codesOf(operation string) string {
	byStatus := map[int][]string{}
	for _, code := range reference.Codes() {
		if code.Operation == operation && code.Never == "" {
			byStatus[code.Status] = append(byStatus[code.Status], code.Code)
		}
	}
	var all []string
	for _, status := range slices.Sorted(maps.Keys(byStatus)) {
		all = append(all, fmt.Sprintf("%d `%s`", status, strings.Join(byStatus[status], "`, `")))
	}
	return strings.Join(all, "; ")
}

func documentParams(out *strings.Builder, params []table.Param, at string) {
	for i := range params {
		param := &params[i]
		name := at + param.Name
		if param.List {
			name += ".N"
		}
		if param.Kind != table.Struct || param.Status == table.Refused {
			fmt.Fprintf(out, "| `%s` | %s | %s |\n", name, kindWords[param.Kind], whatBecomes(param))
			continue
		}
		if param.Note != "" {
			fmt.Fprintf(out, "| `%s` | structure | %s |\n", name, whatBecomes(param))
		}
		documentParams(out, param.Of, name+".")
	}
}

var kindWords = map[table.Kind]string{
	table.Text: "text", table.Integer: "whole number", table.Number: "number", table.Boolean: "boolean", table.Time: "time", table.Struct: "structure",
}

var statusWords = map[table.Status]string{table.Works: "works", table.Stored: "stored", table.Ignored: "ignored", table.Refused: "refused"}

func whatBecomes(param *table.Param) string {
	words := statusWords[param.Status]
	if param.Required {
		words += ", required"
	}
	if param.Status == table.Refused {
		return words + ": " + param.Note
	}
	if len(param.OneOf) > 0 {
		words += "; one of `" + strings.Join(param.OneOf, "`, `") + "`"
	}
	if param.Note != "" {
		words += ". " + strings.TrimSuffix(param.Note, ".") + "."
	}
	return words
}
