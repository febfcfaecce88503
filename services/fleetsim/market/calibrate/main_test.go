package main

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

func TestFactsOf_aSmallMarket(t *testing.T) {
	pools := []*pool{
		{instanceType: "a", zone: "x", family: "f", list: 10, days: 4, steps: []priceStep{{100, 1}, {101, 2}, {103, 10}}},
		{instanceType: "b", zone: "x", family: "f", list: 10, days: 4, steps: []priceStep{{100, 5}}},
	}
	f := factsOf(pools, .1)
	if !near(f.level[0], (1+2*2+10)/40.0) || !near(f.level[1], .5) {
		t.Errorf("levels %v", f.level)
	}
	if f.changes[0] != .5 || f.changes[1] != 0 || len(f.logSteps) != 2 || !near(f.logSteps[0], math.Ln2) || !near(f.logSteps[1], math.Log(5)) {
		t.Errorf("changes %v, steps %v", f.changes, f.logSteps)
	}
	if f.atFloor != .125 || f.atList != .125 || f.swing[0] != 10 {
		t.Errorf("%v at the floor, %v at list, swing %v", f.atFloor, f.atList, f.swing)
	}
}

// stockOf reads a stock whose ticks last half an hour: 1 is up.
func stockOf(name, ticks string) *stock {
	s := &stock{name: name, region: "r", hours: .5}
	for _, tick := range ticks {
		s.up = append(s.up, tick == '1')
	}
	return s
}

func TestFactsOfStock_aSmallMarket(t *testing.T) {
	f := factsOfStock([]*stock{stockOf("a", "110011101"), stockOf("b", "111001111")})
	if !near(f.available[0], 6.0/9) || !near(f.available[1], 7.0/9) || !near(f.anyOf[1], 13.0/18) || !near(f.anyOf[2], 8.0/9) {
		t.Errorf("available %v, any of %v", f.available, f.anyOf)
	}
	// First and last spells are cut off by the ends of the trace.
	if len(f.ups) != 1 || f.ups[0] != 1.5 || len(f.outages) != 3 || f.outages[0] != 1 || f.outages[1] != .5 || f.outages[2] != 1 {
		t.Errorf("ups %v, outages %v", f.ups, f.outages)
	}
	if !near(f.outagesADay[0], 2/(4.5/24)) || f.byHour[0] != 1 || f.byHour[1] != .25 {
		t.Errorf("outages a day %v, by hour %v", f.outagesADay, f.byHour)
	}
}

func TestStats_ofFewValues(t *testing.T) {
	values := []float64{4, 1, 3, 2}
	if quantile(values, 0) != 1 || quantile(values, .5) != 3 || quantile(values, 1) != 4 || quantile(nil, .5) != 0 || mean(values) != 2.5 {
		t.Error("quantiles or mean")
	}
	if !near(correlation(values, []float64{8, 2, 6, 4}), 1) || !near(autocorrelation([]float64{1, 2, 1, 2, 1}, 1), -1) || autocorrelation(values, 0) != 1 {
		t.Error("correlations")
	}
	if s := survival(values, []float64{0, 2, 4}); s[0].y != 1 || s[1].y != .5 || s[2].y != 0 {
		t.Errorf("survival %v", s)
	}
}

func TestPlot_isWellFormed(t *testing.T) {
	p := plot{
		title: "a < b & c", x: "x", y: "y", logX: true, fromX: .1, toX: 10, toY: 1, ticksX: []float64{1}, ticksY: []float64{.5}, markedPoints: true,
		lines: []line{{name: "<one>", points: []point{{0, 0}, {1, .5}, {100, 2}}}, {name: "two", dashed: true}},
	}
	drawn := p.svg()
	decoder := xml.NewDecoder(strings.NewReader(drawn))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%v in %s", err, drawn)
		}
	}
	// What lies outside of the axes is drawn on them.
	if !strings.Contains(drawn, `d="M64.0 330.0L342.0 185.0L620.0 40.0"`) {
		t.Errorf("no such line in %s", drawn)
	}
}

func TestWriteDocument_replacesTheFiguresOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "market.md")
	for content, want := range map[string]string{
		"before\n" + beginMark + "\nold\n" + endMark + "\nafter\n": "",
		"before\n" + endMark + "\n" + beginMark:                    "must have a line",
		"nothing":                                                  "must have a line",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		err := writeDocument(path, &findings{})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
		if err != nil {
			continue
		}
		written, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if text := string(written); !strings.HasPrefix(text, "before\n"+beginMark+"\n\n### Prices") || !strings.HasSuffix(text, endMark+"\nafter\n") || strings.Contains(text, "old") {
			t.Errorf("written: %s", text)
		}
	}
}

// TestDocument_namesEachPlot holds the document in the repository against the
// plots beside it.
func TestDocument_namesEachPlot(t *testing.T) {
	docs := filepath.Join("..", "..", "..", "..", "docs")
	text, err := os.ReadFile(filepath.Join(docs, "market.md"))
	if err != nil {
		t.Fatal(err)
	}
	plots, err := filepath.Glob(filepath.Join(docs, "market", "*.svg"))
	if err != nil || len(plots) == 0 {
		t.Fatalf("%d plots, %v", len(plots), err)
	}
	for _, plot := range plots {
		if !strings.Contains(string(text), "(market/"+filepath.Base(plot)+")") {
			t.Errorf("%s is not shown", filepath.Base(plot))
		}
	}
}

func TestRun_saysWhatIsMissing(t *testing.T) {
	for want, args := range map[string][]string{"-data is needed": nil, "read data": {"-data", t.TempDir()}, "not defined": {"-nonsense"}} {
		var said strings.Builder
		if code := run(args, &said); code == 0 || !strings.Contains(said.String(), want) {
			t.Errorf("%v: code %d, said %q", args, code, said.String())
		}
	}
}
