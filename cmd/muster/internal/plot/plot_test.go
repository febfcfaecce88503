package plot_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/seed-198b1370/muster/cmd/muster/internal/plot"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden holds a text against a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != got {
		t.Errorf("%s (%v): got\n%s\nwant\n%s", name, err, got, want)
	}
}

var (
	from = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	day  = plot.Span{From: from, To: from.Add(24 * time.Hour)}
)

// percent is an axis of percentages, of 0.39 units of money.
var percent = plot.Axis{
	Unit: "percent of the list price", Label: func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) + "%" },
	Other: "CNY per hour", OtherLabel: func(v float64) string { return fmt.Sprintf("%.4f", v*0.0039) },
}

// steps makes a series of a value an hour.
func steps(name string, values map[int]float64) plot.Series {
	series := plot.Series{Name: name, Notes: []string{"last 0.17, 44%", "stock now 37"}}
	for hour := -48; hour < 48; hour++ {
		if value, ok := values[hour]; ok {
			series.Points = append(series.Points, plot.Point{Time: from.Add(time.Duration(hour) * time.Hour), Value: value})
		}
	}
	return series
}

var zoneD = steps("cn-shenzhen-d", map[int]float64{-10: 90, 0: 20, 7: 23, 14: 61, 21: 44})

func TestText(t *testing.T) {
	scale := plot.NewScale([]plot.Series{zoneD}, day, 8, 1)
	golden(t, "day.txt", plot.Text(zoneD, percent, scale, day, 80)+"\n")
	golden(t, "narrow.txt", plot.Text(zoneD, percent, scale, day, 20)+"\n")
	plain := plot.Axis{Label: percent.Label}
	late := steps("late", map[int]float64{5: 7})
	golden(t, "late.txt", plot.Text(late, plain, plot.NewScale([]plot.Series{late}, day, 8, 1), day, 60)+"\n")
	week := plot.Span{From: from.Add(-48 * time.Hour), To: from.Add(5 * 24 * time.Hour)}
	golden(t, "week.txt", plot.Text(zoneD, plain, plot.NewScale([]plot.Series{zoneD}, week, 8, 1), week, 60)+"\n")
}

func TestSVG(t *testing.T) {
	var out strings.Builder
	err := plot.SVG(&out, plot.Chart{Title: "Spot price of ecs.c6.large <&>", Span: day, Panels: []plot.Panel{
		{Axis: percent, Finest: 1, Series: []plot.Series{zoneD, steps("cn-shenzhen-e", map[int]float64{0: 35, 3: 34, 12: 40, 13: 55, 20: 54}), steps("never", nil)}},
		{Axis: plot.Axis{Unit: "instances in stock", Label: func(v float64) string { return fmt.Sprintf("%.0f", v) }}, Finest: 1,
			Series: []plot.Series{steps("cn-shenzhen-d", map[int]float64{16: 370, 18: 12, 20: 0, 22: 500})}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "day.svg", out.String())
}

// A picture of anything is well-formed.
func TestSVG_isXML_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var panel plot.Panel
		panel.Axis, panel.Finest = percent, 0.1
		for range rapid.IntRange(0, 30).Draw(t, "series") {
			panel.Series = append(panel.Series, drawSeries(t))
		}
		span := drawSpan(t)
		var out bytes.Buffer
		if err := plot.SVG(&out, plot.Chart{Title: rapid.String().Draw(t, "title"), Span: span, Panels: []plot.Panel{panel}}); err != nil {
			t.Fatal(err)
		}
		for decoder := xml.NewDecoder(&out); ; {
			_, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Text is never wider than asked for, but for the least of a picture, and never
// higher than its scale.
func TestText_fits_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		series, span := drawSeries(t), drawSpan(t)
		scale := plot.NewScale([]plot.Series{series}, span, rapid.IntRange(1, 20).Draw(t, "most"), 0.1)
		width := rapid.IntRange(40, 200).Draw(t, "width")
		lines := strings.Split(plot.Text(series, percent, scale, span, width), "\n")
		if len(lines) > scale.Rows()+3 {
			t.Errorf("%d lines for %d rows", len(lines), scale.Rows())
		}
		for _, line := range lines {
			if utf8.RuneCountInString(line) > width {
				t.Errorf("%q is wider than %d", line, width)
			}
		}
	})
}

// A scale holds all that is seen in few round steps.
func TestNewScale_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		series, span, most := drawSeries(t), drawSpan(t), rapid.IntRange(1, 20).Draw(t, "most")
		scale := plot.NewScale([]plot.Series{series}, span, most, 0.1)
		if scale.Rows() < 1 || scale.Rows() > most || scale.Step < 0.1 {
			t.Errorf("%d rows of %v, at most %d wanted", scale.Rows(), scale.Step, most)
		}
		for row := range scale.Rows() + 1 {
			if label := strconv.FormatFloat(scale.Value(row), 'f', -1, 64); len(label) > len("100.00") {
				t.Errorf("the label %s is not round", label)
			}
		}
		for _, value := range plot.Columns(series, span, 50) {
			if value < scale.Low-1e-9 || value > scale.High+1e-9 {
				t.Errorf("%v is outside of %v", value, scale)
			}
		}
	})
}

func TestColumns(t *testing.T) {
	nan := math.NaN()
	for name, test := range map[string]struct {
		points  map[int]float64
		columns int
		want    []float64
	}{
		"none":                   {nil, 3, []float64{nan, nan, nan}},
		"late":                   {map[int]float64{12: 5}, 4, []float64{nan, nan, 5, 5}},
		"from before":            {map[int]float64{-9: 1, -3: 5}, 2, []float64{5, 5}},
		"peak of an hour":        {map[int]float64{0: 5, 9: 70, 10: 5}, 4, []float64{5, 70, 5, 5}},
		"at the very end":        {map[int]float64{0: 5, 24: 9}, 2, []float64{5, 9}},
		"after the end":          {map[int]float64{0: 5, 25: 9}, 2, []float64{5, 5}},
		"at the edge of columns": {map[int]float64{0: 5, 12: 9}, 2, []float64{5, 9}},
	} {
		if got := plot.Columns(steps("", test.points), day, test.columns); fmt.Sprint(got) != fmt.Sprint(test.want) {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}

func drawSpan(t *rapid.T) plot.Span {
	begin := from.Add(time.Duration(rapid.Int64Range(-1e6, 1e6).Draw(t, "from")) * time.Second)
	return plot.Span{From: begin, To: begin.Add(time.Duration(rapid.Int64Range(1, 40*24*3600).Draw(t, "seconds")) * time.Second)}
}

func drawSeries(t *rapid.T) plot.Series {
	series := plot.Series{Name: rapid.String().Draw(t, "name"), Notes: rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "notes")}
	at := from
	for range rapid.IntRange(0, 40).Draw(t, "points") {
		at = at.Add(time.Duration(rapid.Int64Range(0, 1e6).Draw(t, "later")) * time.Second)
		series.Points = append(series.Points, plot.Point{Time: at, Value: float64(rapid.IntRange(0, 100_000).Draw(t, "value")) / 1_000})
	}
	return series
}
