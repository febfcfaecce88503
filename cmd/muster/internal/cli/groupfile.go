package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"buf.build/go/protoyaml"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/proto"

	"github.com/seed-198b1370/muster/pkg/rpc"
	groupv1 "github.com/seed-198b1370/muster/proto/gen/muster/group/v1"
)

// maxGroupFileBytes bounds the size of a group file.
const maxGroupFileBytes = 1 << 20

// A yamlFile is a file in YAML, and where in it fields stand.
type yamlFile struct {
	name string
	root *yaml.Node
}

// A groupFile is a CreateGroup request in YAML.
type groupFile struct {
	yamlFile
	request *groupv1.CreateGroupRequest
}

// fileError tells what is wrong with a file, a line for each finding.
type fileError struct {
	lines   []string
	refused []refusedField // found by the service, after lines
}

// A refusedField is a field of a file that the service refused.
type refusedField struct {
	field string // as the service calls it
	place string // file and, where it is known, line
	name  string // as the file calls it
	text  string // what is wrong
}

// Error implements error.
func (e *fileError) Error() string { return strings.Join(e.linesFor(nil), "\n") }

// linesFor are all findings. What flags of the command line have put over the
// file is told of those.
func (e *fileError) linesFor(flags flagFields) []string {
	lines := slices.Clone(e.lines)
	for _, one := range e.refused {
		if flag := flags.given(one.field); flag != "" {
			lines = append(lines, fmt.Sprintf("muster: %s: %s (%s)", flag, one.text, one.field))
		} else {
			lines = append(lines, fmt.Sprintf("%s %s: %s", one.place, one.name, one.text))
		}
	}
	return lines
}

// readGroupFile reads a group file; the name - means standard input.
func readGroupFile(name string, stdin io.Reader) (*groupFile, error) {
	data, err := readFile(name, stdin, maxGroupFileBytes)
	if err != nil {
		return nil, err
	}
	return parseGroupFile(name, data)
}

// readFile reads a file of at most so many bytes; the name - means standard
// input.
func readFile(name string, stdin io.Reader, most int64) ([]byte, error) {
	source := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }() // only read from
		source = file
	}
	data, err := io.ReadAll(io.LimitReader(source, most+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if int64(len(data)) > most {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, most)
	}
	return data, nil
}

// parseGroupFile parses a group file. Its errors name line, field and what is
// wrong.
func parseGroupFile(name string, data []byte) (*groupFile, error) {
	request := &groupv1.CreateGroupRequest{}
	parsed, err := parseYAML(name, data, "a CreateGroup request with a spec", request)
	if err != nil {
		return nil, err
	}
	return &groupFile{yamlFile: *parsed, request: request}, nil
}

// parseYAML reads a message out of a file in YAML, or in JSON, which is the same
// to it.
func parseYAML(name string, data []byte, holds string, message proto.Message) (*yamlFile, error) {
	file := &yamlFile{name: name, root: &yaml.Node{}}
	if err := yaml.Unmarshal(data, file.root); err != nil {
		return nil, &fileError{lines: []string{syntaxError(name, err)}}
	}
	if file.root.Kind == 0 {
		return nil, &fileError{lines: []string{name + ": is empty; it must hold " + holds}}
	}
	if found := doubles(name, file.root); len(found) > 0 {
		return nil, &fileError{lines: found}
	}
	if err := (protoyaml.UnmarshalOptions{Path: name}).Unmarshal(data, message); err != nil {
		return nil, &fileError{lines: excerpted(strings.Split(strings.TrimSpace(err.Error()), "\n"))}
	}
	return file, nil
}

// widestExcerpt is how much is shown of a line that is wrong. JSON can be one
// line of a million characters.
const widestExcerpt = 120

// excerpted cuts the lines of a file that errors show, which are indented, and
// leaves out what points further right than that.
func excerpted(lines []string) []string {
	var cut []string
	for _, line := range lines {
		switch {
		case !strings.HasPrefix(line, " ") || len(line) <= widestExcerpt:
			cut = append(cut, line)
		case !strings.HasSuffix(line, "^"):
			cut = append(cut, strings.ToValidUTF8(line[:widestExcerpt], "")+" ...")
		}
	}
	return cut
}

