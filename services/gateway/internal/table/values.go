package table

import (
	"time"
)

// Values are decoded parameters: of an operation, or of one structure.
type Values struct{ held map[string]any }

// Has tells whether a parameter was given.
func (v Values) Has(name string) bool {
	_, ok := v.held[name]
	return ok
}

// get is the value of a parameter, or the zero value of its type.
func get[T any](v Values, name string) T {
	value, _ := v.held[name].(T)
	return value
}

// Text is a text; "" when absent.
func (v Values) Text(name string) string { return get[string](v, name) }

// Integer is a whole number; 0 when absent.
func (v Values) Integer(name string) int64 { return get[int64](v, name) }

// Number is a number; 0 when absent.
func (v Values) Number(name string) float64 { return get[float64](v, name) }

// Flag is a boolean; false when absent.
func (v Values) Flag(name string) bool { return get[bool](v, name) }

// Time is a moment; the zero time when absent.
func (v Values) Time(name string) time.Time { return get[time.Time](v, name) }

// In are the members of a structure; none when absent.
func (v Values) In(name string) Values { return get[Values](v, name) }

// Texts are the items of a list of texts.
func (v Values) Texts(name string) []string { return items[string](v, name) }

// Integers are the items of a list of whole numbers.
func (v Values) Integers(name string) []int64 { return items[int64](v, name) }

// Numbers are the items of a list of numbers.
func (v Values) Numbers(name string) []float64 { return items[float64](v, name) }

// Structs are the items of a list of structures.
func (v Values) Structs(name string) []Values { return items[Values](v, name) }

func items[T any](v Values, name string) []T {
	list, _ := v.held[name].([]any)
	out := make([]T, 0, len(list))
	for _, item := range list {
		if typed, ok := item.(T); ok {
			out = append(out, typed)
		}
	}
	return out
}
