package trace_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/market"
	"github.com/seed-198b1370/muster/services/fleetsim/trace"
)

func TestReplay_bindsTypesAndZonesByName(t *testing.T) {
	f := parse(t, string(content(t, "testdata/changes.csv")))
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	c := offersOf(t, 2)
	bound, without := f.Rebase(start.Unix()).Bind(c)
	if len(bound) != 2 || !slices.Equal(without, []string{"m.xlarge eu-test-1b"}) {
		t.Fatalf("bound %v, without offer %v", bound, without)
	}
	r, err := trace.New(trace.Config{Catalog: c, StartUnixNanos: start.UnixNano(), Series: bound})
	if err != nil {
		t.Fatal(err)
	}
	if r.ClampedPrices() != 0 {
		t.Errorf("%d prices were clamped", r.ClampedPrices())
	}
	// Five-minute ticks: 00:07:30 shows at 00:10, 00:20 at once.
	for tick, want := range map[int64][2]int64{-3: {100_000, 12}, 0: {100_000, 12}, 1: {100_000, 12}, 2: {100_000, 16}, 3: {100_000, 16}, 4: {900_000, 14}, 1 << 60: {900_000, 14}} {
		if price, demand := r.Price(0, tick), r.Demand(0, tick); price != want[0] || demand != want[1] {
			t.Errorf("tick %d: price %d and demand %d, want %v", tick, price, demand, want)
		}
	}
}

func TestReplay_repeats(t *testing.T) {
	f := parse(t, "t_s,a\n100,0\n110,1\n120,2\n130,3\n")
	s, _ := f.Stock("a")
	r, err := trace.New(trace.Config{Catalog: offersOf(t, 1), Repeat: true, Series: []trace.Binding{{Offer: 0, Stock: s}}})
	if err != nil {
		t.Fatal(err)
	}
	for tick := int64(-50); tick < 50; tick++ {
		if got, want := 16-r.Demand(0, tick), ((tick-10)%4+4)%4; got != want {
			t.Errorf("tick %d has %d, want %d", tick, got, want)
		}
	}
}

