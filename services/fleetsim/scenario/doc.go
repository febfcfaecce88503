// Package scenario owns the files that describe a simulated cloud from its
// beginning: what it sells, how its market moves, who has an account, and what
// will happen when. It must not know how a world obeys commands, nor where a
// running cloud keeps its state.
//
// A scenario is YAML; [Load] reads one and the files beside it that it names.
// All that is wrong is told at once, each with file, line and column, in a
// [*FileError]. What is right is a [Scenario]: plain data, from which
// [Scenario.Config] makes what a world begins with.
//
// The same bytes give the same scenario. Keys are told by one table, which
// reading, defaults, bounds and [Reference] follow; docs/scenarios.md holds the
// latter.
package scenario
