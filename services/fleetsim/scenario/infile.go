package scenario

import (
	"errors"

	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/trace"
)

// inFile notes what is wrong with a file that the scenario names: where it is in
// that file, if that is known, else where the file is named.
func (d *decoder) inFile(at place, name string, err error) {
	var inCatalog *catalog.SyntaxError
	var inTrace *trace.SyntaxError
	switch {
	case errors.As(err, &inCatalog):
		d.report(inLine(name, inCatalog.Line, inCatalog.Column, inCatalog.Rule, inCatalog.Value))
	case errors.As(err, &inTrace):
		d.report(inLine(name, inTrace.Line, inTrace.Column, inTrace.Rule, inTrace.Value))
	default:
		d.fail(at, "must be a file of the right form: "+err.Error())
	}
}

func inLine(file string, line int, column, rule, value string) Problem {
	p := Problem{File: file, Line: line, Field: column, Rule: rule}
	if column != "" {
		p.Got = shown(value)
	}
	return p
}

// offerErrors is what is wrong with offers, if that is what an error tells.
func offerErrors(err error) catalog.OffersError {
	var wrong catalog.OffersError
	errors.As(err, &wrong)
	return wrong
}
