package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// A Node is a parameter with what lies below it: structures have members by
// name, lists have items by their number from 1. It is the same for the dotted
// spelling (Tag.1.Key=a) and for JSON (Tag=[{"Key":"a"}]).
type Node struct {
	// Text is the value of a leaf.
	Text string
	// Members are what lies below, by the parts of dotted names.
	Members map[string]*Node
}

// Tree makes the tree of parameters. Errors are of type [Error].
func Tree(params map[string]string) (*Node, error) {
	root := &Node{Members: make(map[string]*Node, len(params))}
	for name, value := range params {
		if strings.Count(name, ".") >= MaxDepth {
			return nil, Errorf(http.StatusBadRequest, badParameter, "The name of a parameter has at most %d parts, got %s.", MaxDepth, Quote(name))
		}
		node := root
		for part := range strings.SplitSeq(name, ".") {
			node = node.member(part)
		}
		node.Text = value
	}
	return root, nil
}

func (n *Node) member(name string) *Node {
	below, ok := n.Members[name]
	if !ok {
		below = new(Node)
		if n.Members == nil {
			n.Members = make(map[string]*Node, 1)
		}
		n.Members[name] = below
	}
	return below
}

// Structured is the node with its JSON, if it is written in JSON, taken apart:
// for parameters that are structures or lists. What is wrong is told in words
// that follow the parameter's name.
func (n *Node) Structured() (*Node, error) {
	text := strings.TrimSpace(n.Text)
	if text == "" {
		return n, nil
	}
	if len(n.Members) > 0 {
		return nil, errors.New("is given both as a whole and in parts")
	}
	if text[0] != '{' && text[0] != '[' {
		return n, nil
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	nodes := 0
	node, err := fromJSON(decoder, 1, &nodes)
	if err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("must be one value of JSON, got more")
	}
	return node, nil
}

func fromJSON(decoder *json.Decoder, depth int, nodes *int) (*Node, error) {
	if *nodes++; *nodes > MaxParameters {
		return nil, fmt.Errorf("has more than %d values in its JSON", MaxParameters)
	}
	token, err := decoder.Token()
	if err != nil {
		return nil, errors.New("is not well-formed JSON")
	}
	switch value := token.(type) {
	case json.Delim:
		if depth >= MaxDepth {
			return nil, fmt.Errorf("is nested deeper than %d levels", MaxDepth)
		}
		if value == '[' {
			return listFromJSON(decoder, depth, nodes)
		}
		return objectFromJSON(decoder, depth, nodes)
	case string:
		return &Node{Text: value}, nil
	case json.Number:
		return &Node{Text: value.String()}, nil
	case bool:
		return &Node{Text: strconv.FormatBool(value)}, nil
	default: // null is as good as absent
		return new(Node), nil
	}
}

func listFromJSON(decoder *json.Decoder, depth int, nodes *int) (*Node, error) {
	list := &Node{Members: map[string]*Node{}}
	for decoder.More() {
		item, err := fromJSON(decoder, depth+1, nodes)
		if err != nil {
			return nil, err
		}
		list.Members[strconv.Itoa(len(list.Members)+1)] = item
	}
	return list, closed(decoder)
}

func objectFromJSON(decoder *json.Decoder, depth int, nodes *int) (*Node, error) {
	object := &Node{Members: map[string]*Node{}}
	for decoder.More() {
		token, err := decoder.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return nil, errors.New("is not well-formed JSON")
		}
		if _, twice := object.Members[name]; twice {
			return nil, fmt.Errorf("has the member %s twice", Quote(name))
		}
		if object.Members[name], err = fromJSON(decoder, depth+1, nodes); err != nil {
			return nil, err
		}
	}
	return object, closed(decoder)
}

// closed takes the end of a list or object.
func closed(decoder *json.Decoder) error {
	if _, err := decoder.Token(); err != nil {
		return errors.New("is not well-formed JSON")
	}
	return nil
}

// Items are the items of a list in the order of their numbers, which may leave
// some out. What is wrong is told in words that follow the parameter's name.
func (n *Node) Items() ([]*Node, error) {
	if n.Text != "" {
		return nil, fmt.Errorf("is a list: it must be numbered from 1, as in Name.1, or be in JSON, got %s", Quote(n.Text))
	}
	numbers := make([]int, 0, len(n.Members))
	for name := range n.Members {
		number, err := strconv.Atoi(name)
		if err != nil || number < 1 || strconv.Itoa(number) != name {
			return nil, fmt.Errorf("is a list whose items are numbered from 1, got number %s", Quote(name))
		}
		numbers = append(numbers, number)
	}
	slices.Sort(numbers)
	items := make([]*Node, len(numbers))
	for i, number := range numbers {
		items[i] = n.Members[strconv.Itoa(number)]
	}
	return items, nil
}

// Empty tells that a node is as good as absent.
func (n *Node) Empty() bool {
	if n == nil {
		return true
	}
	if n.Text != "" {
		return false
	}
	for _, below := range n.Members {
		if !below.Empty() {
			return false
		}
	}
	return true
}

// maxQuoted is how much of a wrong value an error repeats, in characters.
const maxQuoted = 64

// Quote is a text in quotes, cut short when it is longer than an error repeats.
func Quote(text string) string {
	if len(text) > maxQuoted {
		if runes := []rune(text[:min(len(text), 4*maxQuoted+4)]); len(runes) > maxQuoted {
			text = string(runes[:maxQuoted]) + "..."
		}
	}
	return strconv.Quote(text)
}
