package world

// A Finding is something that must always be true and is not.
type Finding struct {
	// Invariant is its number, for example S9.
	Invariant string
	// Message says what does not hold, with the figures.
	Message string
}

// Audit recounts everything and tells what does not hold, at most limit
// findings.
func (w *World) Audit(limit int) []Finding { return nil }
