// Package layout owns how releases meet state that other releases have written:
// what a later one wrote is refused, and what an earlier one wrote is brought up to
// date, step by step. It must not know what the state is, nor where its layout is
// noted.
package layout

import "fmt"

// A LaterError is the layout of state that only a later release can read.
type LaterError struct {
	// Stored is the layout that the state has.
	Stored int
	// Newest is the newest that this release knows.
	Newest int
}

// Error implements error.
func (e *LaterError) Error() string {
	return fmt.Sprintf("a later release wrote it in layout %d, this one reads up to layout %d: use the release that wrote it, or a later one", e.Stored, e.Newest)
}

// Upgrade brings state from the layout that it has to the newest: the step at index
// n leads from layout n to n+1, so that there are as many steps as the number of the
// newest layout. State without a number has layout 0. Steps that were made and not
// noted are made again. It returns a [*LaterError] for a layout that is later than
// the newest, and changes nothing then.
func Upgrade(stored int, steps ...func() error) error {
	if stored < 0 {
		return fmt.Errorf("layout %d is none", stored)
	}
	if stored > len(steps) {
		return &LaterError{Stored: stored, Newest: len(steps)}
	}
	for n, step := range steps[stored:] {
		if err := step(); err != nil {
			return fmt.Errorf("bring it from layout %d to %d: %w", stored+n, stored+n+1, err)
		}
	}
	return nil
}

// Same is a step between layouts of which the later is only noted.
func Same() error { return nil }
