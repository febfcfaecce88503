package scenario

import (
	"fmt"
	"strings"
)

// Reference is all keys of a scenario with their values, defaults and bounds, as
// Markdown.
func Reference() string {
	var to strings.Builder
	for i, o := range newSchema().objects() {
		if i > 0 {
			to.WriteString("\n")
		}
		o.describe(&to)
	}
	return to.String()
}

// describe writes the reference of one object.
func (o *object) describe(to *strings.Builder) {
	heading := "The file"
	if o.path != "" {
		heading = "`" + strings.ReplaceAll(o.path, ", ", "`, `") + "`"
	}
	fmt.Fprintf(to, "### %s\n\n", heading)
	if o.about != "" {
		fmt.Fprintf(to, "%s\n\n", o.about)
	}
	to.WriteString("| key | value | without it | meaning |\n|---|---|---|---|\n")
	for i := range o.fields {
		f := &o.fields[i]
		fmt.Fprintf(to, "| `%s` | %s | %s | %s |\n", f.name, f.described(), f.otherwise(), f.about)
	}
}

// described is what the value is.
func (f *field) described() string {
	written := f.value()
	switch {
	case f.kind == word:
		written = "`" + strings.Join(f.words, "`, `") + "`"
	case f.kind == flag:
		written = "`true`, `false`"
	case f.unit != "":
		written += "; " + f.unit
	}
	if f.class.rule != "" && f.kind == list {
		written += ": " + f.class.rule
	}
	return written
}

// otherwise is what a missing key means.
func (f *field) otherwise() string {
	switch {
	case f.need == required:
		return "**must be there**"
	case f.need == oneOf:
		return "one of these must be there"
	case f.initial != "":
		return "`" + f.initial + "`"
	default:
		return f.absent
	}
}
