package main

import (
	"fmt"
	"math"
	"os"
	"strings"
)

type point struct{ x, y float64 }

// line is one line of a plot.
type line struct {
	name   string
	points []point
	dashed bool
}

// plot is a chart of lines over one pair of axes.
type plot struct {
	title, x, y  string
	logX, logY   bool
	fromX, toX   float64
	fromY, toY   float64
	ticksX       []float64
	ticksY       []float64
	lines        []line
	staircase    bool // values hold until the next point
	markedPoints bool
	namesBelow   bool // in the lower right corner, not the upper
}

// The size of a plot, and where its axes are.
const (
	width, height = 640, 380
	left, right   = 64, 620
	top, bottom   = 40, 330
)

// colours is what the lines are drawn in, in order: to be told apart by people
// who do not see red and green, too.
func colours() []string {
	return []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555", "#000000"}
}

func place(value, from, to float64, log bool, low, high float64) float64 {
	if log {
		value, from, to = math.Log(value), math.Log(from), math.Log(to)
	}
	return low + (value-from)/(to-from)*(high-low)
}

func (p *plot) placeX(x float64) float64 {
	return place(min(max(x, p.fromX), p.toX), p.fromX, p.toX, p.logX, left, right)
}

func (p *plot) placeY(y float64) float64 {
	return place(min(max(y, p.fromY), p.toY), p.fromY, p.toY, p.logY, bottom, top)
}

// svg draws the plot.
func (p *plot) svg() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", width, height)
	fmt.Fprintf(&b, `<text x="%d" y="22" text-anchor="middle" font-size="14">%s</text>`+"\n", (left+right)/2, escaped(p.title))
	for _, x := range p.ticksX {
		at := p.placeX(x)
		fmt.Fprintf(&b, `<path d="M%.1f %dV%d" stroke="#ddd"/><text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", at, top, bottom, at, bottom+16, label(x))
	}
	for _, y := range p.ticksY {
		at := p.placeY(y)
		fmt.Fprintf(&b, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n", left, at, right, left-6, at+4, label(y))
	}
	fmt.Fprintf(&b, `<path d="M%d %dV%dH%d" fill="none" stroke="#333"/>`+"\n", left, top, bottom, right)
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", (left+right)/2, height-12, escaped(p.x))
	fmt.Fprintf(&b, `<text transform="translate(16 %d) rotate(-90)" text-anchor="middle">%s</text>`+"\n", (top+bottom)/2, escaped(p.y))
	for i, l := range p.lines {
		p.draw(&b, i, l)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// draw draws a line and its name, which stands in a right corner.
func (p *plot) draw(b *strings.Builder, i int, l line) {
	colour, dash := colours()[i%len(colours())], ""
	if l.dashed {
		dash = ` stroke-dasharray="6 4"`
	}
	var path strings.Builder
	for j, at := range l.points {
		switch {
		case j == 0:
			fmt.Fprintf(&path, "M%.1f %.1f", p.placeX(at.x), p.placeY(at.y))
		case p.staircase:
			fmt.Fprintf(&path, "H%.1fV%.1f", p.placeX(at.x), p.placeY(at.y))
		default:
			fmt.Fprintf(&path, "L%.1f %.1f", p.placeX(at.x), p.placeY(at.y))
		}
		if p.markedPoints {
			fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="2.5" fill="%s"/>`, p.placeX(at.x), p.placeY(at.y), colour)
		}
	}
	fmt.Fprintf(b, `<path d="%s" fill="none" stroke="%s" stroke-width="1.6"%s/>`+"\n", path.String(), colour, dash)
	y := top + 14 + 17*i
	if p.namesBelow {
		y = bottom - 10 - 17*(len(p.lines)-1-i)
	}
	fmt.Fprintf(b, `<path d="M%d %dh22" stroke="%s" stroke-width="2"%s/><text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", right-24, y-4, colour, dash, right-30, y, escaped(l.name))
}

func label(value float64) string { return fmt.Sprintf("%g", value) }

func escaped(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

// write writes a plot into a folder.
func (p *plot) write(path string) error {
	if err := os.WriteFile(path, []byte(p.svg()), 0o644); err != nil { //nolint:gosec // part of the documents, which all may read
		return fmt.Errorf("write plot: %w", err)
	}
	return nil
}
