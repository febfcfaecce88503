// Package table owns how operations of the API are described as data: their
// parameters with kinds, rules and the errors that belong to them, and what is
// done with each. One decoder serves all of them, and the compatibility
// document is made from the same tables. It must not know what any operation
// does.
package table

import (
	"regexp"

	"github.com/seed-198b1370/muster/services/gateway/wire"
)

// A Kind is what the value of a parameter is.
type Kind int

// The kinds.
const (
	// Text is a string.
	Text Kind = iota
	// Integer is a whole number, as 5.
	Integer
	// Number is a number, as 0.5.
	Number
	// Boolean is true or false.
	Boolean
	// Time is a moment in UTC, as 2026-01-02T15:04:05Z or 2026-01-02T15:04Z.
	Time
	// Struct has members, those in Of.
	Struct
)

// A Status tells what becomes of a parameter.
type Status int

// The statuses.
const (
	// Works does what the API's reference says.
	Works Status = iota
	// Stored is checked, kept and told again, and does nothing else.
	Stored
	// Ignored is checked, and does nothing.
	Ignored
	// Refused makes the call fail, because to ignore it would mislead.
	Refused
)

// A Param is a parameter of an operation, or a member of a structure.
type Param struct {
	// Name as the API's reference spells it; of a structure's members without
	// what is before the last dot.
	Name string
	// Kind is what its value is; of a list what each item is.
	Kind Kind
	// List tells that it is a list, Name.1 and so on, or in JSON.
	List bool
	// Limit is how many items a list has at most; 0 means 100.
	Limit int
	// Of are the members of a structure.
	Of []Param
	// Required tells that it must be given.
	Required bool
	// Min and Max are the least and greatest number, or how few and many
	// characters a text has. Max 0 means none for numbers, and 4096 for texts.
	Min, Max float64
	// OneOf are the values that a text can have. None: any.
	OneOf []string
	// Pattern is what a text must match, and Rule says the same in words that
	// follow "must".
	Pattern *regexp.Regexp
	Rule    string
	// Status is what becomes of it, and Note says more, for the document; of a
	// refused one it is what the caller is told.
	Status Status
	Note   string
	// Absent, Wrong and TooMany are the errors for a required one that is absent,
	// a value that breaks a rule, and too many items, where they are not
	// MissingParameter and InvalidParameter. Blank is that for a value of nothing
	// but white space, where it is not Wrong. Above is that for a number above
	// Max, where it is not Wrong.
	Absent, Wrong, TooMany, Blank, Above wire.Error
}

// An Operation is one of the API.
type Operation struct {
	// Product and Version are those of the API that it belongs to. Empty: Ecs
	// and 2014-05-26.
	Product, Version string
	// Name is the action, as clients send it.
	Name string
	// Summary is one sentence for the document.
	Summary string
	// Params are what it takes. Others are ignored.
	Params []Param
	// Note says in the document what else is to be known of it.
	Note string
}

// ProductName is the product, Ecs unless told otherwise.
func (o Operation) ProductName() string {
	if o.Product == "" {
		return "Ecs"
	}
	return o.Product
}

// APIVersion is the version, that of ECS unless told otherwise.
func (o Operation) APIVersion() string {
	if o.Version == "" {
		return "2014-05-26"
	}
	return o.Version
}
