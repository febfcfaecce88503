package cli

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/seed-198b1370/muster/cmd/muster/internal/plot"
	fleetv1 "github.com/seed-198b1370/muster/proto/gen/muster/fleet/v1"
)

var dayOfTests = plot.Span{From: at(0, 0).AsTime(), To: at(24, 0).AsTime()}

// Where list prices differ there is no second scale, for it would be wrong for
// some; where stock is told as a category it is told so.
func TestHistory_unlike(t *testing.T) {
	other := spotPrice("cn-shenzhen-e", at(0, 0), 40_000)
	other.PayAsYouGoPriceMicrosPerHour = 400_000
	vague := spotPool("cn-shenzhen-e", 40_000, 0)
	vague.AvailableInstances = nil
	h := newHistory("ecs.c6.large", dayOfTests, []*fleetv1.SpotPrice{spotPrice("cn-shenzhen-d", at(0, 0), 78_000), other}, []*fleetv1.Pool{vague, spotPool("cn-shenzhen-f", 1, 1)})
	text := h.text(80)
	for _, want := range []string{
		"Spot price of ecs.c6.large in percent of the list price\n", "\ncn-shenzhen-d: last 0.078, 20%\n", "\ncn-shenzhen-e: last 0.04, 10%; stock now with-stock\n", " 20% ┼──",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in:\n%s", want, text)
		}
	}
	if strings.Contains(text, "cn-shenzhen-f") || strings.Contains(text, "0.0780") {
		t.Errorf("wrote\n%s", text)
	}
	if h.axis().OtherLabel != nil {
		t.Error("there is a second scale")
	}
}

// What is watched is added, a zone that comes later too, and what is not seen
// any more is forgotten.
func TestHistory_moves(t *testing.T) {
	h := newHistory("ecs.c6.large", dayOfTests, wholeDay(), []*fleetv1.Pool{spotPool("cn-shenzhen-d", 171_600, 37)})
	add := func(hour int, pool *fleetv1.Pool) bool { return h.add(at(hour, 0).AsTime(), pool) }
	if !add(24, spotPool("cn-shenzhen-d", 171_600, 37)) || add(25, spotPool("cn-shenzhen-d", 171_600, 37)) {
		t.Error("a stock is new the first time, and not again")
	}
	if !add(26, spotPool("cn-shenzhen-d", 171_600, 5)) || !add(27, spotPool("cn-shenzhen-d", 195_000, 5)) || !add(28, spotPool("cn-shenzhen-a", 39_000, 9)) {
		t.Error("a change of stock, a change of price and a zone are new")
	}
	h.until(at(40, 0).AsTime())
	if h.span.From != at(16, 0).AsTime() {
		t.Errorf("the span begins at %v", h.span.From)
	}
	prices, stocks := h.series()
	if len(prices) != 3 || prices[0].Name != "cn-shenzhen-a" || len(stocks) != 2 {
		t.Errorf("got %v and %v", prices, stocks)
	}
	// The price of 14:00 still holds when the span begins; those before do not.
	if points := prices[1].Points; len(points) != 3 || points[0].Time != at(14, 0).AsTime() {
		t.Errorf("got %v", points)
	}
	if points := stocks[1].Points; len(points) != 2 || points[1].Value != 5 {
		t.Errorf("got %v", points)
	}
	text := h.text(60)
	if strings.Count(text, "instances that a launch could get") != 2 || !strings.Contains(text, "cn-shenzhen-d: last 0.195, 50%; stock now 5\n") {
		t.Errorf("wrote\n%s", text)
	}
	if chart := h.chart(); len(chart.Panels) != 2 {
		t.Errorf("%d panels", len(chart.Panels))
	}
}

func TestMarketHistory_columns(t *testing.T) {
	for want, c := range map[int]struct{ asked, terminal int }{70: {70, 200}, 200: {0, 200}, leastWidth: {0, 10}, defaultWidth: {0, 0}} {
		if got := (&marketHistory{Width: c.asked}).columns(c.terminal); got != want {
			t.Errorf("%v: got %d, want %d", c, got, want)
		}
	}
	if got := (&marketHistory{Since: "2h"}).length(); got != 2*time.Hour {
		t.Errorf("got %v", got)
	}
}

// However pages are cut, a list has all entries in order up to its limit, and
// tells whether there are more.
func TestEachPage_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total, limit := rapid.IntRange(0, 60).Draw(t, "total"), rapid.IntRange(1, 60).Draw(t, "limit")
		have, pages := 0, 0
		next, err := limited{Limit: limit}.eachPage(20, func(_ string, size int32) (int, string, error) {
			if size < 1 || int(size) > min(20, limit-have) {
				t.Fatalf("asked for a page of %d with %d of %d", size, have, limit)
			}
			pages++
			have += rapid.IntRange(0, min(int(size), total-have)).Draw(t, "entries")
			if have == total && (pages > 100 || rapid.Bool().Draw(t, "last")) {
				return have, "", nil
			}
			return have, "more", nil
		})
		if err != nil || have > limit || next == "" && have != total || next != "" && have != limit {
			t.Errorf("got %d of %d with limit %d in %d pages, next %q, %v", have, total, limit, pages, next, err)
		}
	})
}
