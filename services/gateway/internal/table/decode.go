package table

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/seed-198b1370/muster/services/gateway/wire"
)

// Bounds of parameters that name none.
const (
	defaultLimit   = 100
	defaultMaxText = 4096
)

// Decode reads the parameters of a table from a tree. First it tells what is
// absent, then what is wrong; errors are of type [wire.Error].
func Decode(params []Param, root *wire.Node) (Values, error) {
	return decodeStruct(params, root, "")
}

func decodeStruct(params []Param, node *wire.Node, at string) (Values, error) {
	values := Values{held: make(map[string]any, len(node.Members))}
	for i := range params {
		if params[i].Required && node.Members[params[i].Name].Empty() {
			return values, params[i].absent(at + params[i].Name)
		}
	}
	for i := range params {
		param := &params[i]
		below := node.Members[param.Name]
		if below.Empty() {
			continue
		}
		value, err := param.decode(below, at+param.Name)
		if err != nil {
			return values, err
		}
		values.held[param.Name] = value
	}
	return values, nil
}

func (p *Param) decode(node *wire.Node, name string) (any, error) {
	if p.Status == Refused {
		return nil, p.wrong(name, fmt.Sprintf("is not supported here: %s", p.Note))
	}
	if !p.List {
		return p.decodeOne(node, name)
	}
	whole, err := node.Structured()
	if err != nil {
		return nil, p.wrong(name, err.Error())
	}
	nodes, err := whole.Items()
	if err != nil {
		return nil, p.wrong(name, err.Error())
	}
	if limit := p.limit(); len(nodes) > limit {
		return nil, p.tooMany(name, len(nodes), limit)
	}
	list := make([]any, 0, len(nodes))
	for i, item := range nodes {
		if item.Empty() {
			continue
		}
		value, err := p.decodeOne(item, name+"."+strconv.Itoa(i+1))
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	return list, nil
}

func (p *Param) decodeOne(node *wire.Node, name string) (any, error) {
	if p.Kind == Struct {
		whole, err := node.Structured()
		if err != nil {
			return nil, p.wrong(name, err.Error())
		}
		if whole.Text != "" {
			return nil, p.wrong(name, "is a structure: it must be given in parts, or in JSON, got "+wire.Quote(whole.Text))
		}
		return decodeStruct(p.Of, whole, name+".")
	}
	if len(node.Members) > 0 {
		return nil, p.wrong(name, "has no parts")
	}
	if !p.Blank.IsZero() && strings.TrimSpace(node.Text) == "" {
		return nil, p.Blank
	}
	value, rule := p.scalar(node.Text)
	if rule == "" {
		return value, nil
	}
	why := "must " + rule + ", got " + wire.Quote(node.Text)
	if !p.Above.IsZero() && p.isAbove(node.Text) {
		return nil, p.Above.With(fmt.Sprintf("The parameter %q %s.", name, why))
	}
	return nil, p.wrong(name, why)
}

// isAbove tells of a number that is above the greatest one.
func (p *Param) isAbove(text string) bool {
	number, err := strconv.ParseFloat(text, 64)
	return err == nil && number > p.Max
}

// scalar reads a value, or tells which rule it breaks.
func (p *Param) scalar(text string) (value any, rule string) {
	switch p.Kind {
	case Integer:
		number, err := strconv.ParseInt(text, 10, 64)
		if err != nil || !p.inRange(float64(number)) {
			return nil, "be a whole number" + p.rangeText()
		}
		return number, ""
	case Number:
		number, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(number) || math.IsInf(number, 0) || !p.inRange(number) {
			return nil, "be a number" + p.rangeText()
		}
		return number, ""
	case Boolean:
		switch strings.ToLower(text) {
		case "true":
			return true, ""
		case "false":
			return false, ""
		}
		return nil, "be true or false"
	case Time:
		for _, layout := range []string{"2006-01-02T15:04:05Z", "2006-01-02T15:04Z"} {
			if moment, err := time.Parse(layout, text); err == nil {
				return moment, ""
			}
		}
		return nil, "be a time in UTC as in 2026-01-02T15:04:05Z"
	default:
		return text, p.textRule(text)
	}
}

func (p *Param) textRule(text string) string {
	longest := defaultMaxText
	if p.Max != 0 {
		longest = int(p.Max)
	}
	if length := utf8.RuneCountInString(text); length < int(p.Min) || length > longest {
		return fmt.Sprintf("have %d to %d characters", max(1, int(p.Min)), longest)
	}
	if p.Pattern != nil && !p.Pattern.MatchString(text) {
		return p.Rule
	}
	if len(p.OneOf) == 0 {
		return ""
	}
	for _, allowed := range p.OneOf {
		if text == allowed {
			return ""
		}
	}
	return "be one of " + strings.Join(p.OneOf, ", ")
}

func (p *Param) inRange(number float64) bool {
	return number >= p.Min && (p.Max == 0 || number <= p.Max)
}

func (p *Param) rangeText() string {
	least := strconv.FormatFloat(p.Min, 'f', -1, 64)
	if p.Max == 0 {
		return " of at least " + least
	}
	return " from " + least + " to " + strconv.FormatFloat(p.Max, 'f', -1, 64)
}

func (p *Param) limit() int {
	if p.Limit == 0 {
		return defaultLimit
	}
	return p.Limit
}

func (p *Param) absent(name string) error {
	if !p.Absent.IsZero() {
		return p.Absent
	}
	return wire.Errorf(http.StatusBadRequest, "MissingParameter", "The parameter %q must be given.", name)
}

func (p *Param) wrong(name, why string) error {
	sentence := fmt.Sprintf("The parameter %q %s.", name, why)
	if !p.Wrong.IsZero() {
		return p.Wrong.With(sentence)
	}
	return wire.Error{Status: http.StatusBadRequest, Code: "InvalidParameter", Message: sentence}
}

func (p *Param) tooMany(name string, items, limit int) error {
	sentence := fmt.Sprintf("The parameter %q has at most %d items, got %d.", name, limit, items)
	if !p.TooMany.IsZero() {
		return p.TooMany.With(sentence)
	}
	return wire.Error{Status: http.StatusBadRequest, Code: "InvalidParameter", Message: sentence}
}
