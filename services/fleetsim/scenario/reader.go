package scenario

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A place is a value in the file, and the path of keys that leads to it.
type place struct {
	node *yaml.Node
	path string
}

// under is the place of a key's value, or of what it lies in if there is none.
func (m *mapping) under(name string) place {
	if node := m.nodes[name]; node != nil {
		return place{node, join(m.path, name)}
	}
	return m.place
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// A reader takes a file apart and collects what is wrong with it.
type reader struct {
	file     string
	problems []Problem
	more     int
}

// report notes a problem.
func (r *reader) report(p Problem) {
	if len(r.problems) == maxProblems {
		r.more++
		return
	}
	r.problems = append(r.problems, p)
}

// fail notes that a value is wrong and shows it.
func (r *reader) fail(at place, rule string) {
	r.report(Problem{r.file, at.node.Line, at.node.Column, at.path, rule, got(at.node)})
}

// count is how many problems there are.
func (r *reader) count() int { return len(r.problems) + r.more }

// got is a value as problems show it.
func got(node *yaml.Node) string {
	switch {
	case node.Kind == yaml.AliasNode:
		return "an alias: write the value out"
	case node.Kind == yaml.ScalarNode && node.Tag == "!!null":
		return "nothing"
	case node.Kind == yaml.ScalarNode:
		return shown(node.Value)
	case node.Kind == yaml.SequenceNode:
		return fmt.Sprintf("a list of %d", len(node.Content))
	default:
		return ""
	}
}

// document parses YAML, which must be one document.
func (r *reader) document(data []byte) (root *yaml.Node, ok bool) {
	decoder := yaml.NewDecoder(strings.NewReader(string(data)))
	var first, second yaml.Node
	switch err := decoder.Decode(&first); {
	case errors.Is(err, io.EOF):
		r.report(Problem{File: r.file, Rule: "is empty; it must hold a scenario"})
		return nil, false
	case err != nil:
		r.syntax(err)
		return nil, false
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		r.report(Problem{File: r.file, Line: second.Line, Column: second.Column, Rule: "must not begin another document: a scenario is one"})
		return nil, false
	case !errors.Is(err, io.EOF):
		r.syntax(err)
		return nil, false
	}
	return first.Content[0], true
}

// syntax notes what makes a file no YAML: the parser puts the line, if it knows
// it, into its text.
func (r *reader) syntax(err error) {
	p := Problem{File: r.file, Rule: strings.TrimPrefix(err.Error(), "yaml: ")}
	if rest, found := strings.CutPrefix(p.Rule, "line "); found {
		var line int
		if number, what, found := strings.Cut(rest, ": "); found {
			if _, err := fmt.Sscanf(number, "%d", &line); err == nil {
				p.Line, p.Rule = line, what
			}
		}
	}
	p.Rule = "must be YAML: " + p.Rule
	r.report(p)
}

// A mapping is an object in the file whose keys are all known.
type mapping struct {
	*reader
	place
	spec  *object
	nodes map[string]*yaml.Node
}

// mapping reads an object. It tells of keys that are unknown, doubled or
// missing; the values are left to those who ask for them.
func (r *reader) mapping(at place, spec *object) (*mapping, bool) {
	if at.node.Kind != yaml.MappingNode {
		r.fail(at, "must be a mapping with keys such as "+some(spec))
		return nil, false
	}
	m := &mapping{r, at, spec, map[string]*yaml.Node{}}
	lines := map[string]int{}
	for i := 0; i+1 < len(at.node.Content); i += 2 {
		key, value := at.node.Content[i], at.node.Content[i+1]
		switch line, twice := lines[key.Value]; {
		case key.Kind != yaml.ScalarNode || spec.field(key.Value) == nil:
			rule := "must not have unknown keys" + r.didYouMean(key.Value, spec.names(func(field) bool { return true }))
			r.report(Problem{r.file, key.Line, key.Column, at.path, rule, got(key)})
		case twice:
			r.report(Problem{r.file, key.Line, key.Column, join(at.path, key.Value), fmt.Sprintf("must be given once, is given in line %d already", line), ""})
		default:
			lines[key.Value] = key.Line
			m.nodes[key.Value] = value
		}
	}
	m.checkNeeds()
	return m, true
}

// some is the first keys of an object, as an example.
func some(spec *object) string {
	names := spec.names(func(field) bool { return true })
	return strings.Join(names[:min(3, len(names))], ", ")
}

// checkNeeds tells of keys that are missing, and of choices not made.
func (m *mapping) checkNeeds() {
	var chosen []string
	choices := m.spec.names(func(f field) bool { return f.need == oneOf })
	for i := range m.spec.fields {
		f := &m.spec.fields[i]
		given := m.nodes[f.name] != nil
		if f.need == required && !given {
			m.report(Problem{m.file, m.node.Line, m.node.Column, m.path, fmt.Sprintf("must have %s, %s", f.name, f.value()), ""})
		}
		if f.need == oneOf && given {
			chosen = append(chosen, f.name)
		}
	}
	if len(choices) > 0 && len(chosen) != 1 {
		p := Problem{m.file, m.node.Line, m.node.Column, m.path, "must have exactly one of " + strings.Join(choices, ", "), "none"}
		if len(chosen) > 0 {
			p.Got = strings.Join(chosen, " and ")
		}
		m.report(p)
	}
}

// chosen is the key that was chosen of those of which there must be one; the
// first of several.
func (m *mapping) chosen() (string, bool) {
	for _, name := range m.spec.names(func(f field) bool { return f.need == oneOf }) {
		if m.nodes[name] != nil {
			return name, true
		}
	}
	return "", false
}
