// Package plan owns what is decided about one group: how much capacity of each
// billing method is to be added, which instances are to go and why, and how the
// group stands. Everything is a function of what is wanted, what is there and
// the time. It must not know which pools there are to launch from, how anything
// is done, or who asks.
//
// All capacity is counted in thousandths of a unit (milliunits).
//
//go:generate go run ./states
package plan
