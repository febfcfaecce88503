package history_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/seed-198b1370/muster/services/fleetsim/catalog"
	"github.com/seed-198b1370/muster/services/fleetsim/internal/history"
	"github.com/seed-198b1370/muster/services/fleetsim/world"
)

// market has a tick of ten nanoseconds from 3 on, and a price for each, over and
// over.
type market []int64

func (m market) Ticks() (int64, time.Duration) { return 3, 10 }

func (m market) Price(_ int, tick int64) int64 {
	n := int64(len(m))
	return m[(tick%n+n)%n]
}

// Demand is the price in hundreds.
func (m market) Demand(offer int, tick int64) int64 { return m.Price(offer, tick) / 100 }

func offer(m market, shocks ...world.Shock) *history.Offer {
	return &history.Offer{Market: m, Sold: &catalog.Offer{ZoneID: "z", InstanceType: "t", PayAsYouGoMicros: 1000, Capacity: 6}, Shocks: shocks}
}

func TestPrices_shocksBeginAndEndInsideTicks(t *testing.T) {
	o := offer(market{500, 500, 600},
		world.Shock{From: 18, Until: 27, Effect: world.PriceShock{Pools: world.Selector{ZoneID: "z"}, Permille: 1500}},
		world.Shock{From: 40, Effect: world.PriceShock{Permille: 1}},
		world.Shock{From: 1, Effect: world.PriceShock{Pools: world.Selector{InstanceType: "other"}, Permille: 1}},
	)
	steps, more := history.Prices(o, 5, 60, 100)
	want := []history.Step{{5, 500}, {18, 750}, {23, 900}, {27, 600}, {33, 500}, {40, 100}}
	if diff := cmp.Diff(want, steps); diff != "" || more {
		t.Error(more, diff)
	}
	if steps, more := history.Prices(o, 60, 60, 100); steps != nil || more {
		t.Errorf("of no time: %v, %v", steps, more)
	}
}

// TestStocks holds that stocks are what demand leaves, at least nothing, and that
// shocks of prices are no part of them.
func TestStocks(t *testing.T) {
	o := offer(market{500, 599, 600, 700, 100}, world.Shock{From: 8, Effect: world.PriceShock{Permille: 1500}})
	steps, more := history.Stocks(o, 5, 70, 3)
	if diff := cmp.Diff([]history.Step{{5, 1}, {23, 0}, {43, 5}}, steps); diff != "" || !more {
		t.Error(more, diff)
	}
	steps, more = history.Stocks(o, 43, 70, 3)
	if diff := cmp.Diff([]history.Step{{43, 5}, {53, 1}}, steps); diff != "" || more {
		t.Error(more, diff)
	}
}

// TestPrices_pagesAddUp_Prop holds that any pages tell what one look tells, and
// that the steps are the price at each moment.
func TestPrices_pagesAddUp_Prop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.Int64Range(1, 200)
		var shocks []world.Shock
		for range rapid.IntRange(0, 4).Draw(t, "shocks") {
			shock := world.Shock{From: world.Instant(at.Draw(t, "from")), Effect: world.PriceShock{Permille: rapid.Int64Range(1, 4000).Draw(t, "permille")}}
			if rapid.Bool().Draw(t, "ends") {
				shock.Until = shock.From + world.Instant(at.Draw(t, "lasts"))
			}
			shocks = append(shocks, shock)
		}
		o := offer(rapid.SliceOfN(rapid.Int64Range(100, 1000), 1, 6).Draw(t, "prices"), shocks...)
		from, to := world.Instant(at.Draw(t, "begin")), world.Instant(at.Draw(t, "end"))
		whole, _ := history.Prices(o, from, to, 1000)
		limit := rapid.IntRange(2, 5).Draw(t, "limit")
		var paged []history.Step
		for begin, more := from, true; more; {
			var steps []history.Step
			steps, more = history.Prices(o, begin, to, limit)
			if len(paged) > 0 {
				steps = steps[1:]
			}
			paged = append(paged, steps...)
			if more {
				begin = paged[len(paged)-1].At
			}
		}
		if diff := cmp.Diff(whole, paged); diff != "" {
			t.Fatal(diff)
		}
		for i, step := range whole {
			if single, _ := history.Prices(o, step.At, step.At+1, 1); single[0] != step {
				t.Fatalf("at %d the price is %d, not %d", step.At, single[0].Value, step.Value)
			}
			if i > 0 && whole[i-1].Value == step.Value || step.Value < 100 || step.Value > 1000 {
				t.Fatalf("S10: %v", whole)
			}
		}
	})
}
