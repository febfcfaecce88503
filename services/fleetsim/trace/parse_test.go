package trace_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/seed-198b1370/muster/services/fleetsim/trace"
)

func parse(t testing.TB, text string) *trace.File {
	t.Helper()
	f, err := trace.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// steps lists the steps of a series.
func steps(s *trace.Series) (all [][2]int64) {
	for i := range s.Steps() {
		second, value := s.Step(i)
		all = append(all, [2]int64{second, value})
	}
	return all
}

func TestParse_readsEachFormat(t *testing.T) {
	for name, test := range map[string]struct {
		text   string
		format trace.Format
		names  []string
		stock  [][2]int64 // of the first name
		price  [][2]int64
	}{
		"availability": {
			"t_s,a,b\n10,1,0\n15,1,\n20,,2\n25,4,2\n", trace.Availability, []string{"a", "b"},
			[][2]int64{{10, 1}, {25, 4}}, nil,
		},
		"pool prices": {
			"pool,t_s,spot_price_usd_per_h\na,0,1.6703\nb,0,0.5\na,7,1.6703\na,9,2\n", trace.PoolPrices, []string{"a", "b"},
			nil, [][2]int64{{0, 1_670_300}, {9, 2_000_000}},
		},
		"type prices": {
			"instance_type,az,epoch_s,spot_usd_per_h\np2.xlarge,eu-west-1a,1577022115,0.291600\np2.xlarge,eu-west-1a,1577022116,1.\n", trace.TypePrices, []string{"p2.xlarge eu-west-1a"},
			nil, [][2]int64{{1577022115, 291_600}, {1577022116, 1_000_000}},
		},
		"changes": {
			"capacity,time,zone,instance_type\n3,1970-01-01T00:01:00Z,z,t\n0,61,z,t\n", trace.Changes, []string{"t z"},
			[][2]int64{{60, 3}, {61, 0}}, nil,
		},
		"changes of both": {
			"time,zone,instance_type,price_per_hour,available\n1,z,t,0.000001,\n2,z,t,,5\n3,z,t,0.25000000,5\n", trace.Changes, []string{"t z"},
			[][2]int64{{2, 5}}, [][2]int64{{1, 1}, {3, 250_000}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := parse(t, test.text)
			if f.Format() != test.format || !slices.Equal(f.Names(), test.names) {
				t.Errorf("format %q, names %q", f.Format(), f.Names())
			}
			for kind, want := range map[string][][2]int64{"stock": test.stock, "price": test.price} {
				find := map[string]func(string) (*trace.Series, bool){"stock": f.Stock, "price": f.Price}[kind]
				s, ok := find(test.names[0])
				if ok != (want != nil) {
					t.Errorf("%s is there: %v", kind, ok)
				} else if ok && !slices.Equal(steps(s), want) {
					t.Errorf("%s is %v, want %v", kind, steps(s), want)
				}
			}
		})
	}
}

func TestParse_unpacksGzip(t *testing.T) {
	plain, err := os.ReadFile("testdata/two_zones.csv")
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := trace.Parse(&packed)
	if err != nil {
		t.Fatal(err)
	}
	s, _ := f.Stock("zone-b_small")
	if first, last := s.Span(); first != 0 || last != 420 || s.RowSeconds() != 60 || s.At(-1) != 3 || s.At(241) != 0 || s.At(1000) != 4 {
		t.Errorf("from %d to %d every %d s: %v", first, last, s.RowSeconds(), steps(s))
	}
	if _, err := trace.Parse(strings.NewReader("\x1f\x8bnothing")); err == nil || !strings.Contains(err.Error(), "unpack trace") {
		t.Errorf("got %v", err)
	}
}

func TestParse_namesLineColumnValueAndRule(t *testing.T) {
	const both = "time,zone,instance_type,price_per_hour,available\n"
	for name, test := range map[string]struct{ text, want string }{
		"empty":               {"", "line 1: must hold a header and at least one row with a value"},
		"header only":         {"t_s,a\n", "line 1: must hold a header and at least one row with a value"},
		"no values":           {"t_s,a\n0,\n1,\n", "line 1: must hold a header and at least one row with a value"},
		"other header":        {"zone,type\n", "line 1: must be the header of a trace: t_s and a column for each pool; "},
		"no pool":             {"t_s\n", "line 1: must be the header of a trace"},
		"pool twice":          {"t_s,a,a\n", `line 1, column t_s and pools: must name each pool, and each once, got "a"`},
		"pool without name":   {"t_s,a,\n", `must name each pool, and each once, got ""`},
		"too many columns":    {"t_s" + strings.Repeat(",a", trace.MaxColumns) + "\n", "line 1: must have at most 1000 columns, has 1001"},
		"fields missing":      {"t_s,a,b\n0,1\n", "line 2: must be CSV with as many columns as the header"},
		"time":                {"t_s,a\n-5,1\n", `line 2, column t_s: must be a whole number of seconds from 0 to 100000000000, got "-5"`},
		"backwards":           {"t_s,a\n5,1\n5,1\n", `line 3, column t_s: must be later than the row before, 5, got "5"`},
		"unequal step":        {"t_s,a\n0,1\n5,1\n11,0\n", `line 4, column t_s: must be 10, 5 seconds after the row before as in the first two rows, got "11"`},
		"count":               {"t_s,a\n0,1.5\n", `line 2, column a: must be a whole number of instances from 0 to 1000000, or empty, got "1.5"`},
		"price":               {"pool,t_s,spot_price_usd_per_h\na,0,1e3\n", `line 2, column spot_price_usd_per_h: must be a price per hour from 0 to 1000000 with at most 6 decimals, like 0.0116, got "1e3"`},
		"price missing":       {"pool,t_s,spot_price_usd_per_h\na,0,\n", `must be a price per hour`},
		"price too exact":     {"pool,t_s,spot_price_usd_per_h\na,0,0.1234567\n", `with at most 6 decimals, like 0.0116, got "0.1234567"`},
		"price order":         {"pool,t_s,spot_price_usd_per_h\na,3,1\nb,1,1\na,3,2\n", `line 4, column t_s: must be later than the row before of a, which is at second 3, got "3"`},
		"date":                {both + "2026-11-01,z,t,1,1\n", `line 2, column time: must be a time like 2026-11-01T12:00:00Z or a whole number of seconds`},
		"part of a second":    {both + "2026-11-01T00:00:00.5Z,z,t,1,1\n", `line 2, column time: must be a time like`},
		"no zone":             {both + "1,,t,1,1\n", `line 2, column zone: must be a name of 1 to 128 bytes without spaces, got ""`},
		"available negative":  {both + "1,z,t,1,-1\n", `line 2, column available: must be a whole number of instances`},
		"unknown column":      {"time,zone,instance_type,price\n", `line 1, column header: must be one of time, zone, instance_type, price_per_hour, available, capacity, got "price"`},
		"column twice":        {"time,zone,instance_type,zone\n", `must name each column once, got "zone"`},
		"no type":             {"time,zone,available\n", "line 1: must have the columns time, zone and instance_type"},
		"neither":             {"time,zone,instance_type\n", "line 1: must have price_per_hour, available, or both"},
		"available, capacity": {"time,zone,instance_type,available,capacity\n", "line 1: must have available or capacity, not both"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := trace.Parse(strings.NewReader(test.text))
			var syntax *trace.SyntaxError
			if !errors.As(err, &syntax) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestParse_keepsItsBounds(t *testing.T) {
	var many strings.Builder
	many.WriteString("pool,t_s,spot_price_usd_per_h\n")
	for i := range trace.MaxSeries + 1 {
		fmt.Fprintf(&many, "pool-%d,0,1\n", i)
	}
	if _, err := trace.Parse(strings.NewReader(many.String())); err == nil || !strings.Contains(err.Error(), "line 10002: must not begin another series") {
		t.Errorf("got %v", err)
	}
	if _, err := trace.Parse(failing{}); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
	wide := &endless{row: "t_s,a\n"}
	if _, err := trace.Parse(wide); err == nil || !strings.Contains(err.Error(), "larger than 268435456 bytes") {
		t.Errorf("got %v", err)
	}
}

var errBroken = errors.New("broken")

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errBroken }

// endless is rows of a mebibyte without end, after a first one.
type endless struct {
	row  string
	rows int
}

func (e *endless) Read(into []byte) (int, error) {
	if e.row == "" {
		e.row = fmt.Sprintf("%d,%s1\n", e.rows, strings.Repeat("0", 1<<20))
		e.rows++
	}
	n := copy(into, e.row)
	e.row = e.row[n:]
	return n, nil
}

func FuzzParse(f *testing.F) {
	for _, file := range []string{"testdata/two_zones.csv", "testdata/changes.csv"} {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("pool,t_s,spot_price_usd_per_h\na,0,1.6703\nb,0,0.5\na,9,2\n"))
	f.Add([]byte("instance_type,az,epoch_s,spot_usd_per_h\np2.xlarge,eu-west-1a,1577022115,0.291600\n"))
	f.Add([]byte("capacity,time,zone,instance_type\n3,1970-01-01T00:01:00Z,z,t\n0,61,z,t\n"))
	f.Add([]byte("\x1f\x8b"))
	f.Fuzz(func(t *testing.T, content []byte) {
		file, err := trace.Parse(bytes.NewReader(content))
		if err != nil {
			return
		}
		first, last := file.Span()
		for _, name := range file.Names() {
			stock, hasStock := file.Stock(name)
			price, hasPrice := file.Price(name)
			if !hasStock && !hasPrice {
				t.Errorf("%q names nothing", name)
			}
			for _, s := range []*trace.Series{stock, price} {
				if s != nil {
					checkSeries(t, s, first, last)
				}
			}
		}
		moved := file.Rebase(first)
		if from, to := moved.Span(); from != 0 || to != last-first {
			t.Errorf("rebased from %d is %d to %d, was %d to %d", first, from, to, first, last)
		}
	})
}

// checkSeries holds that a series ascends, changes at each step, and lies in
// the span of the file.
func checkSeries(t *testing.T, s *trace.Series, first, last int64) {
	t.Helper()
	from, to := s.Span()
	if s.Steps() == 0 || from < first || to > last || from > to || s.RowSeconds() < 0 {
		t.Fatalf("%d steps from %d to %d of %d to %d, every %d s", s.Steps(), from, to, first, last, s.RowSeconds())
	}
	all := steps(s)
	for i, step := range all {
		if step[1] < 0 || step[0] < from || step[0] > to || s.At(step[0]) != step[1] {
			t.Fatalf("step %d is %v", i, step)
		}
		if i > 0 && (step[0] <= all[i-1][0] || step[1] == all[i-1][1]) {
			t.Fatalf("step %v follows %v", step, all[i-1])
		}
	}
}
