package table

import (
	"strconv"
	"time"

	"github.com/seed-198b1370/muster/services/gateway/wire"
)

// Keep are the stored parameters of a table that a call gave, by their dotted
// names, as texts: what [Told] tells again.
func Keep(params []Param, values Values) map[string]string {
	kept := map[string]string{}
	keep(params, values, "", kept)
	return kept
}

func keep(params []Param, values Values, at string, into map[string]string) {
	for i := range params {
		param := &params[i]
		name := at + param.Name
		switch {
		case !values.Has(param.Name):
		case param.Kind == Struct && param.List:
			for number, item := range values.Structs(param.Name) {
				keep(param.Of, item, name+"."+strconv.Itoa(number+1)+".", into)
			}
		case param.Kind == Struct:
			keep(param.Of, values.In(param.Name), name+".", into)
		case param.Status == Stored && !param.List:
			into[name] = text(values.held[param.Name])
		}
	}
}

// text is a value as a request writes it.
func text(value any) string {
	switch held := value.(type) {
	case string:
		return held
	case int64:
		return strconv.FormatInt(held, 10)
	case float64:
		return strconv.FormatFloat(held, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(held)
	case time.Time:
		return held.UTC().Format("2006-01-02T15:04:05Z")
	default:
		return ""
	}
}

// Told are the members of an answer for what was kept of parameters, those of a
// structure by the name of the structure and a dot, or of a table by "".
func Told(params []Param, kept map[string]string, at string) wire.Object {
	var told wire.Object
	for i := range params {
		param := &params[i]
		held, ok := kept[at+param.Name]
		if !ok || param.Status != Stored || param.List || param.Kind == Struct {
			continue
		}
		if value, rule := param.scalar(held); rule == "" && param.Kind != Time {
			told = append(told, wire.M(param.Name, value))
		} else {
			told = append(told, wire.M(param.Name, held))
		}
	}
	return told
}