// syntaxError tells what is wrong with a file that is no YAML, in the form of
// all other errors: the parser puts the line, if it knows it, into its text.
func syntaxError(name string, err error) string {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, found := strings.CutPrefix(text, "line "); found {
		if line, what, found := strings.Cut(rest, ": "); found {
			return name + ":" + line + ": " + what
		}
	}
	return name + ": " + text
}

// doubles tells of fields that are given more than once, in either spelling: the
// parser would let the last one win.
func doubles(name string, node *yaml.Node) []string {
	var found []string
	seen := map[string]int{}
	for i, item := range node.Content {
		if node.Kind == yaml.MappingNode && i%2 == 0 {
			spelled := plain(item.Value)
			if line, twice := seen[spelled]; twice {
				found = append(found, fmt.Sprintf("%s:%d:%d %s: is given twice, first in line %d", name, item.Line, item.Column, item.Value, line))
			}
			seen[spelled] = item.Line
		}
		found = append(found, doubles(name, item)...)
	}
	return found
}

// plain is what the two spellings of a field, zone_id and zoneId, have in
// common.
func plain(field string) string { return strings.ReplaceAll(strings.ToLower(field), "_", "") }

// locate turns the field violations of a refused request into errors that point
// into the file. Other errors stay as they are, and all of them without a file.
func (f *groupFile) locate(err error) error {
	if f.name == "" {
		return err
	}
	return located(err, f.at)
}

// located turns the field violations of a refused request into errors that say
// where they come from: find tells the file and the line of a field, and how the
// file calls it. Other errors stay as they are.
func located(err error, find func(field string) (place, name string)) error {
	violations := rpc.FieldViolations(err)
	if len(violations) == 0 {
		return err
	}
	found := &fileError{}
	for _, violation := range violations {
		place, name := find(violation.GetField())
		found.refused = append(found.refused, refusedField{violation.GetField(), place, name, violation.GetDescription()})
	}
	return found
}

// at tells the place of a field, as the file and, where it is known, the line.
func (f *yamlFile) at(field string) (place, name string) {
	if node := f.nodeAt(field); node != nil {
		return f.name + ":" + strconv.Itoa(node.Line), field
	}
	return f.name, field
}

// nodeAt finds the node of a field path such as spec.candidates[0].zone_id, or
// the closest one above it; nil when not even the first step is there.
func (f *yamlFile) nodeAt(path string) *yaml.Node {
	node := f.root
	if node.Kind == yaml.DocumentNode && len(node.Content) == 1 {
		node = node.Content[0]
	}
	var found *yaml.Node
	for _, step := range strings.Split(path, ".") {
		name, index, err := splitStep(step)
		if err != nil {
			return found
		}
		key, value := child(node, name)
		if key == nil {
			return found
		}
		found, node = key, value
		if index < 0 {
			continue
		}
		if node.Kind != yaml.SequenceNode || index >= len(node.Content) {
			return found
		}
		node = node.Content[index]
		found = node
	}
	return found
}

// splitStep splits a step of a field path such as candidates[0] into name and
// index; the index is -1 when there is none.
func splitStep(step string) (name string, index int, err error) {
	name, rest, indexed := strings.Cut(step, "[")
	if !indexed {
		return name, -1, nil
	}
	number, closed := strings.CutSuffix(rest, "]")
	if !closed {
		return "", 0, errors.New("no closing bracket")
	}
	index, err = strconv.Atoi(number)
	if err == nil && index < 0 {
		err = errors.New("negative index")
	}
	return name, index, err
}

// child finds the key of a field, in either of its spellings, and its value.
func child(node *yaml.Node, field string) (key, value *yaml.Node) {
	if node.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if plain(node.Content[i].Value) == plain(field) {
			return node.Content[i], node.Content[i+1]
		}
	}
	return nil, nil
}
