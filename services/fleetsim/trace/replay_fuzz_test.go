package trace_test

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/trace"
)

// FuzzReplay holds that whatever can be read can be replayed: at each tick the
// value of the series when it begins, within the bounds of prices (S10).
func FuzzReplay(f *testing.F) {
	for _, file := range []string{"testdata/two_zones.csv", "testdata/changes.csv"} {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, int64(3), false)
		f.Add(text, int64(-1<<62), true)
	}
	c, err := catalog.Parse(strings.NewReader(catalogHeader + "eu-test-1a,m.large,m,x86,2,4096,0,1000000,300,1000000\n"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, content []byte, tick int64, repeat bool) {
		file, err := trace.Parse(bytes.NewReader(content))
		if err != nil {
			return
		}
		stock, hasStock := file.Stock(file.Names()[0])
		price, hasPrice := file.Price(file.Names()[0])
		r, err := trace.New(trace.Config{Catalog: c, Repeat: repeat, Series: []trace.Binding{{Offer: 0, Stock: stock, Price: price}}})
		if err != nil {
			if !strings.Contains(err.Error(), "tick must be given, at most a day") {
				t.Errorf("got %v", err)
			}
			return
		}
		if got := r.Price(0, tick); got < 100_000 || got > 1_000_000 {
			t.Errorf("S10: price %d", got)
		}
		if got := r.Demand(0, tick); got < 0 || got > 1_000_000 {
			t.Errorf("demand %d", got)
		}
		_, length := r.Ticks()
		seconds := int64(length / time.Second)
		if hasStock {
			for _, step := range steps(stock) {
				if got := 1_000_000 - r.Demand(0, (step[0]+seconds-1)/seconds); !repeat && got != stock.At((step[0]+seconds-1)/seconds*seconds) {
					t.Errorf("stock at second %d is %d, want %d", step[0], got, step[1])
				}
			}
		}
		if hasPrice {
			clamped := 0
			for _, step := range steps(price) {
				if step[1] < 100_000 || step[1] > 1_000_000 {
					clamped++
				}
			}
			if r.ClampedPrices() != clamped {
				t.Errorf("%d prices were clamped, want %d", r.ClampedPrices(), clamped)
			}
		}
	})
}
