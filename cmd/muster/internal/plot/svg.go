package plot

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

// A Panel is one field of a picture: series over the same scale.
type Panel struct {
	Axis   Axis
	Finest float64 // the smallest step of its scale
	Series []Series
}

// A Chart is a picture: panels over the same time, one below the other.
type Chart struct {
	Title  string
	Span   Span
	Panels []Panel
}

// Measures of a picture, in pixels.
const (
	pictureWidth = 1_000
	leftMargin   = 70
	rightMargin  = 300 // the second scale and the legend
	topMargin    = 60
	fieldHeight  = 260
	fieldGap     = 76 // below a field, for its time axis
	fieldWidth   = pictureWidth - leftMargin - rightMargin
	legendLeft   = leftMargin + fieldWidth + 90
	legendName   = 24 // the line of a name in the legend
	legendNote   = 15 // a line of what is told below it
	gridLines    = 6  // of the scale, at most
)

// colors tell series apart for the colour-blind, too; dashes do when there are
// more series than colors.
var (
	colors = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"}
	dashes = []string{"", "8 4", "2 3"}
)

// SVG writes a chart as an SVG picture.
func SVG(out io.Writer, chart Chart) error {
	var p picture
	tops, height := chart.layout()
	p.add(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13" fill="#222">`,
		pictureWidth, height, pictureWidth, height)
	p.add(`<title>%s</title>`, escape(chart.Title))
	p.add(`<rect width="100%%" height="100%%" fill="#fff"/>`)
	p.add(`<text x="%d" y="34" font-size="18">%s</text>`, leftMargin, escape(chart.Title))
	for i, panel := range chart.Panels {
		p.panel(field{top: tops[i], span: chart.Span, scale: NewScale(panel.Series, chart.Span, gridLines, panel.Finest)}, panel)
	}
	p.add(`</svg>`)
	_, err := io.WriteString(out, p.String())
	return err
}

// layout is where the panels begin, and how high the picture is: a field or its
// legend, whichever is higher.
func (c Chart) layout() (tops []int, height int) {
	height = topMargin
	for _, panel := range c.Panels {
		tops = append(tops, height)
		height += max(fieldHeight+fieldGap, panel.legendHeight()+fieldGap/2)
	}
	return tops, height
}

func (p Panel) legendHeight() int {
	height := 0
	for _, series := range p.Series {
		height += legendName + legendNote*len(series.Notes)
	}
	return height
}

// A field is where and on which scales a panel is drawn.
type field struct {
	top   int
	span  Span
	scale Scale
}

// x is where a time is; those outside of the span are at its edges.
func (f field) x(at time.Time) float64 {
	share := at.Sub(f.span.From).Seconds() / f.span.To.Sub(f.span.From).Seconds()
	return leftMargin + fieldWidth*min(1, max(0, share))
}

// y is where a value is.
func (f field) y(value float64) float64 {
	return float64(f.top) + fieldHeight*(f.scale.High-value)/(f.scale.High-f.scale.Low)
}

// A picture is SVG that is being written.
type picture struct{ strings.Builder }

func (p *picture) add(format string, values ...any) { fmt.Fprintf(&p.Builder, format+"\n", values...) }

func (p *picture) panel(f field, panel Panel) {
	p.scales(f, panel.Axis)
	p.times(f)
	p.add(`<rect x="%d" y="%d" width="%d" height="%d" fill="none" stroke="#888"/>`, leftMargin, f.top, fieldWidth, fieldHeight)
	line := f.top + 8 // of the legend
	for i, series := range panel.Series {
		style := fmt.Sprintf(`fill="none" stroke="%s" stroke-width="1.8"`, colors[i%len(colors)])
		if dash := dashes[i/len(colors)%len(dashes)]; dash != "" {
			style += ` stroke-dasharray="` + dash + `"`
		}
		if path := f.path(series); path != "" {
			p.add(`<path d="%s" %s stroke-linejoin="round"><title>%s</title></path>`, path, style, escape(series.Name))
		}
		line = p.legend(line, style, series)
	}
}

