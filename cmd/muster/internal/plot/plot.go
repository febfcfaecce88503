package plot

import (
	"math"
	"time"
)

// A Point is a value and since when it holds.
type Point struct {
	Time  time.Time
	Value float64
}

// A Series is a step function: each value holds until the next point, the last
// one to the end of the picture.
type Series struct {
	Name   string
	Notes  []string // what to tell below the name, in lines
	Points []Point  // in order of time
}

// A Span is the time that a picture shows. It must end after it begins.
type Span struct{ From, To time.Time }

// An Axis says how values are written.
type Axis struct {
	Unit       string                     // what they are, for the side of a picture
	Label      func(value float64) string // writes one
	Other      string                     // what the second scale has; empty for none
	OtherLabel func(value float64) string // writes a value on the second scale
}

// A Scale is the range of values that a picture shows, in round steps.
type Scale struct {
	Low, High, Step float64
}

// Rows is how many steps a scale has.
func (s Scale) Rows() int { return int(math.Round((s.High - s.Low) / s.Step)) }

// Value is the value at a step, counted from the low end. It is round, as far as
// numbers can be.
func (s Scale) Value(row int) float64 {
	value := s.Low + float64(row)*s.Step
	power := math.Pow(10, max(0, -math.Floor(math.Log10(s.Step))))
	return math.Round(value*power) / power
}

// near is the step that is nearest to a value.
func (s Scale) near(value float64) float64 { return s.Value(int(math.Round((value - s.Low) / s.Step))) }

// NewScale makes a scale of at most so many steps that holds all that is seen of
// the series, so that pictures with the same scale can be compared. No step is
// smaller than the finest.
func NewScale(series []Series, span Span, most int, finest float64) Scale {
	low, high := math.Inf(1), math.Inf(-1)
	for _, one := range series {
		for i, point := range one.Points {
			ended := i+1 < len(one.Points) && !one.Points[i+1].Time.After(span.From)
			if ended || point.Time.After(span.To) {
				continue
			}
			low, high = min(low, point.Value), max(high, point.Value)
		}
	}
	if low > high {
		low, high = 0, 0 // nothing is seen
	}
	for step := max(finest, round((high-low)/float64(most))); ; step = round(step * 1.5) {
		scale := Scale{Low: math.Floor(low/step) * step, High: math.Ceil(high/step) * step, Step: step}
		if scale.High == scale.Low {
			scale.High += step
		}
		if scale.Rows() <= most {
			return scale
		}
	}
}

// round is the next number from 1, 2, 5, 10, 20, 50 and so on, in either
// direction, that is not less; 0 for 0.
func round(number float64) float64 {
	if number <= 0 {
		return 0
	}
	power := math.Pow(10, math.Floor(math.Log10(number)))
	const slack = 1 + 1e-9 // a round number is not less than itself
	for _, factor := range []float64{1, 2, 5} {
		if factor*power*slack >= number {
			return factor * power
		}
	}
	return 10 * power
}

// clock is how the times of a span are written, in UTC.
func (s Span) clock() string {
	switch length := s.To.Sub(s.From); {
	case length <= 10*time.Minute:
		return "15:04:05"
	case length <= 48*time.Hour:
		return "15:04"
	default:
		return "Jan 2"
	}
}
