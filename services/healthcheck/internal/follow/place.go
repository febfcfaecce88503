package follow

// A Place is a point in the fleet's stream; the zero value is its beginning.
type Place struct {
	// Cursor of the fleet.
	Cursor string
	// Position of the cursor in its history; 0 when the fleet did not tell.
	Position int64
	// History that the position counts in; empty when the fleet did not tell.
	History string
}

// placeOf is the place that a response names.
func placeOf(resp interface {
	GetCursor() string
	GetPosition() int64
	GetHistoryId() string
}) Place {
	return Place{Cursor: resp.GetCursor(), Position: resp.GetPosition(), History: resp.GetHistoryId()}
}

// comparable tells whether it can be said which of two places is the older.
func (p Place) comparable(with Place) bool {
	return p.Position > 0 && with.Position > 0 && p.History == with.History
}

// upTo tells whether a place is not behind another, as far as that is known.
func (p Place) upTo(limit Place) bool { return p.comparable(limit) && p.Position <= limit.Position }