// legend tells of a series from a line on, and returns where the next one begins.
func (p *picture) legend(line int, style string, series Series) int {
	const indent = legendLeft + 34
	p.add(`<path d="M%d %dh26" %s/>`, legendLeft, line, style)
	p.add(`<text x="%d" y="%d">%s</text>`, indent, line+4, escape(series.Name))
	for _, note := range series.Notes {
		line += legendNote
		p.add(`<text x="%d" y="%d" font-size="11" fill="#666">%s</text>`, indent, line+4, escape(note))
	}
	return line + legendName
}

// scales draws a line and its labels for each step of the scale.
func (p *picture) scales(f field, axis Axis) {
	const right = leftMargin + fieldWidth
	for row := range f.scale.Rows() + 1 {
		value := f.scale.Value(row)
		y := f.y(value)
		p.add(`<path d="M%d %.1fH%d" stroke="#ddd"/>`, leftMargin, y, right)
		p.add(`<text x="%d" y="%.1f" text-anchor="end">%s</text>`, leftMargin-8, y+4, escape(axis.Label(value)))
		if axis.OtherLabel != nil {
			p.add(`<text x="%d" y="%.1f">%s</text>`, right+8, y+4, escape(axis.OtherLabel(value)))
		}
	}
	p.add(`<text x="%d" y="%d" font-size="11" fill="#666" text-anchor="start">%s</text>`, leftMargin, f.top-8, escape(axis.Unit))
	p.add(`<text x="%d" y="%d" font-size="11" fill="#666" text-anchor="end">%s</text>`, right, f.top-8, escape(axis.Other))
}

// times draws a line and its label for each round time.
func (p *picture) times(f field) {
	for _, tick := range f.span.ticks() {
		x := f.x(tick)
		p.add(`<path d="M%.1f %dv%d" stroke="#eee"/>`, x, f.top, fieldHeight)
		p.add(`<text x="%.1f" y="%d" text-anchor="middle">%s</text>`, x, f.top+fieldHeight+18, tick.Format(f.span.clock()))
	}
	p.add(`<text x="%d" y="%d" font-size="11" fill="#666">%s to %s</text>`, leftMargin, f.top+fieldHeight+36,
		f.span.From.UTC().Format(time.RFC3339), f.span.To.UTC().Format(time.RFC3339))
}

// path is the line of a series: level, then straight up or down.
func (f field) path(series Series) string {
	var path strings.Builder
	for i, point := range series.Points {
		if i+1 < len(series.Points) && !series.Points[i+1].Time.After(f.span.From) || point.Time.After(f.span.To) {
			continue // it is not seen
		}
		if path.Len() == 0 {
			fmt.Fprintf(&path, "M%.1f %.1f", f.x(point.Time), f.y(point.Value))
			continue
		}
		fmt.Fprintf(&path, "H%.1fV%.1f", f.x(point.Time), f.y(point.Value))
	}
	if path.Len() > 0 {
		fmt.Fprintf(&path, "H%.1f", f.x(f.span.To))
	}
	return path.String()
}

// ticks are the round times of a span, in UTC: as few and as far apart as can be
// read side by side.
func (s Span) ticks() []time.Time {
	const most, day = 10, 24 * time.Hour
	every := time.Second
	for _, every = range []time.Duration{
		time.Second, 5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, day, 2 * day, 5 * day, 10 * day, 30 * day,
	} {
		if s.To.Sub(s.From)/every <= most {
			break
		}
	}
	every = max(every, s.To.Sub(s.From)/most)
	var all []time.Time
	for at := s.From.UTC().Truncate(every); !at.After(s.To); at = at.Add(every) {
		if !at.Before(s.From) {
			all = append(all, at)
		}
	}
	return all
}

// escape makes a text fit for XML.
func escape(text string) string {
	var escaped bytes.Buffer
	_ = xml.EscapeText(&escaped, []byte(text)) // a buffer takes everything
	return escaped.String()
}
