package wire

import (
	"encoding/xml"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// An Object is an answer, or a part of one: members in the order in which they
// are written.
type Object []Member

// A Member is a named value. Values are strings, booleans, integers, float64,
// []string, [Object] and []Object. A member without a name is left out.
type Member struct {
	Name  string
	Value any
}

// M is a member.
func M(name string, value any) Member { return Member{Name: name, Value: value} }

// Some is a member that is left out when its text is empty.
func Some(name, text string) Member {
	if text == "" {
		return Member{}
	}
	return Member{Name: name, Value: text}
}

// List is a list in its wrapper, as in Tags {Tag: [...]}: never absent, for
// clients do not look first.
func List[T string | Object](wrapper, name string, items []T) Member {
	if items == nil {
		items = []T{}
	}
	return M(wrapper, Object{M(name, items)})
}

// AppendJSON writes an object as JSON.
func AppendJSON(to []byte, object Object) ([]byte, error) {
	to = append(to, '{')
	first := true
	for _, member := range object {
		if member.Name == "" {
			continue
		}
		if !first {
			to = append(to, ',')
		}
		first = false
		to = append(appendText(to, member.Name), ':')
		var err error
		if to, err = appendValue(to, member); err != nil {
			return to, err
		}
	}
	return append(to, '}'), nil
}

func appendValue(to []byte, member Member) ([]byte, error) {
	switch value := member.Value.(type) {
	case Object:
		return AppendJSON(to, value)
	case []Object:
		return appendList(to, value, AppendJSON)
	case []string:
		return appendList(to, value, func(to []byte, text string) ([]byte, error) { return appendText(to, text), nil })
	case string:
		return appendText(to, value), nil
	default:
		text, err := plain(member)
		return append(to, text...), err
	}
}

func appendList[T any](to []byte, items []T, appendItem func([]byte, T) ([]byte, error)) ([]byte, error) {
	to = append(to, '[')
	for i, item := range items {
		if i > 0 {
			to = append(to, ',')
		}
		var err error
		if to, err = appendItem(to, item); err != nil {
			return to, err
		}
	}
	return append(to, ']'), nil
}

// plain is a scalar as JSON and XML alike write it, without quotes.
func plain(member Member) (string, error) {
	switch value := member.Value.(type) {
	case string:
		return value, nil
	case bool:
		return strconv.FormatBool(value), nil
	case int:
		return strconv.Itoa(value), nil
	case int32:
		return strconv.FormatInt(int64(value), 10), nil
	case int64:
		return strconv.FormatInt(value, 10), nil
	case float64:
		if !math.IsNaN(value) && !math.IsInf(value, 0) {
			return strconv.FormatFloat(value, 'f', -1, 64), nil
		}
	}
	return "", fmt.Errorf("member %s can not be written: %T %v", member.Name, member.Value, member.Value)
}

const hexDigits = "0123456789abcdef"

// appendText writes a string of JSON. What is not UTF-8 becomes U+FFFD.
func appendText(to []byte, text string) []byte {
	to = append(to, '"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			to = append(to, '\\', byte(r))
		case r == '\n':
			to = append(to, '\\', 'n')
		case r < ' ' || r == 0x7f:
			to = append(to, '\\', 'u', '0', '0', hexDigits[r>>4&15], hexDigits[r&15])
		case r == 0x2028 || r == 0x2029:
			to = append(to, '\\', 'u', '2', '0', '2', hexDigits[r&15])
		default:
			to = utf8.AppendRune(to, r)
		}
	}
	return append(to, '"')
}

// AppendXML writes an object as an XML document: a list is its element once for
// each item.
func AppendXML(to []byte, root string, object Object) ([]byte, error) {
	to = append(to, `<?xml version="1.0" encoding="UTF-8"?>`...)
	return appendElement(to, Member{root, object})
}

func appendElement(to []byte, member Member) ([]byte, error) {
	var err error
	switch value := member.Value.(type) {
	case Object:
		to = append(append(append(to, '<'), member.Name...), '>')
		for _, inner := range value {
			if inner.Name == "" {
				continue
			}
			if to, err = appendElement(to, inner); err != nil {
				return to, err
			}
		}
		return append(append(append(to, "</"...), member.Name...), '>'), nil
	case []Object:
		for _, item := range value {
			if to, err = appendElement(to, Member{member.Name, item}); err != nil {
				return to, err
			}
		}
		return to, nil
	case []string:
		for _, item := range value {
			if to, err = appendElement(to, Member{member.Name, item}); err != nil {
				return to, err
			}
		}
		return to, nil
	}
	text, err := plain(member)
	if err != nil {
		return to, err
	}
	to = append(append(append(to, '<'), member.Name...), '>')
	out := sink(to)
	if err := xml.EscapeText(&out, []byte(text)); err != nil {
		return to, err
	}
	return append(append(append([]byte(out), "</"...), member.Name...), '>'), nil
}

// sink is a slice that can be written to.
type sink []byte

// Write implements [io.Writer].
func (s *sink) Write(more []byte) (int, error) {
	*s = append(*s, more...)
	return len(more), nil
}
