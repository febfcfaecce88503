package cli

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// fieldTag is the tag of flags and arguments that names what they are for in the
// contract: paths of fields, with [] for each element of a list, and a comma
// between two.
const fieldTag = "field"

// A flagField is a flag or an argument, and the field of the request it is for.
type flagField struct {
	flag  string
	field string
	given bool
}

// flagFields are the flags and arguments of a command that are for fields.
type flagFields []flagField

// flagFieldsOf are those of the command that was parsed.
func flagFieldsOf(parsed *kong.Context) flagFields {
	if parsed == nil || parsed.Selected() == nil {
		return nil
	}
	var fields flagFields
	add := func(name string, value *kong.Value) {
		for _, field := range strings.FieldsFunc(value.Tag.Get(fieldTag), func(r rune) bool { return r == ',' }) {
			fields = append(fields, flagField{name, field, value.Set})
		}
	}
	for _, flag := range parsed.Selected().Flags {
		add("--"+flag.Name, flag.Value)
	}
	for _, argument := range parsed.Selected().Positional {
		add("<"+argument.Name+">", argument)
	}
	return fields
}

// given names the flags that were given for a field: those for the field itself
// or, where there are none, those for parts of it; empty for none.
func (f flagFields) given(field string) string {
	path := plainPath(field)
	var whole, parts []string
	for _, one := range f {
		switch {
		case !one.given:
		case isBelow(path, one.field):
			whole = append(whole, one.flag)
		case isBelow(one.field, path):
			parts = append(parts, one.flag)
		}
	}
	if len(whole) > 0 {
		return joinFlags(whole)
	}
	return joinFlags(parts)
}

// of is given, or, where no flag was, those that could have been.
func (f flagFields) of(field string) string {
	var could []string
	for _, one := range f {
		if isBelow(one.field, plainPath(field)) {
			could = append(could, one.flag)
		}
	}
	return cmp.Or(f.given(field), joinFlags(could))
}

// joinFlags names flags, each once.
func joinFlags(flags []string) string {
	slices.Sort(flags)
	return strings.Join(slices.Compact(flags), ", ")
}

// isBelow tells whether a path is another, or a part of what that names.
func isBelow(path, of string) bool {
	rest, is := strings.CutPrefix(path, of)
	return is && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// subscript is where a path picks an element.
var subscript = regexp.MustCompile(`\[[^\]]*\]`)

// plainPath is the path of a field without the elements it picks.
func plainPath(field string) string { return subscript.ReplaceAllString(field, "[]") }