func TestReplay_asksTheBaseMarketAtItsOwnTicks(t *testing.T) {
	c := offersOf(t, 2)
	base, err := market.New(c, 3, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	f := parse(t, "t_s,a\n0,1\n40,0\n")
	s, _ := f.Stock("a")
	start := time.Date(2026, 11, 1, 0, 3, 20, 0, time.UTC).UnixNano()
	r, err := trace.New(trace.Config{Catalog: c, Base: base, StartUnixNanos: start, Series: []trace.Binding{{Offer: 0, Stock: s}}})
	if err != nil {
		t.Fatal(err)
	}
	for tick := int64(-5000); tick < 5000; tick += 3 {
		at := market.TickOf(start + tick*int64(40*time.Second))
		if r.Price(0, tick) != base.Price(0, at) || r.Price(1, tick) != base.Price(1, at) || r.Demand(1, tick) != base.Demand(1, at) {
			t.Fatalf("tick %d is not tick %d of the base market", tick, at)
		}
	}
}

func TestNew_refusesWhatDoesNotFit(t *testing.T) {
	f := parse(t, "t_s,a\n0,1\n40,17\n")
	s, _ := f.Stock("a")
	far, _ := parse(t, "t_s,a\n0,1\n172800,0\n").Stock("a")
	small, _ := parse(t, "t_s,a\n0,1\n40,0\n").Stock("a")
	for name, test := range map[string]struct {
		bound []trace.Binding
		tick  time.Duration
		want  string
	}{
		"offer":         {[]trace.Binding{{Offer: 2, Stock: small}}, 0, "offer must be an index of the catalog, 0 to 1, got 2"},
		"twice":         {[]trace.Binding{{Offer: 1, Stock: small}, {Offer: 1, Stock: small}}, 0, "m.large eu-test-1b must be given series once only"},
		"nothing":       {[]trace.Binding{{Offer: 1}}, 0, "must be given a stock series, a price series, or both"},
		"capacity":      {[]trace.Binding{{Offer: 0, Stock: s}}, 0, "m.large eu-test-1a: stock at second 40 must be at most the offer's capacity, 16, got 17"},
		"tick too long": {[]trace.Binding{{Offer: 0, Stock: small}}, time.Minute, "tick must divide 40 s, so that each row of the trace begins a tick, got 1m0s"},
		"rows too far":  {[]trace.Binding{{Offer: 0, Stock: far}}, 0, "tick must be given, at most a day: the rows of the trace are 172800 s apart"},
		"tick too fine": {nil, time.Millisecond, "tick must be whole seconds, at most a day, got 1ms"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := trace.New(trace.Config{Catalog: offersOf(t, 2), Series: test.bound, Tick: test.tick})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

// TestReplay_mostDemandIsNeverExceeded_Prop holds the bound of demand against
// each tick, of offers with a series and of those without, repeated or not.
func TestReplay_mostDemandIsNeverExceeded_Prop(t *testing.T) {
	c := offersOf(t, 2)
	base, err := market.New(c, 3, market.MaxVolatility*1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		text.WriteString("t_s,a\n")
		for i, stock := range rapid.SliceOfN(rapid.IntRange(0, 16), 1, 20).Draw(t, "stock") {
			fmt.Fprintf(&text, "%d,%d\n", 300*i, stock)
		}
		f, err := trace.Parse(strings.NewReader(text.String()))
		if err != nil {
			t.Fatal(err)
		}
		s, _ := f.Stock("a")
		r, err := trace.New(trace.Config{Catalog: c, Base: base, Repeat: rapid.Bool().Draw(t, "repeat"), Tick: 100 * time.Second, Series: []trace.Binding{{Offer: 0, Stock: s}}})
		if err != nil {
			t.Fatal(err)
		}
		offer, from := rapid.IntRange(0, 1).Draw(t, "offer"), rapid.Int64Range(-200, 200).Draw(t, "from")
		until := from + rapid.Int64Range(1, 100).Draw(t, "ticks")
		most := r.MostDemand(offer, from, until)
		for tick := from; tick < until; tick++ {
			if demand := r.Demand(offer, tick); demand > most {
				t.Fatalf("tick %d: demand of %d is more than %d", tick, demand, most)
			}
		}
	})
}

// TestReplay_priceBounds_Prop holds S10: 10 % of pay-as-you-go <= spot <=
// pay-as-you-go, and that a price inside these bounds is that of the file.
func TestReplay_priceBounds_Prop(t *testing.T) {
	c := offersOf(t, 1)
	rapid.Check(t, func(t *rapid.T) {
		prices := rapid.SliceOfN(rapid.Int64Range(0, 2_000_000), 1, 20).Draw(t, "prices")
		var text strings.Builder
		text.WriteString("pool,t_s,spot_price_usd_per_h\n")
		outside := 0
		for i, price := range prices {
			fmt.Fprintf(&text, "a,%d,%d.%06d\n", 300*i, price/1_000_000, price%1_000_000)
			if repeated := i > 0 && prices[i-1] == price; !repeated && (price < 100_000 || price > 1_000_000) {
				outside++
			}
		}
		f, err := trace.Parse(strings.NewReader(text.String()))
		if err != nil {
			t.Fatal(err)
		}
		s, _ := f.Price("a")
		r, err := trace.New(trace.Config{Catalog: c, Series: []trace.Binding{{Offer: 0, Price: s}}})
		if err != nil {
			t.Fatal(err)
		}
		if r.ClampedPrices() != outside {
			t.Errorf("%d prices were clamped, %d are outside", r.ClampedPrices(), outside)
		}
		for i, price := range prices {
			if got, want := r.Price(0, int64(i)), min(max(price, 100_000), 1_000_000); got != want {
				t.Errorf("S10: price %d is %d, want %d", price, got, want)
			}
		}
	})
}

// BenchmarkReplay is one tick of 2,500 offers that all follow a trace.
func BenchmarkReplay(b *testing.B) {
	var text strings.Builder
	text.WriteString(catalogHeader)
	for i := range 2500 {
		fmt.Fprintf(&text, "eu-test-1a,m.%d,m,x86,2,4096,0,1000000,300,20\n", i)
	}
	c, err := catalog.Parse(strings.NewReader(text.String()))
	if err != nil {
		b.Fatal(err)
	}
	var rows strings.Builder
	rows.WriteString("time,zone,instance_type,price_per_hour,available\n")
	for i := range 10_000 {
		fmt.Fprintf(&rows, "%d,z,t,0.%d,%d\n", 300*i, 3+i%5, i%20)
	}
	f := parse(b, rows.String())
	price, _ := f.Price("t z")
	stock, _ := f.Stock("t z")
	var bound []trace.Binding
	for i := range c.Offers() {
		bound = append(bound, trace.Binding{Offer: i, Price: price, Stock: stock})
	}
	r, err := trace.New(trace.Config{Catalog: c, Series: bound})
	if err != nil {
		b.Fatal(err)
	}
	var sum int64
	for tick := int64(0); b.Loop(); tick = (tick + 1) % 10_000 {
		for i := range bound {
			sum += r.Price(i, tick) + r.Demand(i, tick)
		}
	}
	_ = sum
}
