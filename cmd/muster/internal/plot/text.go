package plot

import (
	"math"
	"time"
	"unicode/utf8"

	"github.com/guptarohit/asciigraph"
)

// Bounds of a picture of text, in columns.
const (
	leastColumns = 10 // of the line itself
	ticks        = 5  // of the time axis, at most
	tickColumns  = 15 // that a tick needs
)

// Text draws one series, as lines of text with a scale and a time axis, as wide
// as the width allows. There is no line before the first point.
func Text(series Series, axis Axis, scale Scale, span Span, width int) string {
	label := axis.Label
	if axis.OtherLabel != nil {
		label = func(value float64) string { return axis.OtherLabel(value) + "  " + axis.Label(value) }
	}
	wide := 0
	for row := range scale.Rows() + 1 {
		wide = max(wide, utf8.RuneCountInString(label(scale.Value(row))))
	}
	const axisColumns = 3 // the line between labels and picture, and its spaces
	lastTick := (len(span.clock()) + 1) / 2
	columns := Columns(series, span, max(leastColumns, width-wide-axisColumns-lastTick))
	return asciigraph.Plot(columns,
		asciigraph.Height(scale.Rows()), asciigraph.LowerBound(scale.Low), asciigraph.UpperBound(scale.High),
		asciigraph.YAxisValueFormatter(func(value float64) string { return label(scale.near(value)) }),
		asciigraph.XAxisRange(0, span.To.Sub(span.From).Seconds()),
		asciigraph.XAxisTickCount(min(ticks, max(2, len(columns)/tickColumns))),
		asciigraph.XAxisValueFormatter(func(seconds float64) string {
			return span.From.Add(time.Duration(seconds * float64(time.Second))).UTC().Format(span.clock())
		}),
	)
}

// Columns is the value that each column of a picture shows: of those that held
// during its time, the one that differs most from the column before, so that a
// short peak is seen. It is NaN before the first point.
func Columns(series Series, span Span, columns int) []float64 {
	shown := make([]float64, columns)
	width := span.To.Sub(span.From) / time.Duration(columns)
	held, next, before := math.NaN(), 0, math.NaN()
	for i := range shown {
		end := span.From.Add(width * time.Duration(i+1))
		shown[i] = held
		for ; next < len(series.Points) && (series.Points[next].Time.Before(end) || i == columns-1 && !series.Points[next].Time.After(span.To)); next++ {
			held = series.Points[next].Value
			passed := !series.Points[next].Time.After(span.From)
			if passed || math.IsNaN(shown[i]) || math.IsNaN(before) || math.Abs(held-before) >= math.Abs(shown[i]-before) {
				shown[i] = held
			}
		}
		before = shown[i]
	}
	return shown
}
