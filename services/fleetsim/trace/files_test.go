package trace_test

import (
	"bytes"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-198b1370/muster/services/fleetsim/trace"
)

// availability is how a zone was: ticks in all, ticks with an instance to be
// had, and the lengths of the outages in between.
type availability struct {
	ticks, up int
	outages   []int
}

func (a *availability) tick(up bool, wasUp *bool) {
	a.ticks++
	if up {
		a.up++
	} else if a.ticks == 1 || *wasUp {
		a.outages = append(a.outages, 1)
	} else {
		a.outages[len(a.outages)-1]++
	}
	*wasUp = up
}

// counted is the availability of a column, counted straight on the file. Ticks
// before the first and after the last value are not counted; an empty cell
// between holds the value before it.
func counted(text string, column int) (a availability) {
	var wasUp bool
	empty := 0
	for _, line := range strings.Split(strings.TrimSpace(text), "\n")[1:] {
		cell := strings.Split(line, ",")[column]
		if cell == "" {
			empty++
			continue
		}
		for ; a.ticks > 0 && empty > 0; empty-- {
			a.tick(wasUp, &wasUp)
		}
		empty = 0
		a.tick(cell != "0", &wasUp)
	}
	return a
}

func TestReplay_availabilityIsThatOfTheFile(t *testing.T) {
	for _, path := range wideFiles(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			text := string(content(t, path))
			f, err := trace.Parse(bytes.NewReader(content(t, path)))
			if err != nil {
				t.Fatal(err)
			}
			c := offersOf(t, len(f.Names()))
			var bound []trace.Binding
			for i, name := range f.Names() {
				s, _ := f.Stock(name)
				bound = append(bound, trace.Binding{Offer: i, Stock: s})
			}
			start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC).UnixNano()
			r, err := trace.New(trace.Config{Catalog: c, StartUnixNanos: start, Series: bound})
			if err != nil {
				t.Fatal(err)
			}
			began, length := r.Ticks()
			names := strings.Split(text[:strings.IndexByte(text, '\n')], ",")
			for i, name := range f.Names() {
				first, last := bound[i].Stock.Span()
				if began != start || int64(length/time.Second) != bound[i].Stock.RowSeconds() {
					t.Fatalf("ticks of %v from %d", length, began)
				}
				var got availability
				var wasUp bool
				for at := first; at <= last; at += int64(length / time.Second) {
					got.tick(c.Offers()[i].Capacity-r.Demand(i, at/int64(length/time.Second)) > 0, &wasUp)
				}
				want := counted(text, slices.Index(names, name))
				if got.ticks != want.ticks || got.up != want.up || !slices.Equal(got.outages, want.outages) {
					t.Errorf("%s: %d of %d ticks and %d outages, the file has %d of %d and %d", name, got.up, got.ticks, len(got.outages), want.up, want.ticks, len(want.outages))
				}
				t.Logf("%-32s available %d of %d ticks, %d outages", name, got.up, got.ticks, len(got.outages))
			}
		})
	}
}

// TestReplay_stockIsTheCell holds each cell, not only whether there is one.
func TestReplay_stockIsTheCell(t *testing.T) {
	for _, path := range wideFiles(t) {
		text := string(content(t, path))
		f := parse(t, text)
		c := offersOf(t, len(f.Names()))
		lines := strings.Split(strings.TrimSpace(text), "\n")
		names := strings.Split(lines[0], ",")
		for i, name := range f.Names() {
			s, _ := f.Stock(name)
			r, err := trace.New(trace.Config{Catalog: c, Series: []trace.Binding{{Offer: i, Stock: s}}})
			if err != nil {
				t.Fatal(err)
			}
			for row, line := range lines[1:] {
				if cell := strings.Split(line, ",")[slices.Index(names, name)]; cell != "" {
					if got := strconv.FormatInt(c.Offers()[i].Capacity-r.Demand(i, int64(row)), 10); got != cell {
						t.Fatalf("%s: %s is %s in row %d, the file has %s", filepath.Base(path), name, got, row, cell)
					}
				}
			}
		}
	}
}

func TestParse_readsAllSharedFiles(t *testing.T) {
	data, ok := sharedData(t)
	if !ok {
		t.Log("no shared data: only testdata is read")
		return
	}
	for _, pattern := range []string{"availability/*_prices.csv.gz", "prices/aws_us-east-1_*.csv.gz", "prices/aws_gpu_*.csv.gz"} {
		files, err := filepath.Glob(filepath.Join(data, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			text := content(t, file)
			f, err := trace.Parse(bytes.NewReader(text))
			if err != nil {
				t.Errorf("%s: %v", filepath.Base(file), err)
				continue
			}
			total := 0
			for _, name := range f.Names() {
				s, _ := f.Price(name)
				total += s.Steps()
			}
			if rows := bytes.Count(text, []byte("\n")) - 1; total > rows || total == 0 {
				t.Errorf("%s: %d steps of %d rows", filepath.Base(file), total, rows)
			}
			t.Logf("%s: %s, %d series, %d steps", filepath.Base(file), f.Format(), len(f.Names()), total)
		}
	}
}
