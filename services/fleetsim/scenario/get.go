package scenario

import (
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// has tells whether a key is given.
func (m *mapping) has(name string) bool { return m.nodes[name] != nil }

// get reads the value of a key, or what it is without the key. What is wrong is
// noted, and then it is the zero value.
func get[T any](m *mapping, name string, parse func(*field, string) (T, bool)) T {
	f := m.spec.field(name)
	var zero T
	node := m.nodes[name]
	if node == nil {
		if value, ok := parse(f, f.initial); ok && f.initial != "" {
			return value
		}
		return zero
	}
	return scalar(m.reader, m.under(name), f, parse)
}

// scalar reads a value that is neither mapping nor list.
func scalar[T any](r *reader, at place, f *field, parse func(*field, string) (T, bool)) T {
	var zero T
	if at.node.Kind == yaml.ScalarNode && at.node.Tag != "!!null" {
		if value, ok := parse(f, at.node.Value); ok {
			return value
		}
	}
	rule := "must be " + f.value()
	if f.kind == word && at.node.Kind == yaml.ScalarNode {
		rule += r.didYouMean(at.node.Value, f.words)
	}
	r.fail(at, rule)
	return zero
}

func (m *mapping) text(name string) string        { return get(m, name, parseText) }
func (m *mapping) number(name string) int64       { return get(m, name, parseNumber) }
func (m *mapping) span(name string) time.Duration { return get(m, name, parseSpan) }
func (m *mapping) moment(name string) time.Time   { return get(m, name, parseMoment) }
func (m *mapping) positionOf(name string) int64   { return get(m, name, parsePosition) }
func (m *mapping) flag(name string) bool          { return get(m, name, parseFlag) }
func (m *mapping) word(name string) string        { return get(m, name, parseWord) }

// object reads the object under a key; false when there is none to read.
func (m *mapping) object(name string, spec *object) (*mapping, bool) {
	if !m.has(name) {
		return nil, false
	}
	return m.mapping(m.under(name), spec)
}

// list reads the places of the items under a key.
func (m *mapping) list(name string) []place {
	if !m.has(name) {
		return nil
	}
	f, at := m.spec.field(name), m.under(name)
	if at.node.Kind != yaml.SequenceNode || int64(len(at.node.Content)) < f.least || int64(len(at.node.Content)) > f.most {
		m.fail(at, "must be "+f.value())
		return nil
	}
	items := make([]place, len(at.node.Content))
	for i, node := range at.node.Content {
		items[i] = place{node, fmt.Sprintf("%s[%d]", at.path, i)}
	}
	return items
}

// texts reads a list of texts, each of which must be there once.
func (m *mapping) texts(name string) []string {
	var all []string
	seen := map[string]bool{}
	for _, item := range m.list(name) {
		before := m.count()
		value := scalar(m.reader, item, &field{kind: text, class: m.spec.field(name).class}, parseText)
		switch {
		case m.count() > before:
		case seen[value]:
			m.fail(item, "must be in the list once")
		default:
			seen[value] = true
			all = append(all, value)
		}
	}
	return all
}

// didYouMean suggests the known name that is nearest to a wrong one; "" when
// none is near.
func (r *reader) didYouMean(wrong string, known []string) string {
	if len(wrong) > 64 || len(r.problems) == maxProblems {
		return ""
	}
	plain := func(name string) string {
		return strings.NewReplacer("_", "", "-", "", ".", "").Replace(strings.ToLower(name))
	}
	best, least := "", len(wrong)/3+2
	for _, name := range known {
		if plain(name) == plain(wrong) {
			best = name
			break
		}
		if distance := edits(wrong, name, least); distance < least {
			best, least = name, distance
		}
	}
	if best == "" {
		return ""
	}
	return " (did you mean " + best + "?)"
}

// edits is how many bytes must be put in, taken out or replaced to make one
// text of the other; any number of limit or more when it is limit or more.
func edits(a, b string, limit int) int {
	if max(len(a)-len(b), len(b)-len(a)) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
