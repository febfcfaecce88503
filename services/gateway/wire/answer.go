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

// A Member is a named value. A member without a name is left out.
type Member struct {
	// Name is the name, of letters and digits and dots.
	Name string
	// Text is the value when Value is nil.
	Text string
	// Value is a string, a boolean, an integer, a float64, a []string, an
	// [Object], an []Object or [Objects].
	Value any
}

// Objects is a list of objects each of which is made only when it is written:
// long lists would else be held twice.
type Objects struct {
	// Count is how many there are.
	Count int
	// Make appends the members of the object at a place to an empty one, whose
	// room the next object takes.
	Make func(at int, to Object) Object
}

// M is a member.
func M(name string, value any) Member { return Member{Name: name, Value: value} }

// T is a member that is a text. It takes less room than M.
func T(name, text string) Member { return Member{Name: name, Text: text} }

// Some is a member that is left out when its text is empty.
func Some(name, text string) Member {
	if text == "" {
		return Member{}
	}
	return T(name, text)
}

// List is a list in its wrapper, as in Tags {Tag: [...]}: never absent, for
// clients do not look first.
func List[T string | Object](wrapper, name string, items []T) Member {
	return M(wrapper, list[T]{name, items})
}

// A list is a wrapper with one member, which is a list.
type list[T string | Object] struct {
	name  string
	items []T
}

// ListOf is a list in its wrapper whose objects are made as they are written.
func ListOf(wrapper, name string, count int, item func(at int, to Object) Object) Member {
	return M(wrapper, Object{M(name, Objects{Count: count, Make: item})})
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
		to = appendName(to, member.Name)
		var err error
		if to, err = appendValue(to, member); err != nil {
			return to, err
		}
	}
	return append(to, '}'), nil
}

func appendValue(to []byte, member Member) ([]byte, error) {
	switch value := member.Value.(type) {
	case nil:
		return appendText(to, member.Text), nil
	case Object:
		return AppendJSON(to, value)
	case Objects:
		return appendObjects(to, value)
	case list[string]:
		to, err := appendList(appendName(append(to, '{'), value.name), value.items, appendItem)
		return append(to, '}'), err
	case list[Object]:
		to, err := appendList(appendName(append(to, '{'), value.name), value.items, AppendJSON)
		return append(to, '}'), err
	case []Object:
		return appendList(to, value, AppendJSON)
	case []string:
		return appendList(to, value, appendItem)
	case string:
		return appendText(to, value), nil
	case bool:
		return strconv.AppendBool(to, value), nil
	case int:
		return strconv.AppendInt(to, int64(value), 10), nil
	case int32:
		return strconv.AppendInt(to, int64(value), 10), nil
	default:
		text, err := plain(member)
		return append(to, text...), err
	}
}

// appendName writes the name of a member, in which nothing is to be escaped.
func appendName(to []byte, name string) []byte {
	return append(append(append(to, '"'), name...), '"', ':')
}

func appendItem(to []byte, text string) ([]byte, error) { return appendText(to, text), nil }

func appendObjects(to []byte, objects Objects) ([]byte, error) {
	to = append(to, '[')
	var item Object
	for at := range objects.Count {
		if at > 0 {
			to = append(to, ',')
		}
		item = objects.Make(at, item[:0])
		var err error
		if to, err = AppendJSON(to, item); err != nil {
			return to, err
		}
	}
	return append(to, ']'), nil
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
	case nil:
		return member.Text, nil
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
	plain := 0 // what of the text is written
	for at := 0; at < len(text); {
		if c := text[at]; c < utf8.RuneSelf && isPlain(c) {
			at++
			continue
		}
		to = append(to, text[plain:at]...)
		r, size := utf8.DecodeRuneInString(text[at:])
		to = appendRune(to, r)
		at += size
		plain = at
	}
	return append(append(to, text[plain:]...), '"')
}

// isPlain tells whether a character of ASCII is written as it is.
func isPlain(c byte) bool { return c >= ' ' && c != '"' && c != '\\' && c != 0x7f }

func appendRune(to []byte, r rune) []byte {
	switch {
	case r == '"' || r == '\\':
		return append(to, '\\', byte(r))
	case r == '\n':
		return append(to, '\\', 'n')
	case r < ' ' || r == 0x7f:
		return append(to, '\\', 'u', '0', '0', hexDigits[r>>4&15], hexDigits[r&15])
	case r == 0x2028 || r == 0x2029:
		return append(to, '\\', 'u', '2', '0', '2', hexDigits[r&15])
	default:
		return utf8.AppendRune(to, r)
	}
}

// AppendXML writes an object as an XML document: a list is its element once for
// each item.
func AppendXML(to []byte, root string, object Object) ([]byte, error) {
	to = append(to, `<?xml version="1.0" encoding="UTF-8"?>`...)
	return appendElement(to, M(root, object))
}

func appendElement(to []byte, member Member) ([]byte, error) {
	switch value := member.Value.(type) {
	case Object:
		to = append(append(append(to, '<'), member.Name...), '>')
		for _, inner := range value {
			if inner.Name == "" {
				continue
			}
			var err error
			if to, err = appendElement(to, inner); err != nil {
				return to, err
			}
		}
		return append(append(append(to, "</"...), member.Name...), '>'), nil
	case list[string]:
		return appendElement(to, M(member.Name, Object{M(value.name, value.items)}))
	case list[Object]:
		return appendElement(to, M(member.Name, Object{M(value.name, value.items)}))
	case Objects:
		var item Object
		return appendElements(to, value.Count, func(at int) Member {
			item = value.Make(at, item[:0])
			return M(member.Name, item)
		})
	case []Object:
		return appendElements(to, len(value), func(at int) Member { return M(member.Name, value[at]) })
	case []string:
		return appendElements(to, len(value), func(at int) Member { return T(member.Name, value[at]) })
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

func appendElements(to []byte, count int, item func(at int) Member) ([]byte, error) {
	for at := range count {
		var err error
		if to, err = appendElement(to, item(at)); err != nil {
			return to, err
		}
	}
	return to, nil
}

// sink is a slice that can be written to.
type sink []byte

// Write implements [io.Writer].
func (s *sink) Write(more []byte) (int, error) {
	*s = append(*s, more...)
	return len(more), nil
}
